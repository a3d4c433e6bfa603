"""Contract of link functions: mu, 1 - mu and all derivatives together, without cancellation."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from .arrays import FloatArray


def _log_derivatives(
    v: FloatArray, v1: FloatArray, v2: FloatArray, v3: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """First three derivatives of log v, from v and its derivatives."""
    r1, r2, r3 = v1 / v, v2 / v, v3 / v
    return r1, r2 - r1**2, r3 - 3 * r1 * r2 + 2 * r1**3


@dataclass(frozen=True, eq=False)
class Mean:
    """The inverse link at eta, with derivatives; all (n,).

    `complement` is 1 - mu computed without cancellation (only meaningful for means in (0, 1)); `mu_eta`, `mu_eta2`,
    `mu_eta3` are the first three derivatives of mu by eta.
    """

    mu: FloatArray
    complement: FloatArray
    mu_eta: FloatArray
    mu_eta2: FloatArray
    mu_eta3: FloatArray

    def log_derivatives(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """First three derivatives of log(mu) by eta, for positive means (exactly 1, 0, 0 for the log link)."""
        return _log_derivatives(self.mu, self.mu_eta, self.mu_eta2, self.mu_eta3)


@dataclass(frozen=True, eq=False)
class LogMean:
    """log(mu) and log(1 - mu) with three derivatives by eta each, finite wherever the true values are; all (n,)."""

    log_mu: FloatArray
    log_mu1: FloatArray
    log_mu2: FloatArray
    log_mu3: FloatArray
    log_complement: FloatArray
    log_complement1: FloatArray
    log_complement2: FloatArray
    log_complement3: FloatArray


#: `Link.marginal_mean` looks this many standard deviations to either side: beyond is 1e-18 of the normal distribution.
_REACH = 9.0
#: Its nodes are no further apart than this, in standard deviations and on the scale of eta. The trapezoidal rule leaves
#: exp(-2 pi d / step) where the mean is analytic at distances below d from the real line (Trefethen & Weideman 2014,
#: doi 10.1137/130932132): pi for the logit, pi/2 (as far as it is bounded) for the cloglog, 1 for the cauchit link. A
#: Gauss-Hermite rule is exact for polynomials, which these means are not: with a standard deviation of 5 it takes 200
#: nodes to give 8 digits of a logit mean, and 800 of a cloglog mean; these 361 nodes give 12 digits of either.
_STEP, _STEP_OF_ETA = 0.5, 0.25


class Link(ABC):
    """A link function eta = g(mu): immutable, and equal to every other link of its class with the same attributes.

    A subclass gives `link` and `mean`; one for means in (0, 1) should give `log_mean` too, exact in the tails, and one
    whose means of normal variables have a closed form `marginal_mean`.

    Examples
    --------
    >>> import numpy as np
    >>> from ranef.contracts import Link, Mean
    >>> class Square(Link):
    ...     name = "square"
    ...     range = (0.0, np.inf)
    ...     def link(self, mu):
    ...         return mu**2
    ...     def mean(self, eta):
    ...         mu = np.sqrt(eta)
    ...         return Mean(mu, 1 - mu, 0.5 / mu, -0.25 / mu**3, 0.375 / mu**5)
    ...     def valid(self, eta):
    ...         return bool(np.all(eta > 0))
    >>> float(Square().mean(np.array([4.0])).mu_eta[0])
    0.25
    """

    name: str = ""
    #: Open interval of the means that valid etas map to.
    range: tuple[float, float] = (-np.inf, np.inf)
    #: Variance of the standard latent distribution behind a binary response (pi^2/3 for the logit), or None.
    latent_variance: float | None = None
    #: Whether eta is the natural logarithm of mu, so that effects multiply the mean: normal ones are log-normal then,
    #: with means and variances in closed form.
    multiplicative: bool = False

    @abstractmethod
    def link(self, mu: FloatArray) -> FloatArray:
        """eta = g(mu)."""

    @abstractmethod
    def mean(self, eta: FloatArray) -> Mean:
        """mu = g^-1(eta), 1 - mu, and the derivatives of mu."""

    def valid(self, eta: FloatArray) -> bool:
        """Whether every eta maps to a mean at all (1/mu needs eta other than 0, for example)."""
        return True

    def log_mean(self, eta: FloatArray) -> LogMean:
        """log(mu), log(1 - mu) and their derivatives; links for means in (0, 1) override it where it can be exact."""
        m = self.mean(eta)
        with np.errstate(divide="ignore", invalid="ignore"):
            return LogMean(
                np.log(m.mu),
                *m.log_derivatives(),
                np.log(m.complement),
                *_log_derivatives(m.complement, -m.mu_eta, -m.mu_eta2, -m.mu_eta3),
            )

    def marginal_mean(self, eta: FloatArray, variance: FloatArray | float) -> FloatArray:
        """E g^-1(eta + e), e ~ N(0, variance), (n,): the mean over random effects that are not known.

        By default from the trapezoidal rule, to 1e-11 for means in (0, 1), with 72 nodes for each unit of the standard
        deviation. NaN in rows where the mean is not monotone within nine standard deviations: they lead beyond an edge
        of the link.

        Parameters
        ----------
        eta : (n,) array
        variance : float or (n,) array

        Examples
        --------
        >>> import numpy as np
        >>> from ranef.families import Logit
        >>> Logit().marginal_mean(np.array([0.0, 1.0]), 4.0).round(6)
        array([0.5     , 0.647726])
        """
        spread = np.broadcast_to(np.sqrt(variance), eta.shape)
        widest = float(np.max(spread, initial=0.0, where=np.isfinite(spread)))
        step = min(_STEP, _STEP_OF_ETA / widest) if widest > 0 else _STEP
        count = int(np.ceil(_REACH / step))
        z = step * np.arange(-count, count + 1)
        weights = np.exp(-0.5 * z**2)
        with np.errstate(all="ignore"):  # beyond an edge
            # node by node: all rows at all nodes would be too much to keep
            total = sum(w * self.mean(eta + spread * node).mu for w, node in zip(weights, z, strict=True))
            first, last = self.mean(eta + spread * z[0]), self.mean(eta + spread * z[-1])
            one_way = (first.mu_eta * last.mu_eta >= 0) & ((last.mu - first.mu) * (first.mu_eta + last.mu_eta) >= 0)
        return np.where(one_way, total / weights.sum(), np.nan)

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((type(self), repr(self)))

    def __repr__(self) -> str:
        options = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"{type(self).__name__}({options})"
