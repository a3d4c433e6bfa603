"""The residuals of a linear model in: which rows belong together, at which times, and what their variances depend on.

e ~ N(0, sigma^2 R) with R = S C S: S is diagonal, log S = D delta for the columns D of the dispersion (times W^-1/2
where rows have weights), and C has a block of correlations for each group (Pinheiro & Bates 2000, chapter 5, doi
10.1007/b98882).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import gcd
from typing import Any, NoReturn

import numpy as np

from ..contracts.arrays import AnyArray, BoolArray, FloatArray, IntArray
from ..contracts.errors import InputError, InputTypeError, shown
from .arrays import as_numbers, check_length, column_names
from .fixed import orthogonalize
from .grouping import encode
from .reading import read, rows_text
from .residual_labels import KINDS, ResidualLabels
from .terms import INTERCEPT

#: Most visits of an unstructured matrix, and most lags of a Toeplitz one.
MOST_VISITS = 60
#: Correlations that depend on how many visits are between.
ORDERED = ("ar1", "toep")
#: Largest part of a column of ones outside of the span of D that is rounding.
ONES = 1e-6
#: Part of a column's largest entry that is rounding of zero.
NOTHING = 1e-12


@dataclass(frozen=True, eq=False)
class ResidualRows:
    """The residual structure of rows.

    Parameters
    ----------
    labels : ResidualLabels
    group : (n,) int array
        Which block of C each row belongs to; all zero where residuals are independent.
    position : (n,) array
        Time of each row: numbers of ar1 and car1, places among the visits of toep and us.
    basis : (d, n) array
        Columns B of log S = B delta, orthogonal to ones and with mean square 1: what is beside sigma.
    """

    labels: ResidualLabels
    group: IntArray
    position: AnyArray
    basis: FloatArray

    @property
    def columns(self) -> FloatArray:
        """D (n, d): D U = [1, B]."""
        made = np.vstack([np.ones(len(self.group)), self.basis]).T
        D = np.linalg.solve(self.labels.to_users.T, made.T).T
        if self.labels.strata:
            return np.asarray(np.round(D))
        return np.where(np.abs(D) > NOTHING * np.abs(D).max(axis=0), D, 0.0)


def build_residual(
    residual: Any,
    dispersion: Any,
    n: int,
    factors: Sequence[Any],
    weights: FloatArray | None,
    dispersion_names: Sequence[str] | None = None,
) -> ResidualRows | None:
    """Check `residual` and `dispersion` of an array call.

    Parameters
    ----------
    residual : dict or None
        ``{"correlation": "ar1", "time": (n,), "group": (n,)}``; "time_name" and "group_name" are what messages say.
    dispersion : (n, d) array-like or None
        Columns D; a constant is a combination of them.
    n : int
    factors : sequence of GroupRows
    weights : (n,) array or None
    dispersion_names : sequence of str, optional

    Raises
    ------
    InputError, InputTypeError
        For times that occur twice or are no integers, groups that are not inside of the levels of random effects, and
        combinations that the data cannot tell apart.
    """
    if residual is None and dispersion is None:
        return None
    kind, time, name = "", "", ""
    group, position = np.zeros(n, dtype=np.intp), np.zeros(n)
    visits: tuple[str, ...] = ()
    if residual is not None:
        kind, given_time, given_group, time, name = _asked(residual)
        group, _ = encode(given_group, name)
        check_length(group, n, f"residual: {name}")
        position, visits = _positions(kind, given_time, time, n)
    matrix: FloatArray | None = None
    names: tuple[str, ...] = ()
    if dispersion is not None:
        matrix = as_numbers(dispersion, "dispersion", ndim=2)
        check_length(matrix, n, "dispersion")
        names = column_names(dispersion, dispersion_names or None, matrix)
    elif kind == "us":
        matrix, names = (position[:, None] == np.arange(len(visits))).astype(np.float64), visits
    asked = ResidualLabels(kind, time, name, visits, 0, names, np.zeros((0, 0)))
    return _checked(asked, group, position, matrix, factors, weights)


def select_residual(
    residual: ResidualRows,
    rows: BoolArray | IntArray,
    factors: Sequence[Any],
    weights: FloatArray | None,
    copies: IntArray | None = None,
) -> ResidualRows:
    """The structure of some rows, with the same visits and columns of the dispersion.

    Parameters
    ----------
    residual : ResidualRows
    rows : (n,) bool array, or int array
    factors : sequence of GroupRows
    weights : array or None
        Of these rows.
    copies : int array, optional
        Of rows that are taken several times, which copy each is of: its group is another in each.

    Raises
    ------
    InputError
        Where a row is in one group twice; where visits, pairs of them or strata are not there any more.
    """
    labels, group = residual.labels, residual.group[rows]
    if labels.kind and copies is None and np.asarray(rows).dtype != np.bool_ and len(np.unique(rows)) < len(rows):
        raise InputError(
            f"a row that is taken twice is no other row of its {labels.group}, whose residuals are correlated: take "
            "whole levels of a factor"
        )
    if copies is not None:
        group = copies * len(residual.group) + group
    group = np.unique(group, return_inverse=True)[1].ravel()
    D = residual.columns[rows] if labels.dispersion else None
    return _checked(labels, group, residual.position[rows], D, factors, weights)


def _checked(
    asked: ResidualLabels,
    group: IntArray,
    position: AnyArray,
    D: FloatArray | None,
    factors: Sequence[Any],
    weights: FloatArray | None,
) -> ResidualRows:
    """The rows of what is asked for."""
    kind, name = asked.kind, asked.group
    if kind:
        _check_groups(kind, group, position, name, asked.time)
        _check_nested(group, name, factors)
    if kind in ("toep", "us"):
        _check_met(kind, group, position.astype(np.intp), asked.visits, name)
    basis, to_users = _scales(D, asked.dispersion, len(group))
    if kind:
        _check_identified(kind, group, name, factors, weights, homogeneous=not len(basis))
    largest = int(np.bincount(group).max()) if kind else 0
    strata = D is not None and bool(np.isin(D, (0.0, 1.0)).all() and (D.sum(axis=1) == 1.0).all())
    step, closest = _steps(group, position) if kind == "car1" else (1.0, 1.0)
    labels = replace(asked, largest=largest, to_users=to_users, strata=strata, step=step, closest=closest)
    return ResidualRows(labels, group, position, basis)


def _asked(residual: Any) -> tuple[str, Any, Any, str, str]:
    if not isinstance(residual, Mapping) or not {"correlation", "group"} <= set(residual):
        raise InputTypeError(
            "residual must be a text such as 'ar1(time | subject)' beside a formula, and with arrays a dict such as "
            f"{{'correlation': 'ar1', 'time': time, 'group': subject}}; got {shown(residual)}"
        )
    if extra := set(residual) - {"correlation", "time", "group", "time_name", "group_name"}:
        raise InputError(f"residual has no part {', '.join(sorted(map(str, extra)))}")
    kind = residual["correlation"]
    if not isinstance(kind, str) or kind not in KINDS:
        raise InputError(f"residual: the correlation is one of {', '.join(KINDS)}; got {shown(kind)}")
    time = residual.get("time")
    if time is None and kind != "cs":
        raise InputError(f"residual: {kind} needs the times of the rows, as in '{kind}(time | subject)'")
    return kind, time, residual["group"], residual.get("time_name", "time"), residual.get("group_name", "group")


def refuse_text(kind: str, name: str) -> NoReturn:
    """Refuse visits that are text, of which nothing says the order.

    Raises
    ------
    InputTypeError
        With the name of the times.
    """
    raise InputTypeError(
        f"residual: {kind} needs visits in their order, and {name} is text, whose order nothing says (v10 is before "
        "v2): make it numbers, or a category with its levels in order"
    )


def _positions(kind: str, given: Any, name: str, n: int) -> tuple[AnyArray, tuple[str, ...]]:
    """Times as numbers, or places among the visits; and the names of these."""
    if kind == "cs":
        return np.zeros(n), ()
    column = read(given, name)
    numeric = column.codes is None and column.values.dtype.kind in "iuf"
    if kind in ORDERED and column.codes is None and not numeric:
        refuse_text(kind, name)
    if kind == "us" or (kind in ORDERED and not numeric):
        codes, levels = encode(given, name)
        check_length(codes, n, f"residual: {name}")
        if len(levels) > MOST_VISITS and kind != "ar1":
            raise InputError(f"residual: {name} has {len(levels)} visits, and {kind} takes at most {MOST_VISITS}")
        return codes, tuple(f"{v:.15g}" if isinstance(v, float) else str(v) for v in levels.tolist())
    times = as_numbers(given, name)
    check_length(times, n, f"residual: {name}")
    if kind == "car1":
        return times, ()
    broken = times != np.round(times)
    if broken.any():
        raise InputError(
            f"residual: {kind} needs whole-numbered times, and {name} has others in {rows_text(broken)}. "
            + ("For any times use car1, the continuous-time AR(1)" if kind == "ar1" else "Number the visits")
        )
    if kind == "ar1":
        return times, ()
    places = (times - times.min()).astype(np.intp)
    if places.max() >= MOST_VISITS:
        raise InputError(f"residual: {name} spans {places.max()} steps, and toep takes less than {MOST_VISITS}")
    return places, tuple(f"{t:g}" for t in np.arange(places.max() + 1) + times.min())


def _steps(group: IntArray, time: AnyArray) -> tuple[float, float]:
    """The median of times between neighbours, and their least over it."""
    order = np.lexsort((time, group))
    between = np.diff(time[order])[np.diff(group[order]) == 0]
    step = float(np.median(between))
    return step, float(between.min()) / step


def _check_groups(kind: str, group: IntArray, position: AnyArray, name: str, time: str) -> None:
    if np.bincount(group).max() < 2:
        raise InputError(f"residual: every level of {name} has one row, so that there is no correlation to estimate")
    if kind == "cs":
        return
    order = np.lexsort((position, group))
    same = (np.diff(group[order]) == 0) & (np.diff(position[order]) == 0)
    if same.any():
        twice = np.zeros(len(group), dtype=bool)
        twice[order[1:][same]] = True
        raise InputError(
            f"residual: {time} occurs twice within a level of {name}, in {rows_text(twice)}: two residuals of one time "
            "have no correlation of their own. Group more finely, or leave rows out"
        )
    if kind == "ar1":
        gaps = np.diff(position[order])[np.diff(group[order]) == 0]
        step = gcd(*gaps.astype(int).tolist())
        if step % 2 == 0:
            raise InputError(
                f"residual: all steps of {time} within {name} are multiples of {step}, so that the sign of the AR(1) "
                f"correlation is not determined: divide {time} by {step}"
            )


def _check_nested(group: IntArray, name: str, factors: Sequence[Any]) -> None:
    """Refuse groups with rows in several levels of a factor: their random effects would be tied by the residuals."""
    for f in factors:
        first = np.full(group.max() + 1, -1)
        first[group] = f.codes
        if (broken := first[group] != f.codes).any():
            raise InputError(
                f"residual: levels of {name} have rows in several levels of {f.name}, as in {rows_text(broken)}. "
                "Residuals are correlated within one level of every random factor: take a finer grouping, such as the "
                "interaction of the two"
            )


def _check_met(kind: str, group: IntArray, position: IntArray, visits: Sequence[str], name: str) -> None:
    """Refuse correlations of visits that no group has both of."""
    there = np.zeros((group.max() + 1, len(visits)))
    there[group, position] = 1.0
    met = there.T @ there > 0
    if kind == "us":
        low, high = np.nonzero(np.triu(~met, 1))
        pairs = [f"{visits[a]} and {visits[b]}" for a, b in zip(low.tolist(), high.tolist(), strict=True)]
    else:
        lags = [d for d in range(1, len(visits)) if not np.diagonal(met, d).any()]
        pairs = [f"rows that are {d} apart" for d in lags]
    if pairs:
        more = f" and {len(pairs) - 3} more" if len(pairs) > 3 else ""
        raise InputError(
            f"residual: no level of {name} has {'; '.join(pairs[:3])}{more}, so that their correlation is not "
            f"determined. Use fewer visits, number them one by one, or a structure with less parameters than {kind}"
        )


def _check_identified(
    kind: str,
    group: IntArray,
    name: str,
    factors: Sequence[Any],
    weights: FloatArray | None,
    homogeneous: bool,
) -> None:
    """Refuse random effects that are a part of the residuals' covariances."""
    alike = homogeneous and (weights is None or np.ptp(weights) == 0.0)
    for f in factors:
        if len(np.unique(f.codes)) != group.max() + 1 or f.grouping.precision is not None:
            continue
        intercept = INTERCEPT in f.column_names
        if kind == "us" or (kind in ("cs", "toep") and alike and intercept):
            raise InputError(
                f"residual: {kind} residuals within {name} and "
                f"{'random effects' if kind == 'us' else 'a random intercept'} by {f.name} are not told apart: every "
                "covariance matrix of the one with the other is one of the residuals alone. Leave one out"
                + (": without random effects the formula has no bars" if len(factors) == 1 else "")
            )


