"""What every fitted model shows: names, coefficients, random effects, variance components, its summary.

Longer than other files, since what users find on a fit is listed in one place; every method is short.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cached_property, partial
from types import MappingProxyType
from typing import Any, Generic, Self, TypeVar

import numpy as np

from ..contracts.arrays import AnyArray, FloatArray
from ..contracts.covariance import Component, CovarianceStructure
from ..contracts.errors import InputError, shown
from ..design.labels import GroupLabels, Labels
from ..design.terms import INTERCEPT, Term
from ..display.html import render_html
from ..display.shown import Summary
from ..display.tables import InformationCriteria, SummaryData, VarCompSummary, residual_quantiles
from ..estimation.certificate import Certificate
from ..estimation.ending import determined
from ..estimation.model import Fit
from ..estimation.sameness import estimates_of, same
from ..formula.terms import Terms
from ..inference.criteria import information_criteria
from ..inference.smooths import curves as smooth_curves
from ..inference.smooths import smooth_table
from ..inference.wald import WaldTest
from ..registry import Provenance
from ..threads import few_threads
from . import tables

F = TypeVar("F", bound=Fit)


class FittedModel(ABC, Generic[F]):
    """Estimates of a mixed model. Frozen: attributes cannot be set, arrays are read-only."""

    _fit: F
    _conf_level: float
    _terms: Terms | None
    #: Whether degrees of freedom of a linear model are Satterthwaite's, else n - p.
    _satterthwaite: bool = True
    #: What a pickle holds; all else is computed again.
    _state: tuple[str, ...] = ("_fit", "_conf_level", "_terms")

    def __init__(self, fit: F, conf_level: float, terms: Terms | None) -> None:
        object.__setattr__(self, "_fit", fit)
        object.__setattr__(self, "_conf_level", conf_level)
        object.__setattr__(self, "_terms", terms)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"a solution is frozen: {name} cannot be set")

    # What the two kinds give ----------------------------------------------------------------------------------------

    @property
    @abstractmethod
    def vcov(self) -> FloatArray:
        """Covariance matrix (p, p) of the coefficients; NaN for dropped columns."""

    @property
    @abstractmethod
    def fitted_values(self) -> FloatArray:
        """Expected responses given the random effects, (n,)."""

    @property
    @abstractmethod
    def var_components(self) -> tuple[VarCompSummary, ...]:
        """Variances, standard deviations and correlations of all terms."""

    @property
    def _frame(self) -> str:
        """Kind of data frame that the user gave, which tables have by default."""
        return self._terms.frame if self._terms else ""

    @property
    def _scale(self) -> float:
        """Standard deviation that relative covariance factors are relative to: sigma, or 1."""
        return self._fit.scale

    @property
    @abstractmethod
    def _se_kept(self) -> FloatArray:
        """Standard errors of the kept coefficients, by which differences between coefficients are measured."""

    @property
    @abstractmethod
    def _test(self) -> WaldTest:
        """The distribution of coefficients over their standard errors."""

    @property
    @abstractmethod
    def _title(self) -> str:
        """The method in words."""

    @property
    @abstractmethod
    def _scaled_residuals(self) -> FloatArray:
        """Pearson residuals, (n,)."""

    @abstractmethod
    def _of(self, fit: F, terms: Terms | None = None) -> Self:
        """The solution of another fit, with the same options, and the same terms where no others are given."""

    @property
    def _labels(self) -> Labels:
        return self._fit.model.labels

    # Fixed effects --------------------------------------------------------------------------------------------------

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the p columns of X."""
        return self._labels.fixed.names

    @cached_property
    def coefficients(self) -> FloatArray:
        """Estimates beta (p,), NaN for columns that were dropped."""
        fixed = self._labels.fixed
        beta = self._determined(lambda fit: fixed.coefficients(fit.gamma), self._se_kept)
        return _expand(beta, fixed.kept, len(fixed.names))

    @property
    def fixef(self) -> dict[str, float]:
        """Estimates by column name."""
        return dict(zip(self.names, self.coefficients.tolist(), strict=True))

    @cached_property
    def se(self) -> FloatArray:
        """Standard errors (p,)."""
        return _frozen(np.sqrt(np.diagonal(self.vcov)))

    @property
    def standard_errors(self) -> FloatArray:
        """Standard errors (p,), by their long name."""
        return self.se

    @property
    def _statistics(self) -> FloatArray:
        """Estimates over standard errors, (p,)."""
        return _frozen(self.coefficients / self.se)

    @cached_property
    def p_values(self) -> FloatArray:
        """Two-sided p-values of Wald's tests: t-tests of linear models, z-tests of generalized ones."""
        return _frozen(self._test.p_values(self._statistics))

    @cached_property
    def conf_int(self) -> FloatArray:
        """Confidence limits (p, 2) at `conf_level`, from the same distributions as `p_values`."""
        half = self._test.quantiles(self._conf_level) * self.se
        return _frozen(np.column_stack([self.coefficients - half, self.coefficients + half]))

    # Random effects -------------------------------------------------------------------------------------------------

    @cached_property
    def ranef(self) -> MappingProxyType[str, FloatArray]:
        """Conditional modes by factor, (levels, columns) in the order of `levels` and `ranef_names`."""
        return MappingProxyType(
            {f.name: _frozen(self._determined(partial(_modes, j))) for j, f in enumerate(self._fit.groups)}
        )

    @cached_property
    def ranef_variances(self) -> MappingProxyType[str, FloatArray]:
        """Conditional covariance matrices of the random effects by factor, (levels, columns, columns)."""
        out = {}
        with few_threads(*self._labels.dense_sizes):
            inverse = self._fit.factorized().factor.selected_inverse().diagonal
        roots = self._fit.parameters.T(self._fit.theta)
        for f, T, block, (_, sigma) in zip(self._fit.groups, roots, inverse, self._covariances, strict=True):
            A = f.users_effects(T)
            covariance = np.einsum("ab,bcl,dc->lad", A, block, A, optimize=True) * self._scale**2
            out[f.name] = _frozen(np.where(np.isnan(sigma), np.nan, covariance))
        return MappingProxyType(out)

    @property
    def levels(self) -> dict[str, AnyArray]:
        """Labels of the levels by factor."""
        return {f.name: _frozen(f.levels) for f in self._fit.groups}

    @property
    def ranef_names(self) -> dict[str, tuple[str, ...]]:
        """Column names of the random effects by factor."""
        return {f.name: f.column_names for f in self._fit.groups}

    @property
    def theta(self) -> FloatArray:
        """Relative covariance parameters: lower triangles of the terms' factors, column by column."""
        return _frozen(self._determined(lambda fit: fit.parameters.users(fit.theta)))

    @cached_property
    def _covariances(self) -> list[tuple[GroupLabels, FloatArray]]:
        """Covariance matrices of the random effects by factor."""
        return [(f, self._determined(partial(_covariance, j))) for j, f in enumerate(self._fit.groups)]

    def _determined(self, of: Callable[[F], FloatArray], size: FloatArray | float | None = None) -> FloatArray:
        """What `of` finds in the fit; NaN where other parameters of the same deviance give another value."""
        return determined(self._fit, of, size)

    def _term_components(self) -> list[VarCompSummary]:
        rows: list[VarCompSummary] = []
        for f, covariance in self._covariances:
            start = 0
            sd = np.sqrt(np.diagonal(covariance))
            for term in f.terms:
                if term.structure is not None:
                    rows += self._structured_components(term, term.structure)
                    start += len(term.columns)
                    continue
                for i, name in enumerate(term.columns):
                    a = start + i
                    earlier = range(start, a) if term.correlated else range(0)
                    with np.errstate(invalid="ignore", divide="ignore"):
                        corr = tuple(float(covariance[a, b] / (sd[a] * sd[b])) for b in earlier)
                    rows.append(VarCompSummary(f.name, name, float(covariance[a, a]), float(sd[a]), corr))
                start += len(term.columns)
        return rows

    def _structured_components(self, term: Term, structure: CovarianceStructure) -> Iterator[VarCompSummary]:
        """What the term's covariance structure shows, with its name on the first line."""

        def components(fit: F) -> tuple[Component, ...]:
            s = next(s for s in fit.parameters.structured if s.term is term)
            return structure.components(s.in_units(fit.parameters.users(fit.theta)[s.mine], fit.scale), term.columns)

        def correlations(fit: F) -> FloatArray:
            return np.array([r for c in components(fit) for r in c.correlations])

        sds = self._determined(lambda fit: np.array([c.sd for c in components(fit)]))
        left = iter(self._determined(correlations, 1.0).tolist())
        for i, (c, sd) in enumerate(zip(components(self._fit), sds.tolist(), strict=True)):
            corr = tuple(next(left) for _ in c.correlations)
            yield VarCompSummary(term.group, c.name, sd**2, sd, corr, "" if i else structure.name)

    @property
    def is_singular(self) -> bool:
        """Whether some covariance matrix of random effects is estimated without full rank."""
        return bool(self._fit.singular_factors)

    def _intercept_variances(self) -> dict[str, float]:
        """Variance of the random intercept by factor; NaN where a factor has none."""
        out = {}
        for f, covariance in self._covariances:
            names = f.column_names
            at = names.index(INTERCEPT) if INTERCEPT in names else None
            out[f.name] = float("nan") if at is None else float(covariance[at, at])
        return out

    @property
    def _residual_quantiles(self) -> FloatArray:
        """Of the scaled residuals, (5,)."""
        digest = self._fit.digest
        return residual_quantiles(self._scaled_residuals) if digest is None else digest.residual_quantiles

    # Likelihood -----------------------------------------------------------------------------------------------------

    @property
    def log_likelihood(self) -> float:
        """Maximized log-likelihood, with all constants; the restricted one for fits by REML, as in lme4."""
        return self._criteria.log_likelihood

    @property
    def n_parameters(self) -> int:
        """Fixed effects, covariance parameters, and sigma or the estimated dispersion parameters."""
        return self._fit.n_parameters

    @property
    def aic(self) -> float:
        """Akaike's criterion, -2 log L + 2 k."""
        return self._criteria.aic

    @property
    def bic(self) -> float:
        """Bayes' criterion, -2 log L + k log n."""
        return self._criteria.bic

    @property
    def df_residual(self) -> int:
        """Observations less parameters."""
        return self._criteria.df_residual

    @property
    def _criteria(self) -> InformationCriteria:
        return information_criteria(self._fit)

    # The fit --------------------------------------------------------------------------------------------------------

    @property
    def n_obs(self) -> int:
        """Number of observations."""
        return self._labels.n

    @property
    def has_rows(self) -> bool:
        """Whether the fit has the rows that it was made from; one that was saved without them has not."""
        return self._fit.model.rows is not None

    @property
    def n_groups(self) -> dict[str, int]:
        """Number of levels by factor."""
        return {f.name: f.grouping.n_levels for f in self._fit.groups}

    @property
    def certificate(self) -> Certificate:
        """Evidence that the fit is an optimum."""
        return self._fit.certificate

    @property
    def converged(self) -> bool:
        """The certificate's verdict."""
        return self.certificate.converged

    @property
    def provenance(self) -> tuple[Provenance, ...]:
        """Plugins that made the fit, with distributions and versions."""
        return self._fit.provenance

    @property
    def timings(self) -> dict[str, float]:
        """Seconds by phase of the fit."""
        return dict(self._fit.timings)

    @property
    def n_evaluations(self) -> int:
        """Evaluations of the criterion, those of the certificate included."""
        return self._fit.n_evaluations

    @property
    def n_iter(self) -> int:
        """The same, under the name that other packages have for it."""
        return self.n_evaluations

    @property
    def model(self) -> str:
        """The formula as written, or the model of arrays in the manner of one."""
        return str(self._labels) if self._terms is None else " ".join(self._terms.formula.split())

    @property
    def formula(self) -> str | None:
        """The formula as written; None for fits of arrays."""
        return None if self._terms is None else self._terms.formula

    @property
    def terms(self) -> Terms | None:
        """Fixed terms with their columns, what encodes new data, rows left out; None for fits of arrays."""
        return self._terms

    def _of_source(self, source: str) -> Self:
        """With a summary that says from which file the data are; a fit of arrays as it is."""
        return self if self._terms is None else self._of(self._fit, replace(self._terms, source=source))

    # Text -----------------------------------------------------------------------------------------------------------

    def _summary_data(self) -> SummaryData:
        kept = self._labels.fixed.kept
        se = self.se[kept]
        curved = bool(smooth_curves(self._terms))
        rowless = ("the table of smooth terms is left out: their tests need the rows, which this fit has not",)
        return SummaryData(
            title=self._title,
            model=self.model,
            criterion=self._criteria,
            residual_quantiles=self._residual_quantiles,
            var_components=self.var_components,
            n_obs=self.n_obs,
            n_groups=tuple((f.name, f.grouping.n_levels) for f in self._fit.groups if not f.is_penalty),
            coefficients=tables.tests_of(self, kept),
            correlation=self.vcov[np.ix_(kept, kept)] / np.outer(se, se),
            notes=(*self._notes(), *rowless * (curved and not self.has_rows)),
            details=self._details(),
            smooths=smooth_table(self._fit, self._terms) if curved and self.has_rows else None,
        )

    def _details(self) -> tuple[str, ...]:
        """What else the model has: source of data, weights, offset, rows left out, known relationships of levels."""
        labels = self._labels
        given = {"Weights": labels.has_weights, "Offset": labels.has_offset}
        lines = [f"{name}: array" for name, there in given.items() if there]
        known = [f.name for f in labels.groups if f.grouping.precision is not None]
        related = [f"Known relationship of levels: {', '.join(known)}"] * bool(known)
        return (*(lines if self._terms is None else self._terms.details), *related)

    def summary(self, names: str | None = None) -> Summary:
        """The fit as text, in the look of R's `summary`; ``names="R"`` shows columns under R's names.

        A notebook shows it as HTML.
        """
        if names not in (None, "R"):
            raise InputError(f"names must be 'R', or left out; got {shown(names)}")
        data = self._summary_data()
        return Summary(data.renamed(self._terms.r_names) if names and self._terms else data)

    def _repr_html_(self) -> str:
        return render_html(self._summary_data())

    def __repr__(self) -> str:
        """Model, size, and verdict."""
        verdict = "converged" if self.converged else "NOT converged"
        return f"<{type(self).__name__}: {self.model}; {self.n_obs} observations; {verdict}>"

    def __eq__(self, other: object) -> bool:
        """Whether both are fits of one model to the same data, with the same estimates to the last bit.

        A copy is equal: one that was pickled, or saved and loaded, with its rows or without; and so is a second fit of
        the same input. What a fit took, and what it was made with, does not matter.

        Examples
        --------
        >>> import pickle, ranef
        >>> d = ranef.datasets.load("sleepstudy")
        >>> fit = ranef.lmm("Reaction ~ Days + (1 | Subject)", d)
        >>> fit == pickle.loads(pickle.dumps(fit)), fit == ranef.lmm("Reaction ~ Days + (1 | Subject)", d)
        (True, True)
        >>> fit == ranef.lmm("Reaction ~ Days + (1 | Subject)", d, reml=False)
        False
        """
        if not isinstance(other, FittedModel) or type(other) is not type(self):
            return NotImplemented
        return self is other or (self._settings == other._settings and same(self._fit, other._fit))

    def __hash__(self) -> int:
        """By the model and its estimates."""
        return hash((type(self), self._settings, estimates_of(self._fit)))

    @property
    def _settings(self) -> tuple[Any, ...]:
        """What was asked for beside the fit itself."""
        return self.model, self._conf_level, self._satterthwaite

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in self.__dict__.items() if k in self._state}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)

    def _notes(self) -> tuple[str, ...]:
        notes = []
        if dropped := self._labels.fixed.dropped_names:
            notes.append(f"X is rank deficient: dropped {', '.join(dropped)}")
        if not self.converged:
            notes.append(f"NOT CONVERGED: {self.certificate.message}")
        if self.certificate.not_identified:
            notes.append(f"the data do not determine {', '.join(self.certificate.not_identified)}: NaN")
        if self.certificate.other_optima:
            notes.append(
                f"another optimum of the criterion is {self.certificate.other_optima[0]:.2g} higher in deviance"
            )
        if self.certificate.monte_carlo is not None:
            notes.append(f"log|M| is from {self.certificate.monte_carlo}")
        if self.is_singular:
            notes.append("the fit is singular: a covariance matrix of random effects has no full rank (is_singular)")
        return tuple(notes)


def _modes(j: int, fit: Fit) -> FloatArray:
    """Conditional modes of factor j, (levels, columns)."""
    f, o = fit.groups[j], fit.pattern.offsets[j]
    block = fit.b[o : o + f.grouping.size].reshape(f.grouping.n_columns, f.grouping.n_levels)
    return np.asarray(f.users_effects(block).T)


def _covariance(j: int, fit: Fit) -> FloatArray:
    """Covariance matrix of the random effects of factor j."""
    return fit.covariances[j]


def _expand(values: FloatArray, kept: AnyArray, p: int) -> FloatArray:
    """Values of kept columns among all p, NaN elsewhere; for vectors and matrices."""
    out = np.full((p,) * values.ndim, np.nan)
    out[np.ix_(*(kept,) * values.ndim)] = values
    return _frozen(out)


def _frozen(array: Any) -> FloatArray:
    array.flags.writeable = False
    frozen: FloatArray = array
    return frozen
