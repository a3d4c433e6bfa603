"""Contract of linear-algebra backends: analyse once, factorize often.

A backend deals with one matrix only, the system matrix of the penalized least squares problem

    M(T, W) = Lambda' Z'WZ Lambda + K = P' L L' P,    Lambda = blockdiag(T_j (x) I),    K = blockdiag(I (x) Q_j)

(Bates, Maechler, Bolker & Walker 2015, section 3.2; doi 10.18637/jss.v067.i01). Q_j is the known precision of the
levels of factor j, mostly the identity, and then K = I. Everything else (covariance parameters, fixed effects, r^2,
gradients, leverages, conditional variances) is written once in the framework, on top of the few methods below.

Layout of the q random effects: factor by factor; within a factor column by column; within a column level by level. So
the part of a vector that belongs to factor j, reshaped to (k_j, n_levels_j), has the levels on the last, contiguous
axis.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .arrays import FloatArray, IntArray
from .errors import SampledError
from .precision import KnownPrecision

#: One matrix for every grouping factor.
Blocks = tuple[FloatArray, ...]

_ONLY_EXACT = (
    "this needs {}, which a backend that samples log|M| does not have; fit the model with an exact one: "
    'backend="cholmod" where levels meet few others, backend="blocked" up to 20,000 levels beside the largest factor'
)


@dataclass(frozen=True, eq=False)
class Grouping:
    """One grouping factor with all its random-effect columns (terms that share a factor are merged into one).

    Parameters
    ----------
    name : str
        Name of the factor.
    n_levels : int
        Number of levels.
    n_columns : int
        Number k of random-effect columns (1 for a random intercept).
    precision : KnownPrecision, optional
        Q of the levels, (n_levels, n_levels): their spherical effects have covariance sigma^2 Q^-1 in each column. None
        is the identity.
    """

    name: str
    n_levels: int
    n_columns: int
    precision: KnownPrecision | None = None

    @property
    def size(self) -> int:
        """Number of random effects of the factor, k times the number of levels."""
        return self.n_levels * self.n_columns


@dataclass(frozen=True, eq=False)
class Pattern:
    """Who meets whom: the pattern of Z'Z by blocks, which never changes during a fit.

    M has more entries than Z'Z where a factor has a known precision, which links its levels.

    Parameters
    ----------
    groupings : tuple of Grouping
    pairs : mapping (i, j) -> (rows, columns), i < j
        For each pair of factors the levels that occur together in some row of the data: `rows` are levels of factor i,
        `columns` levels of factor j, both int arrays of one length, in ascending order of (row, column), each once.
    """

    groupings: tuple[Grouping, ...]
    pairs: Mapping[tuple[int, int], tuple[IntArray, IntArray]]

    @cached_property
    def offsets(self) -> tuple[int, ...]:
        """Where each factor's random effects start in a vector of length q."""
        return tuple(int(o) for o in np.cumsum([0] + [f.size for f in self.groupings])[:-1])

    @cached_property
    def q(self) -> int:
        """Number of random effects."""
        return sum(f.size for f in self.groupings)

    @property
    def has_precision(self) -> bool:
        """Whether some factor has a known precision: M is then not Lambda' Z'WZ Lambda + I."""
        return any(f.precision is not None for f in self.groupings)

    @property
    def is_block_diagonal(self) -> bool:
        """Whether M has nothing beside the blocks of single levels: of one factor whose levels nothing links."""
        return len(self.groupings) == 1 and not self.has_precision

    def split(self, B: FloatArray) -> list[FloatArray]:
        """Views of (q, r) B, factor by factor, each (r, k_j, n_levels_j); contiguous where B is Fortran-ordered."""
        rows = B.T
        return [rows[:, mine].reshape(len(rows), k, n_levels) for mine, k, n_levels in self._parts]

    @cached_property
    def _parts(self) -> list[tuple[slice, int, int]]:
        parts = zip(self.offsets, self.groupings, strict=True)
        return [(slice(o, o + f.size), f.n_columns, f.n_levels) for o, f in parts]


@dataclass(frozen=True, eq=False)
class PatternBlocks:
    """A symmetric q x q matrix on the pattern of Z'Z: Z'WZ itself, or M^-1 where Z'Z is not zero.

    Parameters
    ----------
    diagonal : tuple of (k_j, k_j, n_levels_j) arrays
        The block of each level with itself.
    cross : mapping (i, j) -> (k_i, k_j, n_pairs) array
        The blocks between levels of two factors, in the order of `Pattern.pairs[i, j]`.
    """

    diagonal: tuple[FloatArray, ...]
    cross: Mapping[tuple[int, int], FloatArray]


