"""What becomes of a case: a right fit, a named error, or a fault of some kind."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from ranef.contracts import ConvergenceWarning, IdentificationWarning, RanefError, RanefWarning, SingularFitWarning

from .designs import Case
from .oracle import best_generalized, best_linear

#: Deviance by which a certified fit may miss the best one that an independent search finds.
SHORT = 1e-5
#: Columns of Z beyond this leave the dense oracle too few digits to decide.
DECIDABLE = 1e4

RIGHT, NAMED, UNFINISHED = "right fit", "named error", "not converged, and said so"
WRONG, BARE_ERROR, BARE_WARNING, SILENT = "certified wrong", "bare error", "bare warning", "without a warning"


@dataclass(frozen=True)
class Verdict:
    """A kind of end, and what was seen."""

    kind: str
    text: str = ""

    @property
    def is_good(self) -> bool:
        """A right fit or a named error."""
        return self.kind in (RIGHT, NAMED)


def judge(case: Case, seed: int, *, search: bool = True) -> Verdict:
    """Fit a case, show all of it, and compare with an independent search of the optimum."""
    with warnings.catch_warnings(record=True) as given:
        warnings.simplefilter("always")
        try:
            fit = case.fit()
            show(fit)
        except RanefError as error:
            return Verdict(NAMED, f"{type(error).__name__}: {error}")
        except Exception as error:
            return Verdict(BARE_ERROR, f"{type(error).__name__}: {error}")
    bare = [str(w.message) for w in given if not issubclass(w.category, RanefWarning)]
    if bare:
        return Verdict(BARE_WARNING, bare[0])
    kinds = {w.category for w in given}
    if not fit.converged:
        return Verdict(UNFINISHED if ConvergenceWarning in kinds else SILENT, fit.certificate.message)
    if bool(fit.certificate.not_identified) != (IdentificationWarning in kinds):
        return Verdict(SILENT, "a fit that is not identified")
    if fit.is_singular != (SingularFitWarning in kinds):
        return Verdict(SILENT, "a singular fit")
    if not search or not _decidable(case):
        return Verdict(RIGHT)
    short = -2.0 * fit.log_likelihood - _best(case, fit, seed)
    if short > SHORT:
        return Verdict(WRONG, f"{short:.2g} above the lowest deviance: {fit!r}, {fit.certificate}")
    return Verdict(RIGHT)


def show(fit: Any) -> None:
    """All that a user prints."""
    fit.summary()
    repr(fit)
    fit._repr_html_()
    for name in ("se", "p_values", "conf_int", "icc", "vcov", "params", "ranef", "ranef_variances", "residuals"):
        getattr(fit, name)


def _decidable(case: Case) -> bool:
    columns = max(float(np.abs(Z).max()) for _, Z, _ in case.terms())
    rank = int(np.linalg.matrix_rank(case.X)) if case.X.size else 0
    return columns < DECIDABLE and rank == case.X.shape[1]


def _best(case: Case, fit: Any, seed: int) -> float:
    if case.family is None:
        return best_linear(case, fit, seed)
    near = np.nan_to_num(fit.coefficients)
    return best_generalized(case, near, np.nan_to_num(fit._fit.phi, nan=1.0), seed)
