"""`Bootstrap`: the replicates of a bootstrap, with intervals."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import KW_ONLY, dataclass, field, replace
from typing import Any, Self

import numpy as np

from ..contracts.arrays import AnyArray, BoolArray, FloatArray
from ..contracts.errors import ConvergenceWarning, InputError, InputTypeError, RanefWarning, shown
from ..display.records import Table
from ..inference.intervals import Intervals, checked_level, interval_table
from ..notes import Note
from . import files, limits
from .blocks import Seed
from .replicates import Replicates, Statistic

#: Reasons that a note names; their length.
SHOWN, LENGTH = 3, 90
#: Replicates that an interval needs at least.
FEWEST = 10


@dataclass(frozen=True, eq=False)
class Origin:
    """How replicates were made: all that their continuation needs beside the fit.

    Parameters
    ----------
    kind : str
        "parametric", "residual" or "cases".
    random : str
        Random effects of a parametric bootstrap, "new" or "conditional".
    by : str or None
        What the cases were: a factor, or "rows".
    seed : Seed
    asked : int
        How many replicates were asked for.
    statistic, se : callable or None
        Functions of the user; a file does not keep them.
    own : bool
        Whether the statistic was the user's.
    """

    kind: str
    random: str
    by: str | None
    seed: Seed
    asked: int
    statistic: Statistic | None = field(default=None, repr=False)
    se: Statistic | None = field(default=None, repr=False)
    own: bool = False


@dataclass(frozen=True, eq=False, repr=False)
class Bootstrap(Table):
    """A bootstrap of a fit: a row for each statistic, with ``estimate``, ``bias``, ``se`` and ``undefined``.

    ``bias`` is the mean of the replicates less the estimate, ``se`` their standard deviation. Replicates that failed
    are not in these figures, nor in intervals; ``undefined`` counts others in which the statistic does not exist, such
    as a correlation with a standard deviation of zero.

    Parameters
    ----------
    original, original_se : (q,) arrays
        Statistics of the fit, and their standard errors where they have some.
    replicates, replicates_se : (nsim, q) arrays
        The same of every replicate, NaN where there are none.
    failed : (nsim,) bool array
        Replicates without a converged fit, or of which the statistic could not be had.
    reason : (nsim,) array of str
        Why; "" elsewhere.
    singular : (nsim,) bool array
        Replicates whose fit is singular.
    origin : Origin
        How they were made.

    Examples
    --------
    >>> import ranef
    >>> fit = ranef.lmm("Yield ~ 1 + (1 | Batch)", ranef.datasets.load("dyestuff"))
    >>> record = fit.bootstrap(500, rng=1)
    >>> record.replicates.shape, int(record.failed.sum())
    ((500, 3), 0)
    >>> record.confint(kind="percentile")["parameter"].tolist()
    ['sd_(Intercept)|Batch', 'sigma', '(Intercept)']
    """

    _: KW_ONLY
    original: FloatArray
    original_se: FloatArray
    replicates: FloatArray
    replicates_se: FloatArray
    failed: BoolArray
    reason: AnyArray
    singular: BoolArray
    origin: Origin

    @classmethod
    def of(
        cls, names: tuple[str, ...], original: tuple[FloatArray, FloatArray], found: Replicates, origin: Origin,
        frame: str = "",
    ) -> Self:  # fmt: skip
        """The record of replicates."""
        failed, t0 = found.reason != "", original[0]
        used = found.values[~failed]
        with np.errstate(invalid="ignore"):
            there = ~np.isnan(used)
            counts = there.sum(axis=0)
            mean = np.where(there, used, 0.0).sum(axis=0) / np.where(counts, counts, np.nan)
            squares = np.where(there, (used - mean) ** 2, 0.0).sum(axis=0)
            columns = {
                "statistic" if origin.own else "parameter": list(names),
                "estimate": t0,
                "bias": mean - t0,
                "se": np.sqrt(squares / np.where(counts > 1, counts - 1, np.nan)),
                "undefined": (~there).sum(axis=0),
            }
        title = f"{origin.kind.capitalize()} bootstrap, {len(failed)} replicates"
        title += f" of {'rows' if origin.by == 'rows' else f'levels of {origin.by}'}" if origin.by else ""
        title += ", random effects as they are" if origin.random == "conditional" else ""
        if not (~there).any():
            del columns["undefined"]
        return cls(
            columns,
            title=title,
            notes=tuple(_notes(found, origin)),
            headers={"statistic": "", "undefined": "Undefined", "bias": "Bias"},
            plain=False,
            frame=frame,
            original=t0,
            original_se=original[1],
            replicates=found.values,
            replicates_se=found.se,
            failed=failed,
            reason=found.reason,
            singular=found.singular,
            origin=origin,
        )

    @property
    def statistics(self) -> tuple[str, ...]:
        """Names of the statistics."""
        return tuple(self[self.names[0]].tolist())

    @property
    def nsim(self) -> int:
        """Number of replicates, failed ones included."""
        return len(self.replicates)

    @property
    def complete(self) -> bool:
        """Whether there are as many replicates as were asked for; fewer after an interruption."""
        return self.nsim >= self.origin.asked

    def table(self) -> Table:
        """All replicates: ``replicate`` (from 0), a column for each statistic, ``singular``, ``failed``, ``reason``."""
        columns: dict[str, Any] = {"replicate": np.arange(self.nsim)}
        columns |= dict(zip(self.statistics, self.replicates.T, strict=True))
        columns |= {"singular": self.singular, "failed": self.failed, "reason": self.reason}
        return Table(columns, plain=True, frame=self.frame)

    # Intervals ------------------------------------------------------------------------------------------------------

    def confint(
        self, which: Any = "all", *, level: float = 0.95, kind: str = "percentile", acceleration: Any = None
    ) -> Intervals:
        """Confidence intervals from the replicates.

        Parameters
        ----------
        which : "all" or list of str
            Names of statistics.
        level : float, default 0.95
        kind : {"percentile", "basic", "normal", "bca", "studentized"}
            Quantiles of the replicates; quantiles of their deviations from the estimate, turned round; the standard
            deviation and normal quantiles, corrected for bias; quantiles corrected for bias and skewness; quantiles of
            deviations over standard errors, for statistics that have these (coefficients, and what `se` was given for).
        acceleration : mapping of name -> float, optional
            For "bca": skewness by the jackknife, `fit.jackknife(record)`. ``fit.confint(method="boot", kind="bca")``
            has both in one call.

        Returns
        -------
        Intervals
            A table with columns ``parameter``, ``estimate``, ``lower``, ``upper``; NaN where the replicates do not
            reach the level, with the reason.

        Raises
        ------
        InputError, InputTypeError
            For statistics, kinds or levels that there are not.

        References
        ----------
        Davison & Hinkley (1997), chapter 5, doi 10.1017/CBO9780511802843.
        """
        level = checked_level(level)
        limits.check_kind(kind)
        names = _chosen(which, self.statistics)
        if kind == "bca" and (not isinstance(acceleration, Mapping) or not set(names) <= set(acceleration)):
            raise InputTypeError(
                "kind='bca' needs acceleration=fit.jackknife(record); fit.confint(method='boot', kind='bca') has both"
            )
        found, reasons = np.full((len(names), 2), np.nan), {}
        for i, name in enumerate(names):
            a = float(acceleration[name]) if kind == "bca" else 0.0
            found[i], reasons[name] = self._limits(self.statistics.index(name), kind, level, a)
        places = [self.statistics.index(name) for name in names]
        notes = (f"By {kind} limits of {int((~self.failed).sum())} replicates", *self.notes)
        table = interval_table("bootstrap", level, names, self.original[places], found, reasons, notes)
        return replace(table, frame=self.frame)

    def _limits(self, i: int, kind: str, level: float, a: float) -> tuple[FloatArray, str]:
        """Limits of a statistic, and why there are none."""
        t0, se0 = float(self.original[i]), float(self.original_se[i])
        used = ~self.failed & ~np.isnan(self.replicates[:, i])
        if kind == "studentized":
            if np.isnan(se0):
                return np.full(2, np.nan), "it has no standard error for studentized limits"
            used &= self.replicates_se[:, i] > 0.0
        t, se = self.replicates[used, i], self.replicates_se[used, i]
        if np.isnan(t0):
            return np.full(2, np.nan), "the fit has no estimate of it"
        if len(t) < FEWEST:
            return np.full(2, np.nan), f"{len(t)} replicates are too few"
        if kind == "percentile":
            out = limits.percentile(t, level)
        elif kind == "basic":
            out = limits.basic(t0, t, level)
        elif kind == "normal":
            out = limits.normal(t0, t, level)
        elif kind == "studentized":
            out = limits.studentized(t0, se0, t, se, level)
        else:
            out = limits.bca(t0, t, a, level)
        if not np.isnan(out).any():
            return out, ""
        if kind == "bca" and not t.min() < t0 <= t.max():
            return np.full(2, np.nan), "the estimate is beyond all replicates"
        return out, f"{len(t)} replicates do not reach so far into the tails; use more"

    # Files ----------------------------------------------------------------------------------------------------------

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the record to one file, from which `Bootstrap.load` makes it again.

        Functions of the user are not kept, and nothing in a file is executed.

        Raises
        ------
        OSError
            Where the file cannot be written.
        """
        files.write(path, self)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """The record that `save` wrote.

        Raises
        ------
        StorageError
            Where the file is no record of a bootstrap, is damaged, or was written by a newer version of ranef.
        OSError
            Where it cannot be read.

        Examples
        --------
        >>> import ranef, tempfile, pathlib
        >>> fit = ranef.lmm("Yield ~ 1 + (1 | Batch)", ranef.datasets.load("dyestuff"))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     fit.bootstrap(50, rng=1).save(pathlib.Path(folder) / "dyestuff.boot")
        ...     record = ranef.Bootstrap.load(pathlib.Path(folder) / "dyestuff.boot")
        >>> record.extended(fit, 50).nsim
        100
        """
        names, original, found, origin, frame = files.read(path)
        return cls.of(names, original, found, Origin(**origin), frame)

    # More -----------------------------------------------------------------------------------------------------------

    def extended(
        self, fit: Any, more: int, *, statistic: Any = None, se: Any = None, executor: Any = None,
        workers: int | None = None, progress: Any = None,
    ) -> Self:  # fmt: skip
        """The record with more replicates: the same as if all of them had been asked for at once.

        Parameters
        ----------
        fit : LMMSolution or GLMMSolution
            What was bootstrapped, with its rows.
        more : int
            Replicates to add.
        statistic, se : callable, optional
            The functions of the bootstrap, of a record from a file.
        executor, workers, progress
            As in `bootstrap` of the fit.

        Raises
        ------
        InputError, InputTypeError
            For another fit, or another statistic.
        """
        extend = getattr(fit, "_extended", None)
        if extend is None:
            raise InputTypeError(f"fit must be the solution that was bootstrapped; got {shown(fit)}")
        record: Self = extend(self, more, statistic, se, executor, workers, progress)
        return record

    @property
    def messages(self) -> tuple[Note, ...]:
        """What to warn of: failures and interruptions."""
        out = []
        if self.failed.any():
            out.append(Note(ConvergenceWarning, failures(self.reason)))
        if not self.complete:
            out.append(Note(RanefWarning, f"interrupted after {self.nsim} of {self.origin.asked} replicates"))
        return tuple(out)


