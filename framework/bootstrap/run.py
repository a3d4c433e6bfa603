"""A bootstrap of a fit: what to do, done, and gone on with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ..contracts.arrays import FloatArray
from ..contracts.errors import InputError, InputTypeError, shown
from ..estimation.generalized import GeneralizedFit
from ..estimation.model import Fit
from ..estimation.pipeline import watch_of
from ..inference.intervals import Intervals, checked_level, chosen
from ..inference.quantities import quantities
from ..many.one_by_one import Of
from ..notes import Note
from . import limits
from .blocks import Seed, blocks, checked_replicates, executor_of, until_interrupted
from .jackknife import left_out
from .parameters import UsersParameters
from .record import Bootstrap, Origin
from .replicates import AllParameters, Measured, OwnStatistic, Replicates, way_of
from .schemes import ROWS, Cases, scheme_of

#: Statistics that differ by more than this part of themselves are those of another fit.
SAME = 1e-6


def bootstrap(
    fit: Fit, of: Of, nsim: Any, *, statistic: Any, se: Any, kind: Any, random: Any, by: Any, rng: Any,
    executor: Any, workers: Any, progress: Any, frame: str,
) -> Bootstrap:  # fmt: skip
    """Draw, fit again, and keep: see `bootstrap` of a solution.

    Raises
    ------
    InputError, InputTypeError
        For arguments that cannot be used, before anything is drawn.
    """
    count = checked_replicates(nsim)
    scheme = scheme_of(fit, kind, random, by)
    measured, original = _measured(fit, of, statistic, se)
    work, at_once = way_of(fit, scheme, of, measured)
    seed = Seed.of(rng, fit.labels.n, at_once=at_once, generalized=isinstance(fit, GeneralizedFit))
    if isinstance(scheme, Cases):
        by = ROWS if scheme.by is None else fit.groups[scheme.by].name
    origin = Origin(kind, random, by, seed, count, statistic, se, statistic is not None)
    with executor_of(executor, workers) as pool, watch_of(progress) as watch:
        found, _ = until_interrupted(blocks(work, seed, 0, count, pool, watch, "bootstrap"))
    return Bootstrap.of(measured.names, original, Replicates.joined(found), origin, frame)


def extended(
    fit: Fit, of: Of, record: Bootstrap, more: Any, *, statistic: Any, se: Any, executor: Any, workers: Any,
    progress: Any,
) -> Bootstrap:  # fmt: skip
    """The record with more replicates.

    Raises
    ------
    InputError, InputTypeError
        For another fit, or another statistic than that of the record.
    """
    origin = record.origin
    first, last = record.nsim, record.nsim + checked_replicates(more, "more")
    statistic, se = statistic or origin.statistic, se or origin.se
    if origin.own and statistic is None:
        raise InputTypeError("the record's statistic was a function, which a file does not keep: give statistic=")
    measured, original = _measured(fit, of, statistic if origin.own else None, se if origin.own else None)
    _check_same(record, measured.names, original[0])
    scheme = scheme_of(fit, origin.kind, origin.random, origin.by if origin.kind == "cases" else None)
    work, _ = way_of(fit, scheme, of, measured)
    with executor_of(executor, workers) as pool, watch_of(progress) as watch:
        found, _ = until_interrupted(blocks(work, origin.seed, first, last, pool, watch, "bootstrap"))
    known = Replicates(record.replicates, record.replicates_se, record.singular, record.reason)
    origin = replace(origin, asked=last, statistic=statistic, se=se)
    return Bootstrap.of(record.statistics, original, Replicates.joined([known, *found]), origin, record.frame)


def jackknife(fit: Fit, of: Of, record: Bootstrap, statistic: Any) -> tuple[dict[str, float], str]:
    """Acceleration of each statistic of a record, and what was left out for it."""
    if not isinstance(record, Bootstrap):
        raise InputTypeError(f"record must be what fit.bootstrap gave; got {shown(record)}")
    statistic = statistic or record.origin.statistic
    if record.origin.own and statistic is None:
        raise InputTypeError("the record's statistic was a function, which a file does not keep: give statistic=")
    measured, original = _measured(fit, of, statistic if record.origin.own else None, None)
    _check_same(record, measured.names, original[0])
    values, units = left_out(fit, of, measured)
    return dict(zip(measured.names, limits.acceleration(values).tolist(), strict=True)), units


#: Arguments that a bootstrap has beside its statistic.
OPTIONS = {"nsim": 1000, "type": "parametric", "rng": None, "random": "new", "by": None, "executor": None,
           "workers": None, "progress": None}  # fmt: skip


def with_options(fit: Fit, of: Of, given: Mapping[str, Any], statistic: Any, frame: str) -> Bootstrap:
    """A bootstrap by arguments that another function was given for it.

    Raises
    ------
    InputTypeError
        For arguments that a bootstrap does not have.
    """
    if unknown := set(given) - set(OPTIONS):
        raise InputTypeError(
            f"a bootstrap has no argument {', '.join(sorted(unknown))} here; it has {', '.join(OPTIONS)}"
        )
    options: dict[str, Any] = {**OPTIONS, **given}
    return bootstrap(fit, of, options.pop("nsim"), statistic=statistic, se=None, kind=options.pop("type"), frame=frame,
                     **options)  # fmt: skip


def boot_intervals(
    fit: Fit, of: Of, which: Any, level: Any, kind: Any, given: Mapping[str, Any], frame: str
) -> tuple[Intervals, tuple[Note, ...]]:
    """Bootstrap intervals of the parameters, and what to warn of.

    Raises
    ------
    InputError, InputTypeError
        For arguments that cannot be used.
    """
    names = [q.name for q in chosen(quantities(fit), which)]
    limits.check_kind(kind)
    level = checked_level(level)
    record = with_options(fit, of, given, None, frame)
    if kind != "bca":
        return replace(record.confint(names, level=level, kind=kind), frame=frame), record.messages
    acceleration, units = jackknife(fit, of, record, None)
    found = record.confint(names, level=level, kind=kind, acceleration=acceleration)
    notes = (*found.notes, f"Skewness by the jackknife, without each of the {units}")
    return replace(found, frame=frame, notes=notes), record.messages


def _measured(fit: Fit, of: Of, statistic: Any, se: Any) -> tuple[Measured, tuple[FloatArray, FloatArray]]:
    """What is measured, and that of the fit itself."""
    solution = of(fit)
    if statistic is None:
        if se is not None:
            raise InputTypeError("se belongs to a statistic of your own; coefficients have theirs")
        measured: Measured = AllParameters(UsersParameters.of(fit))
    else:
        measured = OwnStatistic.first(statistic, se, solution)
    return measured, measured.of(solution, fit)


def _check_same(record: Bootstrap, names: tuple[str, ...], original: FloatArray) -> None:
    if names != record.statistics:
        raise InputError(
            f"the record has the statistics {', '.join(record.statistics)}, and this fit has {', '.join(names)}"
        )
    if not np.allclose(original, record.original, rtol=SAME, atol=0.0, equal_nan=True):
        raise InputError("the record is of another fit: its estimates differ")


__all__ = ["boot_intervals", "bootstrap", "extended", "jackknife", "with_options"]
