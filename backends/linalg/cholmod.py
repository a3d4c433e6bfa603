"""Sparse Cholesky factorization by CHOLMOD, through scikit-sparse 0.4 (0.4.16 is tested) or 0.5.

The two have different interfaces. The adapter for 0.5 follows its documentation; it needs SuiteSparse 7.4 or newer and
is tested on a stand-in with the documented interface only. It solves with L by SciPy, because 0.5 has no `solve_L`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from importlib.util import find_spec
from typing import Any

import numpy as np
from scipy.sparse import csc_array, csc_matrix, tril
from scipy.sparse.linalg import spsolve_triangular

from ranef.contracts.arrays import AnyArray, FloatArray, IntArray
from ranef.contracts.errors import MissingExtraError, NotPositiveDefiniteError
from ranef.contracts.linalg import Blocks, Factor, LinalgBackend, Pattern, PatternBlocks, Symbolic

from .fill import envelope_work
from .pattern import positions, prior_precision, spherical_cross_product
from .selected_inversion import SelectedInversion

#: Price of importing SuiteSparse and analysing the pattern, in operations: about half a second of dense work. Below it
#: a dense trailing block is cheaper whatever the fill.
OVERHEAD = 2e10
#: Up to this many random effects outside the largest factor the cost is bounded by that of a dense block, without
#: analysis: it is below `OVERHEAD`.
SMALL_TRAILING = 2_700
#: Beyond this many random effects a second ordering (METIS) is tried, and the one with less fill is kept.
SMALL_Q = 1_500
#: A trailing block of more random effects than this is not analysed to predict a cost: the fill could be huge.
LARGEST_TRAILING = 20_000
#: Part of the work of a dense trailing block, from which on an envelope is that of levels that meet at random.
DENSE = 0.3


class _Sparse(ABC):
    """L of one T, by one version of scikit-sparse: P M P' = L L'."""

    #: squared diagonal of L
    pivots: FloatArray

    @abstractmethod
    def L(self) -> csc_matrix | csc_array:
        """L with its numerical zeros, row indices ascending."""

    @abstractmethod
    def solve_L(self, B: FloatArray) -> FloatArray:
        """L^-1 B."""

    @abstractmethod
    def solve_Lt(self, C: FloatArray) -> FloatArray:
        """L^-T C."""


class _Sparse04(_Sparse):
    def __init__(self, factor: Any) -> None:
        self._factor = factor
        self.pivots = factor.D()

    def L(self) -> csc_matrix | csc_array:
        L: csc_matrix = self._factor.L()
        return L

    def solve_L(self, B: FloatArray) -> FloatArray:
        solution: FloatArray = self._factor.solve_L(B, use_LDLt_decomposition=False)
        return solution

    def solve_Lt(self, C: FloatArray) -> FloatArray:
        solution: FloatArray = self._factor.solve_Lt(C, use_LDLt_decomposition=False)
        return solution


class _Sparse05(_Sparse):
    def __init__(self, factor: Any) -> None:
        # `factor.factor` is a view that keeps numerical zeros; `get_factor()` would drop them
        self._L = csc_array(factor.factor, copy=True)
        self.pivots = self._L.diagonal() ** 2

    def L(self) -> csc_matrix | csc_array:
        return self._L

    def solve_L(self, B: FloatArray) -> FloatArray:
        solution: FloatArray = spsolve_triangular(self._L, B, lower=True)
        return solution

    def solve_Lt(self, C: FloatArray) -> FloatArray:
        solution: FloatArray = spsolve_triangular(self._L.T.tocsc(), C, lower=False)
        return solution


class _Analysis:
    """CHOLMOD's symbolic analysis of the lower triangle of a pattern, by whichever scikit-sparse there is.

    `linked` says that levels of one factor meet each other, by a known precision.
    """

    def __init__(self, indptr: IntArray, indices: IntArray, *, linked: bool) -> None:
        from sksparse import cholmod

        self._pattern = (indices, indptr)
        self._error: type[Exception] = cholmod.CholmodNotPositiveDefiniteError
        self._is_04 = hasattr(cholmod, "analyze")
        A = self._matrix(np.zeros(len(indices)))
        # METIS's nested dissection or AMD's minimum degree, whichever fills less; CHOLMOD's own default often stays
        # with AMD where METIS fills a third less (InstEval). On small problems AMD is good enough.
        # Known precisions are sparse and mostly trees, or nearly: METIS fills a pedigree twice as much.
        orderings = ("amd",) if len(indptr) <= SMALL_Q or linked else ("amd", "metis")
        analyses = [
            cholmod.analyze(A, ordering_method=ordering)
            if self._is_04
            else cholmod.CholeskyFactor(A, lower=True, order=ordering)
            for ordering in orderings
        ]
        self._symbolic = analyses[0]
        if len(analyses) > 1:
            self._symbolic = min(analyses, key=self._fill)
        order = self._symbolic.P() if self._is_04 else self._symbolic.perm
        self.permutation: IntArray = np.array(order, dtype=np.intp)

    def factorize(self, data: FloatArray, beta: float = 1.0) -> _Sparse:
        """The factor of the matrix with these entries plus beta I; an object that shares nothing with earlier ones."""
        try:
            numeric = self._numeric(self._symbolic, data, beta)
        except self._error as error:
            raise NotPositiveDefiniteError(str(error)) from error
        # a simplicial factorization goes on through negative pivots
        if not np.all(numeric.pivots > 0.0) or not np.all(np.isfinite(numeric.pivots)):
            raise NotPositiveDefiniteError("a pivot is not positive")
        return numeric

    def _numeric(self, symbolic: Any, data: FloatArray, beta: float) -> _Sparse:
        A = self._matrix(data)
        if self._is_04:
            return _Sparse04(symbolic.cholesky(A, beta=beta))  # copies the analysis, then factorizes the copy
        return _Sparse05(symbolic.factorize(A, ldl=False, beta=beta, lower=True))

    def _fill(self, symbolic: Any) -> int:
        """Number of entries of L: that of I with all the stored zeros of M, whose L has the pattern of every other."""
        return int(self._numeric(symbolic, np.zeros(len(self._pattern[0])), 1.0).L().nnz)

    def _matrix(self, data: FloatArray) -> csc_matrix | csc_array:
        indices, indptr = self._pattern
        shape = (len(indptr) - 1, len(indptr) - 1)
        kind = csc_matrix if self._is_04 else csc_array  # each version warns of the other's
        return kind((data, indices, indptr), shape=shape)


class CholmodFactor(Factor):
    """The sparse factor of M at one T, in the form P M P' = L L'."""

    def __init__(self, numeric: _Sparse, symbolic: CholmodSymbolic) -> None:
        self._numeric = numeric
        self._symbolic = symbolic

    @property
    def logdet(self) -> float:
        """From the diagonal of L."""
        return float(np.log(self._numeric.pivots).sum())

    def half_solve(self, B: FloatArray) -> FloatArray:
        """L^-1 P B."""
        if B.shape[1] == 0:
            return B.copy()
        return self._numeric.solve_L(np.asfortranarray(B[self._symbolic.permutation]))

    def back_solve(self, C: FloatArray) -> FloatArray:
        """P' L^-T C."""
        if C.shape[1] == 0:
            return C.copy()
        solution = np.empty_like(C)
        solution[self._symbolic.permutation] = self._numeric.solve_Lt(np.asfortranarray(C))
        return solution

    def selected_inverse(self) -> PatternBlocks:
        """Takahashi's recursion on the pattern of L, read where Z'Z is not zero."""
        L = self._numeric.L()
        inversion, diagonal, cross = self._symbolic.inversion_plan(L)
        Z = inversion.run(L.data)
        return PatternBlocks(tuple(Z[where] for where in diagonal), {pair: Z[where] for pair, where in cross.items()})


