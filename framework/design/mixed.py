"""The model as frozen data: everything checked, labels kept, nothing estimated yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.linalg import block_diag

from ..contracts.arrays import FloatArray
from ..contracts.errors import DataWarning, InputError
from ..contracts.linalg import Grouping
from ..notes import Note
from ..threads import few_threads
from .arrays import as_numbers, as_offset, as_weights, check_length, column_names
from .basis import Column, alike, disentangled, orthonormal, scaled
from .censored import as_response
from .fingerprint import Fingerprint
from .fixed import RANK_TOLERANCE, FixedDesign, notes_of_dropped, orthogonalize
from .grouping import encode
from .labels import Labels
from .parameter import ParameterDesign
from .precision import Relation, relations
from .random import GroupRows, RandomDesign, RandomSums
from .reading import as_groups, as_mapping
from .residual import ResidualRows, build_residual
from .terms import INTERCEPT, Structures, Term, parse_terms, random_columns

if TYPE_CHECKING:
    from .summed import SummedDesign

#: Largest part of a column of ones outside of X's span that is rounding.
ONES = 1e-6

#: Variances and covariances that are searched at most: with 2,000 (62 correlated effects) it takes minutes.
MOST_COVARIANCES = 2000


@dataclass(frozen=True, eq=False)
class MixedDesign:
    """y, X, Z, weights and offset of a mixed model, after all checks: its rows.

    Parameters
    ----------
    y : (n,) array
    X : (n, p) array
    fixed : FixedDesign
    random : RandomDesign
    weights : (n,) array, or None for ones
        What they mean, the likelihood says.
    offset : (n,) array, or None for zeros
    response : str
        Name of the response.
    notes : tuple of Note
        What the checks found worth a warning.
    residual : ResidualRows, optional
        Covariance structure of the residuals.
    parameters : mapping of str to ParameterDesign
        Columns of the dispersion parameters that have a model.
    """

    y: FloatArray
    X: FloatArray
    fixed: FixedDesign
    random: RandomDesign
    weights: FloatArray | None
    offset: FloatArray | None
    response: str = "y"
    notes: tuple[Note, ...] = ()
    residual: ResidualRows | None = None
    parameters: Mapping[str, ParameterDesign] = field(default_factory=dict)

    @property
    def n(self) -> int:
        """Number of observations."""
        return len(self.y)

    @property
    def fingerprint(self) -> Fingerprint:
        """By which other rows are known to be the same."""
        return Fingerprint.of(self)

    @property
    def known(self) -> FloatArray:
        """What of the linear predictor is known: the offset, (n,)."""
        return np.zeros(self.n) if self.offset is None else self.offset

    @property
    def y_without_offset(self) -> FloatArray:
        """y less what is known, (n,)."""
        return self.y if self.offset is None else self.y - self.offset

    @property
    def equal_weights(self) -> bool:
        """Whether all rows weigh the same."""
        return self.weights is None or bool(np.ptp(self.weights) == 0.0)

    @property
    def spans_ones(self) -> bool:
        """Whether a combination of X's columns is constant."""
        return spans_ones(self.fixed)

    @property
    def labels(self) -> Labels:
        """What things are called, without the rows."""
        groups = tuple(f.labels for f in self.random.groups)
        given = self.weights is not None, self.offset is not None
        residual = None if self.residual is None else self.residual.labels
        parameters = {name: design.labels for name, design in self.parameters.items()}
        return Labels(
            self.response, self.n, self.fixed.labels, groups, self.random.pattern, *given, residual, parameters
        )

    @property
    def parameter_rows(self) -> dict[str, FloatArray]:
        """Rows (n, c) of the bases of the parameters that have a model."""
        return {name: design.Q for name, design in self.parameters.items()}

    def called(self, response: str) -> MixedDesign:
        """The same with this name of the response."""
        return replace(self, response=response)

    def rotated(self, by: Sequence[FloatArray]) -> MixedDesign:
        """The same in bases of the factors' columns that are turned by orthogonal matrices."""
        return replace(self, random=self.random.rotated(by))

    def linear_predictor(self, gamma: FloatArray, b: FloatArray) -> FloatArray:
        """Offset + Q gamma + Z b, (n,)."""
        eta = self.random.Z(b)
        if len(gamma):
            eta += self.fixed.Q @ gamma
        if self.offset is not None:
            eta += self.offset
        return eta


