"""Pedigrees: the inverse of the additive relationship matrix, by Henderson's rules.

With T the shares of every ancestor in every animal's genes, and D the variances that its parents leave of an animal's
breeding value, A = T D T' and T^-1 = I - P, where P has 1/2 for each known parent (Henderson 1976, doi
10.2307/2529339). D depends on the parents' inbreeding (Quaas 1976, doi 10.2307/2529279), which is found from T's rows,
generation by generation (Meuwissen & Luo 1992, doi 10.1186/1297-9686-24-4-305).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import scipy

from ..contracts.arrays import AnyArray, BoolArray, FloatArray, IntArray
from ..contracts.errors import InputError, InputTypeError
from .reading import is_missing, read

#: Parents whose ancestors are looked at together.
TOGETHER = 2_000
#: What stands for an unknown parent in many files.
PERHAPS_UNKNOWN = (0, "0", ".", "NA", "*")


class Pedigree(NamedTuple):
    """The relationship of animals, as `precision={"animal": ...}` of `lmm` and `glmm` takes it.

    Parameters
    ----------
    precision : (n, n) csc_array
        The inverse A^-1 of the additive relationship matrix.
    labels : (n,) array
        Animals as they were given, and after them parents that are no animals of their own.
    inbreeding : (n,) array
        Coefficients of inbreeding F; the diagonal of A is 1 + F.
    """

    precision: scipy.sparse.csc_array
    labels: AnyArray
    inbreeding: FloatArray


def pedigree(animal: Any, sire: Any, dam: Any) -> Pedigree:
    """Inverse of the additive relationship matrix of a pedigree, with inbreeding, by Henderson's rules.

    Parameters
    ----------
    animal, sire, dam : (n,) labels
        One row an animal, in any order, and its parents; None, NaN or "" is an unknown parent. Parents that are no
        animals of their own are added as founders. Founders are unrelated and not inbred.

    Returns
    -------
    Pedigree

    Raises
    ------
    InputError
        Where an animal has two rows, is missing, or is its own ancestor.

    Examples
    --------
    Two full sibs, and their child:

    >>> import ranef
    >>> Q, labels, inbreeding = ranef.pedigree(["x", "a", "b"], ["a", "s", "s"], ["b", "d", "d"])
    >>> labels.tolist(), inbreeding.tolist()
    (['x', 'a', 'b', 's', 'd'], [0.25, 0.0, 0.0, 0.0, 0.0])
    >>> Q.toarray().tolist()[0]
    [2.0, -1.0, -1.0, 0.0, 0.0]
    """
    animals, sires, dams = (_labels(given, name) for given, name in ((animal, "animal"), (sire, "sire"), (dam, "dam")))
    for name, column in (("sire", sires), ("dam", dams)):
        if len(column) != len(animals):
            raise InputError(f"{name} has {len(column)} rows, animal has {len(animals)}")
    place = {label: i for i, label in enumerate(animals)}
    if None in place or len(place) < len(animals):
        bad = next(label for i, label in enumerate(animals) if label is None or place[label] != i)
        raise InputError("animal has missing labels" if bad is None else f"animal has {bad} twice: one row an animal")
    for label in (*sires, *dams):
        if label is not None and label not in place:
            if label in PERHAPS_UNKNOWN:
                raise InputError(
                    f"{label!r} is a parent and no animal: where it stands for an unknown parent, write None"
                )
            place[label] = len(place)
    parents = np.full((2, len(place)), -1)
    for row, known in zip(parents, (sires, dams), strict=True):
        row[: len(animals)] = [-1 if label is None else place[label] for label in known]
    labels = np.empty(len(place), dtype=object)
    labels[:] = list(place)
    _refuse_circles(parents, labels)
    return _inverse(parents, _plain(labels))


def _labels(given: Any, name: str) -> list[Any]:
    """Labels; None where missing."""
    column = read(given, name)
    if column.values.ndim != 1:
        raise InputTypeError(f"{name} must be one column of labels; it has shape {column.values.shape}")
    missing: BoolArray | None = column.missing
    values = column.values.tolist()
    if column.codes is not None:
        missing, values = column.codes < 0, column.values[column.codes].tolist()
    if missing is None:
        missing = np.zeros(len(values), dtype=bool)
    return [None if gone or is_missing(v) or v == "" else v for v, gone in zip(values, missing.tolist(), strict=True)]


def _plain(labels: AnyArray) -> AnyArray:
    """Labels as an array of one of NumPy's types where that keeps them, whole numbers as integers."""
    values = labels.tolist()
    if all(isinstance(v, int) or (isinstance(v, float) and v.is_integer()) for v in values):
        return np.array([int(v) for v in values])
    if len(set(map(type, values))) == 1 and (plain := np.array(values)).tolist() == values:
        return plain
    return labels


