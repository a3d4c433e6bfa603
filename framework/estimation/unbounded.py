"""Residual structures of which a few rows let the likelihood grow without end.

A Gaussian likelihood grows without end where a variance may vanish that leaves some rows no residual. A standard
deviation of its own does so for a stratum whose rows X reproduces. An unstructured covariance matrix has the variance
u'(SCS)u of any combination u of visits: m groups with all of a visits have u'y_i = c for some u and c, wherever m <= a.
Restricted likelihoods pay for coefficients that are then known exactly: they grow where these are less than the rows.

Which rows and visits do so can be told before a search in some cases. In all others the edges are looked at after it:
correlations near their limits, standard deviations of some rows near zero. A likelihood that is higher there than at
the end of the search, and grows on, has no maximum. (Where it is lower as far as numbers go there is one for all
purposes: it grows by a logarithm, and does so by maximum likelihood wherever few groups are the largest, say.)
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..contracts.arrays import FloatArray, IntArray
from ..contracts.errors import NoMaximumError
from ..contracts.family import Family, describe_rows
from ..design.mixed import ONES, MixedDesign
from ..design.residual import ResidualRows
from .basins import MANY_ROWS
from .certificate import Standing
from .correlations import at_limits
from .curvature import FLAT
from .linear_criterion import LinearCriterion
from .residual_criterion import ResidualCriterion
from .unstructured_starts import cancels, few_groups, places_of_visits, small_combinations

#: How near to an edge the criterion is looked at, and still nearer; a fall in between that is no rounding.
AT_EDGE, NEARER, FALLING = 1e-6, 1e-10, 1.0
#: Leverage of rows that some direction of a basis is of alone, but for rounding.
ALONE = 1.0 - 1e-8
#: Rows, those of the largest deviations first, whose standard deviations are tried.
TRIED = 10


def refuse_unbounded(design: MixedDesign, reml: bool) -> None:
    """Refuse residual structures that have more to choose than there are rows to choose from.

    Raises
    ------
    NoMaximumError
        With the stratum, or the visits.
    """
    residual = design.residual
    if residual is None:
        return
    if residual.labels.strata and not reml:
        _refuse_reproduced_strata(design, residual)
    if residual.labels.kind == "us" and residual.labels.dispersion == residual.labels.visits:
        _refuse_few_groups(design, residual, reml)
    if residual.labels.kind == "us":
        _refuse_combinations(design, residual, reml)


def _refuse_reproduced_strata(design: MixedDesign, residual: ResidualRows) -> None:
    made = np.vstack([np.ones(design.n), residual.basis])
    strata = np.rint(np.linalg.solve(residual.labels.to_users.T, made)) == 1.0
    for name, rows in zip(residual.labels.dispersion, strata, strict=True):
        count = int(rows.sum())
        if count <= design.fixed.rank and np.linalg.matrix_rank(design.fixed.Q[rows]) == count:
            raise NoMaximumError(
                f"the likelihood has no maximum: {name} has a residual standard deviation of its own and {count} "
                f"row{'s' * (count > 1)}, which the columns of X can reproduce, so that it goes to zero and the "
                "likelihood grows without end. Merge it with another, or use reml=True"
            )


def refuse_dispersions_of_few_rows(design: MixedDesign, family: Family) -> None:
    """Refuse models of a dispersion parameter that have a value of its own for some rows, which X reproduces.

    Where densities grow without end at their mean, as they do of a continuous response, so does the likelihood.

    Raises
    ------
    NoMaximumError
        With the parameter, and how many rows.
    """
    if family.discrete or design.y.ndim > 1:
        return
    weights = np.ones(design.n) if design.weights is None else design.weights
    for i, parameter in enumerate(family.parameters):
        basis = design.parameter_rows.get(parameter.name)
        if basis is None or (parameter.lower, parameter.upper) != (0.0, np.inf):
            continue
        for rows in _rows_of_their_own(basis / np.sqrt(design.n), design.fixed.rank):
            reproduced = np.linalg.matrix_rank(design.fixed.Q[rows]) == len(rows)
            if reproduced and _grows_at_its_mean(family, i, design.y[rows], weights[rows]):
                raise NoMaximumError(
                    f"the likelihood has no maximum: {parameter.name} has a value apart from all other rows for "
                    f"{describe_rows(design.y, rows)} (counted from 0), and the columns of X can reproduce that: the "
                    "likelihood grows without end. Merge levels in the model of the parameter, or leave columns out"
                )


def _rows_of_their_own(basis: FloatArray, most: int) -> Iterator[IntArray]:
    """At most so many rows, alike in an orthonormal basis, of which one direction is zero in all others."""
    leverage = (basis**2).sum(axis=1)
    some = np.flatnonzero(leverage * most > ALONE)
    _, of, counts = np.unique(basis[some].round(9), axis=0, return_inverse=True, return_counts=True)
    for k in np.flatnonzero(counts <= most):
        rows = some[of.ravel() == k]
        if leverage[rows].sum() > ALONE:
            yield rows


def _grows_at_its_mean(family: Family, i: int, y: FloatArray, weights: FloatArray) -> bool:
    """Whether densities of y at means of y grow with the i-th parameter to an end of its range."""
    phi = np.array([p.start if p.fixed is None else p.fixed for p in family.parameters])

    def log_density(value: float) -> float:
        phi[i] = value
        return float(family.log_density(y, y, weights, phi).sum())

    with np.errstate(all="ignore"):
        grown = [log_density(NEARER**end) - log_density(AT_EDGE**end) for end in (1.0, -1.0)]
    return any(np.isfinite(g) and g > FALLING for g in grown)


def _refuse_few_groups(design: MixedDesign, residual: ResidualRows, reml: bool) -> None:
    visits, Q = residual.labels.visits, design.fixed.Q
    place = places_of_visits(design)
    weights = np.ones(design.n) if design.weights is None else design.weights
    y = np.sqrt(weights) * design.y_without_offset
    ones = Q @ np.linalg.lstsq(Q, np.ones(design.n), rcond=None)[0]
    constant = np.ptp(weights) == 0.0 and bool(np.abs(ones - 1.0).max() < ONES)
    for seen in np.unique(place >= 0, axis=0):
        among, rows = np.flatnonzero(seen), place[(place[:, seen] >= 0).all(axis=1)][:, seen]
        m, a = rows.shape
        if a < 2 or m > a - (not constant):
            continue
        known = _exact_coefficients(y[rows], Q[rows], constant) if reml else 0
        if m > known:
            names = ", ".join(visits[k] for k in among)
            raise NoMaximumError(
                f"the likelihood has no maximum: {m} level{'s' * (m > 1)} of {residual.labels.group} "
                f"{'have' if m > 1 else 'has'} all of {names}, and with at most {a} of these some combination of them "
                "has no residual under an unstructured covariance matrix. Use fewer visits, or a structure with less "
                "parameters than us"
            )


def _refuse_combinations(design: MixedDesign, residual: ResidualRows, reml: bool) -> None:
    """Refuse data of which X leaves some combination of visits no residual, in more groups than that costs."""
    visits = residual.labels.visits
    free = residual.labels.dispersion == visits
    for among, rows in few_groups(design):
        for u, without in small_combinations(design, rows):
            known = int(np.linalg.matrix_rank(np.einsum("a,mar->mr", u, design.fixed.Q[rows]))) if reml else 0
            if without and len(rows) > known and (free or cancels(u)):
                raise NoMaximumError(
                    f"the likelihood has no maximum: {len(rows)} levels of {residual.labels.group} have all of "
                    f"{', '.join(visits[k] for k in among)}, and some combination of these has no residual for some "
                    "coefficients of X under an unstructured covariance matrix. Use fewer visits or columns of X, or a "
                    "structure with less parameters than us"
                )


def refuse_growing(found: Standing[LinearCriterion]) -> None:
    """Refuse likelihoods that grow at an edge of the residuals' covariances, higher than where a search found an end.

    Raises
    ------
    NoMaximumError
        With what is at its edge.
    """
    criterion = found.criterion
    if not isinstance(criterion, ResidualCriterion) or criterion.design.n > MANY_ROWS:
        return
    highest = found.value - FLAT if found.certificate.converged else np.inf
    for what, near, nearer in _edges(criterion, found.x):
        value = criterion.value(nearer)
        if value < highest and value < criterion.value(near) - FALLING:
            raise NoMaximumError(
                f"the likelihood has no maximum: it grows without end as {what}, where too few rows are left a "
                "residual. Use a structure with less parameters, or fewer columns of X"
                + ("" if criterion.reml else ", or reml=True")
            )


def _edges(criterion: ResidualCriterion, x: FloatArray) -> Iterator[tuple[str, FloatArray, FloatArray]]:
    """Points near an edge, and still nearer: from x, and with and without random effects and other correlations."""
    labels, at = criterion.residual.rows.labels, criterion.parameters.of_residual.start
    own, scales = slice(at, at + labels.n_correlations), slice(at + labels.n_correlations, len(x))
    with_effects, without = criterion.scattered(x, 1.0), criterion.scattered(x, 0.0)
    for root in criterion.roots:
        with_effects, without = root.put(with_effects, np.eye(len(root))), root.put(without, np.zeros((len(root),) * 2))
    plain = without.copy()
    plain[at:] = 0.0
    for start in (x, with_effects, without, plain):
        for near, nearer in zip(*(at_limits(labels, start[own], left) for left in (AT_EDGE, NEARER)), strict=True):
            what = f"residual correlations ({labels.kind} by {labels.group}) go to their limit"
            yield what, _put(start, own, near), _put(start, own, nearer)
        for direction in _towards_no_variance(criterion.residual.rows.basis):
            near, nearer = (-np.log(left) * direction for left in (AT_EDGE, NEARER))
            what = "the residual standard deviation of some rows goes to zero (dispersion)"
            yield what, _put(start, scales, near), _put(start, scales, nearer)


def _put(x: FloatArray, where: slice, values: FloatArray) -> FloatArray:
    out = x.copy()
    out[where] = values
    return out


def _towards_no_variance(basis: FloatArray) -> Iterator[FloatArray]:
    """Directions of delta in which log S falls by 1 where it falls most: of rows that are far out, and of columns."""
    rows = np.unique(basis.T, axis=0)
    far = rows[np.argsort((rows**2).sum(axis=1))[::-1][:TRIED]]
    for direction in [*-far, *np.eye(len(basis)), *-np.eye(len(basis))] if len(basis) else ():
        yield direction / -(direction @ basis).min()


def _exact_coefficients(y: FloatArray, Q: FloatArray, constant: bool) -> int:
    """How many combinations of coefficients a vanishing combination of visits would tell exactly, of (m, a) rows."""
    columns = np.column_stack([y, -np.ones(len(y))]) if constant else y
    u = np.linalg.svd(columns)[2][-1][: y.shape[1]]
    return int(np.linalg.matrix_rank(np.einsum("a,mar->mr", u, Q)))


__all__ = ["refuse_dispersions_of_few_rows", "refuse_growing", "refuse_unbounded"]
