"""The criterion as the search sees it: a function of scaled parameters x that remembers points.

x holds, in units in which an average observation has standard deviation 1, the covariance parameters theta, and what
else is estimated. Most of theta are the entries of relative covariance factors T. These are searched without bounds:
the criterion is a smooth function of all of them, and the same for every T with one T T'.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any, Generic, Protocol, Self, TypeVar

import numpy as np

from ..contracts.arrays import BoolArray, FloatArray
from ..contracts.errors import NotPositiveDefiniteError
from ..contracts.linalg import Blocks
from ..contracts.optim import Objective
from .parameters import Parameters
from .pipeline import Watch
from .term_parameters import Root

#: Steps of differences of gradients, in parts of a parameter's size: entries of T, and others, which bend less.
STEP, OTHER_STEP = 1e-4, 1e-3


class Evaluation(Protocol):
    """What is known at one x, each part found when first asked for."""

    @property
    def value(self) -> float:
        """The criterion."""

    @property
    def gradient(self) -> FloatArray:
        """Its exact gradient by x."""

    @property
    def curvature(self) -> FloatArray:
        """Its Hessian by x, or an approximation."""


E = TypeVar("E", bound=Evaluation)


class Criterion(ABC, Generic[E]):
    """-2 log-likelihood (or the REML criterion) as a function of x, in one basis of the random-effects columns.

    Attributes
    ----------
    roots : tuple of Root
        The unstructured covariance matrices.
    columns : tuple of int
        Numbers of columns of the grouping factors.
    lower, upper : (d,) arrays
        Bounds of x.
    curvature_is_exact : bool
        Whether `Evaluation.curvature` is the Hessian.
    bends : bool
        Whether T is a function of some parameters that is not linear: what that adds to the curvature is not in
        approximate ones.
    valleys_bend : bool
        Whether directions in which the criterion does not change are curves, whatever lines covariances go along.
    exact : Criterion
        The same function with gradients: itself, or its twin on another backend.
    """

    roots: tuple[Root, ...]
    columns: tuple[int, ...]
    lower: FloatArray
    upper: FloatArray
    curvature_is_exact: bool = False
    bends: bool = False
    valleys_bend: bool = False
    #: whether the evaluation of the lowest point is kept beside the last one: where it is small
    keeps_lowest: bool = False

    def __init__(self, watch: Watch) -> None:
        self.watch = watch
        self._last: tuple[bytes, E] | None = None
        self._lowest: tuple[bytes, E, float] | None = None

    @abstractmethod
    def evaluate(self, x: FloatArray) -> E:
        """What is known at x.

        Raises
        ------
        NotPositiveDefiniteError
            Where the criterion is not defined.
        """

    @abstractmethod
    def rotated(self, by: Sequence[FloatArray]) -> Self:
        """The same function in bases of the factors' columns that are turned by orthogonal matrices."""

    @property
    def exact(self) -> Criterion[Any]:
        """The criterion that has gradients."""
        return self

    def idle(self, x: FloatArray) -> BoolArray:
        """Which parameters have no effect here, whatever the data are."""
        return np.zeros(len(x), dtype=bool)

    def unsigned(self, x: FloatArray) -> Iterator[FloatArray]:
        """The same point with other correlations, of which those of a standard deviation of zero are none."""
        yield from ()

    def moderate(self, x: FloatArray, size: float) -> Iterator[FloatArray]:
        """Points like x, with independent effects of moderate size in terms with a covariance structure."""
        yield from ()

    def scattered(
        self, x: FloatArray, size: float, rng: np.random.Generator | None = None, *, apart: bool = False
    ) -> FloatArray:
        """x with scales of terms with a covariance structure of a size, or drawn about it.

        With `apart` they are larger, where columns are nearly dependent: what sets these apart has that size.
        """
        return x

    def at(self, x: FloatArray) -> E:
        """`evaluate`, remembered for the last x, and for the lowest."""
        key = x.tobytes()
        known = self._known(key)
        if known is None:
            known = self.evaluate(x)
            self._last = (key, known)
        return known

    def _known(self, key: bytes) -> E | None:
        last, lowest = self._last, self._lowest  # read once: threads may share a fitted model's criterion
        if last is not None and last[0] == key:
            return last[1]
        return lowest[1] if lowest is not None and lowest[0] == key else None

    def value(self, x: FloatArray) -> float:
        """The criterion; inf where it is not defined."""
        return self._evaluated(x, with_gradient=False)[0]

    def gradient(self, x: FloatArray) -> tuple[float, FloatArray]:
        """The criterion and its gradient; inf and zeros where it is not defined."""
        return self._evaluated(x, with_gradient=True)

    def _evaluated(self, x: FloatArray, with_gradient: bool) -> tuple[float, FloatArray]:
        known = self._known(x.tobytes()) is not None
        nothing = np.zeros_like(x)
        try:
            with np.errstate(all="ignore"):  # what overflows is far from any optimum: infinite here
                here = self.at(x)
                f, g = here.value, here.gradient if with_gradient else nothing
        except NotPositiveDefiniteError:
            f, g = np.inf, nothing
        if not (np.isfinite(f) and np.isfinite(g).all()):
            f, g = np.inf, nothing
        if self.keeps_lowest and (self._lowest is None or f < self._lowest[2]) and np.isfinite(f):
            self._lowest = (x.tobytes(), here, f)
        if not known:
            self.watch.evaluated(x, f, g if with_gradient else None)
        return f, g

    def curvature(self, x: FloatArray) -> FloatArray:
        """The Hessian, or an approximation of it for the search to start from; NaN where it breaks down."""
        try:
            return self.at(x).curvature
        except NotPositiveDefiniteError:  # far out, where the fixed effects have no information left
            return np.full((len(x), len(x)), np.nan)

    def hessian(self, x: FloatArray, *, central: bool = False) -> FloatArray:
        """The Hessian: exact, or by (one-sided, or central) differences of the exact gradient.

        NaN in the rows of parameters on both sides of which the criterion is not defined.
        """
        if self.curvature_is_exact:
            return self.curvature(x)
        H = np.full((len(x), len(x)), np.nan)
        here, steps = self.gradient(x), OTHER_STEP * np.ones(len(x))
        for root in self.roots:
            steps[root.entries] = STEP
        for i, step in enumerate(steps * self.sizes(x)):
            sides = [(x[i], *here)]
            for to in (x[i] + step, x[i] - step):
                if len(sides) <= central + 1 and self.lower[i] <= to <= self.upper[i]:
                    moved = x.copy()
                    moved[i] = to
                    f, g = self.gradient(moved)
                    if np.isfinite(f):
                        sides.append((to, f, g))
            if len(sides) > 1:
                (a, _, g_a), (b, _, g_b) = sides[-2:]
                H[i] = (g_b - g_a) / (b - a)
        return np.asarray(0.5 * (H + H.T))

    def sizes(self, x: FloatArray) -> FloatArray:
        """What is a large change of each parameter: its own size, that of T's row for T, and never less than 1."""
        out = np.maximum(np.abs(x), 1.0)
        for root in self.roots:
            rows = np.maximum(np.sqrt((root.of(x) ** 2).sum(axis=1)), 1.0)
            out[root.entries] = rows[root.lower[0]]
        return out

    def _finite_hessian(self, x: FloatArray) -> FloatArray:
        """The Hessian by differences; the approximate curvature beside an edge, where differences cannot be taken."""
        H = self.hessian(x)
        return H if np.isfinite(H).all() else self.curvature(x)

    def objective(self, start: FloatArray, *, by_differences: bool = False) -> Objective:
        """What an optimizer sees; with the Hessian by differences where it has shown that it needs it."""
        return Objective(
            value=self.value,
            start=start,
            lower=self.lower,
            upper=self.upper,
            gradient=self.gradient,
            curvature=self._finite_hessian if by_differences else self.curvature,
            curvature_is_exact=self.curvature_is_exact or by_differences,
        )


