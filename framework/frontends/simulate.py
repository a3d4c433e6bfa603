"""`simulate`: responses from parameters alone, for the design of experiments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import repeat
from typing import Any

import numpy as np

from ..calls.arguments import Arguments
from ..calls.formulas import read_formula
from ..contracts.arrays import FloatArray, real_number
from ..contracts.errors import InputError, InputTypeError, shown
from ..contracts.family import Family
from ..design.arrays import as_numbers
from ..design.labels import FixedLabels
from ..design.mixed import MixedDesign
from ..design.reading import as_mapping
from ..estimation.parameters import Parameters
from ..estimation.pipeline import choose_family
from ..prediction.rows import Rows
from ..prediction.simulate import Truth, checked_count, checked_rng, draw, new_effects
from .effects import relative_factors


def simulate(
    X: Any = None,
    groups: Mapping[str, Any] | Any = None,
    *,
    beta: Any,
    formula: str | None = None,
    data: Any = None,
    theta: Any = None,
    sd: Mapping[str, Any] | None = None,
    covariances: Mapping[str, Any] | None = None,
    sigma: float = 1.0,
    family: str | Family | None = None,
    dispersion: Mapping[str, float] | None = None,
    contrasts: Mapping[str, str] | None = None,
    levels: Mapping[str, Sequence[Any]] | None = None,
    context: Mapping[str, Any] | None = None,
    random_effects: Mapping[str, Any] | None = None,
    random_data: Mapping[str, Any] | None = None,
    correlated: Mapping[str, bool] | bool | None = None,
    covariance: Mapping[str, Any] | None = None,
    relationship: Mapping[str, Any] | None = None,
    precision: Mapping[str, Any] | None = None,
    weights: Any = None,
    offset: Any = None,
    x_names: Sequence[str] | None = None,
    nsim: int = 1,
    rng: np.random.Generator | int | None = None,
) -> FloatArray:
    """Responses (n, nsim) of a mixed model with given parameters: the random effects are drawn too.

    Two calls: ``simulate(formula, data, beta=...)``, where the response needs not be in the data, and
    ``simulate(X, groups, beta=...)`` with arrays.

    Parameters
    ----------
    formula, data, contrasts, levels, context
        As in `ranef.lmm`. Rows with missing values are an error here.
    X, groups, random_effects, random_data, correlated, covariance, relationship, precision, weights, offset, x_names
        The design, as in `ranef.lmm` and `ranef.glmm`.
    beta : (p,) array-like, or dict of column name -> number
        Fixed effects.
    theta : (m,) array-like
        Covariance parameters, in the order of `theta` of a fit: term by term the lower triangle of the relative
        covariance factor, column by column; standard deviations and correlations of one intercept and slope are
        ``[s1, r * s2, s2 * sqrt(1 - r**2)]``, over `sigma`. Or the random effects by `sd` and `covariances`:
    sd : dict of factor name -> (k,) array-like, or number
        Standard deviations of a factor's effects, which are independent.
    covariances : dict of factor name -> (k, k) array-like
        Covariance matrix of a factor's effects. Every factor is in one of the two.
    sigma : float, default 1
        Residual standard deviation of a linear model; generalized models have none.
    family : str or Family, optional
        A generalized model of this family; a linear one by default.
    dispersion : dict of str to float, optional
        Dispersion parameters of the family, by name.
    nsim : int
        Number of responses.
    rng : numpy.random.Generator or int
        The generator, or a seed.

    Raises
    ------
    InputError, InputTypeError
        With the argument, and what to do.

    Examples
    --------
    >>> import numpy as np, ranef
    >>> school, week = np.repeat(np.arange(12), 10), np.tile(np.arange(10.0), 12)
    >>> trial = {"school": school, "week": week}
    >>> y = ranef.simulate("score ~ week + (1 | school)", trial, beta={"(Intercept)": 50.0, "week": 1.5},
    ...                    sd={"school": 4.0}, sigma=5.0, rng=1)
    >>> y.shape
    (120, 1)
    >>> round(ranef.lmm("score ~ week + (1 | school)", {**trial, "score": y[:, 0]}).fixef["week"], 1)
    1.6

    The same from arrays:

    >>> X = np.column_stack([np.ones(120), week])
    >>> same = ranef.simulate(X, {"school": school}, beta=[50.0, 1.5], theta=[0.8], sigma=5.0, rng=1)
    >>> bool(np.allclose(y, same))
    True
    """
    count, rng = checked_count(nsim), checked_rng(rng)
    truth, design, _ = true_model(
        X, groups, beta=beta, formula=formula, data=data, theta=theta, sd=sd, covariances=covariances, sigma=sigma,
        family=family, dispersion=dispersion, contrasts=contrasts, levels=levels, context=context,
        random_effects=random_effects, random_data=random_data, correlated=correlated, covariance=covariance,
        relationship=relationship, precision=precision, weights=weights, offset=offset, x_names=x_names,
    )  # fmt: skip
    effects = new_effects(design.random.pattern.groupings, rng)
    return draw(repeat(truth), effects, Rows.of(design), count, rng)


def true_model(
    X: Any, groups: Any, *, beta: Any, formula: Any = None, data: Any = None, theta: Any = None, sd: Any = None,
    covariances: Any = None, sigma: Any = 1.0, family: Any = None, dispersion: Any = None, contrasts: Any = None,
    levels: Any = None, context: Any = None, random_effects: Any = None, random_data: Any = None,
    correlated: Any = None, covariance: Any = None, relationship: Any = None, precision: Any = None,
    weights: Any = None, offset: Any = None, x_names: Any = None,
) -> tuple[Truth, MixedDesign, Arguments]:  # fmt: skip
    """The model that `simulate` draws from, with all of its parameters, and its design.

    Raises
    ------
    InputError, InputTypeError
        With the argument, and what to do.
    """
    made = None if family is None else choose_family(family)[0]
    by_formula = formula is not None or isinstance(X, str)
    given = Arguments(
        X if by_formula or X is None else np.zeros(len(as_numbers(X, "X", ndim=2))),
        groups if by_formula else X,
        None if by_formula else groups,
        random_effects,
        random_data,
        correlated,
        covariance,
        relationship,
        precision,
        weights,
        offset,
        x_names,
    )
    options: dict[str, Any] = {"contrasts": contrasts, "levels": levels, "context": context}
    options |= {"na_action": "raise"} if by_formula else {}
    given = read_formula("simulate", given, formula=formula, data=data, options=options, response=False)
    design, _ = given.design(made)
    scale = real_number(sigma, "sigma")
    if not 0 < scale < np.inf:
        raise InputError(f"sigma must be positive and finite; got {shown(sigma)}")
    if made is not None and scale != 1.0:
        raise InputError("sigma is for linear models; theta of a generalized one is on the scale of the link")
    T = relative_factors(Parameters(design.random.groups), theta, sd, covariances, scale)
    return Truth(_gamma(design.fixed, beta), T, scale, made, _phi(made, dispersion)), design, given


def _gamma(fixed: FixedLabels, beta: Any) -> FloatArray:
    """Coefficients of Q from those of X."""
    if isinstance(beta, Mapping):
        if set(beta) != set(fixed.names):
            raise InputError(
                f"beta must name the columns of X, {', '.join(fixed.names)}; it names {', '.join(map(str, beta))}"
            )
        beta = [beta[name] for name in fixed.names]
    values = as_numbers(beta, "beta")
    if len(values) != len(fixed.names):
        raise InputError(f"beta has {len(values)} values, X has {len(fixed.names)} columns: {', '.join(fixed.names)}")
    return np.asarray(fixed.R @ (values[fixed.kept] + fixed.relations @ values[fixed.dropped]))


def _phi(family: Family | None, dispersion: Mapping[str, float] | None) -> FloatArray | None:
    """All dispersion parameters of the family, fixed ones from itself."""
    given = as_mapping(dispersion, "dispersion")
    if family is None:
        if given:
            raise InputTypeError("dispersion belongs to a family; a linear model has sigma")
        return None
    names = [p.name for p in family.parameters if p.fixed is None]
    if set(given) != set(names):
        raise InputError(
            f"dispersion must give {', '.join(names) or 'nothing'}, the parameters of the {family.name} family; it "
            f"gives {', '.join(map(str, given)) or 'nothing'}"
        )
    phi = []
    for p in family.parameters:
        value = real_number(given[p.name], f"dispersion[{p.name!r}]") if p.fixed is None else p.fixed
        if p.fixed is None and not p.lower < value < p.upper:
            raise InputError(f"dispersion[{p.name!r}] must lie between {p.lower:g} and {p.upper:g}; got {value:g}")
        phi.append(value)
    return np.array(phi, dtype=np.float64)
