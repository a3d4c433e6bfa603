"""SciPy's L-BFGS-B with the exact gradient."""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np
from scipy.optimize import minimize

from ranef.contracts.arrays import FloatArray
from ranef.contracts.optim import Objective, OptimizationResult, Optimizer, Status

from .evaluations import Evaluations, LimitReached


class Lbfgsb(Optimizer):
    """Limited-memory quasi-Newton steps within bounds: SciPy's L-BFGS-B.

    It stops where the decrease expected of a further quasi-Newton step in the free parameters, g' H g / 2, is below
    `tol`, relative to max(|value|, 1). Where L-BFGS-B itself stops earlier (a line search that failed, or one short
    step), it starts again with a fresh memory; a fresh start that gains nothing means `STALLED`. No test depends on the
    scale of the parameters.

    Source: Byrd, Lu, Nocedal & Zhu (1995), doi 10.1137/0916069; Morales & Nocedal (2011), doi 10.1145/2049662.2049669.

    Examples
    --------
    >>> import numpy as np
    >>> from ranef.contracts.optim import Objective
    >>> def bowl(x):
    ...     return float(x @ x - 4 * x[0]), 2 * x - np.array([4.0, 0.0])
    >>> problem = Objective(lambda x: bowl(x)[0], np.ones(2), np.array([0.0, 0.5]), np.full(2, np.inf), bowl)
    >>> Lbfgsb().minimize(problem, tol=1e-8, max_evaluations=100).x.round(6).tolist()
    [2.0, 0.5]
    """

    needs_gradient = True

    def minimize(self, objective: Objective, *, tol: float, max_evaluations: int) -> OptimizationResult:
        """Run L-BFGS-B until the expected remaining decrease is below the tolerance, or a fresh start gains nothing."""
        evaluations = Evaluations(objective, max_evaluations)
        try:
            if evaluations.value_and_gradient(evaluations.x)[0] == math.inf:
                return evaluations.result(Status.FAILED, "the objective is not finite at the start")
            while True:
                before = evaluations.best
                run = self._run(evaluations, objective, tol)
                expected = self._expected_decrease(run, evaluations, objective)
                if expected <= evaluations.tolerance(tol):
                    return evaluations.result(Status.CONVERGED, f"expected remaining decrease {expected:.1e}")
                if before - evaluations.best <= evaluations.tolerance(tol):
                    return evaluations.result(Status.STALLED, str(run.message))
        except LimitReached:
            return evaluations.result(Status.MAX_EVALUATIONS)

    def _run(self, evaluations: Evaluations, objective: Objective, tol: float) -> Any:
        """L-BFGS-B from the best point, until steps gain a hundredth of the tolerance."""

        def f(x: FloatArray) -> tuple[float, FloatArray]:
            value, gradient = evaluations.value_and_gradient(x)
            return (value, gradient) if value < math.inf else _failed_point(x, evaluations)

        return minimize(
            f,
            evaluations.x,
            jac=True,
            method="L-BFGS-B",
            bounds=list(zip(objective.lower, objective.upper, strict=True)),
            # gtol = 0: an absolute bound on the gradient would depend on the parameters' scale
            options={"ftol": max(0.01 * tol, 1e-15), "gtol": 0.0, "maxfun": sys.maxsize, "maxiter": sys.maxsize},
        )

    def _expected_decrease(self, run: Any, evaluations: Evaluations, objective: Objective) -> float:
        """g' H g / 2 over the free parameters, with the inverse Hessian H that the steps taken have shown."""
        g, x = evaluations.best_gradient, evaluations.x
        blocked = ((x <= objective.lower) & (g >= 0.0)) | ((x >= objective.upper) & (g <= 0.0))
        g = np.where(blocked, 0.0, g)
        if not np.any(g):
            return 0.0
        if run.hess_inv.n_corrs == 0:
            return math.inf  # no step was taken: nothing is known of the curvature
        return float(0.5 * g @ run.hess_inv.matvec(g))


def _failed_point(x: FloatArray, evaluations: Evaluations) -> tuple[float, FloatArray]:
    """Stands in for an infinite value: a bowl around the best point, steep enough to send the line search back.

    Its value at x is above that of the best point by as much as the linear model is below, so that the search
    interpolates to about a third of the step.
    """
    step = x - evaluations.x
    length2 = float(step @ step)
    rise = max(abs(float(evaluations.best_gradient @ step)), np.finfo(float).eps * max(abs(evaluations.best), 1.0))
    return evaluations.best + rise, 2.0 * rise / length2 * step
