"""Responses drawn from a fitted model, or from parameters alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..contracts.arrays import FloatArray
from ..contracts.errors import InputError, shown
from ..contracts.family import Family
from ..contracts.linalg import Blocks, Grouping
from ..design.labels import Labels
from ..estimation.generalized import GeneralizedFit
from ..estimation.model import Fit
from ..formula.terms import Terms
from .joint import Uncertainty
from .residuals import generator
from .rows import Rows, new_rows

#: Which random effects: those of new levels, or the conditional modes of the fit.
RANDOM = ("new", "conditional")
#: Most responses that are drawn at once.
MOST = 100_000


@dataclass(frozen=True, eq=False)
class Truth:
    """A mixed model with all of its parameters.

    Parameters
    ----------
    groupings : tuple of Grouping
    gamma : (r,) array
        Coefficients of the rows' Q.
    T : tuple of (k, k) arrays
        Relative covariance factors, in the basis of the rows' columns.
    scale : float
        sigma, or 1.
    family : Family, optional
        None in linear models.
    phi : (r,) array
        Dispersion parameters.
    """

    groupings: tuple[Grouping, ...]
    gamma: FloatArray
    T: Blocks
    scale: float
    family: Family | None = None
    phi: FloatArray | None = None

    def effects(self, rng: np.random.Generator) -> list[FloatArray]:
        """b of all levels of every factor, (k, L): scale T u, with u of the factor's known precision."""
        return [self.scale * T @ _spherical(g, rng) for g, T in zip(self.groupings, self.T, strict=True)]

    def linear_predictor(self, rows: Rows, effects: Sequence[FloatArray], rng: np.random.Generator) -> FloatArray:
        """Offset + Q gamma + Z b, (n,); effects of levels that are not known are drawn."""
        eta = rows.Q @ self.gamma + (0.0 if rows.offset is None else rows.offset)
        for b, T, z, codes in zip(effects, self.T, rows.columns, rows.codes, strict=True):
            known = codes >= 0
            eta[known] += np.einsum("ak,ak->k", b[:, codes[known]], z[:, known])
            if not known.all():
                labels, level = np.unique(codes[~known], return_inverse=True)
                new = self.scale * T @ rng.standard_normal((len(T), len(labels)))
                eta[~known] += np.einsum("ak,ak->k", new[:, level], z[:, ~known])
        return eta

    def response(self, rows: Rows, eta: FloatArray, rng: np.random.Generator) -> FloatArray:
        """A response of every row, (n,)."""
        weights = np.ones(len(rows)) if rows.weights is None else rows.weights
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


def _spherical(g: Grouping, rng: np.random.Generator) -> FloatArray:
    """u (k, L): standard normal, or of the known precision Q of the levels."""
    z = rng.standard_normal((g.n_columns, g.n_levels))
    if g.precision is None:
        return z
    if g.n_levels > MOST_RELATED:
        raise InputError(
            f"groups[{g.name!r}] has {g.n_levels} related levels: effects can be drawn for {MOST_RELATED} at most"
        )
    L = np.linalg.cholesky(g.precision.matrix.toarray())
    return np.asarray(np.linalg.solve(L.T, z.T).T)


#: Levels of a known precision that effects are drawn of, by a dense factor.
MOST_RELATED = 5_000


def draw(truth: Truth, rows: Rows, nsim: int, rng: np.random.Generator) -> FloatArray:
    """`nsim` responses of new levels, (n, nsim)."""
    columns = []
    for _ in range(nsim):
        eta = truth.linear_predictor(rows, truth.effects(rng), rng)
        columns.append(truth.response(rows, eta, rng))
    return np.array(columns).reshape(nsim, len(rows)).T


def truth_of(fit: Fit) -> Truth:
    """The estimates, as if they were true."""
    family, phi = (fit.family, fit.phi) if isinstance(fit, GeneralizedFit) else (None, None)
    return Truth(fit.pattern.groupings, fit.gamma, fit.roots_of_model, fit.scale, family, phi)


def simulate(
    fit: Fit,
    nsim: Any,
    rng: Any,
    *,
    random: Any,
    newdata: Any,
    theta_uncertainty: Any,
    terms: Terms | None = None,
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
    labels = fit.model.labels
    rng = checked_rng(rng)
    if newdata is not None and terms is not None:
        newdata = terms.new_rows(newdata, effects=True, levels=True, weights=True)
    rows = _rows(fit, labels, newdata, random)
    if random == "new" and not theta_uncertainty:
        return draw(truth_of(fit), rows, count, rng)
    columns = []
    truths = _drawn_truths(fit, rng) if theta_uncertainty else iter(lambda: truth_of(fit), None)
    modes = [part[0] for part in fit.pattern.split(fit.effects_of_model[:, None])]
    for _, truth in zip(range(count), truths, strict=False):
        effects = modes if random == "conditional" else truth.effects(rng)
        columns.append(truth.response(rows, truth.linear_predictor(rows, effects, rng), rng))
    return np.array(columns).reshape(count, len(rows)).T


def _rows(fit: Fit, labels: Labels, newdata: Any, random: str) -> Rows:
    if newdata is None:
        return Rows.of(fit.model.design)
    rows = new_rows(labels, newdata, random="all", new_levels="population")
    if random == "conditional" and any((codes < 0).any() for codes in rows.codes):
        new_rows(labels, newdata, random="all", new_levels="error")  # says which levels
    return rows


def _drawn_truths(fit: Fit, rng: np.random.Generator) -> Iterator[Truth]:
    """Parameters from the normal distribution of their estimates; sigma^2 from that of a scaled inverse chi-squared.

    Raises
    ------
    InputError
        Where the data do not determine them.
    """
    V = Uncertainty.of(fit, theta=True).V
    if not np.isfinite(V).all():
        raise InputError("theta_uncertainty=True: the data do not determine all parameters, so that none can be drawn")
    eigenvalues, U = np.linalg.eigh(V)
    root, r, m = U * np.sqrt(np.maximum(eigenvalues, 0.0)), len(fit.gamma), len(fit.theta)
    while True:
        change = root @ rng.standard_normal(len(V))
        truth, theta = truth_of(fit), fit.theta + change[r : r + m]
        T = tuple(turn @ t for turn, t in zip(fit.turned, fit.parameters.T(theta), strict=True))
        truth = replace(truth, gamma=fit.gamma + change[:r], T=T)
        if isinstance(fit, GeneralizedFit):
            xi = fit.dispersion.to_free(fit.phi) + change[r + m :]
            yield replace(truth, phi=fit.dispersion.to_natural(xi)[0])
        else:
            df = fit.labels.n - r
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
