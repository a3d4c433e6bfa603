"""The Tweedie distributions between Poisson and gamma."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Literal

import numpy as np
from scipy import special

from ranef.contracts import Derivatives, DispersionParameter, InR, Link
from ranef.contracts.arrays import BoolArray, FloatArray
from ranef.contracts.family import phi_of_rows

from .log_mean import LogMeanFamily
from .special import flat_ranges, large_counts, raised

#: Terms of the series below exp(-44) of the greatest are left out.
_NEGLIGIBLE = 44.0
#: So many terms are summed at once.
_AT_ONCE = 3e6


class Tweedie(LogMeanFamily):
    """Sums of a Poisson number of gamma variables: Var(y) = phi mu^power, 1 < power < 2, with exact zeros.

    The density is summed as in Dunn & Smyth (2005), doi 10.1007/s11222-005-4070-y.

    Parameters
    ----------
    power : float or None
        A given power; None: estimated.
    link : str or Link
        "log" (default), "identity", "sqrt", or a link object.

    Examples
    --------
    >>> import numpy as np
    >>> from ranef.families import Tweedie
    >>> y, mu, phi = np.array([0.0]), np.array([4.0]), np.array([2.0, 1.5])
    >>> Tweedie().log_density(y, mu, np.ones(1), phi).item()
    -2.0
    """

    name = "tweedie"
    in_r = (InR("glmmTMB", "tweedie", ("sigma(m)", "family_params(m)")),)
    support_text = "0 or positive numbers"
    multiplicative_dispersion = True
    atoms = (0.0,)

    def __init__(self, power: float | None = None, link: str | Link | None = None) -> None:
        super().__init__(link)
        self.power = power
        self.parameters  # noqa: B018  refuses a power out of bounds at once

    @property
    def parameters(self) -> tuple[DispersionParameter, ...]:
        return (
            DispersionParameter("phi", start=1.0),
            DispersionParameter("power", start=1.5, lower=1.0, upper=2.0, fixed=self.power),
        )

    def log_density(self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        v, p = _parts(phi)
        series, _, _ = _log_base(y, phi, derivatives=False)
        kernel = y * mu ** (1 - p) / (1 - p) - raised(mu, 2 - p) / (2 - p)
        return weights * (kernel / v + series)

    def by_log_mean(
        self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray, order: Literal[2, 3]
    ) -> Derivatives:
        v, p = _parts(phi)
        gain, loss = weights * y * mu ** (1 - p) / v, weights * raised(mu, 2 - p) / v
        kernel = gain / (1 - p) - loss / (2 - p)
        series, series_phi, series_power = _log_base(y, phi, derivatives=order == 3)
        log_density = kernel + weights * series
        d1 = gain - loss
        d2 = (1 - p) * gain - (2 - p) * loss
        if order == 2:
            return Derivatives(log_density, d1, d2, loss)
        log_mu = np.log(mu)
        by_power = gain * (1 / (1 - p) - log_mu) / (1 - p) - loss * (1 / (2 - p) - log_mu) / (2 - p)
        return Derivatives(
            log_density,
            d1,
            d2,
            loss,
            d3=np.square(1 - p) * gain - np.square(2 - p) * loss,
            expected_weight_eta=(2 - p) * loss,
            phi1=np.stack([weights * series_phi - kernel / v, weights * series_power + by_power]),
            phi1_eta=np.stack([-d1 / v, -d1 * log_mu]),
            phi1_eta2=np.stack([-d2 / v, -d1 - d2 * log_mu]),
            expected_weight_phi=np.stack([-loss / v, -loss * log_mu]),
        )

    def variance(self, mu: FloatArray, phi: FloatArray) -> FloatArray:
        v, p = _parts(phi)
        return v * mu**p

    def support(self, y: FloatArray, weights: FloatArray) -> BoolArray:
        return np.isfinite(y) & (y >= 0)

    def sample(self, mu: FloatArray, weights: FloatArray, phi: FloatArray, rng: np.random.Generator) -> FloatArray:
        rate, shape, scale = _compound(mu, phi)
        return rng.gamma(shape * rng.poisson(rate), scale)

    def cdf(self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        """P(Y <= y), summed over the numbers of gamma variables that matter."""
        rate, shape, scale = _compound(mu, phi)
        first, last = _window(rate, 1.0)
        stride = _stride(first, rate, 1.0 + shape)
        total: FloatArray = np.exp(-rate)
        for mine in _portions((last - first) / stride):
            rows, j, starts = flat_ranges(first[mine], last[mine], stride[mine])
            mean = rate[mine][rows]
            chance = np.exp(large_counts(special.xlogy(j, mean) - mean - special.gammaln(j + 1), j, mean))
            kappa = _shape(phi_of_rows(phi_of_rows(phi, mine), rows))
            below: FloatArray = chance * special.gammainc(kappa * j, (y / scale)[mine][rows])
            total[mine] += np.add.reduceat(below, starts) * stride[mine]
        return np.minimum(total, 1.0)

    def deviance(self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        _, p = _parts(phi)
        saturated = raised(y, 2 - p) / ((1 - p) * (2 - p))
        return 2 * weights * (saturated - y * mu ** (1 - p) / (1 - p) + raised(mu, 2 - p) / (2 - p))

    def start_dispersion(self, y: FloatArray, mu: FloatArray, weights: FloatArray) -> FloatArray:
        power = 1.5 if self.power is None else self.power
        residual = float(np.average((y - mu) ** 2 / mu**power, weights=weights))
        return np.array([residual if residual > 0 else 1.0, power])


def _parts(phi: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Dispersion and power."""
    return phi[0], phi[1]


