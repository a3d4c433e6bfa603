"""Random-effects structures made of data, with everything also as explicit dense matrices to check against."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import block_diag
from scipy.sparse import csc_array

from ..contracts import Blocks, Grouping, KnownPrecision, Pattern, PatternBlocks
from ..contracts.arrays import FloatArray, IntArray


@dataclass(frozen=True, eq=False)
class Case:
    """A pattern, its cross-products, and the model matrix Z (n, q) and weights that they come from.

    `diagonal` says which factors have diagonal T only (`||`).
    """

    pattern: Pattern
    ZtWZ: PatternBlocks
    Z: FloatArray
    weights: FloatArray
    diagonal: tuple[bool, ...]

    def roots(self, entries: Callable[[tuple[int, int]], FloatArray]) -> Blocks:
        """Lower triangular T of every factor, diagonal where that is all it has, from arrays of a shape."""
        return tuple(
            np.tril(entries((f.n_columns,) * 2)) * (np.eye(f.n_columns) if diagonal else 1.0)
            for f, diagonal in zip(self.pattern.groupings, self.diagonal, strict=True)
        )

    def Lambda(self, T: Blocks) -> FloatArray:
        """The relative covariance factor as a (q, q) array."""
        s = self.pattern
        Lambda = np.zeros((s.q, s.q))
        for f, o, t in zip(s.groupings, s.offsets, T, strict=True):
            Lambda[o : o + f.size, o : o + f.size] = np.kron(t, np.eye(f.n_levels))
        return Lambda

    def K(self) -> FloatArray:
        """blockdiag(I (x) Q_j) as a (q, q) array; I without known precisions."""
        blocks = (
            np.kron(np.eye(f.n_columns), np.eye(f.n_levels) if f.precision is None else f.precision.matrix.toarray())
            for f in self.pattern.groupings
        )
        return np.asarray(block_diag(*blocks), np.float64)

    def M(self, T: Blocks) -> FloatArray:
        """Lambda' Z'WZ Lambda + K as a (q, q) array, straight from its definition."""
        ZL = self.Z @ self.Lambda(T)
        product: FloatArray = ZL.T @ (self.weights[:, None] * ZL)
        return product + self.K()

    def logdet_gradient(self, T: Blocks) -> Blocks:
        """d log|M| / dT_j = 2 tr(M^-1 Lambda' Z'WZ dLambda) by the entries of T_j, from dense matrices."""
        s = self.pattern
        A = self.Z.T @ (self.weights[:, None] * self.Z)
        F = 2 * A @ self.Lambda(T) @ np.linalg.inv(self.M(T))
        by_T = []
        for f, o in zip(s.groupings, s.offsets, strict=True):
            block = F[o : o + f.size, o : o + f.size].reshape(f.n_columns, f.n_levels, f.n_columns, f.n_levels)
            by_T.append(np.einsum("rlcl->rc", block))
        return tuple(by_T)

    def blocks_of(self, A: FloatArray) -> PatternBlocks:
        """The entries of a (q, q) array on the pattern of Z'Z, gathered block by block in plain loops."""
        s = self.pattern

        def block(i: int, row: int, j: int, column: int) -> FloatArray:
            f, g = s.groupings[i], s.groupings[j]
            rows = s.offsets[i] + row + f.n_levels * np.arange(f.n_columns)
            columns = s.offsets[j] + column + g.n_levels * np.arange(g.n_columns)
            return A[np.ix_(rows, columns)]

        return PatternBlocks(
            tuple(np.stack([block(j, m, j, m) for m in range(f.n_levels)], axis=-1) for j, f in enumerate(s.groupings)),
            {
                (i, j): np.stack([block(i, r, j, c) for r, c in zip(rows, columns, strict=True)], axis=-1)
                for (i, j), (rows, columns) in s.pairs.items()
            },
        )


def scaled(blocks: PatternBlocks, by: float) -> PatternBlocks:
    """Every block times a number: the cross-products with all weights times that number."""
    return PatternBlocks(
        tuple(by * block for block in blocks.diagonal), {pair: by * block for pair, block in blocks.cross.items()}
    )


