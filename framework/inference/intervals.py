"""Confidence intervals of all parameters, by standard errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy

from ..contracts.arrays import BoolArray, FloatArray, real_number
from ..contracts.errors import InputError, InputTypeError, shown
from ..display.records import Table
from ..estimation.covariance import joint_covariance, variance_covariance
from ..estimation.ending import differs
from ..estimation.generalized import GeneralizedFit
from ..estimation.linear import LinearFit
from ..estimation.model import Fit
from .quantities import Coefficient, quantities
from .quantity import Point, Quantity
from .wald import WaldTest

#: Sets of parameters that have a name.
SETS = ("all", "fixed", "random")
#: Why there are neither estimates nor limits.
UNDETERMINED = "the data do not determine it"
#: Steps of central differences, in parts of a large change of a parameter.
STEP = 1e-5


@dataclass(frozen=True, eq=False, repr=False)
class Intervals(Table):
    """Confidence intervals: columns ``parameter``, ``estimate``, ``lower`` and ``upper``.

    Parameters
    ----------
    method : str
        "wald" or "profile".
    level : float
    reasons : mapping of str to str
        Why limits are NaN, by parameter.
    """

    method: str = ""
    level: float = 0.95
    reasons: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Coefficients:
    """The fixed effects of a solution, dropped ones included, with their tests."""

    estimates: FloatArray
    se: FloatArray
    test: WaldTest

    def limits(self, level: float) -> FloatArray:
        """By quantiles of the tests' distributions, (p, 2)."""
        half = self.test.quantiles(level) * self.se
        return np.column_stack([self.estimates - half, self.estimates + half])


def wald_intervals(fit: Fit, coefficients: Coefficients, which: Any, level: float) -> Intervals:
    """Estimates and multiples of their standard errors: of variance parameters on the log and on Fisher's z scale."""
    asked = chosen(quantities(fit), which)
    random = [q for q in asked if not q.fixed]
    fixed = [q for q in asked if isinstance(q, Coefficient)]
    kept = fit.labels.fixed.kept[[q.j for q in fixed]]
    limits, estimates = coefficients.limits(level)[kept], coefficients.estimates[kept]
    unknown = np.isnan(coefficients.se[kept])
    reasons = {q.name: UNDETERMINED for q, nan in zip(fixed, unknown, strict=True) if nan}
    if random:
        values, of_random, words = _of_variances(fit, random, level)
        estimates, limits, reasons = np.append(values, estimates), np.vstack([of_random, limits]), words | reasons
    return interval_table("wald", level, [q.name for q in asked], estimates, limits, reasons)


def _of_variances(fit: Fit, random: Sequence[Quantity], level: float) -> tuple[FloatArray, FloatArray, dict[str, str]]:
    """Estimates, limits, and words on those that have none."""
    values, units = (_values(fit, random, natural) for natural in (_natural(fit), _sizes(fit)))
    unknown, se = undetermined(fit, random), _standard_errors(fit, random)
    limits, reasons = np.full((len(random), 2), np.nan), {}
    for i, q in enumerate(random):
        if unknown[i]:
            values[i], reasons[q.name] = np.nan, UNDETERMINED
        elif q.at_boundary(values[i], units[i]):
            reasons[q.name] = "it is at the boundary, where it has no standard error"
        elif np.isnan(se[i]):
            reasons[q.name] = "the Hessian gives no standard error"
        else:
            center, half = q.to_normal(values[i]), scipy.special.ndtri(0.5 + level / 2.0) * se[i]
            limits[i] = q.from_normal(center - half), q.from_normal(center + half)
    return values, limits, reasons


def undetermined(fit: Fit, random: Sequence[Quantity]) -> BoolArray:
    """Which variance parameters differ between points of the same deviance."""
    values, out = _values(fit, random, _natural(fit)), np.zeros(len(random), dtype=bool)
    for other in fit.elsewhere:
        there = _values(other, random, _natural(other))
        out |= differs(values, there, np.maximum(np.abs(values), [q.size for q in random]))
    return out


