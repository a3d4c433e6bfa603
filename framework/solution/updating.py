"""A fit's formula and arguments for other data, or another formula for the same: what R's ``update`` does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..calls.arguments import Arguments
from ..calls.categories import in_categories
from ..calls.formulas import read_formula
from ..calls.parameters import models_of_parameters
from ..contracts.errors import InputError, InputTypeError
from ..contracts.family import Family
from ..contracts.ordered import OrderedFamily
from ..design.labels import GroupLabels
from ..design.mixed import MixedDesign
from ..design.parameter import INFLATION, SPACINGS, dispersion_among, refuse_models, spelled_out
from ..design.reading import as_mapping
from ..design.reduced import without_correlation, without_dispersion
from ..estimation.generalized import GeneralizedFit, Laplace
from ..estimation.model import Fit, Model
from ..formula.bars import names_in, parse
from ..formula.change import changed_formula
from ..formula.terms import Terms
from ..formula.tokens import nest, tokenize
from ..inference.thresholds import ordered_family_of
from ..notes import tell

#: Arguments of formulas that an update may change, with the data.
VECTORS, BY_NAME = ("weights", "offset", "subset"), ("contrasts", "levels")
OPTIONS = (*VECTORS, *BY_NAME, "na_action", "context")
OF_RESIDUALS = ("residual", "dispersion")
BY_FACTOR = ("covariance", "relationship", "precision")
OF_PARAMETERS = ("dispersion", "zi", "parameters")
OF_DATA = ("formula", "data", *OPTIONS, *BY_FACTOR, "residual", *OF_PARAMETERS)


def model_of_data(fit: Fit, terms: Terms | None, changes: Mapping[str, Any]) -> tuple[Model[Any], Terms | None]:
    """The model of a formula and data, with all that the fit was told and no change takes back.

    Raises
    ------
    InputError, InputTypeError
        For a fit to arrays, without data, or where what the fit was told as an array has to be told again.
    """
    asked = {name: changes[name] for name in OF_DATA if name in changes}
    if (simpler := _without_models(fit, terms, asked)) is not None:
        design, terms = simpler
        model = fit.model.with_settings({name: value for name, value in changes.items() if name not in OF_DATA})
        model = Model.of(design, model.likelihood, model.controls, model.provenance)
        tell(model.likelihood.check(design))
        return (model.with_response(changes["y"]) if "y" in changes else model), terms
    if terms is None:
        raise InputTypeError(
            f"update of {', '.join(asked)} is for fits by formula; this one is to arrays: call ranef.lmm or ranef.glmm"
        )
    if asked.get("data") is None:
        raise InputTypeError(f"update of {', '.join(asked)} needs data= as well: a fit does not keep the data frame")
    if "y" in changes:
        raise InputTypeError("y is the left side of the formula: write formula='log(.) ~ .', for example")
    if told := [name for name in VECTORS if getattr(terms, name) == "array" and name not in asked]:
        raise InputError(
            f"the fit was given {' and '.join(told)} as an array, with the rows of its data: give one for these data "
            "as well, or None"
        )
    formula = changed_formula(terms.formula, asked["formula"]) if "formula" in asked else terms.formula
    options = _options(terms, formula) | {name: asked[name] for name in OPTIONS if name in asked}
    vectors = {name: options.pop(name) for name in ("weights", "offset")}
    by_factor = _by_factor(fit, terms, formula) | {name: asked[name] for name in BY_FACTOR if name in asked}
    if "relationship" in asked:
        by_factor["precision"] = asked.get("precision")
    model = fit.model.with_settings({name: value for name, value in changes.items() if name not in OF_DATA})
    likelihood = model.likelihood
    of_rows = _models(fit, likelihood, terms, asked) if isinstance(likelihood, Laplace) else _of_residuals(terms, asked)
    given = read_formula(
        "update", Arguments(formula, asked["data"], None, **by_factor, **vectors, **of_rows), options=options
    )
    if isinstance(likelihood, Laplace):
        given, family = in_categories(given, likelihood.family, other_data=True)
        likelihood = replace(likelihood, family=family)
    design, provenance = given.design(likelihood.family if isinstance(likelihood, Laplace) else None)
    tell(design.notes)
    tell(likelihood.check(design))
    return Model.of(design, likelihood, model.controls, provenance), given.terms


def _without_models(fit: Fit, terms: Terms | None, asked: Mapping[str, Any]) -> tuple[MixedDesign, Terms | None] | None:
    """The design without the models that are taken away, which needs no data; None where anything else is asked for."""
    if isinstance(fit, GeneralizedFit):
        names = _taken_away(fit.family, asked)
        if not set(asked) <= set(OF_PARAMETERS) or any(name not in names for name in _named(fit.family, asked)):
            return None
        refuse_models(fit.family, names)
        design = fit.model.design
        left = {name: own for name, own in design.parameters.items() if name not in names}
        encoders = terms and {name: own for name, own in terms.parameters.items() if name not in names}
        return replace(design, parameters=left), terms and replace(terms, parameters=encoders or {})
    if not set(asked) <= set(OF_RESIDUALS) or any(value is not None for value in asked.values()):
        return None
    return _without_structure(fit.model.design, terms, asked)


def _without_structure(
    design: MixedDesign, terms: Terms | None, asked: Mapping[str, Any]
) -> tuple[MixedDesign, Terms | None] | None:
    """With independent residuals, or one variance of all; None where `us` would have those of its visits instead."""
    own = design.residual
    if own is None:
        return design, terms
    by_visit = own.labels.scales_are_visits
    if own.labels.kind == "us" and "residual" not in asked:
        return (design, terms) if by_visit else None
    made: MixedDesign | None = design
    if "residual" in asked and own.labels.kind:
        made = without_correlation(design)
    if own.labels.dispersion and ("dispersion" in asked or by_visit) and made is not None:
        made = without_dispersion(made)
    if made is None:
        raise InputError(
            "nothing is left but an ordinary regression: a model needs random effects or correlated residuals"
        )
    if terms is None:
        return made, None
    residual, dispersion = ("" if name in asked else getattr(terms, name) for name in OF_RESIDUALS)
    return made, replace(terms, residual=residual, dispersion=dispersion)


def _named(family: Family, asked: Mapping[str, Any]) -> dict[str, Any]:
    """What is asked of dispersion parameters by their names."""
    named = {str(name): value for name, value in as_mapping(asked.get("parameters"), "parameters").items()}
    of_arguments = {"dispersion": dispersion_among((p.name for p in family.parameters), family), "zi": INFLATION}
    named |= {name: asked[argument] for argument, name in of_arguments.items() if argument in asked and name}
    return spelled_out(family, named)


def _taken_away(family: Family, asked: Mapping[str, Any]) -> set[str]:
    """Dispersion parameters that are to be the same for all rows: None, or a formula of a constant."""
    named = _named(family, asked)
    return {n for n, v in named.items() if v is None or (isinstance(v, str) and v.replace(" ", "") == "~1")}


def _models(fit: Fit, likelihood: Laplace, terms: Terms, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Formulas of dispersion parameters of a generalized model: those of the fit, unless they are given."""
    if asked.get("residual") is not None:
        raise InputTypeError("residual: a generalized model has no correlation of residuals")
    away = _taken_away(likelihood.family, asked)
    kept = {name: encoder.formula for name, encoder in terms.parameters.items() if name not in away}
    given = {name: asked.get(name) for name in OF_PARAMETERS}
    given["parameters"] = {n: v for n, v in as_mapping(given["parameters"], "parameters").items() if v is not None}
    changed = models_of_parameters(likelihood.family, **given)
    if (family := ordered_family_of(fit)) is not None:
        kept = {} if SPACINGS in changed else _of_spacings(family, kept)
    return {"parameters": kept | changed}