class CholmodSymbolic(Symbolic):
    """The fill-reducing permutation, and where each entry of the blocks goes in the lower triangle of M.

    The pattern is that of Z'Z, and of known precisions, whatever T is: entries that are zero at some T are stored as
    zeros.
    """

    def __init__(self, pattern: Pattern) -> None:
        self.pattern = pattern
        self._where = positions(pattern)
        self._triangles = [np.tril_indices(f.n_columns) for f in pattern.groupings]
        diagonal, cross = self._where
        # the cross blocks are all above the diagonal: transposed, they are below
        rows = self._lower([rows for rows, _ in diagonal], [columns for _, columns in cross.values()])
        columns = self._lower([columns for _, columns in diagonal], [rows for rows, _ in cross.values()])
        self._K: tuple[FloatArray, FloatArray] | None = None  # its entries in the diagonal, and below it; None: I
        if pattern.has_precision:
            self._diagonal = np.flatnonzero(rows == columns)
            K = prior_precision(pattern)
            below = tril(K, -1, format="coo")
            self._K = K.diagonal()[rows[self._diagonal]], below.data
            rows, columns = np.concatenate([rows, below.row]), np.concatenate([columns, below.col])
        self._order = np.lexsort((rows, columns))
        indptr = np.concatenate([[0], np.cumsum(np.bincount(columns, minlength=pattern.q))])
        index_type = np.int32 if len(rows) < 2**31 else np.int64
        order = self._order
        self._analysis = _Analysis(
            indptr.astype(index_type), rows[order].astype(index_type), linked=pattern.has_precision
        )
        self.permutation = self._analysis.permutation
        self._inversion: tuple[SelectedInversion, list[IntArray], dict[tuple[int, int], IntArray]] | None = None

    def factorize(self, ZtWZ: PatternBlocks, T: Blocks) -> CholmodFactor:
        """Fill in the values of Lambda' Z'WZ Lambda, and K where it is not I, and refactorize."""
        blocks = spherical_cross_product(ZtWZ, T)
        data, beta = self._lower(blocks.diagonal, [blocks.cross[pair] for pair in self._where.cross]), 1.0
        if self._K is not None:
            on_diagonal, below = self._K
            data[self._diagonal] += on_diagonal
            data, beta = np.concatenate([data, below]), 0.0
        try:
            numeric = self._analysis.factorize(data[self._order], beta)
        except NotPositiveDefiniteError as error:
            raise NotPositiveDefiniteError(f"M is not positive definite: {error}") from error
        return CholmodFactor(numeric, self)

    def _lower(self, diagonal: Iterable[AnyArray], cross: list[AnyArray]) -> AnyArray:
        """The entries below and on the diagonal in one row: the lower triangles of `diagonal`, all of `cross`."""
        lower = [block[triangle].ravel() for block, triangle in zip(diagonal, self._triangles, strict=True)]
        return np.concatenate(lower + [block.ravel() for block in cross])

    def inversion_plan(
        self, L: csc_matrix | csc_array
    ) -> tuple[SelectedInversion, list[IntArray], dict[tuple[int, int], IntArray]]:
        """The selected inversion on the pattern of L, and where each wanted block is in its result.

        Made at the first call: the pattern of L is the same at every T.
        """
        if self._inversion is None:
            inversion = SelectedInversion(L.indptr, L.indices)
            place = np.argsort(self.permutation)
            self._inversion = (
                inversion,
                [inversion.find(place[rows], place[columns]) for rows, columns in self._where.diagonal],
                {
                    pair: inversion.find(place[rows], place[columns])
                    for pair, (rows, columns) in self._where.cross.items()
                },
            )
        return self._inversion

    def work(self) -> float:
        """Predicted operations of one factorization with selected inverse, from the fill of L."""
        # at T = 0, M is I with all its stored zeros: L has its full pattern
        unit = self._analysis.factorize(np.zeros(len(self._order)))
        return self.inversion_plan(unit.L())[0].work()


