"""Covariance structures made wrong on purpose: each is caught by the law that names its mistake."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from ranef.contracts import Component, CovarianceStructure
from ranef.covariances import Diagonal, Unstructured
from ranef.testkit import covariance_checks

from .broken import broken_laws


class Equal(CovarianceStructure):
    """Right: one standard deviation, and correlations rho^d; everybody below has one mistake."""

    name, least_columns = "equal", 2

    def names(self, columns):
        return ("sd", "angle")

    def scales(self, k):
        return np.array([True, False])

    def bounds(self, k):
        return np.array([0.0, -np.inf]), np.array([np.inf, np.inf])

    def relative_factor(self, parameters, k):
        sd, angle = parameters
        distance = np.maximum(np.subtract.outer(np.arange(k), np.arange(k)), 0)
        T = np.tril(np.sin(angle) ** distance)
        T[:, 1:] *= np.cos(angle)
        return sd * T

    def start(self, covariance):
        sd = np.sqrt(np.diagonal(covariance))
        rho = np.diagonal(covariance / np.outer(sd, sd), -1).mean()
        return np.array([np.sqrt(np.mean(sd**2)), np.arcsin(np.clip(rho, -0.9, 0.9))])

    def components(self, parameters, columns):
        return (Component(f"{columns[0]} ...", float(parameters[0]), (float(np.sin(parameters[1])),)),)


class Limited(Equal):
    """Right: no more than two columns, and an angle that has bounds."""

    name, most_columns = "limited", 2

    def bounds(self, k):
        return np.array([0.0, -np.pi / 2]), np.array([np.inf, np.pi / 2])


class Upper(Equal):
    def relative_factor(self, parameters, k):
        return super().relative_factor(parameters, k).T


class SymmetricRoot(Equal):
    """T T' is right, but T is no Cholesky factor."""

    def relative_factor(self, parameters, k):
        T = super().relative_factor(parameters, k)
        values, V = np.linalg.eigh(T @ T.T)
        return V * np.sqrt(values) @ V.T


class UpperDerivative(Equal):
    def derivatives(self, parameters, k):
        return super().derivatives(parameters, k) + 1e-3 * np.triu(np.ones((k, k)), 1)


class TwiceTheDerivative(Equal):
    def derivatives(self, parameters, k):
        return super().derivatives(parameters, k) * np.array([1.0, 2.0])[:, None, None]


class DerivativeOfUnit(Equal):
    """Forgets the standard deviation: right where that is 1."""

    def derivatives(self, parameters, k):
        return super().derivatives(np.array([1.0, parameters[1]]), k)


class DerivativeDividesByTheAngle(Equal):
    """Right but at angle 0, where it divides by zero."""

    def derivatives(self, parameters, k):
        return super().derivatives(parameters, k) * (parameters[1] / parameters[1])


class DerivativesInOtherOrder(Equal):
    def derivatives(self, parameters, k):
        return super().derivatives(parameters, k)[::-1].copy()


class StartForgetsTheRoot(Equal):
    """Variances for standard deviations."""

    def start(self, covariance):
        sd, angle = super().start(covariance)
        return np.array([sd**2, angle])


class StartForgetsTheCorrelation(Equal):
    def start(self, covariance):
        return super().start(covariance) * np.array([1.0, 0.5])


class StartsAtZero(Equal):
    def start(self, covariance):
        return np.array([0.0, 0.3])


class StartsAtABound(Limited):
    """T has rank 1 there."""

    def start(self, covariance):
        return np.array([super().start(covariance)[0], np.pi / 2])


class StartsAtAnyCorrelation(Equal):
    """Singular where columns are nearly equal."""

    def start(self, covariance):
        return np.array([super().start(covariance)[0], np.pi / 2 - 1e-9])


class StartsBeyondABound(Equal):
    def bounds(self, k):
        return np.array([0.0, 2.0]), np.array([np.inf, 4.0])


class BoundsInOtherOrder(Equal):
    def bounds(self, k):
        return super().bounds(k)[::-1]


