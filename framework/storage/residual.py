"""The covariance structure of residuals as plain data, and back."""

from __future__ import annotations

import numpy as np

from ..design.residual import ResidualRows
from ..design.residual_labels import KINDS, ResidualLabels
from .archive import Tree
from .node import Node


def residual_labels_state(labels: ResidualLabels) -> Tree:
    """What it is called."""
    return {
        "kind": labels.kind,
        "time": labels.time,
        "group": labels.group,
        "visits": list(labels.visits),
        "largest": labels.largest,
        "dispersion": list(labels.dispersion),
        "to_users": labels.to_users,
        "strata": labels.strata,
        "step": labels.step,
        "closest": labels.closest,
    }


def residual_labels_of(node: Node) -> ResidualLabels:
    """What it is called.

    Raises
    ------
    StorageError
        Where it is none.
    """
    kind, names = node.text("kind", among=["", *KINDS]), node.texts("dispersion")
    visits = node.texts("visits")
    if kind in ("toep", "us") and len(visits) < 2:
        raise node.wrong("visits", "has less than two visits")
    return ResidualLabels(
        kind,
        node.text("time"),
        node.text("group"),
        visits,
        node.integer("largest", least=2 if kind else 0),
        names,
        node.floats("to_users", len(names), len(names)),
        node.boolean("strata"),
        node.number("step", positive=True),
        node.number("closest", positive=True),
    )


def residual_rows_state(rows: ResidualRows) -> Tree:
    """Its rows."""
    return {
        "group": np.asarray(rows.group, dtype=np.int64),
        "position": np.asarray(rows.position, dtype=np.float64),
        "basis": rows.basis,
    }


def residual_rows_of(node: Node, labels: ResidualLabels, n: int) -> ResidualRows:
    """Its rows.

    Raises
    ------
    StorageError
        Where they are none, or do not go with the labels.
    """
    position = node.floats("position", n)
    if labels.kind in ("toep", "us"):
        if not np.isin(position, np.arange(len(labels.visits))).all():
            raise node.wrong("position", "has visits that the labels do not have")
        position = position.astype(np.intp)
    return ResidualRows(labels, node.integers("group", n, below=n), position, node.floats("basis", labels.n_scales, n))


__all__ = ["residual_labels_of", "residual_labels_state", "residual_rows_of", "residual_rows_state"]
