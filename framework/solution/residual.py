"""What a fit says of the covariance of its residuals."""

from __future__ import annotations

from ..design.residual_labels import KINDS, ResidualLabels
from ..display.tables import ResidualSection
from ..estimation.linear import LinearFit
from ..inference.intervals import variance_parameters
from ..inference.residual_quantities import OfResiduals, ResidualCorrelation


def residual_parameters(fit: LinearFit) -> dict[str, float]:
    """Correlations, and standard deviations of strata or coefficients, by the names that `confint` has."""
    quantities, values = variance_parameters(fit)
    pairs = zip(quantities, values.tolist(), strict=True)
    return {q.name: value for q, value in pairs if isinstance(q, OfResiduals)}


def residual_sections(fit: LinearFit, dispersion: str) -> tuple[ResidualSection, ...]:
    """What the summary shows, in the manner of nlme's; `dispersion` is the formula, where there is one."""
    labels = fit.parameters.residual
    if labels is None:
        return ()
    quantities, values = variance_parameters(fit)
    of_correlation = [isinstance(q, ResidualCorrelation) for q in quantities]
    shown = [isinstance(q, OfResiduals) for q in quantities]
    sections = []
    if labels.kind:
        estimates = [v for v, own in zip(values.tolist(), of_correlation, strict=True) if own]
        lines = (
            f" Formula: ~ {labels.time if labels.kind != 'cs' else '1'} | {labels.group}",
            " Parameter estimate(s):",
        )
        title = f"Correlation Structure: {KINDS[labels.kind]}"
        sections.append(ResidualSection(title, lines, labels.correlation_names, tuple(estimates)))
    if labels.dispersion:
        rest = zip(values.tolist(), shown, of_correlation, strict=True)
        estimates = [v for v, own, correlation in rest if own and not correlation]
        sections.append(
            ResidualSection("Variance function:", _lines(labels, dispersion), labels.dispersion, tuple(estimates))
        )
    return tuple(sections)


def _lines(labels: ResidualLabels, dispersion: str) -> tuple[str, ...]:
    kind = "standard deviations of strata" if labels.strata else "log standard deviation, linear"
    text = dispersion or (f"~ 0 + {labels.time}" if labels.kind == "us" else "")
    return (f" Structure: {kind}", *[f" Formula: {text}"] * bool(text), " Parameter estimates:")
