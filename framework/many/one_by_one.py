"""The road that any model can take: one fit after the other, with what they share made once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from ..contracts.arrays import FloatArray
from ..contracts.errors import RanefError
from ..estimation.certificate import Certificate
from ..estimation.model import Fit, Model
from ..estimation.pipeline import Analysis
from .combinations import Combinations
from .estimates import Estimates


class Solved(Protocol):
    """What is asked of the solution of a fit."""

    @property
    def coefficients(self) -> FloatArray: ...  # noqa: D102
    @property
    def vcov(self) -> FloatArray: ...  # noqa: D102
    @property
    def theta(self) -> FloatArray: ...  # noqa: D102
    @property
    def log_likelihood(self) -> float: ...  # noqa: D102
    @property
    def is_singular(self) -> bool: ...  # noqa: D102
    @property
    def certificate(self) -> Certificate: ...  # noqa: D102


#: From a fit to its solution.
Of = Callable[[Any], Solved]


def fit_one_by_one(model: Model[Any], Y: FloatArray, of: Of, combinations: Combinations, out: Estimates) -> None:
    """Fit every column of Y (n, m) and write its estimates into `out`.

    What fails is marked with its reason, and disturbs no other response.
    """
    try:
        analysis = model.analyze()
    except RanefError as error:
        out.reason[:] = str(error)
        return
    for j, y in enumerate(Y.T):
        try:
            put_estimates(out, j, of(_fit(model, y, analysis)), combinations)
        except (RanefError, np.linalg.LinAlgError, FloatingPointError) as error:
            out.reason[j] = str(error)


def _fit(model: Model[Any], y: FloatArray, analysis: Analysis) -> Fit:
    fit: Fit = model.with_response(y).fit(analysis=analysis)
    return fit


def put_estimates(out: Estimates, j: int, solution: Solved, combinations: Combinations) -> None:
    """The estimates of a solution, as those of response j."""
    certificate, vcov = solution.certificate, solution.vcov
    out.coefficients[j] = solution.coefficients
    with np.errstate(invalid="ignore"):
        out.se[j] = np.sqrt(np.diagonal(vcov))
    out.contrasts[j], out.contrasts_se[j] = combinations.of(solution.coefficients, vcov)
    out.theta[j] = solution.theta
    out.sigma[j] = getattr(solution, "sigma", np.nan)
    out.dispersion[j] = list(getattr(solution, "_dispersion_values", {}).values())
    out.log_likelihood[j] = solution.log_likelihood
    out.converged[j], out.singular[j] = certificate.converged, solution.is_singular
    out.gradient_norm[j], out.expected_drop[j] = certificate.gradient_norm, certificate.expected_drop
    out.smallest_eigenvalue[j], out.reason[j] = certificate.smallest_eigenvalue, certificate.message


__all__ = ["Of", "Solved", "fit_one_by_one", "put_estimates"]
