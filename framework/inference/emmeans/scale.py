"""The scale that means are on, and the way back: inverse links, and transformations of the response undone."""

from __future__ import annotations

import ast
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from ...contracts.arrays import FloatArray
from ...contracts.ordered import OrderedFamily
from ...estimation.covariance import estimates_covariance
from ...estimation.generalized import GeneralizedFit
from ...estimation.model import Fit
from ...formula.expressions import Names
from ...formula.terms import Terms
from ...prediction.response import depends_on_phi, limits_of_mean, mean_of, slope_of, slopes_of_mean

#: Said of ratios where the mean of a response is not the inverse link alone.
OF_MU = "Ratios are of means before extra zeros and truncation, as glmmTMB has them, not of means of responses"


class Step(ABC):
    """One step of the way back."""

    @abstractmethod
    def back(self, v: FloatArray) -> FloatArray:
        """Values before the transformation."""

    @abstractmethod
    def slope(self, v: FloatArray) -> FloatArray:
        """Derivative of `back`."""


@dataclass(frozen=True)
class Scale:
    """How estimates are taken back.

    Parameters
    ----------
    name : str
        Of the scale that they are on, "" where this is that of the response.
    header : str
        What they are called when they are back: "prob", "rate", "response", "ratio", "odds.ratio".
    steps : tuple of Step
        The way back.
    differences : Scale, optional
        Of differences, where these have a way back: ratios of logarithms, odds ratios of logits.
    note : str
        What else is to be known of estimates that are back.
    """

    name: str = ""
    header: str = ""
    steps: tuple[Step, ...] = ()
    differences: Scale | None = None
    note: str = ""

    def back(self, v: FloatArray) -> FloatArray:
        """On the scale of the response."""
        with np.errstate(all="ignore"):
            for step in self.steps:
                v = step.back(v)
        return v

    def limits(self, value: FloatArray, ends: tuple[FloatArray, FloatArray]) -> tuple[FloatArray, FloatArray]:
        """Limits of intervals around values, in their order; NaN beyond an edge of the scale."""
        falls = self.slope(value) < 0.0
        first, last = map(self.back, ends)
        lower, upper = np.where(falls, last, first), np.where(falls, first, last)
        apart = lower > upper  # the interval goes through a pole, as that of 1 / y at 0
        return np.where(apart, np.nan, lower), np.where(apart, np.nan, upper)

    def shown(
        self, value: FloatArray, se: FloatArray, quantiles: FloatArray, rows: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Estimates, standard errors and limits on the scale of the response.

        Parameters
        ----------
        value, se, quantiles : (c,) arrays
            On this scale: estimates, their standard errors, and how many of these limits are away.
        rows : (c, r) array
            Weights of the coefficients of the basis.
        """
        lower, upper = self.limits(value, (value - quantiles * se, value + quantiles * se))
        return self.back(value), np.abs(self.slope(value)) * se, lower, upper

    def slope(self, v: FloatArray) -> FloatArray:
        """Derivative of `back`."""
        total = np.ones_like(v)
        with np.errstate(all="ignore"):
            for step in self.steps:
                total, v = total * step.slope(v), step.back(v)
        return total


def scale_of(fit: Fit, terms: Terms) -> Scale:
    """Of a fit: its link, or the transformation of the response that the formula has.

    Examples
    --------
    >>> import ranef
    >>> data = ranef.datasets.load("sleepstudy")
    >>> fit = ranef.lmm("log(Reaction / 1000) ~ Days + (1 | Subject)", data)
    >>> scale = scale_of(fit._fit, fit.terms)
    >>> scale.name, scale.back(np.array([-1.0])).round(2).tolist()
    ('log(Reaction / 1000)', [367.88])
    """
    if isinstance(fit, GeneralizedFit) and fit.family.link.name != "identity":
        return _of_link(fit)
    response = terms.encoder.plan.response
    return _of_response(response[0], terms.encoder.plan.names) if len(response) == 1 else Scale()


# Links --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class InverseLink(Step):
    """To the mean response of a fit."""

    fit: GeneralizedFit

    def back(self, v: FloatArray) -> FloatArray:
        """The mean."""
        return mean_of(self.fit, v)

    def slope(self, v: FloatArray) -> FloatArray:
        """Its derivative."""
        return slope_of(self.fit, v)


@dataclass(frozen=True)
class ScaleOfMean(Scale):
    """That of a mean that may depend on dispersion parameters, which are estimated as well.

    Where these have a model there is no way back: they differ from row to row (see `responses`).
    """

    def shown(
        self, value: FloatArray, se: FloatArray, quantiles: FloatArray, rows: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """By the delta method from all parameters; limits as `predict` has them."""
        (step,) = self.steps
        assert isinstance(step, InverseLink)
        fit = step.fit
        mean, D = self.back(value), slopes_of_mean(fit, value, rows)
        if not D[:, len(D.T) - len(fit.xi) :].any():
            return super().shown(value, se, quantiles, rows)
        total = np.sqrt(np.einsum("na,ab,nb->n", D, estimates_covariance(fit.factorized()), D))
        total = np.where(np.isnan(se), np.nan, total)
        return mean, total, *limits_of_mean(fit, mean, quantiles * total)


def _of_link(fit: GeneralizedFit) -> Scale:
    link, family = fit.family.link, fit.family
    header = "prob" if link.range == (0.0, 1.0) else "rate" if family.name == "poisson" else "response"
    differences = None
    if link.multiplicative:
        note = OF_MU * (depends_on_phi(family) and not isinstance(family, OrderedFamily))
        differences = Scale(link.name, "ratio", (Power(math.e),), note=note)
    elif link.name == "logit":
        differences = Scale("log odds ratio", "odds.ratio", (Power(math.e),))
    kind = ScaleOfMean if depends_on_phi(family) and (fit.has_joint_covariance or fit.dispersion.models) else Scale
    return kind(link.name, header, (InverseLink(fit),), differences)


# Transformations of the response ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Power(Step):
    """Undoes a logarithm."""

    base: float

    def back(self, v: FloatArray) -> FloatArray:
        """base^v."""
        return np.asarray(np.exp(np.log(self.base) * v))

    def slope(self, v: FloatArray) -> FloatArray:
        """log(base) base^v."""
        return np.asarray(np.log(self.base) * self.back(v))


@dataclass(frozen=True)
class Root(Step):
    """Undoes v^power."""

    power: float

    def back(self, v: FloatArray) -> FloatArray:
        """v^(1 / power); NaN where no power is negative, as no square root is."""
        return np.where((v < 0.0) & ((1.0 / self.power) % 2.0 == 0.0), np.nan, v ** (1.0 / self.power))

    def slope(self, v: FloatArray) -> FloatArray:
        """v^(1 / power - 1) / power."""
        return np.asarray(v ** (1.0 / self.power - 1.0) / self.power)


@dataclass(frozen=True)
class Line(Step):
    """Undoes shifts and units."""

    factor: float
    shift: float

    def back(self, v: FloatArray) -> FloatArray:
        """factor v + shift."""
        return self.factor * v + self.shift

    def slope(self, v: FloatArray) -> FloatArray:
        """The factor."""
        return np.full_like(v, self.factor)


@dataclass(frozen=True)
class Known(Step):
    """Undoes a function that formulas have."""

    name: str

    def back(self, v: FloatArray) -> FloatArray:
        """The inverse function."""
        return np.asarray(_INVERSES[self.name][0](v))

    def slope(self, v: FloatArray) -> FloatArray:
        """Its derivative."""
        return np.asarray(_INVERSES[self.name][1](v))


#: Inverses with their derivatives.
_INVERSES: Mapping[str, tuple[Callable[[FloatArray], FloatArray], Callable[[FloatArray], FloatArray]]] = {
    "log1p": (np.expm1, np.exp),
    "exp": (np.log, lambda v: 1.0 / v),
    "expm1": (np.log1p, lambda v: 1.0 / (1.0 + v)),
}
_LOGS = {"log": math.e, "log2": 2.0, "log10": 10.0}


def _of_response(tree: ast.expr, names: Names) -> Scale:
    """Undo the layers of an expression from outside, as far as they can be; shifts and units alone stay."""
    steps: list[Step] = []
    at = tree
    while (found := _outermost(at)) is not None:
        step, at = found
        steps.append(step)
    if all(isinstance(step, Line) for step in steps):
        return Scale()
    differences = Scale("log", "ratio", (steps[0],)) if isinstance(steps[0], Power) else None
    return Scale(names.display(ast.unparse(tree)), "response", tuple(steps), differences)


def _outermost(tree: ast.expr) -> tuple[Step, ast.expr] | None:
    """What undoes the outermost layer, and what is inside."""
    match tree:
        case ast.Call(func=ast.Name(id=name), args=[inner], keywords=[]) if name in _LOGS:
            return Power(_LOGS[name]), inner
        case ast.Call(func=ast.Name(id="log"), args=[inner, ast.Constant(value=int() | float() as base)], keywords=[]):
            return Power(float(base)), inner
        case ast.Call(func=ast.Name(id=name), args=[inner], keywords=[]) if name in _INVERSES:
            return Known(name), inner
        case ast.Call(func=ast.Name(id="sqrt"), args=[inner], keywords=[]):
            return Root(0.5), inner
        case ast.Call(func=ast.Name(id="I"), args=[inner], keywords=[]) if not isinstance(inner, ast.Compare):
            return Line(1.0, 0.0), inner
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            return Line(-1.0, 0.0), inner
        case ast.BinOp(left=inner, op=op, right=ast.Constant(value=int() | float() as c)):
            step = _by_right(op, float(c))
        case ast.BinOp(left=ast.Constant(value=int() | float() as c), op=op, right=inner):
            step = _by_left(op, float(c))
        case _:
            return None
    return None if step is None else (step, inner)


def _by_right(op: ast.operator, c: float) -> Step | None:
    """Undoes v + c, v - c, v c, v / c, v^c."""
    match op:
        case ast.Add():
            return Line(1.0, -c)
        case ast.Sub():
            return Line(1.0, c)
        case ast.Mult() if c != 0.0:
            return Line(1.0 / c, 0.0)
        case ast.Div():
            return Line(c, 0.0)
        case ast.Pow() if c != 0.0:
            return Root(c)
    return None


def _by_left(op: ast.operator, c: float) -> Step | None:
    """Undoes c + v, c - v, c v; and 1 / v."""
    match op:
        case ast.Add() | ast.Mult():
            return _by_right(op, c)
        case ast.Sub():
            return Line(-1.0, c)
        case ast.Div() if c == 1.0:
            return Root(-1.0)
    return None
