"""What plots read of a solution, which is made above them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from ..contracts.arrays import AnyArray, FloatArray
from ..contracts.errors import InputError, shown
from ..diagnostics.influence import Influence
from ..diagnostics.simulated import SimulatedResiduals
from ..display.records import Table
from ..estimation.generalized import GeneralizedFit
from ..estimation.model import Fit
from ..inference.smooths import SmoothCurve

#: Names of the response that are longer leave no room for the plot.
LONGEST = 40


class Fitted(Protocol):
    """A solution."""

    @property
    def _fit(self) -> Any: ...
    @property
    def terms(self) -> Any: ...
    @property
    def names(self) -> tuple[str, ...]: ...
    @property
    def model(self) -> str: ...
    @property
    def fitted_values(self) -> FloatArray: ...
    @property
    def ranef(self) -> Mapping[str, FloatArray]: ...
    @property
    def ranef_variances(self) -> Mapping[str, FloatArray]: ...
    @property
    def levels(self) -> Mapping[str, AnyArray]: ...
    @property
    def ranef_names(self) -> Mapping[str, tuple[str, ...]]: ...
    def residuals_of(self, kind: str, rng: Any = None, *, about: str = ..., standardized: bool = ...) -> FloatArray: ...
    def influence(self, by: Any = None, *, refit: bool = ...) -> Influence: ...
    def simulated_residuals(self, nsim: int = ..., rng: Any = None) -> SimulatedResiduals: ...
    def coef_table(self) -> Table: ...
    def smooth(self, term: str, *, n: int | None = ..., level: float = ...) -> SmoothCurve: ...
    def predict(self, newdata: Any = None, *, random: Any = ...) -> Any: ...


class Recorded(Protocol):
    """The observer `ranef.observers.Trace`, after a fit."""

    @property
    def records(self) -> Any: ...
    @property
    def values(self) -> FloatArray: ...


def response_of(fit: Fitted) -> str:
    """Name of the response; of successes and failures, ``cbind(a, b)``, that of a proportion."""
    name = str(fit._fit.model.labels.response)
    if name.startswith("cbind("):
        return f"proportion {name.removeprefix('cbind(').partition(',')[0].strip()}"
    return name if len(name) <= LONGEST else "response"


def predictor_of(fit: Fitted) -> tuple[FloatArray, str]:
    """What residuals are drawn against, with its name: fitted values, of generalized models on the link's scale."""
    inner: Fit = fit._fit
    if isinstance(inner, GeneralizedFit):
        link = inner.family.link.name
        name = f"fitted {response_of(fit)}" if link == "identity" else f"fitted {link} of {response_of(fit)}"
        return inner.linear_predictor, name
    return fit.fitted_values, f"fitted {response_of(fit)}"


def factor_of(fit: Fitted, name: Any) -> str:
    """A grouping factor of the model; the one with the most levels by default.

    Raises
    ------
    InputError
        For one that it does not have.
    """
    if name is None:
        return max(fit.levels, key=lambda factor: len(fit.levels[factor]))
    if name not in fit.levels:
        raise InputError(f"there is no grouping factor {shown(name)}; the model has {', '.join(fit.levels)}")
    return str(name)


def codes_of(fit: Fitted, factor: str) -> tuple[Any, list[str]]:
    """Level of each row among those that have rows, and their labels."""
    f = next(f for f in fit._fit.model.design.random.groups if f.name == factor)
    there, codes = np.unique(f.codes, return_inverse=True)
    return codes, [str(label) for label in f.levels[there]]


def column_of(fit: Fitted, name: Any) -> int:
    """Place of a column of X.

    Raises
    ------
    InputError
        For one that there is not.
    """
    if name not in fit.names:
        raise InputError(f"there is no column {shown(name)} of X; the model has {', '.join(fit.names)}")
    return fit.names.index(name)