def signed(case: Case) -> Case:
    """The same rows, of which some have negative weights, as observed weights may be."""
    rng = np.random.default_rng(17)
    weights = np.where(rng.random(len(case.weights)) < 0.3, -1.0, 1.0) * case.weights
    return replace(case, weights=weights, ZtWZ=case.blocks_of(case.Z.T @ (weights[:, None] * case.Z)))


def make_case(
    labels: Sequence[IntArray],
    columns: Sequence[FloatArray],
    templates: Sequence[str] | None = None,
    weights: FloatArray | None = None,
    precisions: Mapping[int, FloatArray] | None = None,
) -> Case:
    """Build a case from one label array (n,) and one array of random-effect columns (n, k) for each factor.

    `templates` gives each factor's covariance template: "full" (the default) or "diagonal"; `precisions` the known
    precision of some factors' levels, by number; it may be of more levels than there are labels.
    """
    n = len(labels[0])
    weights = np.ones(n) if weights is None else weights
    templates = templates or ["full"] * len(labels)
    factors, parts, inverses = [], [], []
    for j, (label, z) in enumerate(zip(labels, columns, strict=True)):
        levels, index = np.unique(label, return_inverse=True)
        k, Q = z.shape[1], (precisions or {}).get(j)
        n_levels = len(levels) if Q is None else len(Q)
        factors.append(Grouping(f"f{j}", n_levels, k, None if Q is None else KnownPrecision(csc_array(Q))))
        indicator = (index[:, None] == np.arange(n_levels)).astype(float)
        parts.append(np.concatenate([z[:, [c]] * indicator for c in range(k)], axis=1))
        inverses.append(index)
    pairs = {}
    for i in range(len(labels)):
        for j in range(i + 1, len(labels)):
            met = np.unique(np.stack([inverses[i], inverses[j]], axis=1), axis=0)
            pairs[i, j] = (met[:, 0], met[:, 1])
    pattern = Pattern(tuple(factors), pairs)
    Z = np.concatenate(parts, axis=1)
    diagonal = tuple(template == "diagonal" for template in templates)
    case = Case(pattern, PatternBlocks((), {}), Z, weights, diagonal)
    return replace(case, ZtWZ=case.blocks_of(Z.T @ (weights[:, None] * Z)))


def _columns(rng: np.random.Generator, n: int, k: int) -> FloatArray:
    """An intercept and k - 1 covariates."""
    return np.column_stack([np.ones(n), rng.normal(size=(n, k - 1))])


def one_scalar(rng: np.random.Generator) -> Case:
    """(1 | f)."""
    n = 40
    return make_case([rng.integers(0, 7, n)], [_columns(rng, n, 1)])


def one_correlated(rng: np.random.Generator) -> Case:
    """(1 + x + z | f)."""
    n = 60
    return make_case([rng.integers(0, 8, n)], [_columns(rng, n, 3)])


def one_diagonal(rng: np.random.Generator) -> Case:
    """(1 + x || f), weighted."""
    n = 50
    return make_case([rng.integers(0, 9, n)], [_columns(rng, n, 2)], ["diagonal"], rng.uniform(0.1, 3.0, n))


def slope_only(rng: np.random.Generator) -> Case:
    """(0 + x | f)."""
    n = 30
    return make_case([rng.integers(0, 5, n)], [rng.normal(size=(n, 1))])


def crossed_two(rng: np.random.Generator) -> Case:
    """(1 | f) + (1 | g), every pair of levels seen."""
    f, g = np.divmod(np.arange(60), 6)
    return make_case([f, g], [np.ones((60, 1))] * 2)


def crossed_small_first(rng: np.random.Generator) -> Case:
    """(1 + x | f) + (1 | g), the factor with few levels first."""
    n = 80
    return make_case([rng.integers(0, 3, n), rng.integers(0, 20, n)], [_columns(rng, n, 2), _columns(rng, n, 1)])


