"""Records of a bootstrap in files: the container of saved models, with other contents."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from ..contracts.arrays import FloatArray
from ..prediction.simulate import RANDOM
from ..storage.archive import read as read_file
from ..storage.archive import write as write_file
from .blocks import BLOCK, MOST, Seed
from .replicates import Replicates
from .schemes import TYPES

if TYPE_CHECKING:
    from .record import Bootstrap

FORMAT = "ranef bootstrap"


def write(path: str | os.PathLike[str], record: Bootstrap) -> None:
    """Write a record; functions of the user are left out."""
    origin = record.origin
    failed = np.flatnonzero(record.failed)
    tree = {
        "statistics": list(record.statistics),
        "frame": record.frame,
        "origin": {
            "kind": origin.kind,
            "random": origin.random,
            "by": origin.by,
            "entropy": list(origin.seed.entropy),
            "block": origin.seed.block,
            "asked": origin.asked,
            "own": origin.own,
        },
        "original": record.original,
        "original_se": record.original_se,
        "replicates": np.ascontiguousarray(record.replicates),
        "replicates_se": np.ascontiguousarray(record.replicates_se),
        "singular": record.singular,
        "failed": failed.astype(np.int64),
        "reasons": [str(record.reason[i]) for i in failed],
    }
    write_file(path, tree, FORMAT)


def read(
    path: str | os.PathLike[str],
) -> tuple[tuple[str, ...], tuple[FloatArray, FloatArray], Replicates, dict[str, Any], str]:
    """Names, originals, replicates, origin and kind of data frame.

    Raises
    ------
    StorageError
        Where the file has not what a record must have.
    """
    with read_file(path, FORMAT) as node:
        names = node.texts("statistics")
        q, of = len(names), node["origin"]
        original = node.floats("original", q, finite=False), node.floats("original_se", q, finite=False)
        values = node.floats("replicates", None, q, finite=False)
        m = len(values)
        if not 1 <= m <= MOST:
            raise node.wrong("replicates", f"has {m} replicates, where 1 to {MOST} can be")
        reason = np.full(m, "", dtype=object)
        failed = node.integers("failed", None, below=m)
        reasons = node.texts("reasons", len(failed))
        if not all(reasons) or len(set(failed.tolist())) < len(failed):
            raise node.wrong("reasons", "are not one for each failure")
        reason[failed] = reasons
        found = Replicates(values, node.floats("replicates_se", m, q, finite=False), node.truths("singular", m), reason)
        entropy = of.listed("entropy")
        if not all(isinstance(e, int) and not isinstance(e, bool) and 0 <= e < 2**32 for e in entropy) or not entropy:
            raise of.wrong("entropy", "is no list of integers from 0 to 2^32 - 1")
        origin = {
            "kind": of.text("kind", TYPES),
            "random": of.text("random", RANDOM),
            "by": of.text("by") if of.has("by") else None,
            "seed": Seed(tuple(entropy), of.integer("block", least=1, most=BLOCK)),
            "asked": of.integer("asked", least=1, most=MOST),
            "own": of.boolean("own"),
        }
        return names, original, Replicates.joined([found]), origin, node.text("frame")


__all__ = ["FORMAT", "read", "write"]
