"""Which package of R fits a model, and why others do not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..contracts.errors import InputError
from ..contracts.family import Family
from ..contracts.in_r import in_r
from ..contracts.links import STANDARD
from ..design.parameter import INFLATION
from ..estimation.generalized import GeneralizedFit
from ..estimation.linear import LinearFit
from ..inference.thresholds import ordered_family_of
from .r_variables import Variables

#: Links by package, by our names; R's names are the same.
LINKS = {
    "lme4": ("logit", "probit", "cloglog", "cauchit", "log", "identity", "sqrt"),
    "glmmTMB": ("logit", "probit", "cloglog", "log", "identity", "sqrt", "inverse"),
}
#: Structures of glmmTMB whose effects are those of a factor's levels.
OF_LEVELS = ("ar1",)


def package_for(fit: Any, variables: Variables) -> str:
    """lme4 where it can, else glmmTMB.

    Raises
    ------
    InputError
        Where neither can, with the reasons.
    """
    if ordered_family_of(fit) is not None:
        if why_not := list(_not_in_ordinal(fit)):
            raise InputError(f"no package of R that ranef knows fits this model. ordinal: {'; '.join(why_not)}")
        return "ordinal"
    common = [*_relationships(fit)]
    reasons = {"lme4": [*common, *_not_in_lme4(fit)], "glmmTMB": [*common, *_not_in_glmmtmb(fit, variables)]}
    for package, why_not in reasons.items():
        if not why_not:
            return package
    told = ". ".join(f"{package}: {'; '.join(why_not)}" for package, why_not in reasons.items())
    raise InputError(f"no package of R that ranef knows fits this model. {told}")


def _not_in_lme4(fit: Any) -> Iterator[str]:
    for term in fit.labels.terms:
        if term.structure is not None:
            yield f"it has no covariance structures, {term.structure.name} for one"
    if isinstance(fit, LinearFit):
        return
    if fit.labels.parameters:
        yield "it has no models of dispersion parameters"
    strange = list(_not_the_family(fit.family, "lme4"))
    yield from strange
    if fit.nagq > 1 and sum(len(g.column_names) for g in fit.groups) > 1:
        yield f"its quadrature (nAGQ = {fit.nagq}) takes one random intercept or slope only"
    if not strange and fit.nagq < 2 and fit.likelihood.weights_in_logdet == "observed" and not _canonical(fit):
        yield "its Laplace approximation has expected weights (hessian='expected'), and that of this fit observed ones"


def _not_in_glmmtmb(fit: Any, variables: Variables) -> Iterator[str]:
    for term in fit.labels.terms:
        if term.structure is None:
            continue
        known = in_r(term.structure, "glmmTMB")
        if known is None:
            yield f"none of its covariance structures is known to be {term.structure.name}"
        elif known.name in OF_LEVELS and len(variables.effects[term.group, term.columns]) > 1:
            yield f"its {known.name} is of a factor's levels, and {', '.join(term.columns)} are no indicators of such"
    if isinstance(fit, LinearFit):
        if fit.model.design.weights is not None:
            yield "its weights of Gaussian responses multiply log densities, and are no precisions"
        return
    yield from _not_the_family(fit.family, "glmmTMB")
    if others := [name for name in fit.labels.parameters if name not in (fit.family.parameters[0].name, INFLATION)]:
        yield f"its dispformula is not of {', '.join(others)}"
    if fit.nagq != 1:
        yield f"it has the Laplace approximation only, and this fit is of nagq={fit.nagq}"
    elif fit.likelihood.weights_in_logdet == "expected" and not _canonical(fit):
        yield "its Laplace approximation has observed weights (hessian='observed'), and that of this fit expected ones"


def _not_in_ordinal(fit: GeneralizedFit) -> Iterator[str]:
    yield from _relationships(fit)
    if in_r(fit.family, "ordinal") is None:
        yield f"its models are not {fit.family.name} as it is here"
    if fit.family.link.name in ("cloglog", "loglog"):
        yield "its clmm takes cloglog for loglog, and loglog for cloglog"
    if any(term.structure is not None or (len(term.columns) > 1 and not term.correlated) for term in fit.labels.terms):
        yield "it has neither covariance structures nor independent effects of one factor"
    if fit.nagq == 0 or (fit.nagq > 1 and sum(len(g.column_names) for g in fit.groups) > 1):
        yield f"it has no nagq={fit.nagq} for these random effects"
    if fit.likelihood.weights_in_logdet == "expected":
        yield "its Laplace approximation has observed weights (hessian='observed')"
    if fit.model.design.offset is not None:
        yield "its clmm takes no offset"
    if fit.labels.parameters:
        yield (
            "its clmm has no effects that differ between thresholds; its clmm2 has those of factors, "
            "clmm2(y ~ x, nominal = ~ f, random = g)"
        )


def _relationships(fit: Any) -> Iterator[str]:
    for g in fit.groups:
        if g.grouping.precision is not None:
            yield f"the levels of a factor are independent there, and here those of {g.name} are related"


def _not_the_family(family: Family, package: str) -> Iterator[str]:
    link = family.link
    if in_r(family, package) is None:
        yield f"none of its families is known to be {family.name} as it is here"
    if link.name not in LINKS[package] or type(link) is not type(STANDARD[link.name]):
        yield f"it has no link {link.name}"
    if fixed := [p.name for p in family.parameters if p.fixed is not None]:
        yield f"it estimates {', '.join(fixed)}, which was given here"


def _canonical(fit: GeneralizedFit) -> bool:
    """Whether observed and expected weights are the same."""
    d = fit.family.evaluate(fit.model.design.y, fit.linear_predictor, fit.weights, fit.phi)
    return bool(np.allclose(-d.d2, d.expected_weight, rtol=1e-8, atol=1e-12))
