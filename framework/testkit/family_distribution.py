"""Laws of a family's distribution: density, moments, draws and distribution function agree."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special

from ..contracts import Family
from ..contracts.arrays import FloatArray
from .check import LawBook, close, require
from .differences import derivative
from .family_settings import Checked, Setting, settings_of
from .links import step_of
from .measure import Measure

#: Draws for the comparison with the density; a law that holds fails with a chance of 1e-9.
N_DRAWS = 4000
CHANCE = 1e-9

DISTRIBUTION: LawBook[Checked] = LawBook()


@DISTRIBUTION.law(on=settings_of)
def density_has_total_one(f: Checked, setting: Setting) -> None:
    """The density, all constants included, sums or integrates to 1 over the support."""
    close("total probability", setting.measure.total, np.ones_like(setting.mu), rtol=1e-6)


@DISTRIBUTION.law(on=settings_of)
def mean_is_that_of_the_density(f: Checked, setting: Setting) -> None:
    """`response_mean` (mu itself, unless the family says otherwise) is the mean of the density."""
    m = setting.measure
    spread = np.sqrt(np.nan_to_num(m.variance, posinf=1.0))
    if np.all(np.isfinite(f.family.response_variance(setting.mu, setting.weights, setting.phi))):
        actual = f.family.response_mean(setting.mu, setting.phi)
        close("response_mean in standard deviations", (actual - m.mean) / spread, 0 * spread, rtol=0, atol=1e-5)


@DISTRIBUTION.law(on=settings_of)
def variance_is_that_of_the_density(f: Checked, setting: Setting) -> None:
    """`variance`, and `response_variance` with trials, is the variance of the density."""
    given = f.family.response_variance(setting.mu, setting.weights, setting.phi)
    finite = np.isfinite(given)
    close("response_variance", given[finite], setting.measure.variance[finite], rtol=1e-5)
    if not f.family.weights_are_trials:
        close("variance", f.family.variance(setting.mu, setting.phi), given, rtol=1e-12)


@DISTRIBUTION.law(on=settings_of)
def samples_follow_the_density(f: Checked, setting: Setting) -> None:
    """Draws fall where the density says (chi-square in about ten bins), and have its mean."""
    for row, (mu, weight) in enumerate(zip(setting.mu, setting.weights, strict=True)):
        one, rng = np.ones(N_DRAWS), np.random.default_rng([17, row])
        draws = f.family.sample(mu * one, weight * one, setting.phi, rng)
        require_draws_of(setting.measure, row, draws, f"at mean {mu:g}")


def require_draws_of(m: Measure, row: int, draws: FloatArray, where: str) -> None:
    """Raise `LawBroken` unless draws are distributed as a row of the measure says."""
    mine = m.cut_rows == row
    edges, below = m.cuts[mine], m.cumulated[mine]
    probability = np.diff(np.concatenate([[0.0], below, [1.0]]))
    # a draw equal to an edge belongs below it; the edge itself may differ from it by rounding
    counts = np.bincount(np.searchsorted(edges + 1e-12 * np.abs(edges), draws), minlength=len(edges) + 1)
    statistic, degrees = _chi_square(counts, len(draws) * probability)
    chance = float(special.chdtrc(degrees, statistic)) if degrees else 1.0
    require(chance > CHANCE, f"{where}: chi-square {statistic:.4g} with {degrees} degrees of freedom")
    if np.isfinite(m.variance[row]):
        error = float(np.sqrt(m.variance[row] / len(draws)))
        z = (float(draws.mean()) - float(m.mean[row])) / error
        require(abs(z) < 7, f"{where}: the average of the draws is {z:.3g} standard errors off")


def _chi_square(counts: Any, expected: FloatArray) -> tuple[float, int]:
    """Pearson's statistic and its degrees of freedom; neighbouring bins are joined until ten draws are expected."""
    joined: list[list[float]] = [[0.0, 0.0]]
    for count, wanted in zip(counts, expected, strict=True):
        if joined[-1][1] >= 10:
            joined.append([0.0, 0.0])
        joined[-1][0] += float(count)
        joined[-1][1] += float(wanted)
    if joined[-1][1] < 10 and len(joined) > 1:
        count, wanted = joined.pop()
        joined[-1][0] += count
        joined[-1][1] += wanted
    return sum((c - e) ** 2 / e for c, e in joined), len(joined) - 1


