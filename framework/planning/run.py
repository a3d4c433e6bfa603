"""Power: how often a test finds an effect, with the limits of what so many simulations say of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import KW_ONLY, dataclass, field, replace
from typing import Any

import numpy as np

from ..bootstrap import proportion
from ..bootstrap.blocks import Seed, blocks, checked_replicates, executor_of, until_interrupted
from ..bootstrap.record import failures
from ..contracts.arrays import AnyArray, FloatArray, real_number
from ..contracts.errors import ConvergenceWarning, InputError, InputTypeError, RanefWarning, shown
from ..display.records import Table
from ..estimation.pipeline import Watch, watch_of
from ..inference.intervals import checked_level
from ..notes import Note
from .planned import ROWS, Planned
from .significance import Tested, chosen_test

#: Most simulations of one block, and fewest before the width of an interval ends them.
BLOCK, FEWEST = 250, 100


@dataclass(frozen=True, eq=False, repr=False)
class Power(Table):
    """Power of a test: a row for each size, with ``rows``, levels by factor, ``power``, ``lower``, ``upper``, ``nsim``.

    Parameters
    ----------
    p_values : tuple of (nsim,) arrays
        Of every simulation, by row of the table; NaN where it failed. A Satterthwaite test of a statistic that cannot
        be significant has the p-value of z.
    reasons : tuple of (nsim,) arrays of str
        Why simulations failed, "" elsewhere. They count as not significant.
    alpha : float
    """

    _: KW_ONLY
    p_values: tuple[FloatArray, ...] = field(repr=False)
    reasons: tuple[AnyArray, ...] = field(repr=False)
    alpha: float
    messages: tuple[Note, ...] = field(default=(), repr=False)

    @property
    def power(self) -> FloatArray:
        """By row of the table."""
        return np.asarray(self["power"])


@dataclass(frozen=True)
class Settings:
    """How power is found.

    Parameters
    ----------
    nsim : int
        Most simulations of each size.
    alpha, level : float
        Of the test, and of the interval of its power.
    interval : str
    precision : float or None
        Half the width of the interval that is enough.
    """

    nsim: int
    alpha: float
    level: float
    interval: str
    precision: float | None

    @classmethod
    def of(cls, nsim: Any, alpha: Any, level: Any, interval: Any, precision: Any) -> Settings:
        """Checked.

        Raises
        ------
        InputError, InputTypeError
            For what is out of its range.
        """
        alpha = real_number(alpha, "alpha")
        if not 0.0 < alpha < 1.0:
            raise InputError(f"alpha must lie between 0 and 1; got {alpha}")
        if interval not in proportion.KINDS:
            raise InputError(f"interval must be {' or '.join(map(repr, proportion.KINDS))}; got {shown(interval)}")
        if precision is not None:
            precision = real_number(precision, "precision")
            if not 0.0 < precision < 0.5:
                raise InputError(f"precision must lie between 0 and 0.5; got {precision}")
        return cls(checked_replicates(nsim), alpha, checked_level(level), interval, precision)

    def limits(self, k: int, n: int) -> tuple[float, float]:
        """Of k significant ones among n."""
        function = proportion.clopper_pearson if self.interval == proportion.KINDS[0] else proportion.wilson
        return function(k, n, self.level)

    def enough(self, k: int, n: int) -> bool:
        """Whether the interval is narrow enough."""
        lower, upper = self.limits(k, n)
        return self.precision is not None and n >= FEWEST and upper - lower <= 2.0 * self.precision

    def significant(self, found: Tested) -> int:
        """How many are; what failed is not."""
        return int((found.p_values <= self.alpha).sum())

    def as_needed(self, outcomes: Iterator[Tested]) -> Iterator[Tested]:
        """Blocks until the interval is narrow enough."""
        k = n = 0
        for found in outcomes:
            yield found
            k, n = k + self.significant(found), n + len(found.reason)
            if self.enough(k, n):
                return


def power_of(
    plan: Planned, test: Any, effect: Any, sizes: Sequence[Any], df: Any, method: Any, settings: Settings, rng: Any,
    executor: Any, workers: Any, progress: Any,
) -> Power:  # fmt: skip
    """Power at each of some sizes.

    Raises
    ------
    InputError, InputTypeError
        For arguments that cannot be used, before anything is drawn.
    """
    changed = plan.with_effect(effect)
    plans = [changed.of_size(size) for size in sizes]
    tests = [chosen_test(one, test, df, method, settings.alpha) for one in plans]
    seed, found, stopped = Seed.of(rng, plan.model.labels.n, at_once=True), [], False
    with executor_of(executor, workers) as pool, watch_of(progress) as watch:
        for i, (one, (work, _, at_once)) in enumerate(zip(plans, tests, strict=True)):
            sized = Seed.of(0, one.model.labels.n, at_once=at_once, generalized=one.family is not None)
            own = replace(sized, entropy=(*seed.entropy, i), block=min(sized.block, BLOCK))
            parts, stopped = _simulated(work, own, settings, pool, watch)
            found.append(parts)
            if stopped:
                break
    p_values = tuple(np.concatenate([part.p_values for part in parts]) for parts in found)
    reasons = tuple(np.concatenate([part.reason for part in parts]) for parts in found)
    return _record(plans[: len(found)], tests[0][1], effect, p_values, reasons, settings, stopped)


def _simulated(
    work: Any, seed: Seed, settings: Settings, pool: Executor | None, watch: Watch
) -> tuple[list[Tested], bool]:
    """Blocks of one size, and whether the user interrupted them."""
    return until_interrupted(settings.as_needed(blocks(work, seed, 0, settings.nsim, pool, watch, "power")))


def _record(
    plans: Sequence[Planned], words: str, effect: Any, p_values: tuple[FloatArray, ...],
    reasons: tuple[AnyArray, ...], settings: Settings, stopped: bool,
) -> Power:  # fmt: skip
    counts = [int((p <= settings.alpha).sum()) for p in p_values]
    n = [len(p) for p in p_values]
    limits = np.array([settings.limits(k, m) for k, m in zip(counts, n, strict=True)])
    labels = [plan.model.labels for plan in plans]
    columns: dict[str, Any] = {g.name: [lab.groups[j].grouping.n_levels for lab in labels]
                               for j, g in enumerate(labels[0].groups)}  # fmt: skip
    columns |= {ROWS: [lab.n for lab in labels], "power": np.array(counts) / np.array(n)}
    columns |= {"lower": limits[:, 0], "upper": limits[:, 1], "nsim": n}
    failed = [int((reason != "").sum()) for reason in reasons]
    columns |= {"failed": failed} if any(failed) else {}
    said = "" if effect is None else f" with {', '.join(f'{name} = {value:g}' for name, value in effect.items())}"
    notes = [f"{100.0 * settings.level:g}% limits by {settings.interval.title()}"]
    notes += [f"{failures(np.concatenate(reasons))}, as not significant"] * any(failed)
    if settings.precision is not None:
        notes.append(f"Simulated until limits were within {settings.precision:g}, or {settings.nsim} times")
    notes += ["Interrupted: with fewer simulations than asked for"] * stopped
    messages = [Note(ConvergenceWarning, failures(np.concatenate(reasons)))] * any(failed)
    messages += [Note(RanefWarning, "interrupted: the power is of the simulations that were done")] * stopped
    return Power(
        columns,
        title=f"Power of the {words}\nat alpha = {settings.alpha:g}{said}",
        notes=tuple(notes),
        headers={"power": "Power"},
        frame=plans[0].frame,
        p_values=p_values,
        reasons=reasons,
        alpha=settings.alpha,
        messages=tuple(messages),
    )  # fmt: skip


def sizes_of(n: Any) -> list[Any]:
    """The sizes of a curve: a list of numbers of rows, or a dict of factor and list of numbers of levels.

    Raises
    ------
    InputError, InputTypeError
        For anything else.
    """
    if isinstance(n, Mapping) and len(n) == 1:
        ((name, sizes),) = n.items()
        listed = _listed(sizes)
        return [{name: size} for size in listed]
    if isinstance(n, Mapping):
        raise InputError(f"n must name one factor, with the numbers of its levels; got {shown(n)}")
    return _listed(n)


def _listed(sizes: Any) -> list[Any]:
    if isinstance(sizes, str | Mapping) or not hasattr(sizes, "__iter__"):
        raise InputTypeError(f"n must be a list of sizes, or a dict of factor and a list of sizes; got {shown(sizes)}")
    listed = list(sizes)
    if not listed:
        raise InputError("n has no sizes")
    return [size.item() if isinstance(size, np.generic) else size for size in listed]


__all__ = ["Power", "Settings", "power_of", "sizes_of"]
