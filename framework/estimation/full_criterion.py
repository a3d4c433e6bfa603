"""-2 log-likelihood of a linear mixed model in all of its parameters, none of them profiled out.

x holds gamma - gamma_0 in its standard errors, the covariance parameters of sigma T over eta sigma_0, and log(sigma /
sigma_0), where _0 are values near the optimum: the layout of generalized models, with log sigma as the dispersion. A
standard deviation of a random effect is a function of covariance parameters alone here, down to zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..contracts.arrays import FloatArray
from ..contracts.errors import NotPositiveDefiniteError
from ..contracts.linalg import Blocks
from .criterion import ModelCriterion
from .parameters import Parameters
from .pipeline import Watch
from .profiled import Held, PenalizedLeastSquares, ProfiledDeviance

#: Logarithms of standard deviations whose squares are numbers.
LARGEST = 350.0


class FullCriterion(ModelCriterion["Full"]):
    """-2 log L of x.

    Parameters
    ----------
    deviance : ProfiledDeviance
        That of maximum likelihood.
    parameters : Parameters
        In the basis of `deviance`.
    eta : float
        Standard deviation of an average observation, relative to sigma.
    gamma, se : (r,) arrays
        Where x is counted from, and in what.
    sigma : float
        The same for sigma, and for all standard deviations.
    """

    def __init__(
        self,
        deviance: ProfiledDeviance,
        parameters: Parameters,
        eta: float,
        gamma: FloatArray,
        se: FloatArray,
        sigma: float,
        watch: Watch,
        turned: Blocks | None = None,
    ) -> None:
        r = len(gamma)
        super().__init__(parameters, eta * sigma, r, watch, turned)
        self.deviance, self.gamma, self.se, self.sigma, self.n_gamma = deviance, gamma, se, sigma, r
        self.curvature_is_exact = deviance.has_exact_curvature and not parameters.structured
        #: natural parameters (gamma, those of sigma T, log sigma) are `origin`, and x times `unit`
        self.origin = np.concatenate([gamma, np.zeros(len(parameters)), [np.log(sigma)]])
        self.unit = np.concatenate([se, self.unit_of_theta, [1.0]])
        lower, upper = self.bounds_of_theta
        self.lower = np.concatenate([np.full(r, -np.inf), lower, [-np.inf]])
        self.upper = np.concatenate([np.full(r, np.inf), upper, [np.inf]])
        self.scales = parameters.unit(2.0) == 2.0

    def pack(self, gamma: FloatArray, theta: FloatArray, sigma: float) -> FloatArray:
        """x of coefficients, of covariance parameters relative to sigma, and of sigma."""
        of_theta = np.where(self.scales, sigma, 1.0) * theta
        return np.asarray((np.concatenate([gamma, of_theta, [np.log(sigma)]]) - self.origin) / self.unit)

    def natural(self, x: FloatArray) -> tuple[FloatArray, FloatArray, float]:
        """gamma, theta relative to sigma, and sigma: the inverse of `pack`.

        Raises
        ------
        NotPositiveDefiniteError
            Where sigma^2 is no number.
        """
        natural = self.origin + self.unit * x
        if not abs(natural[-1]) < LARGEST:
            raise NotPositiveDefiniteError("the residual variance is zero or infinite to rounding")
        sigma = float(np.exp(natural[-1]))
        return natural[: self.n_gamma], natural[self.of_theta] / np.where(self.scales, sigma, 1.0), sigma

    def evaluate(self, x: FloatArray) -> Full:
        """The penalized least squares problem for the random effects alone."""
        gamma, theta, sigma = self.natural(x)
        held = Held(gamma - self.deviance.cross.gamma0, sigma**2)
        at = self.deviance.at(self.parameters.entries(theta), held)
        return Full(at, theta, sigma, self.parameters.jacobian(theta), self.scales, self.unit)

    def rotated(self, by: Sequence[FloatArray]) -> FullCriterion:
        """The same in another basis of every factor."""
        deviance = ProfiledDeviance(self.deviance.cross.rotated(by), self.deviance.symbolic, reml=False)
        parameters, eta = self.parameters.rotated(by), self.eta / self.sigma
        turned = self._turned(by)
        return FullCriterion(deviance, parameters, eta, self.gamma, self.se, self.sigma, self.watch, turned)


@dataclass(frozen=True, eq=False)
class Full:
    """One evaluation: derivatives by gamma, theta and log sigma, and from these by x."""

    at: PenalizedLeastSquares
    theta: FloatArray
    sigma: float
    jacobian: FloatArray | None
    scales: FloatArray
    unit: FloatArray

    @property
    def value(self) -> float:
        """-2 log L."""
        return self.at.deviance

    @cached_property
    def _by(self) -> tuple[FloatArray, FloatArray, float]:
        """Derivatives by gamma, theta and log sigma."""
        at, df = self.at, self.at.criterion.df
        by_theta = at.gradient if self.jacobian is None else at.gradient @ self.jacobian
        return 2.0 * at.RX.T @ at.short / at.sigma2, by_theta, 2.0 * (df - at.pwrss / at.sigma2)

    @cached_property
    def _from(self) -> FloatArray:
        """Derivatives of (gamma, theta, log sigma) by x: theta of the parameters of sigma T falls with sigma."""
        r = len(self.at.gamma)
        J = np.diag(np.concatenate([np.ones(r), np.where(self.scales, 1.0 / self.sigma, 1.0), [1.0]]))
        J[r:-1, -1] = -np.where(self.scales, self.theta, 0.0)
        return J * self.unit

    @cached_property
    def gradient(self) -> FloatArray:
        """By x."""
        by_gamma, by_theta, by_log_sigma = self._by
        return np.concatenate([by_gamma, by_theta, [by_log_sigma]]) @ self._from

    @property
    def curvature(self) -> FloatArray:
        """The Hessian, or what is near to it."""
        at, r = self.at, len(self.at.gamma)
        by_gamma, by_theta, _ = self._by
        W = at.Lambda.directions(at.criterion.K.solve(at.Zte))
        mixed, residual, by_T = at.marginal[:, :-1].T @ W, at.pwrss_gradient, at.curvature
        if self.jacobian is not None:
            mixed, residual = mixed @ self.jacobian, residual @ self.jacobian
            by_T = self.jacobian.T @ by_T @ self.jacobian
        H = np.zeros((len(self.unit),) * 2)
        H[:r, :r], H[r:-1, r:-1] = 2.0 * at.RX.T @ at.RX / at.sigma2, by_T
        H[:r, r:-1] = 2.0 * mixed / at.sigma2
        H[:r, -1], H[r:-1, -1] = -2.0 * by_gamma, -2.0 * residual / at.sigma2
        H = np.triu(H) + np.triu(H, 1).T
        H[-1, -1] = 4.0 * at.pwrss / at.sigma2
        out = self._from.T @ H @ self._from
        # theta = (that of sigma T) / sigma bends
        bent = np.where(self.scales, by_theta, 0.0)
        out[r:-1, -1] -= bent * self.unit[r:-1] / self.sigma
        out[-1, r:-1] = out[r:-1, -1]
        out[-1, -1] += bent @ self.theta
        return np.asarray(out)
