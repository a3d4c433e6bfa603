"""NLopt's BOBYQA (the extra `nlopt`)."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec

import numpy as np

from ranef.contracts.arrays import FloatArray
from ranef.contracts.errors import MissingExtraError

from .derivative_free import FINAL_RADIUS, DerivativeFree


class Bobyqa(DerivativeFree):
    """Quadratic models by interpolation on a trust region, within bounds: NLopt's LN_BOBYQA, with restarts.

    Source: Powell (2009), *The BOBYQA algorithm for bound constrained optimization without derivatives*.

    Examples
    --------
    >>> import numpy as np
    >>> from ranef.contracts.optim import Objective
    >>> bowl = Objective(lambda x: float(x @ x - 4 * x[0]), np.ones(2), np.array([0.0, 0.5]), np.full(2, np.inf))
    >>> Bobyqa().minimize(bowl, tol=1e-8, max_evaluations=1000).x.round(6).tolist()  # doctest: +SKIP
    [2.0, 0.5]
    """

    def __init__(self) -> None:
        if find_spec("nlopt") is None:
            raise MissingExtraError('the optimizer bobyqa needs NLopt: pip install "ranef[nlopt]"')

    def search(self, f: Callable[[FloatArray], float], lower: FloatArray, upper: FloatArray, fatol: float) -> None:
        """One run of BOBYQA; an exception of `f` ends it."""
        import nlopt

        optimizer = nlopt.opt(nlopt.LN_BOBYQA, len(lower))
        raised: list[BaseException] = []

        def objective(z: FloatArray, gradient: FloatArray) -> float:
            try:
                return f(z)
            except BaseException as error:
                # carried around NLopt, which would hand on an exception of its own
                raised.append(error)
                raise nlopt.ForcedStop from error

        optimizer.set_min_objective(objective)
        optimizer.set_lower_bounds(lower)
        optimizer.set_upper_bounds(upper)
        optimizer.set_initial_step(1.0)
        optimizer.set_xtol_abs(FINAL_RADIUS)
        try:
            optimizer.optimize(np.zeros(len(lower)))
        except nlopt.RoundoffLimited:
            pass  # as far as rounding allows; the best point is kept
        except nlopt.ForcedStop:
            if not raised:
                raise
        if raised:
            raise raised[0]
