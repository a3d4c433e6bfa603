"""Known relationships, and the likelihood of a linear mixed model by dense n x n matrices from its definition."""

from __future__ import annotations

import numpy as np


def random_walk(n_levels: int, ridge: float = 0.3) -> np.ndarray:
    """Precision of a first-order random walk, made proper by a ridge."""
    steps = np.diff(np.eye(n_levels), axis=0)
    return steps.T @ steps + ridge * np.eye(n_levels)


def conditional_autoregression(side: int, rho: float = 0.9) -> np.ndarray:
    """Precision of a proper CAR on a square grid (Besag 1974): D - rho W."""
    path = np.eye(side, k=1) + np.eye(side, k=-1)
    W = np.kron(path, np.eye(side)) + np.kron(np.eye(side), path)
    return np.diag(W.sum(axis=1)) - rho * W


def phylogeny(rng: np.random.Generator, n_species: int) -> np.ndarray:
    """Covariances of Brownian motion on a random tree: the length of the path that two species share."""
    V = np.zeros((n_species, n_species))
    clades = [np.array([i]) for i in range(n_species)]
    while True:
        for clade in clades:
            V[np.ix_(clade, clade)] += rng.uniform(0.05, 0.3)
        if len(clades) == 1:
            return V
        i, j = rng.choice(len(clades), 2, replace=False)
        merged = np.concatenate([clades[i], clades[j]])
        clades = [c for k, c in enumerate(clades) if k not in (i, j)] + [merged]


def tabular(sire: np.ndarray, dam: np.ndarray) -> np.ndarray:
    """The additive relationship matrix by the tabular method; parents come before their children, -1 is unknown."""
    n = len(sire)
    A = np.zeros((n, n))
    for i, (s, d) in enumerate(zip(sire, dam, strict=True)):
        for parent in (s, d):
            if parent >= 0:
                A[i, :i] += 0.5 * A[parent, :i]
        A[:i, i] = A[i, :i]
        A[i, i] = 1.0 + (0.5 * A[s, d] if s >= 0 and d >= 0 else 0.0)
    return A


def population(rng: np.random.Generator, n: int, founders: int, parents: int) -> tuple[np.ndarray, np.ndarray]:
    """Sires and dams of n animals, -1 unknown; few and recent parents, so that many animals are inbred."""
    sire, dam = np.full(n, -1), np.full(n, -1)
    for i in range(founders, n):
        sire[i], dam[i] = rng.choice(np.arange(max(0, i - parents), i), 2, replace=False)
        if rng.random() < 0.1:
            dam[i] = -1
    return sire, dam


def covariance(sigma2, weights, parts) -> np.ndarray:
    """V = sigma^2 W^-1 + sum of Z_j (G_j (x) A_j) Z_j'; parts of (codes, columns (n, k), G_j, A_j)."""
    V = sigma2 * np.diag(1.0 / weights)
    for codes, columns, G, A in parts:
        Z = np.concatenate([z[:, None] * np.eye(len(A))[codes] for z in columns.T], axis=1)
        V += Z @ np.kron(G, A) @ Z.T
    return V


def log_likelihood(y, X, V, reml: bool) -> float:
    """Of the normal distribution; the restricted one of y's part outside of X."""
    inverse = np.linalg.inv(V)
    information = X.T @ inverse @ X
    r = y - X @ np.linalg.solve(information, X.T @ inverse @ y)
    df = len(y) - (X.shape[1] if reml else 0)
    d = df * np.log(2 * np.pi) + np.linalg.slogdet(V)[1] + r @ inverse @ r
    return -0.5 * float(d + (np.linalg.slogdet(information)[1] if reml else 0.0))
