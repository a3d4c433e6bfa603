"""Shared by tests of the built-in backends."""

from __future__ import annotations

import numpy as np

from ranef.contracts.linalg import PatternBlocks


def assert_blocks_equal(blocks: PatternBlocks, expected: PatternBlocks, rtol: float) -> None:
    """M^-1 by blocks, whose entries are of size 1."""
    assert len(blocks.diagonal) == len(expected.diagonal)
    assert set(blocks.cross) == set(expected.cross)
    for block, wanted in zip(blocks.diagonal, expected.diagonal, strict=True):
        np.testing.assert_allclose(block, wanted, rtol=rtol, atol=rtol)
    for pair, wanted in expected.cross.items():
        np.testing.assert_allclose(blocks.cross[pair], wanted, rtol=rtol, atol=rtol)
