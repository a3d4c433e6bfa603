"""Covariance parameters theta: the only place that knows what they are, and where they stand.

theta has, term by term, the entries of T of an unstructured covariance matrix (its lower triangle column by column, or
its diagonal where columns are uncorrelated), or the parameters of the term's covariance structure. They are relative to
sigma, and belong to the basis of the random-effects columns in which the fit is made; `users` and `basis` lead from one
to the other. Last come those of the covariance structure of residuals, where a model has one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import copy
from functools import cached_property
from typing import Any

import numpy as np

from ..contracts.arrays import BoolArray, FloatArray, IntArray
from ..contracts.errors import InputError
from ..contracts.linalg import Blocks
from ..design.arrays import as_numbers
from ..design.labels import GroupLabels
from ..design.residual_labels import ResidualLabels
from ..design.template import Template
from ..design.terms import Term
from .independent import Independent
from .term_parameters import Disentangled, Root, Structured, by_columns

#: A change of T T', in units of an average observation, that is none: of an angle where standard deviations are zero.
NOTHING = 1e-8
#: The decay after which no correlation is left.
UNCORRELATED = 12.0


class Parameters:
    """theta of a model, and T_j from it.

    Attributes
    ----------
    groups : tuple of GroupLabels
        The grouping factors, with the basis of their columns.
    roots : tuple of Root
        The unstructured covariance matrices.
    structured : tuple of Structured
        The others.
    residual : ResidualLabels or None
        The covariance structure of residuals.
    of_residual : slice
        Where its parameters stand: last. They have neither units nor bounds.
    """

    def __init__(self, groups: Sequence[GroupLabels], residual: ResidualLabels | None = None) -> None:
        self.residual = residual
        self.groups, self.template = tuple(groups), Template.of([g.computed for g in groups])
        self._free: list[tuple[IntArray, IntArray]] = []  # positions in theta, and among the entries
        self.roots: tuple[Root, ...] = ()
        self.structured: tuple[Structured, ...] = ()
        at = entry = 0
        for j, g in enumerate(groups):
            first = 0
            for term in g.computed:
                k = len(term.columns)
                n_entries = k if term.is_diagonal else k * (k + 1) // 2
                entries = np.arange(entry, entry + n_entries)
                if g.independent:
                    unit = np.linalg.norm(g.R, axis=0)
                    effects = Disentangled(Independent(g.R / unit), term, j, 0, slice(at, at + k), entries, unit)
                    self.structured += (effects,)
                    at += k
                elif term.structure is None:
                    self._free.append((np.arange(at, at + n_entries), entries))
                    self.roots += tuple(_roots(term, j, first, at))
                    at += n_entries
                else:
                    m = len(term.structure.names(term.columns))
                    unit = np.full(m, g.R[first, first])
                    own = Structured(term.structure, term, j, first, slice(at, at + m), entries, unit)
                    self.structured += (own,)
                    at += m
                entry += n_entries
                first += k
        self.n = at + (0 if residual is None else len(residual))
        self.of_residual = slice(at, self.n)

    def __len__(self) -> int:
        return self.n

    def rotated(self, by: Sequence[FloatArray]) -> Parameters:
        """The same parameters of the same terms, in bases that are turned by orthogonal matrices."""
        return self.labelled([g.rotated(turn) for g, turn in zip(self.groups, by, strict=True)])

    def labelled(self, groups: Sequence[GroupLabels]) -> Parameters:
        """The same parameters of the same terms, with other labels of the grouping factors."""
        other = copy(self)
        other.groups = tuple(groups)
        return other

    def given(self, values: Any, argument: str = "start") -> FloatArray:
        """The user's theta, checked, in the basis of the fit."""
        theta = as_numbers(values, argument)
        if len(theta) != len(self):
            raise InputError(
                f"{argument} has {len(theta)} values, the model has {len(self)} covariance parameters (theta)"
            )
        if (theta[self.diagonal] < 0).any():
            raise InputError(f"{argument} has negative standard deviations (diagonal entries of the relative factor)")
        return self.basis(theta)

    # T --------------------------------------------------------------------------------------------------------------

    def entries(self, theta: FloatArray) -> FloatArray:
        """Entries of all T_j (see `Template`)."""
        if not self.structured:
            return theta if self.residual is None else theta[: self.of_residual.start]
        out = np.empty(len(self.template))
        for mine, entries in self._free:
            out[entries] = theta[mine]
        for s in self.structured:
            out[s.triangle] = s.entries(s.T(theta))
        return out

    def T(self, theta: FloatArray) -> Blocks:
        """T_j of every factor, (k_j, k_j)."""
        return self.template.T(self.entries(theta))

    def users_roots(self, theta: FloatArray) -> Blocks:
        """T_j of every factor for the user's columns."""
        out = [g.users_root(T) for g, T in zip(self.groups, self.T(theta), strict=True)]
        for s in self.structured:
            if isinstance(s, Disentangled):  # as they are, without the rounding of R^-1
                out[s.group] = np.diag(np.abs(theta[s.mine]) / s.unit)
        return tuple(out)

    # Derivatives ----------------------------------------------------------------------------------------------------

    def jacobian(self, theta: FloatArray) -> FloatArray | None:
        """Derivatives of all entries by theta, (entries, m); None where theta are the entries."""
        if not self.structured and self.residual is None:
            return None
        J = np.zeros((len(self.template), self.n))
        for mine, entries in self._free:
            J[entries, mine] = 1.0
        for s in self.structured:
            by = s.structure.derivatives(theta[s.mine], len(s))
            J[s.triangle, s.mine] = np.array([s.entries(d) for d in by]).T
        return J

    # Other columns, starts, bounds ----------------------------------------------------------------------------------

    def of(self, T: Blocks) -> FloatArray:
        """theta from T_j: of structured terms the parameters that come near to T T'."""
        entries, out = self.template.entries(T), np.zeros(self.n)
        for mine, free in self._free:
            out[mine] = entries[free]
        for s in self.structured:
            own = slice(s.first, s.first + len(s))
            t = T[s.group][own, own]
            out[s.mine] = s.structure.start(t @ t.T)
        return out

    def users(self, theta: FloatArray) -> FloatArray:
        """theta of the user's columns; diagonals of T are not negative, nor are scales that could have either sign."""
        out = self._moved(theta, self.users_roots(theta), to_basis=False)
        for s in self.structured:
            out[s.mine] = s.upright(out[s.mine])
        return out

    def basis(self, theta: FloatArray) -> FloatArray:
        """The inverse of `users`."""
        T = tuple(g.basis_root(T) for g, T in zip(self.groups, self.T(theta), strict=True))
        return self._moved(theta, T, to_basis=True)

    def _moved(self, theta: FloatArray, T: Blocks, *, to_basis: bool) -> FloatArray:
        entries, out = self.template.entries(T), theta.copy()
        for mine, free in self._free:
            out[mine] = entries[free]
        for s in self.structured:
            out[s.mine] = s.in_units(theta[s.mine], s.unit if to_basis else 1.0 / s.unit)
        return out

    def unit(self, eta: float) -> FloatArray:
        """What theta is measured in where an average observation has standard deviation eta, (m,)."""
        out = np.full(self.n, eta)
        out[self.of_residual] = 1.0
        for s in self.structured:
            out[s.mine] = s.in_units(np.ones(len(s.scales)), eta)
        return out

    @cached_property
    def bounds(self) -> tuple[FloatArray, FloatArray]:
        """Least and largest values of theta; entries of T have none."""
        lower, upper = np.full(self.n, -np.inf), np.full(self.n, np.inf)
        for s in self.structured:
            least, largest = s.structure.bounds(len(s))
            lower[s.mine], upper[s.mine] = s.in_units(least, s.unit), s.in_units(largest, s.unit)
        return lower, upper

    def roots_at(self, start: int) -> tuple[Root, ...]:
        """The roots where theta begins at position `start`."""
        return tuple(Root(r.term, r.group, r.first, r.places + start) for r in self.roots)

    @cached_property
    def diagonal(self) -> BoolArray:
        """Which parameters are diagonals of T, or scales."""
        diagonal = np.zeros(self.n, dtype=bool)
        for root in self.roots:
            diagonal[np.diagonal(root.places)] = True
        for s in self.structured:
            diagonal[s.mine] = s.scales
        return diagonal

    # The boundary ---------------------------------------------------------------------------------------------------

    def free(self, theta: FloatArray, eta: float) -> BoolArray:
        """Which parameters are not in a column of T that is zero, nor at a bound, nor without effect on T T'.

        `eta` is the standard deviation of an average observation.
        """
        lower, upper = self.bounds
        free = (theta > lower) & (theta < upper)
        for root in self.roots:
            free[root.zero_columns(theta)] = False
        return np.asarray(free & ~self.idle(theta, eta))

    def idle(self, theta: FloatArray, eta: float) -> BoolArray:
        """Parameters of covariance structures without effect on T T': angles where standard deviations are zero.

        The logarithm of the decay of car1 has none where no correlation is left.
        """
        idle = np.zeros(self.n, dtype=bool)
        for s in self.structured:
            effect = np.abs(s.covariance_derivatives(theta[s.mine])).max(axis=(1, 2))
            idle[s.mine] = s.in_units(effect, eta) <= NOTHING * eta**2
        if self.residual is not None and self.residual.kind == "car1":
            at = self.of_residual.start
            idle[at] = theta[at] < np.log(self.residual.closest / UNCORRELATED)
        return idle

    def zeros(self, theta: FloatArray) -> tuple[int, ...]:
        """Parameters of the user's columns that are diagonals of T, or scales, and zero."""
        if not self.structured and all(np.diagonal(root.of(theta)).all() for root in self.roots):
            return ()  # of full rank in any basis
        return tuple(np.flatnonzero(self.diagonal & (self.users(theta) == 0.0)).tolist())

    def smallest_singular_values(self, theta: FloatArray) -> dict[str, float]:
        """Of the covariance matrices' relative factors, the least by factor."""
        out = {g.name: np.inf for g in self.groups}
        smallest = [(r.group, float(np.linalg.svd(r.of(theta), compute_uv=False)[-1])) for r in self.roots]
        for j, value in smallest + [(s.group, s.smallest_singular_value(theta)) for s in self.structured]:
            name = self.groups[j].name
            out[name] = min(out[name], value)
        return out

    def moderate(self, x: FloatArray, size: float) -> Iterator[FloatArray]:
        """theta with independent effects of moderate size in all structured terms: instead of what they have, and more.

        In units of an average observation.
        """
        points = [list(s.moderate(x, size)) for s in self.structured]
        for i in range(max(map(len, points), default=0)):
            out = x.copy()
            for s, own in zip(self.structured, points, strict=True):
                out[s.mine] = own[min(i, len(own) - 1)]
            yield out


def _roots(term: Term, factor: int, first: int, at: int) -> Iterator[Root]:
    """One matrix of correlated columns, or one of each column, where theta's entries begin at `at`."""
    k = len(term.columns)
    if not term.correlated:
        for i, column in enumerate(term.columns):
            yield Root(Term(term.group, (column,)), factor, first + i, np.full((1, 1), at + i))
        return
    places = np.full((k, k), at)
    places[by_columns(k)] += np.arange(k * (k + 1) // 2)
    yield Root(term, factor, first, places)


__all__ = ["Disentangled", "Parameters", "Root", "Structured"]
