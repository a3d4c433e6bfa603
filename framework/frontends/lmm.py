"""`lmm`: linear mixed models from a formula and a data frame, or from arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Never, Unpack, overload

from ..calls.arguments import Arguments
from ..calls.formulas import LinearFormula, LinearOptions, read_formula
from ..contracts.linalg import LinalgBackend
from ..contracts.observer import Observer
from ..contracts.optim import Optimizer
from ..estimation.linear import Gaussian
from ..estimation.model import Controls, Model
from ..estimation.pipeline import Watch, observers_of
from ..notes import tell
from ..solution.lmm import LMMSolution
from .large import refuse_of_sums, sums_of
from .settings import check_settings, refuse_unknown


@overload
def lmm(formula: str, data: Any, /, **options: Unpack[LinearFormula]) -> LMMSolution: ...


@overload
def lmm(formula: str, /, *, data: Any, **options: Unpack[LinearFormula]) -> LMMSolution: ...


@overload
def lmm(*, formula: str, data: Any, **options: Unpack[LinearFormula]) -> LMMSolution: ...


@overload
def lmm(
    y: Any,
    X: Any,
    groups: Mapping[str, Any] | Any,
    *,
    random_effects: Mapping[str, Any] | None = None,
    random_data: Mapping[str, Any] | None = None,
    correlated: Mapping[str, bool] | bool | None = None,
    x_names: Sequence[str] | None = None,
    y_name: str | None = None,
    **options: Unpack[LinearOptions],
) -> LMMSolution: ...


def lmm(
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
    random_effects: Mapping[str, Any] | None = None,
    random_data: Mapping[str, Any] | None = None,
    reml: bool = True,
    tol: float = 1e-8,
    max_iter: int = 200,
    compute_satterthwaite: bool = True,
    weights: Any = None,
    offset: Any = None,
    residual: Any = None,
    dispersion: Any = None,
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
) -> LMMSolution:
    """Fit y = X beta + Z b + e, b ~ N(0, sigma^2 Lambda Lambda'), e ~ N(0, sigma^2 W^-1), by REML or ML.

    Two calls: ``lmm(formula, data)``, and ``lmm(y, X, groups)`` with arrays.

    Parameters
    ----------
    formula : str
        As in lme4: ``"y ~ x + f + (1 + x | school/class)"``; see docs/formulas.md. Arguments that describe X and groups
        are for arrays then; `weights` and `offset` may be columns or expressions.
    data : data frame of pandas, polars or pyarrow, or dict of arrays
        The columns that the formula names. Or rows that come part by part, see docs/large-data.md: files of Parquet or
        Arrow, an iterator of frames, a lazy frame, a Dask data frame. And ``lmm(gram)`` fits sums (`Gram`).
    contrasts, na_action, subset, levels, context
        With a formula, see `ranef.model_frame`.
    y : (n,) array-like
        Response.
    X : (n, p) array-like or data frame
        Fixed-effects columns, with one of ones if an intercept is wanted. Columns that are linear combinations of
        earlier ones are dropped with a warning; their coefficients are NaN.
    groups : dict of factor name -> (n,) labels, data frame, or (n,) labels
        Grouping factors; labels are integers, text or dates. Nested factors have interaction labels
        (``school:class``). One column is a factor under its own name, or "group" where it has none.
    random_effects : dict of factor name -> terms, optional
        ``{"subject": ["1", "time"]}`` is lme4's ``(1 + time | subject)``; ``["time"]`` a slope without intercept;
        ``[["1"], ["time"]]`` two independent terms. Text is read as lme4 reads it, with an intercept unless 0 says
        otherwise: ``"1 + time"`` and ``"time"`` are ``["1", "time"]``, ``"0 + time"`` is ``["time"]``. A random
        intercept for every factor that is not mentioned.
    random_data : dict of name -> (n,) array-like, optional
        Variables used in `random_effects`; named columns of X need not be repeated.
    reml : bool, default True
        Restricted maximum likelihood; False is maximum likelihood.
    tol : float, default 1e-8
        The search stops when no more than this is expected to be gained in deviance.
    max_iter : int, default 200
        Iterations of the optimizer (derivative-free ones: times one plus the number of parameters).
    compute_satterthwaite : bool, default True
        Satterthwaite's degrees of freedom for t-tests; False takes the residual ones.
    weights : (n,) array-like, optional
        Positive prior weights: the variance of row i is sigma^2 / w_i.
    offset : (n,) array-like, optional
        Known part of the linear predictor.
    residual : str, optional
        How residuals are correlated within groups: ``"ar1(time | subject)"``, with ``car1`` (AR(1) in continuous time),
        ``cs`` (compound symmetry, ``"cs(1 | subject)"``), ``toep`` (Toeplitz) or ``us`` (unstructured, with a variance
        of each visit). With arrays a dict: ``{"correlation": "ar1", "time": time, "group": subject}``. Models may then
        have no random effects at all. See docs/residual-structures.md.
    dispersion : str, optional
        A formula of the logarithm of the residual standard deviation: ``"~ 0 + group"`` is one of each group. With
        arrays a matrix (n, d) of its columns, of which a constant is a combination.
    correlated : dict of factor name -> bool, or bool, optional
        False estimates no correlations within the factor's terms (lme4's ``||``), or within any.
    covariance : dict of factor name -> structure, optional
        Covariance structure of the factor's terms, or a list with one for each: ``"cs"`` (compound symmetry),
        ``"ar1"``, ``"toep"``, ``"homcs"``, ``"homdiag"``, ``"diag"`` (the same as ``correlated=False``), ``"us"`` or
        None (any covariance matrix, the default), the name of a plugin, or a `CovarianceStructure`; ``ranef plugins``
        lists them. The columns of ``"ar1"`` and ``"toep"`` are in order, such as indicators of equidistant times.
    relationship : dict of factor name -> matrix, optional
        Known covariances of the factor's levels, up to the covariance matrix of its terms: a phylogeny, kinship.
        Positive definite; dense, sparse (SciPy), ``(matrix, labels)``, or a pandas frame with labels on both axes.
        Without labels rows stand for the sorted levels. Labels without rows in the data are left out.
    precision : dict of factor name -> matrix, optional
        The same by its inverse, which is sparse for pedigrees (`ranef.pedigree`), neighbours and random walks. Labels
        without rows in the data stay, as further levels: an ancestor relates its descendants.
    start : array-like, optional
        Start for theta, the relative covariance parameters (`LMMSolution.theta` of an earlier fit, for example).
    x_names : sequence of str, optional
        Names of X's columns; a data frame brings its own.
    y_name : str, optional
        Name of the response; a pandas Series brings its own.
    conf_level : float, default 0.95
        Level of `LMMSolution.conf_int`.
    backend : str or LinalgBackend, default "auto"
        Name of a registered linear-algebra backend; "auto" takes the cheapest.
    optimizer : str or Optimizer, default "auto"
        Name of a registered optimizer.
    callbacks : observers, optional
        Objects or names of registered observers that watch the fit.
    verbose : bool, default False
        Show the progress of fits that take longer than a second (the extra "progress").

    Returns
    -------
    LMMSolution

    Raises
    ------
    InputError, InputTypeError
        For bad input, before any work: ValueError and TypeError are their bases. Nothing is guessed: rows of pandas
        objects whose indices differ, categories where numbers belong, and missing values are refused.

    Examples
    --------
    >>> import numpy as np, ranef
    >>> d = ranef.datasets.load("sleepstudy")
    >>> round(ranef.lmm("Reaction ~ Days + (Days | Subject)", d).log_likelihood, 4)
    -871.8141

    The same from arrays:

    >>> X = np.column_stack([np.ones(180), d["Days"]])
    >>> fit = ranef.lmm(d["Reaction"], X, {"Subject": d["Subject"]}, random_effects={"Subject": ["1", "Days"]},
    ...                 random_data={"Days": d["Days"]}, x_names=["(Intercept)", "Days"])
    >>> round(fit.log_likelihood, 4), round(fit.fixef["Days"], 4), fit.df_satterthwaite.round(2).tolist()
    (-871.8141, 10.4673, [17.0, 17.0])

    References
    ----------
    Bates, Maechler, Bolker & Walker (2015), Fitting linear mixed-effects models using lme4, Journal of Statistical
    Software 67(1), doi 10.18637/jss.v067.i01, sections 3.2-3.6.
    """
    refuse_unknown(lmm, unknown)
    controls = Controls.of(backend, optimizer, tol, max_iter)
    conf_level = check_settings(conf_level, reml=reml, compute_satterthwaite=compute_satterthwaite, verbose=verbose)
    if (summed := sums_of(y, X, groups, formula, data, weights, offset, contrasts, levels, context)) is not None:
        refuse_of_sums(
            na_action=na_action,
            subset=subset,
            random_effects=random_effects,
            random_data=random_data,
            correlated=correlated,
            x_names=x_names,
            y_name=y_name,
            residual=residual,
            dispersion=dispersion,
        )
        summed_rows, terms, of_structures = summed.design(covariance, relationship, precision)
        tell(summed_rows.notes)
        likelihood = Gaussian(bool(reml))
        model = Model(summed_rows.labels, likelihood, controls, of_structures, summed=summed_rows)
        tell(likelihood.check(summed_rows))
        with Watch(observers_of(callbacks, verbose)) as watch:
            fit = model.fit(start=start, watch=watch)
        solution = LMMSolution(fit, satterthwaite=compute_satterthwaite, conf_level=conf_level, terms=terms)
        tell(fit.notes, solution)
        return solution
    given = read_formula(
        "lmm",
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
            residual=residual,
            dispersion=dispersion,
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
    design, of_structures = given.design()
    tell(design.notes)
    model = Model.of(design, Gaussian(bool(reml)), controls, of_structures)
    tell(model.likelihood.check(design))
    with Watch(observers_of(callbacks, verbose)) as watch:
        fit = model.fit(start=start, watch=watch)
    solution = LMMSolution(fit, satterthwaite=compute_satterthwaite, conf_level=conf_level, terms=given.terms)
    tell(fit.notes, solution)
    return solution
