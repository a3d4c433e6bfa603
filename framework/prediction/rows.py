"""Rows to predict for, in the labels of a model: new ones, or those that it was fitted to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..contracts.arrays import BoolArray, FloatArray, IntArray
from ..contracts.errors import InputError, InputTypeError, shown
from ..design.arrays import as_numbers, as_offset, as_weights, check_length
from ..design.grouping import encode
from ..design.labels import FixedLabels, GroupLabels, Labels
from ..design.mixed import MixedDesign
from ..design.parameter import spelled_out
from ..design.reading import as_groups, as_mapping, check_alignment, frame_columns, rows_text
from ..design.residual_new import scales_of_new_rows
from ..design.terms import INTERCEPT
from ..estimation.generalized import GeneralizedFit
from ..estimation.model import Fit
from ..formula.terms import Terms

#: What `newdata` of an array fit may have.
PARTS = ("X", "groups", "random_data", "offset", "weights", "parameters")
#: And beside these where residuals have a structure.
OF_RESIDUALS = ("residual", "dispersion")
#: What is done about levels that the model does not know.
NEW_LEVELS = ("error", "population")


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows, in the basis of the model.

    Parameters
    ----------
    Q : (n, r) array
        Rows of the basis of X's columns.
    estimable : (n,) bool array
        False where the mean of a row depends on columns of X that were dropped.
    codes : tuple of (n,) int arrays
        Level of each row by factor; negative for those that the model does not know, another number for each.
    columns : tuple of (k, n) arrays
        Columns of Z by factor; zero where an effect is left out.
    offset : (n,) array, or None for zeros
    weights : (n,) array, or None for ones
    parameters : mapping of str to (n, c) array
        Rows of the bases of dispersion parameters that have a model, as far as they are known.
    scales : (d, n) array, or None for zeros
        Columns B of log S = B delta, of linear models whose residuals have several variances, as far as they are known.
    """

    Q: FloatArray
    estimable: BoolArray
    codes: tuple[IntArray, ...]
    columns: tuple[FloatArray, ...]
    offset: FloatArray | None
    weights: FloatArray | None
    parameters: Mapping[str, FloatArray] = field(default_factory=dict)
    scales: FloatArray | None = None

    def __len__(self) -> int:
        return len(self.Q)

    @classmethod
    def of(cls, design: MixedDesign) -> Rows:
        """The rows that a model was fitted to."""
        columns = tuple(f.values for f in design.random.groups)
        codes = tuple(f.codes for f in design.random.groups)
        scales = None if design.residual is None else design.residual.basis
        return cls(design.fixed.Q, np.ones(design.n, bool), codes, columns, design.offset, design.weights,
                   design.parameter_rows, scales)  # fmt: skip

    def at(self, index: IntArray) -> Rows:
        """Some of the rows."""
        codes, columns = (c[index] for c in self.codes), (z[:, index] for z in self.columns)
        offset, weights = (None if v is None else v[index] for v in (self.offset, self.weights))
        parameters = {name: B[index] for name, B in self.parameters.items()}
        scales = None if self.scales is None else self.scales[:, index]
        return Rows(
            self.Q[index], self.estimable[index], tuple(codes), tuple(columns), offset, weights, parameters, scales
        )

    def Z(self, parts: Sequence[FloatArray]) -> FloatArray:
        """Z B (n, c) for effects (c, k, L) by factor; levels that are not known have none. Without factors (n, 1)."""
        out = np.zeros((len(self), parts[0].shape[0] if parts else 1))
        for B, z, codes in zip(parts, self.columns, self.codes, strict=True):
            by_level = np.moveaxis(B, 2, 0)  # (levels, c, k)
            known = codes >= 0
            if known.all():
                out += np.einsum("nca,an->nc", by_level[codes], z)
            else:
                out[known] += np.einsum("nca,an->nc", by_level[codes[known]], z[:, known])
        return out

    def population(self, gamma: FloatArray) -> FloatArray:
        """Offset + Q gamma, (n,)."""
        eta = self.Q @ gamma
        return eta if self.offset is None else eta + self.offset

    def rotated(self, turned: Sequence[FloatArray]) -> Rows:
        """The same in bases of the factors' columns that are turned by orthogonal matrices."""
        return replace(self, columns=tuple(turn.T @ z for turn, z in zip(turned, self.columns, strict=True)))

    def with_effects(self, labels: Labels, random: Any) -> Rows:
        """The same with some random effects only: "all", "none", or names of factors and texts of terms.

        Penalized parts of the mean, as of smooth terms, are in all of them.

        Raises
        ------
        InputError, InputTypeError
            For names that the model does not have.
        """
        if isinstance(random, str) and random == "all":
            return self
        names = [] if isinstance(random, str) and random == "none" else _names(random, labels)
        columns = []
        for g, z in zip(labels.groups, self.columns, strict=True):
            wanted = [g.is_penalty or g.name in names or str(t) in names for t in g.terms for _ in t.columns]
            # R is block diagonal over the terms, so that a term's columns are those of its basis
            columns.append(np.where(np.array(wanted)[:, None], z, 0.0))
        return replace(self, columns=tuple(columns))


