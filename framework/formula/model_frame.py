"""`model_frame`: a formula and a data frame, as what the array front ends take."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from ..contracts.arrays import AnyArray, FloatArray, IntArray
from ..contracts.errors import InputError, InputTypeError, shown
from ..design.censored import Surv
from ..design.reading import check_alignment, rows_text
from ..design.terms import INTERCEPT
from ..notes import Note
from .columns import Frame, read_variable
from .encoder import Encoder, random_columns
from .expressions import Names, variables
from .observed import observe
from .parameters import ParameterFormula, remaining
from .parts import columns_of, kinds
from .plan import Plan, check_context, check_contrasts, make_plan, text_expression
from .random_terms import groups_of, notes_of_split, random_terms
from .residual import residual_plan
from .response import response_of
from .selection import select, with_bases
from .smooths import SmoothColumns
from .source import Source, check_finite, numbers_of
from .terms import Terms
from .tokens import refuse


@dataclass(frozen=True, eq=False)
class ModelFrame:
    """What will be fitted: the arguments of the array front ends, and the terms they came from.

    Parameters
    ----------
    y : (n,) array, or (n, 2), or Surv
        Response; two columns of successes and failures for ``cbind``, a record of both columns for ``Surv``.
    X : (n, p) array
    x_names : tuple of str
    groups : dict of str to labels
        By lme4's labels: ``"class:school"``.
    random_effects : dict of str to list of terms
    random_data : dict of str to (n,) array
    covariance : dict of str to structures, or None
    weights, offset : (n,) array, or None
    rows : (n,) int array
        Rows of the data that are used, counted from 0.
    terms : Terms
    notes : tuple of Note
        What is worth a warning.
    outcomes : tuple of str
        Levels of a response that is a factor: y is the place of each row's.
    unordered : bool
        Whether its type says that these have no order.
    residual : dict, optional
        Correlation of residuals: its name, groups and times.
    dispersion : (n, d) array, optional
        Columns of the residuals' log standard deviation, called `dispersion_names`.
    parameters : dict of str to (n, c) array
        Columns of the dispersion parameters that have a formula.
    """

    y: AnyArray | Surv
    X: FloatArray
    x_names: tuple[str, ...]
    groups: dict[str, Any]
    random_effects: dict[str, list[list[str]]]
    random_data: dict[str, FloatArray]
    covariance: dict[str, list[str | None]] | None
    weights: FloatArray | None
    offset: FloatArray | None
    rows: IntArray
    terms: Terms
    notes: tuple[Note, ...] = ()
    outcomes: tuple[str, ...] = ()
    unordered: bool = False
    residual: dict[str, Any] | None = None
    dispersion: FloatArray | None = None
    dispersion_names: tuple[str, ...] = ()

    parameters: dict[str, FloatArray] = field(default_factory=dict)

    def arguments(self) -> dict[str, Any]:
        """Arguments of `ranef.lmm` and `ranef.glmm` by name."""
        names = [f.name for f in fields(self) if f.name not in ("rows", "terms", "notes", "outcomes", "unordered")]
        return {name: getattr(self, name) for name in names} | {"y_name": self.terms.response}

    def __repr__(self) -> str:
        """The model and its size, columns by term, groups with levels, rows that were left out."""
        lines = [f"{' '.join(self.terms.formula.split())}", f"{len(self.rows)} rows, {self.X.shape[1]} columns of X"]
        lines += [f"  {name}: {', '.join(term.columns)}" for name, term in self.terms.fixed.items()]
        for name, labels in self.groups.items():
            effects = "; ".join(", ".join(INTERCEPT if c == "1" else c for c in t) for t in self.random_effects[name])
            count = len(getattr(labels, "categories", ())) or len(np.unique(labels))
            lines.append(f"random effects by {name} ({count} levels): {effects}")
        lines += [f"{name}: {text}" for name in ("weights", "offset") if (text := getattr(self.terms, name))]
        return "\n".join([*lines, *filter(None, [self.terms.rows_text])])


def model_frame(
    formula: str,
    data: Any,
    *,
    weights: Any = None,
    offset: Any = None,
    contrasts: Mapping[str, str] | None = None,
    na_action: str = "omit",
    subset: Any = None,
    levels: Mapping[str, Sequence[Any]] | None = None,
    context: Mapping[str, Any] | None = None,
) -> ModelFrame:
    """Everything that a formula makes of a data frame, without fitting.

    Parameters
    ----------
    formula : str
        As in lme4: ``"y ~ x + f + (1 + x | school/class)"``.
    data : data frame of pandas, polars or pyarrow, or dict of arrays
    weights, offset : str or (n,) array-like, optional
        A column, an expression such as ``"log(exposure)"``, or an array with a value for each row of the data.
    contrasts : dict of variable -> word, optional
        ``{"f": "sum"}``: treatment (the default), sum, helmert, poly, SAS or diff, in the fixed terms.
    na_action : {"omit", "raise"}, default "omit"
        What is done about rows in which a variable of the model is missing.
    subset : str or (n,) bool array-like, optional
        Rows to use: ``"age > 20"``, or a mask.
    levels : dict of variable -> list, optional
        Order of a factor's levels, the first one is the reference.
    context : dict of name -> function, optional
        Functions of your own that the formula may call, and constants.

    Returns
    -------
    ModelFrame

    Raises
    ------
    InputError, InputTypeError
        With the place in the formula, the column, the rows or the levels.
    MissingExtraError
        Where formulaic or narwhals is not installed (``pip install "ranef[formula]"``).

    Examples
    --------
    >>> import ranef
    >>> ranef.model_frame("Reaction ~ Days + (Days | Subject)", ranef.datasets.load("sleepstudy"))
    Reaction ~ Days + (Days | Subject)
    180 rows, 2 columns of X
      (Intercept): (Intercept)
      Days: Days
    random effects by Subject (18 levels): (Intercept), Days
    """
    given = {"weights": weights, "offset": offset, "subset": subset}
    return read_frame(formula, data, given, contrasts=contrasts, na_action=na_action, levels=levels, context=context)


def read_frame(
    formula: str,
    data: Any,
    given: Mapping[str, Any],
    *,
    contrasts: Mapping[str, str] | None = None,
    na_action: str = "omit",
    levels: Mapping[str, Sequence[Any]] | None = None,
    context: Mapping[str, Any] | None = None,
    response: bool = True,
    residual: Any = None,
    dispersion: Any = None,
    parameters: Mapping[str, str] | None = None,
) -> ModelFrame:
    """`model_frame`, with weights, offset and subset as `given`. Without `response` y is zero, and needs no column.

    `parameters` are the formulas of dispersion parameters, whose variables are in the same rows.
    """
    if na_action not in ("omit", "raise"):
        raise InputError(f"na_action must be 'omit' or 'raise'; got {shown(na_action)}")
    contrasts, context, order = check_contrasts(contrasts), check_context(context), levels_asked(levels)
    frame = Frame(data)
    written, read = _given(given, data, frame)
    dots = dots_of(formula, frame, written, context)
    formulas = {
        name: ParameterFormula.of(text, frame, contrasts, context, order) for name, text in (parameters or {}).items()
    }
    contrasts = remaining(contrasts, formula, formulas.values())
    plan = make_plan(formula, dots, contrasts, context)
    of_residual = residual_plan(residual, dispersion, plan.names)
    if not plan.random and not plan.smooths and of_residual is None:
        refuse(
            formula,
            0,
            len(formula),
            "a mixed model needs a random term such as (1 | g); without one fit a linear model, or say how residuals "
            "are correlated, as in residual='ar1(time | subject)'",
        )
    asked = {name: text_expression(v, plan.names) for name, v in written.items()}
    source = Source(frame, plan.names, levels=order)
    used = _used(plan, asked, response, of_residual.used if of_residual else ())
    others = [(one.source, one.used) for one in formulas.values()]
    if unknown := set(order).difference(used, *(names for _, names in others)):
        raise InputError(f"levels names {', '.join(sorted(unknown))}, which the formula does not use")
    selection = select(source, used, asked.get("subset"), read, na_action, others)
    rows = selection.rows
    for each in (source, *(other for other, _ in others)):
        each.keep(rows)

    y, outcomes, unordered = response_of(plan, source, rows) if response else (np.zeros(len(rows)), (), False)
    prior = _numbers("weights", asked, read, source, rows)
    known = _offset(plan, asked, read, source, rows)
    matrices, parts = columns_of(plan, source, rows)
    groups = groups_of(plan, source)
    effects, structures = random_terms(plan, parts)
    smooths = SmoothColumns.learn(plan, source, rows)
    texts = dict.fromkeys(given, "") | written | dict.fromkeys(read, "array")
    encoder = Encoder(
        formula=formula,
        columns=tuple(dots),
        contrasts=contrasts,
        variables=kinds(used, source),
        parts=tuple(parts.values()),
        offset=texts["offset"],
        context=context,
        smooths=smooths.terms,
    )
    encoded = {name: one.encoded(rows, context) for name, one in formulas.items()}
    terms = Terms(
        formula=formula,
        response=plan.response_name,
        encoder=encoder,
        **{name: text.strip("`") for name, text in texts.items()},
        n_rows=frame.n,
        dropped=selection.dropped,
        n_dropped=selection.n_dropped,
        n_outside=selection.n_outside,
        frame=frame.kind,
        levels=order,
        na_action=na_action,
        observed=observe(plan.in_fixed, source, prior, known),
        residual=" ".join((residual or "").split()),
        dispersion=" ".join((dispersion or "").split()),
        parameters={name: encoder for name, (_, encoder) in encoded.items()},
    )
    return ModelFrame(
        y=y,
        X=smooths.beside(matrices[plan.fixed]),
        x_names=(*parts[plan.fixed].columns, *smooths.names),
        groups=groups | smooths.groups(len(rows)),
        random_effects=effects | smooths.effects,
        random_data={name: np.ascontiguousarray(c) for name, c in random_columns(plan, parts, matrices).items()}
        | smooths.data,
        covariance=(structures or {}) | smooths.structures or None,
        weights=prior,
        offset=known,
        rows=rows,
        terms=terms,
        notes=tuple(notes_of_split(plan, parts)),
        outcomes=outcomes,
        unordered=unordered,
        **(of_residual.arguments(source, rows) if of_residual else {}),
        parameters={name: matrix for name, (matrix, _) in encoded.items()},
    )


# Arguments ----------------------------------------------------------------------------------------------------------


def levels_asked(levels: Any) -> dict[str, list[str]]:
    """Orders of levels by variable, as text."""
    if levels is None:
        return {}
    if not isinstance(levels, Mapping):
        raise InputTypeError(f"levels must be a dict such as {{'f': ['low', 'high']}}; got {shown(levels)}")
    out = {str(name): [f"{v:g}" if isinstance(v, float) else str(v) for v in listed] for name, listed in levels.items()}
    if twice := [name for name, listed in out.items() if len(set(listed)) < len(listed)]:
        raise InputError(f"levels[{twice[0]!r}] has a level twice")
    return out


def _array(value: Any, name: str, n: int) -> FloatArray:
    """An argument that is an array: numbers, NaN where missing."""
    numbers = read_variable(value, name).numbers(name)
    if len(numbers) != n:
        raise InputError(f"{name} has {len(numbers)} rows, data has {n}")
    return numbers


def _given(given: Mapping[str, Any], data: Any, frame: Frame) -> tuple[dict[str, str], dict[str, FloatArray]]:
    """Weights, offset and subset: those that are text, and those that are arrays."""
    written = {name: f"`{v}`" if v in frame else v for name, v in given.items() if isinstance(v, str)}
    arrays = {name: v for name, v in given.items() if v is not None and name not in written}
    check_alignment(data=data, **arrays)
    return written, {name: _array(v, name, frame.n) for name, v in arrays.items()}


def _used(plan: Plan, asked: Mapping[str, ast.expr], response: bool, more: Sequence[str]) -> list[str]:
    """Variables that no row may lack, `more` of them, and those that they are made from."""
    trees = [*(plan.response if response else ()), *plan.offsets]
    trees += [asked[key] for key in ("weights", "offset") if key in asked]
    used = [name for tree in trees for name in variables(tree, plan.names)] + [
        *plan.encoded,
        *plan.grouping(),
        *plan.smoothed(),
        *more,
    ]
    return with_bases(used, plan.names)


def dots_of(formula: str, frame: Frame, written: Mapping[str, str], context: Mapping[str, Any]) -> list[str]:
    """Columns that the dot may stand for: not those of weights, offset and subset."""
    names = Names(formula, context)
    taken = {name for text in written.values() for name in variables(text_expression(text, names), names)}
    return [name for name in frame.names if name not in taken]


def _numbers(
    name: str, asked: Mapping[str, Any], read: Mapping[str, FloatArray], source: Source, rows: IntArray
) -> FloatArray | None:
    if name in asked:
        numbers = numbers_of(asked[name], source, len(rows), name)
    elif name in read:
        numbers = read[name][rows]
    else:
        return None
    check_finite(numbers[:, None], (name,), rows)
    if name == "weights" and (numbers <= 0).any():
        bad = np.zeros(source.frame.n, dtype=bool)
        bad[rows[numbers <= 0]] = True
        raise InputError(
            f"weights must be positive; they are zero or negative in {rows_text(bad)}: leave these rows out"
        )
    return numbers


def _offset(
    plan: Plan, asked: Mapping[str, Any], read: Mapping[str, FloatArray], source: Source, rows: IntArray
) -> FloatArray | None:
    """The argument, and all offsets of the formula, added up."""
    known = _numbers("offset", asked, read, source, rows)
    for tree in plan.offsets:
        known = numbers_of(tree, source, len(rows), "offset") + (0.0 if known is None else known)
    if known is not None:
        check_finite(known[:, None], ("offset",), rows)
    return known


__all__ = ["ModelFrame", "model_frame"]
