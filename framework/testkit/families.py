"""Laws of response families."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from ..contracts import Derivatives, DispersionParameter, Family, InputError, Link
from ..contracts.arrays import FloatArray
from .check import Check, LawBook, close, leaves, pickled, read_only, require, same_bits, same_in_threads
from .differences import derivative
from .links import means_within, step_of
from .measure import Measure, measure
from .plugin import Held, plugin_checks, require_array, require_type

#: Numbers of trials that families with trials are checked with.
TRIALS = np.array([1.0, 2.0, 7.0, 20.0])
#: Draws for the comparison with the density; a law that holds fails with a chance of 1e-9.
N_DRAWS = 4000
CHANCE = 1e-9


def family_checks(
    family: Family,
    *,
    means: ArrayLike | None = None,
    phis: Sequence[ArrayLike] | None = None,
    name: str | None = None,
    expected_failures: Mapping[str, str] | None = None,
) -> Iterator[Check]:
    """One check for every law that a family has to obey, with the link that it has.

    Parameters
    ----------
    family : Family
    means : (n,) array_like, optional
        Means at which it is checked; default: some inside of what family and link can have.
    phis : sequence of (r,) array_like, optional
        Dispersion parameters with which it is checked, none of them so extreme that the density cannot be summed or
        integrated numerically; default: two inside their bounds.
    name : str, optional
        Name of its entry.
    expected_failures : mapping, optional
        Names of laws that the family is known to break, with the reason. Strict: they must be broken.

    Examples
    --------
    >>> from ranef import registry
    >>> from ranef.testkit import family_checks
    >>> for check in family_checks(registry.family("poisson")[0]):
    ...     check.run()
    """
    return plugin_checks(Held(family, name), LAWS, _Family(family, means, phis), expected_failures)


@dataclass(frozen=True, eq=False)
class _Setting:
    """Dispersion parameters, and rows with means, weights and responses to go with them."""

    family: Family
    phi: FloatArray
    means: FloatArray

    def __str__(self) -> str:
        return f"phi = {self.phi.tolist()}" if len(self.phi) else ""

    @cached_property
    def mu(self) -> FloatArray:
        """Every mean, with every number of trials where there are trials."""
        return np.repeat(self.means, len(TRIALS)) if self.family.weights_are_trials else self.means

    @cached_property
    def weights(self) -> FloatArray:
        """Numbers of trials, or ones."""
        return np.tile(TRIALS, len(self.means)) if self.family.weights_are_trials else np.ones_like(self.mu)

    @cached_property
    def measure(self) -> Measure:
        return measure(self.family, self.mu, self.weights, self.phi)

    @cached_property
    def moments(self) -> Derivatives:
        """`evaluate` at every point of the measure."""
        eta = self.family.link.link(self.mu)[self.measure.rows]
        return self.family.evaluate(self.measure.y, eta, self.weights[self.measure.rows], self.phi)

    @cached_property
    def sample(self) -> Sample:
        """A few rows of data, weighted."""
        rng, repeats = np.random.default_rng(5), 6
        mu, weights = np.tile(self.mu, repeats), np.tile(self.weights, repeats)
        y = self.family.sample(mu, weights, self.phi, rng)
        if not self.family.weights_are_trials:
            weights = rng.choice([0.5, 1.0, 3.0], len(mu))
        return Sample(self.family, y, mu, self.family.link.link(mu), weights, self.phi)


@dataclass(frozen=True, eq=False)
class Sample:
    """Responses, means, linear predictors, weights and dispersion parameters."""

    family: Family
    y: FloatArray
    mu: FloatArray
    eta: FloatArray
    weights: FloatArray
    phi: FloatArray

    def answers(self, family: Family | None = None) -> list[Any]:
        """All that the family can be asked about the sample."""
        f, y, mu, w, phi = family or self.family, self.y, self.mu, self.weights, self.phi
        f.check_response(y, w)
        return [
            f.log_density(y, mu, w, phi),
            f.variance(mu, phi),
            f.support(y, w),
            f.sample(mu, np.ceil(w), phi, np.random.default_rng(1)),
            f.evaluate(y, self.eta, w, phi, 2).d2,
            [x for x in leaves(f.evaluate(y, self.eta, w, phi, 3)) if x.dtype != object],
            f.valid(self.eta),
            f.response_mean(mu, phi),
            f.response_variance(mu, w, phi),
            f.start_mean(y, w),
            f.start_dispersion(y, mu, w),
            f.saturated_mean(y, w, phi),
            f.deviance(y, mu, w, phi),
            0.0 if (cdf := f.cdf(y, mu, w, phi)) is None else cdf,
        ]


@dataclass(frozen=True, eq=False)
class _Family:
    family: Family
    given_means: ArrayLike | None
    given_phis: Sequence[ArrayLike] | None

    @cached_property
    def bounds(self) -> tuple[float, float]:
        """Means that both the family and the link can have."""
        (low, high), (link_low, link_high) = self.family.mean_bounds, self.family.link.range
        return max(low, link_low), min(high, link_high)

    @cached_property
    def means(self) -> FloatArray:
        if self.given_means is not None:
            return np.asarray(self.given_means, float)
        with np.errstate(all="ignore"):
            mu = means_within(*self.bounds)
            eta = self.family.link.link(mu)
        return mu[np.isfinite(eta)]

    @cached_property
    def settings(self) -> list[_Setting]:
        phis: Sequence[ArrayLike]
        if self.given_phis is not None:
            phis = self.given_phis
        elif self.family.parameters:
            phis = [_dispersion(self.family, high) for high in (False, True)]
        else:
            phis = [np.empty(0)]
        return [_Setting(self.family, np.asarray(phi, float), self.means) for phi in phis]


def _dispersion(family: Family, high: bool) -> FloatArray:
    """Dispersion parameters inside their bounds: smaller and larger than where estimation starts."""

    def inside(index: int, p: DispersionParameter) -> float:
        if p.fixed is not None:
            return p.fixed
        if np.isfinite(p.lower) and np.isfinite(p.upper):
            share = special.logit((p.start - p.lower) / (p.upper - p.lower)) + (0.8 if high else -0.8)
            return p.lower + (p.upper - p.lower) * float(special.expit(share))
        if np.isinf(p.lower) and np.isinf(p.upper):
            return p.start + (1.0 if high else -1.0)
        # a precision, shape or size much below 1 gives densities that are hard to integrate; so does a large dispersion
        factor = (2.0 if high else 0.3) if index == 0 and family.multiplicative_dispersion else (6.0 if high else 2.0)
        return (
            p.lower + factor * (p.start - p.lower) if np.isfinite(p.lower) else p.upper - factor * (p.upper - p.start)
        )

    return np.array([inside(j, p) for j, p in enumerate(family.parameters)])


def _settings(f: _Family) -> list[_Setting]:
    return f.settings


def _weights_multiply(f: _Family) -> bool:
    return not f.family.weights_are_trials


def _weights_are_trials(f: _Family) -> bool:
    return f.family.weights_are_trials


# The laws -----------------------------------------------------------------------------------------------------------

LAWS: LawBook[_Family] = LawBook()


@LAWS.law(first=True)
def attributes_describe_the_family(f: _Family) -> None:
    """Name, links and support text are given, bounds are in order, parameters have distinct names and inner starts."""
    family, cls = f.family, type(f.family).__qualname__
    link: Any = getattr(family, "link", None)
    parameters: Any = family.parameters
    require(isinstance(link, Link), f"{cls} has no link: its __init__ must call super().__init__(link)")
    require(
        isinstance(parameters, tuple) and all(isinstance(p, DispersionParameter) for p in parameters),
        f"{cls}.parameters is {parameters!r}, not a tuple of DispersionParameter",
    )
    require(
        bool(family.name) and bool(family.links) and bool(family.support_text), "name, links or support_text is empty"
    )
    require(family.mean_bounds[0] < family.mean_bounds[1], f"mean_bounds = {family.mean_bounds}")
    names = [p.name for p in parameters]
    require(len(set(names)) == len(names), f"parameters: {names}")
    for p in parameters:
        require(p.lower < p.start < p.upper, f"{p.name} starts at {p.start:g}, outside of {p.lower:g} to {p.upper:g}")


@LAWS.law(on=_settings, first=True)
def answers_are_float_arrays_of_the_shape_of_y(f: _Family, setting: _Setting) -> None:
    """All that comes back is an array of floats with one element for each row; `support` one of booleans."""
    family, phi = f.family, setting.phi
    draws = family.sample(setting.mu, setting.weights, phi, np.random.default_rng(1))
    require_array(family.sample, draws, setting.mu.shape)
    require_array(family.support, family.support(draws, setting.weights), setting.mu.shape, bool)
    s, n, r = setting.sample, setting.sample.y.shape, len(family.parameters)
    y, mu, eta, weights = s.y.copy(), s.mu.copy(), s.eta.copy(), s.weights.copy()  # the other laws need theirs
    for method, arguments in (
        (family.log_density, (y, mu, weights, phi)),
        (family.variance, (mu, phi)),
        (family.response_mean, (mu, phi)),
        (family.response_variance, (mu, weights, phi)),
        (family.start_mean, (y, weights)),
        (family.saturated_mean, (y, weights, phi)),
        (family.deviance, (y, mu, weights, phi)),
    ):
        require_array(method, method(*arguments), n)
    require_array(family.start_dispersion, family.start_dispersion(y, mu, weights), (r,))
    for order in (2, 3):
        d = family.evaluate(y, eta, weights, phi, order)
        require_type(family.evaluate, d, Derivatives)
        for part, array in vars(d).items():
            if array is not None:
                by_phi = part.startswith("phi1") or part == "expected_weight_phi"
                require_array(family.evaluate, array, (r, *n) if by_phi else n, part=part)


@LAWS.law(on=_settings, first=True)
def draws_lie_in_the_support(f: _Family, setting: _Setting) -> None:
    """`support` accepts what `sample` draws, at every mean."""
    mu, weights = np.repeat(setting.mu, N_DRAWS), np.repeat(setting.weights, N_DRAWS)
    draws = f.family.sample(mu, weights, setting.phi, np.random.default_rng(17))
    refused = draws[~f.family.support(draws, weights)]
    share = f"{len(refused)} of {len(draws)} draws, {refused[:1]} among them"
    require(not len(refused), f"`support` refuses {share}: it is too narrow, or `sample` goes beyond it")


@LAWS.law(on=_settings)
def density_has_total_one(f: _Family, setting: _Setting) -> None:
    """The density, all constants included, sums or integrates to 1 over the support."""
    close("total probability", setting.measure.total, np.ones_like(setting.mu), rtol=1e-6)


@LAWS.law(on=_settings)
def mean_is_that_of_the_density(f: _Family, setting: _Setting) -> None:
    """`response_mean` (mu itself, unless the family says otherwise) is the mean of the density."""
    m = setting.measure
    spread = np.sqrt(np.nan_to_num(m.variance, posinf=1.0))
    if np.all(np.isfinite(f.family.response_variance(setting.mu, setting.weights, setting.phi))):
        actual = f.family.response_mean(setting.mu, setting.phi)
        close("response_mean in standard deviations", (actual - m.mean) / spread, 0 * spread, rtol=0, atol=1e-5)


@LAWS.law(on=_settings)
def variance_is_that_of_the_density(f: _Family, setting: _Setting) -> None:
    """`variance`, and `response_variance` with trials, is the variance of the density."""
    given = f.family.response_variance(setting.mu, setting.weights, setting.phi)
    finite = np.isfinite(given)
    close("response_variance", given[finite], setting.measure.variance[finite], rtol=1e-5)
    if not f.family.weights_are_trials:
        close("variance", f.family.variance(setting.mu, setting.phi), given, rtol=1e-12)


@LAWS.law(on=_settings)
def samples_follow_the_density(f: _Family, setting: _Setting) -> None:
    """Draws fall where the density says (chi-square in about ten bins), and have its mean."""
    m = setting.measure
    for row, (mu, weight) in enumerate(zip(setting.mu, setting.weights, strict=True)):
        one, rng = np.ones(N_DRAWS), np.random.default_rng([17, row])
        draws = f.family.sample(mu * one, weight * one, setting.phi, rng)
        mine = m.cut_rows == row
        edges, below = m.cuts[mine], m.cumulated[mine]
        probability = np.diff(np.concatenate([[0.0], below, [1.0]]))
        # a draw equal to an edge belongs below it; the edge itself may differ from it by rounding
        counts = np.bincount(np.searchsorted(edges + 1e-12 * np.abs(edges), draws), minlength=len(edges) + 1)
        statistic, degrees = _chi_square(counts, N_DRAWS * probability)
        chance = float(special.chdtrc(degrees, statistic)) if degrees else 1.0
        require(chance > CHANCE, f"at mean {mu:g}: chi-square {statistic:.4g} with {degrees} degrees of freedom")
        if np.isfinite(m.variance[row]):
            error = float(np.sqrt(m.variance[row] / N_DRAWS))
            z = (float(draws.mean()) - float(m.mean[row])) / error
            require(abs(z) < 7, f"at mean {mu:g}: the average of the draws is {z:.3g} standard errors off")


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


@LAWS.law(on=_settings)
def score_has_mean_zero(f: _Family, setting: _Setting) -> None:
    """E(d1) = 0 at the true parameters (Bartlett's first identity)."""
    m, d = setting.measure, setting.moments
    scale = np.sqrt(m.expect(d.d1**2))
    close("E(d1) in standard deviations", m.expect(d.d1) / scale, 0 * scale, rtol=0.0, atol=1e-5)


@LAWS.law(on=_settings)
def expected_weight_is_expected(f: _Family, setting: _Setting) -> None:
    """`expected_weight` is E(-d2); or, if that has no closed form, mu_eta^2 / Var(y), which is no more than it."""
    m, d = setting.measure, setting.moments
    first = np.unique(m.rows, return_index=True)[1]  # it does not depend on y
    weight, information = d.expected_weight[first], m.expect(-d.d2)
    require(bool(np.all(weight >= 0)), f"negative: {weight.min():g}")
    mu_eta = f.family.link.mean(f.family.link.link(setting.mu)).mu_eta
    quasi = mu_eta**2 / f.family.response_variance(setting.mu, setting.weights, setting.phi)
    if not np.allclose(weight, quasi, rtol=1e-6) or np.any(quasi > information * (1 + 1e-5)):
        close("expected_weight", weight, information, rtol=1e-5)


@LAWS.law(on=_settings)
def log_density_is_that_of_evaluate(f: _Family, setting: _Setting) -> None:
    """`evaluate` and `log_density` give the same log density; `order=3` only adds to `order=2`."""
    s = setting.sample
    two, three = (f.family.evaluate(s.y, s.eta, s.weights, s.phi, order) for order in (2, 3))
    close("log density", two.log_density, f.family.log_density(s.y, s.mu, s.weights, s.phi), rtol=1e-9, atol=1e-9)
    for name in ("log_density", "d1", "d2", "expected_weight"):
        close(f"{name} at order 3", getattr(three, name), getattr(two, name), rtol=1e-10, atol=1e-10)


@LAWS.law(on=_settings)
def derivatives_by_eta_are_slopes(f: _Family, setting: _Setting) -> None:
    """d1, d2, d3 and `expected_weight_eta` are the slopes in eta of log density, d1, d2 and expected weight."""
    s = setting.sample
    d = f.family.evaluate(s.y, s.eta, s.weights, s.phi, 3)
    step = step_of(s.eta) * np.minimum(1.0, _reach(f, s))

    def slope(name: str) -> FloatArray:
        return derivative(
            lambda eta: np.asarray(getattr(f.family.evaluate(s.y, eta, s.weights, s.phi), name), float), s.eta, step
        )

    close("d1", d.d1, slope("log_density"), rtol=1e-6, atol=1e-7)
    close("d2", d.d2, slope("d1"), rtol=1e-6, atol=1e-6)
    close("d3", _given(d.d3, "d3"), slope("d2"), rtol=1e-4, atol=1e-4)
    given = _given(d.expected_weight_eta, "expected_weight_eta")
    close("expected_weight_eta", given, slope("expected_weight"), rtol=1e-5, atol=1e-6)


@LAWS.law(on=_settings, where=lambda f: bool(f.family.parameters))
def derivatives_by_phi_are_slopes(f: _Family, setting: _Setting) -> None:
    """phi1, phi1_eta, phi1_eta2 and `expected_weight_phi` are the slopes in each dispersion parameter."""
    s = setting.sample
    d = f.family.evaluate(s.y, s.eta, s.weights, s.phi, 3)
    names = {
        "phi1": "log_density",
        "phi1_eta": "d1",
        "phi1_eta2": "d2",
        "expected_weight_phi": "expected_weight",
    }
    for given, of in names.items():
        values = _given(getattr(d, given), given)
        require(values.shape == (len(s.phi), len(s.y)), f"{given} has shape {values.shape}")
        for j, parameter in enumerate(f.family.parameters):
            slope = _slope_by_phi(f.family, s, j, parameter, of)
            close(f"{given} by {parameter.name}", values[j], slope, rtol=1e-5, atol=1e-5)


def _slope_by_phi(family: Family, s: Sample, j: int, parameter: DispersionParameter, of: str) -> FloatArray:
    def at(value: float) -> FloatArray:
        phi = s.phi.copy()
        phi[j] = value
        return np.asarray(getattr(family.evaluate(s.y, s.eta, s.weights, phi), of), float)

    value = float(s.phi[j])
    distance = min(value - parameter.lower, parameter.upper - value, max(1.0, abs(value)))
    return derivative(at, value, 0.1 * distance)


def _given(values: FloatArray | None, name: str) -> FloatArray:
    require(values is not None, f"{name} is None at order 3")
    return np.asarray(values, float)


def _reach(f: _Family, s: Sample) -> FloatArray:
    """Distance of the means to their bounds, as a change of eta."""
    lower, upper = f.bounds
    slope = np.abs(f.family.link.mean(s.eta).mu_eta)
    return np.minimum(s.mu - lower, upper - s.mu) / slope


@LAWS.law(on=_settings, where=_weights_multiply)
def integer_weights_are_repeated_rows(f: _Family, setting: _Setting) -> None:
    """A row of weight w counts as w rows of weight 1: log density, deviance and all derivatives are multiplied by w."""
    s = setting.sample
    one = np.ones_like(s.y)
    weighted, plain = (f.family.evaluate(s.y, s.eta, w, s.phi, 3) for w in (s.weights, one))
    for name in vars(plain):
        if getattr(plain, name) is not None:
            expected = s.weights * getattr(plain, name)
            scale = float(np.max(np.abs(expected), initial=0.0))
            # families without exact derivatives differ by the noise of differences
            close(name, getattr(weighted, name), expected, rtol=1e-5, atol=1e-9 + 1e-5 * scale)
    for name in ("log_density", "deviance"):
        method = getattr(f.family, name)
        expected = s.weights * method(s.y, s.mu, one, s.phi)
        close(name, method(s.y, s.mu, s.weights, s.phi), expected, rtol=1e-10, atol=1e-10)


@LAWS.law(on=_settings, where=_weights_are_trials)
def one_trial_succeeds_with_probability_mu(f: _Family, setting: _Setting) -> None:
    """With one trial, y = 1 has probability mu and y = 0 has 1 - mu."""
    mu, one = setting.means, np.ones_like(setting.means)
    close("P(y = 1)", np.exp(f.family.log_density(one, mu, one, setting.phi)), mu, rtol=1e-9)
    close("P(y = 0)", np.exp(f.family.log_density(0 * one, mu, one, setting.phi)), 1 - mu, rtol=1e-9)


@LAWS.law(on=_settings)
def rows_do_not_meet(f: _Family, setting: _Setting) -> None:
    """What is said of a row does not depend on the rows around it, nor on their number."""
    s = setting.sample
    d = f.family.evaluate(s.y, s.eta, s.weights, s.phi)
    for rows in (slice(3, 4), slice(None, None, -1), slice(0, 0)):
        part = f.family.evaluate(s.y[rows], s.eta[rows], s.weights[rows], s.phi)
        for name in ("log_density", "d1", "d2", "expected_weight"):
            close(f"{name} of rows {rows}", getattr(part, name), getattr(d, name)[rows], rtol=1e-8, atol=1e-8)


@LAWS.law(on=_settings)
def deviance_is_least_at_the_saturated_mean(f: _Family, setting: _Setting) -> None:
    """Unit deviances are not negative at any mean, and vanish at `saturated_mean`."""
    s = setting.sample
    lower, upper = f.bounds
    scale = 1.0 + np.abs(s.phi[0] if f.family.multiplicative_dispersion else 1.0)
    for mu in f.means:
        deviance = f.family.deviance(s.y, np.full_like(s.y, mu), s.weights, s.phi)
        require(bool(np.all(deviance >= -1e-9 * scale)), f"deviance {np.min(deviance):g} at mu = {mu:g}")
    best = f.family.saturated_mean(s.y, s.weights, s.phi)
    inside = (best > lower) & (best < upper)
    zero = f.family.deviance(s.y[inside], best[inside], s.weights[inside], s.phi)
    close("deviance at the saturated mean", zero, 0 * zero, rtol=0.0, atol=1e-8 * scale)


@LAWS.law(on=_settings)
def slope_of_the_deviance_is_minus_twice_the_score(f: _Family, setting: _Setting) -> None:
    """d deviance / d eta = -2 d1, times phi[0] where that multiplies the variance."""
    s = setting.sample
    step = step_of(s.eta) * np.minimum(1.0, _reach(f, s))
    slope = derivative(lambda eta: f.family.deviance(s.y, f.family.link.mean(eta).mu, s.weights, s.phi), s.eta, step)
    factor = s.phi[0] if f.family.multiplicative_dispersion else 1.0
    d1 = f.family.evaluate(s.y, s.eta, s.weights, s.phi).d1
    close("slope of the deviance", slope, -2 * factor * d1, rtol=1e-6, atol=1e-6)


@LAWS.law(on=_settings, where=lambda f: type(f.family).cdf is not Family.cdf)
def cdf_is_the_sum_of_the_density(f: _Family, setting: _Setting) -> None:
    """`cdf(y)`, where it is given, is the probability that the density gives to all values up to y."""
    m = setting.measure
    cdf = f.family.cdf(m.cuts, setting.mu[m.cut_rows], setting.weights[m.cut_rows], setting.phi)
    require(cdf is not None, "None with these parameters, and not with others")
    close("cdf", np.asarray(cdf), m.cumulated, rtol=0.0, atol=1e-6)


@LAWS.law(on=_settings)
def support_is_checked_by_rows(f: _Family, setting: _Setting) -> None:
    """Draws are accepted; NaN and infinite responses are refused with an `InputError` that names their rows."""
    s = setting.sample
    weights = s.weights if f.family.weights_are_trials else np.ones_like(s.y)
    f.family.check_response(s.y, weights)
    for wrong in (np.nan, np.inf, -np.inf):
        y = s.y.copy()
        y[3] = wrong
        try:
            f.family.check_response(y, weights)
        except InputError as error:
            require("row 3" in str(error), f"the message does not name row 3: {error}")
        else:
            require(False, f"y = {wrong} was accepted")


@LAWS.law(on=_settings)
def starts_are_inside_the_bounds(f: _Family, setting: _Setting) -> None:
    """`start_mean` lies inside of what family and link can have, `start_dispersion` inside its bounds, for any data."""
    s = setting.sample
    lower, upper = f.bounds
    for y in (s.y, np.full_like(s.y, s.y.min()), np.full_like(s.y, s.y.max())):
        weights = s.weights
        if f.family.weights_are_trials:
            weights = np.ones_like(y)
            y = np.round(y)
        mu = f.family.start_mean(y, weights)
        require(mu.shape == y.shape, f"start_mean has shape {mu.shape}")
        require(bool(np.all((mu > lower) & (mu < upper))), f"start_mean gives {mu.min():g} to {mu.max():g}")
        require(f.family.valid(f.family.link.link(mu)), "start_mean gives means that the link has no eta for")
        phi = f.family.start_dispersion(y, mu, weights)
        require(phi.shape == (len(f.family.parameters),), f"start_dispersion has shape {phi.shape}")
        for value, p in zip(phi, f.family.parameters, strict=True):
            require(p.lower < value < p.upper, f"start_dispersion gives {p.name} = {value:g}")
            require(p.fixed is None or value == p.fixed, f"start_dispersion moves {p.name}, which is fixed")


@LAWS.law(on=_settings)
def means_of_the_family_are_valid(f: _Family, setting: _Setting) -> None:
    """`valid` accepts the etas of means inside the bounds."""
    require(f.family.valid(f.family.link.link(setting.mu)) is True, "refused")


@LAWS.law(on=_settings)
def inputs_are_not_changed(f: _Family, setting: _Setting) -> None:
    """Responses, means, weights and dispersion parameters may be read-only, and stay as they are."""
    s = setting.sample
    y, mu, eta, weights, phi = read_only(s.y, s.mu, s.eta, s.weights, s.phi)
    frozen = Sample(f.family, y, mu, eta, weights, phi)
    before = f.family.__dict__.copy()
    frozen.answers()
    same_bits("inputs", [y, mu, eta, weights, phi], [s.y, s.mu, s.eta, s.weights, s.phi])
    require(vars(f.family) == before, "the family itself has changed: attributes are set in __init__ only")


@LAWS.law(on=_settings)
def equal_questions_get_equal_bits(f: _Family, setting: _Setting) -> None:
    """The same arguments, and a generator in the same state, give the same bits."""
    same_bits("the second time", setting.sample.answers(), setting.sample.answers())


@LAWS.law()
def threads_do_not_meet(f: _Family) -> None:
    """Two threads that use one family with different data get what one thread gets."""

    def task(setting: _Setting) -> Callable[[], Any]:
        sample = setting.sample
        return lambda: sample.answers()

    same_in_threads("the family", [task(setting) for setting in f.settings])


@LAWS.law()
def pickling_gives_an_equal_family(f: _Family) -> None:
    """A family, sent to another process, equals the original, has its hash, and gives the same bits."""
    copy = pickled("the family", f.family)
    require(copy == f.family and hash(copy) == hash(f.family), f"{copy!r} differs from {f.family!r}")
    sample = f.settings[0].sample
    same_bits("a pickled family", sample.answers(copy), sample.answers())