def build_design(
    y: Any,
    X: Any,
    groups: Mapping[str, Any],
    *,
    random_effects: Mapping[str, Any] | None = None,
    random_data: Mapping[str, Any] | None = None,
    correlated: Mapping[str, bool] | bool | None = None,
    covariance: Mapping[str, Structures] | None = None,
    relationship: Mapping[str, Any] | None = None,
    precision: Mapping[str, Any] | None = None,
    weights: Any = None,
    offset: Any = None,
    x_names: Sequence[str] | None = None,
    weights_are_precisions: bool = True,
    residual: Mapping[str, Any] | None = None,
    dispersion: Any = None,
    dispersion_names: Sequence[str] | None = None,
) -> MixedDesign:
    """Check the arguments of a front end and turn them into a `MixedDesign`.

    Where weights are precisions of the rows, as in linear models, the bases of the columns are orthonormal in them.

    Raises
    ------
    InputError, InputTypeError
        With the argument, the rows or levels, and what to do.
    """
    values = as_response(y)
    n = len(values)
    matrix = as_numbers(X, "X", ndim=2)
    check_length(matrix, n, "X")
    names = column_names(X, x_names, matrix)
    prior = as_weights(weights, n)
    metric = prior if weights_are_precisions else None
    known = as_offset(offset, n)
    groups = as_groups(groups)
    if not groups and residual is None and dispersion is None:
        raise InputError("groups is empty: a mixed model needs a grouping factor; without one fit a linear model")
    if len(set(map(str, groups))) != len(groups):
        raise InputError(f"groups has two names that read alike: {', '.join(map(str, groups))}")
    terms = parse_terms(list(groups), random_effects, correlated, covariance)
    check_number_of_covariances(terms, n)
    known_relations = relations(relationship, precision, list(groups))
    columns = random_columns(terms, random_data, matrix, names)
    with few_threads(*matrix.shape):
        factors = tuple(
            _factor(name, labels, terms[name], columns, metric, n, known_relations.get(name))
            for name, labels in groups.items()
        )
        _check_names_of_random_data(random_data)
        fixed = orthogonalize(matrix, names, metric)
    structure = build_residual(residual, dispersion, n, factors, prior, dispersion_names)
    return replace(assembled(values, matrix, fixed, factors, prior, known), residual=structure)


def assembled(
    y: FloatArray,
    X: FloatArray,
    fixed: FixedDesign,
    factors: tuple[GroupRows, ...],
    weights: FloatArray | None,
    offset: FloatArray | None,
) -> MixedDesign:
    """The design of its checked parts.

    Raises
    ------
    InputError
        Where X leaves nothing to estimate variances from.
    """
    n = len(y)
    if fixed.rank >= n:
        raise InputError(
            f"X has {fixed.rank} independent columns for {n} observations: nothing is left to estimate variances from. "
            "Use fewer columns or more observations"
        )
    random = RandomDesign.of(factors, n)
    notes = *notes_of_dropped(fixed), *notes_of_confounded(random)
    return MixedDesign(y, X, fixed, random, weights, offset, notes=notes)


