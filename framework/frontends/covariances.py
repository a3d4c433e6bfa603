"""Covariance structures in: by name, or as they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .. import registry
from ..contracts.covariance import CovarianceStructure
from ..contracts.errors import InputTypeError, shown
from ..design.reading import as_mapping
from ..design.terms import Structures


def structures_of(covariance: Mapping[str, Any] | None) -> dict[str, Structures]:
    """Structures by factor, one or one for each term, names looked up.

    Examples
    --------
    >>> structures_of({"g": "cs", "h": ["ar1", None]})
    {'g': CompoundSymmetry(), 'h': [FirstOrderAutoregressive(), None]}
    """
    out: dict[str, Structures] = {}
    for factor, given in as_mapping(covariance, "covariance").items():
        several = isinstance(given, Sequence) and not isinstance(given, str)
        out[factor] = [_structure(one, factor) for one in given] if several else _structure(given, factor)
    return out


def _structure(given: Any, factor: str) -> CovarianceStructure | None:
    if given is None or isinstance(given, CovarianceStructure):
        return given
    if isinstance(given, str):
        return registry.covariance(given)[0]
    if isinstance(given, type) and issubclass(given, CovarianceStructure):
        raise InputTypeError(
            f"covariance[{factor!r}] is the class {given.__name__}; pass an object: {given.__name__}()"
        )
    raise InputTypeError(f"covariance[{factor!r}] must be a name or a CovarianceStructure; got {shown(given)}")
