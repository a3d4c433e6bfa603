"""Laws of generalized linear mixed models over random designs, families and links."""

import numpy as np
import pytest

from ranef.contracts import RanefError

from .alike import WAYS, fitted, fitted_once, over_seeds, same_end
from .designs import FAMILIES, generalized
from .judge import judge


@pytest.mark.parametrize("written", WAYS)
@over_seeds(3)
def test_another_way_to_write_a_model_changes_nothing(written, seed):
    case = generalized(seed)
    same_end(fitted_once(generalized, seed), fitted(written(case, np.random.default_rng(seed))))


@over_seeds(5)
def test_a_fit_restarted_from_its_optimum_stays(seed):
    case = generalized(seed)
    fit = fitted(case)
    if not isinstance(fit, RanefError) and fit.converged and np.isfinite(fit.theta).all():
        again = fitted(case, start=fit.theta)
        assert again.converged
        same_end(fit, again)


@pytest.mark.parametrize("plugins", [{"backend": "dense"}, {"optimizer": "lbfgsb"}], ids=str)
@over_seeds(4)
def test_backends_and_optimizers_agree(plugins, seed):
    same_end(fitted_once(generalized, seed), fitted(generalized(seed), **plugins))


@pytest.mark.parametrize("family", FAMILIES, ids=lambda f: f"{f.name}-{f.link.name}")
@over_seeds(2)
def test_an_independent_search_finds_nothing_better(family, seed):
    """And whatever was fitted can be shown."""
    verdict = judge(generalized(seed, family=family), seed)
    assert verdict.is_good, verdict


def test_a_variance_that_another_factor_takes_up_is_looked_at_at_zero():
    """Of 114 rows 101 are in one of nine levels, and in two of the other factor: an optimum inside is 0.02 higher."""
    verdict = judge(generalized(1588052402), 1588052402)
    assert verdict.is_good, verdict


def test_of_two_optima_that_are_close_it_is_the_lower():
    """A standard deviation of 0.63 and one of zero, whose deviances are 6.5e-5 apart."""
    verdict = judge(generalized(1176602784), 1176602784)
    assert verdict.is_good, verdict


@pytest.mark.parametrize("seed", [987826317, 1442822210])
def test_hard_models_are_fitted(seed):
    """Weights that are negative in whole levels; and 43 answers, at first with a saddle at deviations of 1000."""
    verdict = judge(generalized(seed), seed)
    assert verdict.is_good, verdict
