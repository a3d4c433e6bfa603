"""Sums over rows that were never together: all that a linear mixed model needs of them, to be added up.

Columns are C = (1, c_1, ..., c_m), the variables of X and of random effects by name and the response last, counted
from a shift: with means that are large beside the spread, sums about zero lose their digits. The sums are C'WC, by
level z W C' for the columns z of each factor, and by pair of levels that meet z W z'. They are linear in the rows:
sums of parts add up to sums of the whole, whatever the parts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import pairwise

import numpy as np

from ..contracts.arrays import AnyArray, FloatArray, IntArray
from ..contracts.errors import InputError, InputTypeError
from .grouping import encode

#: Rows whose hashes, in halves of 32 bits, are added up as floating point numbers without rounding.
MOST_ROWS = 2**21
#: Kinds of NumPy's types whose labels may be the same ones.
FAMILIES = {
    "b": "truth values",
    "i": "integers",
    "u": "integers",
    "f": "numbers with a point",
    "U": "text",
    "O": "text",
}


@dataclass(frozen=True, eq=False)
class LevelSums:
    """Sums over the rows of each level of one factor.

    Parameters
    ----------
    levels : (L,) array
        Labels, ascending.
    columns : tuple of int
        Places of the factor's columns z among C; ones first.
    sums : (k, m + 1, L) array
        Of z C', weighted.
    hashes : (L,) uint64 array
        Sum of hashes of the rows, by which two factors are known to group them alike.
    """

    levels: AnyArray
    columns: tuple[int, ...]
    sums: FloatArray
    hashes: AnyArray


@dataclass(frozen=True, eq=False)
class CellSums:
    """Sums over the rows of each pair of levels that occur: of z_i z_j', (k_i, k_j, cells); pairs ascending."""

    rows: IntArray
    columns: IntArray
    sums: FloatArray


