"""Likelihood ratio test of two nested fits, with reasons where there is none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from ..contracts.arrays import AnyArray, FloatArray
from ..contracts.covariance import CovarianceStructure
from ..contracts.errors import ComparisonError
from ..design.fingerprint import Fingerprint
from ..design.labels import GroupLabels
from ..design.template import Template
from ..design.terms import Term
from ..display.comparison import ComparedModel, Comparison
from ..display.frames import framed
from ..estimation.generalized import GeneralizedFit
from ..estimation.linear import LinearFit
from ..estimation.model import Fit
from . import caveats
from .criteria import information_criteria
from .distributions import chi2_sf
from .nested_residuals import contains_residuals
from .shared_probes import refuse_other_probes
from .thresholds import ordered_family_of

#: Two fits of one kind.
F = TypeVar("F", bound=Fit)


@dataclass(frozen=True)
class LikelihoodRatio(Comparison):
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
    notes : tuple of str
        Where that chance is not right.
    frame : str
        Kind of data frame that the user works with.
    """

    frame: str = ""

    def to_dict(self) -> dict[str, AnyArray]:
        """Columns with a row for each model, the smaller one first: the test stands in that of the larger one."""
        models = self.smaller, self.larger
        columns: dict[str, list[Any]] = {
            "model": [m.model for m in models],
            "npar": [m.n_parameters for m in models],
            "aic": [m.criteria.aic for m in models],
            "bic": [m.criteria.bic for m in models],
            "log_likelihood": [m.criteria.log_likelihood for m in models],
            "statistic": [np.nan, self.statistic],
            "df": [np.nan, self.df],
            "p_value": [np.nan, self.p_value],
        }
        return {name: np.array(values) for name, values in columns.items()}

    def to_frame(self, like: Any = None) -> Any:
        """These columns as a data frame, as of `Table.to_frame`."""
        return framed(self.to_dict(), self.frame, like)


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
    check_same_data(small, large)
    reml = _check_same_likelihood(small, large)
    df = large.n_parameters - small.n_parameters
    if df == 0:
        raise ComparisonError("the models have the same number of parameters: none is nested in the other")
    if not _spans(large, small):
        raise ComparisonError(
            "not nested: the smaller model's X is not in the span of the larger one's" + _as_far_as_known(large, small)
        )
    if problem := _freer_thresholds(large, small) or _smaller_of_parameters(large, small):
        raise ComparisonError(f"not nested: {problem}{_as_far_as_known(large, small)}")
    candidates = list(zip(large.model.labels.groups, large.fingerprint.groups, strict=True))
    for factor, rows in zip(small.model.labels.groups, small.fingerprint.groups, strict=True):
        if not any(rows == others and _contains(candidate, factor) for candidate, others in candidates):
            terms = " + ".join(map(str, factor.terms))
            if _has_structures(small) or _has_structures(large):
                terms += "; a covariance structure is known to be part of the same one and of us, any matrix, only"
            raise ComparisonError(f"not nested: the larger model does not contain the random effects {terms}")
    if not contains_residuals(large, small):
        raise ComparisonError("not nested: the larger model does not contain the smaller one's residual structure")
    statistic = likelihood_ratio(large, small, reml)
    said = [*caveats.of_pair(large, small, ("larger", "smaller")), caveats.beyond_fixed_effects([(large, small)])]
    return LikelihoodRatio(
        smaller=ComparedModel(small_name, small.n_parameters, information_criteria(small)),
        larger=ComparedModel(large_name, large.n_parameters, information_criteria(large)),
        statistic=statistic,
        df=df,
        p_value=float(chi2_sf(statistic, df)),
        notes=tuple(filter(None, said)),
    )


def likelihood_ratio(large: Fit, small: Fit, reml: bool) -> float:
    """Twice the difference of the log-likelihoods, which rounding does not take below zero.

    Raises
    ------
    ComparisonError
        For log-likelihoods from random probes that have little in common.
    """
    refuse_other_probes(large, small)
    return max(0.0, 2.0 * (comparable(large, reml) - comparable(small, reml)))


def comparable(fit: Fit, reml: bool) -> float:
    """The log-likelihood; of REML fits in an orthonormal basis of X's columns, since it depends on their units."""
    return -0.5 * fit.criterion + (float(np.log(np.abs(np.diagonal(fit.labels.fixed.R))).sum()) if reml else 0.0)


def same_span(one: Fit, other: Fit) -> bool:
    """Whether two models have the same fixed effects, as columns of X that span the same."""
    return _spans(one, other) and _spans(other, one)


def check_same_data(a: Fit, b: Fit) -> None:
    """Refuse fits of other rows, and say in what they differ."""
    n, others = a.model.labels.n, b.model.labels.n
    if n != others:
        raise ComparisonError(f"the models are fitted to different data: {n} and {others} observations")
    mine, theirs = a.fingerprint, b.fingerprint
    for name in ("y", "weights", "offset"):
        if getattr(mine, name) != getattr(theirs, name):
            raise ComparisonError(f"the models are fitted to different data: their {name} differ")


def _check_same_likelihood(small: Fit, large: Fit) -> bool:
    """Whether both are restricted likelihoods, where both are likelihoods of one kind."""
    if isinstance(small, LinearFit) and isinstance(large, LinearFit):
        return _check_same_criterion(small, large)
    if isinstance(small, GeneralizedFit) and isinstance(large, GeneralizedFit):
        _check_same_distribution(small, large)
    if isinstance(small, LinearFit) != isinstance(large, LinearFit):
        raise ComparisonError("one model is linear and the other generalized")
    return False


