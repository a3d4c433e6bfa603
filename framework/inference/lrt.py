"""Likelihood ratio test of two nested fits, with reasons where there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import stats

from ..contracts.arrays import FloatArray
from ..contracts.errors import ComparisonError
from ..design.mixed import MixedDesign
from ..design.random import RandomFactor
from ..design.template import Template
from .stars import stars

if TYPE_CHECKING:
    from collections.abc import Sequence


class LikelihoodRatioTest(str):
    """The formatted test, as text that also carries `statistic`, `df` and `p_value`."""

    statistic: float
    df: int
    p_value: float

    def __new__(cls, text: str, statistic: float, df: int, p_value: float) -> LikelihoodRatioTest:
        """Make the text and attach the figures."""
        self = super().__new__(cls, text)
        self.statistic, self.df, self.p_value = statistic, df, p_value
        return self

    def __getnewargs__(self) -> tuple[str, float, int, float]:  # type: ignore[override]
        return (str(self), self.statistic, self.df, self.p_value)


def likelihood_ratio_test(one: Any, other: Any) -> LikelihoodRatioTest:
    """Test the smaller of two nested models against the larger one.

    Raises
    ------
    ComparisonError
        With the reason why the two cannot be compared.
    """
    if type(one) is not type(other):
        raise ComparisonError(
            f"compare needs two fits of one kind; got {type(one).__name__} and {type(other).__name__}"
        )
    small, large = sorted((one, other), key=lambda fit: fit.n_parameters)
    _check_same_data(small._design, large._design)
    reml = [bool(getattr(fit, "reml", False)) for fit in (small, large)]
    if reml[0] != reml[1]:
        raise ComparisonError(
            "one model was fitted by REML and the other by maximum likelihood; fit both with reml=False"
        )
    if reml[0] and not (_spans(large._design, small._design) and _spans(small._design, large._design)):
        raise ComparisonError(
            "the models were fitted by REML and differ in fixed effects: their restricted likelihoods are of different "
            "data. Fit both with reml=False"
        )
    _check_same_distribution(small, large)
    df = large.n_parameters - small.n_parameters
    if df == 0:
        raise ComparisonError("the models have the same number of parameters: none is nested in the other")
    if not _spans(large._design, small._design):
        raise ComparisonError("not nested: the smaller model's X is not in the span of the larger one's")
    for factor in small._design.random.factors:
        if not any(_contains(candidate, factor) for candidate in large._design.random.factors):
            terms = " + ".join(map(str, factor.terms))
            raise ComparisonError(f"not nested: the larger model does not contain the random effects {terms}")
    statistic = max(0.0, 2.0 * (_comparable(large, reml[1]) - _comparable(small, reml[0])))
    p_value = float(stats.chi2.sf(statistic, df))
    return LikelihoodRatioTest(_table(small, large, statistic, df, p_value), statistic, df, p_value)


def _comparable(fit: Any, reml: bool) -> float:
    """The log-likelihood; of REML fits in an orthonormal basis of X's columns, since it depends on their units."""
    log_likelihood: float = fit.log_likelihood
    return log_likelihood + (float(np.log(np.abs(np.diagonal(fit._design.fixed.R))).sum()) if reml else 0.0)


def _check_same_data(a: MixedDesign, b: MixedDesign) -> None:
    if a.n != b.n:
        raise ComparisonError(f"the models are fitted to different data: {a.n} and {b.n} observations")
    for name in ("y", "weights", "offset"):
        one, other = getattr(a, name), getattr(b, name)
        if (one is None) != (other is None) or (one is not None and not np.array_equal(one, other)):
            raise ComparisonError(f"the models are fitted to different data: their {name} differ")


def _check_same_distribution(small: Any, large: Any) -> None:
    if not hasattr(small, "family"):
        return
    described = [(type(fit.family).__name__, fit.family.link.name) for fit in (small, large)]
    if described[0] != described[1]:
        raise ComparisonError(f"the models have different families or links: {described[0]} and {described[1]}")
    if (small.nagq == 0) != (large.nagq == 0):
        raise ComparisonError("a fit with nagq=0 does not maximize the Laplace likelihood: fit both with nagq=1")


def _spans(large: MixedDesign, small: MixedDesign) -> bool:
    """Whether every column of the small X is a combination of the large one's."""
    Q, X = large.fixed.Q, small.fixed.Q
    if X.shape[1] == 0:
        return True
    if Q.shape[1] == 0:
        return False
    residual = X - Q @ np.linalg.lstsq(Q, X, rcond=None)[0]
    norms: FloatArray = np.linalg.norm(X, axis=0)
    return bool((np.linalg.norm(residual, axis=0) <= 1e-7 * norms).all())


def _contains(large: RandomFactor, small: RandomFactor) -> bool:
    """Whether the large factor has the small one's grouping, columns and correlations."""
    if large.factor.n_levels != small.factor.n_levels:
        return False
    pairs = np.unique(large.codes * small.factor.n_levels + small.codes)
    if len(pairs) != large.factor.n_levels:
        return False
    allowed = _correlated_pairs(large)
    return _correlated_pairs(small) <= allowed


def _correlated_pairs(factor: RandomFactor) -> set[tuple[str, str]]:
    names: Sequence[str] = factor.column_names
    template = Template.of([factor.terms])
    rows, columns = template.rows[0], template.columns[0]
    return {tuple(sorted((names[r], names[c]))) for r, c in zip(rows, columns, strict=True)}


def _table(small: Any, large: Any, statistic: float, df: int, p_value: float) -> str:
    lines = ["Likelihood ratio test", f"smaller: {small.model}", f"larger:  {large.model}", ""]
    lines.append(
        f"{'':8}{'npar':>5}{'AIC':>11}{'BIC':>11}{'logLik':>11}{'-2logLik':>11}{'Chisq':>9}{'Df':>4}  Pr(>Chisq)"
    )
    for name, fit in (("smaller", small), ("larger", large)):
        numbers = f"{fit.n_parameters:5d}{fit.aic:11.2f}{fit.bic:11.2f}{fit.log_likelihood:11.2f}"
        lines.append(f"{name:8}{numbers}{-2 * fit.log_likelihood:11.2f}")
    lines[-1] += f"{statistic:9.4f}{df:4d}  {p_value:.4g} {stars(p_value)}".rstrip()
    return "\n".join(lines)
