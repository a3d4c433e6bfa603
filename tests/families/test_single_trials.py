"""Binomial responses of single trials, with the logit link: the density by the probability of the other answer."""

from __future__ import annotations

import numpy as np
import pytest

from ranef.families import Binomial

ENDS = [0.0, 1e-300, 1e-9, 0.5, 3.0, 36.7, 40.0, 745.2, 800.0]
ETA = np.array([sign * eta for eta in ENDS for sign in (1.0, -1.0)] * 2)
Y = np.repeat([0.0, 1.0], len(ENDS) * 2)


@pytest.mark.parametrize("order", [2, 3])
def test_derivatives_are_those_of_any_number_of_trials_to_the_last_bit(order):
    family, one = Binomial(), np.ones(len(Y))
    bound = family.of_response(Y, one)
    assert bound._sign is not None
    expected = vars(family.evaluate(Y, ETA, one, np.zeros(0), order))
    for part, found in vars(bound.evaluate(Y, ETA, one, np.zeros(0), order)).items():
        np.testing.assert_array_equal(found, expected[part], err_msg=part)


@pytest.mark.parametrize(
    ("y", "weights"), [([0.0, 0.5], [2.0, 2.0]), ([0.0, 1.0], [1.0, 2.0]), ([0.5, 1.0], [1.0, 1.0])]
)
def test_other_responses_have_the_general_formula(y, weights):
    assert Binomial().of_response(np.array(y), np.array(weights))._sign is None


def test_other_arrays_than_those_that_are_known():
    bound, one = Binomial().of_response(Y, np.ones(len(Y))), np.ones(len(Y))
    turned = bound.evaluate(1.0 - Y, ETA, one, np.zeros(0))
    np.testing.assert_array_equal(turned.d1, Binomial().evaluate(1.0 - Y, ETA, one, np.zeros(0)).d1)


def test_some_of_the_rows_that_are_known():
    rows, one = np.arange(len(Y))[::-3], np.ones(len(Y))
    y, ones = Y[rows], one[rows]
    found = Binomial().of_response(Y, one).of_rows(y, ones, rows)
    assert found._sign is not None
    np.testing.assert_array_equal(
        found.evaluate(y, ETA[rows], ones, np.zeros(0)).d1, Binomial().evaluate(y, ETA[rows], ones, np.zeros(0)).d1
    )
