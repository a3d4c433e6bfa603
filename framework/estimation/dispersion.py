"""Dispersion parameters as the search sees them: unconstrained, xi.

xi has a value of each estimated parameter: its logarithm where it is positive, its logit where it lies between bounds.
Of a parameter with a model, whose unconstrained values are Z gamma, it has the coefficients of a basis of Z's columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from ..contracts.arrays import FloatArray
from ..contracts.family import DispersionParameter
from ..design.labels import FixedLabels


class DispersionScale:
    """Dispersion parameters as the search sees them: unconstrained, fixed ones left out.

    Parameters
    ----------
    parameters : tuple of DispersionParameter
    models : mapping of str to FixedLabels
        Columns of those that have a model.

    Attributes
    ----------
    estimated : list of int
        Which are estimated.
    places : tuple of slices
        Where each of these stands in xi.
    """

    def __init__(self, parameters: tuple[DispersionParameter, ...], models: Mapping[str, FixedLabels] | None = None):
        self.parameters, self.models = parameters, models or {}
        self.estimated = [i for i, p in enumerate(parameters) if p.fixed is None]
        sizes = [self.models[name].rank if name in self.models else 1 for name in self.estimated_names]
        ends = np.cumsum([0, *sizes]).tolist()
        self.places = tuple(slice(a, b) for a, b in pairwise(ends))

    def __len__(self) -> int:
        return self.places[-1].stop if self.places else 0

    @property
    def estimated_names(self) -> tuple[str, ...]:
        """Names of the estimated parameters."""
        return tuple(self.parameters[i].name for i in self.estimated)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the estimated parameters that are one number for all rows."""
        return tuple(name for name in self.estimated_names if name not in self.models)

    @property
    def owners(self) -> tuple[str, ...]:
        """The parameter that each element of xi belongs to."""
        pairs = zip(self.estimated_names, self.places, strict=True)
        return tuple(name for name, place in pairs for _ in range(place.start, place.stop))

    @property
    def shown_names(self) -> tuple[str, ...]:
        """What users see: parameters that are the same for all rows, then coefficients of models, ``zi~x``."""
        constant = [p.name for p in self.parameters if p.name not in self.models]
        return (*constant, *(f"{name}~{c}" for name, labels in self.models.items() for c in labels.names))

    def place(self, name: str) -> slice:
        """Where an estimated parameter stands in xi."""
        return self.places[self.estimated_names.index(name)]

    def coefficients(self, xi: FloatArray, name: str) -> FloatArray:
        """Those of the columns of a parameter's model."""
        return self.models[name].coefficients(xi[self.place(name)])

    def to_free(self, phi: FloatArray, rows: Mapping[str, FloatArray] | None = None) -> FloatArray:
        """xi of the same parameters (r,) for all rows, or the nearest to it that the models have.

        Parameters
        ----------
        rows : mapping of str to (n, c) arrays
            Rows of the models' bases, whose columns are orthogonal, of mean square 1.
        """
        out = np.empty(len(self))
        for i, name, place in zip(self.estimated, self.estimated_names, self.places, strict=True):
            free = to_free(self.parameters[i], float(phi[i]))
            out[place] = free
            if name in self.models:
                assert rows is not None
                out[place] *= rows[name].mean(axis=0)
        return out

    def to_natural(self, xi: FloatArray, rows: Mapping[str, FloatArray] | None = None) -> tuple[FloatArray, FloatArray]:
        """All parameters, and the derivatives of the estimated ones by their unconstrained values.

        (r,) and (e,); where some have a model (r, n) and (e, n), for rows of its basis.
        """
        phi: list[Any] = [0.0 if p.fixed is None else p.fixed for p in self.parameters]
        slope: list[Any] = []
        by_row: tuple[int, ...] = ()
        for i, name, place in zip(self.estimated, self.estimated_names, self.places, strict=True):
            if name in self.models:
                assert rows is not None
                free = rows[name] @ xi[place]
                by_row = free.shape
                phi[i], one = to_natural(self.parameters[i], free)
            else:
                phi[i], one = to_natural(self.parameters[i], float(xi[place.start]))
            slope.append(one)
        return _stacked(phi, by_row), _stacked(slope, by_row)

    def by_xi(self, by_phi: FloatArray, slope: FloatArray, rows: Mapping[str, FloatArray]) -> FloatArray:
        """Derivatives by xi (m,) of a sum over rows, from those of its terms by the parameters (r, n)."""
        out = np.empty(len(self))
        for i, s, name, place in zip(self.estimated, slope, self.estimated_names, self.places, strict=True):
            out[place] = (s * by_phi[i]) @ rows[name] if name in self.models else (s * by_phi[i]).sum()
        return out

    def scores(self, by_phi: FloatArray, slope: FloatArray, rows: Mapping[str, FloatArray]) -> FloatArray:
        """The terms of that sum, (m, n)."""
        out = np.empty((len(self), by_phi.shape[1]))
        for i, s, name, place in zip(self.estimated, slope, self.estimated_names, self.places, strict=True):
            out[place] = s * by_phi[i] * (rows[name].T if name in self.models else 1.0)
        return out


def _stacked(values: list[Any], by_row: tuple[int, ...]) -> FloatArray:
    """(r,) of numbers, or (r, n)."""
    if not by_row:
        return np.array(values, dtype=np.float64)
    return np.array([np.broadcast_to(value, by_row) for value in values]).reshape(len(values), *by_row)


def to_free(p: DispersionParameter, value: float) -> float:
    """The unconstrained value of a parameter."""
    if np.isfinite(p.lower) and np.isfinite(p.upper):
        share = (value - p.lower) / (p.upper - p.lower)
        return float(np.log(share) - np.log1p(-share))
    if np.isfinite(p.lower):
        return float(np.log(value - p.lower))
    if np.isfinite(p.upper):
        return float(-np.log(p.upper - value))
    return value


def to_natural(p: DispersionParameter, xi: FloatArray | float) -> tuple[Any, Any]:
    """The parameter, and its derivative by the unconstrained value."""
    if np.isfinite(p.lower) and np.isfinite(p.upper):
        share = 1.0 / (1.0 + np.exp(-xi))
        return p.lower + (p.upper - p.lower) * share, (p.upper - p.lower) * share * (1.0 - share)
    if np.isfinite(p.lower):
        return p.lower + np.exp(xi), np.exp(xi)
    if np.isfinite(p.upper):
        return p.upper - np.exp(-xi), np.exp(-xi)
    return xi, np.ones_like(xi)


def scale_text(p: DispersionParameter) -> str:
    """The unconstrained value in words.

    Examples
    --------
    >>> scale_text(DispersionParameter("phi", 1.0)), scale_text(DispersionParameter("power", 1.5, 1.0, 2.0))
    ('log of phi', 'logit of power between 1 and 2')
    """
    if np.isfinite(p.lower) and np.isfinite(p.upper):
        between = "" if (p.lower, p.upper) == (0.0, 1.0) else f" between {p.lower:g} and {p.upper:g}"
        return f"logit of {p.name}{between}"
    if np.isfinite(p.lower):
        return f"log of {p.name}" if p.lower == 0.0 else f"log of {p.name} - {p.lower:g}"
    return f"-log of {p.upper:g} - {p.name}" if np.isfinite(p.upper) else p.name


__all__ = ["DispersionScale", "scale_text", "to_free", "to_natural"]
