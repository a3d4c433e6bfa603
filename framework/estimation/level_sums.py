"""Sums over the levels of one grouping factor, of which the Hessian of the profiled deviance is made."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ..contracts.arrays import FloatArray

#: Entries of one of several (k, k, L) arrays that are summed at once: together they fit the cache.
CACHED = 1 << 16


class LevelSums(NamedTuple):
    """Sums of products over levels, with the blocks E_l of Z'V^-1 Z, e_l of Z'e and Q_l of Z'V^-1 Q.

    Parameters
    ----------
    gram : (k^2, m k^2) array
        Of E's entries with those of E, of e e', and of Q C Q' where C counts: m is 2 or 3.
    sums : (m k^2,) array
        Of the same entries.
    Qe : (r k, k) array
    QQ : (r k, r k) array
    """

    gram: FloatArray
    sums: FloatArray
    Qe: FloatArray
    QQ: FloatArray


def level_sums(blocks: Callable[[slice], FloatArray], e: FloatArray, Q: FloatArray, C: FloatArray | None) -> LevelSums:
    """The sums, in blocks of levels that fit the cache.

    Parameters
    ----------
    blocks : callable
        E (k, k, L) of some levels.
    e : (k, L) array
    Q : (r, k, L) array
    C : (r, r) array, or None
    """
    step = max(1, CACHED // len(e) ** 2)
    total: LevelSums | None = None
    for start in range(0, e.shape[1], step):
        some = slice(start, start + step)
        here = _of_some(blocks(some), e[:, some], Q[:, :, some], C)
        total = here if total is None else LevelSums(*map(np.add, total, here))
    assert total is not None
    return total


def _of_some(E: FloatArray, e: FloatArray, Q: FloatArray, C: FloatArray | None) -> LevelSums:
    r, k, n = Q.shape
    parts = [E, e[:, None] * e[None, :]]
    if r and C is not None:
        parts.append(np.einsum("xal,xbl->abl", Q, np.tensordot(C, Q, axes=1)))
    entries, flat = np.concatenate([part.reshape(k * k, n) for part in parts]), Q.reshape(r * k, n)
    return LevelSums(entries[: k * k] @ entries.T, entries.sum(axis=1), flat @ e.T, flat @ flat.T)