def _names(random: Any, labels: Labels) -> list[str]:
    listed = [random] if isinstance(random, str) else random
    if not isinstance(listed, list | tuple | set) or not all(isinstance(name, str) for name in listed):
        raise InputTypeError(
            f"random must be 'all', 'none', or a list of factors or terms of the model; got {shown(random)}"
        )
    known = [*(g.name for g in labels.groups), *map(str, labels.terms)]
    unknown = [name for name in listed if name not in known]
    if unknown:
        raise InputError(f"random names {', '.join(unknown)}, which the model does not have; it has {', '.join(known)}")
    return list(listed)


def encoded(
    fit: Fit,
    terms: Terms | None,
    newdata: Any,
    given: Mapping[str, Any] | None,
    *,
    effects: bool,
    levels: bool,
    weights: bool,
    parameters: bool = False,
    scales: bool = False,
) -> Any:
    """New data as `new_rows` takes them: of a fit by formula encoded as its data were.

    Raises
    ------
    InputTypeError
        For weights or an offset that belong elsewhere.
    """
    given = {name: value for name, value in (given or {}).items() if value is not None}
    if given and (newdata is None or terms is None):
        place = "with newdata only" if newdata is None else "a part of newdata: newdata={'X': ..., 'weights': ...}"
        raise InputTypeError(f"{' and '.join(given)}: {place}")
    if newdata is None:
        return None
    if terms is None:
        return _spelled_out(fit, newdata)
    rows = terms.new_rows(newdata, effects=effects, levels=levels, weights=weights, given=given, parameters=parameters)
    if scales and fit.labels.residual is not None:
        rows |= terms.new_residual(newdata, fit.labels.residual, scales=True)
    if parameters:  # those whose formula is one of a constant have none
        rows["parameters"] = {name: rows["parameters"][name] for name in fit.labels.parameters}
    return rows


def _spelled_out(fit: Fit, newdata: Any) -> Any:
    """New data of a fit to arrays, with the columns of spacings by the names of these."""
    columns = newdata.get("parameters") if isinstance(newdata, Mapping) else None
    if not isinstance(fit, GeneralizedFit) or not isinstance(columns, Mapping):
        return newdata
    return {**newdata, "parameters": spelled_out(fit.family, columns)}


def new_rows(
    labels: Labels, newdata: Any, *, random: Any, new_levels: str, with_levels: bool = True, scales: bool = False
) -> Rows:
    """Rows of new data: a dict with X, groups, random_data, offset and weights as the model was fitted to.

    Groups and columns of effects that are left out need not be there; nor groups without `with_levels`, nor what the
    variances of residuals depend on without `scales`.

    Raises
    ------
    InputError, InputTypeError
        With the part of `newdata`, the rows or levels, and what to do.
    """
    if new_levels not in NEW_LEVELS:
        raise InputError(f"new_levels must be 'error' or 'population'; got {shown(new_levels)}")
    parts = PARTS if labels.residual is None else (*PARTS, *OF_RESIDUALS)
    if not isinstance(newdata, Mapping) or not set(newdata) <= set(parts):
        extra = f", and has {', '.join(map(str, set(newdata) - set(parts)))}" if isinstance(newdata, Mapping) else ""
        raise InputTypeError(
            f"newdata must be a dict with {', '.join(parts)} (those that the model has){extra}; the model was fitted "
            "to arrays"
        )
    names = [] if isinstance(random, str) and random in ("all", "none") else _names(random, labels)
    groups = {str(name): labels for name, labels in as_groups(newdata.get("groups", {})).items()}
    data = as_mapping(newdata.get("random_data"), "random_data")
    if "X" not in newdata:
        raise InputError("newdata has no X, the columns of the fixed effects")
    arrays = {part: newdata.get(part) for part in ("X", "weights", "offset")}
    check_alignment(groups, data, **arrays)
    X = _fixed_columns(labels, newdata["X"])
    n = len(X)
    codes, columns = [], []
    for g in labels.groups:
        used = g.is_penalty or random == "all" or g.name in names or any(str(t) in names for t in g.terms)
        known = g.is_penalty or (used and with_levels)
        codes.append(_codes(g, groups, n, new_levels) if known else np.full(n, -1))
        columns.append(_columns(g, data, X, labels.fixed.names) if used else np.zeros((len(g.R), n)))
    offset = as_offset(newdata.get("offset"), n, "newdata['offset']", "newdata['X']")
    if labels.has_offset and offset is None:
        raise InputError("newdata has no offset, and the model was fitted with one: give zeros where none is meant")
    weights = as_weights(newdata.get("weights"), n, "newdata['weights']", "newdata['X']")
    fixed = labels.fixed
    of_parameters = parameter_rows(labels.parameters, newdata.get("parameters"), n)
    of_residuals = scales_of_new_rows(labels.residual, newdata, n) if scales and labels.residual is not None else None
    rows = Rows(fixed.in_basis(X), fixed.estimable(X), tuple(codes), tuple(columns), offset, weights, of_parameters,
                of_residuals)  # fmt: skip
    return rows.with_effects(labels, random)


