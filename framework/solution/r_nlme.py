"""`r_code` of models with a residual structure: the call of nlme's lme, or of gls without random effects."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..contracts.errors import InputError
from ..design.residual import ResidualRows
from ..display.rscript import Labelled
from ..estimation.linear import LinearFit
from .r_variables import Variables, labels_in_r
from .residual import residual_parameters

#: nlme's correlations, by ours; of whole times from 1 on for corSymm.
CORRELATIONS = {"ar1": "corAR1", "car1": "corCAR1", "cs": "corCompSymm", "us": "corSymm"}


def nlme_call(fit: LinearFit, variables: Variables) -> str:
    """The call; columns that it needs are added to the variables.

    Raises
    ------
    InputError
        Where nlme does not fit the model, with the reason.
    """
    residual = fit.model.design.residual
    assert residual is not None
    _refuse(fit, residual)
    fixed = " + ".join(["0", *variables.x, *["offset(o)"] * ("o" in variables.columns)])
    arguments = [f"y ~ {fixed}", "data = d"]
    outer = ""
    for term in fit.labels.terms:
        effects = variables.effects[term.group, term.columns]
        outer = variables.g[term.group]
        sum_ = " + ".join(effects if "1" in effects else ("0", *effects))
        plain = term.correlated or len(effects) == 1
        arguments.append(f"random = ~ {sum_} | {outer}" if plain else f"random = list({outer} = pdDiag(~ {sum_}))")
    if residual.labels.kind:
        arguments.append(f"correlation = {_correlation(residual, variables, outer, fit)}")
    if weights := _weights(residual, variables, fit):
        arguments.append(f"weights = {weights}")
    arguments.append(f'method = "{"REML" if fit.reml else "ML"}"')
    return f"{'lme' if outer else 'gls'}(\n  " + ",\n  ".join(arguments) + "\n)"


def _refuse(fit: LinearFit, residual: ResidualRows) -> None:
    labels = residual.labels
    reasons = []
    if labels.kind == "toep":
        reasons.append("it has no Toeplitz correlation")
    if len(fit.labels.terms) > 1:
        reasons.append("this script has one random term only")
    if any(term.structure is not None or g.grouping.precision for g in fit.groups for term in g.terms):
        reasons.append("this script has no covariance structures of random effects")
    if labels.dispersion and not labels.strata and _constant(residual) is None:
        reasons.append("its varExp has a constant, and the dispersion here has no column that is one")
    if "o" in Variables.of(fit.model.design).columns:
        reasons.append("it has no offset: subtract it from the response")
    if reasons:
        raise InputError(f"no package of R that ranef knows fits this model. nlme: {'; '.join(reasons)}")


def _correlation(residual: ResidualRows, variables: Variables, outer: str, fit: LinearFit) -> str:
    labels = residual.labels
    group = variables._new("g", Labelled(residual.group, labels_in_r(range(residual.group.max() + 1))), labels.group)
    inner = group
    if outer:
        codes = fit.model.design.random.groups[0].codes
        same = len(np.unique(codes)) == residual.group.max() + 1
        inner = outer if same else f"{outer}/{group}"
    start = "0.5, " if labels.kind != "us" else ""
    if labels.kind == "cs":
        return f"corCompSymm(0.1, form = ~ 1 | {inner})"
    position = np.asarray(residual.position, dtype=np.float64)
    time = variables._new("t", position + 1.0 if labels.kind == "us" else position, labels.time)
    return f"{CORRELATIONS[labels.kind]}({start}form = ~ {time} | {inner})"


def _weights(residual: ResidualRows, variables: Variables, fit: LinearFit) -> str:
    parts = ["varFixed(~ I(1 / w))"] * ("w" in variables.columns)
    labels = residual.labels
    if labels.strata and len(labels.dispersion) > 1:
        stratum = Labelled(_columns(residual).argmax(axis=0), labels_in_r(labels.dispersion))
        parts.append(f"varIdent(form = ~ 1 | {variables._new('s', stratum, 'stratum')})")
    elif labels.dispersion and not labels.strata:
        constant = _constant(residual)
        for j, (name, column) in enumerate(zip(labels.dispersion, _columns(residual), strict=True)):
            if j != constant:
                parts.append(f"varExp(form = ~ {variables._new('v', column, name)})")
    return parts[0] if len(parts) == 1 else f"varComb({', '.join(parts)})" if parts else ""


def _columns(residual: ResidualRows) -> Any:
    """The user's columns D (d, n), from their basis without the rounding of its making."""
    made = np.vstack([np.ones(residual.basis.shape[1]), residual.basis])
    return np.round(np.linalg.solve(residual.labels.to_users.T, made), 12)


def _constant(residual: ResidualRows) -> int | None:
    """Which column of D is constant."""
    alike = np.flatnonzero(np.ptp(_columns(residual), axis=1) == 0.0)
    return int(alike[0]) if len(alike) else None


def correlation_figures(fit: LinearFit) -> tuple[list[str], list[float]]:
    """Names and values of correlations, in nlme's order: of corSymm pairs by their earlier visit."""
    labels = fit.labels.residual
    assert labels is not None
    pairs = list(residual_parameters(fit).items())[: labels.n_correlations]
    if labels.kind == "us":
        low, left = np.tril_indices(len(labels.visits), -1)
        pairs = [pairs[i] for i in np.lexsort((low, left))]
    return [k for k, _ in pairs], [v for _, v in pairs]
