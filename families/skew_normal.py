"""The skew-normal distribution by its mean, standard deviation and skewness."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from scipy import special

from ranef.contracts import Derivatives, DispersionParameter, InputError, InR, Link
from ranef.contracts.arrays import BoolArray, FloatArray, real_number

from .by_mean import ByMeanFamily
from .gaussian import Gaussian
from .normal_tail import NormalTail
from .special import decreasing_root, either, polynomial

#: skewness = _CUBE R^3, where R is the mean of a standard skew-normal variable over its standard deviation.
_CUBE = 2 - 0.5 * np.pi
#: sqrt(2/pi), the mean of |Z|.
_B = float(np.sqrt(2 / np.pi))
#: R^2 ends at 1 / _ENDS, where the distribution is that of |Z|.
_ENDS = 0.5 * np.pi - 1
#: Skewness of |Z| in two parts, of which the first is a number just below it.
_LARGEST, _LARGEST_REST = 0.995271746431156, 2.9952924930273875e-17
#: Shapes beyond are not told from an infinite one.
_LARGEST_SHAPE = 1e4
#: Shape at which a search has run away.
_RUNAWAY = 1e3
#: Below this R the slopes by the skewness are those that divide by R^2 before anything cancels.
_SMALL = 0.1
#: Up to here 30 terms of the series of log(2 Phi(u)) are exact to rounding.
_SERIES_UPTO = 0.6
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(48)


class SkewNormal(ByMeanFamily):
    """Skew-normal responses with mean mu, standard deviation sigma and a skewness between -0.995 and 0.995.

    y = xi + omega (delta abs(Z_0) + sqrt(1 - delta^2) Z_1) with independent standard normal Z, delta = alpha / sqrt(1 +
    alpha^2), and xi and omega such that mu = E(y) and sigma^2 = Var(y): glmmTMB's `skewnormal`, whose shape is alpha.
    What is estimated is the skewness E(y - mu)^3 / sigma^3, which stands for alpha (`shape` and `skewness` turn one
    into the other): by alpha the slope and the curvature of every log-likelihood are 0 at alpha = 0, whatever the data,
    so that a search may end there, and nothing would be known of alpha from there. By the skewness the normal
    distribution is a point as any other.

    Parameters
    ----------
    alpha : float or None
        A given shape, of either sign; None: the skewness is estimated.
    link : str or Link
        "identity" (default), or any other.

    Raises
    ------
    InputError
        For an alpha beyond 10,000 in size.

    Examples
    --------
    >>> import numpy as np
    >>> from ranef.families import SkewNormal
    >>> SkewNormal.skewness(4.0).round(6).item(), SkewNormal.shape(0.5).round(6).item()
    (0.784427, 2.173758)
    >>> SkewNormal().log_density(np.ones(1), np.zeros(1), np.ones(1), np.array([1.0, 0.0])).round(6).item()
    -1.418939

    Notes
    -----
    The centred parametrization of Azzalini (1985, *A class of distributions which includes the normal ones*,
    Scandinavian Journal of Statistics 12, 171-178; Azzalini & Capitanio 2014, *The skew-normal and related families*,
    section 3.1). The log density is concave in mu.
    """

    name = "skew_normal"
    in_r = (
        InR(
            "glmmTMB",
            "skewnormal",
            (
                "sigma(m)",
                "local({a <- family_params(m); (2 - pi/2) * (a / sqrt(pi/2 + (pi/2 - 1) * a^2))^3})",
            ),
        ),
    )
    links = Gaussian.links
    mean_bounds = (-np.inf, np.inf)
    support_text = "finite real numbers"

    def __init__(self, alpha: Any = None, link: str | Link | None = None) -> None:
        super().__init__(link)
        self.alpha = None if alpha is None else real_number(alpha, "alpha")
        if self.alpha is not None and not abs(self.alpha) <= _LARGEST_SHAPE:
            raise InputError(
                f"alpha={self.alpha:g} must lie between {-_LARGEST_SHAPE:g} and {_LARGEST_SHAPE:g}: beyond, it is not "
                "told from an infinite one"
            )

    @property
    def parameters(self) -> tuple[DispersionParameter, ...]:
        given = None if self.alpha is None else float(self.skewness(self.alpha))
        return (
            DispersionParameter("sigma", start=1.0),
            DispersionParameter("skewness", start=0.0, lower=-_LARGEST, upper=_LARGEST, fixed=given),
        )

    @staticmethod
    def skewness(alpha: FloatArray | float) -> FloatArray:
        """The skewness of a shape alpha."""
        a = np.asarray(alpha, np.float64)
        return np.asarray(_CUBE * (a / np.sqrt(0.5 * np.pi + _ENDS * np.square(a))) ** 3)

    @staticmethod
    def shape(skewness: FloatArray | float) -> FloatArray:
        """The shape alpha of a skewness between -0.9952717 and 0.9952717: glmmTMB's.

        Examples
        --------
        >>> SkewNormal.shape(SkewNormal.skewness(-2.5)).round(12).item()
        -2.5
        """
        R, root = _of_skewness(np.asarray(skewness, np.float64))
        return np.asarray(R / root)

    def log_density(self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        sigma, skewness = phi[0], phi[1]
        R, root = _of_skewness(skewness)
        x = ((y - mu) / sigma + R) / np.sqrt(1 + np.square(R))
        scale = np.log(sigma) + 0.5 * np.log1p(np.square(R)) + 0.5 * np.log(0.5 * np.pi)
        return np.asarray(weights * (special.log_ndtr(R / root * x) - 0.5 * x**2 - scale))

    def by_mean(
        self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray, order: Literal[2, 3]
    ) -> Derivatives:
        """The expected weight is that of quasi-likelihood."""
        sigma, skewness = phi[0], phi[1]
        z = (y - mu) / sigma
        R, root = _of_skewness(skewness)
        s2 = 1 + np.square(R)
        s, alpha = np.sqrt(s2), R / root
        x = (z + R) / s
        u = alpha * x
        tail = NormalTail.beyond(-u)
        zeta1, zeta2, zeta3 = tail.hazard, tail.variance - 1, tail.third  # of log Phi(u)
        by_z = (alpha * zeta1 - x) / s
        by_z2 = (np.square(alpha) * zeta2 - 1) / s2
        log_density = self.log_density(y, mu, weights, phi)
        d1, d2 = -weights * by_z / sigma, weights * by_z2 / np.square(sigma)
        expected = weights * np.full_like(mu, 1 / np.square(sigma))
        if order == 2:
            return Derivatives(log_density, d1, d2, expected)
        cube = sigma * np.square(sigma)
        by_z3 = alpha * np.square(alpha) * zeta3 / (s * s2)

        def far_from_normal() -> FloatArray:
            x_R = (1 - z * R) / (s * s2)
            alpha_R = _B**2 / (root * np.square(root))
            u_R = alpha_R * x + alpha * x_R
            return np.array(
                [
                    zeta1 * u_R - x * x_R - R / s2,
                    (alpha_R * zeta1 + alpha * zeta2 * u_R - x_R) / s - R / s2 * by_z,
                    (2 * alpha * alpha_R * zeta2 + np.square(alpha) * zeta3 * u_R - 2 * R * by_z2) / s2,
                ]
            )

        near = np.abs(R) < _SMALL
        by_R = either(near, lambda: _near_normal(z, R), far_from_normal)
        skewed = weights * by_R / (3 * _CUBE * np.where(near, 1.0, np.square(R)))
        return Derivatives(
            log_density,
            d1,
            d2,
            expected,
            d3=-weights * by_z3 / cube,
            expected_weight_eta=np.zeros_like(mu),
            phi1=np.stack([-weights * (1 + z * by_z) / sigma, skewed[0]]),
            phi1_eta=np.stack([weights * (by_z + z * by_z2) / np.square(sigma), -skewed[1] / sigma]),
            phi1_eta2=np.stack([-weights * (2 * by_z2 + z * by_z3) / cube, skewed[2] / np.square(sigma)]),
            expected_weight_phi=np.stack([-2 * expected / sigma, np.zeros_like(mu)]),
        )

    def variance(self, mu: FloatArray, phi: FloatArray) -> FloatArray:
        return np.full_like(mu, np.square(phi[0]))

    def support(self, y: FloatArray, weights: FloatArray) -> BoolArray:
        return np.isfinite(y)

    def runaway(self, mu: FloatArray, phi: FloatArray) -> str:
        if self.alpha is not None or np.max(np.abs(self.shape(phi[1]))) < _RUNAWAY:
            return ""
        return (
            f"the skewness grows to {_LARGEST:.4f}, that of half a normal distribution, whose density breaks off at an "
            "edge that responses come to lie at. Give a shape, SkewNormal(alpha=10), or use a family of positive "
            "numbers (gamma, lognormal, weibull) for their distance from such an edge"
        )

    def sample(self, mu: FloatArray, weights: FloatArray, phi: FloatArray, rng: np.random.Generator) -> FloatArray:
        R, root = _of_skewness(phi[1])
        half, normal = np.abs(rng.standard_normal(mu.shape)), rng.standard_normal(mu.shape)
        return np.asarray(mu + phi[0] / _B * (R * (half - _B) + root * normal))

    def cdf(self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        R, root = _of_skewness(phi[1])
        x = ((y - mu) / phi[0] + R) / np.sqrt(1 + np.square(R))
        x, alpha = np.broadcast_arrays(x, R / root)
        below = special.ndtr(x) - 2 * special.owens_t(x, alpha)  # Azzalini 1985, equation 4
        thin = (alpha > 0) & (below < 1e-3)  # what is left of a difference
        if np.any(thin):
            below = np.where(thin, 0.0, below)
            below[thin] = _thin_tail(x[thin], alpha[thin])
        return np.asarray(below, np.float64)

    def start_dispersion(self, y: FloatArray, mu: FloatArray, weights: FloatArray) -> FloatArray:
        residual = y - mu
        residual = residual - np.average(residual, weights=weights)
        sigma = float(np.sqrt(np.average(residual**2, weights=weights)))
        if sigma == 0:
            sigma = 1.0
        third = float(np.average((residual / sigma) ** 3, weights=weights))
        given = self.parameters[1].fixed
        return np.array([sigma, np.clip(third, -0.4, 0.4) if given is None else given])

    def saturated_mean(self, y: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        """Where y is the mode."""
        R, root = _of_skewness(np.atleast_1d(phi[1]))
        alpha = np.abs(R / root)

        def slope(x: FloatArray) -> tuple[FloatArray, FloatArray]:
            tail = NormalTail.beyond(-alpha * x)
            return alpha * tail.hazard - x, alpha**2 * (tail.variance - 1) - 1

        mode = np.sign(R) * decreasing_root(slope, np.zeros_like(alpha), np.ones_like(alpha))
        return np.asarray(y - phi[0] * (np.sqrt(1 + np.square(R)) * mode - R))


def _of_skewness(skewness: FloatArray) -> tuple[FloatArray, FloatArray]:
    """R, and sqrt(2/pi - (1 - 2/pi) R^2), of which alpha is the ratio, without cancellation where that ends."""
    size = np.abs(skewness)
    short = ((_LARGEST - size) + _LARGEST_REST) / _LARGEST  # by how much of it the largest skewness is missed
    with np.errstate(divide="ignore"):  # none at all
        root = _B * np.sqrt(-np.expm1(2 / 3 * np.log1p(-short)))
    return np.cbrt(skewness / _CUBE), root


def _near_normal(z: FloatArray, R: FloatArray) -> FloatArray:
    """Slopes by R, over R^2, of the log density of z and of its two derivatives, for small R: (3, n).

    Normal terms and two of log(2 Phi(u)) = sqrt(2/pi) u - u^2/pi + r(u) are taken together, of which powers of R below
    the third cancel: the log density is log phi(z) + (R^2 - log(1 + R^2)) / 2 - rho (z + R)^2 / 2 - tau R (z + R) +
    r(u) with P = (1 + R^2)(1 - k R^2), k = pi/2 - 1, rho = k R^4 / P, tau = 1 - P^(-1/2), and u = R h (z + R),
    h = (pi / (2 P))^(1/2). All terms are of the order R^3.
    """
    k, R2 = _ENDS, np.square(R)
    m = z + R
    P = (1 + R2) * (1 - k * R2)
    P_R = 2 * R * (1 - k - 2 * k * R2)
    root = np.sqrt(P)
    rho, rho_R = k * R2 / P, k * R * (4 - R * P_R / P) / P  # over R^2, as are those of tau R
    bend = (1 - k - k * R2) / (root * (1 + root))
    tau, tau_R = R * bend, bend + (1 - k - 2 * k * R2) / (P * root)
    h = 1 / (_B * root)
    h_R = -0.5 * h * P_R / P
    w, w_z = h * m, h  # u = R w
    u = R * w
    u_R, u_zR = w + R * (h_R * m + h), h + R * h_R
    r1, r2, r3 = _rest_of_log_ndtr(u)  # r'/u^2, r''/u, r'''
    return np.array(
        [
            R / (1 + R2) - 0.5 * rho_R * m**2 - rho * m - tau_R * m - tau + r1 * w**2 * u_R,
            -rho_R * m - rho - tau_R + r2 * w * w_z * u_R + r1 * w**2 * u_zR,
            -rho_R + r3 * w_z**2 * u_R + 2 * r2 * w * w_z * u_zR,
        ]
    )


def _rest_of_log_ndtr(u: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """r'/u^2, r''/u and r''' of r(u) = log(2 Phi(u)) - sqrt(2/pi) u + u^2/pi."""
    small = np.abs(u) < _SERIES_UPTO
    v, far = np.where(small, u, 0.0), np.where(small, 1.0, u)
    k = np.arange(3.0, 3.0 + len(_LOG_NDTR))
    tail = NormalTail.beyond(-far)
    return (
        np.where(small, polynomial(k * _LOG_NDTR, v), (tail.hazard - _B + 2 / np.pi * far) / far**2),
        np.where(small, polynomial(k * (k - 1) * _LOG_NDTR, v), (tail.variance - 1 + 2 / np.pi) / far),
        np.where(small, polynomial(k * (k - 1) * (k - 2) * _LOG_NDTR, v), tail.third),
    )


def _series_of_log_ndtr(terms: int) -> FloatArray:
    """Coefficients of log(2 Phi(u)): its slope is the ratio of the series of exp(-u^2/2) sqrt(2/pi) and of 2 Phi(u)."""
    density = np.zeros(terms)
    density[::2] = _B * np.cumprod([1.0, *(-0.5 / np.arange(1.0, (terms + 1) // 2))])
    below = np.append(1.0, density / np.arange(1.0, terms + 1))
    slope = np.zeros(terms)
    for i in range(terms):
        slope[i] = density[i] - slope[:i] @ below[i:0:-1]
    return slope / np.arange(1.0, terms + 1)


#: Those of u^3, u^4, ...; the series converges up to 3.4.
_LOG_NDTR = _series_of_log_ndtr(32)[2:]


def _thin_tail(x: FloatArray, alpha: FloatArray) -> FloatArray:
    """P(X <= x) for alpha > 0 where that is small, by quadrature down to where the density is e^-40 of that at x."""
    u = alpha * x
    rate = np.maximum(alpha * NormalTail.beyond(-u).hazard - x, 0.0)
    reach = 80 / (rate + np.sqrt(rate**2 + 80))  # at least so fast the log-concave density falls
    t = x[:, None] - 0.5 * reach[:, None] * (1 + _NODES)
    log_density = special.log_ndtr(alpha[:, None] * t) - 0.5 * t**2
    return np.asarray(_B * reach * 0.5 * (np.exp(log_density) @ _WEIGHTS))
