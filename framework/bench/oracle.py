"""Agreement of a backend with the dense one, at the same matrix."""

from __future__ import annotations

import numpy as np

from .. import registry
from ..contracts import Blocks, LinalgBackend, NotPositiveDefiniteError
from ..contracts.arrays import FloatArray
from ..design.mixed import MixedDesign
from ..estimation.profiled import logdet_gradient

#: The backend that is obviously right, and the most random effects that it is asked for.
ORACLE, LARGEST = "dense", 3000


def disagreement(backend: LinalgBackend, design: MixedDesign, T: Blocks) -> dict[str, float] | None:
    """Largest relative differences of log|M|, M^-1 Z'WX and d log|M| / dT; None where M is too large for it."""
    pattern = design.random.pattern
    if pattern.q > LARGEST:
        return None
    ZtWZ = design.random.ZtWZ(design.weights)
    WX = design.fixed.Q if design.weights is None else design.fixed.Q * design.weights[:, None]
    B = design.random.Zt(WX)
    oracle, _ = registry.linalg_backend(ORACLE)
    try:
        mine, right = (b.analyze(pattern).factorize(ZtWZ, T) for b in (backend, oracle))
    except NotPositiveDefiniteError:
        return None
    out = {"logdet": _relative(np.array([mine.logdet]), np.array([right.logdet]))}
    if B.size:
        out["solve"] = _relative(mine.solve(B), right.solve(B))
    if backend.has_gradient:
        by_T = mine.logdet_gradient()
        if by_T is None:
            by_T = logdet_gradient(pattern, T, ZtWZ, mine.selected_inverse())
        known = logdet_gradient(pattern, T, ZtWZ, right.selected_inverse())
        out["gradient"] = max(map(_relative, map(np.tril, by_T), map(np.tril, known)))
    return out


def _relative(found: FloatArray, right: FloatArray) -> float:
    size = float(np.abs(right).max())
    return float(np.abs(found - right).max()) / size if size else float(np.abs(found).max())
