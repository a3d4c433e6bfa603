"""What the front ends share: the model's data as they were given, from arrays to a checked design."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..contracts.errors import DataWarning, InputError, InputTypeError, shown
from ..contracts.family import Family
from ..design.arrays import as_numbers, width
from ..design.censored import Surv, refuse_censored
from ..design.mixed import MixedDesign, build_design
from ..design.reading import as_groups, check_alignment, name_of, rows_text
from ..formula.terms import Terms
from ..notes import Note
from ..registry import Provenance
from .covariances import structures_of
from .parameters import designs_of_parameters


@dataclass(frozen=True, eq=False)
class Arguments:
    """The arguments of `ranef.lmm` and `ranef.glmm` that say what the model is of, and the terms of a formula."""

    y: Any
    X: Any
    groups: Any
    random_effects: Mapping[str, Any] | None = None
    random_data: Mapping[str, Any] | None = None
    correlated: Mapping[str, bool] | bool | None = None
    covariance: Mapping[str, Any] | None = None
    relationship: Mapping[str, Any] | None = None
    precision: Mapping[str, Any] | None = None
    weights: Any = None
    offset: Any = None
    x_names: Sequence[str] | None = None
    y_name: str | None = None
    terms: Terms | None = None
    residual: Any = None
    dispersion: Any = None
    dispersion_names: Sequence[str] | None = None
    #: Levels of a response that is a factor: y is the place of each row's.
    outcomes: tuple[str, ...] = ()
    #: Whether the type of the factor says that these have no order.
    unordered: bool = False
    #: Models of dispersion parameters: formulas, or matrices.
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def design(self, family: Family | None = None) -> tuple[MixedDesign, tuple[Provenance, ...]]:
        """Everything checked, and where covariance structures come from.

        With a family weights are no precisions, and y may be two columns of successes and failures.

        Raises
        ------
        InputError, InputTypeError
            With the argument, the rows or levels, and what to do.
        """
        if self.outcomes and not (family and family.weights_are_trials):
            kind = f"the {family.name} family" if family else "a linear model"
            raise InputTypeError(
                f"the response {self.y_name} is a factor, with level {self.outcomes[0]!r} first, and {kind} needs "
                "numbers; outcomes are for families of proportions, such as family='binomial', and for family='ordinal'"
            )
        groups = as_groups(self.groups)
        given = self.y.given if isinstance(self.y, Surv) else self.y
        check_alignment(groups, self.random_data, y=given, X=self.X, weights=self.weights, offset=self.offset)
        y = (self.y > 0).astype(np.float64) if self.outcomes else self.y
        if family is None and isinstance(y, Surv):
            refuse_censored(y.y, "a linear model")
        y, weights = (y, self.weights) if family is None else _with_trials(y, self.weights, family)
        structures, provenance = structures_of(self.covariance)
        design = build_design(
            y,
            self.X,
            groups,
            random_effects=self.random_effects,
            random_data=self.random_data,
            correlated=self.correlated,
            covariance=structures,
            relationship=self.relationship,
            precision=self.precision,
            weights=weights,
            weights_are_precisions=family is None,
            offset=self.offset,
            x_names=self.x_names,
            residual=self.residual,
            dispersion=self.dispersion,
            dispersion_names=self.dispersion_names,
        )
        design = replace(design, notes=(*self._notes_of_outcomes(), *design.notes))
        design = replace(design, parameters=designs_of_parameters(self.parameters, design.n, self.terms))
        return design.called(response_name(self.y, self.y_name)), provenance

    def _notes_of_outcomes(self) -> list[Note]:
        """Of more than two levels the first is one outcome and all others are the other, as in R."""
        if len(self.outcomes) <= 2:
            return []
        text = f"the response {self.y_name} is a factor: 0 is its level {self.outcomes[0]!r}, 1 is any other"
        return [Note(DataWarning, text)]


def _with_trials(y: Any, weights: Any, family: Family) -> tuple[Any, Any]:
    """y and weights; proportions and trials where y is two columns of successes and failures."""
    if isinstance(y, Surv):
        refuse_censored(y.y, f"the {family.name} family", family.censored)
        return y, weights
    if width(y, "y") != 2:
        return y, weights
    if family.censored:
        raise InputError(
            f"y has two columns, and the {family.name} family takes one, or censored responses: y=ranef.Surv(time, "
            "event), with event 1 where the response was observed and 0 where it was censored"
        )
    if not family.weights_are_trials:
        raise InputError(
            "y has two columns (successes, failures), which only families of proportions take; the "
            f"{family.name} family needs one column"
        )
    if weights is not None:
        raise InputError("y has two columns (successes, failures), which make the numbers of trials: leave weights out")
    counts = as_numbers(y, "y", ndim=2)
    broken = ((counts < 0) | (counts != np.round(counts))).any(axis=1)
    if broken.any():
        raise InputError(
            f"y has two columns, successes and failures, which must be counts 0, 1, 2, ...; they are not in "
            f"{rows_text(broken)}"
        )
    trials = counts.sum(axis=1)
    if (trials == 0).any():
        raise InputError(f"y has no trial at all in {rows_text(trials == 0)}; leave these rows out")
    return counts[:, 0] / trials, trials


def response_name(y: Any, y_name: Any) -> str:
    """Name of the response: the given one, else y's own, else "y"."""
    if y_name is None:
        return name_of(y, "y")
    if not isinstance(y_name, str):
        raise InputTypeError(f"y_name must be a text, the name of the response; got {shown(y_name)}")
    return y_name
