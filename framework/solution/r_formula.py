"""A fit by formula in R: the formula as it was written, and the columns of its data, where R has all that it calls."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from ..contracts.errors import InputError
from ..design.censored import Surv
from ..design.terms import INTERCEPT
from ..display.rscript import Labelled, RColumn, r_strings, r_text
from ..formula.columns import Frame
from ..formula.functions import NUMERIC
from ..formula.model_frame import read_frame
from ..formula.tokens import Group, Node, Nodes, Token, is_sign, nest, tokenize
from ..formula.variables import Variable
from .r_variables import Variables, formula_of, labels_in_r

if TYPE_CHECKING:
    from ..formula.terms import Terms
    from .base import FittedModel

#: Functions that are the same in R, and their arguments by name.
FUNCTIONS = {*NUMERIC, "factor", "relevel", "interaction", "cut", "ifelse", "poly", "bs", "ns", "scale", "C", "c"} | {
    "offset",
    "cbind",
    "Surv",
}
ARGUMENTS = frozenset(("df", "knots", "degree", "raw", "levels", "labels", "right", "ref", "include.lowest"))
CONTRASTS = frozenset(("treatment", "sum", "helmert", "poly", "SAS"))
#: Names that R, or Python, takes for something else.
RESERVED = frozenset(
    ("if", "else", "repeat", "while", "function", "for", "next", "break", "in", "T", "F", "NULL", "NA")
)
RESERVED |= {"NA_integer_", "NA_real_", "NA_character_", "Inf", "NaN", "True", "False", "None"}
#: Functions of a script with the user's formula, whose columns R names as it writes calls.
UNSPACED = r"""unspaced <- function(name) gsub("[ \"']|\\bc(?=\\()", "", name, perl = TRUE)
of <- function(x, names) unname(x[match(names, unspaced(names(x)))])"""
PLAIN = re.compile(r"(?:[A-Za-z]|\.(?![0-9]))[A-Za-z0-9._]*")


def of_formula(solution: FittedModel[Any], frame: Any, package: str) -> tuple[Variables | None, str]:
    """The variables of a script that has the formula, or None and the reason why R does not read it.

    Raises
    ------
    InputError
        Where `frame` has not the data of the fit.
    """
    terms = solution.terms
    if terms is None:
        raise InputError("frame is for fits by formula; this one was fitted from arrays, which are in the script")
    if why_not := next(_not_in_r(solution, terms, package), ""):
        return None, why_not
    columns = _columns(solution, terms, frame)
    arguments = []
    if contrasts := terms.encoder.contrasts:
        named = (f"{name} = {r_text('contr.' + word)}" for name, word in contrasts.items())
        arguments.append(f"contrasts = list({', '.join(named)})")
    for name, encoder in terms.parameters.items():
        arguments.append(f"{formula_of(name)} = {encoder.formula.strip()}")
    if terms.weights == "array":
        name = next(name for name in ("w", "prior_weights", ".weights") if name not in columns)
        columns[name] = solution._fit.model.design.weights
        arguments.append(f"weights = {name}")
    elif terms.weights:
        arguments.append(f"weights = {terms.weights}")
    if terms.offset:
        arguments.append(f"offset = {terms.offset}")
    labels = solution._labels
    r_names = terms.r_names | {INTERCEPT: INTERCEPT}
    return Variables(
        columns=columns,
        meaning={},
        x=tuple(r_names[labels.fixed.names[j]] for j in labels.fixed.kept.tolist()),
        effects={},
        names={(t.group, c): r_names[c] for t in labels.terms for c in t.columns},
        g={t.group: t.group for t in labels.terms},
        formula=re.sub(r"\s*\n\s*", " ", terms.formula.strip()),
        arguments=tuple(arguments),
        after=tuple(_after(terms, columns)),
    ), ""


def _after(terms: Terms, columns: dict[str, RColumn]) -> Iterator[str]:
    """Levels in their order, which a file does not keep, and logical columns."""
    grouping = terms.encoder.plan.grouping()
    for name, (kind, _) in terms.encoder.variables.items():
        if isinstance(column := columns.get(name), Labelled):
            if kind == "logical":
                yield f'd${name} <- d${name} == "TRUE"'
            elif name not in grouping or name in terms.encoder.plan.encoded:
                yield f"d${name} <- factor(d${name}, levels = {r_strings(column.labels)})"


def unspaced(name: str) -> str:
    """R's name of a column as `UNSPACED` makes it: how blanks, quotes and lists are written is left out."""
    for python, r in (("True", "TRUE"), ("False", "FALSE"), ("[", "("), ("]", ")")):
        name = name.replace(python, r)
    return re.sub(r"[ \"']|\bc(?=\()", "", name)


