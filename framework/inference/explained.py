"""How much of the variance a model explains: R2, intraclass correlations, and the parts that both are made of."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np

from ..contracts.arrays import BoolArray, FloatArray
from ..contracts.errors import InputError, shown
from ..design.random import GroupRows
from ..design.terms import INTERCEPT
from ..display.records import Table
from ..estimation.ending import determined
from ..estimation.generalized import GeneralizedFit
from ..estimation.model import Fit
from ..formula.terms import Terms
from .observation_level import average_mean, check_approximation, check_null, has_other_mean, level_variance, null_model
from .partition import parts_of_x, without


@dataclass(frozen=True, eq=False, repr=False)
class R2(Table):
    """Marginal and conditional R2: of the model in the first row, semi-partial ones of parts of X below.

    Parameters
    ----------
    marginal, conditional : float
        Of the model: by the fixed effects, and by fixed and random effects together.
    mean : float
        Mean of the response at which the family's variance was taken; NaN where it depends on none.
    """

    _: KW_ONLY
    marginal: float
    conditional: float
    mean: float


@dataclass(frozen=True, eq=False)
class Parts:
    """Parts of the variance on the scale of the linear predictor.

    Parameters
    ----------
    fixed : float
        Variance of X beta over the rows.
    slopes, intercepts : (factors,) arrays
        Of the random effects of each factor: tr(T S) and m'T m, with m and S the mean and the covariance matrix of
        its columns of Z over the rows, and T the covariance matrix of its effects. Their sum is the mean of z'T z.
    each_row : (factors,) bool array
        Factors with a level a row in generalized models: overdispersion, which counts as residual variance.
    level : float
        Variance of one observation.
    """

    fixed: float
    slopes: FloatArray
    intercepts: FloatArray
    each_row: BoolArray
    level: float

    @property
    def by_factor(self) -> FloatArray:
        """Variance of the random effects of each factor, (factors,)."""
        return self.slopes + self.intercepts

    @property
    def random(self) -> float:
        """Variance of the random effects that are no overdispersion."""
        return float(self.by_factor[~self.each_row].sum())

    @property
    def total(self) -> float:
        """Sum of all parts."""
        return self.fixed + float(self.by_factor.sum()) + self.level

    @property
    def r2(self) -> FloatArray:
        """Marginal and conditional R2, (2,)."""
        return np.array([self.fixed, self.fixed + self.random]) / self.total


@dataclass(frozen=True, eq=False)
class Level:
    """How the variance of one observation is found.

    Parameters
    ----------
    approximation : str
    mean : float or None
        Mean of the response that it is taken at; None for that of each model.
    notes : tuple of str
    """

    approximation: str
    mean: float | None
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, fit: Fit, null: Any, approximation: Any) -> Level:
        """Checked, and with the null model fitted where it is asked for and its mean is of use."""
        check_null(fit, null)
        check_approximation(fit, approximation)
        if not isinstance(fit, GeneralizedFit) or _is_constant(fit, approximation):
            return cls(approximation, float("nan"))
        if null == "model":
            return cls(approximation, None)
        if null != "refit":
            return cls(approximation, float(null))
        refit = null_model(fit)
        mean = float(determined(refit, lambda f: np.array(average_mean(f))))
        notes = () if refit.certificate.converged else ("the null model did not converge",)
        return cls(approximation, mean, notes)

    def mean_of(self, fit: Fit) -> float:
        """Where this model's variance is taken."""
        if self.mean is not None:
            return self.mean
        assert isinstance(fit, GeneralizedFit)
        return average_mean(fit)

    def parts(self, fit: Fit) -> Parts:
        """Parts of a model's variance, NaN where the data do not determine them."""
        factors = fit.model.design.random.groups

        def of(fit: Fit) -> FloatArray:
            shares = [_effects(f, fit.scale * T) for f, T in zip(factors, fit.roots_of_model, strict=True)]
            fixed = np.var(_fixed(fit), ddof=1)
            return np.array([fixed, level_variance(fit, self.mean_of(fit), self.approximation), *np.ravel(shares)])

        fixed, level, *rest = determined(fit, of)
        slopes, intercepts = np.reshape(rest, (-1, 2)).T
        return Parts(
            float(fixed), slopes, intercepts, np.array([_is_of_rows(fit, f) for f in factors], dtype=bool), float(level)
        )


