"""Small data sets of the mixed models literature, for examples and tests: `names()`, `describe(name)`, `load(name)`."""

from __future__ import annotations

from .catalogue import Dataset, describe, load, names

__all__ = ["Dataset", "describe", "load", "names"]