def _refuse_circles(parents: IntArray, labels: AnyArray) -> None:
    """No animal is its own ancestor."""
    child = np.broadcast_to(np.arange(parents.shape[1]), parents.shape)
    known = parents >= 0
    edges = (np.ones(known.sum()), (parents[known], child[known]))
    links = scipy.sparse.csr_array(edges, shape=(parents.shape[1],) * 2)
    _, circle = scipy.sparse.csgraph.connected_components(links, connection="strong")
    own = np.flatnonzero((np.bincount(circle)[circle] > 1) | (links.diagonal() > 0))
    if len(own):
        raise InputError(f"{labels[own[0]]} is its own ancestor ({len(own)} animals are in such circles)")


def _inverse(parents: IntArray, labels: AnyArray) -> Pedigree:
    n = parents.shape[1]
    known = parents >= 0
    child = np.broadcast_to(np.arange(n), parents.shape)[known]
    P = scipy.sparse.csr_array((np.full(len(child), 0.5), (child, parents[known])), shape=(n, n))
    # the last entry, of an unknown parent, is what makes d = 1/2 - (F_s + F_d) / 4 true of all
    F = np.append(np.zeros(n), -1.0)
    D = np.ones(n)
    for generation in _generations(parents):
        sire, dam = parents[:, generation]
        D[generation] = 0.5 - 0.25 * (F[sire] + F[dam])
        both = generation[(sire >= 0) & (dam >= 0)]
        F[both] = 0.5 * _relationship(P, D, parents[:, both])
    root = scipy.sparse.eye_array(n, format="csr") - P
    precision = scipy.sparse.csc_array(root.T @ scipy.sparse.diags_array(1.0 / D) @ root)
    precision.sort_indices()
    return Pedigree(precision, labels, F[:n])


def _generations(parents: IntArray) -> Iterator[IntArray]:
    """Animals by generation: each comes after its parents."""
    depth = np.append(np.zeros(parents.shape[1], dtype=np.intp), -1)  # the last is that of an unknown parent
    while np.any(depth[:-1] != (below := depth[parents].max(axis=0) + 1)):
        depth[:-1] = below
    order = np.argsort(depth[:-1], kind="stable")
    yield from np.split(order, np.cumsum(np.bincount(depth[:-1]))[:-1])


def _relationship(P: scipy.sparse.csr_array, D: FloatArray, pairs: IntArray) -> FloatArray:
    """a_sd = sum over common ancestors of T_s T_d D, for pairs (2, m) of which D is known of all ancestors."""
    different, which = np.unique(pairs, axis=1, return_inverse=True)
    out = np.empty(different.shape[1])
    for start in range(0, len(out), TOGETHER):
        some = slice(start, start + TOGETHER)
        sires, dams = (_shares(P, parent[some]) for parent in different)
        out[some] = sires.multiply(dams) @ D
    return out[which.ravel()]


def _shares(P: scipy.sparse.csr_array, animals: IntArray) -> scipy.sparse.csr_array:
    """Rows of T = I + P + P^2 + ..."""
    different, which = np.unique(animals, return_inverse=True)
    more = scipy.sparse.csr_array(scipy.sparse.eye_array(P.shape[0], format="csr")[different])
    T = more
    while more.nnz:
        more = more @ P
        T = T + more
    return T[which]


__all__ = ["Pedigree", "pedigree"]
