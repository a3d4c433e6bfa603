"""The parameters of a model as its user knows them, and slices of the criterion on which one of them is fixed.

These are the coefficients of X's columns, standard deviations and correlations of the user's random-effects columns,
and sigma or the family's dispersion parameters. Each has a coordinate c, in which the criterion is smooth up to its
bounds: a coefficient and a standard deviation themselves, the arc sine of a correlation, log sigma. And it has a scale
on which its estimate is nearest to a normal distribution: log, or Fisher's z.

In a basis of the random-effects columns that is turned to have the user's column first, its standard deviation is the
first diagonal of T; if another one is next, their correlation is a linear condition on three entries of T. So slices
are flat: nothing bends that did not bend before.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..contracts.arrays import FloatArray
from ..contracts.family import DispersionParameter
from ..design.basis import lower_root
from ..design.labels import FixedLabels
from ..estimation.criterion import ModelCriterion
from ..estimation.dispersion import DispersionScale, to_free, to_natural
from ..estimation.generalized import GeneralizedFit
from ..estimation.model import Fit
from ..estimation.parameters import Parameters
from ..estimation.slice import Slice
from ..estimation.term_parameters import Root
from .quantity import Conditioned, OnFishersScale, OnLogScale, Point, Quantity, at_entry, on_hyperplane
from .residual_quantities import of_residuals
from .structured import components_of

#: Names of a profile's other columns: coefficients that are called so, or as variance parameters, have "beta_" before.
TAKEN = ("parameter", "value", "zeta")


@dataclass(frozen=True, eq=False)
class Coefficient(Quantity):
    """The coefficient beta_j = a'gamma of a column of X, where a is a column of R^-T."""

    name: str
    labels: FixedLabels
    j: int
    fixed = True

    @cached_property
    def a(self) -> FloatArray:
        """Coefficients of gamma."""
        return np.asarray(np.linalg.solve(self.labels.R.T, np.eye(self.labels.rank)[self.j]))

    def value(self, point: Point) -> float:
        """a'gamma."""
        return float(self.labels.coefficients(point.gamma)[self.j])

    def condition(self, criterion: ModelCriterion[Any], at: FloatArray, c: float) -> Conditioned:
        """a'gamma = c: a hyperplane, through the point of it that is nearest to `at`."""
        return on_hyperplane(criterion, at, 0, self.a, c)


@dataclass(frozen=True, eq=False)
class ModelCoefficient(Quantity):
    """A coefficient of the model of a dispersion parameter, whose basis has its own at a place in xi."""

    name: str
    labels: FixedLabels
    j: int
    mine: slice
    size = 1.0

    def value(self, point: Point) -> float:
        """a'xi."""
        return float(self.labels.coefficients(point.xi[self.mine])[self.j])

    def condition(self, criterion: ModelCriterion[Any], at: FloatArray, c: float) -> Conditioned:
        """a'xi = c."""
        a = np.linalg.solve(self.labels.R.T, np.eye(self.labels.rank)[self.j])
        return on_hyperplane(criterion, at, criterion.of_theta.stop + self.mine.start, a, c)


@dataclass(frozen=True, eq=False)
class Deviation(OnLogScale):
    """The standard deviation of a column of an unstructured covariance matrix.

    Parameters
    ----------
    root : int
        Which matrix.
    i : int
        Which of its columns.
    """

    name: str
    group: int
    column: int
    root: int
    i: int
    lower = 0.0

    def value(self, point: Point) -> float:
        """Length of T's row."""
        return float(np.linalg.norm(point.roots[self.group][self.column]))

    def turned(self, criterion: ModelCriterion[Any], x: FloatArray) -> tuple[ModelCriterion[Any], FloatArray]:
        """With the column first."""
        return turned_to(criterion, x, self.root, [self.i])

    def condition(self, criterion: ModelCriterion[Any], at: FloatArray, c: float) -> Conditioned:
        """The first diagonal of T is fixed."""
        root = criterion.roots[self.root]
        size = float(np.linalg.norm(_users_columns(criterion, root)[:, self.i]))
        return at_entry(criterion, int(root.places[0, 0]), c / size, 1.0 / size)