def _columns(solution: FittedModel[Any], terms: Terms, frame: Any) -> dict[str, RColumn]:
    """Variables of the formula in the rows of the fit, checked against what was fitted."""
    encoder, design = terms.encoder, solution._fit.model.design
    told = {name: getattr(terms, name) for name in ("weights", "offset", "subset")}
    texts = {name: None if text in ("", "array") else text for name, text in told.items()}
    models = {name: own.formula for name, own in terms.parameters.items()}
    made = read_frame(terms.formula, frame, texts, contrasts=encoder.contrasts, parameters=models)
    read = Frame(frame)
    stored = {
        name: levels
        for own in (encoder, *terms.parameters.values())
        for name, (_, levels) in own.variables.items()
        if name not in own.plan.names.derived
    }
    values = {}
    for name, levels in stored.items():
        variable = read[name].take(made.rows)
        values[name] = variable.with_levels(levels, name) if variable.is_factor else variable
    if isinstance(made.y, Surv):
        raise InputError("ranef knows no package of R with random effects for censored responses")
    y = made.y if made.y.ndim == 1 else made.y[:, 0] / made.y.sum(axis=1)
    y = (y > 0).astype(np.float64) if made.outcomes else y
    if len(y) != design.n or not np.array_equal(y, design.y) or not _same_X(solution, values):
        raise InputError("frame has other data than the model was fitted to: pass the data frame of the fit")
    return {name: _in_r(variable) for name, variable in values.items()}


def _same_X(solution: FittedModel[Any], values: dict[str, Variable]) -> bool:
    terms, n = solution.terms, solution._fit.model.design.n
    assert terms is not None
    data = {
        name: v.values if not v.is_factor else np.array(v.levels, dtype=object)[v.codes] for name, v in values.items()
    }
    data |= {name: v.codes == 1 for name, v in values.items() if v.kind == "logical"}
    new = terms.encoder.new_data(data, None if terms.offset != "array" else np.zeros(n), effects=False)
    return np.allclose(new.X, solution._fit.model.design.X, rtol=1e-12, atol=1e-12)


def _in_r(variable: Variable) -> RColumn:
    """Numbers, or labels; those of logicals are R's."""
    if not variable.is_factor:
        return variable.values.astype(np.float64)
    if variable.kind == "logical":
        return Labelled(variable.codes, ("FALSE", "TRUE"))
    return Labelled(variable.codes, labels_in_r(variable.levels))


# What R does not have -----------------------------------------------------------------------------------------------


def _not_in_r(solution: FittedModel[Any], terms: Terms, package: str) -> Iterator[str]:
    """Reasons why R would not read the formula, or would read it otherwise."""
    plan, contrasts = terms.encoder.plan, terms.encoder.contrasts
    for text in (terms.formula, terms.weights, terms.offset, *(own.formula for own in terms.parameters.values())):
        if text != "array":
            yield from _texts(text, nest(text, tokenize(text)))
    if "array" in (terms.subset, terms.offset):
        yield "its subset or offset was given as an array"
    if any(own.contrasts for own in terms.parameters.values()):
        yield "variables of the dispersion have contrasts"
    if any(word not in CONTRASTS for word in contrasts.values()):
        yield "R has no contrasts of one of these names"
    if any(term.structure is not None for term in solution._labels.terms):
        yield "it has covariance structures"
    if package != "lme4" and "||" in terms.formula:
        yield f"{package} reads || in another way"
    parts = [part for random in plan.random for part in random.parts]
    if not all(isinstance(part, ast.Name) for part in parts) or set(plan.grouping()) & set(plan.names.derived):
        yield "lme4 takes columns as grouping factors, not calls"
    for name, term in terms.fixed.items():
        full = [factor for factor, word in term.contrasts.items() if word == "full"]
        logical = any(terms.encoder.variables.get(factor, ("",))[0] == "logical" for factor in full)
        if full and (len(term.contrasts) > 1 or logical):
            yield f"R has other columns for {name}"


def _texts(text: str, nodes: Nodes, in_call: bool = False) -> Iterator[str]:
    for i, node in enumerate(nodes):
        if isinstance(node, Group):
            yield from _group(text, node, in_call)
        elif node.kind == "quoted" or (node.kind == "name" and not _is_plain(node, nodes[i + 1 : i + 2])):
            yield f"{node.text} has another meaning in R, or none"
        elif node.kind == "text" and not (node.text.isascii() and node.text.isprintable()):
            yield "it has text that is not ASCII"


def _group(text: str, node: Group, in_call: bool) -> Iterator[str]:
    if node.function is not None and node.function.text not in FUNCTIONS:
        yield f"{node.function.text} is another function in R, or none"
    if node.opening.text != "(":
        yield "square brackets are no lists in R"
    bar = any(is_sign(n, "|", "||") for n in node.inside)
    inside = in_call or node.function is not None
    if not inside and not bar and any(isinstance(n, Token) and n.kind == "number" for n in node.inside):
        yield "an intercept inside of brackets is another in R"
    yield from _texts(text, node.inside, inside)


def _is_plain(token: Token, following: Nodes | tuple[Node, ...]) -> bool:
    """Whether a name is the same in R."""
    if following and is_sign(following[0], "="):
        return token.text in ARGUMENTS
    if token.text.startswith("contr."):
        return token.text.removeprefix("contr.") in CONTRASTS
    return PLAIN.fullmatch(token.text) is not None and token.text not in RESERVED and token.text != "."
