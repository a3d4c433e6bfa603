"""What the family of a fit has beside the mean: dispersion parameters, their models, thresholds."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from ..contracts.arrays import FloatArray
from ..contracts.errors import InputError, shown
from ..contracts.family import Family
from ..contracts.ordered import OrderedFamily
from ..design.parameter import INFLATION, SPACINGS, dispersion_among
from ..design.terms import INTERCEPT
from ..display.records import Table
from ..display.summary import coefficient_record
from ..display.tables import CoefficientTable
from ..estimation.dispersion import scale_text, to_natural
from ..estimation.generalized import GeneralizedFit
from ..formula.columns import Frame
from ..inference.thresholds import Thresholds, ordered_family
from . import tables
from .mixed import MixedSolution

#: Relative standard error of a dispersion parameter of which the data only say that it is very large, or very small.
INDEFINITE = 100.0
#: ... where the search has taken it as far as this from its start, on the unconstrained (mostly logarithmic) scale.
FAR = 3.0


class FamilyParameters(MixedSolution[GeneralizedFit]):
    """Estimates, standard errors and tables of a family's parameters."""

    @property
    @abstractmethod
    def family(self) -> Family:
        """The response family, with its link."""

    @property
    @abstractmethod
    def nagq(self) -> int:
        """Nodes of the quadrature: 0 and 1 as in `ranef.glmm`."""

    @property
    @abstractmethod
    def _covariance(self) -> FloatArray:
        """Of all parameters of the search."""

    @property
    def dispersion(self) -> dict[str, float]:
        """Dispersion parameters by name, those that are the same for all rows; {} for families without.

        Others have a model: `coef_table` has its coefficients, ``predict(type=...)`` the values of rows.
        """
        phi = self._determined(lambda fit: np.array(list(fit.constant_dispersion.values())))
        return dict(zip(self._fit.constant_dispersion, phi.tolist(), strict=True))

    @property
    def _dispersion_values(self) -> dict[str, float]:
        """Those, and the coefficients of the models of others."""
        scale = self._fit.dispersion
        out = dict(self.dispersion)
        for name, labels in scale.models.items():
            values = self._determined(lambda fit, name=name: scale.coefficients(fit.xi, name), 1.0)  # type: ignore[misc]
            out |= dict(zip((f"{name}~{c}" for c in labels.names), values.tolist(), strict=True))
        return out

    @cached_property
    def dispersion_se(self) -> dict[str, float]:
        """Standard errors of the estimated dispersion parameters, on their natural scale (delta method)."""
        scale = self._fit.dispersion
        if self.nagq == 0 or not scale.estimated:
            return dict.fromkeys(scale.names, float("nan"))
        out = {}
        for name in scale.names:
            parameter = next(p for p in scale.parameters if p.name == name)
            xi, slope = self._fit.xi[scale.place(name)], np.sqrt(np.diagonal(self._covariance_of(name)))
            out[name] = float(slope[0] * to_natural(parameter, float(xi[0]))[1])
        return out

    def _covariance_of(self, parameter: str) -> FloatArray:
        """Of the unconstrained value of a dispersion parameter, or of the coefficients of its model's basis."""
        first = len(self._fit.gamma) + len(self._fit.theta)
        place = self._fit.dispersion.place(parameter)
        if self.nagq == 0:
            return np.full((place.stop - place.start,) * 2, np.nan)
        return self._covariance[first:, first:][place, place]

    def coef_table(self, which: str | None = None) -> Table:
        """Coefficients with tests and intervals: name, estimate, se, lower, upper, statistic, p_value.

        Parameters
        ----------
        which : str, optional
            The model of a dispersion parameter, by its name, "disp" or "zi", instead of the fixed effects; of one
            without a model its value on the unconstrained scale, as an intercept. Of ordered categories "spacings" has
            those of all spacings.

        Raises
        ------
        InputError
            For a parameter that the model does not estimate.

        Examples
        --------
        >>> import ranef
        >>> d = ranef.datasets.load("salamanders")
        >>> fit = ranef.glmm("count ~ mined + (1 | site)", d, family="nbinom2", dispersion="~ DOP")
        >>> fit.coef_table("theta")["name"].tolist()
        ['(Intercept)', 'DOP']
        """
        if which is None:
            return super().coef_table()
        if which == SPACINGS and isinstance(self.family, OrderedFamily):
            table = self._models_of_spacings()
        else:
            table = self._model_of_parameter(self._parameter_called(which))
        return tables.model_table(table, self._conf_level, self._frame)

    def _parameter_called(self, which: Any) -> str:
        names = self._fit.dispersion.estimated_names
        name = dispersion_among(names, self.family) if which == "disp" and "disp" not in names else which
        if name is None or name not in names:
            raise InputError(
                f"which must be an estimated parameter of the {self.family.name} family, "
                f"{', '.join(names) or 'which has none'}; got {shown(which)}"
            )
        return str(name)

    def _model_of_parameter(self, name: str) -> CoefficientTable:
        """Coefficients of a parameter's model with Wald's tests."""
        scale = self._fit.dispersion
        labels = scale.models.get(name)
        names = (INTERCEPT,) if labels is None else labels.names
        R_inverse = np.linalg.inv(np.eye(1) if labels is None else labels.R)
        place, C = scale.place(name), self._covariance_of(name)
        estimates = self._determined(lambda fit: R_inverse @ fit.xi[place], 1.0)
        variances = np.diagonal(R_inverse @ np.where(np.isnan(C), 0.0, C) @ R_inverse.T)
        moving = ((np.isnan(np.diagonal(C)) & (np.abs(R_inverse) > 0.0)).any(axis=1)) | np.isnan(estimates)
        errors = np.sqrt(np.where(moving, np.nan, variances))
        return self._by_wald(names, estimates, errors)

    def _models_of_spacings(self) -> CoefficientTable:
        """Those of all estimated spacings, one below the other."""
        models = {name: self._model_of_parameter(name) for name in self._fit.dispersion.estimated_names}
        names = tuple(f"{name}~{column}" for name, own in models.items() for column in own.names)
        estimate, se = (
            np.concatenate([[], *(getattr(own, of) for own in models.values())]) for of in ("estimate", "std_error")
        )
        return self._by_wald(names, estimate, se)

    def _by_wald(self, names: tuple[str, ...], estimate: FloatArray, se: FloatArray) -> CoefficientTable:
        z = estimate / se
        return CoefficientTable(
            names, estimate, se, z, p_value=self._test.p_values(z), statistic_header="z value", p_header="Pr(>|z|)"
        )

    # Ordered categories ---------------------------------------------------------------------------------------------

    @cached_property
    def thresholds(self) -> Table:
        """Thresholds between ordered categories, with standard errors by the delta method: a row each.

        Where spacings have models, these are the thresholds where all columns of the models are 0 but the constant:
        those of the reference levels of factors. `thresholds_at` has those of any rows.

        Raises
        ------
        InputError
            Where the family is none of ordered categories, or a spacing's model has no constant.

        Examples
        --------
        >>> import ranef
        >>> fit = ranef.glmm("rating ~ temp + contact + (1 | judge)", ranef.datasets.load("wine"), family="ordinal")
        >>> fit.thresholds["name"].tolist(), fit.thresholds["estimate"].round(3).tolist()
        (['1|2', '2|3', '3|4', '4|5'], [-1.624, 1.513, 4.229, 6.089])
        """
        return replace(coefficient_record(self._thresholds()), frame=self._frame)

    def _thresholds(self) -> CoefficientTable:
        family = ordered_family(self._fit)
        return Thresholds.of_reference(self._fit).table(family.threshold_names, self._known_covariance)

    @property
    def _known_covariance(self) -> FloatArray | None:
        return self._covariance if self.nagq else None

    def thresholds_at(self, newdata: Any = None, *, minus: Any = None) -> Table:
        """Thresholds of rows less X beta: P(y <= k) = F(threshold_k - Z b), without an offset.

        Parameters
        ----------
        newdata : data frame or dict, optional
            Rows, as in `predict`, those of the fit by default; grouping factors are not needed.
        minus : data frame or dict, optional
            Rows whose thresholds are subtracted: one, or as many. So the table has effects at every threshold, minus
            what coefficients are where they are the same at all of them.

        Returns
        -------
        Table
            A line for each row and threshold: ``row`` (from 0), ``name``, ``estimate``, ``se``, ``statistic``, and
            ``p_value`` of differences.

        Raises
        ------
        InputError, InputTypeError
            Where the family is none of ordered categories, and for rows that cannot be used.

        Examples
        --------
        >>> import ranef
        >>> wine = ranef.datasets.load("wine")
        >>> fit = ranef.glmm("rating ~ temp + contact + (1 | judge)", wine, family="ordinal",
        ...                  parameters={"spacings": "~ contact"})
        >>> no, yes = ({"temp": ["cold"], "contact": [contact]} for contact in ("no", "yes"))
        >>> fit.thresholds_at(yes, minus=no)["estimate"].round(3).tolist()
        [-1.83, -1.833, -2.045, -1.359]
        """
        family = ordered_family(self._fit)
        self._labels.refuse_penalty("thresholds_at")
        found = self._thresholds_of(newdata)
        n = len(found.estimate)
        if minus is not None:
            less = self._thresholds_of(minus)
            if len(less.estimate) not in (1, n):
                raise InputError(f"minus has {len(less.estimate)} rows, and newdata {n}: give one, or as many")
            found = found - less
        own = found.table(family.threshold_names * n, self._known_covariance)
        if minus is not None:
            own = replace(own, p_value=self._test.p_values(own.statistic), p_header="Pr(>|z|)")
        table = coefficient_record(own)
        row = np.repeat(np.arange(n), family.n_categories - 1)
        return replace(table, columns={"row": row, **table.columns}, frame=self._frame)

    def _thresholds_of(self, newdata: Any) -> Thresholds:
        from ..prediction.rows import Rows, encoded, new_rows

        if newdata is None:
            return Thresholds.of(self._fit, Rows.of(self._fit.model.design))
        given, terms = None, self._terms
        if terms is not None and terms.offset == "array":
            given = {"offset": np.zeros(Frame(newdata).n)}
        elif terms is None and isinstance(newdata, Mapping) and "X" in newdata:
            newdata = {"offset": np.zeros(len(newdata["X"])), **newdata}
        nothing: dict[str, Any] = {"effects": False, "levels": False, "weights": False}
        new = encoded(self._fit, terms, newdata, given, **nothing, parameters=True)
        return Thresholds.of(self._fit, new_rows(self._labels, new, random="none", new_levels="population"))

    def probabilities(self, newdata: Any = None, **options: Any) -> Table:
        """Probability of every ordered category: a row each as in `predict`, a column for each category.

        Parameters
        ----------
        newdata, **options
            As of `predict`: `random`, `new_levels`, `offset`.

        Raises
        ------
        InputError
            Where the family is none of ordered categories.

        Examples
        --------
        >>> import ranef
        >>> fit = ranef.glmm("rating ~ temp + contact + (1 | judge)", ranef.datasets.load("wine"), family="ordinal")
        >>> new = {"temp": ["cold", "warm"], "contact": ["no", "no"]}
        >>> fit.probabilities(new, random="none")
                1      2      3      4        5
         0.164699 0.6549 0.1661 0.0121 0.002263
         0.009133 0.1660 0.5872 0.1914 0.046275
        """
        from ..prediction.parameter import phi_of

        family = ordered_family(self._fit)
        eta = self.predict(newdata, scale="link", **options)
        P = family.probabilities(np.asarray(eta), phi_of(self._fit, newdata, self._terms))
        return Table(dict(zip(family.labels, P.T, strict=True)), plain=True, frame=self._frame)

    def _title_of(self, name: str) -> str:
        """What a summary calls the model of a parameter, with its scale."""
        scale = self._fit.dispersion
        parameter = next(p for p in scale.parameters if p.name == name)
        if name == INFLATION:
            kind = "Zero-inflation model"
        elif not isinstance(self.family, OrderedFamily) and name == self._parameter_called("disp"):
            kind = "Dispersion model"
        else:
            kind = f"Model of {name}"
        return f"{kind} ({scale_text(parameter)})"

    def _parameter_tables(self) -> dict[str, Any]:
        """Of the family: thresholds, or dispersion parameters."""
        if isinstance(self.family, OrderedFamily):
            models = self._fit.dispersion.models
            if not models:
                return {"thresholds": self._thresholds()}
            has_reference = all(INTERCEPT in labels.names for labels in models.values())
            title = "Threshold coefficients, where the columns of the models of spacings are 0"
            return {"thresholds": self._thresholds() if has_reference else None, "thresholds_title": title}
        return {"dispersion": self._dispersion_table()}

    def _dispersion_table(self) -> CoefficientTable | None:
        """Estimated dispersion parameters; None where there are none."""
        names = self._fit.dispersion.names
        if not names:
            return None
        estimates = np.array([self.dispersion[name] for name in names])
        errors = np.array([self.dispersion_se[name] for name in names])
        return CoefficientTable(names, estimates, errors, estimates / errors)

    def _is_at_limit(self, name: str) -> bool:
        """Whether a parameter without a model went as far as the search goes, or so far that its error says nothing."""
        fit = self._fit
        at = fit.dispersion.place(name).start
        far = abs(fit.xi[at] - fit.xi_start[at]) > FAR
        known = self.dispersion_se[name] <= INDEFINITE * self.dispersion[name]
        return bool(fit.dispersion_at_bound[at] or (far and not known and self.nagq and self.converged))
