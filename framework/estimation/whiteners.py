"""How correlated residuals are whitened: a W with W C W' = I for the correlations C within groups, never formed.

Each has its own form. Of AR(1), in discrete and continuous time, W takes from a row what the one before it says
(Pinheiro & Bates 2000, section 5.3, doi 10.1007/b98882); of compound symmetry it shrinks means of groups; all others
have Cholesky factors, one of each set of visits that occurs.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from scipy.linalg import lapack, solve_banded, solve_triangular

from ..contracts.arrays import FloatArray, IntArray
from ..contracts.errors import NotPositiveDefiniteError


class Whitener(ABC):
    """W at one x, for arrays V (c, n) of columns."""

    @property
    @abstractmethod
    def logdet(self) -> float:
        """log|C|."""

    @property
    @abstractmethod
    def logdet_by(self) -> FloatArray:
        """Its derivatives by x, (m,)."""

    @abstractmethod
    def white(self, V: FloatArray) -> FloatArray:
        """W V."""

    @abstractmethod
    def transposed(self, V: FloatArray) -> FloatArray:
        """W' V."""

    @abstractmethod
    def coloured(self, V: FloatArray) -> FloatArray:
        """W^-1 V."""

    @abstractmethod
    def moved(self, V: FloatArray) -> FloatArray:
        """Derivatives of W V by x, (m, c, n)."""

    def pulled(self, by: FloatArray, V: FloatArray) -> FloatArray:
        """Derivatives by x (m,) of a function whose derivatives by W V are `by` (c, n)."""
        return np.asarray(np.einsum("mcn,cn->m", self.moved(V), by))


class Independent(Whitener):
    """C = I."""

    logdet = 0.0

    @property
    def logdet_by(self) -> FloatArray:
        """Nothing."""
        return np.zeros(0)

    def white(self, V: FloatArray) -> FloatArray:
        """V."""
        return V

    transposed = coloured = white

    def moved(self, V: FloatArray) -> FloatArray:
        """Nothing."""
        return np.zeros((0, *V.shape))


class Markov(Whitener):
    """AR(1): a row that is t after the one before it has correlation psi = phi^t with it, and with no other besides.

    Parameters
    ----------
    rows : MarkovRows
    psi, psi_by : (n,) array
        And its derivative by x; zero where no row is before.
    left : (n,) array
        1 - psi^2.
    """

    def __init__(self, rows: MarkovRows, psi: FloatArray, psi_by: FloatArray, left: FloatArray) -> None:
        self.rows, self.psi, self.psi_by = rows, psi, psi_by
        if not (np.isfinite(psi_by).all() and left.min() > np.finfo(np.float64).tiny):
            raise NotPositiveDefiniteError("residuals are correlated by 1 to rounding")
        self.s = 1.0 / np.sqrt(left)

    @classmethod
    def powers(cls, rows: MarkovRows, phi: float, slope: float) -> Markov:
        """Of phi, and its derivative by x."""
        t = rows.gap
        with np.errstate(divide="ignore", invalid="ignore"):
            psi = np.where(rows.follows, phi**t, 0.0)
            psi_by = np.where(rows.follows, t * phi ** (t - 1.0) * slope, 0.0)
        return cls(rows, psi, psi_by, 1.0 - psi**2)

    @classmethod
    def decaying(cls, rows: MarkovRows, decay: float) -> Markov:
        """Of phi = exp(-decay) for a decay exp(-x): no digits are lost where phi is nearly 0 or 1."""
        t = np.where(rows.follows, decay * rows.gap, 1.0)
        psi = np.where(rows.follows, np.exp(-t), 0.0)
        return cls(rows, psi, t * psi, np.where(rows.follows, -np.expm1(-2.0 * t), 1.0))

    @property
    def logdet(self) -> float:
        """Sum of log(1 - psi^2)."""
        return -2.0 * float(np.log(self.s).sum())

    @property
    def logdet_by(self) -> FloatArray:
        """Of that sum."""
        return np.array([-2.0 * float((self.psi * self.psi_by * self.s**2).sum())])

    def white(self, V: FloatArray) -> FloatArray:
        """(v_i - psi v_before) / (1 - psi^2)^1/2."""
        return np.asarray((V - self.psi * V[:, self.rows.before]) * self.s)

    def transposed(self, V: FloatArray) -> FloatArray:
        """Each row, less what it gives to the one after it."""
        scaled = V * self.s
        out, after = scaled.copy(), self.rows.follows
        out[:, self.rows.before[after]] -= (self.psi * scaled)[:, after]
        return out

    def coloured(self, V: FloatArray) -> FloatArray:
        """The recursion, as a bidiagonal system."""
        order = self.rows.order
        band = np.ones((2, len(order)))
        band[1, :-1] = -self.psi[order][1:]
        out = np.empty_like(V)
        out[:, order] = solve_banded((1, 0), band, (V / self.s)[:, order].T, check_finite=False).T
        return out

    def moved(self, V: FloatArray) -> FloatArray:
        """By x."""
        before = V[:, self.rows.before]
        s_by = self.psi * self.psi_by * self.s**3
        return np.asarray(((V - self.psi * before) * s_by - self.psi_by * self.s * before)[None])


