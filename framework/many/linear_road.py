"""Linear models with one grouping factor, all responses at once: moments, Newton steps, and the certificate.

The certificate is that of single fits (`estimation.certificate`, `estimation.search`), where it leaves no doubt: an
optimum inside, with a clear curvature, or a single variance at zero with a clear slope. All other responses are left to
single fits, so that nothing is certified here that these would not certify.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..contracts.arrays import BoolArray, FloatArray, IntArray
from ..design.arrays import LARGEST as LARGEST_NUMBER
from ..design.crossproducts import cross_products
from ..design.random import RandomDesign
from ..estimation.certificate import EXPECTED_DROP, FLAT, SINGULAR, SUSPICIOUS
from ..estimation.linear import SUSPECT, Gaussian
from ..estimation.model import Model
from ..estimation.moments import moment_matrix, relative_factor
from ..estimation.parameters import Parameters
from ..estimation.search import FEW, FEW_LEVELS, LARGE, MANY_ROWS, MODERATE, SMALLEST_SWAPPED
from .combinations import Combinations
from .estimates import Estimates
from .level_sums import LevelSums, ResponseSums
from .newton import expected_drop, minimize, spectrum
from .one_factor import Evaluated, OneFactorDeviance
from .small import by_matrix, inverse

#: A residual on X that is a smaller part of y leaves too few digits, and so does a criterion that is as uncertain.
EXPLAINED, UNCERTAIN = 1e-16, 1e-10
#: Numbers that a block of responses should have in one array, so that it stays in the cache; responses of one block.
CACHE, MOST = 2**18, 1024


@dataclass(frozen=True, eq=False)
class LinearRoad:
    """What all responses share.

    Parameters
    ----------
    model : Model
    parameters : Parameters
    criterion : OneFactorDeviance
    from_moments : (k k + 1, k k + 1) array
        Inverse of the moments' matrix.
    combinations : Combinations
    """

    model: Model[Any]
    parameters: Parameters
    criterion: OneFactorDeviance
    from_moments: FloatArray
    combinations: Combinations

    @classmethod
    def of(cls, model: Model[Any], combinations: Combinations) -> LinearRoad | None:
        """The road for a model; None where it has none."""
        design, likelihood, controls = model.design, model.likelihood, model.controls
        parameters = Parameters(design.random.factors)
        groupings = design.random.pattern.groupings
        if (
            not isinstance(likelihood, Gaussian)
            or len(groupings) > 1
            or groupings[0].precision
            or parameters.structured
        ):
            return None
        if (controls.backend, controls.optimizer) != ("auto", "auto") or _may_have_basins(parameters, design.random):
            return None
        likelihood.check(design)
        sums = LevelSums.of(design)
        unit = 1.0 if design.weights is None else float(1.0 / np.sqrt(design.weights.mean()))
        criterion = OneFactorDeviance(sums, parameters.template, design.n, likelihood.reml, unit)
        matrix = moment_matrix(cross_products(design))
        from_moments = np.linalg.lstsq(matrix, np.eye(len(matrix)), rcond=1e-12)[0]
        return cls(model, parameters, criterion, np.asarray(from_moments), combinations)

    @property
    def block(self) -> int:
        """How many responses to take at once."""
        r, k, U = self.criterion.sums.shape
        each = max(self.model.labels.n, U * k * k * max(r * r * k // max(U, 1), r, len(self.parameters)))
        return int(np.clip(CACHE // each // 8 * 8, 32, MOST))

    def fit(self, Y: FloatArray, out: Estimates) -> BoolArray:
        """Fit every column of Y (n, m) into `out`; which responses are sure, the others are for single fits."""
        with np.errstate(all="ignore"):  # what overflows, or is not positive definite, is not sure
            responses = self.criterion.sums.of_responses(Y)
            largest = np.abs(Y).max(axis=0)
            usable = np.flatnonzero((largest <= LARGEST_NUMBER) & (responses.yWy > EXPLAINED * responses.total))
            sure = np.zeros(Y.shape[1], bool)
            if len(usable):
                usable = at_least_two(usable)
                responses = responses.of(usable)
                ends = minimize(self._evaluate(responses), self._start(responses), self._most_evaluations)
                sure[usable] = self._certified(ends.x, ends.finished, responses, usable, out)
        return sure

    @property
    def _most_evaluations(self) -> int:
        return min(self.model.controls.max_iter, 60)

    def _evaluate(self, responses: ResponseSums) -> Any:
        def evaluate(x: FloatArray, which: IntArray) -> tuple[FloatArray, FloatArray, FloatArray]:
            if len(which) == 1:
                f, g, H = evaluate(np.repeat(x, 2, axis=1), at_least_two(which))
                return f[:1], g[:, :1], H[..., :1]
            some = responses if len(which) == len(responses.yWy) else responses.of(which)
            here = self.criterion.at(x, some)
            return here.value, here.gradient, here.hessian

        return evaluate

    def _start(self, responses: ResponseSums) -> FloatArray:
        """x by moments, as `estimation.moments` has it."""
        k = len(responses.ZZ)
        rhs = [*responses.ZZ.sum(axis=2).reshape(k * k, -1), responses.yWy]
        solution = sum(column[:, None] * moment for column, moment in zip(self.from_moments.T, rhs, strict=True))
        variance = responses.yWy / self.criterion.n
        sigma2 = np.where(solution[-1] > 0.01 * variance, solution[-1], 0.5 * variance)
        G = solution[:-1].reshape(k, k, -1) / (sigma2 * self.criterion.unit**2)
        T = relative_factor(by_matrix(G))
        (rows,), (columns,) = self.parameters.template.rows, self.parameters.template.columns
        return np.ascontiguousarray(T[:, rows, columns].T)

    # The certificate ------------------------------------------------------------------------------------------------

    def _certified(
        self, x: FloatArray, finished: BoolArray, responses: ResponseSums, where: IntArray, out: Estimates
    ) -> BoolArray:
        """Which ends are optima without doubt; these are written into `out`."""
        smallest = self._smallest_singular_values(x)
        zero = np.zeros(x.shape[1], bool)
        if len(x) == 1:
            zero = smallest < SINGULAR
            x = np.where(zero, 0.0, x)
        at = self.criterion.at(x, responses)
        value, g, H = at.value, at.gradient, at.hessian
        sizes, stretch = self._sizes(x)
        eigenvalues, V = spectrum(H * (sizes[:, None] * sizes))
        slopes = np.matmul((g * sizes).T[:, None], V)[:, 0]
        drop = expected_drop(slopes, eigenvalues)
        relative = sizes * stretch
        clear = spectrum(H * (relative[:, None] * relative))[0][:, 0] > np.where(zero, 2.0 * SUSPICIOUS, SUSPICIOUS)
        sure = finished & np.isfinite(value) & clear & (drop <= EXPECTED_DROP * 1e-4)
        sure &= zero | (smallest >= SMALLEST_SWAPPED)
        sure &= at.cancelled * self.criterion.df * np.finfo(float).eps < UNCERTAIN
        sure &= at.sigma2 > SUSPECT * responses.yWy / self.criterion.n
        sure &= self._no_other_basin(x, value, zero, responses)
        gradient_norm = np.abs(g * sizes).max(axis=0)
        chosen = at_least_two(np.flatnonzero(sure))
        self._write(at, x, value, zero, chosen, where[chosen], out)
        out.gradient_norm[where[chosen]] = gradient_norm[chosen]
        out.expected_drop[where[chosen]] = drop[chosen]
        out.smallest_eigenvalue[where[chosen]] = eigenvalues[chosen, 0]
        return sure

    def _no_other_basin(self, x: FloatArray, value: FloatArray, zero: BoolArray, responses: ResponseSums) -> BoolArray:
        """What single fits look at: of few levels zero, and of a variance at zero a moderate one."""
        fine = np.ones(len(zero), bool)
        if self.model.design.random.pattern.groupings[0].n_levels <= FEW:
            for root in self.parameters.roots:
                zeroed = x.copy()
                zeroed[root.entries] = 0.0
                fine &= self.criterion.at(zeroed, responses).value >= value - FLAT
        if zero.any():
            some = at_least_two(np.flatnonzero(zero))
            there = self.criterion.at(np.full((1, len(some)), MODERATE), responses.of(some))
            fine[some] &= (there.value >= value[some] - FLAT) & (there.gradient[0] >= 0.0)
        return fine

    def _smallest_singular_values(self, x: FloatArray) -> FloatArray:
        """Of the relative factors of all unstructured matrices, in units of an average observation, (m,)."""
        smallest = np.full(x.shape[1], np.inf)
        for root in self.parameters.roots:
            if len(root) == 1:
                s = np.abs(x[root.entries[0]])
            else:
                T = np.tril(np.moveaxis(x[root.places], -1, 0))
                s = np.sqrt(np.maximum(np.linalg.eigvalsh(T @ np.swapaxes(T, 1, 2))[:, 0], 0.0))
            smallest = np.minimum(smallest, s)
        return smallest

    def _sizes(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """As `Criterion.sizes`, and what more changes Sigma by its own size: both (d, m)."""
        sizes, stretch = np.maximum(np.abs(x), 1.0), np.ones_like(x)
        for root in self.parameters.roots:
            T = np.where(np.tri(len(root), dtype=bool)[:, :, None], x[root.places], 0.0)
            rows, columns = np.tril_indices(len(root))
            squares = T**2
            sizes[root.entries] = np.maximum(np.sqrt(squares.sum(axis=1)), 1.0)[rows]
            size = np.sqrt(squares.sum(axis=0))
            stretch[root.entries] = (1.0 / np.where(size > 0.0, np.minimum(size, 1.0), 1.0))[columns]
        return sizes, stretch

    # Estimates ------------------------------------------------------------------------------------------------------

    def _write(
        self,
        at: Evaluated,
        x: FloatArray,
        value: FloatArray,
        zero: BoolArray,
        chosen: IntArray,
        where: IntArray,
        out: Estimates,
    ) -> None:
        sums, kept = self.criterion.sums, self.model.labels.fixed.kept
        beta = np.einsum("ij,jm->im", sums.root, (at.responses.gamma0 + at.gamma).take(chosen, axis=1)).T
        half = np.einsum("ij,jkm->ikm", sums.root, at.C.take(chosen, axis=-1))
        sigma2 = at.sigma2[chosen]
        covariance = by_matrix(np.einsum("ikm,jk->ijm", half, sums.root) * sigma2)
        out.coefficients[where[:, None], kept] = beta
        p = out.coefficients.shape[1]
        vcov = np.full((len(where), p, p), np.nan)
        vcov[:, kept[:, None], kept] = covariance
        out.se[where] = np.sqrt(np.diagonal(vcov, axis1=1, axis2=2))
        if len(self.combinations.names):
            estimates, se = self.combinations.of(out.coefficients[where], vcov)
            out.contrasts[where], out.contrasts_se[where] = estimates, se
        out.theta[where] = self._users_theta(x.take(chosen, axis=1))
        out.sigma[where] = np.sqrt(sigma2)
        out.log_likelihood[where] = -0.5 * value[chosen]
        out.converged[where], out.singular[where] = True, zero[chosen]
        out.at_once[where] = True

    def _users_theta(self, x: FloatArray) -> FloatArray:
        """theta of the user's columns, (m, d): the lower triangular root with a diagonal that is not negative."""
        (group,) = self.parameters.groups
        (rows,), (columns,) = self.parameters.template.rows, self.parameters.template.columns
        T = np.einsum("ab,bcm->acm", np.linalg.inv(group.R), self.criterion.T(x))
        if len(T) == 1:
            return np.abs(T[0].T)
        upper = np.linalg.qr(np.swapaxes(by_matrix(T), 1, 2), mode="r")
        root = np.swapaxes(upper * np.where(np.diagonal(upper, axis1=1, axis2=2) < 0.0, -1.0, 1.0)[:, :, None], 1, 2)
        return np.asarray(root[:, rows, columns])


def at_least_two(which: IntArray) -> IntArray:
    """Along an axis of one NumPy would add up in another order, with other bits."""
    return np.repeat(which, 2) if len(which) == 1 else which


def _may_have_basins(parameters: Parameters, random: RandomDesign) -> bool:
    """Whether single fits look for other basins because of the design alone."""
    (grouping,), (factor,) = random.pattern.groupings, random.factors
    few = random.n <= MANY_ROWS and grouping.n_levels < FEW_LEVELS * len(parameters.template)
    alone = any(len(root) == 1 for root in parameters.roots) and len(factor.columns) > 1
    return few or (alone and bool((MODERATE * factor.inflation > LARGE).any()))


__all__ = ["LinearRoad"]
