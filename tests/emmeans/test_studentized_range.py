"""The studentized range: two means are a t-test, and others are what SciPy and the tables have."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special, stats

from ranef.inference.emmeans.studentized_range import quantile, sf


@pytest.mark.parametrize("df", [0.5, 1.0, 3.7, 20.0, 1e4, 1e10])
def test_of_two_means_it_is_a_t_test(df):
    t = np.array([0.0, 0.1, 2.0, 5.0, 9.0])
    np.testing.assert_allclose(sf(np.sqrt(2.0) * t, 2, np.full(5, df)), 2.0 * special.stdtr(df, -t), rtol=1e-12)
    assert quantile(0.9, 2, df) == pytest.approx(np.sqrt(2.0) * special.stdtrit(df, 0.95), rel=1e-10)


@pytest.mark.parametrize(
    ("k", "df", "q"), [(3, 1.0, 26.0), (6, 2.0, 8.0), (10, 28.0, 2.0), (10, 28.0, 5.0), (3.7, 9.5, 4.0)]
)
def test_it_is_scipys(k, df, q):
    found = sf(np.array([q]), k, np.array([df]))
    np.testing.assert_allclose(found, stats.studentized_range.sf(q, k, df), rtol=0.0, atol=1e-12)


def test_quantiles_are_those_of_the_tables():
    """Harter (1960), upper 5 and 1 %."""
    table = {
        (3, 10, 0.95): 3.877,
        (5, 20, 0.95): 4.232,
        (10, 60, 0.95): 4.646,
        (4, 5, 0.99): 7.804,
        (20, 120, 0.99): 5.827,
    }
    for (k, df, level), wanted in table.items():
        assert quantile(level, k, df) == pytest.approx(wanted, abs=2e-3)


def test_quantiles_and_chances_are_inverse():
    for level in (0.5, 0.95, 0.99999):
        for k, df in ((3, 2.5), (12, 40.0), (4, 1e10)):
            at = np.array([quantile(level, k, df)])
            assert sf(at, k, np.array([df]))[0] == pytest.approx(1.0 - level, rel=1e-9)


def test_small_chances_have_their_digits():
    """Far out one pair at most is apart, so that chances add up."""
    q, k = np.array([15.0]), 6
    pair = 2.0 * special.ndtr(-q / np.sqrt(2.0))
    assert sf(q, k, np.array([1e10]))[0] / (15 * pair[0]) == pytest.approx(1.0, abs=1e-6)


def test_each_has_its_degrees_of_freedom_and_nan_stays():
    q, df = np.array([3.0, np.nan, 3.0, 3.0]), np.array([5.0, 5.0, np.nan, 50.0])
    found = sf(q, 4, df)
    assert np.isnan(found).tolist() == [False, True, True, False]
    assert found[0] > found[3]