def _compound(mu: FloatArray, phi: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Rate of the Poisson number, and shape and scale of the gamma variables."""
    v, p = _parts(phi)
    return raised(mu, 2 - p) / (v * (2 - p)), _shape(phi), v * (p - 1) * raised(mu, p - 1)


def _shape(phi: FloatArray) -> FloatArray:
    """Shape kappa of the gamma variables, a number or (n,)."""
    _, p = _parts(phi)
    return (2 - p) / (p - 1)


def _shape_by_power(phi: FloatArray) -> FloatArray:
    _, p = _parts(phi)
    return -1 / np.square(p - 1)


def _window(peak: FloatArray, sharpness: FloatArray | float) -> tuple[FloatArray, FloatArray]:
    """Range of the j >= 1 at which a term is not negligible.

    The terms fall as exp(-sharpness * peak * k(x)), x = j/peak - 1, k(x) = (1 + x) log(1 + x) - x, and Bennett's bounds
    k(x) >= x^2/2 below and k(x) >= x^2/(2 + 2x/3) above the peak are solved for x. Where the peak is below 1 the fall
    from 1 on is steeper still.
    """
    c = _NEGLIGIBLE / (sharpness * peak)
    first = np.maximum(np.floor(peak - peak * np.sqrt(2 * c)), 1.0)
    last = np.ceil(peak + peak * (c / 3 + np.sqrt(c**2 / 9 + 2 * c))) + 2
    return first, last


def _stride(first: FloatArray, peak: FloatArray, sharpness: FloatArray | float) -> FloatArray:
    """Strides in which a bell of variance peak / sharpness is summed to rounding, where it does not touch j = 1."""
    return np.where(first > 1, np.maximum(np.floor(0.6 * np.sqrt(peak / sharpness)), 1.0), 1.0)


def _portions(counts: FloatArray) -> Iterator[slice]:
    """Slices of consecutive rows with not too many terms each."""
    portion = np.floor(np.cumsum(counts) / _AT_ONCE)
    ends = [*(np.flatnonzero(np.diff(portion)) + 1).tolist(), len(counts)]
    yield from (slice(a, b) for a, b in zip([0, *ends[:-1]], ends, strict=True) if b > a)


def _log_base(y: FloatArray, phi: FloatArray, *, derivatives: bool) -> tuple[FloatArray, FloatArray, FloatArray]:
    """log a(y, phi, power), the part of the log density without mu, and its derivatives by phi and power.

    It costs much more than all the rest and does not change while a fit searches mu: the last ones are kept.
    """
    return _log_base_of(y.tobytes(), phi.tobytes(), derivatives)


@lru_cache(maxsize=8)
def _log_base_of(y_bytes: bytes, phi_bytes: bytes, derivatives: bool) -> tuple[FloatArray, FloatArray, FloatArray]:
    """log a = log W - log y for y > 0, and 0 for y = 0.

    W = sum_j z^j / (Gamma(1 + j) Gamma(kappa j)), kappa = (2 - power)/(power - 1); its terms are a bell around
    j = y^(2 - power) / (phi (2 - power)) with variance (power - 1) times that. A bell wide enough, and far enough from
    j = 1, is summed in strides of 0.6 standard deviations: by Poisson's summation formula that leaves an error of
    2 exp(-2 pi^2 / 0.36), below rounding. So no observation has more than about 200 terms.
    """
    y, phi = np.frombuffer(y_bytes), np.frombuffer(phi_bytes)
    if len(phi) > 2:  # by rows
        phi = phi.reshape(2, -1)
    result = np.zeros((3, len(y)))
    positive = y > 0
    if np.any(positive):
        result[:, positive] = _series(y[positive], phi_of_rows(phi, positive), derivatives)
    result.setflags(write=False)
    return result[0], result[1], result[2]


def _series(y: FloatArray, phi: FloatArray, derivatives: bool) -> FloatArray:
    v, p = _parts(phi)
    kappa = _shape(phi)
    log_z = kappa * (np.log(y) - np.log(p - 1)) - (1 + kappa) * np.log(v) - np.log(2 - p)
    peak = raised(y, 2 - p) / (v * (2 - p))
    first, last = _window(peak, 1 + kappa)
    stride = _stride(first, peak, 1 + kappa)
    rows, j, starts = flat_ranges(first, last, stride)

    of_term = phi_of_rows(phi, rows)
    terms = j * log_z[rows] - special.gammaln(1 + j) - special.gammaln(_shape(of_term) * j)
    greatest = np.maximum.reduceat(terms, starts)
    share = np.exp(terms - greatest[rows])
    total = np.add.reduceat(share, starts)
    result = np.zeros((3, len(y)))
    result[0] = greatest + np.log(total * stride) - np.log(y)
    if derivatives:
        log_z_power = _shape_by_power(phi) * (np.log(y) - np.log(p - 1) - np.log(v)) - kappa / (p - 1) + 1 / (2 - p)
        by_power = j * (log_z_power[rows] - _shape_by_power(of_term) * special.digamma(_shape(of_term) * j))
        result[1] = -(1 + kappa) / v * np.add.reduceat(share * j, starts) / total
        result[2] = np.add.reduceat(share * by_power, starts) / total
    return result