class MarkovRows:
    """Which row is before each one in its group, and how long ago.

    Attributes
    ----------
    order : (n,) int array
        Rows by group and time.
    before : (n,) int array
        The row before; the row itself where it is the first.
    follows : (n,) bool array
        Whether there is one.
    gap : (n,) array
        Time since then, in steps; 1 where there is none.
    """

    def __init__(self, group: IntArray, time: FloatArray, step: float) -> None:
        n = len(group)
        self.order = np.lexsort((time, group))
        same = group[self.order[1:]] == group[self.order[:-1]]
        self.before, self.follows, self.gap = np.arange(n), np.zeros(n, dtype=bool), np.ones(n)
        later, earlier = self.order[1:][same], self.order[:-1][same]
        self.before[later], self.follows[later] = earlier, True
        self.gap[later] = (time[later] - time[earlier]) / step


class Exchangeable(Whitener):
    """Compound symmetry: W = (I - c 11'/m) / (1 - rho)^1/2 in a group of m rows, symmetric.

    1 - c = a, the root of (1 - rho) / (1 + (m - 1) rho).
    """

    def __init__(self, group: IntArray, sizes: FloatArray, rho: float, slope: float) -> None:
        self.group, self.sizes, self.rho, self.slope = group, sizes, rho, slope
        self.inside, self.between = 1.0 - rho, 1.0 + (sizes - 1.0) * rho
        if not (self.inside > 0.0 and self.between.min() > 0.0):
            raise NotPositiveDefiniteError("residuals are correlated by 1 to rounding")
        self.a = np.sqrt(self.inside / self.between)

    @property
    def logdet(self) -> float:
        """(m - 1) log(1 - rho) + log(1 + (m - 1) rho) of every group."""
        return float((self.sizes - 1.0).sum() * np.log(self.inside) + np.log(self.between).sum())

    @property
    def logdet_by(self) -> FloatArray:
        """By x."""
        m1 = self.sizes - 1.0
        return np.array([self.slope * float((m1 / self.between).sum() - m1.sum() / self.inside)])

    def _means(self, V: FloatArray) -> FloatArray:
        count = len(self.sizes)
        return np.array([np.bincount(self.group, weights=v, minlength=count) / self.sizes for v in V])

    def _scaled(self, V: FloatArray, by_mean: FloatArray, by_rest: float) -> FloatArray:
        """by_rest (v - mean) + by_mean mean."""
        means = self._means(V).reshape(V.shape[0], -1)
        return np.asarray(by_rest * V + ((by_mean - by_rest) * means)[:, self.group])

    def white(self, V: FloatArray) -> FloatArray:
        """Deviations from means, and means, each over their standard deviations."""
        root = 1.0 / np.sqrt(self.inside)
        return self._scaled(V, root * self.a, root)

    transposed = white

    def coloured(self, V: FloatArray) -> FloatArray:
        """Times these."""
        root = float(np.sqrt(self.inside))
        return self._scaled(V, root / self.a, root)

    def moved(self, V: FloatArray) -> FloatArray:
        """Of (1 - rho)^-1/2 and of (1 + (m - 1) rho)^-1/2."""
        rest = 0.5 * self.inside**-1.5 * self.slope
        mean = -0.5 * (self.sizes - 1.0) * self.between**-1.5 * self.slope
        return self._scaled(V, mean, rest)[None]


