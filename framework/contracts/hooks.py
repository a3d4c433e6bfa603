"""Hook specifications of ranef, for `pluggy`. A plugin module implements some of them with `hookimpl`.

Third parties are found by the entry-point group ``ranef``::

    [project.entry-points.ranef]
    my-families = "my_package.ranef_plugin"

The module should import little: heavy dependencies are imported in `make`, on first use.
"""

from __future__ import annotations

from collections.abc import Iterable

import pluggy

from .entries import CovarianceEntry, FamilyEntry, LinalgEntry, LinkEntry, ObserverEntry, OptimizerEntry

PROJECT = "ranef"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


class HookSpecs:
    """All hooks that ranef calls."""

    @hookspec
    def ranef_linalg_backends(self) -> Iterable[LinalgEntry]:
        """Yield linear-algebra backends.

        Examples
        --------
        >>> import numpy as np
        >>> from ranef.contracts import Factor, LinalgBackend, LinalgEntry, Symbolic, hookimpl
        >>> class OneIntercept(LinalgBackend):
        ...     def cost(self, pattern):
        ...         simple = len(pattern.groupings) == 1 and pattern.groupings[0].n_columns == 1
        ...         return pattern.q if simple and not pattern.has_precision else np.inf
        ...     def analyze(self, pattern):
        ...         return DiagonalSymbolic()
        >>> class DiagonalSymbolic(Symbolic):
        ...     def factorize(self, ZtWZ, T):
        ...         return DiagonalFactor(T[0][0, 0] ** 2 * ZtWZ.diagonal[0][0, 0] + 1)
        >>> class DiagonalFactor(Factor):
        ...     def __init__(self, M):
        ...         self.M = M
        ...     @property
        ...     def logdet(self):
        ...         return float(np.log(self.M).sum())
        ...     def half_solve(self, B):
        ...         return B / np.sqrt(self.M)[:, None]
        ...     back_solve = half_solve
        >>> @hookimpl
        ... def ranef_linalg_backends():
        ...     yield LinalgEntry("one-intercept", "M is diagonal: one factor, random intercepts", OneIntercept)
        """
        raise NotImplementedError

    @hookspec
    def ranef_optimizers(self) -> Iterable[OptimizerEntry]:
        """Yield optimizers.

        Examples
        --------
        >>> from ranef.contracts import OptimizationResult, Optimizer, OptimizerEntry, Status, hookimpl
        >>> class Powell(Optimizer):
        ...     def minimize(self, objective, *, tol, max_evaluations):
        ...         from scipy.optimize import minimize
        ...         found = minimize(
        ...             objective.value, objective.start, method="Powell",
        ...             bounds=list(zip(objective.lower, objective.upper)),
        ...             options={"ftol": tol, "maxfev": max_evaluations},
        ...         )
        ...         status = Status.CONVERGED if found.success else Status.MAX_EVALUATIONS
        ...         return OptimizationResult(found.x, float(found.fun), status, found.nfev, found.message)
        >>> @hookimpl
        ... def ranef_optimizers():
        ...     yield OptimizerEntry("powell", "Powell's conjugate directions", Powell, priority=-10)
        """
        raise NotImplementedError

    @hookspec
    def ranef_families(self) -> Iterable[FamilyEntry]:
        """Yield response families.

        Examples
        --------
        >>> import numpy as np
        >>> from ranef.contracts import Family, FamilyEntry, hookimpl
        >>> class Geometric(Family):
        ...     name, links, discrete = "geometric", ("log", "identity"), True
        ...     support_text = "counts 0, 1, 2, ..."
        ...     def log_density(self, y, mu, weights, phi):
        ...         return weights * (y * np.log(mu / (1 + mu)) - np.log1p(mu))
        ...     def variance(self, mu, phi):
        ...         return mu * (1 + mu)
        ...     def support(self, y, weights):
        ...         return (y >= 0) & (y == np.round(y))
        ...     def sample(self, mu, weights, phi, rng):
        ...         return rng.geometric(1 / (1 + mu)) - 1.0
        >>> @hookimpl
        ... def ranef_families():
        ...     yield FamilyEntry("geometric", "Geometric distribution on 0, 1, 2, ...", Geometric)
        """
        raise NotImplementedError

    @hookspec
    def ranef_links(self) -> Iterable[LinkEntry]:
        """Yield link functions.

        Examples
        --------
        >>> import numpy as np
        >>> from ranef.contracts import Link, LinkEntry, Mean, hookimpl
        >>> class LogLog(Link):
        ...     name, latent_variance = "loglog", np.pi**2 / 6
        ...     def link(self, mu):
        ...         return -np.log(-np.log(mu))
        ...     def mean(self, eta):
        ...         t = np.exp(-eta)
        ...         mu = np.exp(-t)
        ...         return Mean(mu, -np.expm1(-t), mu * t, mu * t * (t - 1), mu * t * (t * t - 3 * t + 1))
        >>> @hookimpl
        ... def ranef_links():
        ...     yield LinkEntry("loglog", "-log(-log(mu))", LogLog)
        """
        raise NotImplementedError

    @hookspec
    def ranef_covariances(self) -> Iterable[CovarianceEntry]:
        """Yield covariance structures of random effects.

        Examples
        --------
        >>> import numpy as np
        >>> from ranef.contracts import CovarianceEntry, CovarianceStructure, hookimpl
        >>> class RandomWalk(CovarianceStructure):
        ...     name = "walk"
        ...     def names(self, columns):
        ...         return ("sd",)
        ...     def scales(self, k):
        ...         return np.array([True])
        ...     def relative_factor(self, parameters, k):
        ...         return parameters[0] * np.tri(k)
        ...     def derivatives(self, parameters, k):
        ...         return np.tri(k)[None]
        ...     def start(self, covariance):
        ...         return np.sqrt([np.trace(covariance) / np.arange(1, len(covariance) + 1).sum()])
        >>> @hookimpl
        ... def ranef_covariances():
        ...     yield CovarianceEntry("walk", "Random walk over the columns in their order", RandomWalk)
        """
        raise NotImplementedError

    @hookspec
    def ranef_observers(self) -> Iterable[ObserverEntry]:
        """Yield observers of the life of a fit.

        Examples
        --------
        >>> from ranef.contracts import Evaluated, Observer, ObserverEntry, hookimpl
        >>> class Printer(Observer):
        ...     def notify(self, event):
        ...         if isinstance(event, Evaluated):
        ...             print(event.count, event.value)
        >>> @hookimpl
        ... def ranef_observers():
        ...     yield ObserverEntry("printer", "Prints every value of the criterion", Printer)
        """
        raise NotImplementedError
