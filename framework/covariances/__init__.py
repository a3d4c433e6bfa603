"""Covariance structures of ranef, and the hook that registers them."""

from __future__ import annotations

from collections.abc import Iterator

from ranef.contracts import CovarianceEntry, hookimpl

from .compound_symmetry import CompoundSymmetry, HomogeneousCompoundSymmetry, HomogeneousDiagonal
from .time_series import FirstOrderAutoregressive, Toeplitz
from .unstructured import Diagonal, Unstructured


@hookimpl
def ranef_covariances() -> Iterator[CovarianceEntry]:
    """All that ranef brings."""
    yield CovarianceEntry("us", "any covariance matrix", Unstructured)
    yield CovarianceEntry("diag", "independent effects, a variance of each", Diagonal)
    yield CovarianceEntry("homdiag", "independent effects of one variance", HomogeneousDiagonal)
    yield CovarianceEntry("cs", "compound symmetry: one correlation, a variance of each", CompoundSymmetry)
    yield CovarianceEntry("homcs", "compound symmetry: one correlation and one variance", HomogeneousCompoundSymmetry)
    yield CovarianceEntry(
        "ar1", "first-order autoregressive: one variance, correlations rho^d", FirstOrderAutoregressive
    )
    yield CovarianceEntry("toep", "Toeplitz: a variance of each, one correlation for each distance", Toeplitz)


__all__ = [
    "CompoundSymmetry",
    "Diagonal",
    "FirstOrderAutoregressive",
    "HomogeneousCompoundSymmetry",
    "HomogeneousDiagonal",
    "Toeplitz",
    "Unstructured",
]