@dataclass(frozen=True, eq=False)
class Correlation(OnFishersScale):
    """The correlation rho of two columns i < j of an unstructured covariance matrix.

    In the basis that has i first and then what j has besides, the effect of j is alpha times the first and beta times
    the second one. Its part that goes along with i has size rho q, the other one (1 - rho^2)^1/2 q, where q is its
    standard deviation: alpha T_00 + beta T_10 = rho q, beta T_11 = (1 - rho^2)^1/2 q. So (T_00, T_10, T_11) are linear
    in T_00 and q, up to rho = +-1.
    """

    name: str
    group: int
    columns: tuple[int, int]
    root: int
    i: int
    j: int
    lower, upper = -np.pi / 2.0, np.pi / 2.0

    def value(self, point: Point) -> float:
        """Of T's rows; NaN where one is zero."""
        one, other = (point.roots[self.group][column] for column in self.columns)
        sizes = float(np.linalg.norm(one) * np.linalg.norm(other))
        return float(np.clip(one @ other / sizes, -1.0, 1.0)) if sizes > 0.0 else np.nan

    def shown(self, c: float) -> float:
        """The sine."""
        return float(np.sin(c))

    def at(self, point: Point) -> float:
        """The arc sine."""
        return float(np.arcsin(self.value(point)))

    def turned(self, criterion: ModelCriterion[Any], x: FloatArray) -> tuple[ModelCriterion[Any], FloatArray]:
        """With the two columns first."""
        return turned_to(criterion, x, self.root, [self.i, self.j])

    def condition(self, criterion: ModelCriterion[Any], at: FloatArray, c: float) -> Conditioned:
        """T_00 and q, both positive, in place of three entries."""
        root = criterion.roots[self.root]
        alpha, beta = _users_columns(criterion, root)[:2, self.j]
        first, below, second = (int(root.places[place]) for place in ((0, 0), (1, 0), (1, 1)))
        A, faster = np.eye(len(at)), np.zeros((len(at),) * 2)
        A[below, first] = -alpha / beta
        A[[below, second], below] = np.sin(c) / beta, np.cos(c) / beta
        faster[[below, second], below] = np.cos(c) / beta, -np.sin(c) / beta
        lower, upper = criterion.lower.copy(), criterion.upper
        lower[[first, below]] = 0.0
        A, faster = (np.delete(M, second, axis=1) for M in (A, faster))
        lower, upper = (np.delete(b, second) for b in (lower, upper))
        return Conditioned(Slice(criterion, np.zeros(len(at)), A, lower, upper), (faster, np.zeros(len(at))))


@dataclass(frozen=True, eq=False)
class Residual(OnLogScale):
    """sigma of linear models, by its logarithm."""

    name: str = "sigma"

    def value(self, point: Point) -> float:
        """Its exponential."""
        return self.shown(float(point.xi[0]))

    def shown(self, c: float) -> float:
        """The exponential."""
        return float(np.exp(c))

    def at(self, point: Point) -> float:
        """log sigma."""
        return float(point.xi[0])

    def condition(self, criterion: ModelCriterion[Any], at: FloatArray, c: float) -> Conditioned:
        """The last parameter is fixed."""
        return at_entry(criterion, len(at) - 1, c - criterion.origin[-1], 1.0)


@dataclass(frozen=True, eq=False)
class Dispersion(Quantity):
    """A dispersion parameter of a family, by its unconstrained value."""

    name: str
    parameter: DispersionParameter
    k: int

    def value(self, point: Point) -> float:
        """From the unconstrained one."""
        return self.shown(float(point.xi[self.k]))

    def shown(self, c: float) -> float:
        """The natural value."""
        return float(to_natural(self.parameter, c)[0])

    def at(self, point: Point) -> float:
        """The unconstrained value."""
        return float(point.xi[self.k])

    def to_normal(self, value: float) -> float:
        """The unconstrained value."""
        return to_free(self.parameter, value)

    def from_normal(self, value: float) -> float:
        """The natural value."""
        return self.shown(value)

    def condition(self, criterion: ModelCriterion[Any], at: FloatArray, c: float) -> Conditioned:
        """One of the last parameters is fixed."""
        i = criterion.of_theta.stop + self.k
        return at_entry(criterion, i, c - criterion.origin[i], 1.0)


