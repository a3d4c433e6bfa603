"""Smooth terms of a fit: their curves with bands, effective degrees of freedom, and Wood's approximate tests.

All of it is in (gamma, u), with u spherical: their posterior covariance over scale^2 has the blocks G = (R_X'R_X)^-1,
-G S' and N = M^-1 + S G S', where S = M^-1 Lambda'Z'WQ. A penalized coefficient has 1 - N_jj effective degrees of
freedom, the diagonal of F = (X'WX + penalty)^-1 X'WX, and 1 - |N_j|^2 of the reference, tr(2F - FF) (Wood 2017, section
6.1.2).
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..contracts.arrays import FloatArray
from ..contracts.errors import InputError, shown
from ..design.labels import Labels
from ..display.records import Table
from ..estimation.linear import LinearFit
from ..estimation.model import Fit, is_integer
from ..formula.smooths import Curve, Smooth
from ..formula.terms import Terms
from ..formula.variables import Variable
from ..prediction.predict import Predictor, Request
from ..prediction.rows import Rows
from .distributions import chi2_sf, f_sf

#: Places along a variable at which curves are given.
PLACES = {1: 100, 2: 30}
#: Directions of a smooth term without this part of the largest variance are none.
NO_VARIANCE = 1e-14


@dataclass(frozen=True, eq=False, repr=False)
class SmoothCurve(Table):
    """A smooth term along its variables: columns of these, ``fit``, ``se``, ``lower`` and ``upper``.

    Parameters
    ----------
    label : str
        As the table of smooth terms calls it.
    variables : tuple of str
        Which columns are the variables.
    """

    label: str = ""
    variables: tuple[str, ...] = ()


def curves(terms: Terms | None) -> dict[str, tuple[Smooth, int, Curve]]:
    """Every curve by its label: the smooth term that has it, which one it is there, and its columns."""
    smooths = terms.encoder.smooths if terms else ()
    return {curve.label: (smooth, i, curve) for smooth in smooths for i, curve in enumerate(smooth.curves)}


def curve(fit: Fit, terms: Terms | None, label: Any, n: int | None, request: Request) -> SmoothCurve:
    """One curve, centred as it is in the model, on the scale of the link.

    Raises
    ------
    InputError
        For a term that there is not, or a number of places that is none.
    """
    known = curves(terms)
    if label not in known:
        there = f"there is {', '.join(known)}" if known else "the model has none: write s(x) in the formula"
        raise InputError(f"there is no smooth term {shown(label)}; {there}")
    assert terms is not None
    smooth, i, _ = known[label]
    count = PLACES[len(smooth.ranges)] if n is None else n
    if not is_integer(count) or not 2 <= count <= 10_000:
        raise InputError(f"n must be a number of places from 2 to 10,000; got {shown(n)}")
    lines = [np.linspace(*ends, int(count)) for ends in smooth.ranges]
    values = [grid.ravel() for grid in np.meshgrid(*lines, indexing="ij")]
    all_names = tuple(name for each in smooth.curves for name in each.fixed)
    rows = _rows(fit.model.labels, all_names, *smooth.columns(values, _by(smooth, i, len(values[0]))))
    found, _ = Predictor(fit, request.checked()).conditional(rows)
    plan = next(each for each in terms.encoder.plan.smooths if each.label == smooth.label)
    names = tuple(terms.encoder.plan.names.display(ast.unparse(tree)) for tree in plan.variables)
    title = f"{label}, with {100 * request.level:g} % limits"
    columns = dict(zip(names, values, strict=True)) | dict(found)
    return SmoothCurve(columns, title=title, frame=terms.frame, label=label, variables=names)


def _by(smooth: Smooth, i: int, n: int) -> Variable | None:
    """The i-th level for all rows, or ones where the term is by numbers: its coefficient."""
    if smooth.by == "factor":
        return Variable.of_codes(np.full(n, i), smooth.levels)
    return Variable.of_numbers(np.ones(n)) if smooth.by == "number" else None


def _rows(labels: Labels, names: tuple[str, ...], X: FloatArray, data: Mapping[str, FloatArray]) -> Rows:
    """Rows (n) of these columns of X and of random terms, of everything else zero."""
    n, fixed = len(X), labels.fixed
    whole = np.zeros((n, len(fixed.names)))
    whole[:, [fixed.names.index(name) for name in names]] = X
    codes, columns = [], []
    for g in labels.groups:
        own = np.array([data.get(c, np.zeros(n)) if g.is_penalty else np.zeros(n) for c in g.column_names])
        codes.append(np.zeros(n, dtype=np.intp) if g.is_penalty else np.full(n, -1))
        columns.append(np.asarray(np.linalg.solve(g.R.T, own)))
    return Rows(fixed.in_basis(whole), fixed.estimable(whole), tuple(codes), tuple(columns), None, None)


# Degrees of freedom and tests ---------------------------------------------------------------------------------------


def smooth_table(fit: Fit, terms: Terms | None) -> Table:
    """A row for each curve: degrees of freedom, and Wood's (2013) test that it is zero everywhere.

    Raises
    ------
    InputError
        For a fit without smooth terms, or without its rows.
    """
    known = curves(terms)
    if not known:
        raise InputError("the model has no smooth term: write s(x) in the formula")
    if fit.model.rows is None:
        raise InputError("tests of smooth terms need the rows of the fit, which was saved without them")
    linear = isinstance(fit, LinearFit)
    posterior = _Posterior.of(fit)
    residual_df = fit.labels.n - posterior.total
    rows = [_tested(fit, own, posterior, residual_df if linear else np.inf) for _, _, own in known.values()]
    letter = "F" if linear else "Chi.sq"
    return Table(
        {
            "term": tuple(known),
            "edf": [row.edf for row in rows],
            "ref_df": [row.reference for row in rows],
            "statistic": [row.statistic for row in rows],
            "p_value": [row.p_value for row in rows],
        },
        title="Approximate significance of smooth terms",
        headers={"ref_df": "Ref.df", "statistic": letter},
        frame=terms.frame if terms else "",
    )


@dataclass(frozen=True, eq=False)
class _Posterior:
    """Of u, over scale^2.

    Parameters
    ----------
    fit : Fit
    at : Factorized
    S : (q, r) array
        M^-1 Lambda'Z'WQ.
    SG : (q, r) array
    total : float
        Effective degrees of freedom of the whole model.
    """

    fit: Fit
    at: Any
    S: FloatArray
    SG: FloatArray
    total: float

    @classmethod
    def of(cls, fit: Fit) -> _Posterior:
        at = fit.factorized()
        root = np.linalg.inv(fit.RX) if len(fit.RX) else fit.RX
        SG = at.solved @ root @ root.T
        diagonal = at.factor.selected_inverse().diagonal
        trace = sum(float(np.einsum("aal->", block)) for block in diagonal) + float((SG * at.solved).sum())
        return cls(fit, at, at.solved, SG, len(fit.gamma) + fit.pattern.q - trace)

    def columns(self, places: FloatArray) -> FloatArray:
        """Columns of N, (q, c)."""
        E = np.zeros((self.fit.pattern.q, len(places)))
        E[places, np.arange(len(places))] = 1.0
        inverse = self.at.factor.solve(E)
        return np.asarray(inverse + self.SG @ self.S[places].T)


@dataclass(frozen=True)
class _Tested:
    edf: float
    reference: float
    statistic: float
    p_value: float


def _tested(fit: Fit, curve: Curve, posterior: _Posterior, residual_df: float) -> _Tested:
    labels, design = fit.model.labels, fit.model.design
    names = labels.fixed.names
    if any(name in labels.fixed.dropped_names for name in curve.fixed):
        return _Tested(np.nan, np.nan, np.nan, np.nan)
    offsets = dict(zip((g.name for g in labels.groups), fit.pattern.offsets, strict=True))
    places = np.concatenate([offsets[f] + np.arange(len(columns)) for f, columns in curve.factors.items()])
    N = posterior.columns(places)
    m = len(curve.fixed)
    edf = m + float((1.0 - N[places, np.arange(len(places))]).sum())
    reference = min(m + float((1.0 - (N**2).sum(axis=0)).sum()), float(m + len(places)))
    factors = {f.name: f for f in design.random.groups}
    X = np.column_stack(
        [design.X[:, [names.index(name) for name in curve.fixed]], *(factors[f].users_values.T for f in curve.factors)]
    )
    coefficients, V = _coefficients(fit, curve)
    R = np.linalg.qr(X)[1]
    d = quadratic_form(R @ coefficients, R @ V @ R.T, reference)
    p = f_sf(d / reference, reference, residual_df) if np.isfinite(residual_df) else chi2_sf(d, reference)
    return _Tested(edf, reference, d / reference if np.isfinite(residual_df) else d, float(p))


def _coefficients(fit: Fit, curve: Curve) -> tuple[FloatArray, FloatArray]:
    """Coefficients of a curve's columns, and their posterior covariance."""
    all_columns = [c for columns in curve.factors.values() for c in columns]
    eye = np.eye(len(curve.fixed) + len(all_columns))
    data = dict(zip(all_columns, eye[:, len(curve.fixed) :].T, strict=True))
    rows = _rows(fit.model.labels, curve.fixed, eye[:, : len(curve.fixed)], data)
    request = Request(scale="link", theta_uncertainty=False, covariance=True)
    found, V = Predictor(fit, request).conditional(rows)
    assert V is not None
    return found["fit"], V


