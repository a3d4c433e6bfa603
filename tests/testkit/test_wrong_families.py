"""Families and links made wrong on purpose: each is caught by the law that names its mistake."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ranef.contracts import DispersionParameter, Family, InputError, Link, LogMean, Mean
from ranef.testkit import family_checks, link_checks

from .broken import broken_laws


class Geometric(Family):
    """Right; everybody below has one mistake."""

    name = "geometric"
    links = ("log",)
    discrete = True
    support_text = "counts 0, 1, 2, ..."

    def log_density(self, y, mu, weights, phi):
        return weights * (y * np.log(mu / (1 + mu)) - np.log1p(mu))

    def variance(self, mu, phi):
        return mu * (1 + mu)

    def support(self, y, weights):
        return (y >= 0) & (y == np.round(y)) & np.isfinite(y)

    def sample(self, mu, weights, phi, rng):
        return rng.geometric(1 / (1 + mu)) - 1.0

    def cdf(self, y, mu, weights, phi):
        return -np.expm1((y + 1) * np.log(mu / (1 + mu)))


class Logistic(Family):
    """Right; continuous, with a dispersion parameter."""

    name = "logistic"
    links = ("identity",)
    mean_bounds = (-np.inf, np.inf)

    @property
    def parameters(self):
        return (DispersionParameter("scale", start=1.0),)

    def log_density(self, y, mu, weights, phi):
        z = np.abs(y - mu) / phi[0]
        return weights * (-z - 2 * np.log1p(np.exp(-z)) - np.log(phi[0]))

    def variance(self, mu, phi):
        return np.full_like(mu, (np.pi * phi[0]) ** 2 / 3)

    def support(self, y, weights):
        return np.isfinite(y)

    def sample(self, mu, weights, phi, rng):
        return rng.logistic(mu, phi[0])


class KeepsOneResponse(Geometric):
    """Answers for the responses that it has seen, whatever it is asked about."""

    def of_response(self, y, weights):
        other = type(self)(self.link)
        other._seen = y
        return other

    def log_density(self, y, mu, weights, phi):
        return super().log_density(getattr(self, "_seen", y), mu, weights, phi)


class TakesTheFirstRows(Geometric):
    """Keeps something of its response, and takes other rows of it than it is asked for."""

    _kept = None

    def of_response(self, y, weights):
        other = type(self)(self.link)
        other._kept = y, y.copy()
        return other

    def of_rows(self, y, weights, rows):
        other = type(self)(self.link)
        other._kept = y, self._kept[1][: len(rows)]
        return other

    def log_density(self, y, mu, weights, phi):
        known = self._kept is not None and y is self._kept[0]
        return super().log_density(self._kept[1] if known else y, mu, weights, phi)


class CastsDispersion(Logistic):
    """Takes dispersion parameters for numbers."""

    def variance(self, mu, phi):
        return np.full_like(mu, (np.pi * float(phi[0])) ** 2 / 3)


class DispersionOfTheFirstRow(Logistic):
    def variance(self, mu, phi):
        return super().variance(mu, phi.reshape(1, -1)[:, 0])


class SharedDispersionOfDraws(Logistic):
    def sample(self, mu, weights, phi, rng):
        return super().sample(mu, weights, phi.reshape(1, -1).max(axis=1), rng)


class DoubledVariance(Geometric):
    def variance(self, mu, phi):
        return 2 * mu * (1 + mu)


class WithoutConstant(Logistic):
    def log_density(self, y, mu, weights, phi):
        return super().log_density(y, mu, weights, phi) + weights * np.log(phi[0])


class ShiftedSample(Geometric):
    def sample(self, mu, weights, phi, rng):
        return super().sample(mu, weights, phi, rng) + 1


class WiderSample(Logistic):
    def sample(self, mu, weights, phi, rng):
        return rng.logistic(mu, 1.2 * phi[0])


class WrongMean(Geometric):
    def response_mean(self, mu, phi):
        return mu + 0.01


class WrongScore(Geometric):
    def evaluate(self, y, eta, weights, phi, order=2):
        d = super().evaluate(y, eta, weights, phi, order)
        return replace(d, d1=1.001 * d.d1)


class WrongThirdDerivative(Geometric):
    def evaluate(self, y, eta, weights, phi, order=2):
        d = super().evaluate(y, eta, weights, phi, order)
        return replace(d, d3=None if d.d3 is None else -d.d3)


class NoThirdDerivative(Geometric):
    def evaluate(self, y, eta, weights, phi, order=2):
        return super().evaluate(y, eta, weights, phi, 2)


class WrongWeight(Geometric):
    def evaluate(self, y, eta, weights, phi, order=2):
        d = super().evaluate(y, eta, weights, phi, order)
        return replace(d, expected_weight=1.01 * d.expected_weight)


class LogScaleDerivative(Logistic):
    """Gives its derivative by log(scale), not by the scale."""

    def evaluate(self, y, eta, weights, phi, order=2):
        d = super().evaluate(y, eta, weights, phi, order)
        return replace(d, phi1=None if d.phi1 is None else phi[0] * d.phi1)


class IgnoresWeights(Geometric):
    def log_density(self, y, mu, weights, phi):
        return super().log_density(y, mu, np.ones_like(y), phi)


class HalfDeviance(Geometric):
    def deviance(self, y, mu, weights, phi):
        return 0.5 * super().deviance(y, mu, weights, phi)


class WrongSaturatedMean(Geometric):
    def saturated_mean(self, y, weights, phi):
        return y + 1


class StrictCdf(Geometric):
    """P(Y < y)."""

    def cdf(self, y, mu, weights, phi):
        return super().cdf(y - 1, mu, weights, phi)


class AcceptsNaN(Geometric):
    def support(self, y, weights):
        return ~(y < 0)


class SilentRefusal(Geometric):
    def check_response(self, y, weights):
        if not np.all(self.support(y, weights)):
            raise InputError("something is wrong with y")


class StartsOutside(Geometric):
    def start_mean(self, y, weights):
        return np.zeros_like(y)


class Overwrites(Geometric):
    def log_density(self, y, mu, weights, phi):
        weights *= y * np.log(mu / (1 + mu)) - np.log1p(mu)
        return weights


class Remembers(Geometric):
    def __init__(self, link=None):
        super().__init__(link)
        self.calls = []

    def log_density(self, y, mu, weights, phi):
        self.calls.append(len(y))
        return super().log_density(y, mu, weights, phi) + 1e-14 * len(self.calls)


class OwnGenerator(Geometric):
    _rng = np.random.default_rng(1)

    def sample(self, mu, weights, phi, rng):
        return super().sample(mu, weights, phi, self._rng)


class Averages(Geometric):
    def evaluate(self, y, eta, weights, phi, order=2):
        d = super().evaluate(y, eta, weights, phi, order)
        return replace(d, expected_weight=np.full_like(eta, np.mean(d.expected_weight) if len(eta) else 0.0))


class HoldsAFunction(Geometric):
    def __init__(self, link=None):
        super().__init__(link)
        self.transform = lambda y: y


class Scalars(Geometric):
    def variance(self, mu, phi):
        return mu[0] * (1 + mu[0])


class WrongTrials(Family):
    """A binomial in which the number of trials is forgotten in the probability of success."""

    name = "trials"
    links = ("logit",)
    mean_bounds = (0.0, 1.0)
    discrete = weights_are_trials = True

    def log_density(self, y, mu, weights, phi):
        from scipy import stats

        return stats.binom.logpmf(np.round(weights * y), weights, 0.9 * mu)

    def variance(self, mu, phi):
        return mu * (1 - mu)

    def support(self, y, weights):
        return (y >= 0) & (y <= 1)

    def sample(self, mu, weights, phi, rng):
        return rng.binomial(weights.astype(int), 0.9 * mu) / weights


@pytest.mark.parametrize("family", [Geometric, Logistic])
def test_right_families_obey(family):
    assert broken_laws(family_checks(family())) == {}


@pytest.mark.parametrize(
    ("family", "law"),
    [
        (DoubledVariance, "variance_is_that_of_the_density"),
        (WithoutConstant, "density_has_total_one"),
        (ShiftedSample, "samples_follow_the_density"),
        (WiderSample, "samples_follow_the_density"),
        (WrongMean, "mean_is_that_of_the_density"),
        (WrongScore, "derivatives_by_eta_are_slopes"),
        (WrongThirdDerivative, "derivatives_by_eta_are_slopes"),
        (NoThirdDerivative, "derivatives_by_eta_are_slopes"),
        (WrongWeight, "expected_weight_is_expected"),
        (LogScaleDerivative, "derivatives_by_phi_are_slopes"),
        (KeepsOneResponse, "of_response_changes_nothing"),
        (TakesTheFirstRows, "of_response_changes_nothing"),
        (CastsDispersion, "phi_repeated_for_every_row_gives_the_same_bits"),
        (DispersionOfTheFirstRow, "rows_have_their_own_phi"),
        (SharedDispersionOfDraws, "draws_have_the_phi_of_their_row"),
        (IgnoresWeights, "integer_weights_are_repeated_rows"),
        (HalfDeviance, "slope_of_the_deviance_is_minus_twice_the_score"),
        (WrongSaturatedMean, "deviance_is_least_at_the_saturated_mean"),
        (StrictCdf, "cdf_is_the_sum_of_the_density"),
        (AcceptsNaN, "support_is_checked_by_rows"),
        (SilentRefusal, "support_is_checked_by_rows"),
        (StartsOutside, "starts_are_inside_the_bounds"),
        (Overwrites, "inputs_are_not_changed"),
        (Remembers, "equal_questions_get_equal_bits"),
        (OwnGenerator, "equal_questions_get_equal_bits"),
        (Averages, "rows_do_not_meet"),
        (HoldsAFunction, "pickling_gives_an_equal_family"),
        (Scalars, "answers_are_float_arrays_of_the_shape_of_y"),
        (WrongTrials, "one_trial_succeeds_with_the_probability_of_the_mean"),
    ],
)
def test_wrong_families_are_caught_by_name(family, law):
    assert law in broken_laws(family_checks(family()))


@pytest.mark.parametrize(
    ("family", "law"),
    [
        (WithoutConstant, "density_has_total_one"),
        (WrongMean, "mean_is_that_of_the_density"),
        (WrongThirdDerivative, "derivatives_by_eta_are_slopes"),
        (HalfDeviance, "slope_of_the_deviance_is_minus_twice_the_score"),
        (CastsDispersion, "phi_repeated_for_every_row_gives_the_same_bits"),
        (DispersionOfTheFirstRow, "rows_have_their_own_phi"),
        (SharedDispersionOfDraws, "draws_have_the_phi_of_their_row"),
        (StrictCdf, "cdf_is_the_sum_of_the_density"),
        (SilentRefusal, "support_is_checked_by_rows"),
        (StartsOutside, "starts_are_inside_the_bounds"),
    ],
)
def test_and_by_no_other_law(family, law):
    """A mistake in one place is reported in one place."""
    assert set(broken_laws(family_checks(family()))) == {law}


class Logit(Link):
    """Right; everybody below has one mistake."""

    name = "logit"
    range = (0.0, 1.0)

    def link(self, mu):
        return np.log(mu) - np.log1p(-mu)

    def mean(self, eta):
        mu, complement = 1 / (1 + np.exp(-eta)), 1 / (1 + np.exp(eta))
        product = mu * complement
        return Mean(mu, complement, product, product * (complement - mu), product * (1 - 6 * product))


class WrongSlope(Logit):
    def mean(self, eta):
        m = super().mean(eta)
        return replace(m, mu_eta=m.mu)


class WrongThird(Logit):
    def mean(self, eta):
        m = super().mean(eta)
        return replace(m, mu_eta3=m.mu_eta * (1 - 5 * m.mu_eta))


class CancelledComplement(Logit):
    def mean(self, eta):
        m = super().mean(eta)
        return replace(m, complement=1 - m.mu)


class NoInverse(Logit):
    def link(self, mu):
        return 1.001 * super().link(mu)


class WrongLogMean(Logit):
    def log_mean(self, eta):
        log = super().log_mean(eta)
        return LogMean(**(vars(log) | {"log_complement1": log.log_mu1}))


class ShiftedLogMean(Logit):
    def log_mean(self, eta):
        log = super().log_mean(eta)
        return LogMean(**(vars(log) | {"log_mu": log.log_mu + 1e-6}))


class MeanWithoutNoise(Logit):
    def marginal_mean(self, eta, variance):
        return self.mean(eta).mu


class NotMultiplicative(Logit):
    multiplicative = True


class RefusesAll(Logit):
    def valid(self, eta):
        return False


class OverwritingLink(Logit):
    def mean(self, eta):
        eta += 0.0
        return super().mean(eta)


class UnequalLink(Logit):
    def __init__(self):
        self.identity = object()


def test_a_right_link_obeys():
    assert broken_laws(link_checks(Logit())) == {}


@pytest.mark.parametrize(
    ("link", "law"),
    [
        (WrongSlope, "derivatives_are_those_of_the_mean"),
        (WrongThird, "derivatives_are_those_of_the_mean"),
        (CancelledComplement, "complement_does_not_cancel"),
        (NoInverse, "mean_is_the_inverse_of_link"),
        (WrongLogMean, "derivatives_are_those_of_the_log_mean"),
        (ShiftedLogMean, "log_means_are_logarithms_of_means"),
        (MeanWithoutNoise, "marginal_mean_is_the_mean_over_normal_noise"),
        (NotMultiplicative, "effects_multiply_the_mean"),
        (RefusesAll, "means_lie_in_the_range"),
        (OverwritingLink, "inputs_are_not_changed"),
        (UnequalLink, "pickling_gives_an_equal_link"),
    ],
)
def test_wrong_links_are_caught_by_name(link, law):
    assert law in broken_laws(link_checks(link()))
