"""What linear and generalized linear solutions share: names, coefficients, random effects, variance components."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import cached_property, partial
from types import MappingProxyType
from typing import Any

import numpy as np

from ..contracts.arrays import AnyArray, FloatArray
from ..design.mixed import MixedDesign
from ..design.random import RandomFactor
from ..design.terms import INTERCEPT
from ..estimation.certificate import Certificate
from ..estimation.ending import differs
from ..registry import Provenance
from .html import render_html
from .summary import render_text
from .tables import SummaryData, VarCompSummary


class MixedSolution(ABC):
    """A fitted mixed model. Frozen: attributes cannot be set, arrays are read-only."""

    _fit: Any
    _response: str
    _conf_level: float

    def __init__(self, fit: Any, response: str, conf_level: float) -> None:
        object.__setattr__(self, "_fit", fit)
        object.__setattr__(self, "_response", response)
        object.__setattr__(self, "_conf_level", conf_level)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"a solution is frozen: {name} cannot be set")

    # What the two kinds give ----------------------------------------------------------------------------------------

    @property
    @abstractmethod
    def vcov(self) -> FloatArray:
        """Covariance matrix (p, p) of the coefficients; NaN for dropped columns."""

    @property
    @abstractmethod
    def log_likelihood(self) -> float:
        """Maximized (restricted) log-likelihood, with all constants."""

    @property
    @abstractmethod
    def n_parameters(self) -> int:
        """Number of parameters that AIC and BIC count."""

    @property
    @abstractmethod
    def _scale(self) -> float:
        """Standard deviation that relative covariance factors are relative to: sigma, or 1."""

    @property
    @abstractmethod
    def _se_kept(self) -> FloatArray:
        """Standard errors of the kept coefficients, by which differences between coefficients are measured."""

    @abstractmethod
    def _summary_data(self) -> SummaryData: ...

    @property
    def _design(self) -> MixedDesign:
        design: MixedDesign = self._fit.design
        return design

    # Fixed effects --------------------------------------------------------------------------------------------------

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the p columns of X."""
        return self._design.fixed.names

    @cached_property
    def coefficients(self) -> FloatArray:
        """Estimates beta (p,), NaN for columns that were dropped."""
        fixed = self._design.fixed
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

    # Random effects -------------------------------------------------------------------------------------------------

    @cached_property
    def ranef(self) -> MappingProxyType[str, FloatArray]:
        """Conditional modes by factor, (levels, columns) in the order of `levels` and `ranef_names`."""
        return MappingProxyType(
            {f.name: _frozen(self._determined(partial(_modes, j))) for j, f in enumerate(self._design.random.factors)}
        )

    @cached_property
    def ranef_variances(self) -> MappingProxyType[str, FloatArray]:
        """Conditional covariance matrices of the random effects by factor, (levels, columns, columns)."""
        out = {}
        inverse = self._fit.solve().factor.selected_inverse().diagonal
        self._fit.release()
        roots = self._fit.parameters.T(self._fit.theta)
        for f, T, block, (_, sigma) in zip(self._design.random.factors, roots, inverse, self._covariances, strict=True):
            A = f.users_effects(T)
            covariance = np.einsum("ab,bcl,dc->lad", A, block, A, optimize=True) * self._scale**2
            out[f.name] = _frozen(np.where(np.isnan(sigma), np.nan, covariance))
        return MappingProxyType(out)

    @property
    def levels(self) -> dict[str, AnyArray]:
        """Labels of the levels by factor."""
        return {f.name: _frozen(f.levels) for f in self._design.random.factors}

    @property
    def ranef_names(self) -> dict[str, tuple[str, ...]]:
        """Column names of the random effects by factor."""
        return {f.name: f.column_names for f in self._design.random.factors}

    @property
    def theta(self) -> FloatArray:
        """Relative covariance parameters: lower triangles of the terms' factors, column by column."""
        return _frozen(self._determined(lambda fit: fit.parameters.users(fit.theta)))

    @cached_property
    def _covariances(self) -> list[tuple[RandomFactor, FloatArray]]:
        """Covariance matrices of the random effects by factor."""
        return [(f, self._determined(partial(_covariance, j))) for j, f in enumerate(self._design.random.factors)]

    def _determined(self, of: Callable[[Any], FloatArray], size: FloatArray | float | None = None) -> FloatArray:
        """What `of` finds in the fit; NaN where other parameters of the same deviance give another value."""
        value = np.array(of(self._fit), dtype=np.float64)
        for other in self._fit.elsewhere:
            value[differs(value, of(other), size)] = np.nan
        return value

    def _term_components(self) -> list[VarCompSummary]:
        rows = []
        for f, covariance in self._covariances:
            start = 0
            sd = np.sqrt(np.diagonal(covariance))
            for term in f.terms:
                for i, name in enumerate(term.columns):
                    a = start + i
                    earlier = range(start, a) if term.correlated else range(0)
                    with np.errstate(invalid="ignore", divide="ignore"):
                        corr = tuple(float(covariance[a, b] / (sd[a] * sd[b])) for b in earlier)
                    rows.append(VarCompSummary(f.name, name, float(covariance[a, a]), float(sd[a]), corr))
                start += len(term.columns)
        return rows

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

    # The fit --------------------------------------------------------------------------------------------------------

    @property
    def aic(self) -> float:
        """Akaike's criterion, -2 log L + 2 k."""
        return -2.0 * self.log_likelihood + 2.0 * self.n_parameters

    @property
    def bic(self) -> float:
        """Bayes' criterion, -2 log L + k log n."""
        return -2.0 * self.log_likelihood + self.n_parameters * float(np.log(self.n_obs))

    @property
    def n_obs(self) -> int:
        """Number of observations."""
        return self._design.n

    @property
    def n_groups(self) -> dict[str, int]:
        """Number of levels by factor."""
        return {f.name: f.factor.n_levels for f in self._design.random.factors}

    @property
    def df_residual(self) -> int:
        """Observations less parameters."""
        return self.n_obs - self.n_parameters

    @property
    def certificate(self) -> Certificate:
        """Evidence that the fit is an optimum."""
        certificate: Certificate = self._fit.certificate
        return certificate

    @property
    def converged(self) -> bool:
        """The certificate's verdict."""
        return self.certificate.converged

    @property
    def provenance(self) -> tuple[Provenance, ...]:
        """Plugins that made the fit, with distributions and versions."""
        provenance: tuple[Provenance, ...] = self._fit.provenance
        return provenance

    @property
    def timings(self) -> dict[str, float]:
        """Seconds by phase of the fit."""
        return dict(self._fit.timings)

    @property
    def n_evaluations(self) -> int:
        """Evaluations of the criterion, those of the certificate included."""
        n: int = self._fit.n_evaluations
        return n

    @property
    def n_iter(self) -> int:
        """The same, under the name that other packages have for it."""
        return self.n_evaluations

    @property
    def model(self) -> str:
        """The model in the manner of a formula."""
        return f"{self._response} ~ {self._design}"

    def summary(self) -> str:
        """The fit as text, in the look of R's `summary`."""
        return render_text(self._summary_data())

    def _repr_html_(self) -> str:
        return render_html(self._summary_data())

    def __repr__(self) -> str:
        """Model, size, and verdict."""
        verdict = "converged" if self.converged else "NOT converged"
        return f"<{type(self).__name__}: {self.model}; {self.n_obs} observations; {verdict}>"

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in self.__dict__.items() if k in ("_fit", "_response", "_conf_level", "_options")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)

    def _notes(self) -> tuple[str, ...]:
        notes = []
        if dropped := self._design.fixed.dropped_names:
            notes.append(f"X is rank deficient: dropped {', '.join(dropped)}")
        if not self.converged:
            notes.append(f"NOT CONVERGED: {self.certificate.message}")
        if self.certificate.not_identified:
            notes.append(f"the data do not determine {', '.join(self.certificate.not_identified)}: NaN")
        if self.is_singular:
            notes.append("the fit is singular: a covariance matrix of random effects has no full rank (is_singular)")
        return tuple(notes)


def _modes(j: int, fit: Any) -> FloatArray:
    """Conditional modes of factor j, (levels, columns)."""
    f, o = fit.design.random.factors[j], fit.structure.offsets[j]
    block = fit.b[o : o + f.factor.size].reshape(f.factor.n_columns, f.factor.n_levels)
    return np.asarray(f.users_effects(block).T)


def _covariance(j: int, fit: Any) -> FloatArray:
    """Covariance matrix of the random effects of factor j."""
    matrix: FloatArray = fit.covariances[j]
    return matrix


def _expand(values: FloatArray, kept: AnyArray, p: int) -> FloatArray:
    """Values of kept columns among all p, NaN elsewhere; for vectors and matrices."""
    out = np.full((p,) * values.ndim, np.nan)
    out[np.ix_(*(kept,) * values.ndim)] = values
    return _frozen(out)


def _frozen(array: Any) -> FloatArray:
    array.flags.writeable = False
    frozen: FloatArray = array
    return frozen
