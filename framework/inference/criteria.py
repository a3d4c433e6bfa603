"""Akaike's and Bayes' information criteria."""

from __future__ import annotations

import numpy as np

from ..display.tables import InformationCriteria
from ..estimation.model import Fit


def information_criteria(fit: Fit) -> InformationCriteria:
    """Criteria of a fit by its maximized (restricted) log-likelihood: AIC is -2 log L + 2 k, BIC -2 log L + k log n."""
    n, k, log_likelihood = fit.model.labels.n, fit.n_parameters, -0.5 * fit.criterion
    return InformationCriteria(
        aic=-2.0 * log_likelihood + 2.0 * k,
        bic=-2.0 * log_likelihood + k * float(np.log(n)),
        log_likelihood=log_likelihood,
        deviance=-2.0 * log_likelihood,
        df_residual=n - k,
    )
