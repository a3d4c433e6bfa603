"""The one place that calls formulaic: columns of X and of random effects, encoded once and again."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np

from ..contracts.arrays import FloatArray
from ..contracts.errors import InputError
from ..design.terms import INTERCEPT
from .columns import library
from .expressions import Names
from .functions import NUMERIC

#: Rows that are encoded at a time: more take more memory, fewer more time.
PIECE = 262_144


@dataclass(frozen=True)
class TermColumns:
    """A term of the formula.

    Parameters
    ----------
    name : str
        As ``"f:log(x)"``.
    columns : tuple of str
        Names of its columns.
    factors : tuple of str
        What it is a product of.
    contrasts : dict of str to str
        Contrasts of those of `factors` that have levels: ``"treatment"``, ``"sum"`` ...; ``"full"`` for an indicator
        of every level.
    """

    name: str
    columns: tuple[str, ...]
    factors: tuple[str, ...]
    contrasts: Mapping[str, str]


@dataclass(frozen=True)
class Part:
    """What was learned of one sum of terms: enough to encode other rows in the same way.

    Parameters
    ----------
    source : str
        Text for formulaic.
    columns, r_names : tuple of str
        Names of the columns: ranef's, and R's.
    terms : tuple of TermColumns
    state : dict
        What ``poly``, ``scale``, ``bs`` ... learned.
    """

    source: str
    columns: tuple[str, ...]
    r_names: tuple[str, ...]
    terms: tuple[TermColumns, ...]
    state: Mapping[str, Any]


def terms_of(source: str) -> list[str]:
    """Terms of a sum, in the order of the columns."""
    return [str(term) for term in _formula(source)]


def factors_of(source: str) -> dict[str, tuple[str, ...]]:
    """What each term of a sum is a product of; the intercept of nothing."""
    return {str(term): tuple(f.expr for f in term.factors if f.expr != "1") for term in _formula(source)}


def learn(source: str, frame: Any, names: Names) -> tuple[FloatArray, Part]:
    """Columns (n, p) of a sum of terms, and what was learned.

    Parameters
    ----------
    source : str
        Text, written by `plan`.
    frame : pandas.DataFrame
        Numbers, and categories without unused levels; nothing missing.
    names : Names
    """
    if terms_of(source) == ["1"]:
        alone = TermColumns(INTERCEPT, (INTERCEPT,), (INTERCEPT,), {})
        return _ones(frame), Part(source, (INTERCEPT,), (INTERCEPT,), (alone,), {})
    matrix, spec = _materialize(source, {}, frame, names)
    terms, columns, r_names = [], [], []
    for term, where in (spec.term_slices if matrix.shape[1] else {}).items():
        own = spec.column_names[where]
        readable, r_own = _named(term, own, spec, names)
        contrasts = {
            _shown(f.expr, names): ("full" if f"[{s.levels[0]}]" in "".join(own) else _word(s.contrasts))
            for f in term.factors
            if (s := spec.factor_contrasts.get(f)) is not None
        }
        factors = tuple(_shown(f.expr, names) for f in term.factors)
        terms.append(TermColumns(_shown(str(term), names), tuple(readable), factors, contrasts))
        columns += readable
        r_names += r_own
    return matrix, Part(source, tuple(columns), tuple(r_names), tuple(terms), plain(spec.transform_state or {}))


def encode(part: Part, frame: Any, names: Names) -> FloatArray:
    """Columns of other rows, by what was learned."""
    if part.columns == (INTERCEPT,):
        return _ones(frame)
    matrix, _ = _materialize(part.source, part.state, frame, names)
    if matrix.shape[1] != len(part.columns):
        raise InputError(f"the new rows make {matrix.shape[1]} columns where the fit has {len(part.columns)}")
    return matrix


def codings(part: Part, table: Any, names: Names) -> dict[str, dict[str, FloatArray]]:
    """Of every factor with levels, by its name in `TermColumns`: what its columns are at each level, (levels,).

    By the labels that stand in names of columns: ``f[T.b]`` of its contrasts, ``f[b]`` of an indicator.

    Parameters
    ----------
    part : Part
    table : pandas.DataFrame
        The variables with levels, all of which occur.
    names : Names
    """
    wanted = {factor for term in part.terms for factor in term.contrasts}
    exprs = dict.fromkeys(f.expr for term in _formula(part.source) for f in term.factors)
    found = [expr for expr in exprs if _shown(expr, names) in wanted]
    if not found:
        return {}
    _, spec = _materialize(" + ".join(["1", *found]), {}, table, names)
    out: dict[str, dict[str, FloatArray]] = {}
    for factor, state in spec.factor_contrasts.items():
        own = out[_shown(factor.expr, names)] = {}
        for reduced in (True, False):
            pattern = state.contrasts.get_factor_format(state.levels, reduced_rank=reduced)
            fields = state.contrasts.get_coding_column_names(state.levels, reduced_rank=reduced)
            matrix = np.asarray(state.contrasts.get_coding_matrix(state.levels, reduced_rank=reduced), np.float64)
            for field, column in zip(fields, matrix.T, strict=True):
                own[_shown(pattern.format(name=factor.expr, field=field), names)] = column
    return out


def _ones(frame: Any) -> FloatArray:
    return np.ones((len(frame), 1), order="F")


@lru_cache(maxsize=256)
def _formula(source: str) -> Any:
    """Parsed; read by several functions in a fit, and by none of them written to."""
    formulaic, parser = library("formulaic"), library("formulaic.parser")
    try:
        return formulaic.Formula(source, _parser=parser.DefaultFormulaParser(feature_flags=set()))
    except Exception as error:  # what passed our own checks and not formulaic's
        raise InputError(f"the terms cannot be read: {error}") from error


def _materialize(source: str, state: Mapping[str, Any], frame: Any, names: Names) -> tuple[FloatArray, Any]:
    """Columns (n, p) and formulaic's specification; by pieces of the rows, where no column depends on other rows."""
    spec = _specification(source, state)
    if spec.formula == []:
        return np.empty((len(frame), 0)), spec
    called = set(re.findall(r"(?<![\w.])(\w+)\(", source))
    size = PIECE if called <= {*NUMERIC, "C"} else len(frame)
    made = _sparse(spec, frame.iloc[:size], names)
    X, learned = np.zeros((len(frame), made.shape[1]), order="F"), made.model_spec
    for start in range(0, len(frame), size):
        if start > 0:
            made = _sparse(_specification(source, state), frame.iloc[start : start + size], names)
        for j, (first, last) in enumerate(pairwise(made.indptr)):
            X[start + made.indices[first:last], j] = made.data[first:last]
    return X, learned


