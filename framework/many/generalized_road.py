"""Generalized models, all responses at once: scoring, Newton steps, and the certificate.

The criterion is Laplace's in all parameters, x = ((gamma - origin) / eta, theta / eta, xi) as in
`estimation.generalized_criterion`. Steps take the curvature of the working linear model, corrected by what gradients
show; the certificate and standard errors take the Hessian by the differences of exact gradients that single fits take.
Responses on which there is any doubt are left to single fits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..contracts.arrays import BoolArray, FloatArray, IntArray
from ..contracts.errors import InputError
from ..contracts.family import Family
from ..design.arrays import LARGEST
from ..estimation import existence, separation
from ..estimation.basins import HIGHER, MODERATE, SMALLEST_SWAPPED
from ..estimation.certificate import POLISHED
from ..estimation.criterion import OTHER_STEP, STEP
from ..estimation.curvature import FLAT, SUSPICIOUS
from ..estimation.dispersion import DispersionScale
from ..estimation.eigenbasis import SINGULAR
from ..estimation.generalized import Laplace
from ..estimation.model import Model
from ..estimation.modes import PenalizedLikelihood
from ..estimation.parameters import Parameters
from ..estimation.start import START_STEPS
from .combinations import Combinations
from .estimates import Estimates
from .generalized_rows import Design, Modes, find_modes
from .inside import may_have_basins, points_at_zero, singular_values, sizes_of
from .newton import expected_drop, minimize, spectrum
from .small import at_least_two, by_matrix, inverse, is_all

MOST_EVALUATIONS = 60
#: Dispersion parameters that went farther from their start, on the free scale, are left to single fits.
FAR = 8.0
#: The last Newton step is taken where no more than this is expected of it.
NEAR = 1e-6
#: Random effects up to which matrices of all of them are worth it where nothing else is.
MOST_EFFECTS = 100
#: Numbers that a block of responses should have in one array, so that it stays in the cache; responses of one block.
CACHE, MOST = 2**15, 512


@dataclass(frozen=True, eq=False)
class GeneralizedRoad:
    """What all responses share.

    Parameters
    ----------
    model : Model
    parameters : Parameters
    design : Design
    dispersion : DispersionScale
    combinations : Combinations
    """

    model: Model[Any]
    parameters: Parameters
    design: Design
    dispersion: DispersionScale
    combinations: Combinations

    @classmethod
    def of(cls, model: Model[Any], combinations: Combinations) -> GeneralizedRoad | None:
        """The road for a model; None where it has none."""
        rows, likelihood, controls = model.design, model.likelihood, model.controls
        if not isinstance(likelihood, Laplace) or not likelihood.nagq or rows.parameters:
            return None
        parameters, groupings = Parameters(rows.random.groups), rows.random.pattern.groupings
        if not groupings or parameters.structured or any(g.precision is not None for g in groupings):
            return None
        if (len(groupings) > 1 and rows.random.pattern.q > MOST_EFFECTS) or may_have_basins(parameters, rows.random):
            return None
        if likelihood.nagq > 1 and rows.random.pattern.q != groupings[0].n_levels:
            return None
        likelihood.check_design(rows)
        if (controls.backend, controls.optimizer) != ("auto", "auto") or not rows.fixed.rank:
            return None
        penalized = PenalizedLikelihood(rows, likelihood.family, model.analyze().symbolic, likelihood.weights_in_logdet)
        existence.refuse_offset(penalized)
        if penalized.bounded:
            return None
        design = Design.of(rows, likelihood.family, likelihood.weights_in_logdet, likelihood.nagq)
        return cls(model, parameters, design, DispersionScale(likelihood.family.parameters), combinations)

    @property
    def block(self) -> int:
        """How many responses to take at once."""
        each = max(self.model.labels.n, self.design.blocks.cost)
        return int(np.clip(CACHE // each // 8 * 8, 32, MOST))

    def fit(self, Y: FloatArray, out: Estimates) -> BoolArray:
        """Fit every column of Y (n, m) into `out`; which responses are sure, the others are for single fits."""
        sure, family = np.zeros(Y.shape[1], bool), self.design.family
        with np.errstate(all="ignore"):  # what overflows is not sure
            weights = np.repeat(self.design.weights, Y.shape[1], axis=1).ravel()
            supported = family.support(Y.ravel(), weights).reshape(Y.shape).all(axis=0)
            usable = (np.abs(Y).max(axis=0) <= LARGEST) & supported & (np.ptp(Y, axis=0) > 0.0)
            usable &= [_is_identified(family, y, self.design.weights[:, 0]) for y in Y.T]
            where = at_least_two(np.flatnonzero(usable))
            if len(where):
                search = Search(self, np.ascontiguousarray(Y.take(where, axis=1)))
                sure[where] = search.run(where, out)
        return sure


def _is_identified(family: Family, y: FloatArray, weights: FloatArray) -> bool:
    """Whether a single fit would not be refused."""
    try:
        family.check_identified(y, weights)
    except InputError:
        return False
    return True


class Search:
    """The search for one block of responses y (n, m)."""

    def __init__(self, road: GeneralizedRoad, y: FloatArray) -> None:
        self.road, self.design, self.y = road, road.design, y
        self.responses = road.design.responses(y)
        self.r, self.s = road.design.Q.shape[1], len(road.dispersion.estimated)
        self.of_T = slice(self.r, self.r + len(road.parameters))
        self.u = np.zeros((road.design.effects.q, y.shape[1]))
        gamma, phi, weight = self._scored()
        self.origin, self.eta = gamma, 1.0 / np.sqrt(weight.mean(axis=0))
        self.xi_start = np.array([road.dispersion.to_free(p) for p in phi.T]).T.reshape(self.s, y.shape[1])

    # Where it starts ------------------------------------------------------------------------------------------------

    def _scored(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """gamma, phi and expected weights of models without random effects, by Fisher scoring."""
        design, family, w = self.design, self.design.family, self.design.weights[:, 0]
        means = [family.start_mean(y, w) for y in self.y.T]
        phi = np.array([family.start_dispersion(y, mu, w) for y, mu in zip(self.y.T, means, strict=True)]).T
        eta, gamma = family.link.link(np.array(means).T), np.zeros((self.r, self.y.shape[1]))
        known = design.predictor(gamma)
        for _ in range(START_STEPS):
            at = self.responses.evaluate(eta, phi)
            weight = np.maximum(at.expected_weight, 1e-10 * at.expected_weight.max(axis=0))
            normal = inverse(np.asarray(design.QQ @ weight).reshape(self.r, self.r, -1))[0]
            gamma = np.einsum("xym,ym->xm", normal, design.Qt(weight * (eta - known) + at.d1))
            eta = design.predictor(gamma)
        return gamma, phi, self.responses.evaluate(eta, phi).expected_weight

    def _start(self) -> FloatArray:
        moderate = np.repeat(MODERATE * self.design.effects.is_diagonal, self.y.shape[1], axis=1)
        return np.concatenate([np.zeros_like(self.origin), moderate, self.xi_start])

    # The criterion --------------------------------------------------------------------------------------------------

    def _natural(self, xi: FloatArray) -> tuple[FloatArray, FloatArray]:
        """phi (all, m) and slopes (s, m) of the estimated ones."""
        if not self.s:
            fixed, _ = self.road.dispersion.to_natural(np.zeros(0))
            return np.repeat(fixed[:, None], xi.shape[1], axis=1), np.zeros((0, xi.shape[1]))
        pairs = [self.road.dispersion.to_natural(column) for column in xi.T]
        return np.array([phi for phi, _ in pairs]).T, np.array([slope for _, slope in pairs]).T

    def at(self, x: FloatArray, which: IntArray) -> tuple[Modes, FloatArray]:
        """The modes of these responses at x (d, len(which)), and the gradient by x."""
        eta, y = self.eta[which], self.responses if is_all(which, self.y.shape[1]) else self.responses.take(which)
        phi, slope = self._natural(x[self.of_T.stop :])
        gamma, T = self.origin.take(which, axis=1) + eta * x[: self.r], self.design.effects.roots(eta * x[self.of_T])
        modes = find_modes(self.design, y, gamma, T, phi, self.u.take(which, axis=1))
        self.u[:, which] = np.where(modes.found, modes.u, 0.0)
        by_gamma, by_entries, by_phi = modes.gradient()
        by_xi = by_phi[self.road.dispersion.estimated] * slope
        return modes, np.concatenate([eta * by_gamma, eta * by_entries, by_xi])

    def evaluate(self, x: FloatArray, which: IntArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Value, gradient and approximate Hessian."""
        if len(which) == 1:
            f, g, H = self.evaluate(np.repeat(x, 2, axis=1), at_least_two(which))
            return f[:1], g[:, :1], H[..., :1]
        modes, g = self.at(x, which)
        d, n = len(x), self.of_T.stop
        H = np.zeros((d, d, len(which)))
        H[:n, :n] = self.eta[which] ** 2 * modes.curvature()
        if self.s:
            assert modes.d.phi1 is not None
            scores = modes.d.phi1[self.road.dispersion.estimated] * self._natural(x[n:])[1][:, None]
            scores = scores - scores.mean(axis=1, keepdims=True)
            H[n:, n:] = 2.0 * np.einsum("inm,jnm->ijm", scores, scores) + 1e-3 * np.eye(self.s)[:, :, None]
        return modes.value, g, H

    def hessian(self, x: FloatArray, which: IntArray) -> FloatArray:
        """By central differences of exact gradients, with the steps of single fits: (d, d, m)."""
        H = np.empty((len(x), *x.shape))
        for i in range(len(x)):
            step = (STEP if self.of_T.start <= i < self.of_T.stop else OTHER_STEP) * np.maximum(np.abs(x[i]), 1.0)
            sides = []
            for sign in (1.0, -1.0):
                moved = x.copy()
                moved[i] += sign * step
                modes, g = self.at(moved, which)
                sides.append(np.where(modes.found, g, np.nan))
            H[i] = (sides[0] - sides[1]) / (2.0 * step)
        return 0.5 * (H + H.swapaxes(0, 1))

    # The certificate ------------------------------------------------------------------------------------------------

    def run(self, where: IntArray, out: Estimates) -> BoolArray:
        """Search, certify, and write what is sure into `out`."""
        every = np.arange(self.y.shape[1])
        most = min(self.road.model.controls.max_iter, MOST_EVALUATIONS)
        x, finished = minimize(self.evaluate, self._start(), most, exact=False)
        theta, smallest, zero = self._at_zero(x)
        x[self.of_T] = theta
        self._center(x)
        H = self.hessian(x, every)
        sizes, stretched = self._sizes(x)
        scaled = H * (sizes[:, None] * sizes)
        eigenvalues, V = spectrum(np.where(np.isfinite(scaled), scaled, 0.0))
        for polished in (False, True):
            modes, g = self.at(x, every)
            slopes = np.matmul((g * sizes).T[:, None], V)[:, 0]
            drop = expected_drop(slopes, eigenvalues)
            if not polished:  # a Newton step, where no more than that is left
                along = np.where((drop < NEAR)[:, None] & (eigenvalues > 0.0), slopes / eigenvalues, 0.0)
                x = x - sizes * np.matmul(V, along[:, :, None])[:, :, 0].T
                self._center(x)
        curvature = spectrum(np.nan_to_num(H * (stretched[:, None] * stretched)))[0][:, 0]
        sure = finished & modes.found & np.isfinite(scaled).all(axis=(0, 1)) & (drop <= POLISHED)
        sure &= curvature > np.where(zero, 2.0 * SUSPICIOUS, SUSPICIOUS)
        sure &= zero | (smallest >= SMALLEST_SWAPPED)
        sure &= np.asarray((np.abs(x[self.of_T.stop :] - self.xi_start) < FAR).all(axis=0)) & self._has_maximum()
        sure &= self._no_other_basin(x, modes.value, zero)
        self._write(x, modes, H, g * sizes, drop, eigenvalues, zero, sure, where, out)
        return np.asarray(sure)

    def _at_zero(self, x: FloatArray) -> tuple[FloatArray, FloatArray, BoolArray]:
        """Entries of T, their smallest singular value, and of which responses a single variance is at zero."""
        theta = x[self.of_T]
        if len(theta) > 1:
            smallest = singular_values(self.road.parameters, theta).min(axis=0)
            return theta, smallest, np.zeros(x.shape[1], bool)
        theta = np.abs(theta)
        zero = theta[0] < SINGULAR
        return np.where(zero, 0.0, theta), theta[0], zero

    def _sizes(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Sizes of the parameters, and those beside which Sigma changes by its own size."""
        sizes = np.maximum(np.abs(x), 1.0)
        sizes[self.of_T], stretch = sizes_of(self.road.parameters, x[self.of_T])
        stretched = sizes.copy()
        stretched[self.of_T] *= stretch
        return sizes, stretched

    def _center(self, x: FloatArray) -> None:
        """Move the origin of gamma to x."""
        self.origin = self.origin + self.eta * x[: self.r]
        x[: self.r] = 0.0

    def _has_maximum(self) -> BoolArray:
        """Whether no fixed effects run away, nor give every response: `separation.refuse_separation` and others."""
        family = self.design.family
        mean = family.link.mean(np.asarray(self.design.Q @ self.origin).ravel())
        ends = [mean.mu] if np.isinf(family.mean_bounds[1]) else [mean.mu, mean.complement]
        fine = np.ones(self.y.shape[1], bool)
        for end in ends:
            part = end.reshape(self.y.shape)
            fine &= (part >= separation.SUSPICIOUS * part.mean(axis=0)).all(axis=0)
        distance = np.abs(self.y - mean.mu.reshape(self.y.shape)).max(axis=0)
        return np.asarray(fine & (distance > existence.EXACT * np.abs(self.y).max(axis=0)))

    def _no_other_basin(self, x: FloatArray, value: FloatArray, zero: BoolArray) -> BoolArray:
        """What single fits look at: of few levels zero, and of a variance at zero a moderate one."""
        every, fine = np.arange(len(value)), np.ones(len(value), bool)
        for T, is_zero in points_at_zero(self.road.parameters, x[self.of_T], self.road.model.labels.pattern):
            there = np.concatenate([x[: self.r], T, x[self.of_T.stop :]])
            fine &= is_zero | (self.at(there, every)[0].value >= value + HIGHER)
        if zero.any():
            there = x.copy()
            there[self.r] = MODERATE
            modes, g = self.at(there, every)
            fine &= ~zero | ((modes.value >= value - FLAT) & (g[self.r] >= 0.0))
        return fine

    def _write(
        self,
        x: FloatArray,
        modes: Modes,
        H: FloatArray,
        g: FloatArray,
        drop: FloatArray,
        eigenvalues: FloatArray,
        zero: BoolArray,
        sure: BoolArray,
        where: IntArray,
        out: Estimates,
    ) -> None:
        chosen = np.flatnonzero(sure)
        if not len(chosen):
            return
        kept, model, r = self.road.model.labels.fixed.kept, self.road.model, self.r
        into, root = where[chosen], np.linalg.inv(model.labels.fixed.R)
        free = np.ones((len(x), len(chosen)), bool)
        free[self.of_T] = ~zero[chosen]
        own = np.where(free[:, None] & free, H[..., chosen], np.eye(len(x))[:, :, None])
        covariance = 2.0 * np.linalg.inv(by_matrix(own))[:, :r, :r] * (self.eta[chosen] ** 2)[:, None, None]
        out.coefficients[into[:, None], kept] = np.einsum("ij,jm->im", root, self.origin.take(chosen, axis=1)).T
        p = out.coefficients.shape[1]
        vcov = np.full((len(into), p, p), np.nan)
        vcov[:, kept[:, None], kept] = np.matmul(np.matmul(root, covariance), root.T)
        out.se[into] = np.sqrt(np.diagonal(vcov, axis1=1, axis2=2))
        if len(self.road.combinations.names):
            out.contrasts[into], out.contrasts_se[into] = self.road.combinations.of(out.coefficients[into], vcov)
        out.theta[into] = self.design.effects.users_theta(modes.T, self.road.parameters.groups)[chosen]
        out.dispersion[into] = self._natural(x[self.of_T.stop :].take(chosen, axis=1))[0].T
        out.log_likelihood[into] = -0.5 * modes.value[chosen]
        out.converged[into] = out.at_once[into] = True
        out.singular[into] = zero[chosen]
        out.gradient_norm[into], out.expected_drop[into] = np.abs(g).max(axis=0)[chosen], drop[chosen]
        out.smallest_eigenvalue[into] = eigenvalues[chosen, 0]


__all__ = ["GeneralizedRoad"]
