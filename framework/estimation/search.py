"""All that surrounds an optimizer: scaling, starts, boundaries, restarts, and the certificate of what was found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..contracts.arrays import BoolArray, FloatArray
from ..contracts.optim import Objective, OptimizationResult, Optimizer, Status

#: A fit has converged when no more than this is expected to be gained in deviance (1e-3 standard errors).
EXPECTED_DROP = 1e-6
#: Step of the differences of gradients in the certificate, in scaled parameters.
STEP = 1e-4
#: Slopes at a bound below this are rounding.
SLOPE = 1e-6
#: How often the search restarts from inside after it ended at a false boundary.
RESTARTS = 3


@dataclass(frozen=True, eq=False)
class Certificate:
    """Evidence that a fit is an optimum.

    Parameters
    ----------
    converged : bool
        The verdict: the expected drop is below `EXPECTED_DROP`, the Hessian is not negative on the free parameters, and
        the boundary conditions hold.
    gradient_norm : float
        Largest absolute component of the projected gradient, in scaled parameters.
    expected_drop : float
        Newton decrement g'H^-1 g / 2: by how much the deviance is expected to fall at the true optimum.
    smallest_eigenvalue : float
        Of the Hessian of the deviance in the free, scaled parameters.
    hessian : str
        Where the Hessian is from: "exact", "differences of exact gradients", or "average information" (an approximation
        that is positive semidefinite by construction, of the working linear model of a generalized one, with its cross
        terms; `se` finds the exact one on demand).
    at_boundary : tuple of int
        Parameters at a bound.
    boundary_ok : bool
        The Karush-Kuhn-Tucker conditions there: the deviance does not fall when a variance moves away from zero.
    status : str
        How the optimizer itself ended.
    message : str
        What failed and what to do, "" when nothing did.
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

    def __str__(self) -> str:
        """One line."""
        verdict = "converged" if self.converged else f"not converged: {self.message}"
        return (
            f"{verdict} (projected gradient {self.gradient_norm:.2g}, expected drop in deviance "
            f"{self.expected_drop:.2g}, smallest Hessian eigenvalue {self.smallest_eigenvalue:.3g}, "
            f"{len(self.at_boundary)} at the boundary)"
        )


@dataclass(frozen=True, eq=False)
class SearchResult:
    """The best point of all attempts, the criterion there, and its certificate."""

    x: FloatArray
    value: float
    certificate: Certificate


def search(
    objective: Objective,
    optimizer: Optimizer,
    *,
    tol: float,
    max_evaluations: int,
    exact: Objective,
    nonnegative: BoolArray,
    quick: bool = False,
) -> SearchResult:
    """Minimize, and certify the result.

    Parameters
    ----------
    objective : Objective
        What the optimizer sees.
    exact : Objective
        The same function with a gradient (it may come from another backend), for the certificate.
    nonnegative : (d,) bool array
        Parameters in which the function is even (diagonals of T): at their bound 0 the derivative vanishes, so the
        second derivative decides whether 0 is a minimum.
    quick : bool
        Certify with the objective's approximate curvature where nothing is at a bound, instead of differences of the
        gradient.
    """
    n_evaluations, start = 0, objective.start
    best: SearchResult | None = None
    for attempt in range(RESTARTS + 1):
        here = Objective(
            objective.value,
            start,
            objective.lower,
            objective.upper,
            objective.gradient if optimizer.needs_gradient else None,
            objective.curvature if optimizer.needs_gradient else None,
            objective.curvature_is_exact,
        )
        scale = max(abs(objective.value(start)), 1.0)
        result = optimizer.minimize(here, tol=tol / scale, max_evaluations=max_evaluations - n_evaluations)
        n_evaluations += result.n_evaluations
        certificate = certify(exact, result, nonnegative, quick)
        if best is None or result.value <= best.value:  # of equals the later one: its certificate is the better
            best = SearchResult(result.x, result.value, certificate)
        if certificate.converged or attempt == RESTARTS or n_evaluations >= max_evaluations:
            break
        stopped_early = result.status is Status.CONVERGED and certificate.smallest_eigenvalue > 0
        if not certificate.boundary_ok:
            inside = np.zeros(len(start), dtype=bool)
            inside[list(certificate.at_boundary)] = True
            start = np.where(inside & nonnegative, 0.3, result.x)
        elif stopped_early and certificate.expected_drop > tol:  # misled by what the optimizer remembered
            start = result.x
        else:
            break
    assert best is not None
    return best


