"""Likelihood ratio test of two nested fits, with reasons where there is none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from scipy import stats

from ..contracts.arrays import FloatArray
from ..contracts.covariance import CovarianceStructure
from ..contracts.errors import ComparisonError
from ..design.mixed import MixedDesign
from ..design.random import RandomFactor
from ..design.template import Template
from ..design.terms import Term
from ..display.comparison import ComparedModel, comparison_html, render_comparison
from ..estimation.generalized import GeneralizedFit
from ..estimation.linear import LinearFit
from ..estimation.model import Fit
from .criteria import information_criteria

#: Two fits of one kind.
F = TypeVar("F", bound=Fit)


@dataclass(frozen=True)
class LikelihoodRatio:
    """The test of a smaller model against a larger one that contains it.

    Parameters
    ----------
    smaller, larger : ComparedModel
        The models, with their numbers of parameters, log-likelihoods and deviances.
    statistic : float
        Twice the difference of the log-likelihoods; of REML fits, of those in one basis of the fixed effects.
    df : int
        Difference of the numbers of parameters.
    p_value : float
        Chance of a larger statistic, by the chi-squared distribution.
    """

    smaller: ComparedModel
    larger: ComparedModel
    statistic: float
    df: int
    p_value: float

    def __str__(self) -> str:
        """The test as a table."""
        return render_comparison(self.smaller, self.larger, self.statistic, self.df, self.p_value)

    def _repr_html_(self) -> str:
        return comparison_html(self.smaller, self.larger, self.statistic, self.df, self.p_value)


def likelihood_ratio_test(one: F, other: F, names: tuple[str, str] | None = None) -> LikelihoodRatio:
    """Test the smaller of two nested models against the larger one.

    Parameters
    ----------
    one, other : two LinearFits, or two GeneralizedFits
        In any order.
    names : tuple of str, optional
        What the models are called; by default their right-hand sides.

    Raises
    ------
    ComparisonError
        With the reason why the two cannot be compared.
    """
    named = zip(names or (one.labels.right_hand_side, other.labels.right_hand_side), (one, other), strict=True)
    (small_name, small), (large_name, large) = sorted(named, key=lambda pair: pair[1].n_parameters)
    _check_same_data(small, large)
    reml = _check_same_likelihood(small, large)
    df = large.n_parameters - small.n_parameters
    if df == 0:
        raise ComparisonError("the models have the same number of parameters: none is nested in the other")
    if not _spans(large.model.design, small.model.design):
        raise ComparisonError("not nested: the smaller model's X is not in the span of the larger one's")
    for factor in small.model.design.random.factors:
        if not any(_contains(candidate, factor) for candidate in large.model.design.random.factors):
            terms = " + ".join(map(str, factor.terms))
            if _has_structures(small) or _has_structures(large):
                terms += "; a covariance structure is known to be part of the same one and of us, any matrix, only"
            raise ComparisonError(f"not nested: the larger model does not contain the random effects {terms}")
    statistic = max(0.0, 2.0 * (_comparable(large, reml) - _comparable(small, reml)))
    return LikelihoodRatio(
        smaller=ComparedModel(small_name, small.n_parameters, information_criteria(small)),
        larger=ComparedModel(large_name, large.n_parameters, information_criteria(large)),
        statistic=statistic,
        df=df,
        p_value=float(stats.chi2.sf(statistic, df)),
    )


def _comparable(fit: Fit, reml: bool) -> float:
    """The log-likelihood; of REML fits in an orthonormal basis of X's columns, since it depends on their units."""
    return -0.5 * fit.criterion + (float(np.log(np.abs(np.diagonal(fit.labels.fixed.R))).sum()) if reml else 0.0)


def _check_same_data(a: Fit, b: Fit) -> None:
    one, other = a.model.design, b.model.design
    if one.n != other.n:
        raise ComparisonError(f"the models are fitted to different data: {one.n} and {other.n} observations")
    for name, nothing, mine, others in (
        ("y", 0.0, one.y, other.y),
        ("weights", 1.0, one.weights, other.weights),
        ("offset", 0.0, one.offset, other.offset),
    ):
        if not _same(mine, others, nothing):
            raise ComparisonError(f"the models are fitted to different data: their {name} differ")


def _same(one: FloatArray | None, other: FloatArray | None, nothing: float) -> bool:
    """Whether two arrays are equal, where None stands for `nothing` in all rows."""
    if one is None or other is None:
        given = other if one is None else one
        return given is None or bool((given == nothing).all())
    return np.array_equal(one, other)


def _check_same_likelihood(small: Fit, large: Fit) -> bool:
    """Whether both are restricted likelihoods, where both are likelihoods of one kind."""
    if isinstance(small, LinearFit) and isinstance(large, LinearFit):
        return _check_same_criterion(small, large)
    if isinstance(small, GeneralizedFit) and isinstance(large, GeneralizedFit):
        _check_same_distribution(small, large)
    return False


def _check_same_criterion(small: LinearFit, large: LinearFit) -> bool:
    if small.reml != large.reml:
        raise ComparisonError(
            "one model was fitted by REML and the other by maximum likelihood; fit both with reml=False"
        )
    one, other = small.model.design, large.model.design
    if small.reml and not (_spans(one, other) and _spans(other, one)):
        raise ComparisonError(
            "the models were fitted by REML and differ in fixed effects: their restricted likelihoods are of different "
            "data. Fit both with reml=False"
        )
    return small.reml


def _check_same_distribution(small: GeneralizedFit, large: GeneralizedFit) -> None:
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
    """Whether the large factor has the small one's grouping, columns and correlations.

    A factor whose levels have a known precision contains that of the same precision only. A term with a covariance
    structure contains the same term with the same structure; of others nobody knows.
    """
    if large.grouping.n_levels != small.grouping.n_levels:
        return False
    pairs = np.unique(large.codes * small.grouping.n_levels + small.codes)
    if not len(pairs) == len(np.unique(large.codes)) == len(np.unique(small.codes)):
        return False
    if not _same_precision(large, small):
        return False
    structured = [term for term in large.terms if term.structure is not None]
    if not all(any(_same_term(term, other) for other in small.terms) for term in structured):
        return False
    return _correlated_pairs(small) <= _correlated_pairs(large)


def _same_precision(one: RandomFactor, other: RandomFactor) -> bool:
    Q, R = one.grouping.precision, other.grouping.precision
    if Q is None or R is None:
        return Q is R
    return np.array_equal(one.levels, other.levels) and bool(abs(Q.matrix - R.matrix).max() == 0.0)


def _has_structures(fit: Fit) -> bool:
    return any(term.structure is not None for term in fit.labels.terms)


def _same_term(one: Term, other: Term) -> bool:
    return one.columns == other.columns and _same_structure(one.structure, other.structure)


def _same_structure(one: CovarianceStructure | None, other: CovarianceStructure | None) -> bool:
    """Whether both are of one class with the same attributes, arrays of distances for example."""
    if one is other or one is None or other is None:
        return one is other
    mine, others = vars(one), vars(other)
    alike = type(one) is type(other) and mine.keys() == others.keys()
    return alike and all(np.array_equal(mine[name], others[name]) for name in mine)


def _correlated_pairs(factor: RandomFactor) -> set[tuple[str, str]]:
    names = factor.column_names
    template = Template.of([factor.terms])
    rows, columns = template.rows[0], template.columns[0]
    ordered = (sorted((names[r], names[c])) for r, c in zip(rows, columns, strict=True))
    return {(a, b) for a, b in ordered}
