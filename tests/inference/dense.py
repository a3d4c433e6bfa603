"""Kenward & Roger's tests by dense n x n matrices, from their definition; and random designs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ranef.contracts.arrays import FloatArray


class Dense(NamedTuple):
    """Phi_A, Phi, P_i, and W."""

    adjusted: FloatArray
    Phi: FloatArray
    P: list[FloatArray]
    W: FloatArray

    def df(self, row: FloatArray) -> float:
        """Of one contrast, by A_1 of Kenward & Roger's section 3 (l = 1)."""
        L = row[None]
        A1, _ = self._moments(L)
        return 2.0 / A1

    def f(self, L: FloatArray, distances: FloatArray) -> tuple[float, float, float]:
        """lambda F, its denominator degrees of freedom, and lambda; their equations one after another."""
        q = len(L)
        A1, A2 = self._moments(L)
        B = (A1 + 6 * A2) / (2 * q)
        g = ((q + 1) * A1 - (q + 4) * A2) / ((q + 2) * A2)
        below = 3 * q + 2 * (1 - g)
        c1, c2, c3 = g / below, (q - g) / below, (q + 2 - g) / below
        E = 1 / (1 - A2 / q)
        V = 2 / q * (1 + c1 * B) / ((1 - c2 * B) ** 2 * (1 - c3 * B))
        rho = V / (2 * E**2)
        m = 4 + (q + 2) / (q * rho - 1)
        scaling = m / (E * (m - 2))
        F = distances @ np.linalg.inv(L @ self.adjusted @ L.T) @ distances / q
        return scaling * F, m, scaling

    def _moments(self, L: FloatArray) -> tuple[float, float]:
        Theta = L.T @ np.linalg.inv(L @ self.Phi @ L.T) @ L
        TP = [Theta @ self.Phi @ P @ self.Phi for P in self.P]
        places = range(len(TP))
        A1 = sum(self.W[i, j] * np.trace(TP[i]) * np.trace(TP[j]) for i in places for j in places)
        A2 = sum(self.W[i, j] * np.trace(TP[i] @ TP[j]) for i in places for j in places)
        return float(A1), float(A2)


def kenward_roger(
    X: FloatArray,
    V: FloatArray,
    first: Sequence[FloatArray],
    second: Mapping[tuple[int, int], FloatArray] | None = None,
) -> Dense:
    """From V, its derivatives V_i, and those V_ij (of all i, j) that are not zero.

    The bias of the parameters is that of Cox & Snell, -W_ks W_ij tr(P V_s P V_ij) / 4: it takes from V_ij what is in
    the span of the V_k.
    """
    inverse, m = np.linalg.inv(V), len(first)
    Phi = np.linalg.inv(X.T @ inverse @ X)
    projection = inverse - inverse @ X @ Phi @ X.T @ inverse
    P = [-X.T @ inverse @ V_i @ inverse @ X for V_i in first]
    projected = [projection @ V_i for V_i in first]
    information = np.array([[0.5 * np.sum(one * other.T) for other in projected] for one in projected])
    W = np.linalg.pinv(information, rcond=1e-12, hermitian=True)
    U = np.zeros_like(Phi)
    for i in range(m):
        for j in range(m):
            Q = X.T @ inverse @ first[i] @ inverse @ first[j] @ inverse @ X
            U += W[i, j] * (Q - P[i] @ Phi @ P[j])
    adjusted = Phi + 2 * Phi @ U @ Phi
    for (i, j), V_ij in (second or {}).items():
        R = X.T @ inverse @ V_ij @ inverse @ X
        adjusted -= 0.5 * W[i, j] * Phi @ R @ Phi
        bias = -0.25 * W[i, j] * W @ [np.sum(one * (projection @ V_ij).T) for one in projected]
        for k in range(m):
            adjusted -= bias[k] * -(Phi @ P[k] @ Phi)  # the derivative of Phi is -Phi P_k Phi
    return Dense(adjusted, Phi, P, W)


def marginal(fit: Any, terms: Sequence[tuple[FloatArray, Any]], weights: FloatArray | None) -> tuple[FloatArray, list]:
    """V of a fit and its derivatives by all entries; terms of (Z (n, L, k), whether correlated), one a factor."""
    n = fit.n_obs
    residual = np.diag(np.ones(n) if weights is None else 1.0 / weights)
    V, first = fit.sigma**2 * residual, [residual]
    for (Z, correlated), S in zip(terms, fit._fit.covariances, strict=True):
        V = V + np.einsum("ila,ab,jlb->ij", Z, S, Z)
        k = len(S)
        for a in range(k):
            for b in range(a + 1) if correlated else [a]:
                E = np.zeros((k, k))
                E[a, b] = E[b, a] = 1.0
                first.append(np.einsum("ila,ab,jlb->ij", Z, E, Z))
    return V, first


def incidence(codes: Any, columns: FloatArray) -> FloatArray:
    """Z as (n, L, k)."""
    codes = np.unique(codes, return_inverse=True)[1]
    Z = np.zeros((len(codes), codes.max() + 1, columns.shape[1]))
    Z[np.arange(len(codes)), codes] = columns
    return Z


class Design(NamedTuple):
    """Arguments of `ranef.lmm`, and the terms for `marginal`."""

    arguments: dict[str, Any]
    X: FloatArray
    weights: FloatArray | None
    terms: list[tuple[FloatArray, bool]]


def design(seed: int) -> Design:
    """A small unbalanced model: one to three factors, crossed or nested, with slopes or without, weights or none."""
    rng = np.random.default_rng(seed)
    n, p = int(rng.integers(30, 60)), int(rng.integers(1, 5))
    x, z = rng.normal(size=(2, n))
    X = np.column_stack([np.ones(n), x, rng.random(n) < 0.4, rng.integers(0, 3, n)]).astype(float)[:, :p]
    weights = rng.uniform(0.3, 3.0, n) if rng.random() < 0.5 else None
    names = {"1": np.ones(n), "x": x, "z": z}
    groups, effects, correlated, terms, y = {}, {}, {}, [], X @ rng.normal(size=p) + rng.normal(size=n)
    for j in range(int(rng.integers(1, 4))):
        codes = rng.integers(0, int(rng.integers(4, 11)), n)
        if j == 1 and rng.random() < 0.5:
            codes = 2 * groups["g0"] + rng.integers(0, 2, n)
        listed = ["1", *rng.permutation(["x", "z"])[: int(rng.integers(0, 3 if j == 0 else 2))]]
        Z = np.column_stack([names[v] for v in listed])
        groups[f"g{j}"], effects[f"g{j}"], correlated[f"g{j}"] = codes, listed, bool(rng.random() < 0.7)
        terms.append((incidence(codes, Z), correlated[f"g{j}"]))
        b = rng.normal(size=(codes.max() + 1, len(listed))) * rng.uniform(0.0, 2.0, len(listed))
        y = y + (b[codes] * Z).sum(axis=1)
    arguments = {
        "y": y,
        "X": X,
        "groups": groups,
        "random_effects": effects,
        "random_data": {"x": x, "z": z},
        "correlated": correlated,
        "weights": weights,
    }
    return Design(arguments, X, weights, terms)
