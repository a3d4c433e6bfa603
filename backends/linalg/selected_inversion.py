"""The inverse of a sparse M = L L' on the pattern of L, by Takahashi's recursion over supernodes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.linalg.lapack import dlauum, dtrtri

from ranef.contracts.arrays import AnyArray, FloatArray, IntArray

#: Supernodes at least this wide go to LAPACK one by one; narrower ones are inverted many at a time.
WIDE = 24
#: Largest number of pairs of rows worked on at once.
LARGEST_BATCH = 2_000_000
#: Largest number of positions of pairs of rows kept from one T to the next; the rest is looked up each time.
LARGEST_PLAN = 50_000_000


class _Batch(NamedTuple):
    """Supernodes of one shape that depend on none of each other.

    A supernode J is a run of `width` columns of L with the same rows R, `below` in number, under their own triangle.
    """

    width: int
    below: int
    first_columns: IntArray
    #: where Z_RR is among the entries of Z, (g, below, below); None: too many to keep.
    pairs: AnyArray | None


class SelectedInversion:
    """Takahashi's recursion for one pattern of L, from the root of the elimination tree to its leaves.

    With Z = M^-1, a supernode J and the rows R below it, ``M Z = I`` read in the columns J gives ::

        G = L_RJ L_JJ^-1        Z_RJ = -Z_RR G        Z_JJ = (L_JJ L_JJ')^-1 - G' Z_RJ

    and all of Z_RR is on the pattern of L, in columns nearer to the root. Supernodes of one depth in the tree and one
    shape are done together.

    Parameters
    ----------
    indptr, indices : (q + 1,), (nnz,) int arrays
        The pattern of L by columns, row indices ascending. It must be closed (contain all fill), as the pattern of a
        Cholesky factor is when numerical zeros are kept.

    Source: Takahashi, Fagan & Chen (1973); Erisman & Tinney (1975), doi 10.1145/360680.360704.

    Examples
    --------
    >>> import numpy as np
    >>> M = np.array([[4.0, 2.0], [2.0, 5.0]])
    >>> L = np.linalg.cholesky(M)
    >>> inversion = SelectedInversion(np.array([0, 2, 3]), np.array([0, 1, 1]))
    >>> Z = inversion.run(np.array([L[0, 0], L[1, 0], L[1, 1]]))
    >>> where = inversion.find(rows=np.array([1]), columns=np.array([0]))
    >>> Z[where].round(12).tolist(), np.linalg.inv(M)[0, 1].round(12).tolist()
    ([-0.125], -0.125)
    """

    def __init__(self, indptr: AnyArray, indices: AnyArray) -> None:
        self.indptr = indptr.astype(np.intp)
        self.indices = indices.astype(np.intp)
        self._n = len(indptr) - 1
        self._keys = np.repeat(np.arange(self._n), np.diff(self.indptr)) * self._n + self.indices
        self._batches = self._plan()

    def find(self, rows: IntArray, columns: IntArray) -> IntArray:
        """Where the entries (row, column) of the symmetric Z are in what `run` returns."""
        return np.searchsorted(self._keys, np.minimum(rows, columns) * self._n + np.maximum(rows, columns))

    def work(self) -> float:
        """Predicted operations of a factorization and its selected inverse, in those of a dense factorization.

        The weights are from timings of InstEval (4,114 random effects): sparse operations are slower than dense ones,
        an entry of Z_RR is looked up, and a batch is a dozen calls.
        """
        counts = np.diff(self.indptr).astype(float)
        gathered = sum(len(batch.first_columns) * float(batch.below) ** 2 for batch in self._batches)
        return float(8.0 * counts @ counts + 30.0 * gathered + 5e5 * len(self._batches))

    def run(self, data: FloatArray) -> FloatArray:
        """The entries of Z = M^-1, stored like those of L: `data` (nnz,) by columns."""
        Z = np.empty_like(data)
        for batch in self._batches:
            w, r = batch.width, batch.below
            starts = self.indptr[batch.first_columns[:, None] + np.arange(w)]
            a, c = np.tril_indices(w)
            own = starts[:, c] + (a - c)
            L_JJ = np.zeros((len(starts), w, w))
            L_JJ[:, a, c] = data[own]
            inverse, Z_JJ = _invert(L_JJ)
            if r > 0:
                below = (starts + (w - np.arange(w)))[:, None, :] + np.arange(r)[:, None]
                G = data[below] @ inverse
                Z_RR = Z[self._find_pairs(batch.first_columns, w, r) if batch.pairs is None else batch.pairs]
                Z_RJ = -(Z_RR @ G)
                Z[below] = Z_RJ
                Z_JJ -= G.transpose(0, 2, 1) @ Z_RJ
            Z[own] = Z_JJ[:, a, c]
        return Z

    def _plan(self) -> list[_Batch]:
        """Supernodes, their depths in the elimination tree, and the batches of one depth and shape."""
        counts = np.diff(self.indptr)
        parents = self.indices[np.minimum(self.indptr[:-1] + 1, len(self.indices) - 1)]
        continues = (counts[:-1] == counts[1:] + 1) & (parents[:-1] == np.arange(1, self._n))
        first = np.flatnonzero(np.concatenate([[True], ~continues]))
        width = np.diff(np.append(first, self._n))
        below = counts[first] - width

        supernode = np.repeat(np.arange(len(first)), width)
        ancestor = np.arange(len(first))  # of a root: itself
        inner = below > 0
        ancestor[inner] = supernode[self.indices[self.indptr[first[inner]] + width[inner]]]
        depth = inner.astype(np.intp)
        while np.any(depth[ancestor]):  # pointer jumping: the distance to the ancestor doubles
            depth += depth[ancestor]
            ancestor = ancestor[ancestor]

        order = np.lexsort((below, width, depth))
        shapes = np.stack([depth, width, below])[:, order]
        changes = np.flatnonzero(np.any(np.diff(shapes, axis=1), axis=0)) + 1
        batches, kept = [], 0
        for members in np.split(order, changes):
            w, r = int(width[members[0]]), int(below[members[0]])
            n_pieces = -(-len(members) * max(r, w) ** 2 // LARGEST_BATCH)
            for piece in np.array_split(members, min(n_pieces, len(members))):
                kept += len(piece) * r * r
                pairs = self._find_pairs(first[piece], w, r) if kept <= LARGEST_PLAN else None
                batches.append(_Batch(w, r, first[piece], pairs))
        return batches

    def _find_pairs(self, first_columns: IntArray, w: int, r: int) -> AnyArray:
        """Where Z_RR is, (g, r, r)."""
        R = self.indices[(self.indptr[first_columns] + w)[:, None] + np.arange(r)]
        a, b = np.tril_indices(r)
        lower = np.searchsorted(self._keys, R[:, b] * self._n + R[:, a])
        pairs = np.empty((len(R), r, r), dtype=np.int32 if len(self.indices) < 2**31 else np.intp)
        pairs[:, a, b] = lower
        pairs[:, b, a] = lower
        return pairs


def _invert(L: FloatArray) -> tuple[FloatArray, FloatArray]:
    """L^-1 and the lower triangle of (L L')^-1 of lower triangular L (g, w, w)."""
    if L.shape[1] == 1:
        inverse = 1.0 / L
        return inverse, inverse * inverse
    if L.shape[1] < WIDE:
        inverse = np.linalg.inv(L).astype(np.float64, copy=False)
        return inverse, inverse.transpose(0, 2, 1) @ inverse
    inverse = np.stack([dtrtri(triangle, lower=1)[0] for triangle in L])
    return inverse, np.stack([dlauum(triangle, lower=1)[0] for triangle in inverse])
