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
from ..design.arrays import LARGEST
from ..design.crossproducts import cross_products
from ..design.random import RandomDesign
from ..estimation.linear import Gaussian
from ..estimation.model import Model
from ..estimation.moments import moment_matrix, relative_factor
from ..estimation.parameters import Parameters
from ..estimation.search import FEW_LEVELS, LARGE, MANY_ROWS, MODERATE
from .boundary import certified_at_boundary, may_be_singular
from .combinations import Combinations
from .estimates import Estimates
from .inside import Certified, certified_inside
from .level_sums import LevelSums, ResponseSums
from .newton import Ends, minimize
from .one_factor import OneFactorDeviance
from .small import at_least_two, by_matrix, lower_roots

#: A residual on X that is a smaller part of y leaves too few digits.
EXPLAINED = 1e-16
#: Newton steps come to their end in ten evaluations, and seldom in 30.
MOST_EVALUATIONS = 60
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
        likelihood.check_design(design)
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
        sure = np.zeros(Y.shape[1], bool)
        with np.errstate(all="ignore"):  # what overflows, or is not positive definite, is not sure
            responses, largest = self.criterion.sums.of_responses(Y), np.abs(Y).max(axis=0)
            usable = np.flatnonzero((largest <= LARGEST) & (responses.yWy > EXPLAINED * responses.total))
            if not len(usable):
                return sure
            usable = at_least_two(usable)
            responses = responses.of(usable)
            x, finished = self.search(self._start(responses), responses, self.most_evaluations)
            inside = certified_inside(self, x, finished, responses)
            self._write(inside, usable, sure, out)
            near = np.flatnonzero(finished & ~inside.sure)
            if len(near) and may_be_singular(self):
                near = at_least_two(near)
                at_boundary = certified_at_boundary(self, x.take(near, axis=1), responses.of(near))
                self._write(at_boundary, usable[near], sure, out)
        return sure

    @property
    def most_evaluations(self) -> int:
        """Of one search."""
        return min(self.model.controls.max_iter, MOST_EVALUATIONS)

    def search(self, x: FloatArray, responses: ResponseSums, most_evaluations: int) -> Ends:
        """Minimize the criterion from x (d, m)."""

        def evaluate(x: FloatArray, which: IntArray) -> tuple[FloatArray, FloatArray, FloatArray]:
            if len(which) == 1:
                f, g, H = evaluate(np.repeat(x, 2, axis=1), at_least_two(which))
                return f[:1], g[:, :1], H[..., :1]
            return self.criterion.evaluate(x, responses if len(which) == x0.shape[1] else responses.of(which))

        x0 = x
        return minimize(evaluate, x, most_evaluations)

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

    # Estimates ------------------------------------------------------------------------------------------------------

    def _write(self, found: Certified, where: IntArray, sure: BoolArray, out: Estimates) -> None:
        """The estimates of what is sure, at their places."""
        chosen = np.flatnonzero(found.sure)
        if not len(chosen):
            return
        chosen = at_least_two(chosen)
        sums, kept, at, where = self.criterion.sums, self.model.labels.fixed.kept, found.at, where[chosen]
        beta = np.einsum("ij,jm->im", sums.root, (at.responses.gamma0 + at.gamma).take(chosen, axis=1)).T
        half = np.einsum("ij,jkm->ikm", sums.root, at.C.take(chosen, axis=-1))
        sigma2 = at.sigma2[chosen]
        out.coefficients[where[:, None], kept] = beta
        p = out.coefficients.shape[1]
        vcov = np.full((len(where), p, p), np.nan)
        vcov[:, kept[:, None], kept] = by_matrix(np.einsum("ikm,jk->ijm", half, sums.root) * sigma2)
        out.se[where] = np.sqrt(np.diagonal(vcov, axis1=1, axis2=2))
        if len(self.combinations.names):
            out.contrasts[where], out.contrasts_se[where] = self.combinations.of(out.coefficients[where], vcov)
        out.theta[where] = self._users_theta(at.T.take(chosen, axis=-1))
        out.sigma[where] = np.sqrt(sigma2)
        out.log_likelihood[where] = -0.5 * found.value[chosen]
        out.converged[where] = out.at_once[where] = sure[where] = True
        for name in ("singular", "gradient_norm", "expected_drop", "smallest_eigenvalue"):
            getattr(out, name)[where] = getattr(found, name)[chosen]

    def _users_theta(self, T: FloatArray) -> FloatArray:
        """theta of the user's columns, (m, d)."""
        (group,) = self.parameters.groups
        (rows,), (columns,) = self.parameters.template.rows, self.parameters.template.columns
        return lower_roots(np.einsum("ab,bcm->acm", np.linalg.inv(group.R), T))[:, rows, columns]


def _may_have_basins(parameters: Parameters, random: RandomDesign) -> bool:
    """Whether single fits look for other basins because of the design alone."""
    (grouping,), (factor,) = random.pattern.groupings, random.factors
    few = random.n <= MANY_ROWS and grouping.n_levels < FEW_LEVELS * len(parameters.template)
    alone = any(len(root) == 1 for root in parameters.roots) and len(factor.columns) > 1
    return few or (alone and bool((MODERATE * factor.inflation > LARGE).any()))


__all__ = ["LinearRoad"]
