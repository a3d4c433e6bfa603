"""Answers of covariance structures that have the wrong type, shape or number: the first laws name the method."""

from __future__ import annotations

import numpy as np
import pytest

from ranef.testkit import covariance_checks

from .broken import broken_laws
from .test_wrong_covariances import Equal


class FlatFactor(Equal):
    def relative_factor(self, parameters, k):
        return super().relative_factor(parameters, k).ravel()


class OneColumnMore(Equal):
    def relative_factor(self, parameters, k):
        return super().relative_factor(parameters, k + 1)


class OneDerivative(Equal):
    def derivatives(self, parameters, k):
        return super().derivatives(parameters, k)[:1]


class WholeNumbers(Equal):
    def start(self, covariance):
        return np.array([1, 0])


class ScalesAsNumbers(Equal):
    def scales(self, k):
        return np.array([1, 0])


class ListOfNames(Equal):
    def names(self, columns):
        return ["sd", "angle"]


class TwoOfAName(Equal):
    def names(self, columns):
        return ("theta", "theta")


class ThreeNames(Equal):
    def names(self, columns):
        return ("sd", "angle", "rho")


class NoNames(Equal):
    def names(self, columns):
        return ()


class NumberForAName(Equal):
    def names(self, columns):
        return ("sd", 2)


class TuplesForComponents(Equal):
    def components(self, parameters, columns):
        return [tuple(component) for component in super().components(parameters, columns)]


class OneBound(Equal):
    def bounds(self, k):
        return (np.zeros(2),)


class ShortBounds(Equal):
    def bounds(self, k):
        return np.zeros(1), np.full(2, np.inf)


class NothingBack(Equal):
    def start(self, covariance):
        super().start(covariance)


class WithoutK(Equal):
    def scales(self):
        return np.array([True, False])


class NoNumberOfColumns(Equal):
    least_columns, most_columns = 3, 2


TYPES, METHODS = "answers_have_the_types_of_the_contract", "methods_are_those_of_the_contract"


@pytest.mark.parametrize(
    ("structure", "law"),
    [
        (FlatFactor, TYPES),
        (OneColumnMore, TYPES),
        (OneDerivative, TYPES),
        (WholeNumbers, TYPES),
        (ScalesAsNumbers, TYPES),
        (ListOfNames, TYPES),
        (TwoOfAName, TYPES),
        (ThreeNames, TYPES),
        (NoNames, TYPES),
        (NumberForAName, TYPES),
        (TuplesForComponents, TYPES),
        (OneBound, TYPES),
        (ShortBounds, TYPES),
        (NothingBack, TYPES),
        (NoNumberOfColumns, TYPES),
        (WithoutK, METHODS),
    ],
)
def test_wrong_answers_are_caught_by_the_first_laws_alone(structure, law):
    """All others build on these, and are not looked at."""
    assert set(broken_laws(covariance_checks(structure()))) == {law}
