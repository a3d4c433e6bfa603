"""Censored responses of a location-scale distribution: of y, or of log y."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Literal

import numpy as np

from ranef.contracts import Derivatives, Family, InputError, Link
from ranef.contracts.arrays import FloatArray
from ranef.contracts.censoring import ends, is_observed
from ranef.contracts.family import phi_of_rows

from .between import Between, Tails, log_difference

#: A dispersion parameter's two functions and their derivatives: steepness a, shift c, a', c'.
Standard = tuple[FloatArray, FloatArray, FloatArray, FloatArray]


class LocationScaleFamily(Family):
    """x = a (v - t + c) has a standard distribution, with v = log y and t = log mu, or v = y and t = mu.

    a and c depend on one dispersion parameter, or on none. A response that is known has the density a f(x) (over y, of
    log y), one of which an interval is known F(b) - F(a): log densities and derivatives are written once, by x.

    A subclass gives `noise`, `log_noise` and `standard`.
    """

    censored = True
    #: Whether it is log y that has the distribution.
    logarithmic = True
    #: Its mean is F.
    noise: Link
    #: E(-(log f)'') of the standard distribution.
    information = 1.0

    @abstractmethod
    def log_noise(self, x: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """log f and its three derivatives."""

    @abstractmethod
    def standard(self, phi: FloatArray) -> Standard:
        """a, c, and their derivatives by the dispersion parameter."""

    def known(self, y: FloatArray) -> FloatArray:
        """What is known of responses, (n,) or (n, 2): what y says, unless the family censors itself."""
        return y

    # All else follows ------------------------------------------------------------------------------------------------

    def _v(self, y: FloatArray) -> FloatArray:
        """y, or log y; that of what is not positive is -inf."""
        if not self.logarithmic:
            return y
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(np.maximum(y, 0.0)))

    def _places(self, y: FloatArray, t: FloatArray, phi: FloatArray) -> tuple[FloatArray, FloatArray]:
        """x of both ends."""
        a, c, *_ = self.standard(phi)
        lower, upper = (a * (self._v(end) - t + c) for end in ends(y))
        return lower, upper

    def log_density(self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        y, t = self.known(y), np.log(mu) if self.logarithmic else mu
        a, c, *_ = self.standard(phi)
        v = np.where(is_observed(y), self._v(ends(y)[0]), 0.0)
        density: FloatArray = self.log_noise(a * (v - t + c))[0] + np.log(a) - (v if self.logarithmic else 0.0)
        if y.ndim == 2:
            lower, upper = self._places(y, t, phi)
            between = log_difference(Tails.at(self.noise, lower), Tails.at(self.noise, upper))[0]
            density = np.where(is_observed(y), density, between)
        return weights * density

    def by_location(
        self, y: FloatArray, t: FloatArray, weights: FloatArray, phi: FloatArray, order: Literal[2, 3]
    ) -> Derivatives:
        """What `evaluate` gives, with t in the place of eta."""
        y = self.known(y)
        known = is_observed(y)
        if known.all():
            return self._of_known(ends(y)[0], t, weights, phi, order)
        lower, upper = self._places(y, t, phi)
        left, right = np.isinf(lower) & ~known, np.isinf(upper) & ~known
        between = ~(known | left | right)
        joined: dict[str, FloatArray] = {}
        for rows, of in (
            (known, partial(self._of_known, y[known, 0])),
            (left, partial(self._of_tail, upper[left], False)),
            (right, partial(self._of_tail, lower[right], True)),
            (between, partial(self._of_interval, lower[between], upper[between])),
        ):
            if not rows.any():
                continue
            for name, part in vars(of(t[rows], weights[rows], phi_of_rows(phi, rows), order)).items():
                if part is not None:
                    joined.setdefault(name, np.empty((*part.shape[:-1], len(y))))[..., rows] = part
        return Derivatives(**joined)

    def _of_known(
        self, y: FloatArray, t: FloatArray, weights: FloatArray, phi: FloatArray, order: Literal[2, 3]
    ) -> Derivatives:
        a, c, a1, _ = self.standard(phi)
        v = self._v(y)
        x = a * (v - t + c)
        f, *slopes = self.log_noise(x)
        d = self._of_slopes(f + np.log(a) - (v if self.logarithmic else 0.0), slopes, x, weights, phi, order)
        expected = weights * (a**2 * self.information)
        if order == 2 or d.phi1 is None:
            return replace(d, expected_weight=expected)
        return replace(
            d,
            expected_weight=expected,
            expected_weight_eta=np.zeros_like(t),
            phi1=d.phi1 + (weights * (a1 / a))[None][: len(d.phi1)],
            expected_weight_phi=(weights * (2 * a * a1 * self.information))[None][: len(d.phi1)],
        )

    def _of_tail(
        self,
        x: FloatArray,
        above: bool,
        t: FloatArray,
        weights: FloatArray,
        phi: FloatArray,
        order: Literal[2, 3],
    ) -> Derivatives:
        """Of what lies above or below x."""
        log = self.noise.log_mean(x)
        if above:
            return self._of_slopes(
                log.log_complement,
                [log.log_complement1, log.log_complement2, log.log_complement3],
                x,
                weights,
                phi,
                order,
            )
        return self._of_slopes(log.log_mu, [log.log_mu1, log.log_mu2, log.log_mu3], x, weights, phi, order)

    def _of_slopes(
        self,
        value: FloatArray,
        slopes: Sequence[FloatArray],
        x: FloatArray,
        weights: FloatArray,
        phi: FloatArray,
        order: Literal[2, 3],
    ) -> Derivatives:
        """Of a function of x with three derivatives.

        What else might have been seen of a censored response is not known: its weight is the observed one.
        """
        a, _, a1, c1 = self.standard(phi)
        f1, f2, f3 = slopes
        d1, d2 = -weights * a * f1, weights * a**2 * f2
        if order == 2:
            return Derivatives(weights * value, d1, d2, -d2)
        r, d3 = len(self.parameters), -weights * a**3 * f3
        x1 = a1 / a * x + a * c1
        phi1_eta2 = (weights * (2 * a * a1 * f2 + a**2 * f3 * x1))[None][:r]
        return Derivatives(
            weights * value,
            d1,
            d2,
            -d2,
            d3=d3,
            expected_weight_eta=-d3,
            phi1=(weights * (f1 * x1))[None][:r],
            phi1_eta=(-weights * (a1 * f1 + a * f2 * x1))[None][:r],
            phi1_eta2=phi1_eta2,
            expected_weight_phi=-phi1_eta2,
        )

    def _of_interval(
        self,
        lower: FloatArray,
        upper: FloatArray,
        t: FloatArray,
        weights: FloatArray,
        phi: FloatArray,
        order: Literal[2, 3],
    ) -> Derivatives:
        """Of what lies between two finite places; its weight, too, is the observed one."""
        a, _, a1, c1 = self.standard(phi)
        p = Between.of(Tails.at(self.noise, lower), Tails.at(self.noise, upper))
        n1, n2 = a * p.n1, a**2 * p.n2
        log_density, d1, d2 = weights * p.log_p, weights * n1, weights * (n2 - n1**2)
        if order == 2:
            return Derivatives(log_density, d1, d2, np.maximum(-d2, 0.0))
        r = len(self.parameters)
        low1, up1 = (a1 / a * x + a * c1 for x in (lower, upper))
        m0, m1, m2 = (up * up1 - low * low1 for up, low in zip(p.above, p.below, strict=True))
        q1 = -a * m1 + a1 * p.n1
        q2 = a**2 * m2 + 2 * a * a1 * p.n2
        d3 = weights * (a**3 * p.n3 - 3 * n1 * n2 + 2 * n1**3)
        phi1_eta2 = (weights * (q2 - n2 * m0 - 2 * n1 * (q1 - n1 * m0)))[None][:r]
        return Derivatives(
            log_density,
            d1,
            d2,
            np.maximum(-d2, 0.0),
            d3=d3,
            expected_weight_eta=-d3,
            phi1=(weights * m0)[None][:r],
            phi1_eta=(weights * (q1 - n1 * m0))[None][:r],
            phi1_eta2=phi1_eta2,
            expected_weight_phi=-phi1_eta2,
        )

    def evaluate(
        self,
        y: FloatArray,
        eta: FloatArray,
        weights: FloatArray,
        phi: FloatArray,
        order: Literal[2, 3] = 2,
    ) -> Derivatives:
        """Log density and derivatives at eta, exact; the expected weight is that of a response that is observed."""
        m = self.link.mean(eta)
        if self.logarithmic:
            return self.by_location(y, np.log(m.mu), weights, phi, order).through(*m.log_derivatives())
        return self.by_location(y, m.mu, weights, phi, order).through(m.mu_eta, m.mu_eta2, m.mu_eta3)

    def cdf(self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        """P(Y <= y), (n,)."""
        t = np.log(mu) if self.logarithmic else mu
        a, c, *_ = self.standard(phi)
        return np.asarray(np.exp(Tails.at(self.noise, a * (self._v(y) - t + c)).log_below), np.float64)

    def check_identified(self, y: FloatArray, weights: FloatArray) -> None:
        """Raise `InputError` where all responses are censored from one side."""
        y = self.known(y)
        lower, upper = ends(y)
        least = 0.0 if self.logarithmic else -np.inf
        for side, open_, word in ((upper == np.inf, "larger", "right"), (lower <= least, "smaller", "left")):
            if side.all() and not is_observed(y).any():
                raise InputError(
                    f"y: all responses are censored from the {word}: the likelihood grows without end with means that "
                    f"are {open_}. There must be events (event = 1)"
                )

    def guess(self, y: FloatArray) -> FloatArray:
        """A response for each row, near to what is known of it: to start from."""
        lower, upper = ends(self.known(y))
        both = np.isfinite(lower) & np.isfinite(upper)
        with np.errstate(invalid="ignore"):
            middle = 0.5 * (lower + upper)
        return np.asarray(np.where(both, middle, np.where(np.isfinite(lower), lower, upper)))

    def start_mean(self, y: FloatArray, weights: FloatArray) -> FloatArray:
        return super().start_mean(self.guess(y), weights)

    def deviance(self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        """Unit deviances 2 (log f at the saturated mean - log f at mu), weighted, (n,)."""
        with np.errstate(invalid="ignore", divide="ignore"):
            best = self._best(self.known(y), weights, phi)
        return np.asarray(np.maximum(2 * (best - self.log_density(y, mu, weights, phi)), 0.0))

    @property
    def mode(self) -> float:
        """Where the standard density is largest."""
        return 0.0

    def _best(self, y: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        """Largest log density that a mean can give each row; 0 where it is open to one side."""
        a, *_ = self.standard(phi)
        peak = self.log_noise(np.array([self.mode]))[0]
        known = peak + np.log(a) - (self._v(ends(y)[0]) if self.logarithmic else 0.0)
        if y.ndim == 1:
            return weights * known
        lower, upper = self._places(y, self._saturated_location(y, phi), phi)
        between = log_difference(Tails.at(self.noise, lower), Tails.at(self.noise, upper))[0]
        one_sided = np.isinf(self._v(ends(y)[0])) | np.isinf(self._v(ends(y)[1]))
        return weights * np.where(is_observed(y), known, np.where(one_sided, 0.0, between))

    def _saturated_location(self, y: FloatArray, phi: FloatArray) -> FloatArray:
        """t at which each row is likeliest; infinite where it is censored from one side."""
        a, c, *_ = self.standard(phi)
        low, high = (self._v(end) for end in ends(y))
        t = np.where(np.isinf(high), np.inf, np.where(np.isinf(low), -np.inf, high + c - self.mode / a))
        if len(away := np.flatnonzero(~is_observed(y) & np.isfinite(t))):
            steep, shift = np.broadcast_to(a, t.shape)[away], np.broadcast_to(c, t.shape)[away]
            t[away] = low[away] + shift - self.likeliest(steep * (high - low)[away]) / steep
        return t

    def likeliest(self, width: FloatArray) -> FloatArray:
        """Lower end of the interval of a width, in standard units, that has the largest probability."""
        return -0.5 * width

    def saturated_mean(self, y: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        with np.errstate(invalid="ignore"):
            t = self._saturated_location(self.known(y), phi)
        return np.asarray(np.exp(t)) if self.logarithmic else t