def _check_same_criterion(small: LinearFit, large: LinearFit) -> bool:
    if small.reml != large.reml:
        raise ComparisonError(
            "one model was fitted by REML and the other by maximum likelihood; fit both with reml=False"
        )
    if small.reml and not same_span(small, large):
        raise ComparisonError(
            "the models were fitted by REML and differ in fixed effects: their restricted likelihoods are of different "
            f"data. Fit both with reml=False{_as_far_as_known(small, large)}"
        )
    return small.reml


def _check_same_distribution(small: GeneralizedFit, large: GeneralizedFit) -> None:
    described = [f"{fit.family.name}({fit.family.link.name})" for fit in (small, large)]
    if described[0] != described[1]:
        raise ComparisonError(
            f"the models have different families or links: {described[0]} and {described[1]}; no likelihood ratio test "
            "is between these: ranef.anova(one, other) has their AIC and BIC side by side"
        )
    if (small.nagq == 0) != (large.nagq == 0):
        raise ComparisonError("a fit with nagq=0 does not maximize the Laplace likelihood: fit both with nagq=1")


def _spans(large: Fit, small: Fit) -> bool:
    """Whether every column of the small X is a combination of the large one's; without rows, whether it is one."""
    if large.model.rows is None or small.model.rows is None:
        return set(small.fingerprint.columns) <= set(large.fingerprint.columns)
    return _in_span(large.model.design.fixed.Q, small.model.design.fixed.Q)


def _in_span(Q: FloatArray, X: FloatArray) -> bool:
    """Whether every column of X is a combination of those of Q."""
    if X.shape[1] == 0:
        return True
    if Q.shape[1] == 0:
        return False
    residual = X - Q @ np.linalg.lstsq(Q, X, rcond=None)[0]
    norms: FloatArray = np.linalg.norm(X, axis=0)
    return bool((np.linalg.norm(residual, axis=0) <= 1e-7 * norms).all())


def _freer_thresholds(large: Fit, small: Fit) -> str:
    """That thresholds of the small model are spaced as those of the large one cannot be; "" where they can."""
    one, other = ordered_family_of(large), ordered_family_of(small)
    if one is None or other is None or _in_span(one.spacings, other.spacings):
        return ""
    return "thresholds of the smaller model are spaced more freely than those of the larger one"


def _smaller_of_parameters(large: Fit, small: Fit) -> str:
    """Which dispersion parameter of the small model is no case of the large one's; "" where all are.

    One without a model is a case of each whose columns have a constant among their combinations.
    """
    for name, same in _parameters_of_both(large, small):
        if name not in large.labels.parameters:
            return f"the larger model has the parameter {name} the same for all rows, the smaller one has a model of it"
        if large.model.rows is None or small.model.rows is None:
            inside = set(small.fingerprint.parameters.get(same, (Fingerprint.of_ones(large.labels.n),)))
            contained = inside <= set(large.fingerprint.parameters[name])
        else:
            ones = np.ones((large.labels.n, 1))
            own = small.model.design.parameters
            contained = _in_span(large.model.design.parameters[name].Q, own[same].Q if same in own else ones)
        if not contained:
            return f"the smaller model of the parameter {name} is not in the span of the larger one's"
    return ""


def _parameters_of_both(large: Fit, small: Fit) -> list[tuple[str, str]]:
    """Names of each parameter that either has a model of: in the large model, and in the small one.

    Spacings of thresholds are those of the same step from one to the next, of which one may have fewer.
    """
    models = {**small.labels.parameters, **large.labels.parameters}
    one, other = ordered_family_of(large), ordered_family_of(small)
    if one is None or other is None:
        return [(name, name) for name in models]
    steps = zip(np.diff(one.spacings, axis=0), np.diff(other.spacings, axis=0), strict=True)
    pairs = [
        (p.name, q.name)
        for here, there in steps
        for p, s in zip(one.parameters, here, strict=True)
        for q, t in zip(other.parameters, there, strict=True)
        if s and t
    ]
    return [(p, q) for p, q in dict.fromkeys(pairs) if p in large.labels.parameters or q in small.labels.parameters]


def _as_far_as_known(one: Fit, other: Fit) -> str:
    if one.model.rows is None or other.model.rows is None:
        return (
            ". Without rows only columns that are the same are known to be so: where they are written otherwise, save "
            "the models with rows=True"
        )
    return ""


def _contains(large: GroupLabels, small: GroupLabels) -> bool:
    """Whether the large factor has the small one's columns and correlations, where both group the rows alike.

    A factor whose levels have a known precision contains that of the same precision only. A term with a covariance
    structure contains the same term with the same structure; of others nobody knows.
    """
    if large.grouping.n_levels != small.grouping.n_levels:
        return False
    if not _same_precision(large, small):
        return False
    structured = [term for term in large.terms if term.structure is not None]
    if not all(any(_same_term(term, other) for other in small.terms) for term in structured):
        return False
    return _correlated_pairs(small) <= _correlated_pairs(large)


def _same_precision(one: GroupLabels, other: GroupLabels) -> bool:
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


def _correlated_pairs(factor: GroupLabels) -> set[tuple[str, str]]:
    names = factor.column_names
    template = Template.of([factor.terms])
    rows, columns = template.rows[0], template.columns[0]
    ordered = (sorted((names[r], names[c])) for r, c in zip(rows, columns, strict=True))
    return {(a, b) for a, b in ordered}
