"""A spatial covariance structure of ranef: correlations that fall exponentially with the distance of two sites."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike
from ranef.contracts import (
    Component,
    CovarianceEntry,
    CovarianceStructure,
    InputError,
    NotPositiveDefiniteError,
    hookimpl,
)
from ranef.contracts.arrays import BoolArray, FloatArray
from scipy.linalg import solve_triangular
from scipy.optimize import brentq

#: What it is made with where nobody gives distances, as `ranef check` does: three sites on a line.
THREE_ON_A_LINE = ((0.0, 1.0, 2.0), (1.0, 0.0, 1.0), (2.0, 1.0, 0.0))
#: Starts have mean correlations within these.
LEAST, LARGEST = 0.05, 0.9


class Exponential(CovarianceStructure):
    """Effects of k sites with one standard deviation, and correlations exp(-distance / range).

    The parameters are sd and log(range). The logarithm has no bounds, and T is smooth in it everywhere: independence
    (range 0) and one effect of all sites (infinite range) are at infinity. At range 0 itself every derivative would
    vanish, and a search would be held there.

    Parameters
    ----------
    distances : (k, k) array
        Distances of the sites, in the order of the term's columns.

    Source: Cressie (1993), Statistics for Spatial Data, section 2.3.1; doi 10.1002/9781119115151.

    Examples
    --------
    >>> T = Exponential([[0, 3], [3, 0]]).relative_factor(np.array([2.0, np.log(3 / np.log(2))]), 2)
    >>> (T @ T.T).round(12).tolist()
    [[4.0, 2.0], [2.0, 4.0]]
    """

    name = "exponential"

    def __init__(self, distances: ArrayLike = THREE_ON_A_LINE) -> None:
        D = np.array(distances, dtype=float)
        k = len(D)
        if D.shape != (k, k) or k < 2 or not np.array_equal(D, D.T) or np.diagonal(D).any():
            raise InputError(f"distances must be a symmetric matrix with a diagonal of zeros; got shape {D.shape}")
        if not np.all((D + np.eye(k) > 0) & np.isfinite(D)):
            raise InputError("distances of different sites must be positive and finite: give equal sites one column")
        self.distances = D.tolist()
        self.least_columns = self.most_columns = k

    def names(self, columns: tuple[str, ...]) -> tuple[str, ...]:
        return ("sd", "log_range")

    def scales(self, k: int) -> BoolArray:
        return np.array([True, False])

    def relative_factor(self, parameters: FloatArray, k: int) -> FloatArray:
        """sd L, with L L' the correlations."""
        sd, log_range = parameters
        return sd * self._root(self._correlations(log_range))

    def derivatives(self, parameters: FloatArray, k: int) -> FloatArray:
        """L, and sd dL: dL = L P(L^-1 dC L^-T), where P takes the lower triangle and half of the diagonal.

        Source: Murray (2016), section 3.1; arXiv 1602.07527.
        """
        sd, log_range = parameters
        C = self._correlations(log_range)
        L = self._root(C)
        dC = C * np.array(self.distances) * np.exp(-log_range)
        inner = solve_triangular(L, solve_triangular(L, dC, lower=True).T, lower=True)
        return np.array([L, sd * L @ (np.tril(inner, -1) + np.diag(np.diagonal(inner) / 2))])

    def start(self, covariance: FloatArray) -> FloatArray:
        """The root mean square of the standard deviations, and the range that has the mean correlation."""
        sd, pairs = np.sqrt(np.diagonal(covariance)), np.tril_indices(len(covariance), -1)
        target = np.clip(np.mean((covariance / np.outer(sd, sd))[pairs]), LEAST, LARGEST)
        apart = np.array(self.distances)[pairs]

        def excess(log_range: float) -> float:
            return float(np.mean(np.exp(-apart / np.exp(log_range))) - target)

        # the range lies between those of the nearest and of the farthest two
        shortest, longest = np.log([apart.min(), apart.max()]) - np.log(-np.log(target))
        log_range = brentq(excess, shortest - 1e-9, longest + 1e-9, xtol=1e-14)
        return np.array([np.sqrt(np.mean(sd**2)), log_range])

    def components(self, parameters: FloatArray, columns: tuple[str, ...]) -> tuple[Component, ...]:
        """The standard deviation, and the correlation of the two sites that are nearest to each other."""
        sd, log_range = parameters
        nearest = self._correlations(log_range)[np.tril_indices(len(columns), -1)].max()
        return (Component(f"{columns[0]} ...", abs(float(sd)), (float(nearest),)),)

    def _correlations(self, log_range: float) -> FloatArray:
        return np.exp(-np.array(self.distances) * np.exp(-log_range))

    def _root(self, correlations: FloatArray) -> FloatArray:
        try:
            return np.linalg.cholesky(correlations)
        except np.linalg.LinAlgError as error:  # a range without end, or distances that no sites can have
            raise NotPositiveDefiniteError("the correlations of these distances are not positive definite") from error


@hookimpl
def ranef_covariances() -> Iterator[CovarianceEntry]:
    # options of `registry.covariance("exponential", distances=...)` are the arguments of the class
    yield CovarianceEntry("exponential", "Correlations exp(-distance / range) of sites", Exponential, api_version="0.9")
