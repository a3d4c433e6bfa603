"""Is this the optimum? Evidence from the exact gradient, the Hessian and the criterion itself.

The optimum is a property of the covariance matrices Sigma = T T', not of how they are written. With G the derivative
of the criterion by Sigma the first-order conditions are G Sigma = 0 and G positive semidefinite. In the basis of
Sigma's eigenvectors T is diagonal, and where it is singular its last columns are zero: there the derivative by T is 2 G
T, the second derivative by the zero columns 2 G on Sigma's null space, and the conditions are the ordinary ones of a
smooth function without bounds. So a matrix that is nearly singular is looked at in that basis, and a direction in which
G is negative is a direction of negative curvature. Whether it leads down is tried, not inferred.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np

from ..contracts.arrays import BoolArray, FloatArray
from ..contracts.optim import Status
from ..design.basis import lower_root
from .criterion import Criterion, Root

#: A fit has converged when no more than this is expected to be gained in deviance (1e-3 standard errors).
EXPECTED_DROP = 1e-6
#: A covariance matrix is singular when its relative factor's smallest singular value is below this (lme4's isSingular).
SINGULAR = 1e-4
#: Below this it is looked at in the basis of its eigenvectors, and zero is tried.
NEARLY_SINGULAR = 0.05
#: An approximate Hessian is believed where it expects no more than this, and sees no flat direction.
BELIEVED = 1e-8
#: A curvature (twice the deviance of changing a covariance by its own size, or by 1) below this may be none at all.
SUSPICIOUS = 1e-2
#: A direction is flat when the deviance does not change by more than this over half the size of what it moves.
FLAT = 1e-6
#: Steps across a valley that bends, to its bottom.
SETTLING = 20
#: Expected drops between these are taken out by one Newton step more.
POLISHED, NEAR = 1e-11, 1e-3
#: Ends of an optimizer that are not for want of evaluations.
ENDED = (Status.CONVERGED, Status.STALLED)
#: A slope at a bound, of a parameter scaled to 1, that is none.
LEVEL = 1e-8
#: Values are exact up to this part of themselves.
ROUNDING = 1e-12
#: Negative curvatures, of parameters scaled to curvature 1, that are more than rounding: of differences, and exact.
NEGATIVE, NEGATIVE_EXACT = 1e-5, 1e-9


C = TypeVar("C", bound=Criterion[Any])


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

    def __str__(self) -> str:
        """One line."""
        verdict = "converged" if self.converged else f"not converged: {self.message}"
        return (
            f"{verdict} (gradient {self.gradient_norm:.2g}, expected drop in deviance {self.expected_drop:.2g}, "
            f"smallest Hessian eigenvalue {self.smallest_eigenvalue:.3g}, {len(self.at_boundary)} at the boundary)"
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
    spectrum = _Spectrum(g, H, sizes, free)
    if not exact.curvature_is_exact:
        relative = _Spectrum(g, H, _by_covariance(exact, x, sizes), free & ~zeros)
        believed = quick and certain and spectrum.drop <= BELIEVED and relative.smallest > SUSPICIOUS
        if not believed:
            source = "differences of exact gradients"
            H = exact.hessian(x)
            spectrum = _Spectrum(g, H, sizes, free)
            relative = _Spectrum(g, H, _by_covariance(exact, x, sizes), free & ~zeros)
            if relative.smallest < SUSPICIOUS or spectrum.equilibrated[0][0] < -NEGATIVE:
                H = exact.hessian(x, central=True)
                spectrum = _Spectrum(g, H, sizes, free)
    if status in ENDED and source != "average information" and POLISHED < spectrum.drop <= NEAR:
        x, value, g = _polished(exact, x, value, g, spectrum, zeros)
        spectrum = _Spectrum(g, H, sizes, free)
    relative = _Spectrum(g, H, _by_covariance(exact, x, sizes), free & ~zeros)
    return _judged(criterion, x, value, spectrum, relative, zeros, status, source)


def _judged(
    criterion: C,
    x: FloatArray,
    value: float,
    spectrum: _Spectrum,
    relative: _Spectrum,
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
    flat = tuple(_flat_points(exact, x, value, relative)) if certificate.converged else ()
    return Standing(criterion, x, value, certificate, way_down if fall > EXPECTED_DROP else None, flat)


def _ways_down(criterion: Criterion[Any], x: FloatArray, spectrum: _Spectrum) -> Iterator[FloatArray]:
    """The direction of most negative curvature; beside a bound also its other end, and parameters that bend alone."""
    yield spectrum.most_negative
    at_bound = (x <= criterion.lower) | (x >= criterion.upper)
    if (at_bound & spectrum.free).any():
        yield -spectrum.most_negative
        for i in np.flatnonzero(at_bound[spectrum.free] & (np.diagonal(spectrum.H) < 0.0)):
            inward = 1.0 if (x <= criterion.lower)[spectrum.free][i] else -1.0
            yield spectrum.whole(inward * np.eye(len(spectrum.H))[i])


# Bases ----------------------------------------------------------------------------------------------------------------


def leveled(criterion: C, x: FloatArray) -> tuple[C, FloatArray]:
    """The same point in the basis of eigenvectors of all matrices that are nearly singular.

    Small eigenvalues are put to zero where the criterion is not higher there.
    """
    criterion, x, small = aligned(criterion, x, NEARLY_SINGULAR)
    value = criterion.exact.value(x) if small else np.inf
    for root in small:
        s = np.diagonal(root.of(x))
        for rank in range(int((s >= NEARLY_SINGULAR).sum()), len(s)):
            zeroed = root.put(x, np.diag(np.where(np.arange(len(s)) < rank, s, 0.0)))
            there = value if np.array_equal(zeroed, x) else criterion.exact.value(zeroed)
            nothing = 0.1 * EXPECTED_DROP if s[rank] < SINGULAR else 1e-10 + ROUNDING * abs(value)
            if there <= value + nothing:
                x, value = zeroed, there
                break
    return criterion, x


def aligned(criterion: C, x: FloatArray, below: float = np.inf) -> tuple[C, FloatArray, list[Root]]:
    """The same point in the basis of eigenvectors of all matrices whose smallest singular value of T is `below`.

    T is diagonal there, and loses rank along a straight line; elsewhere valleys towards lower rank are curved.
    """
    by, there = [np.eye(k) for k in criterion.columns], x
    turned = []
    for root in criterion.roots:
        U, s, _ = np.linalg.svd(root.of(x))
        if s[-1] < below:
            mine = slice(root.first, root.first + len(root))
            by[root.factor][mine, mine] = U
            there = root.put(there, np.diag(s))
            turned.append(root)
    if all(len(root) == 1 for root in turned):
        return criterion, there, turned
    rotated = criterion.rotated(by)
    if not np.isfinite(rotated.exact.value(there)):  # modes beside an edge, which are found from their neighbours only
        return criterion, x, []
    return rotated, there, turned


def _by_covariance(criterion: Criterion[Any], x: FloatArray, sizes: FloatArray) -> FloatArray:
    """Steps of T that change Sigma by its own size, or by 1 where that is larger: d Sigma = dT T' + T dT'."""
    out = sizes.copy()
    for root in criterion.roots:
        columns = np.sqrt((root.of(x) ** 2).sum(axis=0))
        stretch = 1.0 / np.where(columns > 0, np.minimum(columns, 1.0), 1.0)
        out[root.entries] *= stretch[np.tril_indices(len(root))[1]]
    return out


# Curvature ------------------------------------------------------------------------------------------------------------


class _Spectrum:
    """Gradient and Hessian of the free parameters in units of `sizes`, in the Hessian's eigenvectors."""

    def __init__(self, g: FloatArray, H: FloatArray, sizes: FloatArray, free: BoolArray) -> None:
        self.sizes, self.free = sizes, free
        self.g = (g * sizes)[free]
        self.H = (H * np.outer(sizes, sizes))[np.ix_(free, free)]
        self.finite = bool(np.isfinite(self.H).all())
        if not self.finite:
            self.H = np.zeros_like(self.H)
        self.eigenvalues, self.V = np.linalg.eigh(self.H)

    @property
    def smallest(self) -> float:
        """Smallest eigenvalue."""
        return float(self.eigenvalues[0]) if len(self.eigenvalues) else np.inf

    @property
    def steepest(self) -> float:
        """Largest slope."""
        return float(np.abs(self.g).max(initial=0.0))

    @property
    def drop(self) -> float:
        """Newton decrement, with steps of at most 1 along every eigenvector; negative curvature is not counted."""
        if not self.finite:
            return np.inf
        slopes, curvatures = np.abs(self.V.T @ self.g), np.maximum(self.eigenvalues, 0.0)
        steps = np.divide(slopes, curvatures, out=np.ones_like(slopes), where=curvatures > slopes)
        return float(np.sum(slopes * steps - 0.5 * curvatures * steps**2))

    @property
    def newton_step(self) -> FloatArray:
        """-H^-1 g as a step of x, without directions of no or negative curvature."""
        steep = self.eigenvalues > FLAT * np.abs(self.eigenvalues).max(initial=0.0)
        V = self.V[:, steep]
        return self.whole(-V @ (V.T @ self.g / self.eigenvalues[steep]))

    @property
    def most_negative(self) -> FloatArray:
        """The direction of most negative curvature, downhill, as a step of x of 100 per cent."""
        _, V, scales = self.equilibrated
        direction = V[:, 0] * scales
        direction = direction / np.abs(direction).max()
        return self.whole(-direction if direction @ self.g > 0 else direction)

    @property
    def equilibrated(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Eigenvalues and vectors with curvatures above 1 scaled to 1, and the scales: all are then seen alike."""
        scales = 1.0 / np.sqrt(np.maximum(np.abs(np.diagonal(self.H)), 1.0))
        if not len(scales):
            return np.array([np.inf]), np.zeros((0, 1)), scales
        eigenvalues, V = np.linalg.eigh(self.H * np.outer(scales, scales))
        return eigenvalues, V, scales

    def whole(self, direction: FloatArray) -> FloatArray:
        """A direction of the free scaled parameters as one of x."""
        out = np.zeros(len(self.free))
        out[self.free] = direction
        return np.asarray(out * self.sizes)


def _polished(
    criterion: Criterion[Any], x: FloatArray, value: float, g: FloatArray, spectrum: _Spectrum, zeros: BoolArray
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
    root: Root, x: FloatArray, spectrum: _Spectrum, way_down: FloatArray | None, fall: float
) -> CovarianceCondition:
    zero = root.zero_columns(x)
    T, k = root.of(x), len(root)
    rank = int(T.any(axis=0).sum())
    first = [int(root.places[i, rank]) for i in range(rank, k)]  # the first zero column: 2 G on the null space
    where = np.searchsorted(np.flatnonzero(spectrum.free), first)
    G = 0.5 * spectrum.H[np.ix_(where, where)]
    moved = way_down is not None and bool((way_down[zero] != 0.0).any())
    return CovarianceCondition(str(root), rank, float(np.linalg.eigvalsh(G)[0]), fall if moved else 0.0)


# Flat directions ------------------------------------------------------------------------------------------------------


def _flat_points(criterion: Criterion[Any], x: FloatArray, value: float, spectrum: _Spectrum) -> Iterator[FloatArray]:
    """Other points of the same deviance: along every eigenvector of hardly any curvature one is tried on each side."""
    for curvature, v in zip(spectrum.eigenvalues, spectrum.V.T, strict=True):
        if abs(curvature) > SUSPICIOUS:
            continue
        w = spectrum.whole(v / np.abs(v).max())
        for sign in (1.0, -1.0):
            there = _half_way(criterion, x, sign * w)
            if there is not None and criterion.valleys_bend:
                there = _settled(criterion, there, value, spectrum)
            if there is not None and abs(criterion.value(there) - value) <= FLAT:
                yield there
                break


def _settled(criterion: Criterion[Any], there: FloatArray, value: float, spectrum: _Spectrum) -> FloatArray:
    """Down to the bottom of the valley by Newton steps across it, with the Hessian at its other place."""
    steep = spectrum.eigenvalues > SUSPICIOUS
    V = spectrum.V[:, steep]
    for _ in range(SETTLING):
        f, g = criterion.gradient(there)
        if not np.isfinite(f) or abs(f - value) <= FLAT:
            break
        across = (g * spectrum.sizes)[spectrum.free]
        step = spectrum.whole(-V @ (V.T @ across / spectrum.eigenvalues[steep]))
        there = np.clip(there + step, criterion.lower, criterion.upper)
    return there


def _half_way(criterion: Criterion[Any], x: FloatArray, w: FloatArray) -> FloatArray | None:
    """Half a step along w, or nearly as far as covariance matrices and bounds go; None where they end at once."""
    room = 0.5
    for root in criterion.roots:
        T, dT = root.of(x), root.of(w)
        inverse = np.linalg.pinv(T)
        lowest = float(np.linalg.eigvalsh(inverse @ (dT @ T.T + T @ dT.T) @ inverse.T)[0])
        if lowest < 0.0:
            room = min(room, -0.9 / lowest)
    if criterion.bends:  # parameters of covariance structures end at their bounds
        with np.errstate(divide="ignore", invalid="ignore"):
            to_bound = np.where(w < 0.0, criterion.lower - x, criterion.upper - x) / w
        room = min(room, 0.9 * float(np.min(to_bound, where=w != 0.0, initial=np.inf)))
    return None if room < 0.05 else moved(criterion, x, room * w)


def moved(criterion: Criterion[Any], x: FloatArray, step: FloatArray) -> FloatArray:
    """x after a step in which covariance matrices (and not T) go along straight lines, d Sigma = dT T' + T dT'.

    Whatever leaves the distribution of y as it is runs along such lines; valleys are straighter there. Columns of T
    that are zero grow by dT.
    """
    there = np.clip(x + step, criterion.lower, criterion.upper)
    for root in criterion.roots:
        T, dT = root.of(x), root.of(step)
        grown = np.where(T.any(axis=0), 0.0, dT)
        eigenvalues, V = np.linalg.eigh(T @ T.T + dT @ T.T + T @ dT.T + grown @ grown.T)
        there = root.put(there, lower_root(V * np.sqrt(np.maximum(eigenvalues, 0.0))))
    return there


__all__ = [
    "ENDED",
    "FLAT",
    "SINGULAR",
    "SUSPICIOUS",
    "Certificate",
    "CovarianceCondition",
    "Standing",
    "aligned",
    "certify",
]
