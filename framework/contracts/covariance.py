"""Contract of covariance structures: the covariance matrix of one term's random effects by a few parameters.

The k effects of a level have covariance sigma^2 T T' (sigma = 1 in generalized models), with T lower triangular. A
structure says what T is as a smooth function of its parameters. Everything else (the search, its certificate, standard
errors) is written once in the framework.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Literal, NamedTuple

import numpy as np

from .arrays import BoolArray, FloatArray
from .in_r import InR

#: Step of the differences that derivatives are taken by where a structure gives none.
STEP = 6e-6


class Component(NamedTuple):
    """A line of the table of variance components: a name, a standard deviation, and correlations."""

    name: str
    sd: float
    correlations: tuple[float, ...] = ()


class CovarianceStructure(ABC):
    """How the covariance matrix of the k effects of a term depends on its m parameters.

    Parameters are found without bounds where `bounds` gives none. They are best chosen so that T is smooth in them up
    to where it is singular: a standard deviation that may have either sign where that changes no covariance, a
    correlation as the sine of an angle.

    A scale is a parameter that is a multiple of a standard deviation: T of scales c s is c times T of s.

    Examples
    --------
    One variance and one correlation of two effects:

    >>> from ranef.contracts import CovarianceStructure
    >>> class Pair(CovarianceStructure):
    ...     name, least_columns = "pair", 2
    ...     def names(self, columns):
    ...         return ("sd", "angle")
    ...     def scales(self, k):
    ...         return np.array([True, False])
    ...     def relative_factor(self, parameters, k):
    ...         sd, angle = parameters
    ...         return sd * np.array([[1.0, 0.0], [np.sin(angle), np.cos(angle)]])
    ...     def start(self, covariance):
    ...         sd = np.sqrt(np.diagonal(covariance))
    ...         return np.array([sd.mean(), np.arcsin(covariance[1, 0] / sd.prod())])
    >>> T = Pair().relative_factor(Pair().start(np.array([[4.0, 2.0], [2.0, 4.0]])), 2)
    >>> (T @ T.T).round(12).tolist()
    [[4.0, 2.0], [2.0, 4.0]]
    """

    #: What users write, and tables show.
    name: str = ""
    #: The numbers of columns that a term with this structure may have; None: any number.
    least_columns: int = 1
    most_columns: int | None = None
    #: "triangle" or "diagonal" where the parameters are T's entries there, column by column, without any restriction.
    free: Literal["triangle", "diagonal"] | None = None
    #: Whether T is diagonal, whatever the parameters are: then only its diagonal is computed with.
    diagonal: bool = False
    #: What R's glmmTMB calls the structure, for `r_code`; subclasses say it themselves.
    in_r: tuple[InR, ...] = ()

    @abstractmethod
    def names(self, columns: tuple[str, ...]) -> tuple[str, ...]:
        """Names of the m parameters of a term with these columns."""

    @abstractmethod
    def scales(self, k: int) -> BoolArray:
        """Which parameters are scales, (m,)."""

    @abstractmethod
    def relative_factor(self, parameters: FloatArray, k: int) -> FloatArray:
        """T, (k, k) lower triangular. A `numpy.linalg.LinAlgError` says that there is none: searches keep away."""

    @abstractmethod
    def start(self, covariance: FloatArray) -> FloatArray:
        """Parameters (m,) whose T T' is near to a positive definite matrix (k, k), and equal where it can be."""

    def derivatives(self, parameters: FloatArray, k: int) -> FloatArray:
        """Derivatives of T by the parameters, (m, k, k); by differences where a structure does not know better."""
        out = []
        for i, step in enumerate(STEP * np.maximum(np.abs(parameters), 1.0)):
            sides = []
            for sign in (1.0, -1.0):
                moved = parameters.copy()
                moved[i] += sign * step
                sides.append(self.relative_factor(moved, k))
            out.append((sides[0] - sides[1]) / (2.0 * step))
        return np.array(out).reshape(len(parameters), k, k)

    def bounds(self, k: int) -> tuple[FloatArray, FloatArray]:
        """Least and largest values of the parameters, (m,) each; infinite by default."""
        m = len(self.scales(k))
        return np.full(m, -np.inf), np.full(m, np.inf)

    def components(self, parameters: FloatArray, columns: tuple[str, ...]) -> tuple[Component, ...]:
        """Lines of the table of variance components: by default each column with the correlations of those before."""
        T = self.relative_factor(parameters, len(columns))
        covariance = T @ T.T
        sd = np.sqrt(np.diagonal(covariance))
        with np.errstate(divide="ignore", invalid="ignore"):
            correlation = covariance / np.outer(sd, sd)
        return tuple(
            Component(name, float(sd[i]), tuple(correlation[i, :i].tolist())) for i, name in enumerate(columns)
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in vars(self).items())})"
