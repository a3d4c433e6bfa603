"""The criterion of a linear model whose residuals have a covariance structure.

theta has the parameters of the random effects, then those of the residuals' R. Rows are whitened at every x, and all
else is the profiled deviance of their cross-products. Its gradient by the parameters of R goes backwards: from the
criterion to the whitened rows, and from these to R. With E = W ([Q y] - Z B), B = Lambda M^-1 Lambda'Z'R^-1 [Q y],

    d log|M| = 2 sum_i dz_i' S z_i,   S = Lambda M^-1 Lambda',
    d [Q y]'V^-1 [Q y] = E' (d[Q y] - dZ B) + (...)',

for rows z_i of W Z, where d is the change of whitened rows; only S on the pattern of Z'Z is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from ..contracts.arrays import FloatArray
from ..contracts.errors import NotPositiveDefiniteError
from ..contracts.linalg import Blocks, PatternBlocks, Symbolic
from ..contracts.optim import Objective
from ..design.mixed import MixedDesign
from .correlations import moderate, quick_decay
from .linear_criterion import LinearCriterion, Scaled
from .parameters import Parameters
from .pipeline import Watch
from .profiled import Held, PenalizedLeastSquares, ProfiledDeviance
from .residual_classes import FAR_APART, ResidualClasses
from .unstructured_starts import unstructured_starts
from .whitening import ResidualModel, Whitening, columns_of, white_products

#: Correlation of neighbours that a second search begins with, and what is left there of random effects.
CORRELATED, LESS = 0.6, 0.3
#: W, and whitened columns [Q y Z].
Whitened = tuple[Whitening, FloatArray]
#: Times between neighbours, as a part of typical ones, that are close.
CLOSE = 0.5


class ResidualCriterion(LinearCriterion):
    """The profiled deviance of x = theta / unit, of rows with a residual structure."""

    def __init__(
        self,
        design: MixedDesign,
        symbolic: Symbolic,
        reml: bool,
        parameters: Parameters,
        eta: float,
        watch: Watch,
        turned: Blocks | None = None,
    ) -> None:
        self.design, self.symbolic, self.reml = design, symbolic, reml
        self.residual, self.rows = ResidualModel.of(design), columns_of(design)
        self.classes = ResidualClasses.of(design)
        nothing = np.zeros(len(parameters) - parameters.of_residual.start)
        super().__init__(self.deviance_at(nothing)[0], parameters, eta, watch, None, turned)
        self.bends = self.valleys_bend = True
        self.curvature_is_exact = False

    def least_squares(
        self, theta: FloatArray, held: Callable[[ProfiledDeviance], Held] | None = None
    ) -> tuple[PenalizedLeastSquares, Whitened | None]:
        """The penalized least squares problem at theta, and the whitened rows; of sums by class where they have digits.

        Parameters
        ----------
        held : callable, optional
            The coefficients and sigma that are held, from the deviance.
        """
        xi, entries = theta[self.parameters.of_residual], self.parameters.entries(theta)
        deviance, rows = self.deviance_at(xi)
        try:
            at = deviance.at(entries, held and held(deviance))
            if rows is not None or at.cancelled <= FAR_APART:
                return at, rows
        except NotPositiveDefiniteError:
            if rows is not None:
                raise
        deviance, rows = self.of_rows(xi)
        return deviance.at(entries, held and held(deviance)), rows

    def deviance_at(self, xi: FloatArray) -> tuple[ProfiledDeviance, Whitened | None]:
        """The profiled deviance at the parameters of R, and the whitened rows; None where it is of sums by class."""
        if self.classes is not None and self.classes.serve(xi):
            return ProfiledDeviance(self.classes.at(xi), self.symbolic, self.reml), None
        return self.of_rows(xi)

    def of_rows(self, xi: FloatArray) -> tuple[ProfiledDeviance, Whitened]:
        """The profiled deviance of whitened rows, and these."""
        whitening, columns = rows = self.whitened(xi)
        weight = float((whitening.precision_root**2).mean())
        try:
            cross = white_products(self.design, columns, weight, whitening.logdet)
        except np.linalg.LinAlgError as error:
            raise NotPositiveDefiniteError("rows of X without weight beside the others to rounding") from error
        return ProfiledDeviance(cross, self.symbolic, self.reml), rows

    def whitened(self, xi: FloatArray) -> Whitened:
        """W, and W [Q y Z]."""
        whitening = self.residual.at(xi)
        return whitening, whitening.white(self.rows)

    def evaluate(self, x: FloatArray) -> ResidualEvaluation:
        """The penalized least squares problem of the rows whitened at x."""
        theta = self.unit * x
        at, rows = self.least_squares(theta)
        return ResidualEvaluation(theta, at, self.parameters.jacobian(theta), self.unit, self, rows)

    def elsewhere(self, x: FloatArray) -> Iterator[FloatArray]:
        """Starts with correlated residuals: variances of levels and correlations within them share what there is.

        And where some times are close, with correlations that end between these: rows that differ keep a search away.
        And of few groups with unstructured residuals, with correlations of other signs.
        """
        labels = self.residual.rows.labels
        first = self.parameters.of_residual.start
        own = slice(first, first + labels.n_correlations)
        if labels.kind and self.roots:
            there = x.copy()
            there[:first] *= LESS
            there[own] = moderate(labels, CORRELATED)
            yield there
        if labels.closest < CLOSE:
            there = x.copy()
            there[own] = quick_decay(labels, CORRELATED)
            yield there
        for correlated in unstructured_starts(self.design) if labels.kind == "us" else ():
            there = x.copy()
            there[own] = correlated
            yield there

    def curvature(self, x: FloatArray) -> FloatArray:
        """The Hessian, by differences."""
        return self.hessian(x)

    def hessian(self, x: FloatArray, *, central: bool = True) -> FloatArray:
        """By central differences: one-sided ones hide that a direction is flat, where it bends."""
        return super().hessian(x, central=central)

    def _finite_hessian(self, x: FloatArray) -> FloatArray:
        """One-sided on the way; central beside an edge, and none where both sides are over one."""
        H = self.hessian(x, central=False)
        if not np.isfinite(H).all():
            H = self.hessian(x)
            lost = np.isnan(np.diagonal(H))
            H[lost], H[:, lost] = 0.0, 0.0
        return H

    def objective(self, start: FloatArray, *, by_differences: bool = False) -> Objective:
        """With the Hessian by differences from the first step on: parameters of R are few, and bend."""
        return super().objective(start, by_differences=True)

    def rotated(self, by: Sequence[FloatArray]) -> ResidualCriterion:
        """The same in another basis of every factor."""
        return ResidualCriterion(
            self.design.rotated(by),
            self.symbolic,
            self.reml,
            self.parameters,
            self.eta,
            self.watch,
            self._turned(by),
        )

    def seen_from(self, design: MixedDesign, at: PenalizedLeastSquares) -> ResidualCriterion:
        """The same: every point has its own reference."""
        return self


@dataclass(frozen=True, eq=False)
class ResidualEvaluation(Scaled):
    """One evaluation; of whitened rows with these, of sums by class with None."""

    criterion: ResidualCriterion
    made_of: Whitened | None

    @cached_property
    def whitened(self) -> Whitened:
        """W, and W [Q y Z] (r + 1 + k, n)."""
        return self.made_of or self.criterion.whitened(self.theta[self.criterion.parameters.of_residual])

    @property
    def gradient(self) -> FloatArray:
        """By x."""
        out = super().gradient
        out[self.criterion.parameters.of_residual] += self.by_residual
        return out

    @property
    def pwrss_gradient(self) -> FloatArray:
        """Derivatives of r^2 by theta: of R by the residuals, 2 e'dW (y - Q gamma - Z b)."""
        out, at = super().pwrss_gradient, self.at
        r = len(at.gamma)
        whitening, columns = self.whitened
        beta = np.append(-(at.cross.gamma0 + at.gamma), 1.0)
        e, raw = (
            (beta @ V[: r + 1] - self.Z_times(V[r + 1 :], at.b[:, None])[0])[None]
            for V in (columns, self.criterion.rows)
        )
        out[self.criterion.parameters.of_residual] += whitening.pulled(2.0 * e, raw)
        return out

    @cached_property
    def by_residual(self) -> FloatArray:
        """Derivatives of the criterion by the parameters of R."""
        at, classes = self.at, self.criterion.classes
        r = len(at.gamma)
        # the criterion by [Q y]'V^-1 [Q y]: C of log|R_X|^2, and residuals
        c = np.append(-at.gamma, 1.0)
        by_gram = np.outer(c, c) / at.sigma2
        if self.criterion.reml:
            by_gram[:r, :r] += at.C
        B = at.Lambda @ at.solved
        if classes is not None and self.made_of is None:
            return classes.pulled(self.theta[self.criterion.parameters.of_residual], self.S, by_gram, B)
        y0 = np.zeros(r + 1)
        y0[:r] = at.cross.gamma0  # cross-products are of y less Q gamma0
        whitening, QyZ = self.whitened
        plain = self.criterion.rows.copy()
        E = QyZ[: r + 1].copy()
        E[r] -= y0[:r] @ E[:r]
        plain[r] -= y0[:r] @ plain[:r]
        E -= self.Z_times(QyZ[r + 1 :], B)
        by = np.empty_like(QyZ)
        by[: r + 1] = 2.0 * by_gram @ E
        by[r + 1 :] = 2.0 * self.S_times_rows(QyZ[r + 1 :])
        at_column = r + 1
        for o, f in zip(at.pattern.offsets, self.criterion.design.random.groups, strict=True):
            effects = B[o : o + f.grouping.size].T.reshape(r + 1, f.grouping.n_columns, f.grouping.n_levels)
            for a in range(f.grouping.n_columns):
                by[at_column] -= np.einsum("xn,xn->n", by[: r + 1], effects[:, a, f.codes])
                at_column += 1
        return np.asarray(whitening.logdet_by + whitening.pulled(by, plain))

    def gram_moves(self) -> FloatArray:
        """Derivatives of Q'V^-1 Q by the parameters of R, (m, r, r)."""
        at, r = self.at, len(self.at.gamma)
        B = (at.Lambda @ at.solved)[:, :r]
        whitening, columns = self.whitened
        E, raw = (V[:r] - self.Z_times(V[r + 1 :], B) for V in (columns, self.criterion.rows))
        half = np.einsum("xn,myn->mxy", E, whitening.moved(raw))
        return np.asarray(half + half.transpose(0, 2, 1))

    def Z_times(self, Z: FloatArray, B: FloatArray) -> FloatArray:
        """Z B as (columns of B, n), for columns Z of the rows."""
        out, column = np.zeros((B.shape[1], Z.shape[1])), 0
        for o, f in zip(self.at.pattern.offsets, self.criterion.design.random.groups, strict=True):
            effects = B[o : o + f.grouping.size].T.reshape(B.shape[1], f.grouping.n_columns, f.grouping.n_levels)
            for a in range(f.grouping.n_columns):
                out += effects[:, a, f.codes] * Z[column]
                column += 1
        return out

    @property
    def S(self) -> PatternBlocks:
        """Lambda M^-1 Lambda' on the pattern of Z'Z."""
        return self.at.Lambda.sandwich(self.at.factor.selected_inverse())

    def S_times_rows(self, Z: FloatArray) -> FloatArray:
        """S z_i of every row, (k, n)."""
        random = self.criterion.design.random
        out = np.zeros_like(Z)
        if not len(Z):
            return out
        S = self.S
        starts = np.cumsum([0, *(len(f.columns) for f in random.groups)]).tolist()
        parts = [slice(a, b) for a, b in pairwise(starts)]
        for f, block, mine in zip(random.groups, S.diagonal, parts, strict=True):
            out[mine] += np.einsum("abn,bn->an", block[:, :, f.codes], Z[mine])
        for (i, j), block in S.cross.items():
            met = block[:, :, random.pairs[i, j]]
            out[parts[i]] += np.einsum("abn,bn->an", met, Z[parts[j]])
            out[parts[j]] += np.einsum("abn,an->bn", met, Z[parts[i]])
        return out
