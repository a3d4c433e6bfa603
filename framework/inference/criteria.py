"""Akaike's and Bayes' information criteria."""

from __future__ import annotations

import numpy as np

from ..display.tables import InformationCriteria
from ..estimation.generalized import GeneralizedFit
from ..estimation.linear import LinearFit


def information_criteria(fit: LinearFit | GeneralizedFit) -> InformationCriteria:
    """Criteria of a fit by its maximized (restricted) log-likelihood: AIC is -2 log L + 2 k, BIC -2 log L + k log n."""
    n, k, log_likelihood = fit.design.n, fit.n_parameters, -0.5 * fit.criterion
    return InformationCriteria(
        aic=-2.0 * log_likelihood + 2.0 * k,
        bic=-2.0 * log_likelihood + k * float(np.log(n)),
        log_likelihood=log_likelihood,
        deviance=-2.0 * log_likelihood,
        df_residual=n - k,
    )
