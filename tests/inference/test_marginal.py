"""Sums over Z'V^-1Z against dense matrices, for factors of every kind."""

import numpy as np
import pytest
from scipy.sparse import csc_array

from ranef.contracts import Grouping, KnownPrecision, Pattern, PatternBlocks
from ranef.inference import connected, marginal
from ranef.inference.marginal import Direction, marginal_sums

CASES = [
    ([10], [1], ()),
    ([10], [3], ()),
    ([10, 7], [1, 1], ()),
    ([7, 10], [1, 2], ()),
    ([10, 7, 4], [2, 1, 2], ()),
    ([12, 4], [2, 1], "nested"),
    ([12, 6], [1, 2], "nested"),
    ([10], [2], (0,)),
    ([10, 7], [2, 2], (0,)),
    ([10, 7], [2, 2], (1,)),
    ([10, 7, 5], [1, 2, 2], (0, 1)),
]


@pytest.mark.parametrize("together", [3, 256])
@pytest.mark.parametrize("singular", [False, True])
@pytest.mark.parametrize(("sizes", "k", "kind"), CASES, ids=str)
def test_the_sums_are_those_of_dense_matrices(sizes, k, kind, singular, together, monkeypatch):
    monkeypatch.setattr(connected, "TOGETHER", together)
    monkeypatch.setattr(marginal, "ROWS", 4)
    rng = np.random.default_rng(len(sizes) + sum(k))
    n, known = 60, () if kind == "nested" else kind
    codes = [np.concatenate([np.arange(L), rng.integers(0, L, n - L)]) for L in sizes]
    if kind == "nested":
        codes[1] = codes[0] % sizes[1]
    else:
        for c in codes:
            rng.shuffle(c)
    w = rng.uniform(0.5, 2.0, n)
    Q = [np.eye(L) for L in sizes]
    for j in known:
        steps = np.diff(np.eye(sizes[j]), axis=0)
        Q[j] = steps.T @ steps + rng.uniform(0.2, 0.4) * np.eye(sizes[j])
    Z = []
    for c, L, kj in zip(codes, sizes, k, strict=True):
        Z.append(np.zeros((n, kj, L)))
        Z[-1][np.arange(n), :, c] = rng.normal(size=(n, kj))
    roots = [np.tril(rng.normal(size=(kj, kj))) for kj in k]
    if singular:
        roots[0][:, -1] = 0.0
    Sigma = tuple(T @ T.T for T in roots)
    flat = np.concatenate([z.reshape(n, -1) for z in Z], axis=1)
    V, directions, D, at = np.diag(1.0 / w), [], [], 0
    for j, S in enumerate(Sigma):
        A, mine = np.linalg.inv(Q[j]), slice(at, at + k[j] * sizes[j])
        at = mine.stop
        V = V + flat[:, mine] @ np.kron(S, A) @ flat[:, mine].T
        for a, b in zip(*np.tril_indices(k[j]), strict=True):
            G = np.zeros((k[j], k[j]))
            G[a, b] = G[b, a] = 1.0
            directions.append(Direction(j, G))
            D.append(np.zeros((flat.shape[1],) * 2))
            D[-1][mine, mine] = np.kron(G, A)
    N, B = flat.T @ np.linalg.solve(V, flat), rng.normal(size=(flat.shape[1], 2))

    groupings = tuple(
        Grouping(f"g{j}", sizes[j], k[j], KnownPrecision(csc_array(Q[j])) if j in known else None)
        for j in range(len(sizes))
    )
    pairs, cross = {}, {}
    for j in range(len(sizes)):
        for i in range(j):
            pairs[i, j] = np.divmod(np.unique(codes[i] * sizes[j] + codes[j]), sizes[j])
            block = np.einsum("nal,n,nbm->ablm", Z[i], w, Z[j])
            cross[i, j] = block[:, :, pairs[i, j][0], pairs[i, j][1]]
    diagonal = tuple(np.einsum("nal,n,nbl->abl", z, w, z) for z in Z)
    A = PatternBlocks(diagonal, cross)

    found = marginal_sums(Pattern(groupings, pairs), A, Sigma, np.asfortranarray(B), directions)
    ND = [N @ d for d in D]
    np.testing.assert_allclose(found.trace, [np.trace(a) for a in ND], rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(found.products, [[np.trace(a @ b) for b in ND] for a in ND], rtol=1e-10, atol=1e-10)
    expected = [[B.T @ d @ a @ B for a in ND] for d in D]
    np.testing.assert_allclose(found.quadratic, expected, rtol=1e-10, atol=1e-9)
