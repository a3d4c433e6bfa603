"""Responses drawn from a fitted model, or from parameters alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice, repeat
from typing import Any

import numpy as np

from ..contracts.arrays import FloatArray
from ..contracts.errors import InputError, InputTypeError, shown
from ..contracts.family import Family
from ..contracts.linalg import Blocks, Grouping
from ..design.residual_labels import ResidualLabels
from ..design.residual_new import residual_of_new_rows
from ..estimation.correlations import correlations
from ..estimation.covariance import estimates_covariance
from ..estimation.generalized import GeneralizedFit
from ..estimation.model import Fit
from ..estimation.whitening import ResidualModel, Whitening
from ..formula.terms import Terms
from .residuals import generator
from .response import phi_at
from .rows import Rows, encoded, new_rows, weights_of

#: Which random effects: those of new levels, or the conditional modes of the fit.
RANDOM = ("new", "conditional")
#: Most responses that are drawn at once.
MOST = 100_000


@dataclass(frozen=True, eq=False)
class Truth:
    """A mixed model with all of its parameters.

    Parameters
    ----------
    gamma : (r,) array
        Coefficients of the rows' Q.
    T : tuple of (k, k) arrays
        Relative covariance factors, in the basis of the rows' columns.
    scale : float
        sigma, or 1.
    family : Family, optional
        None in linear models.
    phi : (r,) or (r, n) array
        Dispersion parameters.
    residual : Whitening, optional
        Of linear models whose residuals have a covariance structure.
    """

    gamma: FloatArray
    T: Blocks
    scale: float
    family: Family | None = None
    phi: FloatArray | None = None
    residual: Whitening | None = None

    def linear_predictor(self, rows: Rows, effects: Sequence[FloatArray], rng: np.random.Generator) -> FloatArray:
        """Offset + Q gamma + Z b, (n,); effects of levels that are not known are drawn."""
        eta = np.asarray(rows.population(self.gamma) + rows.Z([b[None] for b in effects])[:, 0])
        for T, z, codes in zip(self.T, rows.columns, rows.codes, strict=True):
            unknown = codes < 0
            if unknown.any():
                labels, level = np.unique(codes[unknown], return_inverse=True)
                new = self.scale * T @ rng.standard_normal((len(T), len(labels)))
                eta[unknown] += np.einsum("ak,ak->k", new[:, level], z[:, unknown])
        return eta

    def response(self, rows: Rows, eta: FloatArray, rng: np.random.Generator) -> FloatArray:
        """A response of every row, (n,)."""
        weights = np.ones(len(rows)) if rows.weights is None else rows.weights
        if self.residual is not None:
            return np.asarray(eta + self.scale * self.residual.coloured(rng.standard_normal((1, len(eta))))[0])
        if self.family is None:
            return eta + self.scale / np.sqrt(weights) * rng.standard_normal(len(eta))
        lower, upper = self.family.eta_bounds
        outside = ~((eta > lower) & (eta < upper))
        if outside.any():
            raise InputError(
                f"{int(outside.sum())} rows have no mean with the {self.family.link.name} link at the random effects "
                "that were drawn: a normal effect leads beyond its edge. Use a link without one"
            )
        assert self.phi is not None
        return np.asarray(self.family.sample(self.family.link.mean(eta).mu, weights, self.phi, rng), dtype=np.float64)


#: The effects b (k, L) by factor, of one truth.
Effects = Callable[[Truth], Sequence[FloatArray]]


def new_effects(groupings: Sequence[Grouping], rng: np.random.Generator) -> Effects:
    """Effects b of all levels of every factor, (k, L): scale T u, with u of the factor's known precision."""

    def effects(truth: Truth) -> list[FloatArray]:
        return [truth.scale * T @ _spherical(g, rng) for g, T in zip(groupings, truth.T, strict=True)]

    return effects


def _spherical(g: Grouping, rng: np.random.Generator) -> FloatArray:
    """u (k, L): standard normal, or of the known precision of the levels."""
    z = rng.standard_normal((g.n_columns, g.n_levels))
    return z if g.precision is None else g.precision.colour(z.T).T


def draw(truths: Iterable[Truth], effects: Effects, rows: Rows, nsim: int, rng: np.random.Generator) -> FloatArray:
    """A response of each of the first `nsim` truths, (n, nsim)."""
    columns = [
        truth.response(rows, truth.linear_predictor(rows, effects(truth), rng), rng) for truth in islice(truths, nsim)
    ]
    return np.array(columns).reshape(nsim, len(rows)).T


def truth_of(fit: Fit, rows: Rows, residual: ResidualModel | None) -> Truth:
    """The estimates, as if they were true, for these rows."""
    family, phi = (fit.family, phi_at(fit, rows)) if isinstance(fit, GeneralizedFit) else (None, None)
    there = None if residual is None else _whitening(residual, fit.theta[fit.parameters.of_residual])
    return Truth(fit.gamma, fit.roots_of_model, fit.scale, family, phi, there)


def _whitening(residual: ResidualModel, x: FloatArray) -> Whitening:
    """W of these rows.

    Raises
    ------
    InputError
        Where residuals of so large groups cannot have these correlations.
    """
    labels, sizes = residual.rows.labels, np.bincount(residual.rows.group)
    least = -1.0 / max(int(sizes.max()) - 1, 1)
    if labels.kind == "cs" and (rho := float(correlations(labels, x)[0])) <= least:
        raise InputError(
            f"newdata: a level of {labels.group} has {sizes.max()} rows, which cannot all be correlated by {rho:.3g}: "
            f"the fit had {labels.largest} at most"
        )
    return residual.at(x)