@dataclass(frozen=True, eq=False)
class Sums:
    """Sums over rows.

    Parameters
    ----------
    names : tuple of str
        Of the columns beside the ones; the response last.
    shift : (m,) array
        What the columns are counted from.
    moments : (m + 1, m + 1) array
        C'WC.
    levels : dict of str to LevelSums
    cells : dict of (int, int) to CellSums
        By pair of factors, in the order of `levels`.
    n : int
    sum_log_weights : float
    weights : (float, float)
        Least and largest weight.
    hashes : (m,) uint64 array
        Sums of hashes of each column beside the response, of the response itself last.
    """

    names: tuple[str, ...]
    shift: FloatArray
    moments: FloatArray
    levels: Mapping[str, LevelSums]
    cells: Mapping[tuple[int, int], CellSums]
    n: int
    sum_log_weights: float
    weights: tuple[float, float]
    hashes: AnyArray

    @classmethod
    def of(
        cls,
        columns: Mapping[str, FloatArray],
        factors: Mapping[str, tuple[IntArray, AnyArray, Sequence[str]]],
        weights: FloatArray | None = None,
    ) -> Sums:
        """The sums of some rows.

        Parameters
        ----------
        columns : dict of str to (n,) array
            Finite; the response last.
        factors : dict of str to (codes, levels, names)
            Codes of ascending levels, all of which occur, and the names of the factor's columns beside ones.
        weights : (n,) array, optional
        """
        names, n = tuple(columns), len(next(iter(columns.values())))
        C = np.empty((len(names) + 1, n))
        C[0] = 1.0
        shift = np.empty(len(names))
        for j, column in enumerate(columns.values()):
            shift[j] = column.mean()
            np.subtract(column, shift[j], out=C[j + 1])
        rows = _row_hashes(list(columns.values()), weights)
        CW = C if weights is None else C * weights
        levels = {
            name: _by_level(C, CW, rows[-1], codes, labels, _places(names, own), weights is None)
            for name, (codes, labels, own) in factors.items()
        }
        listed = list(factors.values())
        cells = {
            (i, j): _by_cell(C, CW, listed[i], listed[j], _places(names, listed[i][2]), _places(names, listed[j][2]))
            for j in range(len(listed))
            for i in range(j)
        }
        return cls(
            names,
            shift,
            CW @ C.T,
            levels,
            cells,
            n,
            0.0 if weights is None else float(np.log(weights).sum()),
            (1.0, 1.0) if weights is None else (float(weights.min()), float(weights.max())),
            rows.sum(axis=1, dtype=np.uint64),
        )

    def shifted(self, shift: FloatArray) -> Sums:
        """The same with columns counted from elsewhere."""
        by = self.shift - shift
        if not by.any():
            return self
        A = np.eye(len(by) + 1)
        A[0, 1:] = by
        levels, own = {}, []
        for name, part in self.levels.items():
            at = np.ix_(part.columns, part.columns)
            own.append(A[at])
            levels[name] = replace(part, sums=np.einsum("ab,acl,cd->bdl", A[at], part.sums, A, optimize=True))
        cells = {
            (i, j): replace(part, sums=np.einsum("ab,acl,cd->bdl", own[i], part.sums, own[j], optimize=True))
            for (i, j), part in self.cells.items()
        }
        return replace(self, shift=shift, moments=A.T @ self.moments @ A, levels=levels, cells=cells)

    @staticmethod
    def merged(parts: Sequence[Sums]) -> Sums:
        """The sums of the rows of all parts.

        Raises
        ------
        InputError, InputTypeError
            For parts of other columns or factors, or labels of other types.
        """
        first = parts[0]
        for other in parts[1:]:
            first.refuse_other(other)
        parts = [part.shifted(first.shift) for part in parts]
        levels, codes = {}, []
        for name, own in first.levels.items():
            each = [part.levels[name] for part in parts]
            labels, at = _united([e.levels for e in each], name)
            sums, hashes = np.zeros((*own.sums.shape[:2], len(labels))), np.zeros(len(labels), np.uint64)
            for e, there in zip(each, at, strict=True):
                sums[:, :, there] += e.sums
                hashes[there] += e.hashes
            levels[name] = LevelSums(labels, own.columns, sums, hashes)
            codes.append(at)
        cells = {
            ij: _merged_cells([part.cells[ij] for part in parts], codes[ij[0]], codes[ij[1]]) for ij in first.cells
        }
        least, largest = zip(*(part.weights for part in parts), strict=True)
        return replace(
            first,
            moments=np.sum([part.moments for part in parts], axis=0),
            levels=levels,
            cells=cells,
            n=sum(part.n for part in parts),
            sum_log_weights=float(np.sum([part.sum_log_weights for part in parts])),
            weights=(min(least), max(largest)),
            hashes=np.asarray(np.sum([part.hashes for part in parts], axis=0, dtype=np.uint64)),
        )

    def refuse_other(self, other: Sums) -> None:
        """Refuse sums that cannot be added to these.

        Raises
        ------
        InputError, InputTypeError
            For other columns or factors, or labels of other types.
        """
        if (other.names, list(other.levels)) != (self.names, list(self.levels)):
            raise InputError("sums of other columns or grouping factors cannot be added")
        for name, part in self.levels.items():
            one, two = (FAMILIES.get(e.levels.dtype.kind, str(e.levels.dtype)) for e in (part, other.levels[name]))
            if one != two:
                raise InputTypeError(
                    f"the labels of {name} are {one} in one part and {two} in another: make them of one type first"
                )

    @property
    def means(self) -> FloatArray:
        """Weighted means of the columns, (m,)."""
        return np.asarray(self.shift + self.moments[0, 1:] / self.moments[0, 0])

    def group_digest(self, name: str) -> str:
        """Equal for factors that group the same rows alike, whatever their levels are called."""
        return sha256(np.sort(self.levels[name].hashes).astype("<u8").tobytes()).hexdigest()


def _places(names: Sequence[str], own: Sequence[str]) -> tuple[int, ...]:
    return (0, *(1 + list(names).index(name) for name in own))


def _by_level(
    C: FloatArray,
    CW: FloatArray,
    hashes: AnyArray,
    codes: IntArray,
    levels: AnyArray,
    places: tuple[int, ...],
    unweighted: bool,
) -> LevelSums:
    size = len(levels)
    sums = np.empty((len(places), len(C), size))
    for a, z in enumerate(places):
        for c in range(len(C)):
            if c in places[:a]:
                sums[a, c] = sums[places.index(c), z]
            elif z == c == 0:
                sums[a, c] = np.bincount(codes, None if unweighted else CW[0], minlength=size)
            else:
                sums[a, c] = np.bincount(codes, CW[c] if z == 0 else CW[c] * C[z], minlength=size)
    return LevelSums(levels, places, sums, _sums_of_hashes(hashes, codes, size))


