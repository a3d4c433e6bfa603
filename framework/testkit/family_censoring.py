"""Laws of families that take censored responses."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

import numpy as np

from ..contracts.censoring import ends
from .check import LawBook, close, require
from .family_derivatives import derivatives_by_eta_are_slopes, derivatives_by_phi_are_slopes
from .family_derivatives import log_density_is_that_of_evaluate as log_densities_are_one
from .family_settings import Checked, Sample, Setting, dispersed, settings_of

CENSORING: LawBook[Checked] = LawBook()


def takes_censored(f: Checked) -> bool:
    """Whether responses may be censored each at its own place: not where the family has limits of its own."""
    return f.family.censored and not f.family.atoms


class CensoredSetting(Setting):
    """A setting of which one row in four is known, and the others are censored from either side, or between."""

    @cached_property
    def sample(self) -> Sample:
        """Rows of data."""
        s = super().sample
        kind = np.arange(len(s.y)) % 4
        beyond = s.y + 0.5 * np.sqrt(self.family.variance(s.mu, self.phi))
        lower = np.where(kind == 1, -np.inf, s.y)
        upper = np.where(kind == 2, np.inf, np.where(kind == 3, beyond, s.y))
        return replace(s, y=np.column_stack([lower, upper]))


def censored_settings(f: Checked) -> list[CensoredSetting]:
    """Those of the family, censored."""
    return [CensoredSetting(s.family, s.phi, s.means) for s in settings_of(f)]


@CENSORING.law(on=censored_settings, where=takes_censored)
def censored_responses_are_in_the_support(f: Checked, setting: Setting) -> None:
    """Intervals (n, 2) of draws are accepted, and such as are upside down are not."""
    s = setting.sample
    f.family.check_response(s.y, np.ones(len(s.y)))
    inside = f.family.support(s.y, s.weights)
    require(inside.shape == (len(s.y),) and bool(inside.all()), "`support` refuses intervals of what `sample` draws")


@CENSORING.law(on=censored_settings, where=takes_censored)
def censored_responses_have_the_probability_of_their_interval(f: Checked, setting: Setting) -> None:
    """The log density of an interval is the log of P(lower < Y <= upper), by `cdf`."""
    s = setting.sample
    lower, upper = ends(s.y)
    above, below = (
        f.family.cdf(np.where(np.isfinite(end), end, 1.0), s.mu, s.weights, s.phi) for end in (upper, lower)
    )
    require(above is not None and below is not None, "families that take censored responses give `cdf`")
    assert above is not None
    assert below is not None
    p = np.where(upper == np.inf, 1.0, above) - np.where(lower == -np.inf, 0.0, below)
    clear = (lower < upper) & (p > 1e-6)
    value = f.family.log_density(s.y, s.mu, s.weights, s.phi)[clear]
    close("log density of intervals", value, (s.weights * np.log(np.where(clear, p, 1.0)))[clear], rtol=1e-7, atol=1e-8)


@CENSORING.law(on=settings_of, where=takes_censored)
def responses_in_two_columns_are_those_in_one(f: Checked, setting: Setting) -> None:
    """Intervals of one point have the density of the point."""
    s = setting.sample
    one, two = (f.family.evaluate(y, s.eta, s.weights, s.phi) for y in (s.y, np.column_stack([s.y, s.y])))
    for name in ("log_density", "d1", "d2", "expected_weight"):
        close(f"{name} of two columns", getattr(two, name), getattr(one, name), rtol=1e-9, atol=1e-9)


@CENSORING.law(on=censored_settings, where=takes_censored)
def derivatives_of_censored_responses_are_slopes(f: Checked, setting: Setting) -> None:
    """`evaluate` of intervals agrees with `log_density`, and its parts are slopes of each other."""
    log_densities_are_one(f, setting)
    derivatives_by_eta_are_slopes(f, setting)
    if dispersed(f):
        derivatives_by_phi_are_slopes(f, setting)
