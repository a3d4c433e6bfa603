"""What has to be said of tests that are right for many levels only, or inside of the parameter space only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..design.labels import GroupLabels, Labels
from ..estimation.linear import LinearFit
from ..estimation.model import Fit
from .methods import Asymptotic, Method, Residual
from .residual_tests import independence_is_a_boundary
from .thresholds import ordered_family_of

#: With fewer levels of some factor, z, chi-squared and likelihood ratios of fixed effects say so.
FEW = 30
#: What is said of few levels: of tests, and of tables that have limits besides.
CHI_SQUARED = ("Chi-squared", "p-values of fixed effects may be too small")
NORMAL = ("The normal distribution", "p-values may be too small, limits too narrow")
#: Of continuous-time AR(1) residuals against independent ones.
CAR1 = "independence is Phi = 0, at the boundary, where Pr(>Chisq) is too large"


def of_method(fit: Fit, method: Method, words: tuple[str, str] = NORMAL) -> Iterator[str]:
    """What is to be said of tests of fixed effects by a method."""
    if isinstance(method, Asymptotic):
        said = few_levels(fit.labels, words)
    elif isinstance(method, Residual) and any(not g.is_penalty for g in fit.labels.groups):
        said = "n - p degrees of freedom count rows: too many for effects that differ between levels"
    else:
        said = by_maximum_likelihood(fit)
    if said:
        yield said


def few_levels(labels: Labels, words: tuple[str, str] = CHI_SQUARED) -> str:
    """That a distribution is for many levels, where there are few; "" where there are not, or none at all."""
    groups = [g for g in labels.groups if not g.is_penalty]
    if not groups:
        return ""
    fewest = min(groups, key=lambda f: f.grouping.n_levels)
    if fewest.grouping.n_levels >= FEW:
        return ""
    return f"{words[0]} is for many levels, and {fewest.name} has {fewest.grouping.n_levels}: {words[1]}"


def first_threshold(fit: Fit) -> str:
    """What fixed effects are of where spacings of thresholds have models; "" of other fits."""
    family = ordered_family_of(fit)
    if family is None or not fit.labels.parameters:
        return ""
    return (
        f"Effects are those on the first threshold, {family.threshold_names[0]}: on the others they differ in the "
        "columns of the models of spacings"
    )


def not_converged(fits: Sequence[tuple[str, Fit]]) -> Iterator[str]:
    """Which of the refits of a test did not find the optimum."""
    for name, fit in fits:
        if not fit.certificate.converged:
            yield f"{name}: the refit did not converge, and its test is not to be trusted"


def of_pair(large: Fit, small: Fit, names: tuple[str, str]) -> Iterator[str]:
    """What is to be said of a likelihood ratio test; `names` are those of the larger and the smaller model."""
    if beyond := _variances_beyond(large, small):
        yield (
            f"{names[0]}: {names[1]} has no variance of {', '.join(beyond)}; zero is at the boundary, and the "
            "p-value too large (up to twice, for one variance): see ranova()"
        )
    if _independence_at_boundary(large, small):
        yield f"{names[0]} against {names[1]}: {CAR1}: see ranova()"


def beyond_fixed_effects(pairs: Sequence[tuple[Fit, Fit]]) -> str:
    """That chi-squared is for many levels, where a (large, small) pair has other fixed effects; "" elsewhere."""
    differ = any(small.labels.fixed.rank < large.labels.fixed.rank for large, small in pairs)
    return few_levels(pairs[0][0].labels) if differ else ""


def _variances_beyond(large: Fit, small: Fit) -> tuple[str, ...]:
    """Random effects whose variance the larger model has and the smaller one has not: zero there, at the boundary."""
    known = {(rows, c) for f, rows in _grouped(small) for c in f.column_names}
    return tuple(f"{c}|{f.name}" for f, rows in _grouped(large) for c in f.column_names if (rows, c) not in known)


def _independence_at_boundary(large: Fit, small: Fit) -> bool:
    """Whether independent residuals, those of the smaller model, are at the end of the larger one's correlations."""
    one, other = large.labels.residual, small.labels.residual
    return independence_is_a_boundary(one) and (other is None or not other.kind)


def _grouped(fit: Fit) -> Iterator[tuple[GroupLabels, str]]:
    yield from zip(fit.model.labels.groups, fit.fingerprint.groups, strict=True)


def by_maximum_likelihood(fit: Fit) -> str:
    """That variances by maximum likelihood are too small; "" of other fits."""
    if not isinstance(fit, LinearFit) or fit.reml:
        return ""
    return (
        "The fit is by maximum likelihood, whose variances are too small with few levels: fit.update(reml=True) is "
        "better for tests of fixed effects"
    )
