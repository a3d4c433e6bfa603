"""What the data of a fit say of the variables in its fixed part: means, values and cells, no rows.

A reference grid of marginal means is made of these.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np

from ..contracts.arrays import AnyArray, FloatArray
from .expressions import Names, variables
from .source import Source
from .variables import Variable

#: Combinations of levels that are counted; a grid of more is not made.
MOST_CELLS = 100_000


@dataclass(frozen=True)
class Observed:
    """Numeric variables by mean, range and, where these are few, values; factors by the cells that occur.

    Parameters
    ----------
    means : dict of str to float
        Of the numeric variables.
    ranges : dict of str to (float, float)
        Least and largest values of the same.
    values : dict of str to tuple of float
        All values of those that have two, and of those inside of ``factor(...)``.
    crossed : tuple of str
        Factors, and the numeric variables in `values`.
    cells : tuple of tuple of int
        Combinations of their levels that occur, by place among the levels (values).
    counts : tuple of float
        Rows of each, or the sum of their weights.
    offset : float, optional
        Mean of the offset, where there is one.
    """

    means: Mapping[str, float]
    ranges: Mapping[str, tuple[float, float]]
    values: Mapping[str, tuple[float, ...]]
    crossed: tuple[str, ...]
    cells: tuple[tuple[int, ...], ...]
    counts: tuple[float, ...]
    offset: float | None = None

    def to_state(self) -> dict[str, Any]:
        """All of it as dicts, lists, numbers and text."""
        return asdict(self)

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """From what `to_state` gave, through JSON or not."""
        return cls(
            means=dict(state["means"]),
            ranges={name: (low, high) for name, (low, high) in state["ranges"].items()},
            values={name: tuple(values) for name, values in state["values"].items()},
            crossed=tuple(state["crossed"]),
            cells=tuple(map(tuple, state["cells"])),
            counts=tuple(state["counts"]),
            offset=state["offset"],
        )


def columns_behind(used: Iterable[str], names: Names) -> list[str]:
    """Names of the columns that variables are made from: ``k`` for ``factor(k)``, others for themselves."""
    out: dict[str, None] = {}
    for name in used:
        if name in names.derived:
            made = ast.parse(names.derived[name], mode="eval").body
            out |= dict.fromkeys(columns_behind(variables(made, names), names))
        else:
            out[name] = None
    return list(out)


def observe(used: Iterable[str], source: Source, weights: FloatArray | None, offset: FloatArray | None) -> Observed:
    """What the rows in `source` say of the columns behind these variables."""
    columns = {name: v for name in columns_behind(used, source.names) if isinstance(v := source[name], Variable)}
    numeric = {name: v.numbers(name) for name, v in columns.items() if not v.is_factor}
    as_levels = made_factors(source.names)
    ranges = {name: (float(v.min()), float(v.max())) for name, v in numeric.items()}
    values: dict[str, AnyArray] = {}
    for name, v in numeric.items():
        ends = np.unique(ranges[name])
        if name in as_levels:
            values[name] = np.unique(v)
        elif len(ends) == 2 and bool(((v == ends[0]) | (v == ends[1])).all()):
            values[name] = ends
    codes = {name: v.codes for name, v in columns.items() if v.is_factor}
    sizes = [len(columns[name].levels) for name in codes] + [len(v) for v in values.values()]
    codes |= {name: np.searchsorted(v, numeric[name]) for name, v in values.items()}
    cells, counts = _cells(list(codes.values()), sizes, weights)
    return Observed(
        means={name: float(v.mean()) for name, v in numeric.items()},
        ranges=ranges,
        values={name: tuple(v.tolist()) for name, v in values.items()},
        crossed=tuple(codes),
        cells=cells,
        counts=counts,
        offset=None if offset is None else float(offset.mean()),
    )


def _cells(
    codes: list[AnyArray], sizes: list[int], weights: FloatArray | None
) -> tuple[tuple[tuple[int, ...], ...], tuple[float, ...]]:
    """Combinations that occur, with their counts; none where there could be too many."""
    total = float(np.prod(np.array(sizes, dtype=np.float64)))
    if not codes or total > MOST_CELLS:
        return (), ()
    count = np.bincount(np.ravel_multi_index(codes, sizes), weights=weights, minlength=int(total))
    (found,) = np.nonzero(count)
    cells = np.column_stack(np.unravel_index(found, sizes))
    return tuple(map(tuple, cells.tolist())), tuple(count[found].astype(np.float64).tolist())


def made_factors(names: Names) -> set[str]:
    """Columns inside of ``factor(...)``, every value of which is a level."""
    trees = [ast.parse(source, mode="eval").body for source in names.derived.values()]
    calls = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return {
        names.variable(call.args[0].id)
        for call in calls
        if isinstance(call.func, ast.Name) and call.func.id in ("factor", "as_factor")
        if call.args and isinstance(call.args[0], ast.Name)
    }
