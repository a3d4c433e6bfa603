"""A formula in: the arguments of the array front ends that it stands for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypedDict

from ..contracts.errors import InputError, InputTypeError, shown
from ..contracts.family import Family
from ..contracts.linalg import LinalgBackend
from ..contracts.observer import Observer
from ..contracts.optim import Optimizer
from ..design.reading import as_mapping
from ..design.terms import refuse_unknown_factors
from ..formula.model_frame import ModelFrame, read_frame
from ..notes import tell
from .arguments import Arguments
from .parameters import formulas_of_parameters

#: Arguments of arrays that a formula says itself.
SAID = ("random_effects", "random_data", "correlated", "x_names", "y_name")


class FitOptions(TypedDict, total=False):
    """Arguments that formulas and arrays share."""

    tol: float
    max_iter: int
    weights: Any
    offset: Any
    covariance: Mapping[str, Any] | None
    relationship: Mapping[str, Any] | None
    precision: Mapping[str, Any] | None
    start: Any
    conf_level: float
    backend: str | LinalgBackend
    optimizer: str | Optimizer
    callbacks: Sequence[Observer | str] | Observer | str | None
    verbose: bool


class LinearOptions(FitOptions, total=False):
    """... of `ranef.lmm`."""

    reml: bool
    compute_satterthwaite: bool
    residual: Any
    dispersion: Any


class GeneralizedOptions(FitOptions, total=False):
    """... of `ranef.glmm`."""

    family: str | Family
    nagq: int
    hessian: str
    dispersion: Any
    zi: Any
    parameters: Mapping[str, Any] | None


class FormulaOptions(TypedDict, total=False):
    """Arguments of formulas alone, see `ranef.model_frame`."""

    contrasts: Mapping[str, str] | None
    na_action: str | None
    subset: Any
    levels: Mapping[str, Sequence[Any]] | None
    context: Mapping[str, Any] | None


class LinearFormula(LinearOptions, FormulaOptions, total=False):
    """Arguments of `ranef.lmm` beside formula and data."""


class GeneralizedFormula(GeneralizedOptions, FormulaOptions, total=False):
    """Arguments of `ranef.glmm` beside formula and data."""


def read_formula(
    function: str,
    given: Arguments,
    *,
    formula: Any = None,
    data: Any = None,
    options: Mapping[str, Any],
    response: bool = True,
) -> Arguments:
    """The arguments of arrays: as they were given, or what a formula makes of its data.

    Parameters
    ----------
    function : str
        For messages.
    given : Arguments
        ``lmm(y, X, groups)``, or ``lmm(formula, data)``, where y is the formula and X the data.
    formula, data
        Where they were given by name.
    options : dict
        Those of `FormulaOptions`.
    response : bool
        Whether the response is needed; it is zero without.
    """
    y, X = given.y, given.X
    if formula is None and not isinstance(y, str):
        for_formulas = [name for name, value in {**options, "data": data}.items() if value is not None]
        if for_formulas and for_formulas != ["na_action"]:
            raise InputTypeError(
                f"{', '.join(for_formulas)}: for formulas only, as in ranef.{function}('y ~ x + (1 | g)', data)"
            )
        if given.groups is None and y is None and X is None:
            arrays = "y, X and groups" if response else "X and groups"
            raise InputTypeError(f"{function} needs a formula and data, or {arrays}")
        return given
    if formula is not None and y is not None:
        raise InputTypeError(f"{function} takes a formula or y, not both")
    if (X is not None and data is not None) or given.groups is not None:
        raise InputTypeError(
            f"y is the text {shown(y or formula)}, so it is read as a formula, which takes one data frame: "
            f"ranef.{function}(formula, data)"
        )
    if X is None and data is None:
        raise InputTypeError(f"{function} with a formula needs data: ranef.{function}({shown(y or formula)}, data)")
    if other := [name for name in SAID if getattr(given, name) is not None]:
        raise InputTypeError(f"{', '.join(other)}: the formula says this; leave it out")
    chosen = {name: value for name, value in options.items() if value is not None}
    text, table = (y if formula is None else formula), (X if data is None else data)
    vectors = {"weights": given.weights, "offset": given.offset, "subset": chosen.pop("subset", None)}
    of_residuals = {"residual": given.residual, "dispersion": given.dispersion}
    models = formulas_of_parameters(given.parameters)
    frame = read_frame(text, table, vectors, response=response, parameters=models, **of_residuals, **chosen)
    tell(frame.notes)
    return replace(
        given,
        **frame.arguments()
        | {"covariance": _merged(frame, given.covariance), "terms": frame.terms}
        | {"outcomes": frame.outcomes, "unordered": frame.unordered},
    )


def _merged(frame: ModelFrame, covariance: Any) -> dict[str, Any] | None:
    """Structures of the formula's words and of the argument, which must not speak of one factor."""
    given, words = as_mapping(covariance, "covariance"), frame.covariance or {}
    refuse_unknown_factors("covariance", given, list(frame.groups))
    if both := [str(name) for name in given if name in words]:
        raise InputError(f"covariance names {', '.join(both)}, whose structure stands in the formula: leave one out")
    return {**given, **words} or None
