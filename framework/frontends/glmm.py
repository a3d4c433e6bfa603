"""`glmm`: generalized linear mixed models from a formula and a data frame, or from arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Never, Unpack, overload

from ..calls.arguments import Arguments
from ..calls.categories import in_categories
from ..calls.formulas import GeneralizedFormula, GeneralizedOptions, read_formula
from ..calls.parameters import models_of_parameters
from ..contracts.family import Family
from ..contracts.linalg import LinalgBackend
from ..contracts.observer import Observer
from ..contracts.optim import Optimizer
from ..estimation.generalized import Laplace
from ..estimation.model import Controls, Model
from ..estimation.parted_end import check_of_parts, without_parts
from ..estimation.pipeline import Watch, observers_of
from ..notes import tell
from ..solution.glmm import GLMMSolution
from .large import parts_of, refuse_of_sums
from .settings import check_settings, refuse_unknown


@overload
def glmm(formula: str, data: Any, /, **options: Unpack[GeneralizedFormula]) -> GLMMSolution: ...


@overload
def glmm(formula: str, /, *, data: Any, **options: Unpack[GeneralizedFormula]) -> GLMMSolution: ...


@overload
def glmm(*, formula: str, data: Any, **options: Unpack[GeneralizedFormula]) -> GLMMSolution: ...


@overload
def glmm(
    y: Any,
    X: Any,
    groups: Mapping[str, Any] | Any,
    *,
    random_effects: Mapping[str, Any] | None = None,
    random_data: Mapping[str, Any] | None = None,
    correlated: Mapping[str, bool] | bool | None = None,
    x_names: Sequence[str] | None = None,
    y_name: str | None = None,
    **options: Unpack[GeneralizedOptions],
) -> GLMMSolution: ...


def glmm(
    y: Any = None,
    X: Any = None,
    groups: Mapping[str, Any] | Any = None,
    *,
    formula: str | None = None,
    data: Any = None,
    contrasts: Mapping[str, str] | None = None,
    na_action: str | None = None,
    subset: Any = None,
    levels: Mapping[str, Sequence[Any]] | None = None,
    context: Mapping[str, Any] | None = None,
    family: str | Family = "binomial",
    random_effects: Mapping[str, Any] | None = None,
    random_data: Mapping[str, Any] | None = None,
    tol: float = 1e-8,
    max_iter: int = 200,
    nagq: int = 1,
    hessian: str = "observed",
    dispersion: Any = None,
    zi: Any = None,
    parameters: Mapping[str, Any] | None = None,
    weights: Any = None,
    offset: Any = None,
    correlated: Mapping[str, bool] | bool | None = None,
    covariance: Mapping[str, Any] | None = None,
    relationship: Mapping[str, Any] | None = None,
    precision: Mapping[str, Any] | None = None,
    start: Any = None,
    x_names: Sequence[str] | None = None,
    y_name: str | None = None,
    conf_level: float = 0.95,
    backend: str | LinalgBackend = "auto",
    optimizer: str | Optimizer = "auto",
    callbacks: Sequence[Observer | str] | Observer | str | None = None,
    verbose: bool = False,
    **unknown: Never,
) -> GLMMSolution:
    """Fit g(E y) = X beta + Z b, b ~ N(0, Lambda Lambda'), by maximum likelihood (Laplace approximation or quadrature).

    Two calls: ``glmm(formula, data)``, and ``glmm(y, X, groups)`` with arrays.

    Parameters
    ----------
    formula, data, contrasts, na_action, subset, levels, context
        As for `ranef.lmm`; the response may be ``s / n`` with ``weights="n"``, or ``cbind(successes, failures)``. Rows
        in parts are a list of data frames, a Dask data frame or a list of delayed frames, see docs/large-data.md.
    y : (n,) array-like, or (n, 2)
        Response. Binomial: 0/1, or proportions with `weights` the numbers of trials, or two columns of successes and
        failures. Ordinal: an ordered category, or whole numbers.
    X, groups, random_effects, random_data, correlated, covariance, relationship, precision, offset, x_names, y_name
        As for `ranef.lmm`.
    conf_level, backend, optimizer, callbacks, verbose, max_iter
        As for `ranef.lmm`.
    family : str or Family, default "binomial"
        Name of a registered family, with a link as in ``"binomial(probit)"`` if it is not the family's own, or an
        object such as ``Binomial(link="probit")`` from `ranef.families`.
    tol : float, default 1e-8
        The search stops when no more than this is expected to be gained in -2 log-likelihood.
    nagq : int, default 1
        0: fixed effects estimated with the modes, fast and biased; 1: Laplace approximation; more: that many nodes of
        adaptive Gauss-Hermite quadrature in each dimension (one grouping factor, at most three columns, 100 nodes).
    hessian : {"observed", "expected"}, default "observed"
        Weights in log|M|: the observed ones make it the Laplace approximation proper (as glmmTMB), the expected ones
        reproduce lme4 for non-canonical links.
    dispersion : str or (n, c) array-like, optional
        Model of the family's (first) dispersion parameter: a formula such as ``"~ site"``, or a matrix where y and X
        are arrays. On the scale that the parameter is estimated on: the logarithm of a positive one, the logit of a
        probability.
    zi : str or (n, c) array-like, optional
        Model of the probability of extra zeros, of zero-inflated and hurdle families.
    parameters : mapping of str to formula or matrix, optional
        Models of any parameters of the family, by name: ``{"phi": "~ x", "power": "~ 1"}``. "spacings" stands for all
        of ordered categories: effects that differ between thresholds.
    weights : (n,) array-like, optional
        Numbers of trials for binomial families; otherwise they multiply the log density of each row.
    start : array-like, optional
        Start for theta.

    Returns
    -------
    GLMMSolution

    Raises
    ------
    InputError, InputTypeError
        For bad input, before any work.
    NoMaximumError
        Where the likelihood has none (complete or quasi-complete separation).

    Notes
    -----
    ``log_likelihood`` has all constants for every `nagq`, so that models compare. Dispersion parameters are estimated
    by maximum likelihood jointly with everything else, as in glmmTMB (lme4 treats Gamma and inverse Gaussian
    otherwise).

    Examples
    --------
    >>> import numpy as np, ranef
    >>> d = ranef.datasets.load("cbpp")
    >>> fit = ranef.glmm("incidence / size ~ period + (1 | herd)", d, weights="size")
    >>> round(fit.log_likelihood, 4)
    -92.0263

    The same from arrays:

    >>> X = np.column_stack([np.ones(56), *(d["period"] == p for p in "234")])
    >>> fit = ranef.glmm(d["incidence"] / d["size"], X, {"herd": d["herd"]}, weights=d["size"])
    >>> round(fit.log_likelihood, 4), round(fit.var_components[0].std_dev, 4)
    (-92.0263, 0.6423)

    References
    ----------
    Bates, Maechler, Bolker & Walker (2015), doi 10.18637/jss.v067.i01; Brooks et al. (2017), glmmTMB balances speed and
    flexibility, R Journal 9(2), doi 10.32614/RJ-2017-066.
    """
    refuse_unknown(glmm, unknown)
    controls = Controls.of(backend, optimizer, tol, max_iter)
    conf_level = check_settings(conf_level, verbose=verbose)
    likelihood = Laplace.of(family, nagq, hessian)
    structures = {"covariance": covariance, "relationship": relationship, "precision": precision}
    said = {"weights": weights, "offset": offset, "contrasts": contrasts, "levels": levels, "context": context}
    parts = parts_of(y, X, groups, formula, data, likelihood.family, structures, **said)
    if parts is not None:
        refuse_of_sums(
            na_action=na_action,
            subset=subset,
            random_effects=random_effects,
            random_data=random_data,
            correlated=correlated,
            x_names=x_names,
            y_name=y_name,
            dispersion=dispersion,
            zi=zi,
            parameters=parameters,
        )
        tell([*parts.summed.notes, *check_of_parts(likelihood, parts.summed)])
        of_parts = Model(parts.summed.labels, likelihood, controls, parts.provenance, rows=parts.standing_in)
        with Watch(observers_of(callbacks, verbose)) as watch:
            found = without_parts(of_parts.fit(start=start, watch=watch), parts.summed)
        tell(found.notes)
        return GLMMSolution(found, conf_level=conf_level, terms=parts.terms)
    given = read_formula(
        "glmm",
        Arguments(
            y,
            X,
            groups,
            random_effects,
            random_data,
            correlated,
            covariance,
            relationship,
            precision,
            weights,
            offset,
            x_names,
            y_name,
            parameters=models_of_parameters(likelihood.family, dispersion, parameters, zi),
        ),
        formula=formula,
        data=data,
        options={
            "contrasts": contrasts,
            "na_action": na_action,
            "subset": subset,
            "levels": levels,
            "context": context,
        },
    )
    given, made = in_categories(given, likelihood.family)
    likelihood = replace(likelihood, family=made)
    design, of_structures = given.design(made)
    tell(design.notes)
    model = Model.of(design, likelihood, controls, of_structures)
    tell(likelihood.check(design))
    with Watch(observers_of(callbacks, verbose)) as watch:
        fit = model.fit(start=start, watch=watch)
    solution = GLMMSolution(fit, conf_level=conf_level, terms=given.terms)
    tell(fit.notes, solution)
    return solution