def quadratic_form(f: FloatArray, V: FloatArray, rank: float) -> float:
    """f'V^-f with an inverse of V of a rank that is no whole number (Wood 2013).

    With k the whole part of the rank and v the rest, directions up to k - 1 enter wholly, and of the next two, in units
    of their standard deviations, the quadratic form with the matrix [[1, r], [r, v]], r^2 = v (1 - v) / 2. The signs of
    eigenvectors are arbitrary, and so is that of r: the mean over both, in which r is gone.

    Examples
    --------
    >>> quadratic_form(np.array([3.0, 2.0, 1.0]), np.diag([3.0, 2.0, 1.0]), 2.0)
    5.0
    >>> quadratic_form(np.array([3.0, 2.0, 1.0]), np.diag([3.0, 2.0, 1.0]), 2.5)
    5.5
    """
    variances, U = np.linalg.eigh(0.5 * (V + V.T))
    variances, z = variances[::-1], (U.T @ f)[::-1]
    there = variances > NO_VARIANCE * variances[0]
    parts = np.where(there, z**2 / np.where(there, variances, 1.0), 0.0)
    whole = int(np.floor(rank + 1e-9))
    rest = max(rank - whole, 0.0)
    return float(parts[:whole].sum() + (rest * parts[whole] if whole < len(parts) else 0.0))
