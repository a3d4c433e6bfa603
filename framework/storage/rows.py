"""The rows of a model, where they are asked for, as plain data, and back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .. import contracts
from ..contracts.arrays import FloatArray
from ..contracts.errors import RanefWarning
from ..design.fixed import FixedDesign
from ..design.labels import FixedLabels, GroupLabels, Labels
from ..design.mixed import MixedDesign
from ..design.parameter import ParameterDesign
from ..design.random import GroupRows, RandomDesign
from ..notes import Note
from .archive import Tree
from .node import Node
from .residual import residual_rows_of, residual_rows_state

#: Categories of notes by name.
CATEGORIES = {
    name: value
    for name, value in vars(contracts).items()
    if isinstance(value, type) and issubclass(value, RanefWarning)
}


def rows_state(design: MixedDesign) -> Tree:
    """Rows, without what their labels say."""
    return {
        "y": design.y if design.y.ndim == 1 else None,
        "ends": design.y if design.y.ndim == 2 else None,
        "X": design.X,
        "Q": design.fixed.Q,
        "weights": design.weights,
        "metric": design.fixed.weights,
        "offset": design.offset,
        "residual": None if design.residual is None else residual_rows_state(design.residual),
        "factors": [
            {"codes": np.asarray(f.codes, dtype=np.int64), "columns": [{"values": z} for z in f.columns]}
            for f in design.random.groups
        ],
        "parameters": [{"X": d.X, "Q": d.Q} for d in design.parameters.values()],
        "notes": [[note.category.__name__, note.text] for note in design.notes],
    }


def rows_of(node: Node, labels: Labels) -> MixedDesign:
    """Rows of a model with these labels.

    Raises
    ------
    StorageError
        Where they are none, or do not go together.
    """
    n, fixed = labels.n, labels.fixed
    pairs = zip(node.parts("factors", len(labels.groups)), labels.groups, strict=True)
    random = RandomDesign.of(tuple(_factor_of(part, g, n) for part, g in pairs), n)
    for ij, met in random.pattern.pairs.items():
        if not all(map(np.array_equal, met, labels.pattern.pairs[ij])):
            raise node.wrong("factors", "has other pairs of levels than the labels")
    return MixedDesign(
        _response_of(node, n),
        node.floats("X", n, labels.p),
        _fixed_of(node, fixed, n),
        replace(random, pattern=labels.pattern),
        _positive(node, "weights", n),
        node.floats("offset", n) if node.has("offset") else None,
        labels.response,
        tuple(map(_note_of, [node] * len(node.listed("notes")), node.listed("notes"))),
        None if labels.residual is None else residual_rows_of(node["residual"], labels.residual, n),
        _parameters_of(node, labels),
    )


def _response_of(node: Node, n: int) -> FloatArray:
    """The response, or where it is censored the ends of what is known of it."""
    if not node.has("ends"):
        return node.floats("y", n)
    y = node.floats("ends", n, 2, finite=False)
    if not (y[:, 0] <= y[:, 1]).all():
        raise node.wrong("ends", "has ends in the wrong order, or missing")
    return y


def _parameters_of(node: Node, labels: Labels) -> dict[str, ParameterDesign]:
    """Columns of the dispersion parameters that have a model."""
    if not labels.parameters:
        return {}
    n, out = labels.n, {}
    parts = node.parts("parameters", len(labels.parameters))
    for part, (name, own) in zip(parts, labels.parameters.items(), strict=True):
        X, Q = part.floats("X", n, len(own.names)), part.floats("Q", n, own.rank)
        weights = np.full(n, 1.0 / n)
        out[name] = ParameterDesign(own.R, own.kept, own.names, own.relations, Q, weights, X)
    return out


def _fixed_of(node: Node, fixed: FixedLabels, n: int) -> FixedDesign:
    Q, metric = node.floats("Q", n, fixed.rank), _positive(node, "metric", n)
    return FixedDesign(fixed.R, fixed.kept, fixed.names, fixed.relations, Q, metric)


def _factor_of(node: Node, g: GroupLabels, n: int) -> GroupRows:
    codes = node.integers("codes", n, below=g.grouping.n_levels)
    columns = tuple(
        part.floats("values", n) if part.has("values") else None for part in node.parts("columns", g.grouping.n_columns)
    )
    return GroupRows(g.terms, g.levels, g.R, g.grouping, codes, columns)


def _positive(node: Node, name: str, n: int) -> FloatArray | None:
    if not node.has(name):
        return None
    weights = node.floats(name, n)
    if not (weights > 0.0).all():
        raise node.wrong(name, "has weights that are not positive")
    return weights


def _note_of(node: Node, note: object) -> Note:
    match note:
        case [str(category), str(text)] if category in CATEGORIES:
            return Note(CATEGORIES[category], text)
    raise node.wrong("notes", "has one that is none")


__all__ = ["rows_of", "rows_state"]
