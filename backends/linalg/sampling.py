"""log|K| and its derivatives as means over random probes, each of them exact for its own probe.

For signs z, E z' log(K) z = log|K|. Quadratures by Lanczos give z' log(K) z to rounding, and its derivative is
tr(dK V X V') with X the Frechet derivative of log at T in the direction e_1 e_1': so the derivatives are those of the
sampled function itself, which is smooth in K since the probes are always the same. z'(K - I) z, whose mean is known, is
taken away as a control variate.

Sources: Ubaru, Chen & Saad (2017), doi 10.1137/16M1104974, for the quadrature; Higham (2008), *Functions of Matrices*,
chapter 3, for the derivative.
"""

from __future__ import annotations

import numpy as np

from ranef.contracts import Blocks
from ranef.contracts.arrays import FloatArray

from .iterations import Lanczos, lanczos
from .schur import ScaledSystem

#: Where the probes are from. Probe i is the same whatever the number of probes, and at every T.
SEED = 20180413
#: Residuals at which a Lanczos process ends: quadratures are exact to the square of it.
TOLERANCE = 1e-6
#: Parts of X that are smaller than this part of it are rounding.
NEGLIGIBLE = 1e-10
#: Numbers in the bases of a block of probes, when a process takes `USUAL_STEPS`.
BLOCK, USUAL_STEPS, WIDEST_BLOCK = 2**24, 12, 32


def signs(first: int, stop: int, q: int) -> FloatArray:
    """Probes first..stop - 1 as columns (q, stop - first) of 1 and -1.

    Examples
    --------
    >>> bool((signs(0, 3, 5)[:, 1:] == signs(1, 3, 5)).all())
    True
    """
    out = np.empty((q, stop - first))
    for i in range(first, stop):
        raw = np.random.PCG64([SEED, i]).random_raw(-(-q // 64)).astype("<u8")
        out[:, i - first] = 2.0 * np.unpackbits(raw.view(np.uint8), count=q) - 1.0
    return out


def sampled_logdet(system: ScaledSystem, n_probes: int) -> tuple[FloatArray, Blocks]:
    """log|K| as every probe has it (N,), and its derivatives by every T, (k_j, k_j, N).

    Raises
    ------
    NotPositiveDefiniteError
        Where K is not positive definite.
    """
    q = system.couplings.q_rest
    trace, trace_by_U = system.trace()
    exact = [system.by_T(j, by_U[..., None]) for j, by_U in trace_by_U.items()]
    values = np.full(n_probes, trace)
    by_T = [np.repeat(by, n_probes, axis=2) for by in exact]
    width = max(1, min(WIDEST_BLOCK, BLOCK // (USUAL_STEPS * q)))
    for first in range(0, n_probes, width):
        stop = min(first + width, n_probes)
        Z = signs(first, stop, q)
        quadrature, by_U = _one_block(system, Z)
        values[first:stop] += quadrature
        for j, by in by_U.items():
            by_T[j][:, :, first:stop] += system.by_T(j, by)
    return values, tuple(by_T)


def _one_block(system: ScaledSystem, Z: FloatArray) -> tuple[FloatArray, dict[int, FloatArray]]:
    """z' log(K) z - z'(K - I) z for the columns of Z, and derivatives by every U."""
    q = len(Z)
    process = lanczos(system.K, Z, TOLERANCE)
    eigenvalues, Q = process.spectra()
    first = Q[:, 0, :]
    values = q * ((first**2 * np.log(eigenvalues)).sum(axis=1) - (process.diagonal[:, 0] - 1.0))
    by_U = system.nothing_by_U(Z.shape[1])
    system.quadratic_by_U(Z, -1.0, by_U)
    for Y in _derivative(process, eigenvalues, Q):
        system.quadratic_by_U(np.sqrt(q) * Y, 1.0, by_U)
    return values, by_U


def _derivative(process: Lanczos, eigenvalues: FloatArray, Q: FloatArray) -> FloatArray:
    """Y (R, q, r): the derivative of v_1' log(K) v_1 is the sum of y'dK y over the R columns.

    X = Q (D * w w') Q' with the divided differences D of log and w = Q'e_1; it is positive semidefinite, log being
    operator monotone, and of low rank to rounding.
    """
    a, b = eigenvalues[:, :, None], eigenvalues[:, None, :]
    apart = (a - b) / b
    D = np.where(np.abs(apart) > 1e-8, np.log1p(apart) / np.where(apart == 0.0, 1.0, apart), 1.0 - 0.5 * apart) / b
    w = Q[:, 0, :]
    X = np.einsum("ram,rmn,rbn->rab", Q, D * w[:, :, None] * w[:, None, :], Q, optimize=True)
    weights, directions = np.linalg.eigh(0.5 * (X + X.transpose(0, 2, 1)))
    rank = int((weights > NEGLIGIBLE * weights[:, -1:]).sum(axis=1).max())
    roots = directions[:, :, -rank:] * np.sqrt(np.maximum(weights[:, -rank:], 0.0))[:, None, :]
    return np.asarray(np.einsum("mqr,rmk->kqr", process.V, roots, optimize=True))
