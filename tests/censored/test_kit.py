"""The kit's laws of censored responses: kept by the built-in families, and broken by wrong ones."""

from __future__ import annotations

import numpy as np
import pytest

from ranef.contracts.censoring import ends, is_observed
from ranef.families import Tobit, Weibull
from ranef.testkit import family_checks
from ranef.testkit.check import LawBroken

LAW = "censored_responses_have_the_probability_of_their_interval"


@pytest.mark.parametrize("check", list(family_checks(Tobit(left=None))), ids=str)
def test_tobit_without_limits_obeys_all_laws(check):
    check.run()


class NoSurvival(Weibull):
    """Counts censored rows as events."""

    def log_density(self, y, mu, weights, phi):
        lower, upper = ends(y)
        return super().log_density(np.where(np.isfinite(lower), lower, upper), mu, weights, phi)


class OneSided(Weibull):
    """Forgets the upper end of an interval."""

    def log_density(self, y, mu, weights, phi):
        if y.ndim == 2:
            y = np.column_stack([y[:, 0], np.where(is_observed(y) | (y[:, 0] == -np.inf), y[:, 1], np.inf)])
        return super().log_density(y, mu, weights, phi)


@pytest.mark.parametrize("family", [NoSurvival(), OneSided()], ids=lambda family: type(family).__name__)
def test_wrong_families_break_the_law(family):
    law = next(check for check in family_checks(family) if LAW in str(check))
    with pytest.raises(LawBroken, match="log density of intervals"):
        law.run()