def _standard_errors(fit: Fit, random: Sequence[Quantity]) -> FloatArray:
    """On the scales where estimates are nearest to normal, by the delta method."""
    natural = _natural(fit)
    with np.errstate(invalid="ignore"):
        J = np.zeros((len(random), len(natural)))
        for k, step in enumerate(STEP * _sizes(fit)):
            up, down = (
                [q.to_normal(v) for q, v in zip(random, _values(fit, random, there), strict=True)]
                for there in (natural + step * np.eye(len(natural))[k], natural - step * np.eye(len(natural))[k])
            )
            J[:, k] = np.subtract(up, down) / (2.0 * step)
        covariance = _covariance(fit)
        # a parameter that does not matter here may well have no covariance
        parts = np.where((J == 0.0)[:, :, None] | (J == 0.0)[:, None, :], 0.0, covariance)
        return np.asarray(np.sqrt(np.einsum("qa,qab,qb->q", J, parts, J)))


def _values(fit: Fit, random: Sequence[Quantity], natural: FloatArray) -> FloatArray:
    """Of the parameters, on the user's scale."""
    m = len(fit.theta)
    theta, rest = natural[:m], natural[m:]
    if isinstance(fit, LinearFit):
        theta, rest = theta * fit.parameters.unit(float(rest[0])), np.log(rest)
    point = Point(fit.parameters, fit.gamma, theta, rest)
    return np.array([q.value(point) for q in random])


def _natural(fit: Fit) -> FloatArray:
    """theta, and sigma or xi."""
    if isinstance(fit, GeneralizedFit):
        return np.append(fit.theta, fit.xi)
    return np.append(fit.theta, fit.scale)


def _sizes(fit: Fit) -> FloatArray:
    """What is a large change of each of these."""
    unit = fit.parameters.unit(fit.eta)
    if isinstance(fit, GeneralizedFit):
        return np.append(unit, np.ones(len(fit.xi_start)))
    return np.append(unit, fit.scale)


def _covariance(fit: Fit) -> FloatArray:
    """Of theta, and sigma or xi; NaN where they are at a boundary, or not determined."""
    if isinstance(fit, GeneralizedFit):
        if fit.nagq == 0:
            return np.full((len(_natural(fit)),) * 2, np.nan)
        return joint_covariance(fit.factorized())[len(fit.gamma) :, len(fit.gamma) :]
    assert isinstance(fit, LinearFit)
    return variance_covariance(fit.factorized())


def variance_parameters(fit: Fit) -> tuple[list[Quantity], FloatArray]:
    """Variance and dispersion parameters with their estimates, NaN where the data do not determine them."""
    random = chosen(quantities(fit), "random")
    values = _values(fit, random, _natural(fit))
    values[undetermined(fit, random)] = np.nan
    return random, values


# What the methods share -----------------------------------------------------------------------------------------------


def chosen(everything: Sequence[Quantity], which: Any) -> list[Quantity]:
    """The parameters that are asked for, in their order.

    Raises
    ------
    InputError, InputTypeError
        For names that are unknown.
    """
    if isinstance(which, str) and which in SETS:
        return [q for q in everything if which == "all" or q.fixed == (which == "fixed")]
    names = [which] if isinstance(which, str) else which
    if not isinstance(names, Sequence) or not all(isinstance(name, str) for name in names):
        raise InputTypeError(f"which must be 'fixed', 'random', 'all' or names of parameters; got {shown(which)}")
    known = [q.name for q in everything]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise InputError(
            f"which: there is no parameter {', '.join(map(repr, unknown))}; use 'fixed', 'random', 'all', or names of "
            f"{', '.join(known)}"
        )
    return [q for q in everything if q.name in names]


def checked_level(level: Any) -> float:
    """A level between 0 and 1.

    Raises
    ------
    InputError, InputTypeError
        For anything else.
    """
    number = real_number(level, "level")
    if not 0.0 < number < 1.0:
        raise InputError(f"level must lie between 0 and 1; got {number}")
    return number


def interval_table(
    method: str,
    level: float,
    names: Sequence[str],
    estimates: FloatArray,
    limits: FloatArray,
    reasons: Mapping[str, str],
    notes: tuple[str, ...] = (),
) -> Intervals:
    """The record, which says why limits are NaN."""
    reasons = {name: word for name, word in reasons.items() if word}
    title = f"{100.0 * level:g}% {'Wald' if method == 'wald' else method} intervals"
    columns = {"parameter": list(names), "estimate": estimates, "lower": limits[:, 0], "upper": limits[:, 1]}
    headers = {"lower": f"{50.0 - 50.0 * level:g} %", "upper": f"{50.0 + 50.0 * level:g} %"}
    said = (*notes, *(f"{name}: {word}." for name, word in reasons.items()))
    return Intervals(columns, title=title, notes=said, headers=headers, method=method, level=level, reasons=reasons)
