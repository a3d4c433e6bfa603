"""Predictions of dispersion parameters, and of the probability of extra zeros."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy

from ..contracts.arrays import FloatArray
from ..contracts.errors import InputError, InputTypeError, shown
from ..design.arrays import as_numbers
from ..design.parameter import INFLATION, dispersion_among, spelled_out
from ..design.reading import as_mapping
from ..estimation.dispersion import to_natural
from ..estimation.ending import differs
from ..estimation.generalized import GeneralizedFit
from ..estimation.model import Fit
from ..formula.columns import Frame
from ..formula.terms import Terms
from .rows import parameter_rows

#: Kinds of predictions that are means of the response.
MEANS = ("mean", "conditional")


def parameter_of(fit: Fit, kind: Any) -> str | None:
    """The dispersion parameter that a kind of prediction is of; None for means.

    Raises
    ------
    InputError, InputTypeError
        For kinds that the model does not have.
    """
    if not isinstance(kind, str):
        raise InputTypeError(f"type must be a text; got {shown(kind)}")
    if kind == "mean":
        return None
    if not isinstance(fit, GeneralizedFit):
        raise InputError(f"type={kind!r}: a linear model predicts means only")
    if kind == "conditional":
        return None
    names = [p.name for p in fit.family.parameters]
    short = {"zprob": INFLATION, "disp": dispersion_among(names, fit.family) or ""}
    name = short.get(kind, kind)
    if name not in names:
        known = [*MEANS, *(word for word, of in short.items() if of in names), *names]
        raise InputError(f"type must be one of {', '.join(dict.fromkeys(known))}; got {shown(kind)}")
    return name


def predict_parameter(
    fit: GeneralizedFit,
    name: str,
    newdata: Any,
    terms: Terms | None,
    *,
    on_link: bool,
    se: bool,
    level: float | None,
    covariance: Callable[[], FloatArray],
) -> dict[str, FloatArray]:
    """Values of one parameter, with standard errors and limits as asked for, by the normal law of unconstrained ones.

    `covariance` gives that of (gamma, theta, xi), where it is needed.

    Raises
    ------
    InputError, InputTypeError
        For new data that lack the parameter's columns.
    """
    rows, scale = _rows(fit, name, newdata, terms), fit.dispersion
    parameter = next(p for p in scale.parameters if p.name == name)
    if parameter.fixed is not None:
        if on_link:
            raise InputError(f"type={name!r}: {name} was given, and has no other scale")
        given = np.full(len(rows), parameter.fixed)
        columns = {"fit": given} | ({"se": 0.0 * given} if se else {})
        return columns | ({"lower": given, "upper": given} if level is not None else {})

    def shown_as(free: FloatArray) -> FloatArray:
        return free if on_link else np.asarray(to_natural(parameter, free)[0])

    place = scale.place(name)
    free = rows @ fit.xi[place]
    for other in fit.elsewhere:
        free = np.where(differs(free, rows @ other.xi[place], 1.0), np.nan, free)
    columns = {"fit": shown_as(free)}
    if not se and level is None:
        return columns
    sd = np.full(len(rows), np.nan)
    if fit.has_joint_covariance:
        first = len(fit.gamma) + len(fit.theta)
        V = covariance()[first:, first:][place, place]
        sd = np.where(np.isnan(free), np.nan, np.sqrt(np.einsum("na,ab,nb->n", rows, V, rows)))
    if se:
        columns["se"] = sd if on_link else sd * to_natural(parameter, free)[1]
    if level is not None:
        half = scipy.special.ndtri(0.5 + 0.5 * level) * sd
        columns["lower"], columns["upper"] = shown_as(free - half), shown_as(free + half)
    return columns


def phi_of(fit: GeneralizedFit, newdata: Any, terms: Terms | None) -> FloatArray:
    """Dispersion parameters of new rows, or those of the fit: (r,), or (r, n) where some have a model.

    Raises
    ------
    InputError, InputTypeError
        For new data that lack the columns of a parameter.
    """
    scale = fit.dispersion
    return scale.to_natural(fit.xi, {name: _rows(fit, name, newdata, terms) for name in scale.models})[0]


def _rows(fit: GeneralizedFit, name: str, newdata: Any, terms: Terms | None) -> FloatArray:
    """Rows of the basis of the parameter's model: ones where it has none."""
    labels = fit.model.labels.parameters.get(name)
    if newdata is None:
        design = fit.model.design
        return np.ones((design.n, 1)) if labels is None else design.parameters[name].Q
    if terms is not None:
        if labels is None:
            return np.ones((Frame(newdata).n, 1))
        return labels.in_basis(terms.parameters[name].fixed_columns(newdata))
    given = as_mapping(newdata, "newdata")
    if labels is None:
        return np.ones((len(as_numbers(given.get("X"), "newdata['X']", ndim=2)), 1))
    columns = as_mapping(given.get("parameters"), "newdata['parameters']")
    return parameter_rows({name: labels}, spelled_out(fit.family, columns), None)[name]
