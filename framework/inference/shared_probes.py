"""Whether log-likelihoods that were found from random probes can be compared: by how these differ, probe by probe."""

from __future__ import annotations

import numpy as np

from ..contracts.errors import ComparisonError
from ..estimation.model import Fit

#: Monte Carlo standard error of a difference of deviances that changes no conclusion.
HARMLESS = 0.1
#: What to do.
ADVICE = 'fit both with an exact backend (backend="blocked" or "cholmod")'


def refuse_other_probes(one: Fit, other: Fit) -> None:
    """Refuse to compare deviances that differ by the chance of their probes.

    Where both models have the same levels and columns and as many probes, these are the same probes, and most of their
    error is in both: what is left of it in the difference is seen from the differences by probe.

    Raises
    ------
    ComparisonError
        With the reason.
    """
    mine, theirs = one.certificate.monte_carlo, other.certificate.monte_carlo
    if mine is None or theirs is None:
        if sampled := mine or theirs:
            raise ComparisonError(
                "the log-likelihood of one model is exact and the other's is from random probes (with a Monte Carlo "
                f"error of {sampled.criterion_error:.2g} in deviance): {ADVICE}"
            )
        return
    if mine.n_probes != theirs.n_probes:
        raise ComparisonError(
            f"the log-likelihoods are from {mine.n_probes} and {theirs.n_probes} random probes, and their errors have "
            f"little in common: {ADVICE}, or both from the same number (Krylov(n_probes=...) as backend)"
        )
    if _layout(one) != _layout(other):
        raise ComparisonError(
            "the log-likelihoods are from random probes, which models with different random effects do not share "
            f"(with Monte Carlo errors of {mine.criterion_error:.2g} and {theirs.criterion_error:.2g} in deviance): "
            f"{ADVICE}"
        )
    error = float((mine.logdets - theirs.logdets).std(ddof=1) / np.sqrt(mine.n_probes))
    if error > HARMLESS:
        raise ComparisonError(
            f"the difference of the deviances has a Monte Carlo error of {error:.2g}, from random probes: {ADVICE}, or "
            "take more probes (Krylov(n_probes=...) as backend)"
        )


def _layout(fit: Fit) -> list[tuple[object, int, int]]:
    """Factors by their rows, with numbers of levels and columns."""
    groups = zip(fit.fingerprint.groups, fit.pattern.groupings, strict=True)
    return [(rows, f.n_levels, f.n_columns) for rows, f in groups]
