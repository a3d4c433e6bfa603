"""Refits of a model with less in it, for likelihood ratio tests."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import TypeVar

import numpy as np
from scipy.linalg import null_space

from ..contracts.arrays import FloatArray
from ..design.mixed import MixedDesign
from ..design.reduced import with_fixed
from ..estimation.linear import Gaussian, LinearFit
from ..estimation.model import Fit
from .lrt import likelihood_ratio
from .methods import JointTest

F = TypeVar("F", bound=Fit)


def by_maximum_likelihood(fit: F) -> F:
    """The fit, or of one by REML that by maximum likelihood."""
    if isinstance(fit, LinearFit) and fit.reml:
        refit: F = replace(fit.model, likelihood=Gaussian(reml=False)).fit()
        return refit
    return fit


def of_design(fit: F, design: MixedDesign) -> F:
    """The fit of the same likelihood to another design."""
    refit: F = replace(fit.model, rows=design, labels=design.labels).fit()
    return refit


def by_columns(fit: F, without: Collection[int]) -> F:
    """The fit without some columns of X."""
    design = fit.model.design
    kept = [j for j in fit.labels.fixed.kept.tolist() if j not in without]
    if len(kept) == fit.labels.fixed.rank:
        return fit
    return of_design(fit, with_fixed(design, design.X[:, kept], [fit.labels.fixed.names[j] for j in kept]))


def under(fit: F, L: FloatArray) -> F:
    """The fit in which the estimable functions L beta (c, p) are zero."""
    return fit if len(L) == 0 else of_design(fit, restricted_design(fit.model.design, L))


def restricted_design(design: MixedDesign, L: FloatArray) -> MixedDesign:
    """The design in which the estimable functions L beta (c, p) are zero."""
    N = null_space(design.fixed.in_basis(L))
    X = np.asfortranarray(design.fixed.Q @ N)
    return with_fixed(design, X, [f"[{j}]" for j in range(X.shape[1])])


def ratio(large: Fit, small: Fit) -> JointTest:
    """Likelihood ratio test of two fits by maximum likelihood."""
    df = large.n_parameters - small.n_parameters
    if df == 0:
        return JointTest(float("nan"), 0, float("inf"), float("nan"))
    return JointTest.chi2(likelihood_ratio(large, small, reml=False), df)