def _notes(found: Replicates, origin: Origin) -> Iterator[str]:
    if (found.reason != "").any():
        yield failures(found.reason)
    if found.singular.any():
        yield f"{int(found.singular.sum())} of {len(found.reason)} refits are singular"
    if len(found.reason) < origin.asked:
        yield f"Interrupted after {len(found.reason)} of {origin.asked} replicates: extended(fit, ...) goes on"


def failures(reasons: AnyArray) -> str:
    """How many replicates failed, and why: the most frequent reasons."""
    counts = Counter(str(reason) for reason in reasons if reason)
    listed = [
        f"{text if len(text) <= LENGTH else text[:LENGTH] + '...'} ({n})" for text, n in counts.most_common(SHOWN)
    ]
    more = f"; and {len(counts) - SHOWN} other reasons" if len(counts) > SHOWN else ""
    return f"{counts.total()} of {len(reasons)} replicates failed and are left out: {'; '.join(listed)}{more}"


def _chosen(which: Any, names: tuple[str, ...]) -> list[str]:
    if isinstance(which, str) and which == "all":
        return list(names)
    asked = [which] if isinstance(which, str) else which
    if not isinstance(asked, list | tuple) or not all(isinstance(name, str) for name in asked):
        raise InputTypeError(f"which must be 'all' or names of statistics; got {shown(which)}")
    if unknown := [name for name in asked if name not in names]:
        raise InputError(f"which: there is no statistic {', '.join(map(repr, unknown))}; there are {', '.join(names)}")
    return [name for name in names if name in asked]


__all__ = ["Bootstrap", "Origin", "failures"]
