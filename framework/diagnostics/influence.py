"""What a fit would be without a row, or without all rows of a level.

Given the variance parameters, the estimates without the rows I follow from those with them. With the blocks of
K = A C A' (see `leverage`) among these rows, their weights W and score s,

    t = (I - W K)^-1 s,    gamma_(I) = gamma - C D' t,    r^2_(I) = r^2 - e't,    e = W^-1 s

and |C_(I)| / |C| = |I - W K_u| / |I - W K|, K_u the part of K that random effects have. That is exact for linear
models (Christensen, Pearson & Johnson 1992, doi 10.2307/1269550), and one Newton step from the estimates for
generalized ones (Pregibon 1981, doi 10.1214/aos/1176345513). `left_out` has rows with correlated residuals.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.linalg import solve_triangular

from ..contracts.arrays import AnyArray, FloatArray, IntArray
from ..contracts.errors import InputError, InputTypeError, NoMaximumError, NotPositiveDefiniteError, shown
from ..design.grouping import encode
from ..design.labels import Labels
from ..design.selection import select_rows
from ..display.records import Table
from ..estimation.correlations import scales_in
from ..estimation.linear import LinearFit
from ..estimation.model import Fit, Model
from ..threads import few_threads
from .left_out import rows_to_leave_out
from .leverage import Leverage

#: Rows whose blocks are found at once.
BATCH = 256
#: Most rows of one level whose block is formed.
MOST_ROWS = 5_000
#: Least singular value of I - WK below which the other rows do not determine the coefficients.
UNDETERMINED = 1e-9


@dataclass(frozen=True, eq=False, repr=False)
class Influence(Table):
    """Estimates without each row, or level: what they differ by from those with it.

    Columns are ``row`` (from 0) or the factor's name; ``cooks``, Cook's distance of the coefficients; ``covratio``, the
    determinant of their covariance matrix over that with all rows; ``sigma`` of linear models; and of each coefficient
    ``dfbetas_NAME``, its estimate less that without the case, in standard errors (with the case's sigma).

    Parameters
    ----------
    coefficients : (cases, p) array
        Estimates without each case; NaN where the other rows do not determine them.
    names : tuple of str
        Of the coefficients.
    reasons : mapping of str to str
        Why cases are NaN.
    """

    coefficients: FloatArray = field(default_factory=lambda: np.zeros((0, 0)))
    coefficient_names: tuple[str, ...] = ()
    reasons: Mapping[str, str] = field(default_factory=dict)

    @property
    def case(self) -> str:
        """Name of the column that says which case it is."""
        return self.names[0]

    def __str__(self) -> str:
        """The largest."""
        return "\n".join([self.title, str(self.largest()), *self.notes])

    def _repr_html_(self) -> str:
        return self.largest()._repr_html_()

    def largest(self, n: int = 5) -> Table:
        """The n cases with the largest Cook's distances."""
        order = np.argsort(-np.nan_to_num(self["cooks"], nan=-1.0), kind="stable")[:n]
        columns = {name: column[order] for name, column in self.columns.items()}
        return Table(columns, title=f"The largest of {len(self)} Cook's distances", frame=self.frame)


@dataclass(frozen=True, eq=False)
class Cases:
    """Sets of rows to leave out.

    Parameters
    ----------
    name : str
    labels : (c,) array
    codes : (n,) int array
        Case of each row.
    """

    name: str
    labels: AnyArray
    codes: IntArray

    @classmethod
    def of(cls, fit: Fit, by: Any) -> Cases:
        """Every row (None), every level of a factor of the model, or of other labels of the rows.

        Raises
        ------
        InputError, InputTypeError
            For factors that the model does not have, or labels of another length.
        """
        n = fit.model.design.n
        if by is None:
            return cls("row", np.arange(n), np.arange(n))
        factors = {f.name: f for f in fit.model.design.random.groups}
        if isinstance(by, str):
            if by not in factors:
                raise InputError(
                    f"by={by!r} is no grouping factor of the model, which has {', '.join(factors)}; for others give "
                    "the label of each row, an array"
                )
            f = factors[by]
            there, codes = np.unique(f.codes, return_inverse=True)
            return cls(by, f.levels[there], codes)
        if not hasattr(by, "__len__"):
            raise InputTypeError(f"by must be None, a factor's name or the label of each row; got {shown(by)}")
        codes, labels = encode(by, "by")
        if len(codes) != n:
            raise InputError(f"by has {len(codes)} labels, the fit has {n} rows")
        return cls("level", labels, codes)

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def sizes(self) -> IntArray:
        """Number of rows of each."""
        return np.bincount(self.codes, minlength=len(self))

    def batches(self) -> Iterator[tuple[IntArray, IntArray]]:
        """Cases (L,) of a like number of rows, and their rows (L, m), -1 where a case has fewer."""
        order, sizes = np.argsort(self.codes, kind="stable"), self.sizes
        starts = np.cumsum(sizes) - sizes
        by_size = np.argsort(sizes, kind="stable")
        first = 0
        while first < len(by_size):
            chosen = by_size[first:]
            # as many as have BATCH rows together, each as large as the largest of them
            many = int(np.searchsorted(sizes[chosen] * np.arange(1, len(chosen) + 1), BATCH, side="right"))
            chosen = chosen[: max(many, 1)]
            place = np.arange(sizes[chosen].max())
            rows = order[np.minimum(starts[chosen, None] + place, len(order) - 1)]
            yield chosen, np.where(place < sizes[chosen, None], rows, -1)
            first += len(chosen)


@dataclass(frozen=True, eq=False)
class Without:
    """Estimates without each case.

    Parameters
    ----------
    beta : (c, r) array
        Coefficients of the kept columns.
    scale : (c,) array
        sigma, or ones.
    logdet : (c,) array
        Of their covariance matrix.
    reasons : dict of int to str
        Why a case is NaN.
    """

    beta: FloatArray
    scale: FloatArray
    logdet: FloatArray
    reasons: dict[int, str] = field(default_factory=dict)


def influence(fit: Fit, by: Any = None, *, refit: Any = False, frame: str = "") -> Influence:
    """Estimates without each row, or level.

    Raises
    ------
    InputError, InputTypeError
        For cases that there are not, or fits without rows.
    """
    if not isinstance(refit, bool | np.bool_):
        raise InputTypeError(f"refit must be True or False; got {shown(refit)}")
    cases, fixed = Cases.of(fit, by), fit.labels.fixed
    with few_threads(*fit.labels.dense_sizes):
        without = _refitted(fit, cases) if refit else _downdated(fit, cases)
        covariance = _covariance(fit)
        change = fixed.coefficients(fit.gamma) - without.beta
        if len(covariance):
            cooks = np.einsum("ca,ac->c", change, np.linalg.solve(covariance, change.T)) / len(covariance)
        else:
            cooks = np.zeros(len(cases))
        se = np.sqrt(np.diagonal(covariance)) * (without.scale / fit.scale)[:, None]
        covratio = np.exp(without.logdet - np.linalg.slogdet(covariance)[1])
    columns = {cases.name: cases.labels, "cooks": cooks, "covratio": covratio}
    if isinstance(fit, LinearFit):
        columns["sigma"] = without.scale
    columns |= {f"dfbetas_{name}": d for name, d in zip(fixed.kept_names, (change / se).T, strict=True)}
    coefficients = np.full((len(cases), len(fixed.names)), np.nan)
    coefficients[:, fixed.kept] = without.beta
    coefficients.flags.writeable = False
    reasons = {str(cases.labels[i]): reason for i, reason in without.reasons.items()}
    return Influence(
        columns,
        title=f"Influence by {cases.name}, {_how(fit, bool(refit))}",
        notes=tuple(f"{label}: NaN, for {reason}" for label, reason in reasons.items()),
        frame=frame,
        coefficients=coefficients,
        coefficient_names=fixed.names,
        reasons=reasons,
    )


def _how(fit: Fit, refit: bool) -> str:
    if refit:
        return "by refits"
    return "given the variance parameters" if isinstance(fit, LinearFit) else "by one step from the estimates"


def _covariance(fit: Fit) -> FloatArray:
    """Of the coefficients of the kept columns given the variance parameters, (r, r)."""
    R = fit.labels.fixed.R
    root = solve_triangular(R, solve_triangular(fit.RX, np.eye(len(R)))) if len(R) else R
    return np.asarray(fit.scale**2 * root @ root.T)


def _downdated(fit: Fit, cases: Cases) -> Without:
    """Without refits: each case from the blocks among its rows."""
    largest = int(cases.sizes.max())
    if largest > MOST_ROWS:
        raise InputError(f"a level has {largest} rows; blocks are formed of {MOST_ROWS} at most. Use refit=True")
    correlated, c, r = rows_to_leave_out(fit), len(cases), len(fit.gamma)
    lev = Leverage.of(fit) if correlated is None else correlated.lev
    shift, drop, ratio = np.zeros((c, r)), np.zeros(c), np.zeros(c)
    alone = largest == 1
    for chosen, rows in [(np.argsort(cases.codes), np.argsort(cases.codes)[:, None])] if alone else cases.batches():
        there = rows >= 0
        w, s = np.where(there, lev.weights[rows], 0.0), np.where(there, lev.score[rows], 0.0)
        D = np.where(there[:, :, None], lev.D[rows], 0.0)
        Ku = lev.of_effects[rows][:, :, None] if alone else _blocks(lev, rows, there)
        if correlated is not None:
            D, Ku, s = correlated.independent(rows, there, D, Ku, s)
        K = Ku + np.einsum("lma,ab,lnb->lmn", D, lev.C, D, optimize=True)
        N, Nu = (np.eye(rows.shape[1]) - w[:, :, None] * block for block in (K, Ku))
        known = np.linalg.svd(N, compute_uv=False)[:, -1] > UNDETERMINED
        N[~known] = np.nan
        t = np.full_like(s, np.nan)
        t[known] = np.linalg.solve(N[known], s[known][:, :, None])[:, :, 0]
        shift[chosen] = np.einsum("ab,lmb,lm->la", lev.C, D, t, optimize=True)
        e = np.divide(s, w, out=np.zeros_like(s), where=w != 0.0)
        drop[chosen] = (e * t).sum(axis=1)
        with np.errstate(invalid="ignore"):  # NaN where it is not known
            ratio[chosen] = np.linalg.slogdet(Nu)[1] - np.linalg.slogdet(N)[1]
    gamma = fit.gamma - shift
    beta = np.array([fit.labels.fixed.coefficients(g) for g in gamma]).reshape(c, r)
    scale = np.full(c, fit.scale)
    if isinstance(fit, LinearFit):
        df = fit.labels.n - cases.sizes - (r if fit.reml else 0)
        with np.errstate(invalid="ignore", divide="ignore"):
            scale = np.where(df > 0, np.sqrt((fit.pwrss - drop) / df), np.nan)
    logdet = np.linalg.slogdet(_covariance(fit))[1] + ratio + 2.0 * r * np.log(scale / fit.scale)
    reasons = dict.fromkeys(
        np.flatnonzero(np.isnan(ratio)).tolist(), "the other rows do not determine the coefficients"
    )
    return Without(beta, scale, logdet, reasons)


def _blocks(lev: Leverage, rows: IntArray, there: Any) -> FloatArray:
    """Z Lambda M^-1 Lambda'Z' among the rows of each case, (L, m, m); zero where there is no row."""
    among = lev.of_effects_among(rows[there])
    place = np.zeros(rows.shape, dtype=np.intp)
    place[there] = np.arange(int(there.sum()))
    both = there[:, :, None] & there[:, None, :]
    return np.where(both, among[place[:, :, None], place[:, None, :]], 0.0)


def _refitted(fit: Fit, cases: Cases) -> Without:
    """By a fit without the rows of each case, from its own start, as if they had never been there."""
    r = len(fit.gamma)
    beta, scale, logdet = np.full((len(cases), r), np.nan), np.full(len(cases), np.nan), np.full(len(cases), np.nan)
    reasons = {}
    for i in range(len(cases)):
        try:
            other = _fit_without(fit.model, cases, i)
        except (InputError, NoMaximumError, NotPositiveDefiniteError) as error:
            reasons[i] = str(error)
            continue
        if not other.certificate.converged:
            reasons[i] = f"the fit did not converge: {other.certificate.message}"
            continue
        if not np.array_equal(other.labels.fixed.kept, fit.labels.fixed.kept):
            reasons[i] = "the other rows do not determine the coefficients"
            continue
        beta[i], scale[i] = other.labels.fixed.coefficients(other.gamma), _scale_in(fit.labels, other)
        logdet[i] = np.linalg.slogdet(_covariance(other))[1]
    return Without(beta, scale, logdet, reasons)


def _scale_in(labels: Labels, other: Fit) -> float:
    """sigma: where residuals have several variances the geometric mean over the rows with the case, not without."""
    own, there = labels.residual, other.labels.residual
    if own is None or there is None:
        return other.scale
    return scales_in(there, own, other.scale, other.theta[len(other.theta) - there.n_scales :])[0]


def _fit_without(model: Model[Any], cases: Cases, i: int) -> Fit:
    design = select_rows(model.design, cases.codes != i)
    model.likelihood.check(design)
    fit: Fit = Model.of(design, model.likelihood, model.controls, model.provenance).fit()
    return fit


__all__: Sequence[str] = ("Influence", "influence")
