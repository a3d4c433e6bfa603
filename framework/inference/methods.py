"""How estimates of linear combinations of coefficients are tested: a covariance matrix, and degrees of freedom.

Rows of hypotheses are given in the basis Q of X = QR, in which the coefficients are gamma.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..contracts.arrays import BoolArray, FloatArray
from ..contracts.errors import InputError
from .distributions import chi2_sf, f_sf
from .wald import TTest, WaldTest, ZTest

#: Singular values of rows of unit length below this are zero: the rows depend on each other.
DEPENDENT = 1e-8
#: Hypotheses that depend on each other agree to this part of their values.
AGREE = 1e-6


@dataclass(frozen=True)
class JointTest:
    """Test that all rows of a set of contrasts have their hypothetical values.

    Parameters
    ----------
    statistic : float
        F, or Wald's chi-squared.
    df : int
        Rank of the rows.
    df_denominator : float
        Denominator degrees of freedom; infinite for chi-squared.
    p_value : float
        Chance of a larger statistic.
    scaling : float
        By which Kenward & Roger multiply F (it is in `statistic`); 1 elsewhere.

    Examples
    --------
    >>> print(JointTest.f(4.5, 2, 17.25))
    F(2, 17.25) = 4.5, p = 0.02675
    """

    statistic: float
    df: int
    df_denominator: float
    p_value: float
    scaling: float = 1.0

    @classmethod
    def f(cls, statistic: float, df: int, df_denominator: float, scaling: float = 1.0) -> JointTest:
        """Of an F statistic, scaled already."""
        return cls(statistic, df, df_denominator, float(f_sf(statistic, df, df_denominator)), scaling)

    @classmethod
    def chi2(cls, statistic: float, df: int) -> JointTest:
        """Of a chi-squared statistic."""
        return cls(statistic, df, float("inf"), float(chi2_sf(statistic, df)))

    def __str__(self) -> str:
        """On one line."""
        if np.isinf(self.df_denominator):
            name = f"chi2({self.df})"
        else:
            name = f"F({self.df}, {self.df_denominator:.4g})"
        return f"{name} = {self.statistic:.4g}, p = {self.p_value:.4g}"


@dataclass(frozen=True, eq=False)
class Method(ABC):
    """A covariance matrix of gamma, and what it does not say: the distribution of estimates over standard errors.

    Parameters
    ----------
    V : (r, r) array
        Covariance matrix that standard errors are from.
    """

    #: What users write, and what tables say.
    name: ClassVar[str]
    title: ClassVar[str]

    V: FloatArray

    def variances(self, rows: FloatArray) -> FloatArray:
        """Variances of the rows' estimates, (c,)."""
        return np.asarray(np.einsum("ci,ij,cj->c", rows, self.V, rows))

    def known(self, rows: FloatArray) -> BoolArray:
        """Rows (c, r) for whose tests the data are enough."""
        return np.ones(len(rows), dtype=bool)

    @abstractmethod
    def test(self, rows: FloatArray) -> WaldTest:
        """Distribution of each row's estimate (c, r) over its standard error."""

    @abstractmethod
    def joint(self, rows: FloatArray, distances: FloatArray) -> JointTest:
        """Test that the rows' estimates, `distances` (c,) away from their hypothetical values, have these."""


@dataclass(frozen=True, eq=False)
class Asymptotic(Method):
    """Normal and chi-squared distributions: Wald's tests."""

    name, title = "asymptotic", "the normal distribution"

    def test(self, rows: FloatArray) -> WaldTest:
        """The normal one."""
        return ZTest()

    def joint(self, rows: FloatArray, distances: FloatArray) -> JointTest:
        """Chi-squared."""
        rows, distances = independent(rows, distances)
        return JointTest.chi2(wald_statistic(rows, distances, self.V), len(rows))


@dataclass(frozen=True, eq=False)
class Residual(Method):
    """n - p degrees of freedom for everything: right without random effects, too many with them.

    Parameters
    ----------
    df : float
        n less the rank of X.
    """

    name, title = "residual", "residual degrees of freedom"

    df: float

    def test(self, rows: FloatArray) -> WaldTest:
        """t distributions."""
        return TTest(np.full(len(rows), self.df))

    def joint(self, rows: FloatArray, distances: FloatArray) -> JointTest:
        """F."""
        rows, distances = independent(rows, distances)
        return JointTest.f(wald_statistic(rows, distances, self.V) / len(rows), len(rows), self.df)


def wald_statistic(rows: FloatArray, distances: FloatArray, V: FloatArray) -> float:
    """d'(L V L')^-1 d for independent rows."""
    return float(distances @ np.linalg.solve(rows @ V @ rows.T, distances))


def independent(rows: FloatArray, distances: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Orthonormal rows that span the same, and how far their estimates are from the hypothesis.

    Raises
    ------
    InputError
        Where rows say nothing, or rows that depend on each other are given values that contradict each other.

    Examples
    --------
    >>> rows, distances = independent(np.array([[1.0, -1.0], [-2.0, 2.0]]), np.array([3.0, -6.0]))
    >>> rows.shape, round(float(abs(distances[0])), 12) == round(3.0 / 2.0**0.5, 12)
    ((1, 2), True)
    """
    size = np.linalg.norm(rows, axis=1)
    size[size == 0.0] = 1.0
    U, s, Vt = np.linalg.svd(rows / size[:, None], full_matrices=False)
    rank = int((s > DEPENDENT * s.max(initial=1.0)).sum())
    if rank == 0:
        raise InputError("a joint test needs a row with a weight that is not zero")
    scaled = distances / size
    inside = U[:, :rank].T @ scaled
    contradiction = np.abs(scaled - U[:, :rank] @ inside)
    if (contradiction > AGREE * np.abs(scaled).max()).any():
        row = int(contradiction.argmax())
        raise InputError(
            f"row {row} of the hypotheses is a combination of the others, and its value in rhs contradicts theirs: "
            "there is nothing to test jointly"
        )
    return Vt[:rank], inside / s[:rank]
