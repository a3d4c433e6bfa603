"""Linear models, all responses at once: a start by moments, Newton steps, and the certificate.

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
from ..design.mixed import MixedDesign
from ..estimation.linear import Gaussian
from ..estimation.model import Model
from ..estimation.moments import moment_matrix
from ..estimation.parameters import Parameters
from .boundary import certified_at_boundary, may_be_singular
from .combinations import Combinations
from .dense import DenseDeviance, DenseSums
from .estimates import Estimates
from .inside import Certified, certified_inside, may_have_basins
from .level_sums import LevelSums
from .newton import Ends, minimize
from .one_factor import OneFactorDeviance
from .roots import Effects
from .small import at_least_two, by_matrix, is_all
from .spectral import SpectralDeviance, Strata

#: A residual on X that is a smaller part of y leaves too few digits.
EXPLAINED = 1e-16
#: Newton steps come to their end in ten evaluations, and seldom in 30.
MOST_EVALUATIONS = 60
#: Numbers that a block of responses should have in one array, so that it stays in the cache; responses of one block.
CACHE, MOST = 2**18, 1024


#: Random effects up to which matrices of all of them are worth it where nothing else is.
MOST_EFFECTS = 200


#: `OneFactorDeviance`, `SpectralDeviance` or `DenseDeviance`: the same methods, each with its own sums of responses.
Criterion = Any


@dataclass(frozen=True, eq=False)
class LinearRoad:
    """What all responses share.

    Parameters
    ----------
    model : Model
    parameters : Parameters
    criterion : OneFactorDeviance, SpectralDeviance or DenseDeviance
    combinations : Combinations
    """

    model: Model[Any]
    parameters: Parameters
    criterion: Criterion
    combinations: Combinations

    @classmethod
    def of(cls, model: Model[Any], combinations: Combinations) -> LinearRoad | None:
        """The road for a model; None where it has none."""
        design, likelihood, controls = model.design, model.likelihood, model.controls
        if design.residual is not None:
            return None
        parameters = Parameters(design.random.groups)
        independent = all(g.precision is None for g in design.random.pattern.groupings)
        if not isinstance(likelihood, Gaussian) or parameters.structured or not independent:
            return None
        if (controls.backend, controls.optimizer) != ("auto", "auto") or may_have_basins(parameters, design.random):
            return None
        likelihood.check_design(design)
        criterion = _criterion_of(design, parameters, likelihood.reml)
        return None if criterion is None else cls(model, parameters, criterion, combinations)

    @property
    def block(self) -> int:
        """How many responses to take at once."""
        each = max(self.model.labels.n, self.criterion.cost)
        return int(np.clip(CACHE // each // 8 * 8, 32, MOST))

    def fit(self, Y: FloatArray, out: Estimates) -> BoolArray:
        """Fit every column of Y (n, m) into `out`; which responses are sure, the others are for single fits."""
        sure, every = np.zeros(Y.shape[1], bool), at_least_two(np.arange(Y.shape[1]))
        Y = Y.take(every, axis=1)
        with np.errstate(all="ignore"):  # what overflows, or is not positive definite, is not sure
            responses, largest = self.criterion.sums.of_responses(Y), np.abs(Y).max(axis=0)
            usable = np.flatnonzero((largest <= LARGEST) & (responses.yWy > EXPLAINED * responses.total))
            if not len(usable):
                return sure
            usable = at_least_two(usable)
            responses, where = responses.of(usable), every[usable]
            x, finished = self.search(self.criterion.start(responses), responses, self.most_evaluations)
            inside = certified_inside(self, x, finished, responses)
            self._write(inside, where, sure, out)
            near = np.flatnonzero(finished & ~inside.sure)
            if len(near) and may_be_singular(self):
                near = at_least_two(near)
                at_boundary = certified_at_boundary(self, x.take(near, axis=1), responses.of(near))
                self._write(at_boundary, where[near], sure, out)
        return sure

    @property
    def most_evaluations(self) -> int:
        """Of one search."""
        return min(self.model.controls.max_iter, MOST_EVALUATIONS)

    def search(self, start: FloatArray, responses: Any, most_evaluations: int) -> Ends:
        """Minimize the criterion from a start (d, m)."""

        def evaluate(x: FloatArray, which: IntArray) -> tuple[FloatArray, FloatArray, FloatArray]:
            if len(which) == 1:
                f, g, H = evaluate(np.repeat(x, 2, axis=1), at_least_two(which))
                return f[:1], g[:, :1], H[..., :1]
            here = self.criterion.at(x, responses if is_all(which, start.shape[1]) else responses.of(which))
            return here.value, here.gradient, here.hessian

        return minimize(evaluate, start, most_evaluations)

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
        out.theta[where] = at.users_theta(self.parameters.groups)[chosen]
        out.sigma[where] = np.sqrt(sigma2)
        out.log_likelihood[where] = -0.5 * found.value[chosen]
        out.converged[where] = out.at_once[where] = sure[where] = True
        for name in ("singular", "gradient_norm", "expected_drop", "smallest_eigenvalue"):
            getattr(out, name)[where] = getattr(found, name)[chosen]


def _criterion_of(
    design: MixedDesign, parameters: Parameters, reml: bool
) -> OneFactorDeviance | SpectralDeviance | DenseDeviance | None:
    """The criterion of all responses at once, where the design has one."""
    unit = 1.0 if design.weights is None else float(1.0 / np.sqrt(design.weights.mean()))
    if len(parameters.groups) == 1:
        matrix = moment_matrix(cross_products(design))
        from_moments = np.linalg.lstsq(matrix, np.eye(len(matrix)), rcond=1e-12)[0]
        sums = LevelSums.of(design)
        return OneFactorDeviance(sums, parameters.template, design.n, reml, unit, np.asarray(from_moments))
    strata = Strata.of(design, reml) if max(parameters.template.sizes) == 1 else None
    if strata is not None:
        return SpectralDeviance(strata, design.n, reml, unit)
    if design.random.pattern.q > MOST_EFFECTS:
        return None
    dense = DenseSums.of(design, cross_products(design).dense_ZtWZ)
    return DenseDeviance(dense, Effects.of(design.random), design.n, reml, unit)


__all__ = ["LinearRoad"]
