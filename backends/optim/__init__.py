"""Optimizers, one module each."""
