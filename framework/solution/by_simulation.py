"""`bootstrap_test`: two nested fits, tested by a parametric bootstrap."""

from __future__ import annotations

from concurrent.futures import Executor
from typing import TYPE_CHECKING, Any

import numpy as np

from ..contracts.errors import InputTypeError, shown
from ..notes import tell
from .bootstrapped import Bootstrapped

if TYPE_CHECKING:
    from ..bootstrap.lrt import BootstrapTest


def bootstrap_test(
    fit: Any,
    other: Any,
    nsim: int = 1000,
    rng: np.random.Generator | int | None = None,
    *,
    executor: Executor | None = None,
    workers: int | None = None,
    progress: Any = None,
) -> BootstrapTest:
    """Likelihood ratio test of two nested fits by a parametric bootstrap of the smaller one.

    Responses are drawn from the smaller model, and both are fitted to each: where the chi-squared distribution is for
    many levels, or wrong as at a variance of zero, the simulated one is that of these data.

    Parameters
    ----------
    fit, other : LMMSolution or GLMMSolution
        Nested, of the same data, in any order. Fits by REML that differ in fixed effects are refitted by maximum
        likelihood.
    nsim : int, default 1000
        Number of replicates.
    rng : numpy.random.Generator or int
        The generator, or a seed.
    executor, workers, progress
        As in `bootstrap` of a fit.

    Returns
    -------
    BootstrapTest
        A table with the rows chi-squared, bootstrap, Bartlett (the statistic corrected by the mean of the simulated
        ones) and gamma (with their mean and variance); the bootstrap's `p_value`, with limits `lower` and `upper` of
        its simulation error, `statistic`, `simulated`. Replicates that fail are counted and named, and left out.

    Raises
    ------
    ComparisonError
        Where the fits are not nested, not of the same data, or have not converged.
    InputError, InputTypeError
        For arguments that cannot be used, and fits without rows.

    Examples
    --------
    >>> import ranef
    >>> data = ranef.datasets.load("sleepstudy")
    >>> small = ranef.lmm("Reaction ~ Days + (1 | Subject)", data)
    >>> large = ranef.lmm("Reaction ~ Days + (Days | Subject)", data)
    >>> test = ranef.bootstrap_test(small, large, 200, rng=1)
    >>> round(test.statistic, 3), round(test.p_value, 4)
    (42.837, 0.005)

    References
    ----------
    Halekoh & Hojsgaard (2014), doi 10.18637/jss.v059.i09; Davison & Hinkley (1997), section 4.2.
    """
    from ..bootstrap.lrt import bootstrap_test as of_fits

    for one in (fit, other):
        if not isinstance(one, Bootstrapped):
            raise InputTypeError(f"bootstrap_test takes fits of ranef.lmm and ranef.glmm; got {shown(one)}")
    models = [(one._fit, one._of, one.model) for one in (fit, other)]
    test = of_fits(models[0], models[1], nsim, rng, executor, workers, progress, fit._frame)
    tell(test.messages, test)
    return test