def parameter_rows(models: Mapping[str, FixedLabels], given: Any, n: int | None) -> dict[str, FloatArray]:
    """Rows of the bases of these models for new columns; of those that are there where n rows are asked for.

    Raises
    ------
    InputError, InputTypeError
        For columns that are not those of the model.
    """
    columns, out = as_mapping(given, "newdata['parameters']"), {}
    if n is not None and (unknown := [str(name) for name in columns if name not in models]):
        raise InputError(f"newdata['parameters'] names {', '.join(unknown)}, which has no model")
    for name, labels in models.items():
        if name not in columns:
            if n is None:
                raise InputError(f"newdata has no parameters[{name!r}], the columns of a dispersion parameter")
            continue
        argument = f"newdata['parameters'][{name!r}]"
        Z = as_numbers(columns[name], argument, ndim=2)
        if Z.shape[1] != len(labels.names):
            raise InputError(
                f"{argument} has {Z.shape[1]} columns, the model has {len(labels.names)}: {', '.join(labels.names)}"
            )
        if n is not None:
            check_length(Z, n, argument, "newdata['X']")
        out[name] = labels.in_basis(Z)
    return out


def weights_of(labels: Labels, rows: Rows) -> FloatArray:
    """Weights (n,) of new responses: ones in models without.

    Raises
    ------
    InputError
        Where the model has some and the rows have not.
    """
    if rows.weights is None and labels.has_weights:
        raise InputError(
            "newdata has no weights, and the model was fitted with some: a new response needs them (numbers of trials, "
            "precisions). Give newdata['weights'], or weights= to a fit by formula"
        )
    return np.ones(len(rows)) if rows.weights is None else rows.weights


def _fixed_columns(labels: Labels, X: Any) -> FloatArray:
    """X (n, p); columns of a data frame by name."""
    names, columns = labels.fixed.names, frame_columns(X)
    if columns is not None:
        by_name = {str(name): column for name, column in columns}
        missing = [name for name in names if name not in by_name]
        if missing:
            raise InputError(f"newdata['X'] has no column {', '.join(missing)}; the model has {', '.join(names)}")
        listed = [as_numbers(by_name[name], f"newdata['X'] ({name})") for name in names]
        return np.column_stack(listed)
    matrix = as_numbers(X, "newdata['X']", ndim=2)
    if matrix.shape[1] != len(names):
        raise InputError(f"newdata['X'] has {matrix.shape[1]} columns, the model has {len(names)}: {', '.join(names)}")
    return matrix


def _columns(g: GroupLabels, data: Mapping[Any, Any], X: FloatArray, names: Sequence[str]) -> FloatArray:
    """Columns of Z (k, n) in the basis of the model."""
    listed = []
    for name in g.column_names:
        if name == INTERCEPT:
            listed.append(np.ones(len(X)))
        elif name in data:
            column = as_numbers(data[name], _part("random_data", name))
            check_length(column, len(X), _part("random_data", name), "newdata['X']")
            listed.append(column)
        elif name in names:
            listed.append(X[:, names.index(name)])
        else:
            raise InputError(f"newdata has no random_data[{name!r}], a random effect of {g.name}")
    return np.asarray(np.linalg.solve(g.R.T, np.array(listed)))


def _codes(g: GroupLabels, groups: Mapping[str, Any], n: int, new_levels: str) -> IntArray:
    """Level of each row among those of the model; -1, -2, ... for levels that it does not have."""
    if g.name not in groups:
        raise InputError(f"newdata has no groups[{g.name!r}]; leave its effects out by random=, or give its labels")
    codes, levels = encode(groups[g.name], g.name)
    check_length(codes, n, _part("groups", g.name), "newdata['X']")
    known = {label: i for i, label in enumerate(g.levels.tolist())}
    place = np.array([known.get(label, -1 - i) for i, label in enumerate(levels.tolist())], dtype=np.intp)
    found = place[codes]
    if (found < 0).any():
        new = [str(label) for label, at in zip(levels.tolist(), place.tolist(), strict=True) if at < 0]
        more = f" and {len(new) - 5} more" if len(new) > 5 else ""
        which = f"groups[{g.name!r}] has levels that the model was not fitted to: {', '.join(new[:5])}{more}"
        if new_levels == "error":
            advice = "new_levels='population' predicts the mean over levels for them"
            if set(new) <= {str(label) for label in known}:
                advice = f"The model's are of another type ({type(g.levels.tolist()[0]).__name__}): convert the column"
            raise InputError(f"{which}, in {rows_text(found < 0)}. {advice}")
        if g.grouping.precision is not None:
            raise InputError(f"{which}; how they are related to the others, nothing says. Give them to the fit")
    return found


def _part(part: str, name: str) -> str:
    return f"newdata['{part}'][{name!r}]"
