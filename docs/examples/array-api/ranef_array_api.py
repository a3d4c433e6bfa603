"""A linear-algebra backend of ranef on any array library that follows the Python array API standard."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np
from ranef.contracts import (
    Blocks,
    Factor,
    LinalgBackend,
    LinalgEntry,
    NotPositiveDefiniteError,
    Pattern,
    PatternBlocks,
    Symbolic,
    hookimpl,
)
from ranef.contracts.arrays import FloatArray

LARGEST_Q = 20_000  # the four arrays of q x q take 13 GB then


class ArrayBackend(LinalgBackend):
    """M as one dense array, and all work of order q^3 where the array library does it.

    The standard has no triangular solves: L^-1 is formed once, and everything else is a product with it.

    Parameters
    ----------
    namespace : str
        A module of the standard: ``"array_api_compat.torch"``, for example.
    device : optional
        As that library calls it: ``"cuda"``, for example; its default by default.
    """

    has_selected_inverse = True

    def __init__(self, namespace: str, device: Any = None) -> None:
        self.namespace, self.device = namespace, device

    @property
    def xp(self) -> Any:
        """The module, which could not be pickled."""
        return import_module(self.namespace)

    def cost(self, pattern: Pattern) -> float:
        """q^3; inf where levels have a known precision, and beyond what fits."""
        return np.inf if pattern.has_precision or pattern.q > LARGEST_Q else float(pattern.q) ** 3

    def analyze(self, pattern: Pattern) -> Symbolic:
        return ArraySymbolic(pattern, self)

    def there(self, values: np.ndarray) -> Any:
        """An array of the library, on the device."""
        return self.xp.asarray(np.ascontiguousarray(values), device=self.device)


class ArraySymbolic(Symbolic):
    """For each entry of M the place, among the values of all blocks with a zero before them, that it comes from.

    The standard can gather and not scatter. Places stay on the device.
    """

    def __init__(self, pattern: Pattern, backend: ArrayBackend) -> None:
        self.pattern, self.backend, q = pattern, backend, pattern.q
        parts = zip(np.split(np.arange(q), pattern.offsets[1:]), pattern.groupings, strict=True)
        effects = [mine.reshape(f.n_columns, -1) for mine, f in parts]
        places = [np.broadcast_arrays(e[:, None], e[None]) for e in effects]
        for (i, j), (rows, columns) in pattern.pairs.items():
            places.append(np.broadcast_arrays(effects[i][:, None, rows], effects[j][None, :, columns]))
        source, done = np.zeros((q, q), dtype=np.int64), 1
        for rows, columns in places:
            source[rows, columns] = source[columns, rows] = done + np.arange(rows.size).reshape(rows.shape)
            done += rows.size
        self.shapes = [rows.shape for rows, _ in places]
        self.places = [backend.there((rows * q + columns).ravel()) for rows, columns in places]
        self.source = backend.there(source.ravel())
        self.identity = backend.xp.eye(q, dtype=backend.xp.float64, device=backend.device)

    def factorize(self, ZtWZ: PatternBlocks, T: Blocks) -> Factor:
        pairs = [(j, j, block) for j, block in enumerate(ZtWZ.diagonal)]
        pairs += [(i, j, ZtWZ.cross[i, j]) for i, j in self.pattern.pairs]
        blocks = [np.einsum("ra,rcl,cb->abl", T[i], block, T[j]).ravel() for i, j, block in pairs]
        values = self.backend.there(np.concatenate([[0.0], *blocks]))
        xp, q = self.backend.xp, self.pattern.q
        M = xp.reshape(xp.take(values, self.source, axis=0), (q, q)) + self.identity
        try:
            L = xp.linalg.cholesky(M)
        except Exception as error:  # each library has one of its own
            raise NotPositiveDefiniteError(f"M is not positive definite: {error}") from error
        logs = xp.log(xp.linalg.diagonal(L))
        if not bool(xp.all(xp.isfinite(logs))):  # some say nothing
            raise NotPositiveDefiniteError("M is not positive definite")
        return ArrayFactor(self, xp.linalg.solve(L, self.identity), 2.0 * float(xp.sum(logs)))


class ArrayFactor(Factor):
    """L^-1 on the device; what goes in and out are arrays of NumPy."""

    def __init__(self, symbolic: ArraySymbolic, inverse_root: Any, logdet: float) -> None:
        self._symbolic, self._root, self._logdet = symbolic, inverse_root, logdet

    @property
    def logdet(self) -> float:
        return self._logdet

    def half_solve(self, B: FloatArray) -> FloatArray:
        return _here(self._root @ self._symbolic.backend.there(B))

    def back_solve(self, C: FloatArray) -> FloatArray:
        xp = self._symbolic.backend.xp
        return _here(xp.matrix_transpose(self._root) @ self._symbolic.backend.there(C))

    def selected_inverse(self) -> PatternBlocks:
        s, xp = self._symbolic, self._symbolic.backend.xp
        inverse = xp.reshape(xp.matrix_transpose(self._root) @ self._root, (-1,))
        out = [_here(xp.take(inverse, at, axis=0)).reshape(n) for at, n in zip(s.places, s.shapes, strict=True)]
        own = len(s.pattern.groupings)
        return PatternBlocks(tuple(out[:own]), dict(zip(s.pattern.pairs, out[own:], strict=True)))


def _here(array: Any) -> np.ndarray:
    """An array of NumPy, from any device."""
    if hasattr(array, "get"):  # CuPy
        return array.get()
    return np.from_dlpack(array.cpu() if hasattr(array, "cpu") else array)


def backend(library: str, device: Any = None) -> ArrayBackend:
    """On NumPy, PyTorch or CuPy."""
    return ArrayBackend(import_module(f"array_api_compat.{library}").__name__, device)


@hookimpl
def ranef_linalg_backends() -> Iterator[LinalgEntry]:
    for library in ("numpy", "torch", "cupy"):
        yield LinalgEntry(
            f"array-{library}",
            f"Dense Cholesky factorization by {library}",
            partial(backend, library),
            automatic=False,  # whether it is faster depends on the device
            api_version="0.9",
            requires=(library, "array_api_compat"),
            install_hint=f'pip install "ranef-array-api[{library}]"',
        )
