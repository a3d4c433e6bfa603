"""Simulated quantile residuals: where each observation lies among responses drawn from the fitted model.

An observation has a rank among itself and m simulated ones, ties broken at random; (rank + U) / (m + 1) with a uniform
U is uniform on (0, 1) if all of them come from one distribution, of whatever kind (Dunn & Smyth 1996, doi
10.1080/10618600.1996.10474708, with a simulated distribution function, as in the R package DHARMa, Hartig 2024).

Simulations have ranks in the same way. A statistic of the observed column is therefore compared with those of the
simulated columns: they are exchangeable under the model, so that p-values hold for any dependence between rows that the
model has, where a Kolmogorov-Smirnov table would take rows of one group for independent. The parameters are taken as
known, which makes tests a little conservative.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.special import ndtri

from ..contracts.arrays import FloatArray, IntArray
from ..contracts.censoring import ends, is_observed
from ..contracts.errors import InputError, shown
from ..design.arrays import as_numbers
from ..design.grouping import encode
from ..display.records import Table
from ..estimation.model import Fit
from ..formula.terms import Terms
from ..prediction.simulate import checked_rng, simulate
from .influence import Cases

#: Most numbers that are ranked.
MOST = 10**8
#: Bins of a variable that residuals are compared with.
BINS = 10


@dataclass(frozen=True, eq=False, repr=False)
class SimulatedResiduals(Table):
    """Simulated quantile residuals, a row for each observation or level.

    Columns are ``row`` (from 0) or the factor's name, ``observed``, ``residual`` (uniform if the model is right), and
    ``normal``, its normal quantile.

    Parameters
    ----------
    responses : (n, m + 1) array
        Observed responses, then the simulated ones.
    uniform : (n, m + 1) array
        Residuals of all of these.
    """

    responses: FloatArray = field(default_factory=lambda: np.zeros((0, 1)))
    uniform: FloatArray = field(default_factory=lambda: np.zeros((0, 1)))

    @property
    def nsim(self) -> int:
        """Number of simulations."""
        return int(self.uniform.shape[1]) - 1

    def tests(self) -> Table:
        """Uniformity, dispersion, outliers and zeros: columns ``test``, ``observed``, ``expected``, ``p_value``."""
        rows = [self._uniformity(), self._dispersion(), self._outliers()]
        if (self.responses == 0.0).any():
            rows.append(self._zeros())
        return self._table(rows, "Tests of simulated residuals")

    def test_groups(self, labels: Any) -> Table:
        """Whether residuals of groups differ in location or in spread.

        Raises
        ------
        InputError, InputTypeError
            For labels that cannot be read, or of another length.
        """
        codes, levels = encode(labels, "labels")
        if len(codes) != len(self):
            raise InputError(f"labels has {len(codes)} entries, there are {len(self)} residuals")
        return self._table(self._by(codes, len(levels)), "Simulated residuals by group")

    def test_against(self, x: Any) -> Table:
        """Whether location or spread of residuals change with a variable, by ten bins of as many rows each.

        Raises
        ------
        InputError, InputTypeError
            For an x that is not numbers, or of another length.
        """
        values = as_numbers(x, "x")
        if len(values) != len(self):
            raise InputError(f"x has {len(values)} entries, there are {len(self)} residuals")
        ranks = np.unique(values, return_inverse=True)[1].astype(np.float64)
        cuts = np.quantile(ranks, np.linspace(0.0, 1.0, BINS + 1)[1:-1])
        codes = np.unique(np.searchsorted(cuts, ranks, side="left"), return_inverse=True)[1]
        return self._table(self._by(codes, int(codes.max()) + 1), "Simulated residuals against a variable")

    def __str__(self) -> str:
        """The tests."""
        return f"{self.title}\n\n{self.tests()}"

    def _repr_html_(self) -> str:
        return self.tests()._repr_html_()

    # Statistics, of every column ------------------------------------------------------------------------------------

    def _uniformity(self) -> tuple[str, FloatArray, str]:
        u = np.sort(self.uniform, axis=0)
        i = np.arange(1, len(u) + 1)[:, None] / len(u)
        return "uniformity", np.maximum(i - u, u - i + 1.0 / len(u)).max(axis=0), "greater"

    def _dispersion(self) -> tuple[str, FloatArray, str]:
        Y = self.responses - self.responses.mean(axis=1, keepdims=True)
        variance = Y.var(axis=1)
        some = variance > 0.0
        if not some.any():
            return "dispersion", np.full(Y.shape[1], np.nan), "two-sided"
        return "dispersion", (Y[some] ** 2 / variance[some, None]).mean(axis=0), "two-sided"

    def _outliers(self) -> tuple[str, FloatArray, str]:
        edge = 1.0 / self.uniform.shape[1]
        return "outliers", ((self.uniform < edge) | (self.uniform > 1.0 - edge)).sum(axis=0) * 1.0, "greater"

    def _zeros(self) -> tuple[str, FloatArray, str]:
        return "zeros", (self.responses == 0.0).sum(axis=0) * 1.0, "two-sided"

    def _by(self, codes: IntArray, n: int) -> list[tuple[str, FloatArray, str]]:
        return [
            ("location", _between(codes, n, self.uniform), "greater"),
            ("spread", _between(codes, n, 2.0 * np.abs(self.uniform - 0.5)), "greater"),
        ]

    def _table(self, rows: Sequence[tuple[str, FloatArray, str]], title: str) -> Table:
        return Table(
            {
                "test": [name for name, _, _ in rows],
                "observed": [float(values[0]) for _, values, _ in rows],
                "expected": [float(values[1:].mean()) for _, values, _ in rows],
                "p_value": [exchangeable_p(values, side) for _, values, side in rows],
            },
            title=title,
            notes=(f"Against {self.nsim} simulations: p-values are multiples of {1 / (self.nsim + 1):.2g}.",),
            headers={"observed": "Observed", "expected": "Expected"},
            frame=self.frame,
        )


def _between(codes: IntArray, n: int, values: FloatArray) -> FloatArray:
    """12 times the sum of squares of groups' means about 1/2, (m + 1,): near chi-squared if rows are independent."""
    counts = np.bincount(codes, minlength=n)[:, None]
    order = np.argsort(codes, kind="stable")
    starts = np.append(0, np.cumsum(counts[:-1, 0]))
    means = np.add.reduceat(values[order], starts, axis=0) / counts
    return np.asarray(12.0 * (counts * (means - 0.5) ** 2).sum(axis=0))