def _specification(source: str, state: Mapping[str, Any]) -> Any:
    """What formulaic is asked for: a sparse matrix, which takes less time and memory than a dense one."""
    made = library("formulaic").ModelSpec
    return made(formula=_formula(source), output="sparse", na_action="ignore", transform_state=_copied(state))


def _sparse(spec: Any, frame: Any, names: Names) -> Any:
    """The columns (n, p) as a sparse matrix, column by column."""
    from .splines import natural_spline

    context = {**names.context, **NUMERIC, "ns": natural_spline()}
    try:
        with np.errstate(all="ignore"):
            return spec.get_model_matrix(frame, context=context)
    except InputError:
        raise
    except Exception as error:
        cause = error.__cause__ or error
        said = names.display(str(cause).strip() or str(error))
        raise InputError(f"{names.text}: the terms cannot be encoded: {said}") from error


# Names --------------------------------------------------------------------------------------------------------------


def _shown(text: str, names: Names) -> str:
    """A factor, term or column as it was written; contrasts that came by an argument do not show."""
    if text == "1":
        return INTERCEPT
    for identifier in (names.identifier(name) for name in names.contrasted):
        text = re.sub(rf"C\({identifier}, contr\.\w+\)", identifier, text)
    return names.display(text)


def _named(term: Any, columns: tuple[str, ...], spec: Any, names: Names) -> tuple[list[str], list[str]]:
    """Names of a term's columns: ranef's and R's, which has ``fb`` for ``f[T.b]`` and ``poly(x, 2)1``."""
    if str(term) == "1":
        return [INTERCEPT], [INTERCEPT]
    labels = [_labels(f, columns, spec, names) for f in term.factors]
    by_name = {
        ":".join(own for own, _ in chosen): ":".join(r for _, r in chosen) for chosen in itertools.product(*labels)
    }
    return [_shown(c, names) for c in columns], [by_name.get(c, _shown(c, names)) for c in columns]


def _labels(factor: Any, columns: tuple[str, ...], spec: Any, names: Names) -> list[tuple[str, str]]:
    """Formulaic's and R's label of every column that one factor makes."""
    expr, r = factor.expr, _shown(factor.expr, names).replace(" ** ", "^")
    state = spec.factor_contrasts.get(factor)
    if state is None:
        found = {int(k) for c in columns for k in re.findall(re.escape(expr) + r"\[(\d+)\]", c)}
        first = min(found, default=1)
        return [(expr, r), *((f"{expr}[{k}]", f"{r}{k - first + 1}") for k in sorted(found))]
    out = []
    word = _word(state.contrasts)
    for reduced in (True, False):
        pattern = state.contrasts.get_factor_format(state.levels, reduced_rank=reduced)
        coded = state.contrasts.get_coding_column_names(state.levels, reduced_rank=reduced)
        for i, field in enumerate(coded):
            numbered = reduced and word in ("sum", "helmert", "diff", "sas")
            level = {"True": "TRUE", "False": "FALSE"}.get(str(field), str(field))
            out.append((pattern.format(name=expr, field=field), f"{r}{i + 1 if numbered else level}"))
    return out


def _word(contrasts: Any) -> str:
    return type(contrasts).__name__.removesuffix("Contrasts").lower()


# State --------------------------------------------------------------------------------------------------------------


def plain(value: Any) -> Any:
    """State of formulaic as dicts, lists, numbers and text alone.

    Examples
    --------
    >>> plain({"alpha": {0: np.float64(1.5)}, "knots": np.array([1.0, 2.0])})
    {'alpha': {0: 1.5}, 'knots': [1.0, 2.0]}
    """
    if isinstance(value, Mapping):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if hasattr(value, "to_numpy"):
        return value.to_numpy().tolist()
    raise InputError(f"a transformation of the formula keeps a {type(value).__name__}, which cannot be stored")


def _copied(state: Mapping[str, Any]) -> dict[str, Any]:
    """A copy that formulaic may write to, lists of lists as arrays again."""

    def copy(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: copy(one) for key, one in value.items()}
        return np.array(value) if isinstance(value, list) and value and isinstance(value[0], list) else value

    return {key: copy(value) for key, value in state.items()}
