"""What is left out of a residual structure to test it, and where its null hypothesis lies.

Correlations of ar1, cs, toep and us are zero inside of their range, and so is what variances depend on: twice the
log-likelihood ratio is chi-squared, for many groups. A car1 is Phi^distance with Phi from 0 to 1, and independence is
its end Phi = 0. Beside it the correlations of the rows that are closest, Phi^step, outweigh all others, and they are
not negative: where many rows have the same least distance the statistic is half zero and half chi-squared (Self &
Liang 1987, doi 10.1080/01621459.1987.10478472). Where distances are all different no parametrization of Phi is
regular at zero: of 6,000 draws of 40 groups of 4 rows 4.5 % lay beyond the mixture's 5 % point where times were
1, 2, 3, 4, and 6.2 % where their distances were uniform between 0.05 and 2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ..design.mixed import MixedDesign
from ..design.reduced import without_correlation, without_dispersion
from ..design.residual_labels import ResidualLabels
from ..formula.terms import Terms

#: A least time between rows over the median one, from which as many as half of all neighbours have it.
COMMON = 1.0 - 1e-9


@dataclass(frozen=True)
class ResidualReduction:
    """A part of a residual structure that is left out.

    Parameters
    ----------
    name : str
    smaller : function
        The design without it; None where a regression is left.
    at_boundary : bool
        Whether its absence is at the end of its range.
    mixture_known : bool
        Whether, if so, the mixture of chi-squared distributions is that of one variance.
    """

    name: str
    smaller: Callable[[MixedDesign], MixedDesign | None]
    at_boundary: bool
    mixture_known: bool


def residual_reductions(labels: ResidualLabels | None, terms: Terms | None) -> Iterator[ResidualReduction]:
    """The correlation, and what variances depend on."""
    if labels is None:
        return
    if labels.kind:
        yield ResidualReduction(
            labels.text, without_correlation, independence_is_a_boundary(labels), has_common_step(labels)
        )
    if labels.n_scales:
        written = terms.dispersion.removeprefix("~").strip() if terms is not None else ""
        own = f"standard deviations of {labels.time}" if labels.kind == "us" else "dispersion"
        yield ResidualReduction(f"dispersion ~ {written}" if written else own, without_dispersion, False, False)


def independence_is_a_boundary(labels: ResidualLabels | None) -> bool:
    """Whether residuals without correlation are at the end of what the correlations may be."""
    return labels is not None and labels.kind == "car1"


def has_common_step(labels: ResidualLabels) -> bool:
    """Whether as many as half of all neighbours have the least distance."""
    return labels.closest >= COMMON
