"""`lmm_many` and `glmm_many`: one design, many responses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import Executor
from functools import partial
from typing import Any, Unpack

import numpy as np

from ..calls.arguments import Arguments
from ..calls.categories import with_spacings
from ..calls.formulas import GeneralizedFormula, LinearFormula, read_formula
from ..calls.parameters import models_of_parameters
from ..contracts.arrays import AnyArray
from ..contracts.errors import InputError, InputTypeError, shown
from ..contracts.ordered import OrderedFamily
from ..design.reading import as_mapping, check_alignment, frame_columns, read
from ..estimation.generalized import Laplace
from ..estimation.linear import Gaussian
from ..estimation.model import Controls, Model
from ..many.record import ManyFits, fit_many
from ..notes import tell
from ..solution.glmm import GLMMSolution
from ..solution.lmm import LMMSolution
from .settings import check_settings

#: What of the arguments is said by `Arguments`, and by formulas.
OF_ARRAYS = (
    "random_effects",
    "random_data",
    "correlated",
    "covariance",
    "relationship",
    "precision",
    "weights",
    "offset",
    "x_names",
)
OF_FORMULAS = ("contrasts", "na_action", "subset", "levels", "context")
OF_LINEAR = ("reml", "compute_satterthwaite", "residual", "dispersion")
OF_FAMILIES = ("family", "nagq", "hessian", "dispersion", "zi", "parameters")
OF_SEARCHES = ("backend", "optimizer", "tol", "max_iter")


class _ArraysOnly(LinearFormula, total=False):
    """... and what formulas say themselves."""

    random_effects: Mapping[str, Any] | None
    random_data: Mapping[str, Any] | None
    correlated: Mapping[str, bool] | bool | None
    x_names: Any


class _GeneralizedArraysOnly(GeneralizedFormula, total=False):
    """The same of `ranef.glmm`."""

    random_effects: Mapping[str, Any] | None
    random_data: Mapping[str, Any] | None
    correlated: Mapping[str, bool] | bool | None
    x_names: Any


def lmm_many(
    Y: Any,
    X: Any,
    groups: Any,
    *,
    L: Any = None,
    executor: Executor | None = None,
    progress: Any = None,
    **options: Unpack[_ArraysOnly],
) -> ManyFits:
    """Fit a linear mixed model to each of many responses.

    Two calls: ``lmm_many(Y, formula, data)``, with a formula that has nothing before its ``~``, and
    ``lmm_many(Y, X, groups)`` with arrays.

    Parameters
    ----------
    Y : (n, m) array-like, data frame, dict of columns, or iterator of these
        A response in each column, with NaN where a value is missing: the row is left out of that response's fit. An
        iterator gives block after block of responses, and none is kept.
    X, groups
        As for `ranef.lmm`; or a formula such as ``"~ x + (1 | g)"`` and its data.
    L : as of `LMMSolution.contrast`, optional
        Linear combinations of the coefficients to be estimated too.
    executor : concurrent.futures.Executor, optional
        Runs blocks of responses in its workers; the results have the same bits.
    progress : bool or observers, optional
        As in `LMMSolution.bootstrap`.
    options
        As for `ranef.lmm`.

    Returns
    -------
    ManyFits
        Arrays with a row for each response. One without a fit is marked, with its `reason`; one warning sums up what
        there is to say.

    Raises
    ------
    InputError, InputTypeError
        For bad input, before any work.

    Examples
    --------
    >>> import numpy as np, ranef
    >>> d = ranef.datasets.load("sleepstudy")
    >>> Y = np.column_stack([d["Reaction"], np.log(d["Reaction"])])
    >>> many = ranef.lmm_many(Y, "~ Days + (Days | Subject)", d)
    >>> many.coefficients[:, 1].round(4).tolist(), many.se[:, 1].round(4).tolist()
    ([10.4673, 0.0337], [1.5458, 0.0048])
    """
    of_residuals = {name: options.get(name) for name in ("residual", "dispersion")}
    given, own, Y, controls = _read("lmm_many", Y, X, groups, options, OF_LINEAR, of_residuals)
    reml, satterthwaite = own.get("reml", True), own.get("compute_satterthwaite", True)
    level = check_settings(own.get("conf_level", 0.95), reml=reml, compute_satterthwaite=satterthwaite)
    design, of_structures = given.design()
    model = Model.of(design, Gaussian(bool(reml)), controls, of_structures)
    of = partial(LMMSolution, satterthwaite=satterthwaite, conf_level=level, terms=given.terms)
    return _fitted(model, Y, of, given, L, executor, progress)


def glmm_many(
    Y: Any,
    X: Any,
    groups: Any,
    *,
    L: Any = None,
    executor: Executor | None = None,
    progress: Any = None,
    **options: Unpack[_GeneralizedArraysOnly],
) -> ManyFits:
    """Fit a generalized linear mixed model to each of many responses.

    Two calls: ``glmm_many(Y, formula, data)``, with a formula that has nothing before its ``~``, and
    ``glmm_many(Y, X, groups)`` with arrays.

    Parameters
    ----------
    Y, X, groups, L, executor, progress
        As for `ranef.lmm_many`. Binomial responses are 0/1, or proportions with `weights` the numbers of trials.
    options
        As for `ranef.glmm`, models of parameters (``dispersion="~ x"``, ``zi=``, ``parameters=``) included.

    Returns
    -------
    ManyFits

    Raises
    ------
    InputError, InputTypeError
        For bad input, before any work.

    Examples
    --------
    >>> import numpy as np, ranef
    >>> d = ranef.datasets.load("cbpp")
    >>> Y = {"all": d["incidence"] / d["size"], "any": (d["incidence"] > 0).astype(float)}
    >>> many = ranef.glmm_many(Y, "~ period + (1 | herd)", d, weights="size")
    >>> many.log_likelihood.round(3).tolist()[0], many.responses
    (-92.026, ('all', 'any'))
    """
    likelihood = Laplace.of(
        options.get("family", "binomial"), options.get("nagq", 1), options.get("hessian", "observed")
    )
    of_parameters = (options.get("dispersion"), options.get("parameters"), options.get("zi"))
    models = models_of_parameters(likelihood.family, *of_parameters)
    given, own, Y, controls = _read("glmm_many", Y, X, groups, options, OF_FAMILIES, {"parameters": models})
    level = check_settings(own.get("conf_level", 0.95))
    if isinstance(likelihood.family, OrderedFamily):
        given = with_spacings(given, likelihood.family)
    design, of_structures = given.design(likelihood.family)
    model = Model.of(design, likelihood, controls, of_structures)
    of = partial(GLMMSolution, conf_level=level, terms=given.terms)
    return _fitted(model, Y, of, given, L, executor, progress)


def _read(
    function: str,
    Y: Any,
    X: Any,
    groups: Any,
    options: Mapping[str, Any],
    of_likelihood: tuple[str, ...],
    models: Mapping[str, Any],
) -> tuple[Arguments, dict[str, Any], Any, Controls]:
    """Arguments of one response, what only this front end knows, the responses of the rows used, and the controls.

    The response of the arguments are the numbers of the rows: a formula may leave some out.
    """
    known = (*OF_ARRAYS, *OF_FORMULAS, *OF_SEARCHES, *of_likelihood, "conf_level")
    if unknown := [name for name in options if name not in known]:
        raise InputTypeError(f"{function} has no argument {', '.join(unknown)}; it has {', '.join(known)}")
    check_alignment(None, None, Y=Y, X=groups if isinstance(X, str) else X)
    arrays: dict[str, Any] = {name: options.get(name) for name in OF_ARRAYS} | dict(models)
    for_formula = {name: options.get(name) for name in OF_FORMULAS}
    if isinstance(X, str):
        text, data = _with_response(X, groups)
        empty = Arguments(None, None, None, **arrays)
        given = read_formula(function, empty, formula=text, data=data, options=for_formula)
        n = len(read(next(iter(data.values())), "data"))
        rows = np.asarray(given.y, dtype=np.intp)
        if len(rows) < n:
            Y = _selected(Y, rows, n) if isinstance(Y, Iterator) else next(_selected(iter([Y]), rows, n))
    else:
        n = len(X) if frame_columns(X) is not None else len(np.atleast_1d(read(X, "X").values))
        given = read_formula(
            function, Arguments(np.arange(float(n)), X, groups, **arrays), formula=None, data=None, options=for_formula
        )
    controls = {"backend": "auto", "optimizer": "auto", "tol": 1e-8, "max_iter": 200}
    asked = Controls.of(**(controls | {name: options[name] for name in OF_SEARCHES if name in options}))
    return given, {name: options[name] for name in (*of_likelihood, "conf_level") if name in options}, Y, asked


def _with_response(formula: str, data: Any) -> tuple[str, dict[str, Any]]:
    """The formula with a response, and the data with its column, the numbers of the rows."""
    if not formula.lstrip().startswith("~"):
        raise InputError(
            f"the responses are the columns of Y, so that the formula has nothing before its ~, as in '~ x + (1 | g)'; "
            f"got {shown(formula)}"
        )
    columns = dict(as_mapping(data, "data"))
    if not columns:
        raise InputTypeError("a formula needs data: a data frame, or a dict of columns")
    name = "response"
    while name in columns:
        name += "_"
    n = len(read(next(iter(columns.values())), "data"))
    first = next(iter(columns.values()))
    numbers: Any = np.arange(float(n))
    if hasattr(first, "index") and hasattr(first, "iloc"):  # a column of pandas goes by its index
        numbers = type(first)(numbers, index=first.index)
    return f"{name} {formula.lstrip()}", columns | {name: numbers}


def _selected(blocks: Iterator[Any], rows: AnyArray, n: int) -> Iterator[dict[str, Any]]:
    """Blocks of responses with the rows that the formula uses."""
    from ..many.responses import blocks_of

    for block in blocks_of(blocks, n):
        yield dict(zip(block.names, block.values[rows].T, strict=True))


def _fitted(
    model: Model[Any], Y: Any, of: Any, given: Arguments, L: Any, executor: Executor | None, progress: Any
) -> ManyFits:
    design = model.design
    tell([*design.notes, *model.likelihood.check_design(design)])
    frame = given.terms.frame if given.terms else ""
    many = fit_many(model, Y, of, L=L, executor=executor, progress=progress, frame=frame)
    tell(many.notes, many)
    return many


__all__ = ["glmm_many", "lmm_many"]
