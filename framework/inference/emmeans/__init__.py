"""Marginal means: reference grid, averages over it, contrasts of these, adjusted tests."""