def _scales(matrix: FloatArray | None, names: tuple[str, ...], n: int) -> tuple[FloatArray, FloatArray]:
    """B (d - 1, n); and the matrix (d, d) that makes the user's coefficients of (log sigma, delta)."""
    if matrix is None:
        return np.zeros((0, n)), np.zeros((0, 0))
    fixed = orthogonalize(matrix, names, None)
    if fixed.dropped_names:
        raise InputError(
            f"dispersion has columns that depend on each other: {', '.join(fixed.dropped_names)}. Leave them out"
        )
    root_n = float(np.sqrt(n))
    Q: FloatArray = np.linalg.qr(fixed.Q)[0]  # orthonormal to rounding
    ones = Q.T @ np.full(n, 1.0 / root_n)
    if abs(1.0 - float(ones @ ones)) > ONES:
        raise InputError(
            "dispersion has no constant (no combination of its columns is 1 for all rows), and the residual standard "
            "deviation has a scale: let the formula have an intercept, or all levels of a factor"
        )
    H = np.linalg.qr(np.column_stack([ones, np.eye(len(ones))]))[0]
    H[:, 0] *= np.sign(H[:, 0] @ ones)
    basis = (Q @ H[:, 1:]).T * root_n
    made = np.vstack([np.ones(n), basis])
    # coefficients of the user's columns of which ones and B are combinations: D U = [1, B]
    U = np.linalg.lstsq(matrix, made.T, rcond=None)[0]
    return np.ascontiguousarray(basis), np.asarray(U)
