"""Criteria and their optimization: profiled deviance, Laplace approximation, search, pipeline."""
