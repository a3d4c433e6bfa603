"""Hurdle models: zeros and positive responses by two parts, of counts (without zeros) and of positive amounts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from ranef.contracts import Derivatives, InputError, InR
from ranef.contracts.arrays import BoolArray, FloatArray
from ranef.contracts.family import phi_of_rows
from ranef.contracts.in_r import in_r
from ranef.contracts.links import log_one_minus_exp

from .special import maximize
from .zero_altered import ZeroAltered, by_rows, quasi_weight, rows_of, start_inside

#: Draws of positive counts are taken again so often where they are zeros; what is left has hardly any positive ones.
_ROUNDS = 200
#: What glmmTMB calls the positive part, by its name of the base.
_IN_R = {
    "poisson": "truncated_poisson",
    "nbinom1": "truncated_nbinom1",
    "nbinom2": "truncated_nbinom2",
    "genpois": "truncated_genpois",
    "compois": "truncated_compois",
    "Gamma": "ziGamma",
    "beta_family": "beta_family",
}


class Hurdle(ZeroAltered):
    """Zeros with probability zi, and otherwise a positive response of another family.

    P(y = 0) = zi, and f(y) = (1 - zi) f(y | mu, phi) / (1 - f(0 | mu, phi)) for y > 0: counts are truncated, and a
    family of positive amounts (gamma, beta) has no zeros, f(0) = 0. mu and eta are the base's *before* truncation, as
    in glmmTMB's truncated families; `conditional_mean` is E(y | y > 0), `response_mean` the overall mean. Derivatives
    are exact where the base's are.

    The expected weight of counts is that of quasi-likelihood, (dE(y)/deta)^2 / Var(y); that of positive amounts is the
    base's times 1 - zi.

    Parameters
    ----------
    base : Family
        Counts with zeros among them, or positive amounts without; of this package or any other.
    zi : float or None
        A given probability of zeros; None: estimated.

    Raises
    ------
    InputError
        Where the base has no such family, or zi is not inside of (0, 1).

    References
    ----------
    Mullahy (1986), Specification and testing of some modified count data models, doi 10.1016/0304-4076(86)90002-3.

    Examples
    --------
    >>> import numpy as np
    >>> from ranef.families import Hurdle, Poisson
    >>> family = Hurdle(Poisson())
    >>> mu, phi = np.array([1.0]), np.array([0.5])
    >>> family.conditional_mean(mu, phi).round(6).item(), family.response_mean(mu, phi).round(6).item()
    (1.581977, 0.790988)
    """

    prefix = "hurdle"

    @property
    def in_r(self) -> tuple[InR, ...]:
        """The truncated family of counts, or a family of positive amounts, with a formula of zi."""
        known = in_r(self.base, "glmmTMB")
        return () if known is None or known.name not in _IN_R else self.with_zi(replace(known, name=_IN_R[known.name]))

    def refuse_base(self) -> None:
        base, name = self.base, self.base.name
        has_zeros = bool(base.support(np.zeros(1), np.ones(1))[0])
        if isinstance(base, ZeroAltered):
            raise InputError(f"Hurdle: the {name} family has extra zeros already")
        if base.weights_are_trials:
            raise InputError(
                f"Hurdle: the mean of the {name} family without zeros depends on the numbers of trials, which a "
                f"family's mean may not: use ZeroInflated({base!r})"
            )
        if base.discrete and not has_zeros:
            raise InputError(f"Hurdle: the {name} family has no zeros already; give the family before its truncation")
        if not base.discrete and (has_zeros or base.mean_bounds[0] < 0):
            raise InputError(
                f"Hurdle: the {name} family is neither one of counts nor of positive amounts; it needs "
                f"{base.support_text}"
            )

    @property
    def atoms(self) -> tuple[float, ...]:  # type: ignore[override]
        """Zero, of amounts."""
        return () if self.discrete else (0.0,)

    def support_of_base(self) -> str:
        """What y must be."""
        return self.base.support_text if self.base.discrete else f"0 or {self.base.support_text}"

    def log_density(self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        zi: FloatArray = phi[-1]
        density = self.base.log_density(self._positive(y, mu), mu, np.ones_like(mu), phi[:-1])
        if self.discrete:
            density = density - _log_seen(self.log_zero(mu, np.ones_like(mu), phi))
        return weights * np.where(y == 0, by_rows(np.log(zi), mu), np.log1p(-zi) + density)

    def evaluate(
        self,
        y: FloatArray,
        eta: FloatArray,
        weights: FloatArray,
        phi: FloatArray,
        order: Literal[2, 3] = 2,
    ) -> Derivatives:
        """Log density and derivatives at eta, by those of the base: zeros say nothing of eta."""
        zi, positive = phi[-1], y > 0
        one, mu = np.ones_like(eta), self.link.mean(eta).mu
        at = self.base.evaluate(self._positive(y, mu), eta, one, phi[:-1], order)
        seen = None
        if self.discrete:
            seen = _Seen.of(self.base.evaluate(np.zeros_like(y), eta, one, phi[:-1], order), order)
            at = seen.truncated(at)
        log_density = np.where(positive, np.log1p(-zi) + at.log_density, by_rows(np.log(zi), eta))
        d1, d2 = np.where(positive, at.d1, 0.0), np.where(positive, at.d2, 0.0)
        weight, weight_by = self._expected_weight(at, eta, zi, seen)
        if order == 2:
            return self.weighted(Derivatives(log_density, d1, d2, weight), weights)
        assert at.d3 is not None and at.phi1 is not None and at.phi1_eta is not None  # noqa: PT018
        assert at.phi1_eta2 is not None and weight_by is not None  # noqa: PT018
        none = np.zeros((1, len(eta)))
        by_zi = np.where(positive, by_rows(-1 / (1 - zi), eta), by_rows(1 / zi, eta))
        return self.weighted(
            Derivatives(
                log_density,
                d1,
                d2,
                weight,
                d3=np.where(positive, at.d3, 0.0),
                expected_weight_eta=weight_by[0],
                phi1=np.vstack([np.where(positive, at.phi1, 0.0), by_zi[None]]),
                phi1_eta=np.vstack([np.where(positive, at.phi1_eta, 0.0), none]),
                phi1_eta2=np.vstack([np.where(positive, at.phi1_eta2, 0.0), none]),
                expected_weight_phi=weight_by[1:],
            ),
            weights,
        )

    def _expected_weight(
        self, at: Derivatives, eta: FloatArray, zi: FloatArray, seen: _Seen | None
    ) -> tuple[FloatArray, FloatArray | None]:
        """The expected weight, and at order 3 its derivatives by eta and all parameters, (1 + r, n)."""
        information, by = at.expected_weight, None
        if at.expected_weight_eta is not None and at.expected_weight_phi is not None:
            by = np.vstack([at.expected_weight_eta[None], at.expected_weight_phi])
        if seen is None:
            weight: FloatArray = (1 - zi) * information
            return weight, None if by is None else np.vstack([(1 - zi) * by, -information[None]])
        t, t2 = self.log_mean_slopes(eta)
        # with S = 1 - f(0): E(y | y > 0) = mu / S, and E(y^2 | y > 0) = (Var + mu^2) / S, where Var = mu_eta^2 / I
        S, f0, L1 = seen.share, seen.zero, seen.at.d1
        u, d = t - seen.N1, S * t**2 + (zi - f0) * information
        if by is None or seen.by is None:
            return (1 - zi) * information * u**2 / d, None
        t_by = np.zeros_like(by)
        t_by[0] = t2
        f0_by = f0 * np.vstack([L1[None], seen.at.phi1])  # type: ignore[list-item]
        d_by = 2 * S * t * t_by - f0_by * (t**2 + information) + (zi - f0) * by
        return quasi_weight(zi, information, by, u, t_by - seen.by, d, d_by)

    def _positive(self, y: FloatArray, mu: FloatArray) -> FloatArray:
        """Responses with which the base is asked: any positive ones in the place of zeros."""
        return np.where(y == 0, 1.0 if self.discrete else mu, y)

    # The distribution -----------------------------------------------------------------------------------------------

    def conditional_mean(self, mu: FloatArray, phi: FloatArray) -> FloatArray:
        """E(y | y > 0), (n,)."""
        mean = self.base.response_mean(mu, phi[:-1])
        return mean / self._share(mu, phi) if self.discrete else mean

    def conditional_variance(self, mu: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        variance = self.base.variance(mu, phi[:-1])
        if not self.discrete:
            return variance
        share, mean = self._share(mu, phi), self.base.response_mean(mu, phi[:-1])
        return (variance + mean**2) / share - (mean / share) ** 2

    def _share(self, mu: FloatArray, phi: FloatArray) -> FloatArray:
        """1 - f(0), what truncation leaves of the base."""
        return -np.expm1(self.log_zero(mu, np.ones_like(mu), phi))

    def zero_probability(self, mu: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        """P(y = 0) = zi, (n,)."""
        return np.array(by_rows(phi[-1], mu))

    def support(self, y: FloatArray, weights: FloatArray) -> BoolArray:
        zero: BoolArray = y == 0
        return zero | self.base.support(y, weights)

    def sample(self, mu: FloatArray, weights: FloatArray, phi: FloatArray, rng: np.random.Generator) -> FloatArray:
        draws = np.array(self.base.sample(mu, weights, phi[:-1], rng))
        if self.discrete:
            for _ in range(_ROUNDS):
                if not (again := draws == 0).any():
                    break
                _, m, w, p = rows_of(again, draws, mu, weights, phi[:-1])
                draws[again] = self.base.sample(m, w, p, rng)
            draws[again] = self._inverted(mu[again], phi_of_rows(phi, again), rng)
        return np.where(rng.random(mu.shape) < phi[-1], 0.0, draws)

    def _inverted(self, mu: FloatArray, phi: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Positive counts by inversion, for rows with hardly any: the first one at which the sum of f exceeds u."""
        draws, left = np.ones_like(mu), rng.random(mu.shape) * self._share(mu, phi)
        rows = np.arange(len(mu))
        while len(rows):
            at = draws[rows]
            left[rows] -= np.exp(self.base.log_density(at, mu[rows], np.ones_like(at), phi_of_rows(phi[:-1], rows)))
            rows = rows[left[rows] > 1e-12 * mu[rows]]  # rounding of the sum
            draws[rows] += 1.0
        return draws

    def cdf(self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray | None:
        zi: FloatArray = phi[-1]
        below = self.base.cdf(self._positive(y, mu), mu, np.ones_like(mu), phi[:-1])
        if below is None:
            return None
        if self.discrete:
            share = self._share(mu, phi)
            below = (below - (1 - share)) / share
        return np.where(y == 0, by_rows(zi, mu), zi + (1 - zi) * below)

    def saturated_mean(self, y: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        """The truncated counts' (0 where y = 1) or the base's; any other mean for zeros, which depend on none."""
        if not self.discrete:
            return self.base.saturated_mean(self._positive(y, self._somewhere(y)), weights, phi[:-1])
        mean = np.where(y == 0, self._somewhere(y), 0.0)
        counts, _, _, phi = rows_of(some := y > 1, y, y, y, phi)
        one = np.ones_like(counts)

        def by_log_mean(s: FloatArray) -> Derivatives:
            eta = self.link.link(np.exp(s))
            t, t2 = self.log_mean_slopes(eta)
            zero = self.base.evaluate(np.zeros_like(counts), eta, one, phi[:-1], 2)
            at = _Seen.of(zero, 2).truncated(self.base.evaluate(counts, eta, one, phi[:-1], 2))
            return at.through(1 / t, -t2 / t**3, one)

        mean[some] = np.exp(maximize(by_log_mean, np.log(counts)))
        return mean

    def _somewhere(self, y: FloatArray) -> FloatArray:
        """A mean inside the bounds."""
        lower, upper = self._start_interval()
        return np.full_like(y, 0.5 * (lower + upper) if np.isfinite(upper) else lower + 1.0)

    def start_mean(self, y: FloatArray, weights: FloatArray) -> FloatArray:
        """The base's, of the positive responses; zeros get their average."""
        positive = y > 0
        if not positive.any():
            return self._somewhere(y)
        mean = self.base.start_mean(y[positive], weights[positive])
        start = np.full_like(y, np.average(mean, weights=weights[positive]))
        start[positive] = mean
        return start

    def start_dispersion(self, y: FloatArray, mu: FloatArray, weights: FloatArray) -> FloatArray:
        """The base's, of the positive responses, and the share of zeros."""
        positive = y > 0
        rows = positive if positive.any() else ~positive
        phi = self.base.start_dispersion(*rows_of(rows, self._positive(y, mu), mu, weights, np.zeros(0))[:3])
        return np.append(phi, start_inside(float(np.average(y == 0, weights=weights))) if self.zi is None else self.zi)


def _log_seen(log_zero: FloatArray) -> FloatArray:
    """log(1 - f(0))."""
    with np.errstate(divide="ignore"):
        return log_one_minus_exp(np.log(-log_zero))[0]


@dataclass(frozen=True, eq=False)
class _Seen:
    """N = log(1 - f(0)) and its derivatives, from those of the base at y = 0.

    `by` (1 + r, n), at order 3, are the derivatives of N1 by eta and by the base's parameters.
    """

    at: Derivatives
    N: FloatArray
    N1: FloatArray
    N2: FloatArray
    N3: FloatArray | None = None
    phi: FloatArray | None = None
    phi_eta: FloatArray | None = None
    phi_eta2: FloatArray | None = None

    @property
    def zero(self) -> FloatArray:
        """f(0)."""
        return np.exp(self.at.log_density)

    @property
    def share(self) -> FloatArray:
        """1 - f(0)."""
        return -np.expm1(self.at.log_density)

    @property
    def by(self) -> FloatArray | None:
        """Derivatives of N1."""
        return None if self.phi_eta is None else np.vstack([self.N2[None], self.phi_eta])

    @classmethod
    def of(cls, at: Derivatives, order: int) -> _Seen:
        """By the chain rule: N is a function of e = log(-L), where L = log f(0)."""
        L = at.log_density
        with np.errstate(divide="ignore"):
            k0, k1, k2, k3 = log_one_minus_exp(np.log(-L))
        e1 = at.d1 / L
        e2 = at.d2 / L - e1**2
        N1, N2 = k1 * e1, k2 * e1**2 + k1 * e2
        if order == 2 or at.d3 is None:
            return cls(at, k0, N1, N2)
        assert at.phi1 is not None and at.phi1_eta is not None and at.phi1_eta2 is not None  # noqa: PT018
        e3 = at.d3 / L - 3 * e1 * at.d2 / L + 2 * e1**3
        f = at.phi1 / L  # e by the parameters, then e1 and e2
        f1 = at.phi1_eta / L - f * e1
        f2 = at.phi1_eta2 / L - f * at.d2 / L - 2 * e1 * f1
        return cls(
            at,
            k0,
            N1,
            N2,
            k3 * e1**3 + 3 * k2 * e1 * e2 + k1 * e3,
            k1 * f,
            k2 * f * e1 + k1 * f1,
            k3 * f * e1**2 + 2 * k2 * e1 * f1 + k2 * f * e2 + k1 * f2,
        )

    def truncated(self, at: Derivatives) -> Derivatives:
        """Of the base without zeros; the expected weight stays the base's."""
        d = (at.log_density - self.N, at.d1 - self.N1, at.d2 - self.N2, at.expected_weight)
        if at.d3 is None:
            return Derivatives(*d)
        assert at.phi1 is not None and at.phi1_eta is not None and at.phi1_eta2 is not None  # noqa: PT018
        return Derivatives(
            *d,
            d3=at.d3 - self.N3,  # type: ignore[operator]
            expected_weight_eta=at.expected_weight_eta,
            phi1=at.phi1 - self.phi,  # type: ignore[operator]
            phi1_eta=at.phi1_eta - self.phi_eta,  # type: ignore[operator]
            phi1_eta2=at.phi1_eta2 - self.phi_eta2,  # type: ignore[operator]
            expected_weight_phi=at.expected_weight_phi,
        )
