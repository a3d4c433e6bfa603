"""Other rows in the residual structure of a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..contracts.arrays import AnyArray, FloatArray, IntArray
from ..contracts.errors import InputError
from .arrays import as_numbers, check_length
from .grouping import encode
from .reading import rows_text
from .residual import ResidualRows
from .residual_labels import ResidualLabels


def residual_of_new_rows(labels: ResidualLabels, newdata: Mapping[str, Any], n: int) -> ResidualRows:
    """Groups, times and columns of the dispersion of new rows: ``residual`` and ``dispersion`` of new data.

    Parameters
    ----------
    labels : ResidualLabels
        Of the model.
    newdata : mapping
        ``residual``: {"time": (n,), "group": (n,)}; ``dispersion``: (n, d), the columns that the model has.
    n : int

    Raises
    ------
    InputError
        For parts that are missing, visits that the model does not know, and times that occur twice in a group.
    """
    given = newdata.get("residual") or {}
    group, position = np.zeros(n, dtype=np.intp), np.zeros(n)
    if labels.kind:
        if missing := [p for p in ("group", *["time"] * (labels.kind != "cs")) if given.get(p) is None]:
            raise InputError(
                f"newdata['residual'] has no {' and no '.join(missing)}, and residuals are {labels.text}: give "
                "newdata={..., 'residual': {'time': time, 'group': group}}"
            )
        group, _ = encode(given["group"], labels.group)
        check_length(group, n, f"newdata['residual']: {labels.group}", "newdata['X']")
        if labels.kind != "cs":
            position = _positions(labels, given["time"], n)
            _refuse_twice(labels, group, position)
    return ResidualRows(labels, group, position, _basis(labels, newdata.get("dispersion"), position, n))


def scales_of_new_rows(labels: ResidualLabels, newdata: Mapping[str, Any], n: int) -> FloatArray:
    """Columns (d, n) of log S of new rows: of groups and times no more than the visits that S may depend on.

    Raises
    ------
    InputError
        For parts that are missing, and visits that the model does not know.
    """
    position: AnyArray = np.zeros(n)
    if labels.scales_are_visits and newdata.get("dispersion") is None:
        time = (newdata.get("residual") or {}).get("time")
        if time is None:
            raise InputError(
                "newdata['residual'] has no time, and each visit has a variance of its own: give "
                "newdata={..., 'residual': {'time': time}}"
            )
        position = _positions(labels, time, n)
    return _basis(labels, newdata.get("dispersion"), position, n)


def _positions(labels: ResidualLabels, given: Any, n: int) -> AnyArray:
    """Times, or places among the visits of the fit."""
    name = f"newdata['residual']: {labels.time}"
    if not labels.visits:
        times = as_numbers(given, name)
        check_length(times, n, name, "newdata['X']")
        if labels.kind == "ar1" and (broken := times != np.round(times)).any():
            raise InputError(f"{name} must be whole numbers, as ar1 has them; others are in {rows_text(broken)}")
        return times
    codes, levels = encode(given, name)
    check_length(codes, n, name, "newdata['X']")
    known = {visit: i for i, visit in enumerate(labels.visits)}
    names = [f"{v:.15g}" if isinstance(v, float) else str(v) for v in levels.tolist()]
    place = np.array([known.get(v, -1) for v in names], dtype=np.intp)[codes]
    if (place < 0).any():
        new = [v for v in names if v not in known]
        raise InputError(
            f"{name} has {', '.join(new[:5])}, in {rows_text(place < 0)}, of which the fit says nothing: its visits "
            f"are {', '.join(labels.visits)}"
        )
    return place


def _refuse_twice(labels: ResidualLabels, group: IntArray, position: AnyArray) -> None:
    order = np.lexsort((position, group))
    same = (np.diff(group[order]) == 0) & (np.diff(position[order]) == 0)
    if same.any():
        twice = np.zeros(len(group), dtype=bool)
        twice[order[1:][same]] = True
        raise InputError(f"newdata: {labels.time} occurs twice within a level of {labels.group}, in {rows_text(twice)}")


def _basis(labels: ResidualLabels, given: Any, position: AnyArray, n: int) -> FloatArray:
    """Columns of log S beside sigma, as the fit has them: D U = [1, B]."""
    if not labels.dispersion:
        return np.zeros((0, n))
    if given is None and labels.scales_are_visits:
        given = (position[:, None] == np.arange(len(labels.visits))).astype(np.float64)
    if given is None:
        raise InputError(f"newdata has no dispersion, whose columns are {', '.join(labels.dispersion)}")
    D = as_numbers(given, "newdata['dispersion']", ndim=2)
    check_length(D, n, "newdata['dispersion']", "newdata['X']")
    if D.shape[1] != len(labels.dispersion):
        raise InputError(
            f"newdata['dispersion'] has {D.shape[1]} columns, the model has {len(labels.dispersion)}: "
            f"{', '.join(labels.dispersion)}"
        )
    return np.ascontiguousarray((D @ labels.to_users[:, 1:]).T)
