"""Saved models: one file, a zip of JSON and arrays, from which nothing is executed.

`archive` knows the container, `node` how to ask for what a file must have, `values` and `plugins` keep labels and
options, and the others say what of a fit is kept, each as a pair of functions: into plain data, and back.
"""

from __future__ import annotations

from .archive import SCHEMA
from .fits import loaded, save

__all__ = ["SCHEMA", "loaded", "save"]
