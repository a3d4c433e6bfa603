"""Ordered beta regression: proportions with exact zeros and ones."""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy import special

from ranef.contracts import Derivatives, DispersionParameter, Family, InputError, InR, Link
from ranef.contracts.arrays import BoolArray, FloatArray
from ranef.contracts.family import phi_of_rows

from .beta import Beta
from .ordinal import Ordinal
from .special import maximize


class OrderedBeta(Family):
    """Proportions in [0, 1]: zeros, proportions between, and ones are ordered categories, and those between are beta.

    With F the mean of the link, P(y = 0) = F(zero - eta) and P(y = 1) = 1 - F(zero + spacing - eta); proportions
    between have the density of `Beta` with the mean mu = F(eta). One linear predictor moves all of it. The mean of the
    response is `response_mean`, E(y) = P(y = 1) + P(0 < y < 1) mu.

    References
    ----------
    Kubinec (2023), Ordered beta regression, doi 10.1017/pan.2022.20.

    Examples
    --------
    >>> import numpy as np
    >>> from ranef.families import OrderedBeta
    >>> family, phi = OrderedBeta(), np.array([5.0, -1.0, 3.0])
    >>> family.response_mean(np.array([0.5]), phi).round(4).item()
    0.4251
    """

    name = "ordered_beta"
    in_r = (InR("glmmTMB", "ordbeta", ("sigma(m)", "family_params(m)")),)
    links = ("logit", "probit")
    mean_bounds = (0.0, 1.0)
    support_text = "numbers from 0 to 1"
    atoms = (0.0, 1.0)

    def __init__(self, link: str | Link | None = None) -> None:
        super().__init__(link)
        self._parts  # noqa: B018  refuses a link that is none of probabilities at once

    @property
    def _parts(self) -> tuple[Ordinal, Beta]:
        """The model of the categories, and that of proportions between."""
        return Ordinal(self.link, categories=("zero", "between", "one")), Beta(self.link)

    @property
    def parameters(self) -> tuple[DispersionParameter, ...]:
        return (
            DispersionParameter("precision", start=5.0),
            DispersionParameter("zero", start=-1.5, lower=-np.inf),
            DispersionParameter("spacing", start=3.0),
        )

    def log_density(self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        ordinal, beta = self._parts
        between = (y > 0) & (y < 1)
        density = ordinal.log_density(_category(y), self.link.link(mu) - phi[1], np.ones_like(mu), phi[2:])
        density[between] += beta.log_density(y[between], mu[between], np.ones(int(between.sum())), _beta(phi, between))
        return weights * density

    def evaluate(
        self,
        y: FloatArray,
        eta: FloatArray,
        weights: FloatArray,
        phi: FloatArray,
        order: Literal[2, 3] = 2,
    ) -> Derivatives:
        """Log density and derivatives at eta, exact: those of the categories, and of proportions between."""
        ordinal, beta = self._parts
        between, one = (y > 0) & (y < 1), np.ones_like(eta)
        c = ordinal.evaluate(_category(y), eta - phi[1], one, phi[2:], order)
        p = ordinal.evaluate(one, eta - phi[1], one, phi[2:], order)  # of being between
        b = beta.evaluate(np.where(between, y, 0.5), eta, one, phi[:1], order)
        share = np.exp(p.log_density)

        def both(categories: FloatArray, proportion: FloatArray) -> FloatArray:
            return weights * (categories + np.where(between, proportion, 0.0))

        log_density, d1, d2 = (both(getattr(c, name), getattr(b, name)) for name in ("log_density", "d1", "d2"))
        expected = weights * (c.expected_weight + share * b.expected_weight)
        if order == 2:
            return Derivatives(log_density, d1, d2, expected)
        assert c.d3 is not None and c.phi1 is not None and c.phi1_eta is not None  # noqa: PT018
        assert c.phi1_eta2 is not None and c.expected_weight_phi is not None  # noqa: PT018
        assert b.d3 is not None and b.phi1 is not None and b.phi1_eta is not None  # noqa: PT018
        assert b.phi1_eta2 is not None and b.expected_weight_phi is not None  # noqa: PT018
        assert c.expected_weight_eta is not None and b.expected_weight_eta is not None and p.phi1 is not None  # noqa: PT018
        c_eta = c.expected_weight_eta

        def by_parameters(precision: FloatArray, eta: FloatArray, spacing: FloatArray) -> FloatArray:
            """`zero` moves eta of the categories, the other way round."""
            return np.stack([precision, -weights * eta, weights * spacing])

        def of_beta(part: FloatArray) -> FloatArray:
            return weights * np.where(between, part[0], 0.0)

        weight_zero = c_eta + share * p.d1 * b.expected_weight
        weight_spacing = c.expected_weight_phi[0] + share * p.phi1[0] * b.expected_weight
        return Derivatives(
            log_density,
            d1,
            d2,
            expected,
            d3=both(c.d3, b.d3),
            expected_weight_eta=weights * (weight_zero + share * b.expected_weight_eta),
            phi1=by_parameters(of_beta(b.phi1), c.d1, c.phi1[0]),
            phi1_eta=by_parameters(of_beta(b.phi1_eta), c.d2, c.phi1_eta[0]),
            phi1_eta2=by_parameters(of_beta(b.phi1_eta2), c.d3, c.phi1_eta2[0]),
            expected_weight_phi=by_parameters(weights * share * b.expected_weight_phi[0], weight_zero, weight_spacing),
        )

    # The distribution -----------------------------------------------------------------------------------------------

    def probabilities(self, mu: FloatArray, phi: FloatArray) -> FloatArray:
        """P(y = 0), P(0 < y < 1) and P(y = 1), (n, 3)."""
        return self._parts[0].probabilities(self.link.link(mu) - phi[1], phi[2:])

    def response_mean(self, mu: FloatArray, phi: FloatArray) -> FloatArray:
        _, between, one = self.probabilities(mu, phi).T
        mean: FloatArray = one + between * mu
        return mean

    def variance(self, mu: FloatArray, phi: FloatArray) -> FloatArray:
        zero, between, one = self.probabilities(mu, phi).T
        mean = one + between * mu
        within: FloatArray = np.square(mu - mean) + self._parts[1].variance(mu, phi[:1])
        variance: FloatArray = zero * mean**2 + one * (zero + between * (1 - mu)) ** 2 + between * within
        return variance

    def support(self, y: FloatArray, weights: FloatArray) -> BoolArray:
        return (y >= 0) & (y <= 1)

    def check_identified(self, y: FloatArray, weights: FloatArray) -> None:
        """Raise `InputError` where there are no zeros, no ones, or nothing between."""
        zeros, ones = bool(np.any(y == 0)), bool(np.any(y == 1))
        if not zeros or not ones:
            missing = " or ".join([*([] if zeros else ["0"]), *([] if ones else ["1"])])
            other = "hurdle_beta family" if zeros else "hurdle_beta family for 1 - y" if ones else "beta family"
            raise InputError(
                f"y: the ordered_beta family estimates where zeros and where ones begin, and no response is {missing}: "
                f"use the {other}"
            )
        if not np.any((y > 0) & (y < 1)):
            raise InputError("y: no response is between 0 and 1, so that the precision of those cannot be estimated")

    def sample(self, mu: FloatArray, weights: FloatArray, phi: FloatArray, rng: np.random.Generator) -> FloatArray:
        zero, _, one = self.probabilities(mu, phi).T
        u, y = rng.random(mu.shape), self._parts[1].sample(mu, weights, phi[:1], rng)
        return np.where(u < zero, 0.0, np.where(u >= 1 - one, 1.0, y))

    def cdf(self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        zero, between, _ = self.probabilities(mu, phi).T
        precision: FloatArray = phi[0]
        return np.where(
            y < 1, zero + between * special.betainc(mu * precision, (1 - mu) * precision, np.minimum(y, 1.0)), 1.0
        )

    def saturated_mean(self, y: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        mean, between = y.copy(), (y > 0) & (y < 1)
        some, own, one = y[between], phi_of_rows(phi, between), np.ones(int(between.sum()))
        eta = maximize(lambda t: self.evaluate(some, t, one, own, 2), self.link.link(some))
        mean[between] = self.link.mean(eta).mu
        return mean

    def start_dispersion(self, y: FloatArray, mu: FloatArray, weights: FloatArray) -> FloatArray:
        """Thresholds with which zeros and ones have their shares at the middle of the means."""
        between = (y > 0) & (y < 1)
        precision = self._parts[1].start_dispersion(y[between], mu[between], weights[between]) if between.any() else [5]
        n, middle = weights.sum() + 1, float(np.average(self.link.link(mu), weights=weights))
        shares = np.array([weights[y == 0].sum() + 0.25, n - weights[y == 1].sum() - 0.25]) / n
        zero, one = middle + self.link.link(shares)
        return np.array([float(precision[0]), zero, one - zero])


def _category(y: FloatArray) -> FloatArray:
    """0 for zeros, 1 for what is between, 2 for ones."""
    return np.where(y == 0, 0.0, np.where(y == 1, 2.0, 1.0))


def _beta(phi: FloatArray, rows: BoolArray) -> FloatArray:
    return phi_of_rows(phi[:1], rows)