def r2(fit: Fit, terms: Terms | None, partition: Any, null: Any, approximation: Any) -> R2:
    """Marginal and conditional R2, and semi-partial ones.

    Raises
    ------
    InputError, InputTypeError
        For parts, null models or approximations that there are not, and for fits without rows.
    """
    fit.labels.refuse_penalty("r2")
    sets = list(parts_of_x(fit, terms, partition))
    level = Level.of(fit, null, approximation)
    parts = level.parts(fit)
    model = parts.r2
    refits = [without(fit, columns) for _, columns in sets]
    rows = [model, *(model - level.parts(refit).r2 for refit in refits)]
    marginal, conditional = np.transpose(rows)
    failed = [name for (name, _), refit in zip(sets, refits, strict=True) if not refit.certificate.converged]
    notes = [f"without {name}: the refit did not converge, and its R2 is not to be trusted" for name in failed]
    if sets:
        notes.insert(0, "Rows below the first: what R2 loses in a refit without these columns of X")
    return R2(
        {"part": ["model", *(name for name, _ in sets)], "marginal": marginal, "conditional": conditional},
        title="R2 of Nakagawa, Johnson & Schielzeth",
        notes=(*notes, *_notes(fit, level, parts)),
        frame=terms.frame if terms else "",
        marginal=float(model[0]),
        conditional=float(model[1]),
        mean=level.mean_of(fit),
    )


def icc_table(fit: Fit, null: Any, approximation: Any, frame: str) -> Table:
    """Intraclass correlations by factor, adjusted for fixed effects and not."""
    fit.labels.refuse_penalty("icc_table")
    if not fit.groups:
        raise InputError("the model has no random effects, whose part of the variance an intraclass correlation is")
    level = Level.of(fit, null, approximation)
    parts = level.parts(fit)
    kept = ~parts.each_row
    names = [f.name for f, keep in zip(fit.groups, kept, strict=True) if keep]
    variance = np.append(parts.by_factor[kept], parts.random)
    if len(names) == 1:
        variance = variance[:1]
    else:
        names.append("all")
    return Table(
        {
            "factor": names,
            "variance": variance,
            "adjusted": variance / (parts.total - parts.fixed),
            "conditional": variance / parts.total,
        },
        title="Intraclass correlations",
        notes=_notes(fit, level, parts),
        frame=frame,
    )


def variance_parts(fit: Fit, by: Any, null: Any, approximation: Any, frame: str) -> Table:
    """Rights & Sterba's decomposition: fixed effects within and between levels, slopes, intercepts, residual."""
    fit.labels.refuse_penalty("variance_parts")
    factor = _chosen(fit, by)
    level = Level.of(fit, null, approximation)
    parts = level.parts(fit)
    rows: list[tuple[str, str, float]] = []
    if factor is None:
        rows.append(("fixed", "", parts.fixed))
    else:
        between = float(determined(fit, lambda f: np.array(_between(_fixed(f), factor))))
        rows += [("fixed, within", factor.name, parts.fixed - between), ("fixed, between", factor.name, between)]
    for f, slopes, intercepts, each in zip(fit.groups, parts.slopes, parts.intercepts, parts.each_row, strict=True):
        if each:
            rows.append(("overdispersion", f.name, slopes + intercepts))
        else:
            rows += [("slopes", f.name, slopes)] * (f.column_names != (INTERCEPT,))
            rows.append(("intercepts", f.name, intercepts))
    rows.append(("residual" if not isinstance(fit, GeneralizedFit) else "observation", "", parts.level))
    source, names, variance = zip(*rows, strict=True)
    return Table(
        {"source": source, "factor": names, "variance": variance, "share": np.array(variance) / parts.total},
        title="Parts of the variance",
        notes=_notes(fit, level, parts),
        frame=frame,
    )