class Factor(ABC):
    """The Cholesky factor of M at one T."""

    @property
    @abstractmethod
    def logdet(self) -> float:
        """log|M| = 2 log|L|."""

    @abstractmethod
    def half_solve(self, B: FloatArray) -> FloatArray:
        """L^-1 P B for a (q, r) array B, which is not changed."""

    @abstractmethod
    def back_solve(self, C: FloatArray) -> FloatArray:
        """P' L^-T C for a (q, r) array C, which is not changed; `back_solve(half_solve(B))` is M^-1 B."""

    def solve(self, B: FloatArray) -> FloatArray:
        """M^-1 B for a (q, r) array B, which is not changed."""
        return self.back_solve(self.half_solve(B))

    def gram(self, B: FloatArray) -> FloatArray:
        """B' M^-1 B, (r, r), for a (q, r) array B, which is not changed."""
        half = self.half_solve(B)
        return np.asarray(half.T @ half)

    def selected_inverse(self) -> PatternBlocks:
        """M^-1 on the pattern of Z'Z, by blocks. Only called where the backend declares `has_selected_inverse`."""
        raise NotImplementedError("this backend declares has_selected_inverse = False")

    def logdet_gradient(self) -> Blocks | None:
        """d log|M| / dT_j for every factor, each (k_j, k_j), or None: the framework then uses `selected_inverse`.

        Only the lower triangles are looked at.

        A backend that knows a cheaper way than the whole selected inverse overrides this.
        """
        return None


class Symbolic(ABC):
    """What a backend found out about a pattern before it saw a number."""

    @abstractmethod
    def factorize(self, ZtWZ: PatternBlocks, T: Blocks) -> Factor:
        """Factorize M at the relative covariance factors T_j, each (k_j, k_j) lower triangular.

        `ZtWZ` is immutable: a backend may keep what it derived from it for as long as it is given the same object.
        Earlier factors stay valid.

        Raises
        ------
        NotPositiveDefiniteError
            If M is not positive definite to working precision.
        """


class SampledFactor(Factor):
    """M at one T by iterations: solves without a triangular factor, log|M| and its derivatives from random probes.

    The probes are the same at every T, so that `logdet` is a smooth function of T, and `logdet_gradient` is the
    derivative of that function, not another estimate. How far both may be off is seen from how probes differ.
    """

    @property
    @abstractmethod
    def probe_logdets(self) -> FloatArray:
        """log|M| as each probe has it, (N,): independent, and right in the mean."""

    @property
    @abstractmethod
    def probe_gradients(self) -> Blocks:
        """d log|M| / dT_j as each probe has it, (k_j, k_j, N)."""

    @abstractmethod
    def solve(self, B: FloatArray) -> FloatArray:
        """M^-1 B for a (q, r) array B, which is not changed, to 1e-9 of the solution."""

    @property
    def logdet(self) -> float:
        """log|M|, the mean over the probes."""
        return float(self.probe_logdets.mean())

    def logdet_gradient(self) -> Blocks:
        """The derivatives of `logdet`, the mean over the probes."""
        return tuple(by.mean(axis=2) for by in self.probe_gradients)

    def gram(self, B: FloatArray) -> FloatArray:
        """B' M^-1 B, (r, r)."""
        half = 0.5 * (B.T @ self.solve(B))
        return np.asarray(half + half.T)

    def half_solve(self, B: FloatArray) -> FloatArray:
        """There is no L.

        Raises
        ------
        SampledError
        """
        raise SampledError(_ONLY_EXACT.format("a triangular factor of M"))

    def back_solve(self, C: FloatArray) -> FloatArray:
        """There is no L.

        Raises
        ------
        SampledError
        """
        raise SampledError(_ONLY_EXACT.format("a triangular factor of M"))

    def selected_inverse(self) -> PatternBlocks:
        """M^-1 is not known level by level.

        Raises
        ------
        SampledError
        """
        raise SampledError(_ONLY_EXACT.format("M^-1 for every level (variances of conditional modes, leverages)"))


class SampledSymbolic(Symbolic):
    """The analysis of a backend that samples, with a number of probes."""

    @property
    @abstractmethod
    def n_probes(self) -> int:
        """Number N of probes, at least 2."""

    @abstractmethod
    def with_probes(self, n_probes: int) -> SampledSymbolic:
        """The same with another number of probes, of which the first are those of this analysis."""

    @abstractmethod
    def factorize(self, ZtWZ: PatternBlocks, T: Blocks) -> SampledFactor:
        """As of any analysis."""


class LinalgBackend(ABC):
    """A way to factorize M(T, W)."""

    #: whether `Factor.selected_inverse` exists; without it gradients are not available and a derivative-free optimizer
    #: is chosen.
    has_selected_inverse: bool = False
    #: whether `analyze` gives a `SampledSymbolic`: log|M| with a Monte Carlo error, for linear models only.
    samples: bool = False

    @property
    def has_gradient(self) -> bool:
        """Whether there are derivatives of log|M|."""
        return self.has_selected_inverse or self.samples

    @abstractmethod
    def cost(self, pattern: Pattern) -> float:
        """Predicted work of one factorization with gradient, in floating point operations; inf: this cannot be done.

        A backend that takes M for Lambda' Z'WZ Lambda + I says inf where ``pattern.has_precision``.
        """

    @abstractmethod
    def analyze(self, pattern: Pattern) -> Symbolic:
        """Do all that depends on the pattern alone."""
