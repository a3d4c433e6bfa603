"""A model with all of its parameters, that of a fit or of a plan, in its own design or in a larger or smaller one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import repeat
from typing import Any

import numpy as np

from ..contracts.arrays import FloatArray, real_number
from ..contracts.errors import InputError, InputTypeError, RanefError, shown
from ..contracts.family import Family
from ..contracts.linalg import Blocks
from ..design.mixed import MixedDesign
from ..design.selection import repeat_levels, select_rows
from ..estimation.correlations import correlations_in, scales_in
from ..estimation.dispersion import to_natural
from ..estimation.generalized import GeneralizedFit
from ..estimation.model import Fit, Model, is_integer
from ..estimation.whitening import ResidualModel
from ..formula.terms import Terms
from ..many.one_by_one import Of
from ..prediction.rows import Rows
from ..prediction.simulate import Truth, draw, new_effects

#: Name of the number of rows in tables.
ROWS = "rows"
#: Most rows of a design that is made larger.
MOST_ROWS = 50_000_000


@dataclass(frozen=True, eq=False)
class Planned:
    """A model with parameters on the scale of its user.

    Parameters
    ----------
    model : Model
    beta : (r,) array
        Coefficients of the columns of X that are kept.
    roots : tuple of (k, k) arrays
        Relative covariance factors of the user's columns.
    scale : float
        sigma, or 1.
    family : Family or None
    phi : array or None
        Dispersion parameters.
    of : callable
        From a fit to its solution.
    frame : str
        Kind of data frame of the user.
    terms : Terms or None
        Of a formula: which columns of random effects belong together.
    coefficients : mapping of str to (c,) array
        Of the models of dispersion parameters.
    residual : (m,) array or None
        Parameters of the residual structure, in the basis of the design.
    """

    model: Model[Any]
    beta: FloatArray
    roots: Blocks
    scale: float
    family: Family | None
    phi: FloatArray | None
    of: Of
    frame: str = ""
    terms: Terms | None = None
    coefficients: Mapping[str, FloatArray] = field(default_factory=dict)
    residual: FloatArray | None = None

    @classmethod
    def of_fit(cls, fit: Fit, of: Of, frame: str, terms: Terms | None = None) -> Planned:
        """At the estimates.

        Raises
        ------
        InputError
            For fits without rows, or without estimates of all parameters.
        """
        fit.labels.refuse_penalty("power")
        if not fit.certificate.converged or fit.elsewhere:
            raise InputError("the fit has not converged, or the data do not determine all of its parameters")
        model = replace(fit.model, rows=fit.model.design)  # which has to be there
        if model.design.y.ndim == 2:
            raise InputError(
                "power is that of responses that are not censored, and those of the fit are: nothing says when rows of "
                "another study would be. Refit uncensored responses, fit.refit(fit.simulate(1, rng=1)[:, 0]), for an "
                "upper limit of the power"
            )
        beta = fit.labels.fixed.coefficients(fit.gamma)
        own = cls(model, beta, fit.relative_factors, fit.scale, None, None, of, frame, terms)
        if not isinstance(fit, GeneralizedFit):
            return own if fit.labels.residual is None else replace(own, residual=fit.theta[fit.parameters.of_residual])
        models = {name: fit.dispersion.coefficients(fit.xi, name) for name in fit.dispersion.models}
        return replace(own, family=fit.family, phi=fit.phi, coefficients=models)

    @classmethod
    def of_truth(cls, model: Model[Any], truth: Truth, of: Of, frame: str, terms: Terms | None = None) -> Planned:
        """From parameters in the basis of a design."""
        roots = tuple(g.users_root(T) for g, T in zip(model.labels.groups, truth.T, strict=True))
        beta = model.labels.fixed.coefficients(truth.gamma)
        return cls(model, beta, roots, truth.scale, truth.family, truth.phi, of, frame, terms)

    def with_effect(self, effect: Any) -> Planned:
        """With other values of some coefficients.

        Raises
        ------
        InputError, InputTypeError
            For coefficients that there are not, or values that are no numbers.
        """
        if effect is None:
            return self
        if not isinstance(effect, Mapping) or not effect:
            raise InputTypeError(f"effect must be a dict of coefficient and value; got {shown(effect)}")
        names, beta = list(self.model.labels.fixed.kept_names), self.beta.copy()
        for name, value in effect.items():
            if name not in names:
                raise InputError(f"effect: there is no coefficient {shown(name)}; there are {', '.join(names)}")
            beta[names.index(name)] = real_number(value, f"effect[{name!r}]")
        if not np.isfinite(beta).all():
            raise InputError("effect must be finite")
        return replace(self, beta=beta)

    def of_size(self, n: Any) -> Planned:
        """In a design with so many rows, or levels by factor.

        Raises
        ------
        InputError, InputTypeError
            For sizes that are none, factors that there are not, and designs in which X loses columns.
        """
        design = sized(self.model.design, n)
        if design is self.model.design:
            return self
        lost = [name for name in design.labels.fixed.dropped_names if name not in self.model.labels.fixed.dropped_names]
        if lost:
            raise InputError(f"n={shown(n)}: X does not determine {', '.join(lost)} in so small a design")
        made = replace(self, model=replace(self.model, labels=design.labels, rows=design), phi=self._phi_in(design))
        return made if self.residual is None else self._with_residuals_of(made, self.residual)

    def _with_residuals_of(self, made: Planned, x: FloatArray) -> Planned:
        """The same variances and correlations in the design of another plan."""
        own, there = self.model.labels.residual, made.model.labels.residual
        assert own is not None
        assert there is not None
        m = own.n_correlations
        scale, delta = scales_in(own, there, self.scale, x[m:])
        roots = tuple(root * (self.scale / scale) for root in self.roots)
        return replace(made, scale=scale, roots=roots, residual=np.append(correlations_in(own, there, x[:m]), delta))

    def _phi_in(self, design: MixedDesign) -> FloatArray | None:
        """Dispersion parameters of the rows of a design."""
        if not self.coefficients:
            return self.phi
        assert self.family is not None
        assert self.phi is not None
        phi = np.repeat(self.phi[:, :1], design.n, axis=1)
        for row, parameter in zip(phi, self.family.parameters, strict=True):
            if parameter.name in self.coefficients:
                free = design.parameters[parameter.name].X @ self.coefficients[parameter.name]
                row[:] = to_natural(parameter, free)[0]
        return phi

    @property
    def truth(self) -> Truth:
        """In the basis of the design."""
        labels = self.model.labels
        T = tuple(g.basis_root(root) for g, root in zip(labels.groups, self.roots, strict=True))
        there = None if self.residual is None else ResidualModel.of(self.model.design).at(self.residual)
        return Truth(np.asarray(labels.fixed.R @ self.beta), T, self.scale, self.family, self.phi, there)

    def responses(self, rng: np.random.Generator, skip: int, count: int) -> FloatArray:
        """Responses (n, count) after the first `skip`."""
        design = self.model.design
        effects = new_effects(design.random.pattern.groupings, rng)
        return draw(repeat(self.truth), effects, Rows.of(design), skip + count, rng)[:, skip:]

    def models(self, rng: np.random.Generator, skip: int, count: int) -> Iterator[Model[Any] | str]:
        """The model of each of these."""
        for y in self.responses(rng, skip, count).T:
            try:
                yield self.model.with_response(y)
            except RanefError as error:
                yield str(error)


def sized(design: MixedDesign, n: Any) -> MixedDesign:
    """The design with so many rows, or levels by factor: those that there are, taken evenly, as often as needed."""
    if n is None:
        return design
    if is_integer(n):
        rows = _spread(n, design.n, "n")
        return select_rows(design, rows)
    if not isinstance(n, Mapping) or not n:
        raise InputTypeError(f"n must be a number of rows, or a dict of factor and number of levels; got {shown(n)}")
    for name, size in n.items():
        names = [f.name for f in design.random.groups]
        if name not in names:
            raise InputError(f"n: there is no grouping factor {shown(name)}; there are {', '.join(names)}")
        levels = design.random.groups[names.index(name)].grouping.n_levels
        chosen = _spread(size, levels, f"n[{name!r}]")
        if design.n / levels * len(chosen) > MOST_ROWS:
            raise InputError(f"n[{name!r}]={size}: more than {MOST_ROWS} rows")
        design = repeat_levels(design, names.index(name), chosen)
    return design


def _spread(size: Any, there: int, what: str) -> Any:
    """So many of those that are there, evenly, in their order."""
    if not is_integer(size) or not 2 <= size <= MOST_ROWS:
        raise InputError(f"{what} must be an integer from 2 to {MOST_ROWS}; got {shown(size)}")
    return np.arange(int(size)) * there // int(size)


__all__ = ["ROWS", "Planned", "sized"]
