"""Bases of smooth terms in their mixed-model form: what a penalty leaves free, and effects of one variance.

With the penalty's eigendecomposition S = U D U' the curve B beta is B U_0 beta_0 + (B U_+ D_+^-1/2) b, in which
beta_0 is free and b'b is the penalty: b are random effects of one variance (Wood 2017, sections 5.8 and 6.6).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import scipy

from ..contracts.arrays import FloatArray
from ..contracts.errors import InputError

#: Degree of B-splines, and order of the differences (of the derivative) that are penalized: a straight line is free.
DEGREE, ORDER = 3, 2
#: P-splines' knots reach beyond the values by this part of their range, as in mgcv.
MARGIN = 1e-3
#: Distinct values of which thin-plate splines are made at most; of more, these quantiles.
MOST_POINTS = 2000
#: Numbers of a basis that are in memory at a time.
PIECE = 4_000_000


@dataclass(frozen=True, eq=False)
class Basis:
    """The functions of one variable: those without a penalty, and those with.

    Parameters
    ----------
    kind : {"ps", "tp"}
    knots : (m,) array
        Of B-splines; or the points of a thin-plate spline.
    free : (K, 2) array, or (K, 1)
        U_0: combinations of the K functions without a penalty; one where all sum to zero over the data.
    penalized : (K, r) array
        U_+ D_+^-1/2: combinations whose coefficients have the identity as their penalty.
    """

    kind: str
    knots: FloatArray
    free: FloatArray
    penalized: FloatArray

    @classmethod
    def learn(cls, kind: str, x: FloatArray, size: int, *, centred: bool = False) -> Self:
        """Of values (n,) with that many functions.

        Parameters
        ----------
        kind : {"ps", "tp"}
            P-splines (Eilers & Marx 1996): cubic B-splines of equal knots, whose coefficients' second differences are
            penalized. Thin-plate regression splines (Wood 2003): the integral of the squared second derivative.
        x : (n,) array
        size : int
            Functions, those without a penalty among them.
        centred : bool
            Leave out the constant: all combinations sum to zero over the values.
        """
        knots, M, S = {"ps": _p_spline, "tp": _thin_plate}[kind](x, size)
        raw = cls(kind, knots, M, np.zeros((len(M), 0)))(x)[0]
        free, penalized = mixed_form(S, raw.mean(axis=0) if centred else None)
        return cls(kind, knots, M @ free, M @ penalized)

    def __call__(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Columns without and with a penalty, (n, 2) or (n, 1), and (n, r), at any values."""
        free, penalized = (np.empty((len(x), M.shape[1])) for M in (self.free, self.penalized))
        piece = max(1, PIECE // len(self.free))
        for start in range(0, len(x), piece):
            rows = slice(start, start + piece)
            raw = RAW[self.kind](x[rows], self.knots)
            free[rows], penalized[rows] = raw @ self.free, raw @ self.penalized
        return free, penalized

    def to_state(self) -> dict[str, Any]:
        """As lists."""
        matrices = {name: getattr(self, name).tolist() for name in ("knots", "free", "penalized")}
        return {"kind": self.kind, **matrices}

    @classmethod
    def from_state(cls, state: Any) -> Self:
        """From what `to_state` gave.

        Raises
        ------
        InputError
            For matrices that do not go together.
        """
        knots, free, penalized = (np.array(state[name], dtype=np.float64) for name in ("knots", "free", "penalized"))
        if state["kind"] not in RAW or knots.ndim != 1 or free.ndim != 2 or penalized.ndim != 2:
            raise InputError("the state of a smooth term is none")
        made = cls(state["kind"], knots, free, penalized)
        if RAW[made.kind](knots[:1], knots).shape[1] != len(free) or len(free) != len(penalized):
            raise InputError("the matrices of a smooth term do not go together")
        return made


def mixed_form(S: FloatArray, means: FloatArray | None) -> tuple[FloatArray, FloatArray]:
    """U_0 and U_+ D_+^-1/2 of a penalty matrix (K, K) that leaves `ORDER` directions free.

    With the means (K,) of the functions over the data, of combinations that sum to zero there, of which one fewer is
    free. (Restricted likelihoods do not depend on how these are chosen, others do: this is mgcv's way.)
    """
    free, Q = ORDER, np.eye(len(S))
    if means is not None:
        free, Q = ORDER - 1, np.linalg.qr(means[:, None], mode="complete")[0][:, 1:]
    eigenvalues, U = np.linalg.eigh(Q.T @ S @ Q)
    return Q @ U[:, :free], Q @ U[:, free:] / np.sqrt(eigenvalues[free:])


# P-splines ----------------------------------------------------------------------------------------------------------


def _p_spline(x: FloatArray, size: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Knots, the functions as they are, and the penalty of their coefficients."""
    low, high = float(x.min()), float(x.max())
    beyond = MARGIN * (high - low)
    low, high, inner = low - beyond, high + beyond, size - DEGREE + 1
    step = (high - low) / (inner - 1)
    knots = np.linspace(low - DEGREE * step, high + DEGREE * step, inner + 2 * DEGREE)
    differences = np.diff(np.eye(size), ORDER, axis=0)
    return knots, np.eye(size), differences.T @ differences


def b_splines(x: FloatArray, knots: FloatArray) -> FloatArray:
    """Cubic B-splines (n, K), straight beyond the knots that are not outermost, as mgcv's P-splines are."""
    spline = scipy.interpolate.BSpline(knots, np.eye(len(knots) - DEGREE - 1), DEGREE)
    inside = np.clip(x, knots[DEGREE], knots[-DEGREE - 1])
    return np.asarray(spline(inside) + spline(inside, 1) * (x - inside)[:, None])


# Thin-plate regression splines --------------------------------------------------------------------------------------


def _thin_plate(x: FloatArray, size: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Points; combinations of |x - point|^3 / 12 that matter most, and lines; and the penalty of these."""
    points = np.unique(x)
    if len(points) > MOST_POINTS:
        points = points[np.linspace(0, len(points) - 1, MOST_POINTS).round().astype(np.intp)]
    E, lines = _radial(points, points), _lines(points, points)
    U = _largest(E, size)
    complement = np.linalg.qr(U.T @ lines, mode="complete")[0][:, ORDER:]
    M = scipy.linalg.block_diag(U @ complement, np.eye(ORDER))
    M /= np.sqrt(np.mean((thin_plate(points, points) @ M) ** 2, axis=0))
    inner = M[:-ORDER, :-ORDER].T @ E @ M[:-ORDER, :-ORDER]
    return points, M, scipy.linalg.block_diag(inner, np.zeros((ORDER, ORDER)))


def _largest(E: FloatArray, size: int) -> FloatArray:
    """Eigenvectors of the eigenvalues that are largest in size."""
    n = len(E)
    parts = [[0, n - 1]] if n < MOST_POINTS / 4 else [[0, size - 1], [n - size, n - 1]]
    ends = [scipy.linalg.eigh(E, subset_by_index=part) for part in parts]
    values, vectors = np.concatenate([w for w, _ in ends]), np.hstack([V for _, V in ends])
    chosen = np.argsort(-np.abs(values), kind="stable")[:size]
    return np.asarray(vectors[:, chosen])


def thin_plate(x: FloatArray, points: FloatArray) -> FloatArray:
    """Radial functions of the points, and straight lines, (n, m + 2)."""
    return np.hstack([_radial(x, points), _lines(x, points)])


def _radial(x: FloatArray, points: FloatArray) -> FloatArray:
    """In units of the points' range, in which they are of the size of 1."""
    return np.asarray(np.abs((x[:, None] - points) / np.ptp(points)) ** 3 / 12.0)


def _lines(x: FloatArray, points: FloatArray) -> FloatArray:
    centred = (x - 0.5 * (points[0] + points[-1])) / np.ptp(points)
    return np.column_stack([np.ones(len(x)), centred])


#: The K functions (n, K) of each kind.
RAW: dict[str, Callable[[FloatArray, FloatArray], FloatArray]] = {"ps": b_splines, "tp": thin_plate}