def _of_residual(newdata: Any, terms: Terms | None, labels: ResidualLabels | None) -> Mapping[str, Any]:
    """What new data say of the residuals."""
    if labels is None:
        return {}
    if terms is not None:
        return terms.new_residual(newdata, labels)
    return newdata if isinstance(newdata, Mapping) else {}


def simulate(
    fit: Fit,
    nsim: Any,
    rng: Any,
    *,
    random: Any,
    newdata: Any,
    theta_uncertainty: Any,
    terms: Terms | None = None,
    given: Mapping[str, Any] | None = None,
) -> FloatArray:
    """Responses (n, nsim) of the model at its estimates: see `MixedSolution.simulate`.

    Raises
    ------
    InputError, InputTypeError
        For arguments or new data that cannot be used.
    """
    count = checked_count(nsim)
    if random not in RANDOM:
        raise InputError(f"random must be 'new' or 'conditional'; got {shown(random)}")
    if not isinstance(theta_uncertainty, bool | np.bool_):
        raise InputTypeError(f"theta_uncertainty must be True or False; got {shown(theta_uncertainty)}")
    rng = checked_rng(rng)
    structure = None if newdata is None else fit.labels.residual
    if structure is not None and structure.kind and random == "conditional":
        raise InputError(
            f"random='conditional': residuals of a level of {structure.group} that was in the fit depend on those that "
            "were observed, and new rows are not simulated given these. Use random='new'"
        )
    of_residual = _of_residual(newdata, terms, structure)
    newdata = encoded(fit, terms, newdata, given, effects=True, levels=True, weights=True, parameters=True)
    new_levels = "population" if random == "new" else "error"
    residual = None
    if newdata is None:
        rows = Rows.of(fit.model.design)
        if fit.labels.residual is not None:
            residual = ResidualModel.of(fit.model.design)
    else:
        rows = new_rows(fit.model.labels, newdata, random="all", new_levels=new_levels)
        rows = replace(rows, weights=weights_of(fit.model.labels, rows))
        if structure is not None:
            residual = ResidualModel(residual_of_new_rows(structure, of_residual, len(rows)), rows.weights)
    truths = _drawn_truths(fit, rows, rng, residual) if theta_uncertainty else repeat(truth_of(fit, rows, residual))
    modes = [part[0] for part in fit.pattern.split(fit.effects_of_model[:, None])]
    if random == "conditional":
        return draw(truths, lambda _: modes, rows, count, rng)
    drawn, penalties = new_effects(fit.pattern.groupings, rng), [g.is_penalty for g in fit.labels.groups]

    def effects(truth: Truth) -> list[FloatArray]:
        """Of new levels; penalized parts of the mean stay what they are."""
        return [b if kept else new for kept, b, new in zip(penalties, modes, drawn(truth), strict=True)]

    return draw(truths, effects, rows, count, rng)


def _drawn_truths(fit: Fit, rows: Rows, rng: np.random.Generator, residual: ResidualModel | None) -> Iterator[Truth]:
    """Parameters from the normal distribution of their estimates; sigma^2 from that of a scaled inverse chi-squared.

    Raises
    ------
    InputError
        Where the data do not determine them, or the fit has no covariance of all of them.
    """
    if not fit.has_joint_covariance:
        raise InputError("theta_uncertainty=True: a fit with nagq=0 has no covariance of its parameters; use nagq=1")
    V = estimates_covariance(fit.factorized())
    if not np.isfinite(V).all():
        raise InputError("theta_uncertainty=True: the data do not determine all parameters, so that none can be drawn")
    eigenvalues, U = np.linalg.eigh(V)
    root, r, m = U * np.sqrt(np.maximum(eigenvalues, 0.0)), len(fit.gamma), len(fit.theta)
    while True:
        change = root @ rng.standard_normal(len(V))
        truth, theta = truth_of(fit, rows, residual), fit.theta + change[r : r + m]
        T = tuple(turn @ t for turn, t in zip(fit.turned, fit.parameters.T(theta), strict=True))
        truth = replace(truth, gamma=fit.gamma + change[:r], T=T)
        if isinstance(fit, GeneralizedFit):
            yield replace(truth, phi=phi_at(fit, rows, fit.xi + change[r + m :]))
        else:
            df = fit.labels.n - r
            if residual is not None:
                truth = replace(truth, residual=_whitening(residual, theta[fit.parameters.of_residual]))
            yield replace(truth, scale=fit.scale * float(np.sqrt(df / rng.chisquare(df))))


def checked_count(nsim: Any) -> int:
    """How many responses to draw."""
    if isinstance(nsim, bool) or not isinstance(nsim, int | np.integer) or not 1 <= nsim <= MOST:
        raise InputError(f"nsim must be an integer from 1 to {MOST}; got {shown(nsim)}")
    return int(nsim)


def checked_rng(rng: Any) -> np.random.Generator:
    """The generator of the user."""
    if rng is None:
        raise InputError("responses are drawn at random: pass rng, a numpy.random.Generator or a seed")
    return generator(rng)