class ModelCriterion(Criterion[E]):
    """The criterion of a model, whose theta stands in x in units of an average observation.

    Parameters
    ----------
    parameters : Parameters
        What theta is.
    eta : float
        Standard deviation of an average observation.
    first : int
        Where theta begins in x.
    turned : tuple of (k, k) arrays, optional
        Orthogonal matrices: the basis is the model's times these.

    Attributes
    ----------
    origin, unit : (d,) arrays
        Natural parameters are `origin` + `unit` x.
    of_theta : slice
        Where theta stands in x.
    """

    origin: FloatArray
    unit: FloatArray

    def __init__(
        self, parameters: Parameters, eta: float, first: int, watch: Watch, turned: Blocks | None = None
    ) -> None:
        super().__init__(watch)
        self.parameters, self.eta = parameters, eta
        self.turned = tuple(np.eye(k) for k in parameters.template.sizes) if turned is None else turned
        self.of_theta = slice(first, first + len(parameters))
        self.unit_of_theta = parameters.unit(eta)
        self.roots, self.columns = parameters.roots_at(first), parameters.template.sizes
        self.bends = bool(parameters.structured)

    def _turned(self, by: Sequence[FloatArray]) -> Blocks:
        """The basis after another turn."""
        return tuple(turn @ more for turn, more in zip(self.turned, by, strict=True))

    @property
    def bounds_of_theta(self) -> tuple[FloatArray, FloatArray]:
        """Of theta in x."""
        lower, upper = self.parameters.bounds
        return lower / self.unit_of_theta, upper / self.unit_of_theta

    def idle(self, x: FloatArray) -> BoolArray:
        """Which parameters of covariance structures have no effect here."""
        idle = np.zeros(len(x), dtype=bool)
        idle[self.of_theta] = self.parameters.idle(self.unit_of_theta * x[self.of_theta], self.eta)
        return idle

    def unsigned(self, x: FloatArray) -> Iterator[FloatArray]:
        """The same point with angles of covariance structures that have no effect there at either sign."""
        idle, start = self.idle(x), self.of_theta.start
        for s in self.parameters.structured:
            idle[start + s.mine.start : start + s.mine.stop] &= ~s.scales
        if self.parameters.residual is not None:
            idle[start + self.parameters.of_residual.start :] = False
        for sign in (1.0, -1.0) if idle.any() else ():
            yield np.clip(np.where(idle, sign, x), self.lower, self.upper)

    def moderate(self, x: FloatArray, size: float) -> Iterator[FloatArray]:
        """Points with independent effects in terms with a covariance structure."""
        for theta in self.parameters.moderate(x[self.of_theta], size):
            out = x.copy()
            out[self.of_theta] = theta
            yield out

    def scattered(
        self, x: FloatArray, size: float, rng: np.random.Generator | None = None, *, apart: bool = False
    ) -> FloatArray:
        """x with the scales of covariance structures of a size, or drawn about it."""
        out = x.copy()
        for s in self.parameters.structured:
            mine = slice(self.of_theta.start + s.mine.start, self.of_theta.start + s.mine.stop)
            sizes = size if rng is None else size * np.abs(rng.normal(size=len(s.scales)))
            out[mine] = np.where(s.scales, sizes * (s.apart if apart else 1.0), x[mine])
        return out


__all__ = ["Criterion", "Evaluation", "ModelCriterion", "Root"]
