"""What families with an extra chance of zeros share: the family that they wrap, the chance, and working weights."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from typing import Any

import numpy as np

from ranef.contracts import Derivatives, DispersionParameter, Family, InputError, InputTypeError, InR
from ranef.contracts.arrays import BoolArray, FloatArray
from ranef.contracts.errors import shown
from ranef.contracts.family import phi_of_rows

#: Where estimation of the chance of an extra zero starts, it is no nearer to 0 or 1 than this.
_START = 0.05


class ZeroAltered(Family):
    """A family of which the responses are 0 with probability zi, whatever the mean; `zi` is its last parameter."""

    base: Family
    zi: float | None

    def __init__(self, base: Family, zi: float | None = None) -> None:
        if not isinstance(base, Family):
            raise InputTypeError(f"{type(self).__name__} wraps a Family object, such as Poisson(); got {shown(base)}")
        self.base = base
        self.refuse_base()
        self.name = f"{self.prefix}_{base.name}"
        self.links, self.mean_bounds = base.links, base.mean_bounds
        self.support_text, self.discrete = self.support_of_base(), base.discrete
        self.weights_are_trials = base.weights_are_trials
        super().__init__(base.link)
        self.zi = zi
        self.parameters  # noqa: B018  refuses a probability out of bounds at once

    #: What stands before the name of the base.
    prefix = "zero_altered"

    @staticmethod
    def with_zi(known: InR | None) -> tuple[InR, ...]:
        """A family of R with a formula of zi."""
        return () if known is None else (replace(known, parameters=(*known.parameters, "plogis(fixef(m)$zi)")),)

    @abstractmethod
    def refuse_base(self) -> None:
        """Raise `InputError` where the base has no such family."""

    def support_of_base(self) -> str:
        """What y must be."""
        return self.base.support_text

    @property
    def parameters(self) -> tuple[DispersionParameter, ...]:
        zi = DispersionParameter("zi", start=0.2, lower=0.0, upper=1.0, fixed=self.zi)
        return (*self.base.parameters, zi)

    # What follows from the base and zi ------------------------------------------------------------------------------

    @abstractmethod
    def conditional_mean(self, mu: FloatArray, phi: FloatArray) -> FloatArray:
        """E(y) where the zero is no extra one, (n,)."""

    @abstractmethod
    def conditional_variance(self, mu: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        """Var(y) where the zero is no extra one, (n,): of a proportion in so many trials, where weights are trials."""

    @abstractmethod
    def zero_probability(self, mu: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        """P(y = 0), (n,); weights count only where they are trials."""

    def response_mean(self, mu: FloatArray, phi: FloatArray) -> FloatArray:
        """The overall mean (1 - zi) E(y | no extra zero)."""
        zi: FloatArray = phi[-1]
        return (1 - zi) * self.conditional_mean(mu, phi)

    def variance(self, mu: FloatArray, phi: FloatArray) -> FloatArray:
        return self.response_variance(mu, np.ones_like(mu), phi)

    def response_variance(self, mu: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        zi: FloatArray = phi[-1]
        mean = self.conditional_mean(mu, phi)
        variance: FloatArray = (1 - zi) * (self.conditional_variance(mu, weights, phi) + zi * mean**2)
        return variance

    def latent_variance(self, mu: float, phi: FloatArray) -> float:
        """That of the base: variance ratios are those of the model for responses without extra zeros."""
        return self.base.latent_variance(mu, phi[:-1])

    def log_zero(self, mu: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        """log P(y = 0) of the base."""
        weights = weights if self.weights_are_trials else np.ones_like(mu)
        return self.base.log_density(np.zeros_like(mu), mu, weights, phi[:-1])

    def log_mean_slopes(self, eta: FloatArray) -> tuple[FloatArray, FloatArray]:
        """First and second derivative of log mu by eta."""
        if self.mean_bounds[1] == 1.0:
            m = self.link.log_mean(eta)
            return m.log_mu1, m.log_mu2
        return self.link.mean(eta).log_derivatives()[:2]

    def weighted(self, d: Derivatives, weights: FloatArray) -> Derivatives:
        """Of w equal rows, unless weights are trials."""
        if self.weights_are_trials:
            return d
        return replace(d, **{name: weights * part for name, part in vars(d).items() if part is not None})

    # The response ---------------------------------------------------------------------------------------------------

    def check_identified(self, y: FloatArray, weights: FloatArray) -> None:
        """Raise `InputError` where y says nothing of zi, or nothing of anything else."""
        zeros = int(np.count_nonzero(y == 0))
        if not zeros and self.zi is None:
            raise InputError(
                f"y: the {self.name} family estimates a probability of extra zeros, and no response is 0: use the "
                f"{self.base.name} family"
            )
        if len(y) and zeros == len(y):
            raise InputError(f"y: all {len(y)} responses are 0, so that nothing but zeros can be estimated")

    def __repr__(self) -> str:
        zi = "" if self.zi is None else f", zi={self.zi!r}"
        return f"{type(self).__name__}({self.base!r}{zi})"


def start_inside(share: float) -> float:
    """A probability, away from 0 and 1."""
    return float(min(max(share, _START), 1 - _START))


def by_rows(value: Any, like: FloatArray) -> FloatArray:
    """A number, or one for each row, as one for each row."""
    return np.broadcast_to(np.asarray(value, np.float64), like.shape)


def quasi_weight(
    zi: FloatArray,
    information: FloatArray,
    by: FloatArray,
    u: FloatArray,
    u_by: FloatArray,
    d: FloatArray,
    d_by: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """W = (1 - zi) I u^2 / d, the information of quasi-likelihood (dE(y)/deta)^2 / Var(y), and its derivatives.

    I is the base's, u the slope of the logarithm of the conditional mean, and d is I Var(y) / [(1 - zi) E(y | no extra
    zero)^2]; `by`, `u_by` and `d_by` (1 + r, n) are their derivatives by eta and by the base's parameters. Returned are
    W and, (2 + r, n), its derivatives by eta, the base's parameters and zi.
    """
    W: FloatArray = (1 - zi) * information * u**2 / d
    W_by = (1 - zi) * u * (by * u + 2 * information * u_by - information * u * d_by / d) / d
    W_zi = -information * u**2 / d * (1 + (1 - zi) * information / d)
    return W, np.vstack([W_by, W_zi[None]])


def rows_of(
    rows: BoolArray, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Some of the rows."""
    return y[rows], mu[rows], weights[rows], phi_of_rows(phi, rows)