def quantities(fit: Fit) -> tuple[Quantity, ...]:
    """All parameters: variance parameters by factor, dispersion, coefficients of the columns that are kept."""
    fixed = fit.labels.fixed
    dispersion: list[Quantity] = [Residual()]
    if isinstance(fit, GeneralizedFit):
        scale = fit.dispersion
        dispersion = list(_of_parameters(scale))
    residual = fit.parameters.residual
    variances = [*_of_factors(fit.parameters), *(of_residuals(residual) if residual else ()), *dispersion]
    taken = {*TAKEN, *(q.name for q in variances)}
    names = (f"beta_{name}" if name in taken else name for name in fixed.kept_names)
    return (*variances, *(Coefficient(name, fixed, j) for j, name in enumerate(names)))


def _of_parameters(scale: DispersionScale) -> Iterator[Quantity]:
    """Dispersion parameters, and the coefficients of those that have a model."""
    for i, place in zip(scale.estimated, scale.places, strict=True):
        parameter = scale.parameters[i]
        if labels := scale.models.get(parameter.name):
            for j, column in enumerate(labels.names):
                yield ModelCoefficient(f"{parameter.name}~{column}", labels, j, place)
        else:
            yield Dispersion(parameter.name, parameter, place.start)


def _of_factors(parameters: Parameters) -> Iterator[Quantity]:
    """Of all terms, in the order of their columns."""
    terms: list[tuple[int, int, Iterator[Quantity]]] = []
    for number, root in enumerate(parameters.roots):
        terms.append((root.group, root.first, _of_matrix(root, number, parameters.groups[root.group].name)))
    for s in parameters.structured:
        terms.append((s.group, s.first, components_of(s, parameters.groups[s.group].name)))
    for _, _, term in sorted(terms, key=lambda term: term[:2]):
        yield from term


def _of_matrix(root: Root, number: int, group: str) -> Iterator[Quantity]:
    """In lme4's order: each standard deviation, and its correlations with the later ones."""
    columns, factor, first = root.term.columns, root.group, root.first
    for i, one in enumerate(columns):
        yield Deviation(f"sd_{one}|{group}", factor, first + i, number, i)
        for j in range(i + 1, len(columns)):
            name = f"cor_{columns[j]}.{one}|{group}"
            yield Correlation(name, factor, (first + i, first + j), number, i, j)


def turned_to(
    criterion: ModelCriterion[Any], x: FloatArray, root: int, first: list[int]
) -> tuple[ModelCriterion[Any], FloatArray]:
    """The criterion in a basis whose first effects of a term are combinations of the user's given ones; and x there."""
    matrix = criterion.roots[root]
    k, by = len(matrix), [np.eye(columns) for columns in criterion.columns]
    if k == 1:
        return criterion, matrix.put(x, np.abs(matrix.of(x)))
    H, R = np.linalg.qr(np.column_stack([_users_columns(criterion, matrix)[:, first], np.eye(k)]))
    H[:, : len(first)] *= np.where(np.diagonal(R)[: len(first)] < 0.0, -1.0, 1.0)
    mine = slice(matrix.first, matrix.first + k)
    by[matrix.group][mine, mine] = H
    return criterion.rotated(by), matrix.put(x, lower_root(H.T @ matrix.of(x)))


def _users_columns(criterion: ModelCriterion[Any], root: Root) -> FloatArray:
    """R^-T of a term, (k, k): the user's effects are its columns times those of the basis."""
    mine = slice(root.first, root.first + len(root))
    return np.asarray(np.linalg.inv(criterion.parameters.groups[root.group].R[mine, mine]).T)