def _of_spacings(family: OrderedFamily, models: Mapping[str, str]) -> dict[str, str]:
    """By one word where all spacings have the same model: others of the family or the data may have other names."""
    alike = set(models.values())
    return {SPACINGS: alike.pop()} if len(alike) == 1 and len(models) == len(family.parameters) else dict(models)


def _of_residuals(terms: Terms, asked: Mapping[str, Any]) -> dict[str, Any]:
    """How residuals of a linear model are correlated, and their variances: as in the fit, unless they are given."""
    if told := [name for name in ("zi", "parameters") if asked.get(name) is not None]:
        raise InputTypeError(f"{', '.join(told)}: update of a linear model has no such parameters")
    return {name: asked.get(name, getattr(terms, name) or None) for name in OF_RESIDUALS}


def _options(terms: Terms, formula: str) -> dict[str, Any]:
    """What the fit was told beside the formula, for the variables that are still in it."""
    formulas = [formula, *(encoder.formula for encoder in terms.parameters.values())]
    names = {name for text in formulas for name in names_in(nest(text, tokenize(text)))}
    contrasts = {k: v for encoder in (terms.encoder, *terms.parameters.values()) for k, v in encoder.contrasts.items()}
    options: dict[str, Any] = {name: getattr(terms, name) or None for name in VECTORS}
    by_name = {"contrasts": contrasts, "levels": terms.levels}
    options |= {name: {k: v for k, v in of.items() if k in names} for name, of in by_name.items()}
    return options | {"na_action": terms.na_action, "context": terms.encoder.context}


def _by_factor(fit: Fit, terms: Terms, formula: str) -> dict[str, dict[str, Any]]:
    """Covariance structures and known precisions that were arguments, of the factors that are still in the formula."""
    factors = {group.label for bar in parse(formula).bars for group in bar.groups}
    spoken = {random.label for random in terms.encoder.plan.random if random.word}
    kept = [g for g in fit.model.labels.groups if g.name in factors]
    covariance = {g.name: _structures(g) for g in kept if g.name not in spoken and any(_structures(g))}
    precision = {g.name: (g.grouping.precision.matrix, g.levels) for g in kept if g.grouping.precision is not None}
    return {"covariance": covariance, "precision": precision}


def _structures(g: GroupLabels) -> list[Any]:
    """Structure of each term; that of independent columns is no object."""
    return [t.structure or (None if t.correlated or len(t.columns) == 1 else "diag") for t in g.terms]
