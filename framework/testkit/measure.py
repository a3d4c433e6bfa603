"""A family's distributions as points with probabilities, so that laws about expectations are sums."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..contracts import Family
from ..contracts.arrays import FloatArray, IntArray

#: Gauss-Legendre rule of each panel.
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(8)
_DRAWS = 1000


@dataclass(frozen=True, eq=False)
class Measure:
    """Points y with probabilities, row by row of (mu, weights): what the log density says, without the sampler.

    Parameters
    ----------
    rows : (N,) int array
        Which row each point belongs to.
    y, mass : (N,) arrays
        Points and probabilities, which add up to 1 in each row: of the values of a discrete family; of quadrature nodes
        of a continuous one, and of the values that it has with positive probability (the zero of a Tweedie
        distribution).
    total : (n,) array
        What the probabilities added up to before they were divided by it: 1 if the density is one.
    cut_rows, cuts : (K,) arrays
        For each row points at which P(Y <= y) is exact.
    """

    n: int
    rows: IntArray
    y: FloatArray
    mass: FloatArray
    total: FloatArray
    cut_rows: IntArray
    cuts: FloatArray

    def expect(self, values: FloatArray) -> FloatArray:
        """Expectations (n,) of values (N,)."""
        sums: FloatArray = np.bincount(self.rows, self.mass * values, self.n).astype(np.float64)
        return sums

    @cached_property
    def mean(self) -> FloatArray:
        """E(Y)."""
        return self.expect(self.y)

    @cached_property
    def variance(self) -> FloatArray:
        """Var(Y)."""
        return self.expect((self.y - self.mean[self.rows]) ** 2)

    @cached_property
    def cumulated(self) -> FloatArray:
        """P(Y <= cut), (K,)."""
        below = np.empty(len(self.cuts))
        for row in range(self.n):
            mine, cut = self.rows == row, self.cut_rows == row
            order = np.argsort(self.y[mine], kind="stable")
            sums = np.concatenate([[0.0], np.cumsum(self.mass[mine][order])])
            below[cut] = sums[np.searchsorted(self.y[mine][order], self.cuts[cut], side="right")]
        return below


def measure(family: Family, mu: FloatArray, weights: FloatArray, phi: FloatArray) -> Measure:
    """The distributions of a family at means mu (n,); draws are used for where to look, and for nothing else."""
    draws = []
    for m, w in zip(mu, weights, strict=True):
        one, rng = np.ones(_DRAWS), np.random.default_rng(20241)
        draws.append(family.sample(m * one, w * one, phi, rng))
    atoms = np.empty(0) if family.discrete else _atoms(family, mu, phi, draws)
    parts = []
    for row, (m, w, drawn) in enumerate(zip(mu, weights, draws, strict=True)):
        y, width, cuts = _lattice(family, w, drawn) if family.discrete else _quadrature(family, drawn, atoms)
        one = np.ones_like(y)
        inside = family.support(y, w * one)
        y, width, one = y[inside], width[inside], one[inside]
        mass = np.exp(family.log_density(y, m * one, w * one, phi)) * width
        total = float(mass.sum())
        parts.append((np.full(len(y), row), y, mass / total, [total], np.full(len(cuts), row), cuts))
    return Measure(len(mu), *(np.concatenate(column) for column in zip(*parts, strict=True)))


def _atoms(family: Family, mu: FloatArray, phi: FloatArray, draws: list[FloatArray]) -> FloatArray:
    """Values that a continuous family has with positive probability.

    Those that it declares, and those drawn more than once at some mean; and an end of the support that belongs to it,
    if the density there is not the limit of the density nearby.
    """
    found = [np.array(family.atoms, np.float64)]
    for drawn in draws:
        values, counts = np.unique(drawn, return_counts=True)
        found.append(values[counts > 1])
    middle, one = float(np.median(draws[0])), np.ones_like(mu)
    for end in (_edge(family, middle, direction) for direction in (-1.0, 1.0)):
        if np.isfinite(end) and family.support(np.array([end]), np.ones(1))[0]:
            at, near = (family.log_density(y * one, mu, one, phi) for y in (end, end + 1e-9 * (middle - end)))
            if not np.allclose(at, near, atol=1e-3, rtol=0):
                found.append(np.array([end]))
    return np.unique(np.concatenate(found))


Points = tuple[FloatArray, FloatArray, FloatArray]


def _lattice(family: Family, weight: float, draws: FloatArray) -> Points:
    """All proportions k/n; or all integers around the draws."""
    if family.weights_are_trials:
        y: FloatArray = np.linspace(0.0, 1.0, int(weight) + 1)
    else:
        middle, spread = float(np.median(draws)), 1.0 + float(np.std(draws)) + float(np.ptp(draws))
        y = np.arange(np.floor(middle - 20 * spread), np.ceil(middle + 20 * spread), dtype=np.float64)
        y = y[family.support(y, np.ones_like(y))]
    return y, np.ones_like(y), _thinned(y[np.isin(y, draws)])


def _quadrature(family: Family, draws: FloatArray, atoms: FloatArray) -> Points:
    """Gauss-Legendre panels in a variable t that stretches the ends of the support to infinity, and atoms."""
    smooth = draws[~np.isin(draws, atoms)]
    lower, upper = (_edge(family, float(np.median(smooth)), direction) for direction in (-1.0, 1.0))
    stretch = _Stretch(lower, upper, smooth)

    first, middle, last = np.quantile(stretch.t_of(smooth), [0.25, 0.5, 0.75])
    width = min(float(last - first) / 2, 0.5)
    low, high = stretch.ends
    fine_low, fine_high = max(low, middle - 40 * width), min(high, middle + 40 * width)
    edges = np.unique(
        np.concatenate(
            [
                np.linspace(low, fine_low, 1 + int(np.ceil((fine_low - low) / 0.5))),
                np.linspace(fine_low, fine_high, 1 + int(np.ceil((fine_high - fine_low) / width))),
                np.linspace(fine_high, high, 1 + int(np.ceil((high - fine_high) / 0.5))),
            ]
        )
    )
    half = np.diff(edges)[:, None] / 2
    t = (edges[:-1, None] + half * (1 + _NODES)).ravel()
    y, slope = stretch.y_of(t)
    cuts = stretch.y_of(edges[(edges > middle - 6 * width) & (edges < middle + 6 * width)])[0]
    return (
        np.concatenate([atoms, y]),
        np.concatenate([np.ones_like(atoms), slope * (half * _WEIGHTS).ravel()]),
        _thinned(cuts),
    )


def _thinned(cuts: FloatArray) -> FloatArray:
    """About ten of them."""
    return cuts[:: max(1, len(cuts) // 10)]


def _edge(family: Family, inside: float, direction: float) -> float:
    """Where the support ends in one direction from a point inside, by bisection."""

    def supported(y: float) -> bool:
        return bool(family.support(np.array([y]), np.ones(1))[0])

    outside = inside + direction
    while supported(outside):
        outside = inside + 10 * (outside - inside)
        if abs(outside) > 1e100:
            return direction * np.inf
    within = inside
    for _ in range(200):
        middle = 0.5 * (within + outside)
        if supported(middle):
            within = middle
        else:
            outside = middle
    return 0.0 if abs(within) < 1e-30 else outside


class _Stretch:
    """y as a function of t on the whole line, with the ends of the support at infinity.

    By expit between two finite ends, exp from one, sinh without any.
    """

    def __init__(self, lower: float, upper: float, draws: FloatArray) -> None:
        self.lower, self.upper = lower, upper
        self.middle = float(np.median(draws))
        self.scale = float(np.subtract(*np.quantile(draws, [0.75, 0.25])))

    @property
    def ends(self) -> tuple[float, float]:
        """How far t is worth following: to 1e-50 from an end at 0, to rounding of an end elsewhere."""
        far = np.log(abs(self.middle) + self.scale) + 35.0
        if np.isinf(self.lower) and np.isinf(self.upper):
            return -35.0, 35.0
        if np.isinf(self.upper):
            return (-120.0 if self.lower == 0 else -35.0), far
        if np.isinf(self.lower):
            return -far, (120.0 if self.upper == 0 else 35.0)
        return (-120.0 if self.lower == 0 else -35.0), (120.0 if self.upper == 0 else 35.0)

    def t_of(self, y: FloatArray) -> FloatArray:
        if np.isinf(self.lower) and np.isinf(self.upper):
            return np.arcsinh((y - self.middle) / self.scale)
        if np.isinf(self.upper):
            return np.log(y - self.lower)
        if np.isinf(self.lower):
            return -np.log(self.upper - y)
        return np.log(y - self.lower) - np.log(self.upper - y)

    def y_of(self, t: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Y and dy/dt."""
        if np.isinf(self.lower) and np.isinf(self.upper):
            return self.middle + self.scale * np.sinh(t), self.scale * np.cosh(t)
        if np.isinf(self.upper):
            return self.lower + np.exp(t), np.exp(t)
        if np.isinf(self.lower):
            return self.upper - np.exp(-t), np.exp(-t)
        width = self.upper - self.lower
        small = np.exp(-np.abs(t))
        near = width * small / (1 + small)  # distance to the nearer end
        return np.where(t < 0, self.lower + near, self.upper - near), width * small / (1 + small) ** 2
