"""What a fit needs on the way is freed when it ends, and does not wait for the garbage collector."""

import gc
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import ranef

RNG = np.random.default_rng(3)
G, H = np.repeat(np.arange(20), 10), np.tile(np.arange(10), 20)
X = np.column_stack([np.ones(200), RNG.normal(size=200)])
Y = X @ [1.0, 0.5] + RNG.normal(size=20)[G] + RNG.normal(size=10)[H] + RNG.normal(size=200)

SLOPES = {"groups": {"g": G}, "random_effects": {"g": ["1", "x"]}, "random_data": {"x": X[:, 1]}}
FITS: dict[str, Callable[[], Any]] = {
    "slopes": lambda: ranef.lmm(Y, X, **SLOPES),
    "crossed": lambda: ranef.lmm(Y, X, {"g": G, "h": H}),
    "structured": lambda: ranef.lmm(Y, X, **SLOPES, covariance={"g": "cs"}),
    "counts": lambda: ranef.glmm(np.round(np.exp(0.5 * Y)), X, {"g": G}, family="poisson"),
    "crossed counts": lambda: ranef.glmm(np.round(np.exp(0.5 * Y)), X, {"g": G, "h": H}, family="poisson"),
    "quadrature": lambda: ranef.glmm((Y > 1.0) * 1.0, X, {"g": G}, family="binomial", nagq=5),
}


@pytest.fixture
def garbage() -> Iterator[list[Any]]:
    """Of this module's fits, what only the garbage collector frees."""
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    yield gc.garbage
    gc.set_debug(0)
    gc.garbage.clear()
    gc.enable()


@pytest.mark.parametrize("name", FITS)
def test_nothing_waits_for_the_garbage_collector(name: str, garbage: list[Any]) -> None:
    FITS[name]().summary()
    gc.collect()
    assert [type(left) for left in garbage if type(left).__module__.startswith("ranef")] == []
    assert [left for left in garbage if isinstance(left, np.ndarray) and left.size > 100] == []