class Cholmod(LinalgBackend):
    """Sparse Cholesky factorization with a fill-reducing permutation, by CHOLMOD through scikit-sparse.

    The symbolic analysis is done once, a numeric factorization at each T. Best where the blocked backend's dense
    trailing block would be large and L stays sparse (many partially crossed factors).

    Source: Chen, Davis, Hager & Rajamanickam (2008), doi 10.1145/1391989.1391995; Bates, Maechler, Bolker & Walker
    (2015), doi 10.18637/jss.v067.i01.

    Examples
    --------
    >>> import numpy as np
    >>> from ranef.contracts.linalg import Grouping, PatternBlocks, Pattern
    >>> g = Grouping("g", n_levels=2, n_columns=1)
    >>> ZtWZ = PatternBlocks((np.array([[[3.0, 1.0]]]),), {})
    >>> symbolic = Cholmod().analyze(Pattern((g,), {}))  # doctest: +SKIP
    >>> round(float(np.exp(symbolic.factorize(ZtWZ, (np.array([[1.0]]),)).logdet)), 12)  # doctest: +SKIP
    8.0
    """

    has_selected_inverse = True

    def __init__(self) -> None:
        if find_spec("sksparse") is None:
            raise MissingExtraError('the backend cholmod needs scikit-sparse: pip install "ranef[cholmod]"')
        self._latest: CholmodSymbolic | None = None  # `cost`, and `analyze` after it, share the work

    def cost(self, pattern: Pattern) -> float:
        """Operations predicted from the fill of L, which is found by analysing the pattern.

        A bound from above, without analysis, where that is sure to be good enough (few random effects outside the
        largest factor, or an envelope that is hardly any work), and the dense one where the fill might not fit into
        memory (all but the largest factor have more than 20,000 random effects) or is nearly everything. Where a known
        precision links levels, the first is one of few random effects in all.
        """
        leading = max(pattern.groupings, key=lambda f: f.n_levels)
        trailing = pattern.q - leading.size
        if pattern.has_precision:  # which may link all levels, or few
            few = pattern.q <= SMALL_TRAILING
            return OVERHEAD + (float(pattern.q) ** 3 if few else self._symbolic(pattern).work())
        if trailing <= SMALL_TRAILING:
            return OVERHEAD + 100.0 * leading.size * leading.n_columns**2 + float(trailing) ** 3
        bound = envelope_work(pattern)
        if bound <= OVERHEAD:
            return OVERHEAD + bound
        if trailing > LARGEST_TRAILING or bound > DENSE * float(trailing) ** 3:
            return OVERHEAD + float(trailing) ** 3
        return OVERHEAD + self._symbolic(pattern).work()

    def analyze(self, pattern: Pattern) -> CholmodSymbolic:
        """Find the permutation; `cost` just before it has done the work."""
        symbolic, self._latest = self._symbolic(pattern), None
        return symbolic

    def _symbolic(self, pattern: Pattern) -> CholmodSymbolic:
        symbolic = self._latest
        if symbolic is None or symbolic.pattern is not pattern:
            symbolic = self._latest = CholmodSymbolic(pattern)
        return symbolic

    def __getstate__(self) -> dict[str, Any]:
        return {"_latest": None}  # a native factor stays where it was made
