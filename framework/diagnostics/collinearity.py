"""How much the columns of X take from each other, and how many dimensions random effects have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ..contracts.arrays import FloatArray
from ..contracts.errors import InputError
from ..design.terms import INTERCEPT
from ..display.records import Table
from ..estimation.model import Fit


def vif(fit: Fit, vcov: FloatArray, terms: Mapping[str, Sequence[int]] | None, frame: str = "") -> Table:
    """Generalized variance inflation factors of the fixed terms, |R_11| |R_22| / |R|.

    R is the correlation matrix of the estimates without the intercept, R_11 of a term's and R_22 of the others (Fox &
    Monette 1992, doi 10.1080/01621459.1992.10475190).

    Parameters
    ----------
    vcov : (p, p) array
    terms : mapping of str to columns of X, optional
        By default each column is a term.

    Raises
    ------
    InputError
        Where there are fewer than two terms beside the intercept.
    """
    fixed = fit.labels.fixed
    columns = terms or {name: [j] for j, name in enumerate(fixed.names)}
    known = set(fixed.kept.tolist()) - _constant(fit)
    groups = {name: [j for j in at if j in known] for name, at in columns.items()}
    groups = {name: at for name, at in groups.items() if at}
    if len(groups) < 2:
        raise InputError(f"variance inflation is between terms: beside the intercept there are {len(groups)}")
    everything = [j for at in groups.values() for j in at]
    sd = np.sqrt(np.diagonal(vcov))
    R = vcov / np.outer(sd, sd)
    factors = []
    for at in groups.values():
        others = [j for j in everything if j not in at]
        parts = (np.linalg.slogdet(R[np.ix_(part, part)])[1] for part in (at, others, everything))
        one, two, both = parts
        factors.append(float(np.exp(one + two - both)))
    df = np.array([len(at) for at in groups.values()])
    values = np.array(factors)
    return Table(
        {"term": list(groups), "df": df, "gvif": values, "inflation": values ** (0.5 / df)},
        title="Variance inflation of the fixed effects",
        notes=("`inflation` is that of standard errors for one degree of freedom, gvif^(1 / (2 df)).",),
        frame=frame,
    )


def _constant(fit: Fit) -> set[int]:
    """Columns of X that are an intercept: constant ones, or by name where there are no rows."""
    names, rows = fit.labels.fixed.names, fit.model.rows
    if rows is None:
        return {j for j, name in enumerate(names) if name == INTERCEPT}
    return set(np.flatnonzero(np.ptp(rows.X, axis=0) == 0.0).tolist())


def ranef_pca(fit: Fit, frame: str = "") -> Table:
    """Principal components of the random effects of each factor: standard deviations, shares, loadings.

    Singular values and left singular vectors of each factor's root of its covariance matrix (Bates, Kliegl, Vasishth &
    Baayen 2015, arXiv 1506.04967).
    """
    names: list[str] = []
    for f in fit.groups:
        names += [name for name in f.column_names if name not in names]
    rows: dict[str, list[object]] = {"factor": [], "component": [], "sd": [], "share": [], "cumulative": []}
    loadings: dict[str, list[float]] = {name: [] for name in names}
    for f, T in zip(fit.groups, fit.relative_factors, strict=True):
        U, s, _ = np.linalg.svd(fit.scale * T)
        U = U * np.where(U[np.abs(U).argmax(axis=0), np.arange(len(s))] < 0.0, -1.0, 1.0)  # the largest is positive
        total = float((s**2).sum())
        share = s**2 / total if total else np.full(len(s), np.nan)
        rows["factor"] += [f.name] * len(s)
        rows["component"] += range(1, len(s) + 1)
        rows["sd"] += s.tolist()
        rows["share"] += share.tolist()
        rows["cumulative"] += np.cumsum(share).tolist()
        for name in names:
            own = U[f.column_names.index(name)] if name in f.column_names else np.full(len(s), np.nan)
            loadings[name] += own.tolist()
    return Table(
        {**rows, **{f"of {name}": v for name, v in loadings.items()}}, title="Principal components", frame=frame
    )