@DISTRIBUTION.law(on=settings_of)
def score_has_mean_zero(f: Checked, setting: Setting) -> None:
    """E(d1) = 0 at the true parameters (Bartlett's first identity)."""
    m, d = setting.measure, setting.moments
    scale = np.sqrt(m.expect(d.d1**2))
    close("E(d1) in standard deviations", m.expect(d.d1) / scale, 0 * scale, rtol=0.0, atol=1e-5)


@DISTRIBUTION.law(on=settings_of)
def expected_weight_is_expected(f: Checked, setting: Setting) -> None:
    """`expected_weight` is E(-d2); or, if that has no closed form, (dE(y)/deta)^2 / Var(y), which is no more."""
    m, d = setting.measure, setting.moments
    first = np.unique(m.rows, return_index=True)[1]  # it does not depend on y
    weight, information = d.expected_weight[first], m.expect(-d.d2)
    require(bool(np.all(weight >= 0)), f"negative: {weight.min():g}")
    quasi = _slope_of_mean(f, setting) ** 2 / f.family.response_variance(setting.mu, setting.weights, setting.phi)
    if not np.allclose(weight, quasi, rtol=1e-6) or np.any(quasi > information * (1 + 1e-5)):
        close("expected_weight", weight, information, rtol=1e-5)


def _slope_of_mean(f: Checked, setting: Setting) -> FloatArray:
    """dE(y)/deta: that of the link, unless the mean of the response is another one."""
    link, eta = f.family.link, f.family.link.link(setting.mu)
    mu_eta = link.mean(eta).mu_eta
    if type(f.family).response_mean is Family.response_mean:
        return mu_eta
    lower, upper = f.bounds
    step = step_of(eta) * np.minimum(1.0, np.minimum(setting.mu - lower, upper - setting.mu) / np.abs(mu_eta))
    return derivative(lambda e: f.family.response_mean(link.mean(e).mu, setting.phi), eta, step)


@DISTRIBUTION.law(on=settings_of, where=lambda f: f.family.weights_are_trials)
def one_trial_succeeds_with_the_probability_of_the_mean(f: Checked, setting: Setting) -> None:
    """With one trial, y = 1 has the probability E(y) (mu, unless `response_mean` says otherwise) and y = 0 the rest."""
    mu, one = setting.means, np.ones_like(setting.means)
    mean = f.family.response_mean(mu, setting.phi)
    close("P(y = 1)", np.exp(f.family.log_density(one, mu, one, setting.phi)), mean, rtol=1e-9)
    close("P(y = 0)", np.exp(f.family.log_density(0 * one, mu, one, setting.phi)), 1 - mean, rtol=1e-9)


def _gives_cdf(f: Checked) -> bool:
    """Whether the family has a distribution function, with the first parameters that it is checked with."""
    s = f.settings[0].sample
    return f.family.cdf(s.y, s.mu, s.weights, s.phi) is not None


@DISTRIBUTION.law(on=settings_of, where=_gives_cdf)
def cdf_is_the_sum_of_the_density(f: Checked, setting: Setting) -> None:
    """`cdf(y)`, where it is given, is the probability that the density gives to all values up to y."""
    m = setting.measure
    cdf = f.family.cdf(m.cuts, setting.mu[m.cut_rows], setting.weights[m.cut_rows], setting.phi)
    require(cdf is not None, "None with these parameters, and not with others")
    close("cdf", np.asarray(cdf), m.cumulated, rtol=0.0, atol=1e-6)
