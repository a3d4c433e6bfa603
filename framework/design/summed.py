"""A linear model of sums over rows: the same bases, cross-products and checks as those of rows, from C'WC alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import numpy as np
from scipy.linalg import solve_triangular

from ..contracts.arrays import FloatArray
from ..contracts.errors import InputError
from ..contracts.linalg import Grouping, Pattern, PatternBlocks
from ..notes import Note
from .crossproducts import CrossProducts, Reference
from .fingerprint import Fingerprint
from .fixed import WELL_CONDITIONED, notes_of_dropped
from .labels import FixedLabels, Labels
from .mixed import ONES, basis_of_terms, check_number_of_covariances, notes_of_confounded
from .precision import relations
from .random import GroupSums, RandomSums, both_sides
from .sums import Sums
from .terms import INTERCEPT, Structures, parse_terms

#: A column whose part outside of others has a square below this part of its own is a combination of them, up to the
#: rounding of sums; from `WELL_CONDITIONED` on it is none.
ROUNDING = 1e-13
#: The same beside the square of the column counted from zero: lme4's tolerance for the rank of X.
BESIDE_MEAN = 1e-14
#: A residual sum of squares that is a smaller part of the response's has lost its digits.
REPRODUCED = 1e-11


@dataclass(frozen=True, eq=False)
class SummedDesign:
    """What a linear model is fitted to where its rows were only summed.

    Parameters
    ----------
    labels : Labels
    random : RandomSums
    cross : CrossProducts
    fingerprint : Fingerprint
    equal_weights : bool
        Whether all rows weigh the same.
    spans_ones : bool
        Whether a combination of X's columns is constant.
    notes : tuple of Note
        What is worth a warning.
    """

    labels: Labels
    random: RandomSums
    cross: CrossProducts
    fingerprint: Fingerprint
    equal_weights: bool
    spans_ones: bool
    notes: tuple[Note, ...] = ()

    @property
    def n(self) -> int:
        """Number of observations."""
        return self.labels.n

    @property
    def fixed(self) -> FixedLabels:
        """Labels of X."""
        return self.labels.fixed


def summed_design(
    sums: Sums,
    x_names: Sequence[str],
    random_effects: Mapping[str, Any],
    response: str,
    *,
    covariance: Mapping[str, Structures] | None = None,
    relationship: Mapping[str, Any] | None = None,
    precision: Mapping[str, Any] | None = None,
    has_weights: bool = False,
    has_offset: bool = False,
) -> SummedDesign:
    """Check what the sums are of, and make a `SummedDesign`.

    Raises
    ------
    InputError, InputTypeError
        As `build_design`; and where sums cannot decide whether a column of X is a combination of others.
    """
    sums = sums.shifted(sums.means)
    M, names = sums.moments, [INTERCEPT, *sums.names]
    terms = parse_terms(list(sums.levels), random_effects, None, covariance)
    check_number_of_covariances(terms, sums.n)
    known = relations(relationship, precision, list(sums.levels))
    raw = {name: np.eye(1, len(names), j)[0] + _shift(sums, j) for j, name in enumerate(names)}
    for name, part in sums.levels.items():
        if len(part.levels) < 2:
            raise InputError(
                f"groups[{name!r}] has one level only ({part.levels[0]}): a variance between levels needs at least two"
            )
        for column in (c for term in terms[name] for c in term.columns):
            if not raw[column] @ M @ raw[column] > 0.0:
                raise InputError(
                    f"random_effects[{name!r}]: {column} is zero everywhere, its variance cannot be estimated"
                )
    fixed, Q = _orthogonalized(sums, x_names, raw)
    if fixed.rank >= sums.n:
        raise InputError(
            f"X has {fixed.rank} independent columns for {sums.n} observations: nothing is left to estimate variances "
            "from. Use fewer columns or more observations"
        )
    factors, bases, blocks = [], [], []
    for name, part in sums.levels.items():
        levels, related = part.levels, None
        if name in known:
            levels, related = known[name].of_levels(levels)
        B, R = basis_of_terms(terms[name], raw, M)
        basis = np.array([np.eye(1, len(names))[0] if z is None else z for z in B])
        grouping = Grouping(name, len(levels), len(basis), related)
        factors.append(GroupSums(terms[name], levels, R, grouping, basis @ M @ basis.T / M[0, 0]))
        bases.append(basis[:, part.columns])
        blocks.append(np.pad(part.sums, ((0, 0), (0, 0), (0, len(levels) - part.sums.shape[2]))))
    pairs = {ij: (cells.rows, cells.columns) for ij, cells in sums.cells.items()}
    random = RandomSums(tuple(factors), sums.n, Pattern(tuple(f.grouping for f in factors), pairs))
    cross, constant = _cross_products(sums, random, Q, bases, blocks)
    labels = Labels(response, sums.n, fixed, tuple(f.labels for f in factors), random.pattern, has_weights, has_offset)
    notes = *notes_of_dropped(fixed), *notes_of_confounded(random)
    least, largest = sums.weights
    return SummedDesign(labels, random, cross, _fingerprint(sums, fixed), least == largest, constant, notes)


def _shift(sums: Sums, j: int) -> FloatArray:
    """The ones, as many times as a column is counted from."""
    return np.asarray(np.eye(1, len(sums.names) + 1)[0] * (sums.shift[j - 1] if j else 0.0))


def _orthogonalized(
    sums: Sums, x_names: Sequence[str], raw: Mapping[str, FloatArray]
) -> tuple[FixedLabels, FloatArray]:
    """R of X = QR with the columns that are no combination of earlier ones, and Q's columns (r, m + 1) in C's.

    Behind an intercept columns are counted from their means, by which R has an upper triangular factor more.
    """
    M, p = sums.moments, len(x_names)
    centred = bool(p) and x_names[0] == INTERCEPT
    K = np.array([raw[name] for name in x_names]).reshape(p, len(M))
    size = np.einsum("jc,cd,jd->j", K, M, K)
    if centred:
        means, K = K[:, 0].copy(), K.copy()
        K[1:, 0] = 0.0
    G = K @ M @ K.T
    kept: list[int] = []
    R: FloatArray = np.zeros((0, 0))
    for j in range(p):
        r = solve_triangular(R, G[kept, j], trans="T", check_finite=False) if kept else np.zeros(0)
        left = float(G[j, j] - r @ r)
        if left <= max(ROUNDING * G[j, j], BESIDE_MEAN * size[j]):
            continue
        if left <= WELL_CONDITIONED * G[j, j]:
            raise InputError(
                f"X: sums over rows cannot tell whether {x_names[j]} is a linear combination of the columns before it "
                f"(all but {left / G[j, j]:.1g} of its square is). Leave it out, or count it from near its mean"
            )
        R = np.block([[R, r[:, None]], [np.zeros((1, len(R))), np.array([[np.sqrt(left)]])]])
        kept.append(j)
    Q = solve_triangular(R, K[kept], trans="T", check_finite=False) if kept else K[:0]
    dropped = [j for j in range(p) if j not in kept]
    within = solve_triangular(R, Q @ M @ K[dropped].T, check_finite=False) if kept else np.zeros((0, len(dropped)))
    if centred:
        within[0] += means[dropped] - means[kept][1:] @ within[1:]
        U = np.eye(len(kept))
        U[0, 1:] = means[kept][1:]
        R = R @ U
    within[np.abs(within) * np.sqrt(size[kept])[:, None] <= 1e-8 * np.sqrt(size[dropped])] = 0.0
    return FixedLabels(R, np.array(kept, dtype=np.intp), tuple(x_names), within), Q


def _cross_products(
    sums: Sums, random: RandomSums, Q: FloatArray, bases: Sequence[FloatArray], blocks: Sequence[FloatArray]
) -> tuple[CrossProducts, bool]:
    """Cross-products, and whether a combination of Q's columns is constant.

    Parameters
    ----------
    Q : (r, m + 1) array
    bases : list of (k, k') arrays
        Columns of each factor's basis, in those that it has sums of.
    blocks : list of (k', m + 1, L) arrays
        These sums.
    """
    M, mean = sums.moments, sums.shift[-1]
    one, y = np.eye(1, len(M))[0], np.eye(1, len(M), len(M) - 1)[0]
    of_ones = Q @ M[0]
    constant = bool(M[0, 0] - of_ones @ of_ones < ONES**2 * M[0, 0])
    if not constant:
        y = y + mean * one
    QtWQ = Q @ M @ Q.T
    gamma = np.linalg.solve(QtWQ, Q @ M @ y) if len(Q) else np.zeros(0)
    rest = y - gamma @ Q
    Qy = np.vstack([Q, rest])
    gram = Qy @ M @ Qy.T
    if not gram[-1, -1] > REPRODUCED * (y @ M @ y):
        raise InputError(
            "the columns of X give y to five digits (a constant y, for example): sums over rows leave nothing to "
            "estimate variances from. Subtract from y what is known, or fit the model to the rows themselves"
        )
    ZtWQy = [
        np.einsum("ab,bcl,rc->ral", B, S, Qy, optimize=True).reshape(len(Qy), -1)
        for B, S in zip(bases, blocks, strict=True)
    ]
    places = [part.columns for part in sums.levels.values()]
    diagonal = tuple(both_sides(B, S[:, at], B) for B, S, at in zip(bases, blocks, places, strict=True))
    cross = {(i, j): both_sides(bases[i], part.sums, bases[j]) for (i, j), part in sums.cells.items()}
    stacked = np.concatenate(ZtWQy, axis=1).T
    made = CrossProducts(
        n=sums.n,
        pattern=random.pattern,
        template=random.template,
        ZtWZ=PatternBlocks(diagonal, cross),
        ZtWQy=stacked,
        QtWQ=QtWQ,
        QtWy=gram[-1, :-1],
        yWy=float(gram[-1, -1]),
        gamma0=gamma + mean * of_ones if constant else gamma,
        sum_log_weights=sums.sum_log_weights,
        mean_weight=float(M[0, 0] / sums.n),
        total=float(y @ M @ y + (mean * mean * M[0, 0] if constant else 0.0)),
        reference=Reference(np.zeros_like(stacked), gram, stacked),
    )
    return made, constant


def _fingerprint(sums: Sums, fixed: FixedLabels) -> Fingerprint:
    """By hashes of rows that were added up: equal where the same rows were summed, in any order."""
    place = {name: j for j, name in enumerate(sums.names)}
    columns = tuple("ones" if name == INTERCEPT else _text(sums, place[name]) for name in fixed.kept_names)
    return Fingerprint(_text(sums, -1), "in y", "in y", columns, tuple(map(sums.group_digest, sums.levels)))


def _text(sums: Sums, j: int) -> str:
    return sha256(f"{sums.n} {sums.hashes[j]}".encode()).hexdigest()


__all__ = ["SummedDesign", "summed_design"]
