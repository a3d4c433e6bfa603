"""Generalized models whose rows are in parts: each step is one reduction over these, of sums as small as the effects.

A part is a `MixedDesign` with some of the rows, in the labels of all: the same basis of X's columns, the same levels.
What is done with it are functions of a `PenalizedLikelihood` of that part, as for a model whose rows are together; what
they give is added up. Where the parts are, and who adds up, an `Over` says. Nothing is kept between reductions, so that
a part which is lost may be made again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, Protocol, cast

import numpy as np

from ..contracts.arrays import FloatArray
from ..contracts.family import Family
from ..contracts.linalg import PatternBlocks, Symbolic
from ..design.fingerprint import Fingerprint
from ..design.labels import FixedLabels, Labels
from ..design.mixed import MixedDesign
from ..design.random import RandomSums
from .dispersion import DispersionScale
from .modes import Mode, PenalizedLikelihood, Point
from .relative import RelativeFactor
from .weighted import Weighted, WeightedRows, weight_derivatives


class Most(NamedTuple):
    """A number of which the largest counts, where others are added."""

    value: float


def added(results: Sequence[Any]) -> Any:
    """The sum of what several parts gave: of arrays, blocks and tuples of these; None where one is None."""
    first = results[0]
    if any(one is None for one in results):
        return None
    if isinstance(first, Most):
        return Most(max(one.value for one in results))
    if isinstance(first, PatternBlocks):
        diagonal = tuple(sum(blocks) for blocks in zip(*(one.diagonal for one in results), strict=True))
        return PatternBlocks(diagonal, {ij: sum(one.cross[ij] for one in results) for ij in first.cross})
    if isinstance(first, tuple):
        return tuple(added(one) for one in zip(*results, strict=True))
    return sum(results[1:], start=first)


class Over(Protocol):
    """Applies a function to each part, where these are, and adds up."""

    def __call__(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """The sum over parts of function(part, *arguments)."""


@dataclass(frozen=True)
class InTurn:
    """Parts in memory, one after the other.

    Parameters
    ----------
    parts : sequence of MixedDesign
    """

    parts: Sequence[MixedDesign]

    def __call__(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """The sum over parts of function(part, *arguments)."""
        total = function(self.parts[0], *arguments)
        for part in self.parts[1:]:
            total = added([total, function(part, *arguments)])
        return total


@dataclass(frozen=True, eq=False)
class PartedDesign:
    """What is known of rows that are in parts.

    Parameters
    ----------
    labels : Labels
    random : RandomSums
    over : Over
    fingerprint : Fingerprint
    turned : tuple of (k, k) arrays
        Orthogonal matrices: the parts are seen in bases of the factors' columns that are turned by these.
    """

    labels: Labels
    random: RandomSums
    over: Over
    fingerprint: Fingerprint
    turned: tuple[FloatArray, ...]
    #: Dispersion parameters have no models here.
    parameters: dict[str, Any] = field(default_factory=dict)
    parameter_rows: dict[str, FloatArray] = field(default_factory=dict)

    @property
    def n(self) -> int:
        """Number of observations."""
        return self.labels.n

    @property
    def fixed(self) -> FixedLabels:
        """Labels of X."""
        return self.labels.fixed

    def rotated(self, by: Sequence[FloatArray]) -> PartedDesign:
        """The same in bases of the factors' columns that are turned by orthogonal matrices."""
        groups = tuple(f.rotated(turn) for f, turn in zip(self.random.groups, by, strict=True))
        turned = tuple(before @ turn for before, turn in zip(self.turned, by, strict=True))
        return replace(self, random=replace(self.random, groups=groups), turned=turned)


@dataclass(frozen=True, eq=False)
class SummedWeights:
    """Sums with working weights, of all parts."""

    ZtWZ: PatternBlocks
    ZtWQ: FloatArray
    QtWQ: FloatArray
    largest: float
    mean: float


