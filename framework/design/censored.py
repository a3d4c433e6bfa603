"""Responses of which some are censored: two columns in, the ends of intervals out."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..contracts.arrays import BoolArray, FloatArray
from ..contracts.censoring import ends, written
from ..contracts.errors import InputError, InputTypeError, shown
from .arrays import as_numbers, check_length
from .reading import check_alignment, rows_text

#: What the second column may be.
TYPES = ("right", "left", "interval2")


class Surv:
    """A response of which some values are censored: known to be larger than, smaller than, or between two numbers.

    Formulas have it as R's survival does: ``Surv(time, event) ~ x + (1 | g)``.

    Parameters
    ----------
    time : (n,) array-like
        The response; where it is censored the last that was seen of it. With "interval2" lower ends.
    event : (n,) array-like, optional
        1 (or True) where `time` is the response, 0 where it is censored; None: nothing is. With "interval2" upper ends.
    type : {"right", "left", "interval2"}, default "right"
        Censored responses are larger than `time`, or smaller; or all lie in intervals: of one point where they are
        known, with an upper end of inf where they are larger, and a lower end of -inf (0 for positive ones) where they
        are smaller.

    Raises
    ------
    InputError, InputTypeError
        With the rows, for an event that is neither 0 nor 1, ends in the wrong order, and what is missing.

    Examples
    --------
    >>> import ranef
    >>> ranef.Surv([8, 16, 23], [1, 1, 0])
    Surv(8, 16, 23+)
    >>> ranef.Surv([8.0, 0.0], [9.0, 5.0], type="interval2").ends.tolist()
    [[8.0, 9.0], [0.0, 5.0]]
    """

    def __init__(self, time: Any, event: Any = None, *, type: str = "right") -> None:  # noqa: A002  R's name
        if type not in TYPES:
            raise InputError(f"type must be one of {', '.join(map(repr, TYPES))}; got {shown(type)}")
        if event is None and type == "interval2":
            raise InputError("type='interval2' needs two columns, the lower and the upper ends of the intervals")
        names = ("lower", "upper") if type == "interval2" else ("time", "event")
        check_alignment(**dict(zip(names, (time, event), strict=True)))
        interval = type == "interval2"
        first = _column(time, names[0], interval)
        second = np.ones(len(first)) if event is None else _column(event, names[1], interval)
        check_length(second, len(first), names[1], names[0])
        self._of(first, second, type, np.arange(len(first)))
        #: What rows are aligned by.
        self.given = time

    @classmethod
    def of_rows(cls, first: FloatArray, second: FloatArray, type: str, rows: Any) -> Surv:  # noqa: A002
        """Of columns of numbers, which are some rows of a data frame."""
        new = cls.__new__(cls)
        new._of(first, second, type, rows)
        new.given = None
        return new

    @classmethod
    def of_ends(cls, y: FloatArray) -> Surv:
        """Of the ends (n, 2) of intervals."""
        return cls.of_rows(y[:, 0], y[:, 1], "interval2", np.arange(len(y)))

    def _of(self, first: FloatArray, second: FloatArray, kind: str, rows: Any) -> None:
        if kind == "interval2":
            _refuse(second < first, rows, "Surv: the upper end lies below the lower one")
            _refuse((first == np.inf) | (second == -np.inf), rows, "Surv: an interval has no number in it")
            lower, upper = first, second
        else:
            _refuse((second != 0) & (second != 1), rows, "Surv: event must be 1 (observed) or 0 (censored); it is not")
            censored = second == 0
            lower = np.where(censored, -np.inf, first) if kind == "left" else first
            upper = np.where(censored, np.inf, first) if kind == "right" else first
        #: Lower and upper ends of what is known of each response, (n, 2).
        self.ends: FloatArray = np.column_stack([lower, upper])
        self.ends.flags.writeable = False

    @property
    def y(self) -> FloatArray:
        """Responses as families get them: (n,) where none is censored, else the ends (n, 2)."""
        lower, upper = ends(self.ends)
        return lower.copy() if np.array_equal(lower, upper) else self.ends

    def __len__(self) -> int:
        return len(self.ends)

    def __repr__(self) -> str:
        some = [written(row) for row in self.ends[:10]]
        return f"Surv({', '.join(some + ['...'] * (len(self) > 10))})"


def as_response(y: Any) -> FloatArray:
    """A response (n,), or (n, 2) where some of it is censored.

    Raises
    ------
    InputError, InputTypeError
        For what is none.
    """
    return y.y if isinstance(y, Surv) else as_numbers(y, "y")


def refuse_censored(y: FloatArray, model: str, takes: bool = False) -> None:
    """Raise `InputTypeError` for censored responses of a model that does not take such."""
    if y.ndim == 2 and not takes:
        raise InputTypeError(
            f"y has censored responses (Surv), which {model} does not take. There are families that do: ranef.glmm "
            "with family='weibull', 'exponential' or 'lognormal' for times, 'tobit' for normal responses"
        )


def _column(value: Any, name: str, infinite: bool) -> FloatArray:
    """Numbers, of which some may be infinite."""
    if not infinite:
        return as_numbers(value, name)
    try:
        numbers = np.array(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputTypeError(f"{name} must be numbers") from error
    if numbers.ndim != 1 or np.isnan(numbers).any():
        raise InputError(f"{name} must be one column without missing values (inf is an open end)")
    return numbers


def _refuse(bad: BoolArray, rows: Any, problem: str) -> None:
    if bad.any():
        at = np.zeros(int(np.max(rows)) + 1, dtype=bool)
        at[rows[bad]] = True
        raise InputError(f"{problem} in {rows_text(at)}")


__all__ = ["Surv", "as_response", "refuse_censored"]
