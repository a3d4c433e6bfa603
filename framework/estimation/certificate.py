"""Is this the optimum? Evidence from the exact gradient, the Hessian and the criterion itself.

The optimum is a property of the covariance matrices Sigma = T T', not of how they are written. With G the derivative
of the criterion by Sigma the first-order conditions are G Sigma = 0 and G positive semidefinite. In the basis of
Sigma's eigenvectors T is diagonal, and where it is singular its last columns are zero: there the derivative by T is 2 G
T, the second derivative by the zero columns 2 G on Sigma's null space, and the conditions are the ordinary ones of a
smooth function without bounds. So a matrix that is nearly singular is looked at in that basis (`eigenbasis`), and a
direction in which G is negative is a direction of negative curvature. Whether it leads down is tried, not inferred.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Generic

import numpy as np

from ..contracts.arrays import BoolArray, FloatArray
from ..contracts.optim import Status
from .criterion import Criterion, Root
from .curvature import SUSPICIOUS, Spectrum, flat_points, moved
from .eigenbasis import NEARLY_SINGULAR, ROUNDING, C, by_covariance, leveled
from .monte_carlo import MonteCarlo

#: A fit has converged when no more than this is expected to be gained in deviance (1e-3 standard errors).
EXPECTED_DROP = 1e-6
#: An approximate Hessian is believed where it expects no more than this, and sees no flat direction.
BELIEVED = 1e-8
#: Expected drops between these are taken out by one Newton step more.
POLISHED, NEAR = 1e-11, 1e-3
#: Ends of an optimizer that are not for want of evaluations.
ENDED = (Status.CONVERGED, Status.STALLED)
#: A slope at a bound, of a parameter scaled to 1, that is none.
LEVEL = 1e-8
#: Negative curvatures, of parameters scaled to curvature 1, that are more than rounding: of differences, and exact.
NEGATIVE, NEGATIVE_EXACT = 1e-5, 1e-9


@dataclass(frozen=True, eq=False)
class CovarianceCondition:
    """First-order conditions of one singular covariance matrix.

    Parameters
    ----------
    term : str
        The term in the manner of lme4's formulas.
    rank : int
        Rank of the matrix.
    slope : float
        Smallest eigenvalue, on the null space, of the derivative G of the deviance by the relative covariance matrix
        (of columns with mean square 1): not negative at the optimum.
    drop : float
        By how much the deviance was seen to fall when the matrix grew along that eigenvector; 0 where the conditions
        hold.
    """

    term: str
    rank: int
    slope: float
    drop: float

    @property
    def holds(self) -> bool:
        """Whether nothing is gained by leaving the boundary."""
        return self.drop <= EXPECTED_DROP


@dataclass(frozen=True, eq=False)
class Certificate:
    """Evidence that a fit is an optimum.

    Parameters
    ----------
    converged : bool
        The verdict: no more than `EXPECTED_DROP` is expected to be gained, and no way down was found.
    gradient_norm : float
        Largest absolute component of the gradient by the parameters that are not held at a bound, scaled.
    expected_drop : float
        By how much the deviance is expected to fall at the true optimum: the Newton decrement g'H^-1 g / 2 (within a
        step of 100 per cent), or the fall that was seen along a direction of negative curvature.
    smallest_eigenvalue : float
        Of the Hessian of the deviance in the free, scaled parameters; inf where there are none.
    hessian : str
        Where the Hessian is from: "exact", "differences of exact gradients", or "average information" (an approximation
        that is positive semidefinite by construction, believed only where it and the gradient leave no doubt).
    at_boundary : tuple of int
        Diagonals of T that are zero, as positions among the parameters of the search: theta, after the fixed effects
        of a generalized model.
    boundary_ok : bool
        The conditions of all singular covariance matrices hold.
    status : str
        How the optimizer itself ended.
    message : str
        What failed and what to do, "" when nothing did.
    conditions : tuple of CovarianceCondition
        One for each singular covariance matrix.
    not_identified : tuple of str
        What the data do not determine: the deviance stays the same while it changes.
    other_optima : tuple of float
        How much higher the deviance is at other optima that were found, ascending. Where data are few beside the
        covariance parameters some are looked for; there may be more.
    monte_carlo : MonteCarlo, optional
        How far the estimates may be off where log|M| is from random probes; all else is about the criterion that these
        give. None where it is exact.
    """

    converged: bool
    gradient_norm: float
    expected_drop: float
    smallest_eigenvalue: float
    hessian: str
    at_boundary: tuple[int, ...]
    boundary_ok: bool
    status: str
    message: str
    conditions: tuple[CovarianceCondition, ...] = ()
    not_identified: tuple[str, ...] = ()
    other_optima: tuple[float, ...] = ()
    monte_carlo: MonteCarlo | None = None

    @property
    def is_stationary(self) -> bool:
        """Whether there is nothing to gain near by, whatever is known of other optima."""
        return self.expected_drop <= EXPECTED_DROP

    def sampled(self, error: MonteCarlo) -> Certificate:
        """The same of a criterion with a Monte Carlo error, which has to be small."""
        if not self.converged or error.is_small:
            return replace(self, monte_carlo=error)
        message = (
            f"the Monte Carlo error of theta is {error.theta_error:.2g} of its standard errors, with {error.n_probes} "
            "random probes: fit the model with an exact backend"
        )
        return replace(self, converged=False, message=message, monte_carlo=error)

    def __str__(self) -> str:
        """One line; of fits from random probes a second one."""
        verdict = "converged" if self.converged else f"not converged: {self.message}"
        probes = "" if self.monte_carlo is None else f"\n  {self.monte_carlo}"
        return (
            f"{verdict} (gradient {self.gradient_norm:.2g}, expected drop in deviance {self.expected_drop:.2g}, "
            f"smallest Hessian eigenvalue {self.smallest_eigenvalue:.3g}, {len(self.at_boundary)} at the boundary)"
            f"{probes}"
        )


@dataclass(frozen=True, eq=False)
class Standing(Generic[C]):
    """A point in the basis in which it was certified.

    Parameters
    ----------
    way_down : (d,) array or None
        A point that is lower, along a direction of negative curvature.
    flat : tuple of (d,) arrays
        Other points of the same deviance, one for each flat direction.
    """

    criterion: C
    x: FloatArray
    value: float
    certificate: Certificate
    way_down: FloatArray | None = None
    flat: tuple[FloatArray, ...] = ()


def certify(criterion: C, x: FloatArray, status: Status, *, quick: bool) -> Standing[C]:
    """Gradient, Hessian, boundary conditions and flat directions at an end point.

    Parameters
    ----------
    quick : bool
        Believe the approximate curvature where it leaves no doubt.
    """
    if not np.isfinite(criterion.exact.value(x)):
        message = "the criterion is not finite here: rescale the predictors or give a start"
        nothing = Certificate(False, np.inf, np.inf, np.nan, "none", (), False, status.name, message)
        return Standing(criterion, x, np.inf, nothing)
    criterion, x = leveled(criterion, x)
    exact = criterion.exact
    value, g = exact.gradient(x)
    sizes = exact.sizes(x)
    # held where the criterion rises from the bound; where it has no slope there, as at a standard deviation of zero
    # beside others that are, the Hessian decides
    free = ~(((x <= exact.lower) & (g * sizes > LEVEL)) | ((x >= exact.upper) & (g * sizes < -LEVEL)))
    zeros, certain = exact.idle(x), not exact.bends
    for root in exact.roots:
        zeros[root.zero_columns(x)] = True
        certain &= bool(np.linalg.svd(root.of(x), compute_uv=False)[-1] >= NEARLY_SINGULAR)
    H, source = exact.curvature(x), "exact" if exact.curvature_is_exact else "average information"
    spectrum = Spectrum(g, H, sizes, free)
    if not exact.curvature_is_exact:
        relative = Spectrum(g, H, by_covariance(exact, x, sizes), free & ~zeros)
        believed = quick and certain and spectrum.drop <= BELIEVED and relative.smallest > SUSPICIOUS
        if not believed:
            source = "differences of exact gradients"
            H = exact.hessian(x)
            spectrum = Spectrum(g, H, sizes, free)
            relative = Spectrum(g, H, by_covariance(exact, x, sizes), free & ~zeros)
            if relative.smallest < SUSPICIOUS or spectrum.equilibrated[0][0] < -NEGATIVE:
                H = exact.hessian(x, central=True)
                spectrum = Spectrum(g, H, sizes, free)
    if status in ENDED and source != "average information" and POLISHED < spectrum.drop <= NEAR:
        x, value, g = _polished(exact, x, value, g, spectrum, zeros)
        spectrum = Spectrum(g, H, sizes, free)
    relative = Spectrum(g, H, by_covariance(exact, x, sizes), free & ~zeros)
    return _judged(criterion, x, value, spectrum, relative, zeros, status, source)


def _judged(
    criterion: C,
    x: FloatArray,
    value: float,
    spectrum: Spectrum,
    relative: Spectrum,
    zeros: BoolArray,
    status: Status,
    source: str,
) -> Standing[C]:
    exact = criterion.exact
    way_down, fall = None, 0.0
    if spectrum.equilibrated[0][0] < -(NEGATIVE_EXACT if source == "exact" else NEGATIVE):
        way_down, fall = max(
            (_downhill(exact, x, value, step) for step in _ways_down(exact, x, spectrum)), key=lambda way: way[1]
        )
    for step, there in _grown(exact, x, spectrum.sizes):
        way_down, fall = max((way_down, fall), _downhill(exact, there, value, step), key=lambda way: way[1])
    newton = spectrum.drop
    if EXPECTED_DROP < newton <= NEAR and status in ENDED:
        # where an optimizer came to its end this may be the rounding of a gradient: tried, it is no fall at all
        newton = _downhill(exact, x, value, np.where(zeros, 0.0, spectrum.newton_step))[1]
    drop = max(newton, fall)
    conditions = tuple(
        _condition(root, x, spectrum, way_down, fall) for root in exact.roots if len(root.zero_columns(x))
    )
    message = ""
    if failed := [c for c in conditions if not c.holds]:
        message = (
            f"the covariance matrix of {failed[0].term} is at the boundary, and the deviance falls by {fall:.2g} or "
            "more when it grows: raise max_iter, or try a start with larger variances"
        )
    elif fall > EXPECTED_DROP:
        message = f"this is a saddle point: the deviance falls by {fall:.2g} or more beside it; try another start"
    elif not np.isfinite(drop):
        message = f"the Hessian is not finite here. {status.value}"
    elif drop > EXPECTED_DROP:
        message = f"the deviance is expected to fall by another {drop:.2g}. {status.value}"
        message += " Lower tol." if status is Status.CONVERGED else ""
    certificate = Certificate(
        converged=message == "",
        gradient_norm=spectrum.steepest,
        expected_drop=drop,
        smallest_eigenvalue=spectrum.smallest,
        hessian=source,
        at_boundary=(),
        boundary_ok=all(c.holds for c in conditions),
        status=status.name,
        message=message,
        conditions=conditions,
    )
    flat = tuple(flat_points(exact, x, value, relative)) if certificate.converged else ()
    return Standing(criterion, x, value, certificate, way_down if fall > EXPECTED_DROP else None, flat)


def _ways_down(criterion: Criterion[Any], x: FloatArray, spectrum: Spectrum) -> Iterator[FloatArray]:
    """The direction of most negative curvature; beside a bound also its other end, and parameters that bend alone."""
    yield spectrum.most_negative
    at_bound = (x <= criterion.lower) | (x >= criterion.upper)
    if (at_bound & spectrum.free).any():
        yield -spectrum.most_negative
        for i in np.flatnonzero(at_bound[spectrum.free] & (np.diagonal(spectrum.H) < 0.0)):
            inward = 1.0 if (x <= criterion.lower)[spectrum.free][i] else -1.0
            yield spectrum.whole(inward * np.eye(len(spectrum.H))[i])


def _grown(criterion: Criterion[Any], x: FloatArray, sizes: FloatArray) -> Iterator[tuple[FloatArray, FloatArray]]:
    """Steps of scales that are zero with correlations that have no effect at x, and of either sign beside it."""
    for there in criterion.unsigned(x):
        slopes = criterion.gradient(there)[1] * sizes
        for i in np.flatnonzero((x <= criterion.lower) & (slopes < -LEVEL)):
            yield sizes[i] * np.eye(len(x))[i], there


def _polished(
    criterion: Criterion[Any], x: FloatArray, value: float, g: FloatArray, spectrum: Spectrum, zeros: BoolArray
) -> tuple[FloatArray, float, FloatArray]:
    """One Newton step of what is not zero, where the gradient is smaller after it."""
    step = np.where(zeros, 0.0, spectrum.newton_step)
    there = np.clip(x + step, criterion.lower, criterion.upper)
    value_there, g_there = criterion.gradient(there)
    shorter = np.linalg.norm(g_there * spectrum.sizes) < np.linalg.norm(g * spectrum.sizes)
    if shorter and value_there <= value + ROUNDING * max(abs(value), 1.0):
        return there, value_there, g_there
    return x, value, g


def _downhill(
    criterion: Criterion[Any], x: FloatArray, value: float, step: FloatArray
) -> tuple[FloatArray | None, float]:
    """The lowest point tried along a step, and by how much it is lower."""

    def gained(length: float) -> tuple[float, float]:
        return value - criterion.value(moved(criterion, x, length * step)), length

    best = (0.0, 0.0)
    for length in 4.0 ** -np.arange(7.0):
        here = gained(float(length))
        if best[0] > 0.0 and here[0] < best[0]:
            break
        best = max(best, here)
    if best[0] == 0.0:
        return None, 0.0
    fall, length = max(best, gained(2.0 * best[1]), gained(0.5 * best[1]))
    return moved(criterion, x, length * step), fall


def _condition(
    root: Root, x: FloatArray, spectrum: Spectrum, way_down: FloatArray | None, fall: float
) -> CovarianceCondition:
    zero = root.zero_columns(x)
    T, k = root.of(x), len(root)
    rank = int(T.any(axis=0).sum())
    first = [int(root.places[i, rank]) for i in range(rank, k)]  # the first zero column: 2 G on the null space
    where = np.searchsorted(np.flatnonzero(spectrum.free), first)
    G = 0.5 * spectrum.H[np.ix_(where, where)]
    moved = way_down is not None and bool((way_down[zero] != 0.0).any())
    return CovarianceCondition(str(root), rank, float(np.linalg.eigvalsh(G)[0]), fall if moved else 0.0)


__all__ = ["ENDED", "Certificate", "CovarianceCondition", "Standing", "certify"]
