"""Rows of a linear model with residuals of covariance sigma^2 R, as rows with independent residuals.

W = C^-1/2 S^-1 w^1/2 with W R W' = I: the model of [W Q, W y, W Z] has the likelihood of [Q, y, Z], but for log|R|. The
groups of C lie within one level of every random factor, so that W Z meets the pattern of Z. Cost: a pass over the rows
for every evaluation, O(n (r + k)), where models without residual structure look at them once.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..contracts.arrays import FloatArray
from ..contracts.errors import NotPositiveDefiniteError
from ..design.crossproducts import CrossProducts, cross_products
from ..design.mixed import MixedDesign
from ..design.residual import ResidualRows
from .correlations import Correlations


class ResidualModel:
    """R of some rows, as a function of x: parameters of C, then delta."""

    def __init__(self, rows: ResidualRows, weights: FloatArray | None) -> None:
        self.rows = rows
        self.correlations = Correlations(rows)
        self.root_weights = np.ones(len(rows.group)) if weights is None else np.sqrt(weights)

    @classmethod
    def of(cls, design: MixedDesign) -> ResidualModel:
        """That of a model's own rows."""
        assert design.residual is not None
        return cls(design.residual, design.weights)

    def at(self, x: FloatArray) -> Whitening:
        """W there."""
        return Whitening(self, x)


class Whitening:
    """W at one x, for columns V (c, n).

    Attributes
    ----------
    precision_root : (n,) array
        S^-1 w^1/2: one over the standard deviations, relative to sigma.
    """

    def __init__(self, model: ResidualModel, x: FloatArray) -> None:
        m = model.rows.labels.n_correlations
        self.basis = model.rows.basis
        self.root = model.correlations.at(x[:m])
        with np.errstate(over="ignore"):
            self.precision_root = model.root_weights * np.exp(-(x[m:] @ self.basis))
        if not (np.isfinite(self.precision_root).all() and self.precision_root.min() > 0.0):
            raise NotPositiveDefiniteError("residual variances are zero or infinite to rounding")
        self._log_precision = 2.0 * float(np.log(self.precision_root).sum())

    @property
    def logdet(self) -> float:
        """log|R|."""
        return self.root.logdet - self._log_precision

    @property
    def logdet_by(self) -> FloatArray:
        """Its derivatives by x."""
        return np.concatenate([self.root.logdet_by, 2.0 * self.basis.sum(axis=1)])

    def white(self, V: FloatArray) -> FloatArray:
        """W V."""
        return self.root.white(V * self.precision_root)

    def coloured(self, V: FloatArray) -> FloatArray:
        """W^-1 V."""
        return self.root.coloured(V) / self.precision_root

    def precise(self, V: FloatArray) -> FloatArray:
        """R^-1 V = W'W V."""
        return self.root.transposed(self.white(V)) * self.precision_root

    def pulled(self, by: FloatArray, V: FloatArray) -> FloatArray:
        """Derivatives by x of a function whose derivatives by W V are `by`."""
        scaled = V * self.precision_root
        of_scales = -self.basis @ (self.root.transposed(by) * scaled).sum(axis=0)
        return np.concatenate([self.root.pulled(by, scaled), of_scales])

    def moved(self, V: FloatArray) -> FloatArray:
        """Derivatives of W V by x, (m, c, n)."""
        scaled = V * self.precision_root
        of_scales = [self.root.white(-b * scaled) for b in self.basis]
        return np.concatenate([self.root.moved(scaled), np.array(of_scales).reshape(len(self.basis), *V.shape)])


def columns_of(design: MixedDesign) -> FloatArray:
    """[Q y Z], (r + 1 + columns of Z, n); y less the offset."""
    y = design.y_without_offset
    return np.vstack([design.fixed.Q.T, y, *(f.values for f in design.random.groups)])


def white_products(design: MixedDesign, columns: FloatArray, weights_mean: float, logdet: float) -> CrossProducts:
    """Cross-products of a design whose rows are these columns."""
    r = design.fixed.rank
    factors, at = [], r + 1
    for f in design.random.groups:
        factors.append(replace(f, columns=tuple(columns[at : at + len(f.columns)])))
        at += len(f.columns)
    made = replace(
        design,
        y=columns[r],
        fixed=replace(design.fixed, Q=columns[:r].T),
        random=replace(design.random, groups=tuple(factors)),
        weights=None,
        offset=None,
    )
    return replace(cross_products(made), sum_log_weights=-logdet, mean_weight=weights_mean)
