"""What things are called: the columns of X, the levels and terms of every factor. A fit holds these always.

Rows (`FixedDesign`, `GroupRows`, `MixedDesign`) have their labels, and numbers besides; what needs labels only takes
these, so that it works for fits that have no rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np
from scipy.linalg import solve_triangular

from ..contracts.arrays import AnyArray, BoolArray, FloatArray, IntArray
from ..contracts.errors import InputError
from ..contracts.linalg import Grouping, Pattern
from .basis import lower_root
from .residual_labels import ResidualLabels
from .terms import Term

#: A dropped column of a new row is what it was to this part of its size.
SAME_COLUMN = 1e-8


@dataclass(frozen=True, eq=False)
class FixedLabels:
    """X = Q R on the columns that are kept.

    Parameters
    ----------
    R : (r, r) upper triangular array
    kept : (r,) int array
        Columns of X that are kept, ascending.
    names : tuple of str
        Names of all p columns.
    relations : (r, p - r) array
        Columns that were dropped are those kept times these.
    """

    R: FloatArray
    kept: IntArray
    names: tuple[str, ...]
    relations: FloatArray

    @property
    def rank(self) -> int:
        """Number of columns kept."""
        return len(self.kept)

    @property
    def kept_names(self) -> tuple[str, ...]:
        """Names of the columns kept."""
        return tuple(self.names[j] for j in self.kept)

    @property
    def dropped_names(self) -> tuple[str, ...]:
        """Names of the columns dropped, linear combinations of those before them."""
        return tuple(name for j, name in enumerate(self.names) if j not in self.kept)

    @property
    def dropped(self) -> IntArray:
        """Columns dropped, ascending."""
        return np.setdiff1d(np.arange(len(self.names)), self.kept)

    def estimable(self, X: FloatArray) -> BoolArray:
        """Which rows of X (c, p) have a mean that the data determine: their dropped columns are what they were."""
        if len(self.dropped) == 0:
            return np.ones(len(X), dtype=bool)
        there, expected = X[:, self.dropped], X[:, self.kept] @ self.relations
        size = np.abs(X[:, self.kept]) @ np.abs(self.relations) + np.abs(there)
        return np.asarray((np.abs(there - expected) <= SAME_COLUMN * size).all(axis=1))

    def in_basis(self, X: FloatArray) -> FloatArray:
        """Rows of Q for rows of X (c, p), with contiguous columns."""
        kept = X[:, self.kept]
        return np.asarray(solve_triangular(self.R, kept.T, trans="T", check_finite=False)).T if len(self.R) else kept

    def coefficients(self, gamma: FloatArray) -> FloatArray:
        """Coefficients of the kept columns of X from those of Q."""
        return np.asarray(solve_triangular(self.R, gamma, check_finite=False))


@dataclass(frozen=True, eq=False)
class GroupLabels:
    """One grouping factor: its levels, and its terms with the basis that they are computed in.

    All that a fit computes is in a basis B of the user's columns B R: effects and T. The methods lead back to the
    user's columns.

    Parameters
    ----------
    terms : tuple of Term
    levels : (L,) array
        Labels of the levels, sorted; after them those of a known precision that are not in the data.
    R : (k, k) array
    grouping : Grouping
    """

    terms: tuple[Term, ...]
    levels: AnyArray
    R: FloatArray
    grouping: Grouping

    @property
    def name(self) -> str:
        """Name of the factor."""
        return self.grouping.name

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names of the k columns."""
        return tuple(c for term in self.terms for c in term.columns)

    @property
    def is_penalty(self) -> bool:
        """Whether its effects are the penalized part of the mean: of one level, of which there are no others."""
        return len(self.levels) == 1

    @property
    def independent(self) -> bool:
        """Whether independent effects are computed in a basis that mixes their columns (see `basis.disentangled`)."""
        alone = all(term.structure is None and (not term.correlated or len(term.columns) == 1) for term in self.terms)
        return alone and bool(np.count_nonzero(self.R) > len(self.R))

    @property
    def computed(self) -> tuple[Term, ...]:
        """The terms in the basis: one of correlated effects where that mixes all columns."""
        return (Term(self.name, self.column_names),) if self.independent else self.terms

    @property
    def labels(self) -> GroupLabels:
        """Without the rows, where there are some."""
        return GroupLabels(self.terms, self.levels, self.R, self.grouping)

    def rotated(self, turn: FloatArray) -> Self:
        """The factor in the basis B turn, for an orthogonal matrix."""
        return replace(self, R=turn.T @ self.R)

    def users_root(self, T: FloatArray) -> FloatArray:
        """The relative covariance factor of the user's columns, lower triangular with a diagonal >= 0."""
        return lower_root(self.users_effects(T))

    def basis_root(self, T: FloatArray) -> FloatArray:
        """The inverse of `users_root`."""
        return lower_root(self.R @ T)

    def users_effects(self, b: FloatArray) -> FloatArray:
        """Effects (k, ...) of the user's columns from those of the basis."""
        return np.asarray(np.linalg.solve(self.R, b), dtype=np.float64)


@dataclass(frozen=True, eq=False)
class Labels:
    """All labels of a model.

    Parameters
    ----------
    response : str
        Name of the response.
    n : int
        Number of observations.
    fixed : FixedLabels
    groups : tuple of GroupLabels
    pattern : Pattern
        Which levels meet.
    has_weights, has_offset : bool
        Whether rows came with weights, with an offset.
    residual : ResidualLabels, optional
        Covariance structure of the residuals.
    parameters : mapping of str to FixedLabels
        Columns of the dispersion parameters that have a model.
    """

    response: str
    n: int
    fixed: FixedLabels
    groups: tuple[GroupLabels, ...]
    pattern: Pattern
    has_weights: bool = False
    has_offset: bool = False
    residual: ResidualLabels | None = None
    parameters: Mapping[str, FixedLabels] = field(default_factory=dict)

    @property
    def p(self) -> int:
        """Number of columns of X, dropped ones included."""
        return len(self.fixed.names)

    @property
    def terms(self) -> tuple[Term, ...]:
        """All random-effects terms."""
        return tuple(t for g in self.groups for t in g.terms)

    @property
    def dense_sizes(self) -> tuple[int, int, int]:
        """Rows and columns of X, and random effects outside of the largest factor: what dense matrices grow with.

        With a known precision, whose backends have dense blocks of any factor, all random effects.
        """
        pattern = self.pattern
        beside = pattern.q if pattern.has_precision else pattern.q - max((f.size for f in pattern.groupings), default=0)
        return self.n, self.p, beside

    @property
    def right_hand_side(self) -> str:
        """The model in the manner of lme4's formulas (columns of X by name)."""
        return " + ".join([*(self.fixed.names or ("0",)), *map(str, self.terms)])

    def refuse_penalty(self, what: str) -> None:
        """Refuse what takes all of the mean for fixed effects.

        Raises
        ------
        InputError
            For a model with smooth terms.
        """
        if names := [g.name for g in self.groups if g.is_penalty]:
            raise InputError(
                f"{what} does not know smooth terms, whose penalized part is in the mean and no fixed effect; this "
                f"model has {', '.join(names)}"
            )

    def refuse_residual(self, what: str) -> None:
        """Refuse what knows of independent residuals of one variance only.

        Raises
        ------
        InputError
            For a model with a residual structure.
        """
        if self.residual is not None:
            raise InputError(
                f"{what} takes residuals for independent and of one variance (up to weights), and this model has a "
                "covariance structure for them (residual=, dispersion=)"
            )

    def __str__(self) -> str:
        """The model in the manner of a formula."""
        return f"{self.response} ~ {self.right_hand_side}"
