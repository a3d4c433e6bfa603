"""Profiles of all parameters: a record, and its intervals."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np

from ..contracts.arrays import FloatArray
from ..contracts.errors import InputError
from ..display.records import Table
from ..estimation.generalized import GeneralizedFit
from ..estimation.linear import LinearFit
from ..estimation.model import Controls, Fit
from ..estimation.pipeline import Watch, choose_optimizer, watch_of
from ..estimation.search import minimize_nearby
from ..threads import few_threads
from .intervals import UNDETERMINED, Intervals, checked_level, chosen, interval_table, undetermined
from .quantities import quantities
from .quantity import Point, Quantity
from .trace import Curve, reach_of, trace

#: Least deviances are found to this.
TOLERANCE = 1e-8
#: What is said of fits by REML.
BY_ML = "The fit is by REML; profiles are of the ML criterion, and start at its estimates."


@dataclass(frozen=True, eq=False, repr=False)
class Profile(Table):
    """Profiles of the deviance: a row for each point of each parameter's curve.

    Columns are ``parameter``, its ``value``, the signed root ``zeta`` of how much the deviance has risen, and all
    parameters there by name, the others at their best. It prints as a table of the limits.

    Parameters
    ----------
    level : float
        Of the intervals that the curves reach to.
    curves : mapping of str to Curve
        By parameter: points, `sample` for plots, `limits`.
    """

    level: float = 0.99
    curves: Mapping[str, Curve] = field(default_factory=dict)

    def confint(self, level: float = 0.95) -> Intervals:
        """Intervals from the curves, without another look at the data.

        Raises
        ------
        InputError
            For a level beyond that of the profile.
        """
        level = checked_level(level)
        if level > self.level:
            raise InputError(f"the curves end at the level {self.level}; for {level} ask for profile(level={level})")
        curves = list(self.curves.values())
        limits = np.array([curve.limits(level) for curve in curves]).reshape(-1, 2)
        words = {curve.name: _word(curve, *pair) for curve, pair in zip(curves, limits, strict=True)}
        estimates = np.array([curve.estimate for curve in curves])
        names = [curve.name for curve in curves]
        return replace(interval_table("profile", level, names, estimates, limits, words, self.notes), frame=self.frame)

    def __str__(self) -> str:
        """The limits."""
        return str(self.confint(self.level))

    def _repr_html_(self) -> str:
        return self.confint(self.level)._repr_html_()

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "curves", MappingProxyType(dict(self.curves)))

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "curves": dict(self.curves)}


def profile(fit: Fit, which: Any = "all", level: Any = 0.99, progress: Any = None) -> Profile:
    """Profiles of the parameters `which`, to the limits of intervals at a level.

    Raises
    ------
    InputError, InputTypeError
        For unknown parameters, a level that is none, or a fit without a likelihood to profile.
    """
    level = checked_level(level)
    if isinstance(fit, GeneralizedFit) and fit.nagq == 0:
        raise InputError("estimates with nagq=0 do not maximize a likelihood that could be profiled: fit with nagq=1")
    everything = quantities(fit)
    asked = chosen(everything, which)
    words = _words(fit, asked)
    curves = [Curve.missing(q, words[q.name]) for q in asked if q.name in words]
    if len(words) < len(asked):
        with watch_of(progress) as watch:
            rest = [q for q in asked if q.name not in words]
            traced = _traced(fit, everything, rest, reach_of(level), watch)
        curves = sorted([*curves, *traced], key=lambda curve: asked.index(curve.quantity))
    notes = (BY_ML,) if isinstance(fit, LinearFit) and fit.reml else ()
    rows = [curve for curve in curves if not curve.word]
    columns = {
        "parameter": np.repeat([c.name for c in rows], [len(c.zeta) for c in rows]),
        "value": np.concatenate([np.zeros(0), *(c.values for c in rows)]),
        "zeta": np.concatenate([np.zeros(0), *(c.zeta for c in rows)]),
    }
    others = np.concatenate([np.zeros((0, len(everything))), *(c.others for c in rows)])
    columns |= {q.name: column for q, column in zip(everything, others.T, strict=True)}
    return Profile(columns, notes=notes, level=level, curves={curve.name: curve for curve in curves})


def _words(fit: Fit, asked: Sequence[Quantity]) -> dict[str, str]:
    """Why parameters have no profile."""
    if not fit.certificate.converged:
        return {q.name: "the fit did not converge: there is no optimum to begin at" for q in asked}
    random = [q for q in asked if not q.fixed]
    return {q.name: UNDETERMINED for q, so in zip(random, undetermined(fit, random), strict=True) if so}


def _traced(
    fit: Fit, everything: Sequence[Quantity], asked: Sequence[Quantity], reach: float, watch: Watch
) -> list[Curve]:
    """From the minimum of the criterion in all parameters."""
    optimizer, _ = choose_optimizer(fit.model.controls.optimizer, gradients=True)
    evaluations = Controls().evaluations(optimizer, fit.n_parameters)
    least = partial(minimize_nearby, optimizer=optimizer, tol=TOLERANCE, max_evaluations=evaluations)
    with few_threads(*fit.labels.dense_sizes):
        criterion, x = fit.factorized().joint()
        criterion.value(x)  # the modes there, from which those in other bases are found
        curves = []
        for q in asked:
            curves.append(trace(q, criterion, x, reach, least, partial(_values, everything)))
            watch.advanced("profile", len(curves), len(asked), 0, time.perf_counter() - watch.began)
        return curves


def _values(everything: Sequence[Quantity], point: Point) -> FloatArray:
    return np.array([q.value(point) for q in everything])


def _word(curve: Curve, lower: float, upper: float) -> str:
    """Why limits are NaN."""
    if curve.word or not np.isnan([lower, upper]).any():
        return curve.word
    side, end = ("below", 0) if np.isnan(lower) else ("above", -1)
    return f"{side} the estimate the deviance rises by {curve.zeta[end] ** 2:.2g}, as far as it can be followed"