class Variance(Equal):
    """A variance, which is no scale."""

    def relative_factor(self, parameters, k):
        return super().relative_factor(np.array([np.sqrt(parameters[0]), parameters[1]]), k)

    def start(self, covariance):
        sd, angle = super().start(covariance)
        return np.array([sd**2, angle])

    def components(self, parameters, columns):
        return super().components(np.array([np.sqrt(parameters[0]), parameters[1]]), columns)


class EverythingIsAScale(Equal):
    def scales(self, k):
        return np.array([True, True])


class NoScale(Equal):
    """Correlations alone."""

    def scales(self, k):
        return np.array([False, False])


class RowByRow(Unstructured):
    """Says that its parameters are T's triangle, column by column; they go by rows."""

    def relative_factor(self, parameters, k):
        T = np.zeros((k, k))
        T[np.tril_indices(k)] = parameters
        return T

    def start(self, covariance):
        return np.linalg.cholesky(covariance)[np.tril_indices(len(covariance))]


class LogarithmsOfTheDiagonal(Diagonal):
    def relative_factor(self, parameters, k):
        return np.diag(np.exp(parameters))


class BoundedDiagonal(Diagonal):
    def bounds(self, k):
        return np.zeros(k), np.full(k, np.inf)


class UnknownFree(Equal):
    free = "lower"


class FreeButOfOtherNumber(Equal):
    free = "triangle"


class OtherStandardDeviation(Equal):
    """Shows a variance."""

    def components(self, parameters, columns):
        (shown,) = super().components(parameters, columns)
        return (shown._replace(sd=shown.sd**2),)


class OtherCorrelation(Equal):
    """Shows the angle."""

    def components(self, parameters, columns):
        (shown,) = super().components(parameters, columns)
        return (shown._replace(correlations=(float(parameters[1]),)),)


class NegativeStandardDeviation(Equal):
    """Without a bound of it, but it is shown as it is."""

    def bounds(self, k):
        return np.full(2, -np.inf), np.full(2, np.inf)


class ShowsNothing(Equal):
    def components(self, parameters, columns):
        return ()


class ChangesParameters(Equal):
    def relative_factor(self, parameters, k):
        parameters[0] = abs(parameters[0])
        return super().relative_factor(parameters, k)


class ChangesCovariance(Equal):
    def start(self, covariance):
        covariance /= 2.0
        return super().start(2.0 * covariance)


class Remembers(Equal):
    def __init__(self):
        self.calls = 0

    def relative_factor(self, parameters, k):
        self.calls += 1
        return super().relative_factor(parameters, k) * (1 + 1e-15 * self.calls)


class KeepsTheLastOfItsSize(Equal):
    """One array for all answers of a size."""

    def __init__(self):
        self.kept = {}

    def relative_factor(self, parameters, k):
        out = self.kept.setdefault(k, np.zeros((k, k)))
        out[:] = super().relative_factor(parameters, k)
        return out


class AsksItself(Equal):
    """Keeps its parameters where another thread puts its own."""

    def relative_factor(self, parameters, k):
        self.parameters = parameters
        for _ in range(100):
            parameters = self.parameters + 0.0
        return super().relative_factor(parameters, k)


class HoldsAFunction(Equal):
    def __init__(self):
        self.root = lambda x: np.sqrt(x)


class ForgetsWhenPickled(Equal):
    def __init__(self, sign=1.0):
        self.sign = sign

    def __reduce__(self):
        return type(self), (-1.0,)

    def relative_factor(self, parameters, k):
        return self.sign * super().relative_factor(parameters, k)


class NaNAtABound(Equal):
    def relative_factor(self, parameters, k):
        return super().relative_factor(parameters, k) * (parameters[0] / parameters[0])


class JumpsAtABound(Limited):
    def relative_factor(self, parameters, k):
        T = super().relative_factor(parameters, k)
        return np.diag(np.diagonal(T)) if abs(parameters[1]) == np.pi / 2 else T


class SteepAtABound(Limited):
    """T by the square root of what is left, whose derivative has no end at the bound."""

    def derivatives(self, parameters, k):
        return super().derivatives(parameters, k) + 0.0 / (np.pi / 2 - abs(parameters[1]))


class NotForOneColumn(Equal):
    """Says that it takes one column, of which it has no correlation to start with."""

    least_columns = 1

    def start(self, covariance):
        with warnings.catch_warnings(action="ignore"):  # a mean of nothing
            return super().start(covariance)


