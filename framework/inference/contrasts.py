"""Contrasts: linear combinations of coefficients, with their tests and intervals, one by one and together."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, field
from typing import Any

import numpy as np

from ..contracts.arrays import BoolArray, FloatArray, real_number
from ..contracts.errors import InputError, InputTypeError, RankDeficiencyWarning, shown
from ..display.records import Table
from ..estimation.ending import differs
from ..estimation.linear import LinearFit
from ..estimation.model import Fit
from ..formula.terms import Terms
from ..notes import Note, tell
from . import caveats
from .hypotheses import Hypotheses, hypotheses
from .kenward_roger import KenwardRoger
from .methods import Asymptotic, JointTest, Method, Residual
from .satterthwaite import Satterthwaite
from .term_rows import TermRows, at_zero
from .wald import WaldTest

#: What `df` may be for linear models.
METHODS: dict[str, type[Method]] = {m.name: m for m in (Satterthwaite, KenwardRoger, Residual, Asymptotic)}


@dataclass(frozen=True, eq=False, repr=False)
class Contrasts(Table):
    """Linear combinations of coefficients with their tests: a table, and what lies behind it.

    The columns are ``contrast``, ``estimate``, ``se``, ``df`` (of t-tests), ``statistic``, ``p_value``, ``lower`` and
    ``upper``.

    Parameters
    ----------
    hypotheses : Hypotheses
        The rows L (c, p) and what their values are tested against.
    covariance : (c, c) array
        Covariance matrix of the estimates.
    method : str
        "satterthwaite", "kenward-roger", "residual" or "asymptotic".
    level : float
        Of the intervals.
    joint : JointTest, optional
        Of all rows together, where that was asked for.
    """

    _: KW_ONLY
    hypotheses: Hypotheses
    covariance: FloatArray = field(repr=False)
    method: str
    level: float
    joint: JointTest | None = None


def method_of(fit: Fit, V: FloatArray, df: Any) -> Method:
    """The way of testing that `df` names; V (r, r) is the covariance of gamma.

    Raises
    ------
    InputError, InputTypeError
        For a name that there is not, or a method that this kind of fit does not have.
    """
    if not isinstance(df, str):
        raise InputTypeError(f"df must be one of {', '.join(map(repr, METHODS))}; got {shown(df)}")
    if df not in METHODS:
        raise InputError(f"df must be one of {', '.join(map(repr, METHODS))}; got {shown(df)}")
    if df == Asymptotic.name:
        return Asymptotic(V)
    if not isinstance(fit, LinearFit):
        raise InputError(
            f"df={df!r} is for linear models: estimates of generalized ones have no t distributions. Use "
            "df='asymptotic' (z and chi-squared), which needs many levels, or compare models by likelihood ratios"
        )
    if df == Satterthwaite.name:
        return Satterthwaite.of(fit)
    if df == KenwardRoger.name:
        return KenwardRoger.of(fit)
    return Residual(V, float(fit.labels.n - fit.labels.fixed.rank))


@dataclass(frozen=True, eq=False)
class Estimates:
    """Of linear combinations L beta; NaN where X does not determine one, or the data do not.

    Parameters
    ----------
    rows : (c, r) array
        L in the basis Q of X.
    values : (c,) array
    covariance : (c, c) array
    test : WaldTest
        Distribution of each over its standard error.
    estimable, known : (c,) bool arrays
        Whether X determines the combination; whether the data are enough for its test.
    """

    rows: FloatArray
    values: FloatArray
    covariance: FloatArray
    test: WaldTest
    estimable: BoolArray
    known: BoolArray

    @property
    def se(self) -> FloatArray:
        """Standard errors, (c,)."""
        return np.asarray(np.sqrt(np.diagonal(self.covariance)))


def estimates(fit: Fit, method: Method, L: FloatArray) -> Estimates:
    """Estimates of L beta, L (c, p), with what they are tested by."""
    fixed = fit.labels.fixed
    estimable, rows = fixed.estimable(L), fixed.in_basis(L)
    known = method.known(rows)
    unknown = ~estimable | _undetermined(fit, rows) | ~known
    covariance = rows @ method.V @ rows.T
    covariance[unknown] = covariance[:, unknown] = np.nan
    return Estimates(rows, np.where(unknown, np.nan, rows @ fit.gamma), covariance, method.test(rows), estimable, known)


def contrasts(
    fit: Fit,
    method: Method,
    L: Any,
    rhs: Any = None,
    *,
    level: Any = 0.95,
    joint: Any = False,
    frame: str = "",
    terms: Terms | None = None,
) -> Contrasts:
    """Estimates, tests and intervals of the rows of L beta; `frame` is the kind of data frame that the user works with.

    L may be the name of one of the `terms`, whose rows are tested together.

    Raises
    ------
    InputError, InputTypeError
        For rows that cannot be read, or a joint test of rows that contradict each other.
    """
    if not 0.0 < real_number(level, "level") < 1.0:
        raise InputError(f"level must lie between 0 and 1; got {level}")
    if not isinstance(joint, bool | np.bool_):
        raise InputTypeError(f"joint must be True or False; got {shown(joint)}")
    fixed = fit.labels.fixed
    named = TermRows(fixed, terms)
    H = hypotheses(L, fixed.names, rhs, named)
    of_term = isinstance(L, str) and L in named.names
    found = estimates(fit, method, H.L)
    estimable, known, test, se = found.estimable, found.known, found.test, found.se
    estimate, covariance = found.values, found.covariance
    with np.errstate(invalid="ignore", divide="ignore"):
        statistic = (estimate - H.rhs) / se
    half = test.quantiles(level) * se
    columns: dict[str, Any] = {"contrast": H.names, "estimate": estimate, "se": se}
    if test.df is not None:
        columns["df"] = np.where(np.isnan(se), np.nan, test.df)
    columns |= {"statistic": statistic, "p_value": test.p_values(statistic)}
    columns |= {"lower": estimate - half, "upper": estimate + half}
    together = None
    notes = []
    if joint or (of_term and len(H.L) > 1):
        together = joint_test(method, found.rows, estimate - H.rhs)
        notes.append(f"Joint test: {together}")
    notes += caveats.of_method(fit, method)
    if of_term:
        notes += at_zero(named.listed, [L])
    if not estimable.all():
        notes.append(f"NA: not estimable, X is rank deficient: {_left_out(H, estimable)}")
    if not known.all():
        notes.append(f"NA: the data say too little of variances that the test depends on: {_left_out(H, known)}")
    record = Contrasts(
        columns,
        title=f"Contrasts by {method.title}, with {100.0 * level:g} % limits",
        notes=tuple(notes),
        headers={"statistic": f"{test.letter} value", "p_value": f"Pr(>|{test.letter}|)"},
        hypotheses=H,
        covariance=covariance,
        method=method.name,
        level=float(level),
        joint=together,
        frame=frame,
    )
    tell(_of_dropped(H, estimable, fixed.dropped_names))
    return record


def zero_test(fit: Fit, method: Method, L: FloatArray) -> JointTest:
    """Joint test that estimable functions L beta (c, p) of the coefficients are zero."""
    if len(L) == 0:
        return JointTest(float("nan"), 0, float("nan"), float("nan"))
    rows = fit.labels.fixed.in_basis(L)
    unknown = _undetermined(fit, rows) | ~method.known(rows)
    return joint_test(method, rows, np.where(unknown, np.nan, rows @ fit.gamma))


def _left_out(H: Hypotheses, good: BoolArray) -> str:
    return ", ".join(name for name, is_good in zip(H.names, good, strict=True) if not is_good)


def joint_test(method: Method, rows: FloatArray, distances: FloatArray) -> JointTest:
    """Test of all rows (c, r) together; NaN where one of them is not known."""
    if np.isnan(distances).any() or np.isnan(method.V).any():
        return JointTest(float("nan"), len(rows), float("nan"), float("nan"))
    return method.joint(rows, distances)


def _undetermined(fit: Fit, rows: FloatArray) -> BoolArray:
    """Rows whose estimate or variance is another one at other parameters of the same deviance."""
    out = np.zeros(len(rows), dtype=bool)
    estimate, se = _at(fit, rows)
    for other in fit.elsewhere:
        there, se_there = _at(other, rows)
        out |= differs(estimate, there, se) | differs(se**2, se_there**2)
    return out


def _at(fit: Fit, rows: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Estimates, and standard errors given the variance parameters."""
    half = np.linalg.solve(fit.RX.T, rows.T) if len(fit.RX) else rows.T
    return rows @ fit.gamma, fit.scale * np.sqrt((half**2).sum(axis=0))


def _of_dropped(H: Hypotheses, estimable: BoolArray, dropped: tuple[str, ...]) -> list[Note]:
    if estimable.all():
        return []
    text = (
        f"the data do not determine the contrast {_left_out(H, estimable)}: X is rank deficient ({', '.join(dropped)} "
        "dropped), and its value depends on how that is resolved. It is NaN. Give weights that fit the columns that "
        "were dropped: those of a difference between two rows of X always do"
    )
    return [Note(RankDeficiencyWarning, text)]
