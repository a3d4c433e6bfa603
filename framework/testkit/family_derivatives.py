"""Laws of a family's derivatives, and of its deviance, whose slope is the score."""

from __future__ import annotations

import numpy as np

from ..contracts import DispersionParameter, Family
from ..contracts.arrays import FloatArray
from .check import LawBook, close, require
from .differences import derivative
from .family_settings import Checked, Sample, Setting, dispersed, settings_of
from .links import step_of

DERIVATIVES: LawBook[Checked] = LawBook()


@DERIVATIVES.law(on=settings_of)
def log_density_is_that_of_evaluate(f: Checked, setting: Setting) -> None:
    """`evaluate` and `log_density` give the same log density; `order=3` only adds to `order=2`."""
    s = setting.sample
    two, three = (f.family.evaluate(s.y, s.eta, s.weights, s.phi, order) for order in (2, 3))
    close("log density", two.log_density, f.family.log_density(s.y, s.mu, s.weights, s.phi), rtol=1e-9, atol=1e-9)
    for name in ("log_density", "d1", "d2", "expected_weight"):
        close(f"{name} at order 3", getattr(three, name), getattr(two, name), rtol=1e-10, atol=1e-10)


@DERIVATIVES.law(on=settings_of)
def derivatives_by_eta_are_slopes(f: Checked, setting: Setting) -> None:
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


@DERIVATIVES.law(on=settings_of, where=dispersed)
def derivatives_by_phi_are_slopes(f: Checked, setting: Setting) -> None:
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


def _reach(f: Checked, s: Sample) -> FloatArray:
    """Distance of the means to their bounds, as a change of eta."""
    lower, upper = f.bounds
    slope = np.abs(f.family.link.mean(s.eta).mu_eta)
    return np.minimum(s.mu - lower, upper - s.mu) / slope


@DERIVATIVES.law(on=settings_of)
def slope_of_the_deviance_is_minus_twice_the_score(f: Checked, setting: Setting) -> None:
    """d deviance / d eta = -2 d1, times phi[0] where that multiplies the variance."""
    s = setting.sample
    step = step_of(s.eta) * np.minimum(1.0, _reach(f, s))
    slope = derivative(lambda eta: f.family.deviance(s.y, f.family.link.mean(eta).mu, s.weights, s.phi), s.eta, step)
    factor = s.phi[0] if f.family.multiplicative_dispersion else 1.0
    d1 = f.family.evaluate(s.y, s.eta, s.weights, s.phi).d1
    close("slope of the deviance", slope, -2 * factor * d1, rtol=1e-6, atol=1e-6)
