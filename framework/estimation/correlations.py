"""Correlations C of residuals within groups as functions of parameters x without bounds."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import numpy as np
import scipy

from ..contracts.arrays import FloatArray
from ..contracts.errors import InputError
from ..design.residual import ResidualRows
from ..design.residual_labels import ResidualLabels
from .whiteners import Dense, Exchangeable, Independent, Markov, MarkovRows, VisitSets, Whitener

#: Logarithm of a decay that leaves no correlation at any time.
LARGEST = 600.0


class Correlations:
    """C of a residual structure as a function of x (m,), for its rows."""

    def __init__(self, rows: ResidualRows) -> None:
        self.labels, self.rows = rows.labels, rows

    def at(self, x: FloatArray) -> Whitener:
        """W there.

        Raises
        ------
        NotPositiveDefiniteError
            Where correlations are 1 to rounding.
        """
        kind = self.labels.kind
        if not kind:
            return Independent()
        if kind in ("toep", "us"):
            return Dense(self._sets, *_matrix(self.labels, x))
        if kind == "car1":
            return Markov.decaying(self._chain, float(np.exp(min(-x[0], LARGEST))))
        value, slope = _single(self.labels, float(x[0]))
        if kind == "cs":
            return Exchangeable(self.rows.group, self._sizes, value, slope)
        return Markov.powers(self._chain, value, slope)

    @cached_property
    def _sets(self) -> VisitSets:
        return VisitSets(self.rows.group, self.rows.position, len(self.labels.visits))

    @cached_property
    def _sizes(self) -> FloatArray:
        return np.bincount(self.rows.group).astype(np.float64)

    @cached_property
    def _chain(self) -> MarkovRows:
        return MarkovRows(self.rows.group, np.asarray(self.rows.position, dtype=np.float64), self.labels.step)


def correlations(labels: ResidualLabels, x: FloatArray) -> FloatArray:
    """The correlations (m,) that tables show, as `ResidualLabels.correlation_names` has them."""
    if labels.kind in ("toep", "us"):
        C, _ = _matrix(labels, x)
        return C[0, 1:] if labels.kind == "toep" else C[np.tril_indices(len(C), -1)]
    if labels.kind == "car1":
        return np.asarray(np.exp(-np.exp(np.minimum(-x[:1], LARGEST)) / labels.step))
    return np.array([_single(labels, float(v))[0] for v in x[: labels.n_correlations]])


def residual_quantities(labels: ResidualLabels, x: FloatArray) -> dict[str, tuple[float, float]]:
    """Correlations and coefficients of the dispersion by description, each with the size that a difference has."""
    m = labels.n_correlations
    shown = zip(labels.correlation_names, correlations(labels, x[:m]).tolist(), strict=True)
    out = {f"the residual correlation {name}": (value, 1.0) for name, value in shown}
    if labels.dispersion:
        delta = labels.to_users[:, 1:] @ x[m:]
        pairs = zip(labels.dispersion, delta.tolist(), strict=True)
        out |= {f"the dispersion of {name}": (value, 1.0) for name, value in pairs}
    return out


def moderate(labels: ResidualLabels, size: float) -> FloatArray:
    """x at which neighbours have about this correlation."""
    x = np.zeros(labels.n_correlations)
    if labels.kind == "us":
        k = len(labels.visits)
        C = (1.0 - size) * np.eye(k) + size
        L = np.linalg.cholesky(C)
        return np.asarray((L / np.diagonal(L)[:, None])[np.tril_indices(k, -1)])
    if labels.kind == "car1":
        return np.array([_slowness(size, 1.0)])
    if len(x):
        x[0] = np.arctanh(size) if labels.kind in ("ar1", "toep") else _logit(labels, size)
    return x


def quick_decay(labels: ResidualLabels, size: float) -> FloatArray:
    """x of car1 at which the closest neighbours of all have this correlation."""
    return np.array([_slowness(size, labels.closest)])


def at_limits(labels: ResidualLabels, x: FloatArray, left: float) -> Iterator[FloatArray]:
    """x with one parameter after the other at each of its limits, but for `left`; none of unstructured matrices."""
    if labels.kind == "car1":
        yield np.array([-np.log(left)])
    elif labels.kind == "cs":
        yield from (np.array([end]) for end in (np.log(left), -np.log(left)))
    elif labels.kind in ("ar1", "toep"):
        for j in range(len(x)):
            for end in (-1.0, 1.0):
                there = x.copy()
                there[j] = end * np.arctanh(1.0 - left)
                yield there


def correlations_in(own: ResidualLabels, there: ResidualLabels, x: FloatArray) -> FloatArray:
    """Parameters of the same correlations in other rows.

    Raises
    ------
    InputError
        Where residuals of so large groups cannot have them.
    """
    if own.kind == "car1":
        return np.asarray(x - np.log(there.step / own.step))
    if own.kind != "cs":
        return x
    value, least = _single(own, float(x[0]))[0], _least(there)
    if value <= least:
        raise InputError(
            f"a level of {own.group} would have {there.largest} rows, which cannot all be correlated by {value:.3g}: "
            f"there were {own.largest} at most"
        )
    return np.array([_logit(there, value)])


def scales_in(own: ResidualLabels, there: ResidualLabels, scale: float, delta: FloatArray) -> tuple[float, FloatArray]:
    """sigma and the coefficients of the basis that give the same variances in the basis of other rows."""
    if not own.dispersion:
        return scale, delta
    log_sigma, *rest = np.linalg.solve(there.to_users, own.to_users @ np.append(np.log(scale), delta))
    return float(np.exp(log_sigma)), np.array(rest)


def _slowness(size: float, steps: float) -> float:
    """Minus the logarithm of the decay in a step, of a correlation over some steps."""
    return float(np.log(steps) - np.log(-np.log(size)))


def _least(labels: ResidualLabels) -> float:
    return -1.0 / (labels.largest - 1.0) if labels.kind == "cs" else 0.0


def _single(labels: ResidualLabels, x: float) -> tuple[float, float]:
    """The correlation and its derivative: tanh x of ar1; of cs from the least to 1 by the logistic function."""
    if labels.kind == "ar1":
        value = float(np.tanh(x))
        return value, 1.0 - value**2
    least, share = _least(labels), float(scipy.special.expit(x))
    return least + (1.0 - least) * share, (1.0 - least) * share * float(scipy.special.expit(-x))


def _logit(labels: ResidualLabels, correlation: float) -> float:
    """x of cs at which `_single` is this correlation."""
    least = _least(labels)
    share = (correlation - least) / (1.0 - least)
    return float(np.log(share / (1.0 - share)))


def _matrix(labels: ResidualLabels, x: FloatArray) -> tuple[FloatArray, FloatArray]:
    return (_toeplitz if labels.kind == "toep" else _unstructured)(x, len(labels.visits))


def _unstructured(x: FloatArray, k: int) -> tuple[FloatArray, FloatArray]:
    """C of rows a_i / |a_i|, a_i those of a unit lower triangular matrix; and its derivatives."""
    A = np.eye(k)
    low, left = np.tril_indices(k, -1)
    A[low, left] = x
    size = np.sqrt((A**2).sum(axis=1))
    L = A / size[:, None]
    C, m = L @ L.T, np.arange(len(x))
    by = np.zeros((len(x), k, k))
    # dL_i = (e_j - L_ij L_i) / |a_i|, and dC = dL L' + L dL' has one row and one column
    moved = (L[:, left].T - L[low, left][:, None] * C[low]) / size[low][:, None]
    by[m, low] = moved
    by[m, :, low] += moved
    return C, by


def _toeplitz(x: FloatArray, k: int) -> tuple[FloatArray, FloatArray]:
    """C from its partial autocorrelations tanh x by Durbin's and Levinson's recursion, and its derivatives.

    Any partial autocorrelations between -1 and 1 are those of a positive definite matrix (Barndorff-Nielsen & Schou
    1973, doi 10.1016/0047-259X(73)90030-4).
    """
    m = k - 1
    partial = np.tanh(x)
    r, r_by = np.ones(k), np.zeros((m, k))
    phi, phi_by = np.zeros(0), np.zeros((m, 0))
    left, left_by = 1.0, np.zeros(m)
    for i in range(m):
        p, p_by = partial[i], np.where(np.arange(m) == i, 1.0 - partial[i] ** 2, 0.0)
        back, back_by = r[1 : i + 1][::-1], r_by[:, 1 : i + 1][:, ::-1]
        r[i + 1] = phi @ back + p * left
        r_by[:, i + 1] = phi_by @ back + back_by @ phi + p_by * left + p * left_by
        turned, turned_by = phi[::-1], phi_by[:, ::-1]
        phi_by = np.column_stack([phi_by - p_by[:, None] * turned - p * turned_by, p_by])
        phi = np.append(phi - p * turned, p)
        left, left_by = left * (1.0 - p**2), left_by * (1.0 - p**2) - 2.0 * left * p * p_by
    lag = np.abs(np.subtract.outer(np.arange(k), np.arange(k)))
    return r[lag], r_by[:, lag]


__all__ = ["Correlations", "at_limits", "correlations", "moderate", "quick_decay", "residual_quantities"]
