"""What a benchmark fits, ready as arrays."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from .. import registry
from ..calls.arguments import Arguments
from ..contracts import LinalgBackend, Optimizer
from ..design.mixed import MixedDesign
from ..frontends.glmm import glmm
from ..frontends.lmm import lmm

#: Arguments of the front ends beside the three arrays: those of lmm and glmm alike, and models of residuals.
APART = ("y", "X", "groups", "terms", "outcomes", "unordered", "dispersion_names", "parameters")
OPTIONS = tuple(f.name for f in fields(Arguments) if f.name not in APART)


@dataclass(frozen=True, eq=False)
class Workload(Arguments):
    """Arguments of `ranef.lmm`, or with a family of `ranef.glmm`, as arrays: the front end builds the model of them."""

    random_data: Mapping[str, Any] = field(default_factory=dict)
    family: str | None = None
    reml: bool = True

    def fit(self, backend: str | LinalgBackend = "auto", optimizer: str | Optimizer = "auto") -> Any:
        """The solution, without tests; warnings are left out, since the certificate says the same."""
        given = {name: value for name in OPTIONS if (value := getattr(self, name)) is not None}
        options = given | {"backend": backend, "optimizer": optimizer}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if self.family is None:
                return lmm(self.y, self.X, self.groups, reml=self.reml, compute_satterthwaite=False, **options)
            return glmm(self.y, self.X, self.groups, family=self.family, **options)

    def checked(self) -> MixedDesign:
        """The checked design, as the front end makes it."""
        family = None if self.family is None else registry.family(self.family)[0]
        return self.design(family)[0]


@dataclass(frozen=True)
class Case:
    """A named model. `build` makes it in the process that fits it, so it must pickle.

    `grown` is the value of the parameter that grows, where one does.
    """

    name: str
    build: Callable[[], Workload]
    grown: str = ""


@dataclass(frozen=True)
class Prepared:
    """A fit ready to be timed.

    `seconds` of the result, where not None, are the peer's own measurement (one in another process).
    """

    fit: Callable[[], Any]
    minus_2_log_likelihood: Callable[[Any], float]
    seconds: Callable[[Any], float] | None = None