def crossed_three_slopes(rng: np.random.Generator) -> Case:
    """(1 + x | f) + (1 + x + z | g) + (1 + x || h), weighted."""
    n = 150
    return make_case(
        [rng.integers(0, 12, n), rng.integers(0, 7, n), rng.integers(0, 4, n)],
        [_columns(rng, n, 2), _columns(rng, n, 3), _columns(rng, n, 2)],
        ["full", "full", "diagonal"],
        rng.uniform(0.5, 2.0, n),
    )


def nested(rng: np.random.Generator) -> Case:
    """(1 + x | f:g) + (1 | f)."""
    n = 120
    child = rng.integers(0, 24, n)
    return make_case([child, child // 4], [_columns(rng, n, 2), _columns(rng, n, 1)])


def slopes_of_an_outer_factor(rng: np.random.Generator) -> Case:
    """(1 + x | f:g) + (1 + x + z | f): blocks of several columns are updated by those of nested levels."""
    n = 150
    child = rng.integers(0, 20, n)
    x, z = rng.normal(size=(2, n))
    return make_case([child, child // 4], [np.column_stack([np.ones(n), x]), np.column_stack([np.ones(n), x, z])])


def nested_and_crossed(rng: np.random.Generator) -> Case:
    """(1 | f:g) + (1 | f) + (1 + x | h)."""
    n = 120
    child = rng.integers(0, 24, n)
    return make_case(
        [child, child // 4, rng.integers(0, 10, n)], [_columns(rng, n, 1), _columns(rng, n, 1), _columns(rng, n, 2)]
    )


def partially_crossed(rng: np.random.Generator) -> Case:
    """(1 | f) + (1 | g): every level of f meets two or three neighbours in g only."""
    f = np.repeat(np.arange(30), 4)
    g = (f // 2 + rng.integers(0, 3, f.size)) % 15
    return make_case([f, g], [np.ones((f.size, 1))] * 2)


def disconnected(rng: np.random.Generator) -> Case:
    """(1 | f) + (1 | g) in two parts that never meet; one level of f is seen once, with one level of g."""
    f = np.concatenate([rng.integers(0, 6, 40), rng.integers(6, 11, 40), [11]])
    g = np.concatenate([rng.integers(0, 4, 40), rng.integers(4, 8, 40), [3]])
    return make_case([f, g], [np.ones((f.size, 1))] * 2)


def as_many_levels_as_rows(rng: np.random.Generator) -> Case:
    """(1 | row) + (1 | f)."""
    n = 25
    return make_case([np.arange(n), rng.integers(0, 5, n)], [np.ones((n, 1))] * 2)


def single_level(rng: np.random.Generator) -> Case:
    """(1 | f) + (1 | g) where g has one level."""
    n = 20
    return make_case([rng.integers(0, 4, n), np.zeros(n, dtype=int)], [np.ones((n, 1))] * 2)


def random_walk(n_levels: int) -> FloatArray:
    """Precision of a random walk, with a ridge that makes it proper."""
    steps = np.diff(np.eye(n_levels), axis=0)
    return np.asarray(steps.T @ steps + 0.5 * np.eye(n_levels))


def known_precision(rng: np.random.Generator) -> Case:
    """(1 + x | f), levels of f linked by a random walk, the last of them without rows."""
    n = 40
    return make_case([rng.integers(0, 7, n)], [_columns(rng, n, 2)], precisions={0: random_walk(9)})


def crossed_known_precision(rng: np.random.Generator) -> Case:
    """(1 | f) + (1 + x | g) with linked levels of g."""
    n = 60
    labels = [rng.integers(0, 8, n), rng.integers(0, 6, n)]
    return make_case(labels, [_columns(rng, n, 1), _columns(rng, n, 2)], precisions={1: random_walk(6)})


CASES: dict[str, Callable[[np.random.Generator], Case]] = {
    make.__name__: make
    for make in (
        one_scalar,
        one_correlated,
        one_diagonal,
        slope_only,
        crossed_two,
        crossed_small_first,
        crossed_three_slopes,
        nested,
        slopes_of_an_outer_factor,
        nested_and_crossed,
        partially_crossed,
        disconnected,
        as_many_levels_as_rows,
        single_level,
        known_precision,
        crossed_known_precision,
    )
}