# Parts ----------------------------------------------------------------------------------------------------------------


def _fixed(fit: Fit) -> FloatArray:
    """X beta without offset, (n,)."""
    return np.asarray(fit.model.design.fixed.Q @ fit.gamma)


def _effects(f: GroupRows, T: FloatArray) -> tuple[float, float]:
    """Variance of z'T by deviations of z from its mean over the rows, and by that mean."""
    columns = f.values
    mean = columns.mean(axis=1)
    deviations = T.T @ (columns - mean[:, None])
    return float((deviations**2).sum() / len(f.codes)), float(((T.T @ mean) ** 2).sum())


def _between(values: FloatArray, f: GroupRows) -> float:
    """Variance of the means of a factor's levels, over the rows."""
    count = np.bincount(f.codes, minlength=f.grouping.n_levels)
    sums = np.bincount(f.codes, weights=values, minlength=f.grouping.n_levels)
    return float(np.var((sums / np.maximum(count, 1))[f.codes], ddof=1))


def _is_of_rows(fit: Fit, f: GroupRows) -> bool:
    """Whether a factor of a generalized model has a level a row."""
    alone = f.grouping.n_levels == len(f.codes) and f.grouping.precision is None
    return isinstance(fit, GeneralizedFit) and alone


def _is_constant(fit: GeneralizedFit, approximation: str) -> bool:
    """Whether the variance of one observation is the link's own, and no mean is asked for."""
    of_link = fit.family.weights_are_trials and fit.family.link.latent_variance is not None
    return of_link and approximation in ("default", "theoretical")


def _chosen(fit: Fit, by: Any) -> GroupRows | None:
    """The factor within and between whose levels fixed effects are looked at."""
    factors = {f.name: f for f in fit.model.design.random.groups}
    if by is None:
        grouped = [f for f in factors.values() if not _is_of_rows(fit, f)]
        return grouped[0] if len(grouped) == 1 else None
    if not isinstance(by, str) or by not in factors:
        raise InputError(f"by must be one of the grouping factors {', '.join(factors)}; got {shown(by)}")
    return factors[by]


def _notes(fit: Fit, level: Level, parts: Parts) -> tuple[str, ...]:
    notes = list(level.notes)
    overdispersed = [f.name for f, each in zip(fit.groups, parts.each_row, strict=True) if each]
    related = [f.name for f in fit.groups if f.grouping.precision is not None]
    if overdispersed:
        notes.append(f"{', '.join(overdispersed)} has a level for each row: overdispersion, a part of the residual")
    if related:
        notes.append(f"{', '.join(related)}: the variance is that of levels with a relationship of 1 to themselves")
    trials = isinstance(fit, GeneralizedFit) and fit.family.weights_are_trials
    if fit.model.design.weights is not None and not trials:
        notes.append("The residual variance is that of a row with weight 1")
    if isinstance(fit, GeneralizedFit) and has_other_mean(fit.family):
        notes.append(f"The link of {fit.family.name} is not that of E(y): the variance of one observation is rough")
    if (residual := fit.labels.residual) is not None:
        if residual.n_scales:
            notes.append("The residual variance is the mean of those of the rows")
        if residual.kind:
            notes.append(
                f"Residuals are correlated within {residual.group}, which is no part of these variances: two rows of a "
                "level are more alike than random effects make them"
            )
    if not np.isfinite(parts.level):
        notes.append("NA: the family has no finite variance at the mean of the response")
    if fit.elsewhere and np.isnan([parts.fixed, *parts.slopes, *parts.intercepts]).any():
        notes.append("NA: the data do not determine these variances")
    return tuple(notes)
