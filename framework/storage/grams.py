"""Sums over rows, with the formula that they are of, as plain data, and back."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..contracts.errors import RanefError, StorageError
from ..design.sums import CellSums, LevelSums, Sums
from ..formula.encoder import Encoder
from ..formula.recipe import Recipe
from .archive import Tree, read, write
from .node import Node
from .values import levels_of, levels_state

#: What such a file is of.
FORMAT = "ranef gram"


def save_gram(path: str | os.PathLike[str], recipe: Recipe, sums: Sums, seen: Mapping[str, int]) -> None:
    """Write sums to a file.

    Raises
    ------
    InputError
        For labels that no file can hold.
    OSError
        Where the file cannot be written.
    """
    made = {
        "encoder": recipe.encoder.to_state(),
        "weights": recipe.weights,
        "offset": recipe.offset,
        "levels": {name: list(listed) for name, listed in recipe.levels.items()},
        "frame": recipe.frame,
    }
    write(path, {"recipe": made, "sums": _state(sums), "seen": dict(seen)}, FORMAT)


def load_gram(path: str | os.PathLike[str]) -> tuple[Recipe, Sums, dict[str, int]]:
    """The sums of a file; nothing in it is executed.

    Raises
    ------
    StorageError
        Where the file has none, is damaged, or was written by a newer version.
    OSError
        Where it cannot be read.
    """
    with read(path, FORMAT) as node:
        try:
            recipe = _recipe(node["recipe"])
            sums = _sums(node["sums"])
            own = dict.fromkeys(c for part in recipe.encoder.parts for c in part.columns if c != "(Intercept)")
            if set(sums.names[:-1]) != set(own) or list(sums.levels) != list(recipe.random()[0]):
                raise StorageError("it is damaged: its sums are not those of its formula")
            seen = node["seen"]
            return recipe, sums, {name: seen.integer(name) for name in seen.names}
        except StorageError:
            raise
        except (RanefError, KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            raise StorageError(f"it is damaged, its parts do not go together: {error}") from error


def _recipe(node: Node) -> Recipe:
    levels = node["levels"]
    return Recipe(
        Encoder.from_state(node.value("encoder")),
        node.text("weights"),
        node.text("offset"),
        {name: list(levels.texts(name)) for name in levels.names},
        node.text("frame"),
    )


def _state(sums: Sums) -> Tree:
    return {
        "names": list(sums.names),
        "shift": sums.shift,
        "moments": sums.moments,
        "levels": [
            {
                "name": name,
                "levels": levels_state(part.levels, name),
                "columns": list(part.columns),
                "sums": part.sums,
                "hashes": part.hashes,
            }
            for name, part in sums.levels.items()
        ],
        "cells": [
            {
                "factors": [i, j],
                "rows": part.rows.astype(np.int64),
                "columns": part.columns.astype(np.int64),
                "sums": part.sums,
            }
            for (i, j), part in sums.cells.items()
        ],
        "n": sums.n,
        "sum_log_weights": sums.sum_log_weights,
        "least_weight": sums.weights[0],
        "largest_weight": sums.weights[1],
        "hashes": sums.hashes,
    }


def _sums(node: Node) -> Sums:
    names = node.texts("names")
    m = len(names)
    levels: dict[str, LevelSums] = {}
    for part in node.parts("levels"):
        labels, places = levels_of(part["levels"]), part.listed("columns")
        if not places or places[0] != 0 or not all(isinstance(p, int) and 0 <= p < m for p in places):
            raise part.wrong("columns", "is not a list of places of columns, ones first")
        sums = part.floats("sums", len(places), m + 1, len(labels))
        levels[part.text("name")] = LevelSums(labels, tuple(places), sums, _hashes(part, len(labels)))
    factors = list(levels.values())
    cells = {}
    for part in node.parts("cells", len(factors) * (len(factors) - 1) // 2):
        i, j = part.listed("factors", 2)
        rows = part.integers("rows", None, below=len(factors[i].levels))
        columns = part.integers("columns", len(rows), below=len(factors[j].levels))
        if not i < j or (np.diff(rows * len(factors[j].levels) + columns) <= 0).any():
            raise part.wrong("rows", "and columns are not pairs of levels in ascending order")
        shape = len(factors[i].columns), len(factors[j].columns), len(rows)
        cells[i, j] = CellSums(rows, columns, part.floats("sums", *shape))
    weights = node.number("least_weight", positive=True), node.number("largest_weight", positive=True)
    return Sums(
        names,
        node.floats("shift", m),
        node.floats("moments", m + 1, m + 1),
        levels,
        cells,
        node.integer("n", least=1),
        node.number("sum_log_weights"),
        weights,
        _hashes(node, m),
    )


def _hashes(node: Node, size: int) -> Any:
    return node.array("hashes", (size,), "u").astype(np.uint64, copy=False)


__all__ = ["load_gram", "save_gram"]
