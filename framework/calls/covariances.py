"""Covariance structures in: by name, or as they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .. import registry
from ..contracts.covariance import CovarianceStructure
from ..contracts.errors import InputTypeError, shown
from ..design.reading import as_mapping
from ..design.terms import Structures
from ..registry import Provenance


def structures_of(covariance: Mapping[str, Any] | None) -> tuple[dict[str, Structures], tuple[Provenance, ...]]:
    """Structures by factor, one or one for each term, names looked up; and where they come from.

    Examples
    --------
    >>> structures, provenance = structures_of({"g": "cs", "h": ["ar1", None]})
    >>> structures
    {'g': CompoundSymmetry(), 'h': [FirstOrderAutoregressive(), None]}
    >>> [p.name for p in provenance]
    ['cs', 'ar1']
    """
    out: dict[str, Structures] = {}
    used: dict[Provenance, None] = {}
    for factor, given in as_mapping(covariance, "covariance").items():
        several = isinstance(given, Sequence) and not isinstance(given, str)
        found = [_structure(one, factor) for one in (given if several else [given])]
        used |= dict.fromkeys(provenance for _, provenance in found if provenance is not None)
        structures = [structure for structure, _ in found]
        out[factor] = structures if several else structures[0]
    return out, tuple(used)


def _structure(given: Any, factor: str) -> tuple[CovarianceStructure | None, Provenance | None]:
    if given is None:
        return None, None
    if isinstance(given, CovarianceStructure):
        return given, Provenance.of_object("covariance", given)
    if isinstance(given, str):
        return registry.covariance(given)
    if isinstance(given, type) and issubclass(given, CovarianceStructure):
        raise InputTypeError(
            f"covariance[{factor!r}] is the class {given.__name__}; pass an object: {given.__name__}()"
        )
    raise InputTypeError(f"covariance[{factor!r}] must be a name or a CovarianceStructure; got {shown(given)}")