def check_number_of_covariances(terms: Mapping[str, tuple[Term, ...]], n: int) -> None:
    """Refuse more variances and covariances than there are observations, or than can be searched."""
    free = {t: len(t.columns) for own in terms.values() for t in own if t.structure is None}
    sizes = {t: k * (k + 1) // 2 if t.correlated else k for t, k in free.items()}
    if (count := sum(sizes.values())) > min(n, MOST_COVARIANCES):
        largest = max(sizes, key=lambda term: sizes[term])
        most = f"{n:,} observations cannot tell apart" if count > n else f"can be searched ({MOST_COVARIANCES:,})"
        raise InputError(
            f"random_effects: there are {count:,} variances and covariances, {sizes[largest]:,} of them for the "
            f"{len(largest.columns)} effects of a term by {largest.group}: more than {most}. Use fewer effects, "
            "independent ones (||), or a covariance structure"
        )


def _check_names_of_random_data(random_data: Mapping[str, Any] | None) -> None:
    for name in as_mapping(random_data, "random_data"):
        if name in ("1", INTERCEPT):
            raise InputError(f"random_data has a column named {name!r}, which always is the intercept; rename it")


def _factor(
    name: str,
    labels: Any,
    terms: tuple[Term, ...],
    columns: Mapping[str, FloatArray],
    weights: FloatArray | None,
    n: int,
    relation: Relation | None,
) -> GroupRows:
    codes, levels = encode(labels, name)
    check_length(codes, n, f"groups[{name!r}]")
    if len(levels) < 2 and not all(term.is_penalty for term in terms):
        raise InputError(
            f"groups[{name!r}] has one level only ({levels[0]}): a variance between levels needs at least two"
        )
    precision = None
    if relation is not None:
        levels, precision = relation.of_levels(levels)
    basis, R = basis_of_terms(terms, columns, weights)
    return GroupRows(
        terms=terms,
        levels=levels,
        codes=codes,
        columns=basis,
        R=R,
        grouping=Grouping(str(name), len(levels), len(basis), precision),
    )


def basis_of_terms(
    terms: Sequence[Term], columns: Mapping[str, FloatArray], weights: FloatArray | None
) -> tuple[tuple[Column, ...], FloatArray]:
    """Basis of each term's columns, and R, block diagonal over the terms; of independent effects one for all."""
    if all(term.structure is None and (not term.correlated or len(term.columns) == 1) for term in terms):
        return disentangled([None if c == INTERCEPT else columns[c] for t in terms for c in t.columns], weights)
    bases: list[Column] = []
    blocks = []
    for term in terms:
        own = [None if c == INTERCEPT else columns[c] for c in term.columns]
        basis = scaled if not term.correlated else orthonormal if term.structure is None else alike
        B, R = basis(own, weights)
        bases += B
        blocks.append(R)
    R = blocks[0] if len(blocks) == 1 else block_diag(*blocks)
    return tuple(bases), np.asarray(R, dtype=np.float64)


def check_identifiable(design: MixedDesign | SummedDesign) -> None:
    """Refuse Gaussian models of which a random effect is the residual.

    Where weights differ, or levels are related, they can tell the two apart, even with one row a level.
    """
    n = design.n
    if n - design.fixed.rank < 2:
        raise InputError(
            f"X has {design.fixed.rank} independent columns for {n} observations: from one residual degree of freedom "
            "two variances cannot be estimated. Use fewer columns or more observations"
        )
    for f in design.random.groups:
        if (
            f.grouping.precision is None
            and f.grouping.n_levels >= n
            and INTERCEPT in f.column_names
            and design.equal_weights
        ):
            raise InputError(
                f"groups[{f.name!r}] has {f.grouping.n_levels} levels for {n} observations: with one observation a "
                "level its variance cannot be told from the residual variance. Leave the factor out, or group more "
                "coarsely"
            )


def notes_of_many_effects(design: MixedDesign | SummedDesign) -> list[Note]:
    """Which terms of a Gaussian model have as many random effects as there are observations.

    They may be determined or not: the criterion decides, at the end of the fit. Levels that are related share what
    there is to know, so that their number says little.
    """
    # uncorrelated columns are terms of their own, as lme4 expands ||
    sizes = [
        (term, f.grouping.n_levels * (len(term.columns) if term.correlated else 1))
        for f in design.random.groups
        if f.grouping.precision is None
        for term in f.terms
    ]
    return [
        Note(
            DataWarning,
            f"the term {term} has {size} random effects for {design.n} observations: if the data cannot tell them "
            "from the residual, what they leave open is NaN. Use fewer columns in the term, or more "
            "observations a level",
        )
        for term, size in sizes
        if size >= design.n
    ]


def notes_of_confounded(random: RandomDesign | RandomSums) -> list[Note]:
    """Which random effects cannot be told from each other.

    Those of a factor with linearly dependent columns, and of two factors that are one, with a column in common.
    """
    messages = [
        f"the random-effects columns {', '.join(f.column_names)} of groups[{f.name!r}] are linearly dependent: their "
        "variances cannot be told from each other. Leave one out"
        for f in random.groups
        if not any(term.structure for term in f.terms) and len(f.gram) > 1 and _dependent(f.gram)
    ]
    for (i, j), (rows, _) in random.pattern.pairs.items():
        f, g = random.groups[i], random.groups[j]
        if f.grouping.precision or g.grouping.precision:
            continue
        if len(rows) == f.grouping.n_levels == g.grouping.n_levels and set(f.column_names) & set(g.column_names):
            messages.append(
                f"groups[{f.name!r}] and groups[{g.name!r}] group the observations in the same way: only the sum of "
                "their variances can be estimated. Leave one out"
            )
    return [Note(DataWarning, message) for message in messages]


def notes_of_no_intercept(design: MixedDesign | SummedDesign) -> list[Note]:
    """Which random intercepts take up a mean: those of models in which no combination of X's columns is constant."""
    with_intercept = [f"groups[{f.name!r}]" for f in design.random.groups if INTERCEPT in f.column_names]
    if not with_intercept or design.spans_ones:
        return []
    text = (
        f"X has no intercept (no combination of its columns is constant), and {', '.join(with_intercept)} a random "
        "one: the levels are taken to scatter around 0, and their variance takes up the mean. Give X a column of "
        "ones, X = np.column_stack([np.ones(len(X)), X]), unless a mean of 0 is meant"
    )
    return [Note(DataWarning, text)]


def spans_ones(fixed: FixedDesign) -> bool:
    """Whether a column of ones is a combination of the columns of Q, which are orthonormal in their weights."""
    Q, weights = fixed.Q, fixed.weights
    rest = 1.0 - Q @ (Q.sum(axis=0) if weights is None else Q.T @ weights)
    return bool(np.abs(rest).max() < ONES)


def _dependent(gram: FloatArray) -> bool:
    norms = np.sqrt(np.diagonal(gram))
    return bool(np.linalg.eigvalsh(gram / np.outer(norms, norms)).min() < RANK_TOLERANCE**2)
