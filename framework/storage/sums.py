"""Sums over rows: cross-products of linear models, and what generalized ones keep, as plain data, and back."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ..contracts.linalg import Pattern, PatternBlocks
from ..design.crossproducts import CrossProducts, Reference
from ..design.fingerprint import Fingerprint
from ..design.labels import Labels
from ..design.template import Template
from ..estimation.generalized_factors import GeneralizedDigest
from ..estimation.model import Digest
from .archive import Tree
from .node import Node, number_of


def cross_state(cross: CrossProducts) -> Tree:
    """Cross-products; of who meets whom the labels know."""
    return {
        "ZtWZ": _blocks_state(cross.ZtWZ),
        "ZtWQy": cross.ZtWQy,
        "QtWQ": cross.QtWQ,
        "QtWy": cross.QtWy,
        "yWy": cross.yWy,
        "gamma0": cross.gamma0,
        "sum_log_weights": cross.sum_log_weights,
        "mean_weight": cross.mean_weight,
        "total": cross.total,
        "reference": {"B": cross.reference.B, "EtWE": cross.reference.EtWE, "ZtWE": cross.reference.ZtWE},
    }


def cross_of(node: Node, n: int, r: int, pattern: Pattern, template: Template) -> CrossProducts:
    """Cross-products of n rows and r columns of Q.

    Raises
    ------
    StorageError
        Where they are none.
    """
    q, E = pattern.q, node["reference"]
    return CrossProducts(
        n=n,
        pattern=pattern,
        template=template,
        ZtWZ=_blocks_of(node["ZtWZ"], pattern),
        ZtWQy=node.floats("ZtWQy", q, r + 1),
        QtWQ=node.floats("QtWQ", r, r),
        QtWy=node.floats("QtWy", r),
        yWy=node.number("yWy"),
        gamma0=node.floats("gamma0", r),
        sum_log_weights=node.number("sum_log_weights"),
        mean_weight=node.number("mean_weight", positive=True),
        total=node.number("total"),
        reference=Reference(E.floats("B", q, r + 1), E.floats("EtWE", r + 1, r + 1), E.floats("ZtWE", q, r + 1)),
    )


def digest_state(digest: Digest) -> Tree:
    """What a fit without rows keeps of them."""
    out: Tree = {"residual_quantiles": digest.residual_quantiles, "fingerprint": asdict(digest.fingerprint)}
    if isinstance(digest, GeneralizedDigest):
        out |= {
            "deviance": number_of(digest.deviance),
            "average_mean": number_of(digest.average_mean),
            "log_density": number_of(digest.log_density),
            "ZtWZ": _blocks_state(digest.ZtWZ),
            "ZtWQ": digest.ZtWQ,
            "b_moved": digest.b_moved,
            "hessian": digest.hessian,
        }
    return out


def digest_of(node: Node, labels: Labels) -> Digest:
    """What a linear fit without rows keeps of them."""
    return Digest(**_common(node, labels))


def generalized_digest_of(node: Node, labels: Labels, m: int) -> GeneralizedDigest:
    """The same of a generalized fit with m parameters beside the coefficients."""
    r, pattern = labels.fixed.rank, labels.pattern
    return GeneralizedDigest(
        **_common(node, labels),
        deviance=node.number("deviance", finite=False),
        average_mean=node.number("average_mean", finite=False),
        log_density=node.number("log_density"),
        ZtWZ=_blocks_of(node["ZtWZ"], pattern),
        ZtWQ=node.floats("ZtWQ", pattern.q, r),
        b_moved=node.floats("b_moved", pattern.q, m, finite=False),
        hessian=node.floats("hessian", r + m, r + m, finite=False),
    )


def _common(node: Node, labels: Labels) -> dict[str, Any]:
    part = node["fingerprint"]
    fingerprint = Fingerprint(
        part.text("y"),
        part.text("weights"),
        part.text("offset"),
        part.texts("columns", labels.fixed.rank),
        part.texts("groups", len(labels.groups)),
        _parameter_columns(part, labels),
    )
    return {"residual_quantiles": node.floats("residual_quantiles", 5, finite=False), "fingerprint": fingerprint}


def _parameter_columns(node: Node, labels: Labels) -> dict[str, tuple[str, ...]]:
    """Fingerprints of the columns of dispersion parameters that have a model."""
    if not labels.parameters:
        return {}
    return {name: node["parameters"].texts(name, own.rank) for name, own in labels.parameters.items()}


def _blocks_state(blocks: PatternBlocks) -> Tree:
    cross = [{"factors": list(ij), "block": block} for ij, block in blocks.cross.items()]
    return {"diagonal": list(blocks.diagonal), "cross": cross}


def _blocks_of(node: Node, pattern: Pattern) -> PatternBlocks:
    groupings = pattern.groupings
    names = node.listed("diagonal", len(groupings))
    diagonal = tuple(
        node.beside({"diagonal": name}).floats("diagonal", g.n_columns, g.n_columns, g.n_levels)
        for name, g in zip(names, groupings, strict=True)
    )
    cross = {}
    parts = node.parts("cross", len(pattern.pairs))
    for (i, j), part in zip(pattern.pairs, parts, strict=True):
        if part.value("factors") != [i, j]:
            raise part.wrong("factors", f"is not {[i, j]}")
        pairs = len(pattern.pairs[i, j][0])
        cross[i, j] = part.floats("block", groupings[i].n_columns, groupings[j].n_columns, pairs)
    return PatternBlocks(diagonal, cross)


__all__ = ["cross_of", "cross_state", "digest_of", "digest_state", "generalized_digest_of"]
