"""`model_frame`: a formula and a data frame, as what the array front ends take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..contracts.arrays import AnyArray, BoolArray, FloatArray, IntArray
from ..contracts.errors import DataWarning, InputError, InputTypeError, shown
from ..design.reading import check_alignment, rows_text
from ..design.terms import INTERCEPT
from ..notes import Note
from .columns import Frame, read_variable
from .encoder import Encoder, random_columns
from .expressions import Names, evaluate, variables
from .formulaic import Part
from .grouping import grouping_of
from .observed import observe
from .parameters import ParameterFormula, remaining
from .parts import columns_of, kinds, missing_rows, with_bases
from .plan import Plan, check_context, check_contrasts, make_plan, text_expression
from .source import Source, check_finite, numbers_of
from .terms import Terms
from .variables import Variable


@dataclass(frozen=True, eq=False)
class ModelFrame:
    """What will be fitted: the arguments of the array front ends, and the terms they came from.

    Parameters
    ----------
    y : (n,) array, or (n, 2)
        Response; two columns of successes and failures for ``cbind``.
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
        Levels of a response that is a factor: y is 0 for the first and 1 for any other.
    parameters : dict of str to (n, c) array
        Columns of the dispersion parameters that have a formula.
    """

    y: AnyArray
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
    parameters: dict[str, FloatArray] = field(default_factory=dict)

    def arguments(self) -> dict[str, Any]:
        """Arguments of `ranef.lmm` and `ranef.glmm` by name."""
        names = ("y", "X", "groups", "random_effects", "random_data", "covariance", "weights", "offset", "x_names",
                 "parameters")  # fmt: skip
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
        Where formulaic or narwhals is not installed (``pip install 'ranef[formula]'``).

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
    parameters: Mapping[str, str] | None = None,
) -> ModelFrame:
    """`model_frame`, with weights, offset and subset as `given`. Without `response` y is zero, and needs no column.

    `parameters` are the formulas of dispersion parameters, whose variables are in the same rows.
    """
    if na_action not in ("omit", "raise"):
        raise InputError(f"na_action must be 'omit' or 'raise'; got {shown(na_action)}")
    contrasts, context, order = check_contrasts(contrasts), check_context(context), _levels(levels)
    frame = Frame(data)
    given = {
        name: f"`{value}`" if isinstance(value, str) and value in frame else value for name, value in given.items()
    }
    arrays = {name: value for name, value in given.items() if value is not None and not isinstance(value, str)}
    check_alignment(data=data, **arrays)
    read = {name: _array(value, name, frame.n) for name, value in arrays.items()}
    texts = {name: "array" if name in arrays else value or "" for name, value in given.items()}

    dots = _dots(formula, frame, texts, contrasts, context)
    formulas = {
        name: ParameterFormula.of(text, frame, contrasts, context, order) for name, text in (parameters or {}).items()
    }
    contrasts = remaining(contrasts, formula, formulas.values())
    plan = make_plan(formula, dots, contrasts, context)
    asked = {name: text_expression(v, plan.names) for name, v in given.items() if isinstance(v, str)}
    source = Source(frame, plan.names, levels=order)
    left = plan.response if response else ()
    used = [name for tree in (*left, *plan.offsets) for name in variables(tree, plan.names)]
    used += [*plan.encoded, *plan.grouping()]
    used += [name for key in ("weights", "offset") if key in asked for name in variables(asked[key], plan.names)]
    used = with_bases(used, plan)
    if unknown := set(order).difference(used, *(one.used for one in formulas.values())):
        raise InputError(f"levels names {', '.join(sorted(unknown))}, which the formula does not use")

    inside = _subset(asked.get("subset"), read.get("subset"), source)
    missing: dict[str, BoolArray] = {}
    for one in formulas.values():
        missing |= one.missing(inside)
    missing |= missing_rows(used, plan, source, inside)
    missing |= {name: np.isnan(a) & inside for name, a in read.items() if name != "subset"}
    missing = {name: where for name, where in missing.items() if where.any()}
    if missing and na_action == "raise":
        said = "; ".join(f"{name} in {rows_text(where)}" for name, where in missing.items())
        raise InputError(f"values are missing: {said}. na_action='omit' leaves these rows out")
    lost = np.logical_or.reduce([np.zeros(frame.n, dtype=bool), *missing.values()])
    rows = np.flatnonzero(inside & ~lost)
    if len(rows) == 0:
        raise InputError("no row is left: " + (", ".join(missing) + " missing" if missing else "the subset is empty"))
    for each in (source, *(one.source for one in formulas.values())):
        each.keep(rows)

    y, outcomes = _response(plan, source, rows) if response else (np.zeros(len(rows)), ())
    prior = _numbers("weights", asked, read, source, rows)
    known = _numbers("offset", asked, read, source, rows)
    for tree in plan.offsets:
        known = numbers_of(tree, source, len(rows), "offset") + (0.0 if known is None else known)
    if known is not None:
        check_finite(known[:, None], ("offset",), rows)
    matrices, parts = columns_of(plan, source, rows)
    groups, effects, structures = _random(plan, source, parts)
    encoder = Encoder(
        formula=formula,
        columns=tuple(dots),
        contrasts=contrasts,
        variables=kinds(used, source),
        parts=tuple(parts.values()),
        offset=texts["offset"],
        context=context,
    )
    encoded = {name: one.encoded(rows, context) for name, one in formulas.items()}
    terms = Terms(
        formula=formula,
        response=plan.response_name,
        encoder=encoder,
        **{name: text.strip("`") for name, text in texts.items()},
        n_rows=frame.n,
        dropped={name: int(where.sum()) for name, where in missing.items()},
        n_dropped=int((lost & inside).sum()),
        n_outside=int((~inside).sum()),
        frame=frame.kind,
        levels=order,
        na_action=na_action,
        observed=observe(plan.in_fixed, source, prior, known),
        parameters={name: encoder for name, (_, encoder) in encoded.items()},
    )
    return ModelFrame(
        y=y,
        X=matrices[plan.fixed],
        x_names=parts[plan.fixed].columns,
        groups=groups,
        random_effects=effects,
        random_data={name: np.ascontiguousarray(c) for name, c in random_columns(plan, parts, matrices).items()},
        covariance=structures,
        weights=prior,
        offset=known,
        rows=rows,
        terms=terms,
        notes=(*_notes_of_outcomes(plan, outcomes), *_notes_of_split(plan, parts)),
        outcomes=outcomes,
        parameters={name: matrix for name, (matrix, _) in encoded.items()},
    )


# Arguments ----------------------------------------------------------------------------------------------------------


def _levels(levels: Any) -> dict[str, list[str]]:
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


def _dots(
    formula: str, frame: Frame, texts: Mapping[str, str], contrasts: Mapping[str, str], context: Mapping[str, Any]
) -> list[str]:
    """Columns that the dot may stand for: not those of weights, offset and subset."""
    names = Names(formula, context)
    taken = {
        name
        for text in texts.values()
        if text not in ("", "array")
        for name in variables(text_expression(text, names), names)
    }
    return [name for name in frame.names if name not in taken]


def _subset(tree: Any, mask: FloatArray | None, source: Source) -> BoolArray:
    if mask is not None:
        if not np.isin(mask[~np.isnan(mask)], (0.0, 1.0)).all():
            raise InputTypeError("subset must be a mask of True and False, a value for each row, or an expression")
        return np.asarray(mask == 1)
    if tree is None:
        return np.ones(source.frame.n, dtype=bool)
    value = evaluate(tree, source, source.names.context)
    if not isinstance(value, Variable) or value.kind != "logical":
        raise InputTypeError("subset must be logical, as in subset='age > 20'")
    return np.asarray(value.codes == 1)


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


# Parts --------------------------------------------------------------------------------------------------------------


def _response(plan: Plan, source: Source, rows: IntArray) -> tuple[AnyArray, tuple[str, ...]]:
    """The response, and its levels where it is a factor: 0 is the first and 1 any other, as in R."""
    if len(plan.response) == 2:
        both = np.column_stack([numbers_of(tree, source, len(rows), plan.response_name) for tree in plan.response])
        check_finite(both, (plan.response_name,) * 2, rows)
        return both, ()
    value = evaluate(plan.response[0], source, source.names.context)
    if isinstance(value, Variable) and value.kind == "text":
        raise InputTypeError(
            f"the response {plan.response_name} is text. For two outcomes write I({plan.response_name} == 'yes'), with "
            "the level that counts as a success"
        )
    if isinstance(value, Variable) and value.kind == "category":
        if len(value.levels) < 2:
            raise InputError(f"the response {plan.response_name} has one level: {value.levels[0]}")
        return (value.codes > 0).astype(np.float64), value.levels
    y = numbers_of(plan.response[0], source, len(rows), plan.response_name)
    check_finite(y[:, None], (plan.response_name,), rows)
    return y, ()


def _notes_of_outcomes(plan: Plan, outcomes: Sequence[str]) -> list[Note]:
    if len(outcomes) <= 2:
        return []
    text = f"the response {plan.response_name} is a factor: 0 is its level {outcomes[0]!r}, 1 is any other"
    return [Note(DataWarning, text)]


def _random(
    plan: Plan, source: Source, parts: Mapping[str, Part]
) -> tuple[dict[str, Any], dict[str, list[list[str]]], dict[str, list[str | None]] | None]:
    """Grouping factors, their terms, and the covariance structures of these."""
    groups: dict[str, Any] = {}
    effects: dict[str, list[list[str]]] = {}
    structures: dict[str, list[str | None]] = {}
    for random in plan.random:
        if random.label not in groups:
            groups[random.label] = grouping_of(random, source)
        for text in random.effects:
            columns = parts[text].columns
            before = {c for term in effects.get(random.label, []) for c in term}
            names = ["1" if c == INTERCEPT else c for c in columns]
            if twice := [INTERCEPT if c == "1" else c for c in names if c in before]:
                raise InputError(
                    f"{random.text}: {', '.join(twice)} by {random.label} is in another random term as well, and two "
                    "variances of one effect cannot be told apart: leave one out, as in (1 | g) + (0 + x | g)"
                )
            if not names:
                raise InputError(f"{random.text} has no effects: write 1 for a random intercept")
            effects.setdefault(random.label, []).append(names)
            structures.setdefault(random.label, []).append(random.word or None)
    named = {label: words for label, words in structures.items() if any(words)}
    return groups, effects, named or None


def _notes_of_split(plan: Plan, parts: Mapping[str, Part]) -> list[Note]:
    """Factors under ``||`` keep a block of their own, as in lme4."""
    notes = {}
    for random in plan.random:
        for text in random.effects if len(random.effects) > 1 or "||" in random.text else ():
            if len(columns := parts[text].columns) > 1:
                notes[random.text] = Note(
                    DataWarning,
                    f"{random.text}: the {len(columns)} columns {', '.join(columns)} stay correlated, as in lme4; "
                    f"diag(... | {random.label}) makes all effects independent",
                )
    return list(notes.values())


__all__ = ["ModelFrame", "model_frame"]