class Dense(Whitener):
    """Any correlations of k visits: W = L^-1 of each set of visits, C = L L'.

    Parameters
    ----------
    sets : VisitSets
    C, by : (k, k), (m, k, k) arrays
        And its derivatives by x.
    """

    def __init__(self, sets: VisitSets, C: FloatArray, by: FloatArray) -> None:
        self.sets, self.C, self.by = sets, C, by
        self.roots = [_inverse_root(C[np.ix_(visits, visits)]) for visits, _ in sets.sets]

    @property
    def logdet(self) -> float:
        """Of every group."""
        parts = zip(self.roots, self.sets.sets, strict=True)
        return -2.0 * sum(float(np.log(np.diagonal(W)).sum()) * len(rows) for W, (_, rows) in parts)

    @property
    def logdet_by(self) -> FloatArray:
        """tr(C^-1 dC)."""
        total = np.zeros_like(self.C)
        for W, (visits, rows) in zip(self.roots, self.sets.sets, strict=True):
            total[np.ix_(visits, visits)] += len(rows) * (W.T @ W)
        return np.asarray(np.tensordot(self.by, total, axes=2))

    def _each(self, V: FloatArray, matrices: list[FloatArray]) -> FloatArray:
        out = np.empty_like(V)
        for M, (_, rows) in zip(matrices, self.sets.sets, strict=True):
            out[:, rows] = V[:, rows] @ M.T
        return out

    def white(self, V: FloatArray) -> FloatArray:
        """L^-1 v of every group."""
        return self._each(V, self.roots)

    def transposed(self, V: FloatArray) -> FloatArray:
        """L^-T v."""
        return self._each(V, [W.T for W in self.roots])

    def coloured(self, V: FloatArray) -> FloatArray:
        """L v."""
        roots = [np.asarray(np.linalg.inv(W), dtype=np.float64) for W in self.roots]
        return self._each(V, roots)

    def moved(self, V: FloatArray) -> FloatArray:
        """dL^-1 = -F L^-1, with F the lower half of L^-1 dC L^-T."""
        out = np.empty((len(self.by), *V.shape))
        for W, (visits, rows) in zip(self.roots, self.sets.sets, strict=True):
            dC = self.by[:, visits[:, None], visits]
            dW = -_lower_half(W @ dC @ W.T) @ W
            out[:, :, rows] = np.einsum("mab,cgb->mcga", dW, V[:, rows])
        return out

    def pulled(self, by: FloatArray, V: FloatArray) -> FloatArray:
        """By C first, then by x."""
        by_C = np.zeros_like(self.C)
        for W, (visits, rows) in zip(self.roots, self.sets.sets, strict=True):
            gram = np.tensordot(by[:, rows], V[:, rows], axes=([0, 1], [0, 1]))
            by_C[np.ix_(visits, visits)] -= W.T @ _lower_half(gram @ W.T) @ W
        return np.asarray(np.tensordot(self.by, by_C, axes=2))


class VisitSets:
    """Groups by the set of visits that they have.

    Attributes
    ----------
    sets : list of ((v,) int array, (groups, v) int array)
        The visits, and the rows of every group that has these, in their order.
    """

    def __init__(self, group: IntArray, visit: IntArray, k: int) -> None:
        order = np.lexsort((visit, group))
        there = np.zeros((group.max() + 1, k), dtype=bool)
        there[group, visit] = True
        patterns, which = np.unique(there, axis=0, return_inverse=True)
        which = which.ravel()
        ends = np.cumsum(there.sum(axis=1))
        self.sets: list[tuple[IntArray, IntArray]] = []
        for number, pattern in enumerate(patterns):
            visits, members = np.flatnonzero(pattern), np.flatnonzero(which == number)
            rows = order[(ends[members] - len(visits))[:, None] + np.arange(len(visits))]
            self.sets.append((visits, rows))


def _inverse_root(C: FloatArray) -> FloatArray:
    """L^-1."""
    L, info = lapack.dpotrf(C, lower=1, clean=1)
    if info or not np.isfinite(L).all():
        raise NotPositiveDefiniteError("the correlation matrix of the residuals is singular to rounding")
    return np.asarray(solve_triangular(L, np.eye(len(L)), lower=True, check_finite=False))


def _lower_half(M: FloatArray) -> FloatArray:
    """The lower triangle with half of the diagonal."""
    out = np.tril(M)
    index = np.arange(M.shape[-1])
    out[..., index, index] *= 0.5
    return out


__all__ = ["Dense", "Exchangeable", "Independent", "Markov", "MarkovRows", "VisitSets", "Whitener"]
