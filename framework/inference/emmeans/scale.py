"""The scale that means are on, and the way back: inverse links, and transformations of the response undone."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from ...contracts.arrays import FloatArray
from ...estimation.generalized import GeneralizedFit
from ...estimation.model import Fit
from ...formula.expressions import Names
from ...formula.terms import Terms
from ...prediction.response import mean_of, slope_of

#: A function and its derivative.
Way = tuple[Callable[[FloatArray], FloatArray], Callable[[FloatArray], FloatArray]]


@dataclass(frozen=True, eq=False)
class Scale:
    """How estimates are taken back.

    Parameters
    ----------
    name : str
        Of the scale that they are on, "" where this is that of the response.
    header : str
        What they are called when they are back: "prob", "rate", "response", "ratio", "odds.ratio".
    inverse, slope : callable
        The way back, and its derivative.
    differences : Scale, optional
        Of differences, where these have a way back: ratios of logarithms, odds ratios of logits.
    """

    name: str = ""
    header: str = "estimate"
    inverse: Callable[[FloatArray], FloatArray] = field(default=lambda eta: eta, repr=False)
    slope: Callable[[FloatArray], FloatArray] = field(default=np.ones_like, repr=False)
    differences: Scale | None = None


def scale_of(fit: Fit, terms: Terms) -> Scale:
    """Of a fit: its link, or the transformation of the response that the formula has."""
    if isinstance(fit, GeneralizedFit) and fit.family.link.name != "identity":
        return _of_link(fit)
    response = terms.encoder.plan.response
    return _of_response(response[0], terms.encoder.plan.names) if len(response) == 1 else Scale()


def _of_link(fit: GeneralizedFit) -> Scale:
    link, family = fit.family.link, fit.family
    header = "prob" if link.range == (0.0, 1.0) else "rate" if "poisson" in family.name else "response"
    differences = None
    if link.multiplicative:
        differences = Scale(link.name, "ratio", np.exp, np.exp)
    elif link.name == "logit":
        differences = Scale("log odds ratio", "odds.ratio", np.exp, np.exp)
    return Scale(link.name, header, lambda eta: mean_of(fit, eta), lambda eta: slope_of(fit, eta), differences)


# Transformations of the response ------------------------------------------------------------------------------------

_LOGS = {"log": np.e, "log2": 2.0, "log10": 10.0}
#: Inverses of the functions that formulas have.
_INVERSES: Mapping[str, Way] = {
    "log1p": (np.expm1, np.exp),
    "exp": (np.log, lambda v: 1.0 / v),
    "expm1": (np.log1p, lambda v: 1.0 / (1.0 + v)),
    "sqrt": (np.square, lambda v: 2.0 * v),
    "I": (lambda v: v, np.ones_like),
}


def _of_response(tree: ast.expr, names: Names) -> Scale:
    """Undo the layers of an expression from outside, as far as they can be; shifts and units alone stay."""
    layers: list[Way] = []
    curved, at, differences = False, tree, None
    while (found := _outermost(at)) is not None:
        way, inner, is_curved = found
        layers.append(way)
        curved |= is_curved
        at = inner
    if not curved:
        return Scale()
    if (base := _base(tree)) is not None:
        differences = Scale("log", "ratio", *_power_of(base))
    return Scale(names.display(ast.unparse(tree)), "response", *_chained(layers), differences)


def _outermost(tree: ast.expr) -> tuple[Way, ast.expr, bool] | None:
    """The way back through the outermost layer, what is inside, and whether it is more than a shift or a unit."""
    if (base := _base(tree)) is not None and isinstance(tree, ast.Call):
        return _power_of(base), tree.args[0], True
    match tree:
        case ast.Call(func=ast.Name(id=name), args=[inner], keywords=[]) if name in _INVERSES:
            return _INVERSES[name], inner, name != "I"
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            return (np.negative, lambda v: -np.ones_like(v)), inner, False
        case ast.BinOp(left=inner, op=op, right=ast.Constant(value=int() | float() as c)):
            return _right(op, inner, float(c))
        case ast.BinOp(left=ast.Constant(value=int() | float() as c), op=op, right=inner):
            return _left(op, inner, float(c))
    return None


def _base(tree: ast.expr) -> float | None:
    """Of a logarithm."""
    match tree:
        case ast.Call(func=ast.Name(id=name), args=[_], keywords=[]) if name in _LOGS:
            return _LOGS[name]
        case ast.Call(func=ast.Name(id="log"), args=[_, ast.Constant(value=int() | float() as base)], keywords=[]):
            return float(base)
    return None


def _power_of(base: float) -> Way:
    unit = np.log(base)
    return lambda v: np.exp(unit * v), lambda v: unit * np.exp(unit * v)


def _right(op: ast.operator, inner: ast.expr, c: float) -> tuple[Way, ast.expr, bool] | None:
    match op:
        case ast.Add():
            return (lambda v: v - c, np.ones_like), inner, False
        case ast.Sub():
            return (lambda v: v + c, np.ones_like), inner, False
        case ast.Mult() if c != 0.0:
            return (lambda v: v / c, lambda v: np.full_like(v, 1.0 / c)), inner, False
        case ast.Div() if c != 0.0:
            return (lambda v: v * c, lambda v: np.full_like(v, c)), inner, False
        case ast.Pow() if c not in (0.0, 1.0):
            return (lambda v: v ** (1.0 / c), lambda v: v ** (1.0 / c - 1.0) / c), inner, True
    return None


def _left(op: ast.operator, inner: ast.expr, c: float) -> tuple[Way, ast.expr, bool] | None:
    match op:
        case ast.Add() | ast.Mult():
            return _right(op, inner, c)
        case ast.Sub():
            return (lambda v: c - v, lambda v: -np.ones_like(v)), inner, False
        case ast.Div() if c != 0.0:
            return (lambda v: c / v, lambda v: -c / v**2), inner, True
    return None


def _chained(layers: list[Way]) -> Way:
    def inverse(v: FloatArray) -> FloatArray:
        with np.errstate(all="ignore"):
            for back, _ in layers:
                v = back(v)
        return v

    def slope(v: FloatArray) -> FloatArray:
        total = np.ones_like(v)
        with np.errstate(all="ignore"):
            for back, derivative in layers:
                total, v = total * derivative(v), back(v)
        return total

    return inverse, slope