def exchangeable_p(values: FloatArray, side: str = "greater") -> float:
    """p-value of the first of m + 1 values that are exchangeable under the hypothesis: the part as extreme as it.

    Examples
    --------
    >>> exchangeable_p(np.array([3.0, 1.0, 2.0, 0.0])), exchangeable_p(np.array([0.0, 1.0, 2.0, 3.0]), "two-sided")
    (0.25, 0.5)
    """
    if not np.isfinite(values).all():
        return float("nan")
    above, below = float((values >= values[0]).mean()), float((values <= values[0]).mean())
    return above if side == "greater" else min(1.0, 2.0 * min(above, below))


def uniform_ranks(Y: FloatArray, rng: np.random.Generator) -> FloatArray:
    """(rank + U) / m of each entry within its row of m, ties broken at random."""
    n, m = Y.shape
    order = np.lexsort((rng.random((n, m)), Y), axis=1)
    ranks = np.empty((n, m))
    np.put_along_axis(ranks, order, np.broadcast_to(np.arange(m, dtype=np.float64), (n, m)), axis=1)
    return np.asarray((ranks + rng.random((n, m))) / m)


def simulated_residuals(
    fit: Fit, nsim: Any, rng: Any, *, random: Any, by: Any = None, terms: Terms | None = None, frame: str = ""
) -> SimulatedResiduals:
    """Residuals by simulation: see `MixedSolution.simulated_residuals`.

    Raises
    ------
    InputError, InputTypeError
        For arguments that cannot be used, or a fit without rows.
    """
    generator, cases = checked_rng(rng), Cases.of(fit, by)
    simulated = simulate(fit, nsim, generator, random=random, newdata=None, theta_uncertainty=False, terms=terms)
    Y = np.column_stack([_completed(fit.model.design.y, simulated, generator), simulated])
    if Y.size > MOST:
        raise InputError(
            f"{Y.size:,} responses are too many to rank (at most {MOST:,}): use a smaller nsim; got {shown(nsim)}"
        )
    if by is not None:
        Y = _sums(cases.codes, len(cases), _per_row(fit)[:, None] * Y)
    uniform = uniform_ranks(Y, generator)
    for array in (Y, uniform):
        array.flags.writeable = False
    columns = {cases.name: cases.labels, "observed": Y[:, 0], "residual": uniform[:, 0], "normal": ndtri(uniform[:, 0])}
    effects = "new" if random == "new" else "estimated"
    title = f"Residuals among {Y.shape[1] - 1} simulations with {effects} random effects"
    return SimulatedResiduals(columns, title=title, frame=frame, responses=Y, uniform=uniform)


def _completed(y: FloatArray, simulated: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Responses (n,), for a censored one any of those simulated that lie in its interval, or else the end next to them.

    So it is distributed as responses that are known to lie there, if the model is right.
    """
    if y.ndim == 1:
        return y
    lower, upper = ends(y)
    inside = (simulated > lower[:, None]) & (simulated <= upper[:, None])
    chosen = np.argmax(np.where(inside, rng.random(simulated.shape), -1.0), axis=1)
    drawn = np.where(inside.any(axis=1), simulated[np.arange(len(y)), chosen], np.where(upper < np.inf, upper, lower))
    return np.where(is_observed(y), lower, drawn)


def _per_row(fit: Fit) -> FloatArray:
    """What makes proportions numbers of successes, whose sums mean something: weights of trials, else ones."""
    family = getattr(fit, "family", None)
    weights = fit.model.design.weights
    if weights is None or family is None or not family.weights_are_trials:
        return np.ones(fit.labels.n)
    return weights


def _sums(codes: IntArray, n: int, Y: FloatArray) -> FloatArray:
    order = np.argsort(codes, kind="stable")
    starts = np.searchsorted(codes[order], np.arange(n))
    return np.asarray(np.add.reduceat(Y[order], starts, axis=0))


__all__: Sequence[str] = ("SimulatedResiduals", "exchangeable_p", "simulated_residuals", "uniform_ranks")
