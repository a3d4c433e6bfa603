"""Shared by backends that assemble M as one matrix: where its entries are, and what they are."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.sparse import block_diag, csc_array, eye_array, kron

from ranef.contracts.arrays import FloatArray, IntArray
from ranef.contracts.linalg import Blocks, Pattern, PatternBlocks


class Positions(NamedTuple):
    """Row and column in the q x q matrix of every entry of the blocks on the pattern of Z'Z.

    Parameters
    ----------
    diagonal : list of (rows, columns), each (k_j, k_j, n_levels_j)
        One item a factor, as in `PatternBlocks.diagonal`.
    cross : dict (i, j) -> (rows, columns), each (k_i, k_j, n_pairs)
        As in `PatternBlocks.cross`; these entries are all above the diagonal.
    """

    diagonal: list[tuple[IntArray, IntArray]]
    cross: dict[tuple[int, int], tuple[IntArray, IntArray]]


def positions(pattern: Pattern) -> Positions:
    """Where the entries of `PatternBlocks` are in the whole matrix.

    Examples
    --------
    >>> import numpy as np
    >>> from ranef.contracts.linalg import Grouping, Pattern
    >>> g = Grouping("g", n_levels=3, n_columns=1)
    >>> h = Grouping("h", n_levels=2, n_columns=1)
    >>> where = positions(Pattern((g, h), {(0, 1): (np.array([0, 1, 2]), np.array([0, 0, 1]))}))
    >>> rows, columns = where.cross[0, 1]
    >>> rows.ravel().tolist(), columns.ravel().tolist()
    ([0, 1, 2], [3, 3, 4])
    """

    def effects(j: int, levels: IntArray) -> IntArray:
        """(k_j, len(levels)) positions of the random effects of these levels of factor j."""
        factor = pattern.groupings[j]
        return pattern.offsets[j] + np.arange(factor.n_columns)[:, None] * factor.n_levels + levels

    def every(rows: IntArray, columns: IntArray) -> tuple[IntArray, IntArray]:
        """Every row of a block with every column of it, as views."""
        all_rows, all_columns = np.broadcast_arrays(rows[:, None, :], columns[None, :, :])
        return all_rows, all_columns

    diagonal = []
    for j, factor in enumerate(pattern.groupings):
        own = effects(j, np.arange(factor.n_levels))
        diagonal.append(every(own, own))
    cross = {(i, j): every(effects(i, rows), effects(j, columns)) for (i, j), (rows, columns) in pattern.pairs.items()}
    return Positions(diagonal, cross)


def prior_precision(pattern: Pattern) -> csc_array:
    """K = blockdiag(I (x) Q_j), sparse.

    Examples
    --------
    >>> from ranef.contracts.linalg import Grouping, KnownPrecision, Pattern
    >>> Q = KnownPrecision(csc_array([[4.0, -1.0], [-1.0, 5.0]]))
    >>> g, h = Grouping("g", n_levels=1, n_columns=1), Grouping("h", n_levels=2, n_columns=1, precision=Q)
    >>> prior_precision(Pattern((g, h), {})).toarray().tolist()
    [[1.0, 0.0, 0.0], [0.0, 4.0, -1.0], [0.0, -1.0, 5.0]]
    """
    return csc_array(
        block_diag(
            [
                kron(eye_array(f.n_columns), eye_array(f.n_levels) if f.precision is None else f.precision.matrix)
                for f in pattern.groupings
            ]
        )
    )


def spherical_cross_product(ZtWZ: PatternBlocks, T: Blocks) -> PatternBlocks:
    """Lambda' Z'WZ Lambda by blocks: T_i' A_ij T_j for every level and every pair of levels that meet."""
    return PatternBlocks(
        tuple(_sandwich(T[j], block, T[j]) for j, block in enumerate(ZtWZ.diagonal)),
        {(i, j): _sandwich(T[i], block, T[j]) for (i, j), block in ZtWZ.cross.items()},
    )


def _sandwich(left: FloatArray, block: FloatArray, right: FloatArray) -> FloatArray:
    """left' block right, for all blocks along the last axis at once."""
    product: FloatArray = right.T @ np.tensordot(left.T, block, axes=1)
    return product