def certify(exact: Objective, result: OptimizationResult, nonnegative: BoolArray, quick: bool = False) -> Certificate:
    """Gradient, Hessian and boundary conditions at the end point."""
    assert exact.gradient is not None
    x, status = result.x, result.status
    value, g = exact.gradient(x)
    at_lower, at_upper = x <= exact.lower, x >= exact.upper
    at_boundary = tuple(int(i) for i in np.flatnonzero(at_lower | at_upper))
    if not np.isfinite(value):
        message = "the criterion is not finite here: rescale the predictors or give a start"
        return Certificate(False, np.inf, np.inf, np.nan, "none", at_boundary, False, status.name, message)
    H, source = _hessian(exact, x, g, quick and not at_boundary)
    held = (at_lower & (g >= -SLOPE)) | (at_upper & (g <= SLOPE))
    boundary_ok = not bool(((at_lower & (g < -SLOPE)) | (at_upper & (g > SLOPE))).any())
    zeros, free = held & nonnegative & at_lower, ~held
    if zeros.any():  # the function is even there: the second derivative decides
        size = max(float(np.abs(np.diagonal(H)).max()), 1e-8)
        boundary_ok &= bool(np.linalg.eigvalsh(H[np.ix_(zeros, zeros)])[0] >= -1e-4 * size)
    drop, smallest, steepest, positive = 0.0, np.inf, 0.0, True
    if free.any():
        eigenvalues, V = np.linalg.eigh(H[np.ix_(free, free)])
        scale = max(float(np.abs(eigenvalues).max()), 1e-300)
        drop = float(0.5 * np.sum((V.T @ g[free]) ** 2 / np.maximum(eigenvalues, 1e-7 * scale)))
        smallest, steepest = float(eigenvalues[0]), float(np.abs(g[free]).max())
        positive = smallest > -1e-4 * scale
    message = ""
    if drop > EXPECTED_DROP:
        message = f"the deviance is expected to fall by another {drop:.2g}. {status.value}"
        message += " Lower tol." if status is Status.CONVERGED else ""
    elif not positive:
        message = "the Hessian has a negative eigenvalue: this is a saddle point; try another start"
    elif not boundary_ok:
        message = "a variance at zero would lower the deviance if it grew: try a start with larger variances"
    return Certificate(message == "", steepest, drop, smallest, source, at_boundary, boundary_ok, status.name, message)


def _hessian(exact: Objective, x: FloatArray, g: FloatArray, quick: bool) -> tuple[FloatArray, str]:
    """The Hessian, or an approximation of it, and where it is from."""
    if exact.curvature is not None and exact.curvature_is_exact:
        return exact.curvature(x), "exact"
    if exact.curvature is not None and quick:
        return exact.curvature(x), "average information"
    return hessian_by_gradients(exact, x, g), "differences of exact gradients"


def hessian_by_gradients(exact: Objective, x: FloatArray, g: FloatArray) -> FloatArray:
    """The Hessian at x by one-sided differences of the exact gradient."""
    assert exact.gradient is not None
    columns = []
    for i in range(len(x)):
        step = STEP * max(1.0, abs(float(x[i])))
        if x[i] + step > exact.upper[i]:
            step = -step
        moved = x.copy()
        moved[i] += step
        columns.append((exact.gradient(moved)[1] - g) / step)
    H = np.array(columns)
    return 0.5 * (H + H.T)


def central_hessian(
    gradient: Callable[[FloatArray], FloatArray], x: FloatArray, lower: FloatArray, step: float = STEP
) -> FloatArray:
    """Hessian by central differences of exact gradients; one-sided at a bound."""
    columns = []
    for i in range(len(x)):
        h = step * max(1.0, abs(float(x[i])))
        up, down = x.copy(), x.copy()
        up[i] += h
        if x[i] - h >= lower[i]:
            down[i] -= h
        columns.append((gradient(up) - gradient(down)) / (up[i] - down[i]))
    H = np.array(columns)
    return np.asarray(0.5 * (H + H.T))


__all__ = ["Certificate", "SearchResult", "Status", "central_hessian", "certify", "search"]
