"""`power`, `power_curve` and `planned`: designs of experiments, judged by simulation."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from concurrent.futures import Executor
from functools import partial
from typing import Any

import numpy as np

from ..contracts.errors import InputTypeError, shown
from ..estimation.generalized import Laplace
from ..estimation.linear import Gaussian
from ..estimation.model import Model
from ..notes import tell
from ..planning.planned import Planned
from ..planning.run import Power, Settings, power_of, sizes_of
from ..solution.glmm import GLMMSolution
from ..solution.lmm import LMMSolution
from .simulate import true_model


class Plan:
    """A model with all of its parameters, of which no data are needed: what `planned` gives, for `power`."""

    def __init__(self, plan: Planned) -> None:
        self._plan = plan

    def __repr__(self) -> str:
        """Model and size."""
        labels = self._plan.model.labels
        return f"<Plan: {labels.right_hand_side}; {labels.n} observations>"


def planned(X: Any = None, groups: Any = None, *, reml: bool = True, **parameters: Any) -> Plan:
    """A mixed model with given parameters in a given design, for `power`.

    Parameters
    ----------
    X, groups
        A formula and data, or arrays, as for `ranef.simulate`. With weights, these are those of the fits too.
    reml : bool, default True
        Whether the linear models of the simulations are fitted by REML.
    **parameters
        All other arguments of `ranef.simulate`: ``beta=``, ``sd=`` or ``covariances=`` or ``theta=``, ``sigma=``,
        ``family=``, ``dispersion=`` ...

    Raises
    ------
    InputError, InputTypeError
        As `ranef.simulate`.

    Examples
    --------
    >>> import numpy as np, ranef
    >>> trial = {"school": np.repeat(np.arange(20), 10), "treated": np.tile([0.0, 1.0], 100)}
    >>> ranef.planned("y ~ treated + (1 | school)", trial, beta=[50.0, 2.0], sd={"school": 3.0}, sigma=5.0)
    <Plan: (Intercept) + treated + (1 | school); 200 observations>
    """
    known = [name for name in inspect.signature(true_model).parameters if name not in ("X", "groups")]
    if unknown := [name for name in parameters if name not in known]:
        raise InputTypeError(f"planned has no argument {', '.join(unknown)}; it has reml, {', '.join(known)}")
    if "beta" not in parameters:
        raise InputTypeError("planned needs beta=, the fixed effects")
    if not isinstance(reml, bool | np.bool_):
        raise InputTypeError(f"reml must be True or False; got {shown(reml)}")
    truth, design, given = true_model(X, groups, **parameters)
    of: Any
    if truth.family is None:
        model: Model[Any] = Model.of(design, Gaussian(bool(reml)))
        of = partial(LMMSolution, satterthwaite=True, conf_level=0.95, terms=given.terms)
    else:
        model = Model.of(design, Laplace.of(parameters["family"], 1, "observed"))
        of = partial(GLMMSolution, conf_level=0.95, terms=given.terms)
    tell([*design.notes, *model.likelihood.check_design(design)])
    return Plan(Planned.of_truth(model, truth, of, given.terms.frame if given.terms else "", given.terms))


def power(
    fit: Any,
    test: Any,
    *,
    effect: Mapping[str, float] | None = None,
    n: int | Mapping[str, int] | None = None,
    nsim: int = 1000,
    rng: np.random.Generator | int | None = None,
    alpha: float = 0.05,
    df: str | None = None,
    method: str | None = None,
    precision: float | None = None,
    interval: str = "clopper-pearson",
    level: float = 0.95,
    executor: Executor | None = None,
    workers: int | None = None,
    progress: Any = None,
) -> Power:
    """Power of a test, by simulation: how often it is significant in data drawn from a model.

    Parameters
    ----------
    fit : LMMSolution, GLMMSolution or Plan
        Whose estimates are taken as true; or a model with given parameters, `planned`.
    test : str, contrast, or callable
        Name of a coefficient; linear combinations as of `contrast`, several of which are tested together; random
        effects of one variance, as `ranova` names them, such as "(1 | school)"; or a function from a solution to a
        p-value.
    effect : dict of coefficient -> value, optional
        Other true values than those of the fit: what an experiment is meant to find, not what one has found.
    n : int or dict of factor -> int, optional
        Number of rows, or levels by factor, of a larger or smaller design: what there is, taken evenly and as often as
        needed. Copies of levels are new levels, with the rows of the old ones; so are levels nested in them.
    nsim : int, default 1000
        Number of simulations, or with `precision` the most.
    rng : numpy.random.Generator or int
        The generator, or a seed.
    alpha : float, default 0.05
    df : str, optional
        As in `contrast`; by default "satterthwaite" for linear models and "asymptotic" for generalized ones.
        "residual" is fastest, and right for effects within levels only.
    method : {"wald", "lrt"}, optional
        t, z, F or chi-squared, which is the default for coefficients; or likelihood ratios of fits by maximum
        likelihood. Random effects have likelihood ratios by the criterion of the fit, and p-values by the mixture of
        chi-squared distributions that is right at a variance of zero for many levels (Stram & Lee 1994).
    precision : float, optional
        Simulate until the limits of the power are no more than this away from their middle.
    interval : {"clopper-pearson", "wilson"}
    level : float, default 0.95
        Of the interval.
    executor, workers, progress
        As in `bootstrap` of a fit. Nothing depends on the number of workers.

    Returns
    -------
    Power
        A table with one row: numbers of levels and rows, ``power``, ``lower``, ``upper``, ``nsim``. Simulations that
        fail are counted and named, and count as not significant.

    Raises
    ------
    InputError, InputTypeError
        For arguments that cannot be used.

    Examples
    --------
    >>> import ranef
    >>> fit = ranef.lmm("Reaction ~ Days + (Days | Subject)", ranef.datasets.load("sleepstudy"))
    >>> found = ranef.power(fit, "Days", effect={"Days": 5.0}, n={"Subject": 12}, nsim=100, rng=1)
    >>> found["rows"].tolist(), bool(0.5 < found["power"][0] < 0.95)
    ([120], True)

    References
    ----------
    Green & MacLeod (2016), doi 10.1111/2041-210X.12504; Stram & Lee (1994), doi 10.2307/2533455.
    """
    settings = Settings.of(nsim, alpha, level, interval, precision)
    found = power_of(_plan(fit), test, effect, [n], df, method, settings, rng, executor, workers, progress)
    tell(found.messages, found)
    return found


def power_curve(fit: Any, test: Any, n: Any, **options: Any) -> Power:
    """Power of a test at several sizes of the design.

    Parameters
    ----------
    fit, test
        As in `power`.
    n : list of int, or dict of factor -> list of int
        Numbers of rows, or of levels of a factor.
    **options
        All other arguments of `power`.

    Returns
    -------
    Power
        A table with a row for each size.

    Raises
    ------
    InputError, InputTypeError
        As `power`.

    Examples
    --------
    >>> import numpy as np, ranef
    >>> trial = {"school": np.repeat(np.arange(20), 10), "treated": np.tile([0.0, 1.0], 100)}
    >>> plan = ranef.planned("y ~ treated + (1 | school)", trial, beta=[50.0, 1.0], sd={"school": 3.0}, sigma=5.0)
    >>> curve = ranef.power_curve(plan, "treated", {"school": [10, 60]}, nsim=200, rng=1, df="residual")
    >>> curve["school"].tolist(), bool(curve.power[0] < 0.3 < 0.5 < curve.power[1])
    ([10, 60], True)
    """
    known = [name for name in inspect.signature(power).parameters if name not in ("fit", "test", "n")]
    if unknown := [name for name in options if name not in known]:
        raise InputTypeError(f"power_curve has no argument {', '.join(unknown)}; it has n, {', '.join(known)}")
    taken = {"nsim": 1000, "alpha": 0.05, "level": 0.95, "interval": "clopper-pearson", "precision": None} | options
    settings = Settings.of(*(taken[name] for name in ("nsim", "alpha", "level", "interval", "precision")))
    others = (options.get(name) for name in ("rng", "executor", "workers", "progress"))
    method = options.get("method")
    found = power_of(_plan(fit), test, options.get("effect"), sizes_of(n), options.get("df"), method, settings, *others)
    tell(found.messages, found)
    return found


def _plan(fit: Any) -> Planned:
    if isinstance(fit, Plan):
        return fit._plan
    if not isinstance(fit, LMMSolution | GLMMSolution):
        raise InputTypeError(
            f"power takes a fit of ranef.lmm or ranef.glmm, or a model by ranef.planned; got {shown(fit)}"
        )
    return Planned.of_fit(fit._fit, fit._of, fit._frame, fit._terms)


__all__ = ["Plan", "planned", "power", "power_curve"]
