"""Student's t distribution with location and scale."""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy import special

from ranef.contracts import Derivatives, DispersionParameter, InR, Link
from ranef.contracts.arrays import BoolArray, FloatArray

from .by_mean import ByMeanFamily
from .gaussian import Gaussian
from .special import log1p_minus_ratio, rising_excess


class StudentT(ByMeanFamily):
    """y = mu + scale * t with df degrees of freedom: a regression that outliers do not pull.

    Var(y) = scale^2 df / (df - 2), infinite for df <= 2; for df <= 1 mu is the location and no mean exists.

    Parameters
    ----------
    df : float or None
        Given degrees of freedom; None: estimated.
    link : str or Link
        "identity" (default), or any other.

    Examples
    --------
    >>> import numpy as np
    >>> from ranef.families import StudentT
    >>> StudentT(df=4).variance(np.zeros(1), np.array([1.5, 4.0])).item()
    4.5
    """

    name = "student_t"
    in_r = (InR("glmmTMB", "t_family", ("sigma(m)", "family_params(m)")),)
    links = Gaussian.links
    mean_bounds = (-np.inf, np.inf)
    support_text = "finite real numbers"

    def __init__(self, df: float | None = None, link: str | Link | None = None) -> None:
        super().__init__(link)
        self.df = df
        self.parameters  # noqa: B018  refuses degrees of freedom out of bounds at once

    @property
    def parameters(self) -> tuple[DispersionParameter, ...]:
        return (DispersionParameter("scale", start=1.0), DispersionParameter("df", start=5.0, fixed=self.df))

    def log_density(self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        scale, df = _parts(phi)
        # log Gamma((df + 1)/2) - log Gamma(df/2), less log(df/2)/2 which joins the constant
        excess = rising_excess(np.array([0.5]), df / 2, 0)[0]
        z2 = ((y - mu) / scale) ** 2
        density: FloatArray = excess - 0.5 * np.log(2 * np.pi) - np.log(scale) - 0.5 * (df + 1) * np.log1p(z2 / df)
        return weights * density

    def by_mean(
        self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray, order: Literal[2, 3]
    ) -> Derivatives:
        scale, df = _parts(phi)
        e, s2 = y - mu, np.square(scale)
        c = df * s2
        e2 = e**2
        q = c + e2
        log_density = self.log_density(y, mu, weights, phi)
        d1 = weights * (df + 1) * e / q
        d2 = weights * (df + 1) * (e2 - c) / q**2
        expected = np.full_like(mu, (df + 1) / ((df + 3) * s2)) * weights
        if order == 2:
            return Derivatives(log_density, d1, d2, expected)
        t = e2 / c
        by_scale = (df + 1) * e2 / (scale * q) - 1 / scale
        by_df = (
            rising_excess(np.array([0.5]), df / 2, 1)[1] / df - 0.5 * log1p_minus_ratio(t) + 0.5 * t / (df * (1 + t))
        )
        return Derivatives(
            log_density,
            d1,
            d2,
            expected,
            d3=-2 * weights * (df + 1) * e * (3 * c - e2) / q**3,
            expected_weight_eta=np.zeros_like(mu),
            phi1=np.stack([weights * by_scale, weights * by_df]),
            phi1_eta=np.stack([-2 * d1 * df * scale / q, weights * e * (e2 - s2) / q**2]),
            phi1_eta2=np.stack(
                [
                    2 * weights * (df + 1) * df * scale * (c - 3 * e2) / q**3,
                    weights * (e2**2 - 3 * c * e2 + c * s2 - 3 * s2 * e2) / q**3,
                ]
            ),
            expected_weight_phi=np.stack([-2 * expected / scale, weights * 2 / (np.square(df + 3) * s2)]),
        )

    def variance(self, mu: FloatArray, phi: FloatArray) -> FloatArray:
        scale, df = _parts(phi)
        with np.errstate(divide="ignore"):
            return np.full_like(mu, np.square(scale) * df / np.maximum(df - 2, 0.0))

    def support(self, y: FloatArray, weights: FloatArray) -> BoolArray:
        return np.isfinite(y)

    def sample(self, mu: FloatArray, weights: FloatArray, phi: FloatArray, rng: np.random.Generator) -> FloatArray:
        scale, df = _parts(phi)
        return mu + scale * rng.standard_t(df, size=mu.shape)

    def cdf(self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        scale, df = _parts(phi)
        return np.asarray(special.stdtr(df, (y - mu) / scale), np.float64)

    def start_dispersion(self, y: FloatArray, mu: FloatArray, weights: FloatArray) -> FloatArray:
        scale = 1.4826 * float(np.median(np.abs(y - mu)))  # the median absolute deviation, as a standard deviation
        return np.array([scale if scale > 0 else 1.0, 5.0 if self.df is None else self.df])


def _parts(phi: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Scale and degrees of freedom."""
    return phi[0], phi[1]