@dataclass(frozen=True, eq=False)
class PartedPoint(Point):
    """Where PIRLS stands, with the sums over parts: the next step needs no other pass over the rows.

    Parameters
    ----------
    phi : (r,) array
    score, of_gamma : (q,), (r,) arrays
        Z'd1 and Q'd1.
    observed : SummedWeights, optional
        None outside of the family's domain.
    """

    phi: FloatArray
    score: FloatArray
    of_gamma: FloatArray
    observed: SummedWeights | None


class PartedLikelihood(PenalizedLikelihood):
    """The likelihood of rows that are in parts."""

    @property
    def parted(self) -> PartedDesign:
        """The parts."""
        return cast(PartedDesign, self.design)

    def over(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """The sum over parts of a function of the likelihood of each."""
        return self.parted.over(_of_part, self.family, self.weights_in_logdet, self.parted.turned, function, *arguments)

    def point(self, Lambda: RelativeFactor, phi: FloatArray, u: FloatArray, gamma: FloatArray) -> PartedPoint:
        """The penalized likelihood at (u, gamma), with the sums that the next step needs."""
        b, nowhere = Lambda @ u, np.zeros(0)
        found: Any = self.over(_point, b, gamma, phi) if np.isfinite(b).all() and np.isfinite(gamma).all() else None
        if found is None:
            return PartedPoint(u, gamma, b, nowhere, None, np.inf, phi, nowhere, nowhere, None)
        total, score, of_gamma, sums = found
        penalized = -2.0 * total + float(u @ (self.K @ u))
        return PartedPoint(u, gamma, b, nowhere, None, penalized, phi, score, of_gamma, self._weights(sums))

    def slopes(self, point: Point, *, joint: bool) -> tuple[FloatArray, FloatArray | None]:
        """Z'd1, and Q'd1 where gamma is estimated jointly."""
        assert isinstance(point, PartedPoint)
        return point.score, point.of_gamma if joint else None

    def weighted(self, point: Point, *, observed: bool) -> Weighted:
        """Sums over the rows with observed or expected working weights."""
        assert isinstance(point, PartedPoint)
        assert point.observed is not None
        if observed:
            return point.observed
        return self._weights(self.over(_expected, point.b, point.gamma, point.phi))

    def moved(
        self, mode: Mode, Lambda: RelativeFactor, phi: FloatArray, gamma: FloatArray
    ) -> tuple[FloatArray, FloatArray | None]:
        """Z'd1 and Q'd1 at other parameters and the same u, to first order."""
        point = mode.point
        score, of_gamma = self.over(
            _moved, point.b, point.gamma, mode.phi, Lambda @ point.u - point.b, gamma - point.gamma, phi
        )
        return score, of_gamma if mode.joint else None

    def through_weights(self, mode: Mode, K: PatternBlocks) -> tuple[FloatArray, FloatArray]:
        """Z'c and Q'c: see `laplace`."""
        of_z, of_q = self.over(_through_weights, mode.point.b, mode.point.gamma, mode.phi, K)
        return of_z, of_q

    def through_modes(
        self, mode: Mode, K: PatternBlocks, b: FloatArray, gamma: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Z'(c + d2 t), Q'r and the derivatives (r, 1) by phi, with t = Z b + Q gamma."""
        of_z, of_q, by_phi = self.over(_through_modes, mode.point.b, mode.point.gamma, mode.phi, K, b, gamma)
        return of_z, of_q, by_phi[:, None]

    def outer_scores(self, mode: Mode, scale: DispersionScale, slope: FloatArray) -> FloatArray:
        """Twice the sum over rows of products of scores about their means, by unconstrained dispersion parameters."""
        total, products = self.over(_scores, mode.point.b, mode.point.gamma, mode.phi, scale, slope)
        return np.asarray(2.0 * (products - np.outer(total, total) / self.parted.n))

    def _weights(self, sums: Any) -> SummedWeights:
        ZtWZ, ZtWQ, QtWQ, largest, total = sums
        return SummedWeights(ZtWZ, ZtWQ, QtWQ, largest.value, total / self.parted.n)


def penalized_likelihood(
    design: MixedDesign | PartedDesign, family: Family, symbolic: Symbolic, weights_in_logdet: str
) -> PenalizedLikelihood:
    """That of a design, whose rows are together or in parts."""
    if isinstance(design, PartedDesign):
        return PartedLikelihood(cast(MixedDesign, design), family, symbolic, weights_in_logdet)
    return PenalizedLikelihood(design, family, symbolic, weights_in_logdet)


# Functions of the likelihood of one part ----------------------------------------------------------------------------


def _of_part(
    part: MixedDesign, family: Family, weights: str, turned: Sequence[FloatArray], function: Callable[..., Any], *a: Any
) -> Any:
    # nothing is factorized where a part is
    return function(PenalizedLikelihood(part.rotated(turned), family, cast(Symbolic, None), weights), *a)


def _sums_of_weights(one: PenalizedLikelihood, weights: FloatArray) -> tuple[Any, ...]:
    """What a `SummedWeights` is made of."""
    sums = WeightedRows(one.design, weights)
    return sums.ZtWZ, sums.ZtWQ, sums.QtWQ, Most(sums.largest), float(weights.sum())


def _point(one: PenalizedLikelihood, b: FloatArray, gamma: FloatArray, phi: FloatArray) -> Any:
    at = one.evaluate(one.eta(b, gamma), phi)
    if at is None or not np.isfinite(total := float(at.log_density.sum())):
        return None
    return total, one.Zt(at.d1), one.Q.T @ at.d1, _sums_of_weights(one, -at.d2)


def _expected(one: PenalizedLikelihood, b: FloatArray, gamma: FloatArray, phi: FloatArray) -> Any:
    at = one.evaluate(one.eta(b, gamma), phi)
    assert at is not None
    return _sums_of_weights(one, at.expected_weight)


def _third(one: PenalizedLikelihood, b: FloatArray, gamma: FloatArray, phi: FloatArray) -> Any:
    return one.density.evaluate(one.y, one.eta(b, gamma), one.weights, phi, 3)


def _moved(
    one: PenalizedLikelihood,
    b: FloatArray,
    gamma: FloatArray,
    phi: FloatArray,
    db: FloatArray,
    dgamma: FloatArray,
    new_phi: FloatArray,
) -> Any:
    d = _third(one, b, gamma, phi)
    moved = d.d1 + d.d2 * (one.Z(db) + one.Q @ dgamma)
    if len(phi):
        moved += ((new_phi - phi)[:, None] * d.phi1_eta).sum(axis=0)
    return one.Zt(moved), one.Q.T @ moved


def _through_weights(
    one: PenalizedLikelihood, b: FloatArray, gamma: FloatArray, phi: FloatArray, K: PatternBlocks
) -> Any:
    c = one.design.random.quadratic_rows(K) * weight_derivatives(one.weights_in_logdet, _third(one, b, gamma, phi))[0]
    return one.Zt(c), one.Q.T @ c


def _through_modes(
    one: PenalizedLikelihood,
    b: FloatArray,
    gamma: FloatArray,
    phi: FloatArray,
    K: PatternBlocks,
    v: FloatArray,
    v_gamma: FloatArray,
) -> Any:
    d, leverages = _third(one, b, gamma, phi), one.design.random.quadratic_rows(K)
    w_eta, w_phi = weight_derivatives(one.weights_in_logdet, d)
    t = one.Z(v) + (one.Q @ v_gamma if len(v_gamma) else 0.0)
    moved = leverages * w_eta + d.d2 * t
    by_phi = (-2.0 * d.phi1 + w_phi * leverages + d.phi1_eta * t).sum(axis=1)
    return one.Zt(moved), one.Q.T @ (moved - 2.0 * d.d1), by_phi


def _scores(
    one: PenalizedLikelihood,
    b: FloatArray,
    gamma: FloatArray,
    phi: FloatArray,
    scale: DispersionScale,
    slope: FloatArray,
) -> Any:
    scores = scale.scores(_third(one, b, gamma, phi).phi1, slope, {})
    return scores.sum(axis=1), scores @ scores.T


__all__ = [
    "InTurn",
    "Most",
    "Over",
    "PartedDesign",
    "PartedLikelihood",
    "added",
    "penalized_likelihood",
]
