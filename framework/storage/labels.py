"""What things are called: labels as plain data, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.sparse import csc_array

from ..contracts.arrays import FloatArray
from ..contracts.linalg import Grouping, Pattern
from ..contracts.precision import KnownPrecision
from ..design.labels import FixedLabels, GroupLabels, Labels
from ..design.precision import SINGULAR
from ..design.terms import Term
from ..registry.kinds import COVARIANCE
from .archive import Tree
from .node import Node
from .plugins import plugin_of, plugin_state
from .residual import residual_labels_of, residual_labels_state
from .values import levels_of, levels_state


def labels_state(labels: Labels) -> Tree:
    """Labels of a model, with its pattern."""
    return {
        "response": labels.response,
        "n": labels.n,
        "has_weights": labels.has_weights,
        "has_offset": labels.has_offset,
        "fixed": _fixed_state(labels.fixed),
        "parameters": [{"parameter": name, **_fixed_state(own)} for name, own in labels.parameters.items()],
        "groups": [_group_state(g) for g in labels.groups],
        "residual": None if labels.residual is None else residual_labels_state(labels.residual),
        "pairs": [
            {"factors": [i, j], "rows": _long(rows), "columns": _long(columns)}
            for (i, j), (rows, columns) in labels.pattern.pairs.items()
        ],
    }


def labels_of(node: Node) -> Labels:
    """Labels of a model.

    Raises
    ------
    StorageError
        Where they are none, or do not go together.
    """
    groups = tuple(_group_of(part) for part in node.parts("groups"))
    residual = residual_labels_of(node["residual"]) if node.has("residual") else None
    if not (groups or residual) or len({g.name for g in groups}) < len(groups):
        raise node.wrong("groups", "has no factor, or two of one name")
    return Labels(
        node.text("response"),
        node.integer("n", least=1),
        _fixed_of(node["fixed"]),
        groups,
        _pattern_of(node, [g.grouping for g in groups]),
        node.boolean("has_weights"),
        node.boolean("has_offset"),
        residual,
        _parameters_of(node),
    )


def invertible(R: FloatArray, node: Node, name: str) -> FloatArray:
    """R, a matrix by which something is solved.

    Raises
    ------
    StorageError
        Where it has no inverse.
    """
    if len(R) and not np.linalg.slogdet(R)[0]:
        raise node.wrong(name, "is a matrix without an inverse")
    return R


def upper_triangular(node: Node, name: str, size: int) -> FloatArray:
    """An upper triangular matrix with an inverse.

    Raises
    ------
    StorageError
        Where it is none.
    """
    R = node.floats(name, size, size)
    if np.tril(R, -1).any() or not np.diagonal(R).all():
        raise node.wrong(name, "is no upper triangular matrix with an inverse")
    return R


def _fixed_state(fixed: FixedLabels) -> Tree:
    return {"names": fixed.names, "kept": _long(fixed.kept), "R": fixed.R, "relations": fixed.relations}


def _parameters_of(node: Node) -> dict[str, FixedLabels]:
    """Columns of the dispersion parameters that have a model; none in files of earlier versions."""
    parts = node.parts("parameters") if node.has("parameters") else []
    return {part.text("parameter"): _fixed_of(part) for part in parts}


def _fixed_of(node: Node) -> FixedLabels:
    names = node.texts("names")
    kept = node.integers("kept", None, below=len(names))
    if (np.diff(kept) <= 0).any():
        raise node.wrong("kept", "is not ascending")
    R = upper_triangular(node, "R", len(kept))
    return FixedLabels(R, kept, names, node.floats("relations", len(kept), len(names) - len(kept)))


# Grouping factors ---------------------------------------------------------------------------------------------------


def _group_state(g: GroupLabels) -> Tree:
    precision = g.grouping.precision
    return {
        "name": g.name,
        "levels": levels_state(g.levels, g.name),
        "R": g.R,
        "terms": [
            {
                "columns": list(map(str, term.columns)),
                "correlated": term.correlated,
                "structure": None if term.structure is None else plugin_state(COVARIANCE, term.structure),
            }
            for term in g.terms
        ],
        "precision": None if precision is None else _precision_state(precision),
    }


def _group_of(node: Node) -> GroupLabels:
    name, levels = node.text("name"), levels_of(node["levels"])
    terms = tuple(_term_of(part, name) for part in node.parts("terms"))
    if len(levels) < 2 and not (len(levels) and all(term.is_penalty for term in terms)):
        raise node.wrong("levels", "has less than two levels")
    k = sum(len(term.columns) for term in terms)
    if not k:
        raise node.wrong("terms", "has no column")
    R = invertible(node.floats("R", k, k), node, "R")
    precision = _precision_of(node["precision"], len(levels)) if node.has("precision") else None
    return GroupLabels(terms, levels, R, Grouping(name, len(levels), k, precision))


def _term_of(node: Node, factor: str) -> Term:
    columns, correlated = node.texts("columns"), node.boolean("correlated")
    if not node.has("structure"):
        return Term(factor, columns, correlated)
    structure, k = plugin_of(node["structure"], COVARIANCE), len(columns)
    most = k if structure.most_columns is None else structure.most_columns
    if not correlated or structure.free or not structure.least_columns <= k <= most:
        raise node.wrong("structure", f"is {structure.name}, which this term of {k} columns cannot have")
    return Term(factor, columns, correlated, structure)


def _precision_state(precision: KnownPrecision) -> Tree:
    Q = precision.matrix
    return {"data": Q.data, "indices": _long(Q.indices), "starts": _long(Q.indptr)}


def _precision_of(node: Node, size: int) -> KnownPrecision:
    data = node.floats("data", None)
    indices = node.integers("indices", len(data), below=size)
    starts = node.integers("starts", size + 1, below=len(data) + 1)
    if starts[0] != 0 or starts[-1] != len(data) or (np.diff(starts) < 0).any():
        raise node.wrong("starts", "is not that of the columns of a sparse matrix")
    Q = csc_array((data, indices, starts), shape=(size, size))
    if not Q.has_canonical_format or abs(Q - Q.T).max() > 0.0 or not (Q.diagonal() > 0.0).all():
        raise node.wrong("data", "is no precision of levels: it is not symmetric, or has no positive diagonal")
    precision = KnownPrecision(Q)
    try:
        smallest = precision.pivots.min()
    except RuntimeError:  # SuperLU on a matrix that is exactly singular
        smallest = 0.0
    if not smallest > SINGULAR:
        raise node.wrong("data", "is no precision of levels: it is not positive definite")
    return precision


# Who meets whom -----------------------------------------------------------------------------------------------------


def _pattern_of(node: Node, groupings: Sequence[Grouping]) -> Pattern:
    pairs = {}
    for part in node.parts("pairs"):
        i, j = _factors(part, len(groupings))
        wide = groupings[j].n_levels
        rows = part.integers("rows", None, below=groupings[i].n_levels)
        columns = part.integers("columns", len(rows), below=wide)
        if not len(rows) or (np.diff(rows * wide + columns) <= 0).any():
            raise part.wrong("rows", "and columns are not pairs of levels in ascending order")
        pairs[i, j] = rows, columns
    if sorted(pairs) != [(i, j) for i in range(len(groupings)) for j in range(i + 1, len(groupings))]:
        raise node.wrong("pairs", "is not of all pairs of factors")
    return Pattern(tuple(groupings), pairs)


def _factors(node: Node, count: int) -> tuple[int, int]:
    match node.value("factors"):
        case [int(i), int(j)] if 0 <= i < j < count:
            return i, j
    raise node.wrong("factors", "is not a pair of factors")


def _long(array: Any) -> Any:
    return np.asarray(array, dtype=np.int64)


__all__ = ["invertible", "labels_of", "labels_state", "upper_triangular"]
