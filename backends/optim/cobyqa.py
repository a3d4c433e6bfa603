"""SciPy's COBYQA."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy
from scipy.optimize import Bounds, minimize

from ranef.contracts.arrays import FloatArray
from ranef.contracts.errors import MissingExtraError

from .derivative_free import FINAL_RADIUS, DerivativeFree


class Cobyqa(DerivativeFree):
    """Quadratic models by interpolation on a trust region, within bounds: SciPy's COBYQA (SciPy 1.14 or newer).

    Source: Ragonneau (2022), *Model-based derivative-free optimization methods and software*, PhD thesis, The Hong Kong
    Polytechnic University.

    Examples
    --------
    >>> import numpy as np
    >>> from ranef.contracts.optim import Objective
    >>> bowl = Objective(lambda x: float(x @ x - 4 * x[0]), np.ones(2), np.array([0.0, 0.5]), np.full(2, np.inf))
    >>> Cobyqa().minimize(bowl, tol=1e-8, max_evaluations=1000).x.round(6).tolist()
    [2.0, 0.5]
    """

    def __init__(self) -> None:
        if tuple(int(part) for part in scipy.__version__.split(".")[:2]) < (1, 14):
            raise MissingExtraError("the optimizer cobyqa needs SciPy 1.14 or newer: pip install --upgrade scipy")

    def search(self, f: Callable[[FloatArray], float], lower: FloatArray, upper: FloatArray, fatol: float) -> None:
        """One run of COBYQA."""
        options: Any = {"initial_tr_radius": 1.0, "final_tr_radius": FINAL_RADIUS, "maxfev": 10**7, "maxiter": 10**7}
        minimize(f, np.zeros(len(lower)), method="COBYQA", bounds=Bounds(lower, upper), options=options)