def _by_cell(
    C: FloatArray,
    CW: FloatArray,
    one: tuple[IntArray, AnyArray, Sequence[str]],
    other: tuple[IntArray, AnyArray, Sequence[str]],
    mine: tuple[int, ...],
    theirs: tuple[int, ...],
) -> CellSums:
    wide = len(other[1])
    cells, index = np.unique(one[0] * wide + other[0], return_inverse=True)
    sums = np.empty((len(mine), len(theirs), len(cells)))
    for a, z in enumerate(mine):
        for b, c in enumerate(theirs):
            sums[a, b] = np.bincount(index, CW[c] if z == 0 else CW[c] * C[z], minlength=len(cells))
    rows, columns = np.divmod(cells, wide)
    return CellSums(rows, columns, sums)


def _merged_cells(parts: Sequence[CellSums], one: Sequence[IntArray], other: Sequence[IntArray]) -> CellSums:
    wide = 1 + max(int(at.max()) for at in other)
    keys = [a[part.rows] * wide + b[part.columns] for part, a, b in zip(parts, one, other, strict=True)]
    cells, index = np.unique(np.concatenate(keys), return_inverse=True)
    sums, start = np.zeros((*parts[0].sums.shape[:2], len(cells))), 0
    for part, key in zip(parts, keys, strict=True):
        sums[:, :, index[start : start + len(key)]] += part.sums
        start += len(key)
    return CellSums(*np.divmod(cells, wide), sums)


def _united(parts: Sequence[AnyArray], name: str) -> tuple[AnyArray, list[IntArray]]:
    """All labels, ascending, and where those of each part are among them."""
    if any(levels.dtype.kind == "O" for levels in parts):
        parts = [levels.astype(object) for levels in parts]
    elif {levels.dtype.kind for levels in parts} == {"i", "u"}:
        parts = _integers(parts, name)
    codes, labels = encode(np.concatenate(parts), name)
    ends = np.cumsum([0, *map(len, parts)])
    return labels, [codes[a:b] for a, b in pairwise(ends)]


def _integers(parts: Sequence[AnyArray], name: str) -> list[AnyArray]:
    """Integers with and without a sign, in one type: NumPy would make floats of them, of which wide ones collide."""
    least, most = min(int(levels.min()) for levels in parts), max(int(levels.max()) for levels in parts)
    signed = most <= np.iinfo(np.int64).max
    if least < 0 and not signed:
        raise InputTypeError(
            f"the labels of {name} are integers from {least} to {most}, which no type holds: make text of them first"
        )
    return [levels.astype(np.int64 if signed else np.uint64) for levels in parts]


# Hashes -------------------------------------------------------------------------------------------------------------


def _row_hashes(columns: Sequence[FloatArray], weights: FloatArray | None) -> AnyArray:
    """Hashes (m, n) of each row: of each column with the response, of the response with its weight last."""
    last = _mixed(_bits(columns[-1]) + (0 if weights is None else _mixed(_bits(weights) ^ _bits(np.ones(1)))))
    return np.array([*(_mixed(_bits(column) ^ last) for column in columns[:-1]), last])


def _bits(values: FloatArray) -> AnyArray:
    return np.ascontiguousarray(values + 0.0).view(np.uint64)  # -0 is 0


def _mixed(x: AnyArray) -> AnyArray:
    """Steele, Lea & Flood's finalizer (2014, doi 10.1145/2660193.2660195)."""
    x = x ^ (x >> np.uint64(30))
    x *= np.uint64(0xBF58476D1CE4E5B9)
    x ^= x >> np.uint64(27)
    x *= np.uint64(0x94D049BB133111EB)
    x ^= x >> np.uint64(31)
    return x


def _sums_of_hashes(hashes: AnyArray, codes: IntArray, size: int) -> AnyArray:
    """Sums by code, modulo 2^64: of halves, which floating point numbers add up exactly."""
    out = np.zeros(size, dtype=np.uint64)
    for start in range(0, len(codes), MOST_ROWS):
        some, h = codes[start : start + MOST_ROWS], hashes[start : start + MOST_ROWS]
        low = np.bincount(some, (h & np.uint64(0xFFFFFFFF)).astype(np.float64), minlength=size)
        high = np.bincount(some, (h >> np.uint64(32)).astype(np.float64), minlength=size)
        out += low.astype(np.uint64) + (high.astype(np.uint64) << np.uint64(32))
    return out


__all__ = ["CellSums", "LevelSums", "Sums"]
