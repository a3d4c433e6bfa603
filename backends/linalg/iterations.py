"""Conjugate gradients and the Lanczos process, for all right-hand sides at once.

Every column goes its own way and stays where it is once it has converged: what it becomes does not depend on the
columns beside it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ranef.contracts import NotPositiveDefiniteError
from ranef.contracts.arrays import BoolArray, FloatArray

#: A matrix times the columns of a (q, r) array.
Operator = Callable[[FloatArray], FloatArray]
#: Steps after which an iteration is given up: rounding, and no longer the matrix, decides then.
MOST_STEPS = 2_000


def conjugate_gradients(K: Operator, B: FloatArray, tol: float) -> FloatArray:
    """K^-1 B for a positive definite K, to residuals of `tol` times the norm of each column of B (q, r).

    Source: Hestenes & Stiefel (1952), doi 10.6028/jres.049.044.

    Raises
    ------
    NotPositiveDefiniteError
        Where a direction p has p'Kp <= 0, or after `MOST_STEPS`.

    Examples
    --------
    >>> K = np.array([[2.0, 1.0], [1.0, 3.0]])
    >>> conjugate_gradients(lambda V: K @ V, np.array([[3.0], [4.0]]), 1e-12).round(12).tolist()
    [[1.0], [1.0]]
    """
    X, R = np.zeros_like(B), B.copy()
    P, rho = R.copy(), _squares(R)
    goal = tol**2 * rho
    for _ in range(MOST_STEPS):
        going = rho > goal
        if not going.any():
            return X
        KP = K(P)
        alpha = _ratio(rho, _positive((P * KP).sum(axis=0), going), going)
        X += alpha * P
        R -= alpha * KP
        before, rho = rho, _squares(R)
        P = R + _ratio(rho, before, going) * P
    raise _given_up()


class Lanczos(NamedTuple):
    """Tridiagonal matrices T_i = V_i'K V_i of m steps from every column z_i.

    Parameters
    ----------
    diagonal : (r, m) array
    beside : (r, m - 1) array
        What stands beside the diagonal.
    V : (m, q, r) array
        Orthonormal bases, the first of them z_i / |z_i|; zero after a column's last step.
    """

    diagonal: FloatArray
    beside: FloatArray
    V: FloatArray

    def spectra(self) -> tuple[FloatArray, FloatArray]:
        """Eigenvalues (r, m), ascending, and eigenvectors (r, m, m) of every T_i."""
        m = self.diagonal.shape[1]
        T, i = np.zeros((len(self.diagonal), m, m)), np.arange(m)
        T[:, i, i] = self.diagonal
        T[:, i[1:], i[:-1]] = T[:, i[:-1], i[1:]] = self.beside
        eigenvalues, Q = np.linalg.eigh(T)
        return eigenvalues, Q


def lanczos(K: Operator, Z: FloatArray, tol: float) -> Lanczos:
    """The Lanczos process from every column of Z (q, r), none of them zero, for a positive definite K.

    A column ends where conjugate gradients from it would have a residual of `tol`, which is known from the pivots of
    T: f(K) z = |z| V f(T) e_1 then has converged for every function f that is smooth where K's eigenvalues are.

    Source: Golub & Meurant (2010), *Matrices, Moments and Quadrature*, chapters 4 and 7.

    Raises
    ------
    NotPositiveDefiniteError
        Where some T has a pivot that is not positive, or after `MOST_STEPS`.

    Examples
    --------
    >>> K = np.array([[2.0, 1.0], [1.0, 2.0]])
    >>> found = lanczos(lambda V: K @ V, np.array([[1.0, 3.0], [1.0, 4.0]]), 1e-12)
    >>> found.spectra()[0].round(12).tolist()  # (1, 1) is an eigenvector: its first step was the last
    [[1.0, 3.0], [1.0, 3.0]]
    """
    v = Z / np.sqrt(_squares(Z))
    last, beta = np.zeros_like(v), np.zeros(Z.shape[1])
    pivot, residual = np.ones(Z.shape[1]), np.ones(Z.shape[1])
    going = np.ones(Z.shape[1], dtype=bool)
    diagonal: list[FloatArray] = []
    beside: list[FloatArray] = []
    V: list[FloatArray] = []
    for _ in range(MOST_STEPS):
        V.append(v)
        w = K(v) - beta * last
        alpha = (v * w).sum(axis=0)
        w -= alpha * v
        pivot = np.where(going, _positive(alpha - _ratio(beta**2, pivot, going), going), 1.0)
        diagonal.append(np.where(going, alpha, 1.0))
        beta = np.sqrt(_squares(w))
        residual = np.where(going, residual * beta / pivot, 0.0)
        going = going & (residual > tol)
        if not going.any():
            return Lanczos(np.array(diagonal).T, np.reshape(beside, (len(beside), Z.shape[1])).T, np.array(V))
        beta = np.where(going, beta, 0.0)
        beside.append(beta)
        last, v = v, w * _ratio(np.ones_like(beta), beta, going)
    raise _given_up()


def _squares(V: FloatArray) -> FloatArray:
    """Squared norms of the columns."""
    return np.asarray((V * V).sum(axis=0))


def _ratio(over: FloatArray, under: FloatArray, where: BoolArray) -> FloatArray:
    """The quotient, and zero elsewhere."""
    return np.divide(over, under, out=np.zeros_like(over), where=where)


def _positive(values: FloatArray, where: BoolArray) -> FloatArray:
    if not (values[where] > 0.0).all():  # NaN is not
        raise NotPositiveDefiniteError("M is not positive definite: an iteration met a direction of no curvature")
    return values


def _given_up() -> NotPositiveDefiniteError:
    return NotPositiveDefiniteError(f"M is positive definite by so little that {MOST_STEPS} iterations do not solve it")
