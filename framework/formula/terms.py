"""`Terms`: what travels with a fit by formula."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Self

from ..design.arrays import as_numbers
from ..design.residual_labels import ResidualLabels
from .encoder import Encoder
from .expressions import variables
from .formulaic import TermColumns
from .observed import Observed, columns_behind
from .plan import text_expression
from .residual import ResidualPlan, residual_plan

#: Fields that states of earlier versions do not have.
LATER = {"levels", "na_action", "observed", "residual", "dispersion", "parameters", "source"}


@dataclass(frozen=True)
class Terms:
    """What travels with a fit by formula.

    Parameters
    ----------
    formula : str
        As written.
    response : str
        Left side of it.
    encoder : Encoder
        Encodes new rows as those of the fit.
    weights, offset, subset : str
        Those arguments where they were text, ``"array"`` where they were arrays, ``""`` without.
    n_rows : int
        Rows of the data.
    dropped : dict of str to int
        Rows left out because of missing values, by variable; a row counts for each that is missing.
    n_dropped : int
        Rows left out because of missing values.
    n_outside : int
        Rows outside of the subset.
    frame : str
        Kind of the data frame: "pandas", "polars", "pyarrow", or "" for other data.
    levels : dict of str to list of str
        Orders of levels that were asked for.
    na_action : str
        "omit" or "raise", what was done with rows where something is missing.
    observed : Observed, optional
        Means, values and cells of the variables of the fixed part; None where an earlier version saved the fit.
    residual, dispersion : str
        How residuals are correlated, and what their variances depend on, as written; "" without.
    parameters : dict of str to Encoder
        Of the formulas of dispersion parameters.
    source : str
        Files that the data are from; "" where that is not known.
    """

    formula: str
    response: str
    encoder: Encoder
    weights: str
    offset: str
    subset: str
    n_rows: int
    dropped: Mapping[str, int]
    n_dropped: int
    n_outside: int
    frame: str = ""
    levels: Mapping[str, Sequence[str]] = field(default_factory=dict)
    na_action: str = "omit"
    observed: Observed | None = None
    residual: str = ""
    dispersion: str = ""
    parameters: Mapping[str, Encoder] = field(default_factory=dict)
    source: str = ""

    def new_rows(
        self,
        data: Any,
        *,
        effects: bool,
        levels: bool,
        weights: bool,
        given: Mapping[str, Any] | None = None,
        parameters: bool = False,
    ) -> dict[str, Any]:
        """New rows of a data frame as `predict` takes them of array fits: X, groups, random_data, offset, weights.

        Parameters
        ----------
        data : data frame or dict of arrays
        effects, levels, weights, parameters : bool
            Whether random effects, the levels of grouping factors, weights, and dispersion parameters are needed.
        given : dict, optional
            ``weights`` and ``offset`` of these rows, as numbers or text: where the fit's were arrays.

        Raises
        ------
        InputError
            Where columns are missing or of another kind, and for levels of factors in X that were not in the fit.
        """
        numbers = {
            name: self.encoder.numbers(data, value, name) if isinstance(value, str) else as_numbers(value, name)
            for name, value in (given or {}).items()
        }
        new = self.encoder.new_data(data, numbers.get("offset"), effects=effects, levels=levels)
        rows = {"X": new.X, "groups": new.groups, "random_data": new.random_data, "offset": new.offset}
        if parameters:
            rows["parameters"] = {name: encoder.fixed_columns(data) for name, encoder in self.parameters.items()}
        if "weights" in numbers:
            rows["weights"] = numbers["weights"]
        elif weights and self.weights not in ("", "array"):
            rows["weights"] = self.encoder.numbers(data, self.weights, "weights")
        return rows

    def columns_read(
        self,
        *,
        effects: bool,
        levels: bool,
        weights: bool,
        parameters: bool,
        of_scales: ResidualLabels | None = None,
        given: Iterable[str] = (),
    ) -> list[str]:
        """Columns of a data frame that are read for `new_rows`, and for `new_residual` with `scales`.

        `given` are expressions of weights and offset.
        """
        plan = self.encoder.plan
        texts = [*given, *(text for text in (self.encoder.offset, self.weights if weights else "") if text)]
        trees = [*plan.offsets, *(text_expression(t, plan.names) for t in texts if t != "array")]
        used = [*(plan.encoded if effects else plan.in_fixed), *(plan.grouping() if effects and levels else ())]
        found = columns_behind([*used, *(name for tree in trees for name in variables(tree, plan.names))], plan.names)
        for encoder in self.parameters.values() if parameters else ():
            found += columns_behind(encoder.plan.in_fixed, encoder.plan.names)
        if of_scales is not None and (residual := self.of_residuals(of_scales, scales=True)) is not None:
            found += columns_behind(residual.used, residual.names)
        return list(dict.fromkeys(found))

    def new_residual(self, data: Any, labels: ResidualLabels, *, scales: bool = False) -> dict[str, Any]:
        """Groups and times of correlated residuals, and columns of the dispersion, of new rows.

        With `scales` what their variances depend on only: columns of the dispersion, or the visits that stand for them.
        """
        plan = self.of_residuals(labels, scales=scales)
        return {} if plan is None else plan.of_new_rows(data, self.encoder.variables, labels.dispersion)

    def of_residuals(self, labels: ResidualLabels, *, scales: bool = False) -> ResidualPlan | None:
        """What `residual` and `dispersion` ask for."""
        plan = residual_plan(self.residual or None, self.dispersion or None, self.encoder.plan.names)
        return plan.of_scales(by_visit=labels.scales_are_visits) if scales and plan is not None else plan

    # Without pickle -------------------------------------------------------------------------------------------------

    def to_state(self) -> dict[str, Any]:
        """All of it as dicts, lists, numbers and text, which JSON keeps."""
        own = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "encoder"}
        observed = None if self.observed is None else self.observed.to_state()
        parameters = {name: encoder.to_state() for name, encoder in self.parameters.items()}
        changed = {"encoder": self.encoder.to_state(), "observed": observed, "parameters": parameters}
        return own | {"dropped": dict(self.dropped)} | changed

    @classmethod
    def from_state(cls, state: Any, context: Mapping[str, Any] | None = None) -> Self:
        """From what `to_state` gave; nothing of it is run.

        Raises
        ------
        TypeError, KeyError
            For a state that is not one of these.
        InputError
            For functions of the context that are missing.
        """
        known = {f.name for f in fields(cls)}
        if not isinstance(state, Mapping) or not known - LATER <= set(state) <= known:
            raise TypeError("not the parts of one")
        if not all(isinstance(listed, list) for listed in state.get("levels", {}).values()):
            raise TypeError("its levels are no lists")
        observed = state.get("observed")
        made = {
            "encoder": Encoder.from_state(state["encoder"], context),
            "observed": None if observed is None else Observed.from_state(observed),
            "parameters": {name: Encoder.from_state(one, context) for name, one in state.get("parameters", {}).items()},
        }
        return cls(**(dict(state) | made))

    @property
    def fixed(self) -> dict[str, TermColumns]:
        """Fixed terms by name: columns, factors, contrasts."""
        return self.encoder.terms

    @property
    def r_names(self) -> dict[str, str]:
        """R's name of every column, of X and of random effects."""
        encoders = [*self.parameters.values(), self.encoder]
        parts = [part for encoder in encoders for part in encoder.parts]
        return {c: r for part in parts for c, r in zip(part.columns, part.r_names, strict=True)}

    @property
    def rows_text(self) -> str:
        """Which rows were left out, in words; empty where none was."""
        texts = []
        if self.n_outside:
            texts.append(f"{self.n_outside} of {self.n_rows} rows are not in the subset")
        if self.n_dropped:
            by = ", ".join(f"{name} {count}" for name, count in self.dropped.items())
            rows = "1 row was" if self.n_dropped == 1 else f"{self.n_dropped} rows were"
            texts.append(f"{rows} left out for missing values ({by})")
        return "; ".join(texts)

    @property
    def details(self) -> tuple[str, ...]:
        """Source of the data, weights, offset and rows that were left out, for a summary."""
        given = {"Data": self.source, "Weights": self.weights, "Offset": self.offset, "Subset": self.subset}
        models = [(encoder.formula.strip(), name) for name, encoder in self.parameters.items()]
        for formula in dict.fromkeys(formula for formula, _ in models):
            given[f"Model of {', '.join(name for own, name in models if own == formula)}"] = formula
        lines = [f"{name}: {text}" for name, text in given.items() if text]
        return (*lines, f"Rows: {self.rows_text}") if self.rows_text else tuple(lines)
