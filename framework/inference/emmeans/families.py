"""Families of contrasts of k means, with the adjustment that belongs to each; orders and names as in R's emmeans."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Any

import numpy as np

from ...contracts.arrays import FloatArray, real_number
from ...contracts.errors import InputError, InputTypeError, shown
from ...design.arrays import as_numbers

#: Names of polynomial contrasts; "degree 5" and so on after them.
DEGREES = ("linear", "quadratic", "cubic", "quartic")
#: Labels that have one of these stand in brackets, as in emmeans: (pre-op) - post.
_OPERATORS = frozenset("+-*/")
#: Degrees that "poly" goes to.
HIGHEST = 6


@dataclass(frozen=True, eq=False)
class Family:
    """Contrasts of k means.

    Parameters
    ----------
    names : tuple of str
    weights : (c, k) array
    adjust : str
        Adjustment by default.
    pairwise : bool
        Whether these are all differences of pairs, which Tukey's adjustment is for.
    """

    names: tuple[str, ...]
    weights: FloatArray
    adjust: str
    pairwise: bool = False


def _pairwise(k: int, labels: Sequence[str], ref: int) -> Family:
    pairs = list(combinations(range(k), 2))
    return _differences(labels, pairs, "tukey", pairwise=True)


def _reversed_pairs(k: int, labels: Sequence[str], ref: int) -> Family:
    return _differences(labels, [(i, j) for i in range(k) for j in range(i)], "tukey", pairwise=True)


def _against_control(k: int, labels: Sequence[str], ref: int) -> Family:
    return _differences(labels, [(i, ref) for i in range(k) if i != ref], "dunnettx")


def _consecutive(k: int, labels: Sequence[str], ref: int) -> Family:
    return _differences(labels, [(i + 1, i) for i in range(k - 1)], "mvt")


def _differences(
    labels: Sequence[str], pairs: Sequence[tuple[int, int]], adjust: str, pairwise: bool = False
) -> Family:
    unit = np.eye(len(labels))
    weights = np.array([unit[i] - unit[j] for i, j in pairs]).reshape(-1, len(labels))
    return Family(tuple(f"{labels[i]} - {labels[j]}" for i, j in pairs), weights, adjust, pairwise)


def _effects(k: int, labels: Sequence[str], ref: int) -> Family:
    return Family(tuple(f"{label} effect" for label in labels), np.eye(k) - 1.0 / k, "fdr")


def _deleted_effects(k: int, labels: Sequence[str], ref: int) -> Family:
    return Family(tuple(f"{label} effect" for label in labels), (k * np.eye(k) - 1.0) / (k - 1), "fdr")


def _mean_change(k: int, labels: Sequence[str], ref: int) -> Family:
    i = np.arange(1, k)[:, None]
    weights = np.where(np.arange(k) < i, -1.0 / i, 1.0 / (k - i))
    return Family(tuple(f"{a}|{b}" for a, b in pairwise(labels)), weights, "mvt")


def _polynomial(k: int, labels: Sequence[str], ref: int) -> Family:
    """Orthogonal polynomials of 1, 2, ..., k in the whole numbers of the tables."""
    highest = min(HIGHEST, k - 1)
    Q, _ = np.linalg.qr(np.vander(np.arange(k) - 0.5 * (k - 1), highest + 1, increasing=True))
    names = [*DEGREES, *(f"degree {d}" for d in range(5, HIGHEST + 1))][:highest]
    return Family(tuple(names), np.array([_whole(q * np.sign(q[-1])) for q in Q.T[1:]]), "none")


def _whole(values: FloatArray) -> FloatArray:
    """The least whole numbers in the ratios of these."""
    scaled = values / values[values > 0.01].min()
    while (off := np.abs(scaled - np.round(scaled)).max()) > 0.05:
        scaled = scaled / off
    return np.asarray(np.round(scaled))


#: By name: of the number of means, their labels, and the place of the control.
FAMILIES: dict[str, Callable[[int, Sequence[str], int], Family]] = {
    "pairwise": _pairwise,
    "revpairwise": _reversed_pairs,
    "trt.vs.ctrl": _against_control,
    "poly": _polynomial,
    "consec": _consecutive,
    "eff": _effects,
    "del.eff": _deleted_effects,
    "mean_chg": _mean_change,
}


def family_of(method: Any, labels: Sequence[str], ref: Any = None, short: Sequence[str] = ()) -> Family:
    """A family by its name, or of weights that are given: a matrix (c, k), or a dict of label and weights.

    Means may be named by their labels, or by the `short` ones.

    Raises
    ------
    InputError, InputTypeError
        For names that there are not, and weights of the wrong number.

    Examples
    --------
    >>> family = family_of("poly", ("a", "b", "c", "d"))
    >>> family.names, family.weights.tolist()
    (('linear', 'quadratic', 'cubic'), [[-3.0, -1.0, 1.0, 3.0], [1.0, -1.0, -1.0, 1.0], [-1.0, 3.0, -3.0, 1.0]])
    """
    k = len(labels)
    if isinstance(method, str):
        if method not in FAMILIES:
            known = ", ".join(map(repr, FAMILIES))
            raise InputError(f"contrasts must be one of {known}, a matrix, or a dict of weights; got {method!r}")
        if ref is not None and method != "trt.vs.ctrl":
            raise InputError("ref= is the control of 'trt.vs.ctrl'")
        if k < 2:
            raise InputError(f"there is one mean ({', '.join(labels)}): nothing to compare it with")
        shown_as = [f"({label})" if _OPERATORS & set(label) else label for label in labels]
        return FAMILIES[method](k, shown_as, 0 if ref is None else _place(ref, labels, short))
    if ref is not None:
        raise InputError("ref= is the control of 'trt.vs.ctrl'")
    names, weights = _given(method, labels, short)
    if weights.shape[1] != k:
        raise InputError(
            f"a contrast has {weights.shape[1]} weights, and there are {k} means: {', '.join(labels[:10])}"
            f"{', ...' if k > 10 else ''}"
        )
    if not np.isfinite(weights).all():
        raise InputError("the weights of contrasts must be finite")
    return Family(names, weights, "none")


def crossed(weights: Sequence[FloatArray]) -> FloatArray:
    """Products of contrasts of several factors: all combinations of their rows, the first factor fastest.

    Examples
    --------
    >>> crossed([np.array([[1.0, -1.0]]), np.array([[1.0, 1.0, -2.0]])]).tolist()
    [[1.0, -1.0, 1.0, -1.0, -2.0, 2.0]]
    """
    product: FloatArray = np.ones((1, 1))
    for of_factor in weights:
        product = np.asarray(np.kron(of_factor, product), dtype=np.float64)
    return product


def _given(method: Any, labels: Sequence[str], short: Sequence[str]) -> tuple[tuple[str, ...], FloatArray]:
    if isinstance(method, Mapping):
        rows = [_row(name, row, labels, short) for name, row in method.items()]
        if not rows:
            raise InputError("there are no contrasts in an empty dict")
        if lengths := {len(row) for row in rows} - {len(labels)}:
            raise InputError(f"a contrast has {min(lengths)} weights, and there are {len(labels)} means")
        return tuple(map(str, method)), np.array(rows)
    if not isinstance(method, list | tuple | np.ndarray):
        raise InputTypeError(
            f"contrasts must be the name of a family, a matrix, or a dict of label and weights; got {shown(method)}"
        )
    plain = np.asarray(method)
    if plain.ndim not in (1, 2):
        raise InputError("a matrix of contrasts has a row of weights for each")
    weights = np.atleast_2d(as_numbers(method, "contrasts", ndim=plain.ndim))
    return tuple(f"C.{i + 1}" for i in range(len(weights))), weights


def _row(name: Any, row: Any, labels: Sequence[str], short: Sequence[str]) -> FloatArray:
    """Weights of one contrast, in order or by label."""
    if not isinstance(row, Mapping):
        return as_numbers(row, f"the contrast {name!r}")
    out = np.zeros(len(labels))
    for label, weight in row.items():
        out[_place(label, labels, short)] = real_number(weight, f"the weight of {label} in {name!r}")
    return out


def _place(label: Any, labels: Sequence[str], short: Sequence[str]) -> int:
    """Where a mean is: by its label, or counted from 0."""
    for names in map(list, (labels, short)):
        if str(label) in names:
            return names.index(str(label))
    if isinstance(label, int) and not isinstance(label, bool) and -len(labels) <= label < len(labels):
        return label % len(labels)
    raise InputError(f"there is no mean {label!r}; there are {', '.join(labels[:20])}")
