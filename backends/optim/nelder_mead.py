"""SciPy's Nelder-Mead simplex method, made to respect bounds."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.optimize import minimize

from ranef.contracts.arrays import FloatArray

from .derivative_free import FINAL_RADIUS, DerivativeFree


class NelderMead(DerivativeFree):
    """The simplex of Nelder & Mead, mirrored at the bounds: SciPy's, restarted with a fresh simplex.

    Slow and robust: for objectives with noise, or as a second opinion.

    Source: Nelder & Mead (1965), doi 10.1093/comjnl/7.4.308; Gao & Han (2012), doi 10.1007/s10589-010-9329-3.

    Examples
    --------
    >>> import numpy as np
    >>> from ranef.contracts.optim import Objective
    >>> bowl = Objective(lambda x: float(x @ x - 4 * x[0]), np.ones(2), np.array([0.0, 0.5]), np.full(2, np.inf))
    >>> NelderMead().minimize(bowl, tol=1e-10, max_evaluations=1000).x.round(4).tolist()
    [2.0, 0.5]
    """

    shrink = 0.5  # a collapsed simplex needs a wide one to get out

    def search(self, f: Callable[[FloatArray], float], lower: FloatArray, upper: FloatArray, fatol: float) -> None:
        """One run of the simplex, from a corner of unit edges."""
        d = len(lower)

        def folded(z: FloatArray) -> float:
            # mirrored at the bounds: points moved onto a bound would flatten the simplex there for good
            z = np.where(z < lower, 2.0 * lower - z, z)
            return f(np.where(z > upper, 2.0 * upper - z, z))

        options: Any = {
            "initial_simplex": np.vstack([np.zeros(d), np.eye(d)]),
            "xatol": FINAL_RADIUS,
            "fatol": fatol,
            "adaptive": d > 2,
            "maxfev": sys.maxsize,
            "maxiter": sys.maxsize,
        }
        minimize(folded, np.zeros(d), method="Nelder-Mead", options=options)
