"""Models of dispersion parameters in: `dispersion`, `zi` and `parameters` of a call, by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..contracts.errors import InputError, InputTypeError, shown
from ..contracts.family import Family
from ..contracts.ordered import OrderedFamily
from ..design.parameter import INFLATION, SPACINGS, ParameterDesign, dispersion_among, parameter_design, refuse_models
from ..design.reading import as_mapping
from ..formula.terms import Terms

OTHERS = "Use a family with one (negative_binomial for counts, beta_binomial for proportions of trials)"
OF_SPACINGS = f"The spacings of its thresholds have models by parameters={{{SPACINGS!r}: '~ x'}}"


def models_of_parameters(family: Family, dispersion: Any, parameters: Any, zi: Any) -> dict[str, Any]:
    """Formulas or matrices by the names of the family's parameters.

    `dispersion` is that of the first one that is no probability of extra zeros, `zi` that of this one. Spacings of
    ordered categories have their names from the response: they are as they were given, see `in_categories`.

    Raises
    ------
    InputError, InputTypeError
        For parameters that the family does not have, that are given, or that are named twice.

    Examples
    --------
    >>> from ranef.families import NegativeBinomial, ZeroInflated
    >>> models_of_parameters(ZeroInflated(NegativeBinomial()), "~ site", None, "~ season")
    {'theta': '~ site', 'zi': '~ season'}
    """
    out = {str(name): value for name, value in as_mapping(parameters, "parameters").items()}
    ordered = isinstance(family, OrderedFamily)
    first = dispersion_among((p.name for p in family.parameters), family)
    if dispersion is not None and first is None:
        raise InputError(
            f"dispersion: the {family.name} family has no dispersion parameter, so that it cannot have a model. "
            + (OF_SPACINGS if ordered else OTHERS)
        )
    if zi is not None and not any(p.name == INFLATION for p in family.parameters):
        advice = "0/1 responses have no extra zeros that could be told from others"
        if ordered:
            advice = "a lowest category has no responses that could be told from others of its own"
        elif not (family.weights_are_trials and family.name == "binomial"):
            advice = f"use family='zero_inflated_{family.name}', or a Hurdle, where there is one"
        raise InputError(f"zi: the {family.name} family has no probability of extra zeros: {advice}")
    for argument, name, value in (("dispersion", first, dispersion), ("zi", INFLATION, zi)):
        if value is not None and name is not None:
            if name in out:
                raise InputError(f"{argument} and parameters[{name!r}] are the same parameter: leave one out")
            out[name] = value
    if ordered:
        return out
    refuse_models(family, out)
    return {p.name: out[p.name] for p in family.parameters if p.name in out}


def formulas_of_parameters(models: Mapping[str, Any]) -> dict[str, str]:
    """The same where the call has a formula: each is one itself.

    Raises
    ------
    InputTypeError
        For anything else.
    """
    for name, value in models.items():
        if not isinstance(value, str):
            raise InputTypeError(
                f"parameters[{name!r}] must be a formula, such as '~ x', as the model has one; got {shown(value)}"
            )
        if not value.lstrip().startswith("~"):
            raise InputError(f"parameters[{name!r}] must be a formula without a response, such as '~ x'; got {value!r}")
    return dict(models)


def designs_of_parameters(models: Mapping[str, Any], n: int, terms: Terms | None) -> dict[str, ParameterDesign]:
    """Checked columns of the parameters that are not the same for all rows.

    Raises
    ------
    InputError, InputTypeError
        For formulas beside arrays, matrices that are none, and columns that depend on each other.
    """
    out = {}
    for name, value in models.items():
        if isinstance(value, str):
            raise InputTypeError(
                f"parameters[{name!r}] is a formula, and the model is given by arrays: give a matrix of n rows"
            )
        names = None if terms is None else terms.parameters[name].parts[0].columns
        if (design := parameter_design(name, value, n, names)) is not None:
            out[name] = design
    return out
