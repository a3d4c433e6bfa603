"""The model that a benchmark fits, ready as arrays."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..contracts import LinalgBackend, Optimizer
from ..contracts.arrays import AnyArray, FloatArray
from ..design.mixed import MixedDesign, build_design
from ..frontends.glmm import glmm
from ..frontends.lmm import lmm


@dataclass(frozen=True, eq=False)
class Model:
    """Arguments of `ranef.lmm`, or with a family of `ranef.glmm`."""

    y: FloatArray
    X: FloatArray
    x_names: tuple[str, ...]
    groups: Mapping[str, AnyArray]
    random_effects: Mapping[str, list[list[str]]]
    random_data: Mapping[str, FloatArray] = field(default_factory=dict)
    weights: FloatArray | None = None
    offset: FloatArray | None = None
    correlated: Mapping[str, bool] | None = None
    family: Any = None
    reml: bool = True

    def fit(self, backend: str | LinalgBackend = "auto", optimizer: str | Optimizer = "auto") -> Any:
        """The solution, without tests; warnings are left out, since the certificate says the same."""
        options = self._arguments() | {"backend": backend, "optimizer": optimizer}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if self.family is None:
                return lmm(self.y, self.X, self.groups, reml=self.reml, compute_satterthwaite=False, **options)
            return glmm(self.y, self.X, self.groups, family=self.family, **options)

    def design(self) -> MixedDesign:
        """The checked design, as the front end makes it."""
        return build_design(self.y, self.X, self.groups, **self._arguments())

    def _arguments(self) -> dict[str, Any]:
        return {
            "random_effects": self.random_effects,
            "random_data": dict(self.random_data),
            "correlated": self.correlated,
            "weights": self.weights,
            "offset": self.offset,
            "x_names": list(self.x_names),
        }


@dataclass(frozen=True)
class Case:
    """A named model. `build` makes it in the process that fits it, so it must pickle.

    `grown` is the value of the parameter that grows, where one does.
    """

    name: str
    build: Callable[[], Model]
    grown: str = ""


@dataclass(frozen=True)
class Prepared:
    """A fit ready to be timed.

    `seconds` of the result, where not None, are the peer's own measurement (one in another process).
    """

    fit: Callable[[], Any]
    minus_2_log_likelihood: Callable[[Any], float]
    seconds: Callable[[Any], float] | None = None