@pytest.mark.parametrize("structure", [Equal, Limited])
def test_right_structures_obey(structure):
    assert broken_laws(covariance_checks(structure(), name=structure.name)) == {}


@pytest.mark.parametrize(
    ("structure", "law"),
    [
        (Upper, "T_is_lower_triangular"),
        (SymmetricRoot, "T_is_lower_triangular"),
        (UpperDerivative, "T_is_lower_triangular"),
        (TwiceTheDerivative, "derivatives_are_those_of_differences"),
        (DerivativeOfUnit, "derivatives_are_those_of_differences"),
        (DerivativeDividesByTheAngle, "derivatives_are_those_of_differences"),
        (DerivativesInOtherOrder, "derivatives_are_those_of_differences"),
        (StartForgetsTheRoot, "start_inverts"),
        (StartForgetsTheCorrelation, "start_inverts"),
        (StartsAtZero, "a_start_lies_within_the_bounds"),
        (StartsAtABound, "a_start_lies_within_the_bounds"),
        (StartsAtAnyCorrelation, "a_start_lies_within_the_bounds"),
        (NotForOneColumn, "a_start_lies_within_the_bounds"),
        (StartsBeyondABound, "a_start_lies_within_the_bounds"),
        (BoundsInOtherOrder, "a_start_lies_within_the_bounds"),
        (Variance, "scales_multiply_T"),
        (EverythingIsAScale, "scales_multiply_T"),
        (NoScale, "scales_multiply_T"),
        (RowByRow, "free_entries_are_those_of_T"),
        (LogarithmsOfTheDiagonal, "free_entries_are_those_of_T"),
        (BoundedDiagonal, "free_entries_are_those_of_T"),
        (UnknownFree, "free_entries_are_those_of_T"),
        (FreeButOfOtherNumber, "free_entries_are_those_of_T"),
        (OtherStandardDeviation, "components_are_those_of_T"),
        (OtherCorrelation, "components_are_those_of_T"),
        (NegativeStandardDeviation, "components_are_those_of_T"),
        (ShowsNothing, "components_are_those_of_T"),
        (ChangesParameters, "inputs_are_not_changed"),
        (ChangesCovariance, "inputs_are_not_changed"),
        (Remembers, "equal_questions_get_equal_bits"),
        (KeepsTheLastOfItsSize, "equal_questions_get_equal_bits"),
        (AsksItself, "threads_do_not_meet"),
        (HoldsAFunction, "structure_can_be_pickled"),
        (ForgetsWhenPickled, "structure_can_be_pickled"),
        (NaNAtABound, "T_is_continuous_up_to_the_bounds"),
        (JumpsAtABound, "T_is_continuous_up_to_the_bounds"),
        (SteepAtABound, "T_is_continuous_up_to_the_bounds"),
    ],
)
def test_wrong_structures_are_caught_by_name(structure, law):
    assert law in broken_laws(covariance_checks(structure()))


@pytest.mark.parametrize(
    ("structure", "law"),
    [
        (TwiceTheDerivative, "derivatives_are_those_of_differences"),
        (DerivativeOfUnit, "derivatives_are_those_of_differences"),
        (StartForgetsTheCorrelation, "start_inverts"),
        (BoundedDiagonal, "free_entries_are_those_of_T"),
        (NegativeStandardDeviation, "components_are_those_of_T"),
        (UnknownFree, "free_entries_are_those_of_T"),
        (OtherStandardDeviation, "components_are_those_of_T"),
        (OtherCorrelation, "components_are_those_of_T"),
        (HoldsAFunction, "structure_can_be_pickled"),
        (SteepAtABound, "T_is_continuous_up_to_the_bounds"),
    ],
)
def test_and_by_no_other_law(structure, law):
    """A mistake in one place is reported in one place."""
    assert set(broken_laws(covariance_checks(structure()))) == {law}


def test_the_name_is_that_of_the_entry():
    broken = broken_laws(covariance_checks(Equal(), name="other"))
    assert set(broken) == {"name_is_that_of_its_entry"}
    assert "its entry is called 'other', Equal.name is 'equal'" in broken["name_is_that_of_its_entry"]
