"""Zero inflation of any family of counts or proportions."""

from __future__ import annotations

from typing import Literal

import numpy as np

from ranef.contracts import Derivatives, InputError, InR
from ranef.contracts.arrays import BoolArray, FloatArray
from ranef.contracts.in_r import in_r

from .zero_altered import ZeroAltered, by_rows, quasi_weight, start_inside


class ZeroInflated(ZeroAltered):
    """Responses of another family, of which each is replaced by 0 with probability zi.

    P(y) = zi 1{y = 0} + (1 - zi) f(y | mu, phi): zeros are extra ones, or zeros of the base. mu and eta are the base's,
    the mean of the response is (1 - zi) mu (`response_mean`), that without extra zeros is `conditional_mean`, and
    P(y = 0) is `zero_probability`. Derivatives are exact where the base's are.

    The expected weight is that of quasi-likelihood, (dE(y)/deta)^2 / Var(y).

    Parameters
    ----------
    base : Family
        Counts, or proportions of so many trials, with zeros among them; of this package or any other.
    zi : float or None
        A given probability of extra zeros; None: estimated.

    Raises
    ------
    InputError
        Where the base has no zeros to inflate, or zi is not inside of (0, 1).

    References
    ----------
    Lambert (1992), Zero-inflated Poisson regression, doi 10.2307/1269547.

    Examples
    --------
    >>> import numpy as np
    >>> from ranef.families import Poisson, ZeroInflated
    >>> family = ZeroInflated(Poisson())
    >>> mu, one, phi = np.array([2.0]), np.ones(1), np.array([0.25])
    >>> family.response_mean(mu, phi).item(), family.zero_probability(mu, one, phi).round(4).item()
    (1.5, 0.3515)
    """

    prefix = "zero_inflated"

    @property
    def in_r(self) -> tuple[InR, ...]:
        """The base's, with a formula of zi."""
        return self.with_zi(in_r(self.base, "glmmTMB"))

    def refuse_base(self) -> None:
        name, base = self.base.name, self.base
        if isinstance(base, ZeroAltered):
            raise InputError(f"ZeroInflated: the {name} family has extra zeros already")
        if not base.discrete:
            raise InputError(
                f"ZeroInflated: the {name} family is not one of counts or proportions of trials; positive amounts with "
                "zeros are a Hurdle"
            )
        if not base.support(np.zeros(1), np.ones(1))[0]:
            raise InputError(f"ZeroInflated: the {name} family has no zeros to inflate; it needs {base.support_text}")

    def check_response(self, y: FloatArray, weights: FloatArray) -> None:
        """Raise `InputError`, naming the rows, where y lies outside of the base's support."""
        self.base.check_response(y, weights)

    def check_identified(self, y: FloatArray, weights: FloatArray) -> None:
        """Raise `InputError` for 0/1 responses, and where y says nothing of zi, or nothing of anything else."""
        if self.weights_are_trials and np.all(weights == 1) and self.zi is None:
            raise InputError(
                "y: zero inflation of 0/1 responses is not identified: P(y = 1) = (1 - zi) mu, of which only the "
                f"product can be seen. Use the {self.base.name} family, or weights = numbers of trials with y = "
                "successes / trials"
            )
        super().check_identified(y, weights)

    def log_density(self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        one = weights if self.weights_are_trials else np.ones_like(mu)
        density = _mixed(y, self.base.log_density(y, mu, one, phi[:-1]), phi[-1])
        return density if self.weights_are_trials else weights * density

    def evaluate(
        self,
        y: FloatArray,
        eta: FloatArray,
        weights: FloatArray,
        phi: FloatArray,
        order: Literal[2, 3] = 2,
    ) -> Derivatives:
        """Log density and derivatives at eta, by those of the base.

        With the base's log density L and the probability r that a zero is the base's, d log P / dL = r and
        dr/dL = r (1 - r); r = 1 for all other responses.
        """
        zi: FloatArray = phi[-1]
        one = weights if self.weights_are_trials else np.ones_like(eta)
        at = self.base.evaluate(y, eta, one, phi[:-1], order)
        zero, log_density = y == 0, _mixed(y, at.log_density, zi)
        r = np.where(zero, np.exp(np.log1p(-zi) + at.log_density - log_density), 1.0)
        rest = np.where(zero, np.exp(np.log(zi) - log_density), 0.0)
        # r comes first in all products: it vanishes where slopes of the base are large
        d1 = r * at.d1
        bend = d1 * rest
        d2 = r * at.d2 + bend * at.d1
        t, t2 = self.log_mean_slopes(eta)
        information = at.expected_weight
        spread = t**2 + zi * information
        if order == 2 or at.d3 is None or at.expected_weight_eta is None:
            return self.weighted(Derivatives(log_density, d1, d2, (1 - zi) * information * t**2 / spread), weights)
        assert at.phi1 is not None and at.phi1_eta is not None and at.phi1_eta2 is not None  # noqa: PT018
        assert at.expected_weight_phi is not None
        by = np.vstack([at.expected_weight_eta[None], at.expected_weight_phi])
        t_by = np.vstack([t2[None], np.zeros_like(at.phi1)])
        weight, weight_by = quasi_weight(zi, information, by, t, t_by, spread, 2 * t * t_by + zi * by)
        skew = rest - r
        r_zi = -r * rest / (zi * (1 - zi))
        by_zi = np.where(zero, -np.expm1(at.log_density) * np.exp(-log_density), by_rows(-1 / (1 - zi), eta))
        return self.weighted(
            Derivatives(
                log_density,
                d1,
                d2,
                weight,
                d3=r * at.d3 + 3 * bend * at.d2 + bend * at.d1 * skew * at.d1,
                expected_weight_eta=weight_by[0],
                phi1=np.vstack([r * at.phi1, by_zi[None]]),
                phi1_eta=np.vstack([r * at.phi1_eta + bend * at.phi1, (r_zi * at.d1)[None]]),
                phi1_eta2=np.vstack(
                    [
                        r * at.phi1_eta2
                        + r * rest * at.phi1 * at.d2
                        + 2 * bend * at.phi1_eta
                        + bend * at.d1 * skew * at.phi1,
                        (r_zi * at.d2 + r_zi * at.d1 * skew * at.d1)[None],
                    ]
                ),
                expected_weight_phi=weight_by[1:],
            ),
            weights,
        )

    def conditional_mean(self, mu: FloatArray, phi: FloatArray) -> FloatArray:
        """Mean of the base, (n,)."""
        return self.base.response_mean(mu, phi[:-1])

    def conditional_variance(self, mu: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        return self.base.response_variance(mu, weights, phi[:-1])

    def zero_probability(self, mu: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        """P(y = 0) = zi + (1 - zi) f(0), (n,); weights count only where they are trials."""
        return np.exp(_mixed(np.zeros_like(mu), self.log_zero(mu, weights, phi), phi[-1]))

    def support(self, y: FloatArray, weights: FloatArray) -> BoolArray:
        return self.base.support(y, weights)

    def sample(self, mu: FloatArray, weights: FloatArray, phi: FloatArray, rng: np.random.Generator) -> FloatArray:
        draws = self.base.sample(mu, weights, phi[:-1], rng)
        return np.where(rng.random(mu.shape) < phi[-1], 0.0, draws)

    def cdf(self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray | None:
        below = self.base.cdf(y, mu, weights, phi[:-1])
        return None if below is None else phi[-1] + (1 - phi[-1]) * below

    def saturated_mean(self, y: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        """The base's: the mixture grows with the base's density."""
        return self.base.saturated_mean(y, weights, phi[:-1])

    def start_mean(self, y: FloatArray, weights: FloatArray) -> FloatArray:
        return self.base.start_mean(y, weights)

    def start_dispersion(self, y: FloatArray, mu: FloatArray, weights: FloatArray) -> FloatArray:
        """The base's, and the share of zeros beyond those that it has."""
        phi = self.base.start_dispersion(y, mu, weights)
        if self.zi is not None:
            return np.append(phi, self.zi)
        expected = float(np.mean(np.exp(self.log_zero(mu, weights, np.append(phi, 0.5)))))
        return np.append(phi, start_inside((float(np.mean(y == 0)) - expected) / max(1 - expected, 1e-6)))


def _mixed(y: FloatArray, log_density: FloatArray, zi: FloatArray) -> FloatArray:
    """log(zi 1{y = 0} + (1 - zi) f), which for zeros is near 0 where f is near 1."""
    seen = np.log1p(-zi) + log_density
    share = (1 - zi) * np.expm1(log_density)
    near = share > -0.5
    zeros = np.where(near, np.log1p(np.where(near, share, 0.0)), np.logaddexp(np.log(zi), seen))
    return np.where(y == 0, zeros, seen)
