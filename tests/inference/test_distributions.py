"""Tails and quantiles are those of scipy.stats, which is too slow to import for them."""

import numpy as np
import pytest
from scipy import stats

from ranef.inference.distributions import chi2_quantile, chi2_sf, f_quantile, f_sf, normal_sf, t_quantile, t_sf

X = np.array([0.0, 1e-6, 0.3, 1.0, 2.5, 17.0, 400.0])[:, None]
P = np.array([1e-9, 0.025, 0.5, 0.9, 0.975, 0.9995])[:, None]
DF = np.array([0.37, 1.0, 4.2, 30.0, 1e4, 1e9])


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (t_sf(X, DF), stats.t.sf(X, DF)),
        (t_sf(-X, np.inf), stats.norm.sf(-X)),
        (t_quantile(P, DF), stats.t.ppf(P, DF)),
        (t_quantile(P, np.inf), stats.norm.ppf(P)),
        (normal_sf(X), stats.norm.sf(X)),
        (chi2_sf(X, DF), stats.chi2.sf(X, DF)),
        (chi2_quantile(P, DF), stats.chi2.ppf(P, DF)),
        (f_sf(X, 3.0, DF), stats.f.sf(X, 3.0, DF)),
        (f_quantile(P, 3.0, DF), stats.f.ppf(P, 3.0, DF)),
    ],
)
def test_they_are_those_of_scipy_stats(ours, theirs):
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def test_all_is_above_a_negative_number_and_nothing_is_known_of_nan():
    assert chi2_sf(-1e-20, 2) == f_sf(-1e-20, 2, 5.0) == 1.0
    assert np.isnan([t_sf(np.nan, 3.0), t_sf(1.0, np.nan), chi2_sf(np.nan, 1), f_sf(np.nan, 1, 3.0)]).all()
