"""Data drawn again: from the fitted model, from its residuals and random effects, or as cases.

`Parametric` draws responses from the model at its estimates. `Residuals` resamples conditional modes and residuals,
which are first made as large as the model says: modes are too small (shrunken) as they are, and their covariance is not
that of the model. With u the modes in units where the model's are standard normal, S = u'u / L their covariance after
centring, the rows of u S^-1/2 are resampled, and so are residuals over their root mean square (Carpenter, Goldstein &
Rasbash 2003, doi 10.1111/1467-9876.00415). `Cases` resamples levels of a factor with all their rows, or rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from ..contracts.arrays import FloatArray
from ..contracts.errors import InputError, RanefError, shown
from ..design.selection import is_nested, repeat_levels, select_rows
from ..estimation.linear import LinearFit
from ..estimation.model import Fit, Model
from ..prediction.simulate import RANDOM, simulate
from .censored import CensoredParametric

TYPES = ("parametric", "residual", "cases")
#: Cases that are rows.
ROWS = "rows"
#: A covariance of modes that is a smaller part of what it should be has directions that are not there.
DEGENERATE = 1e-8


class Scheme(Protocol):
    """How data are drawn."""

    def models(self, rng: np.random.Generator, skip: int, count: int) -> Iterator[Model[Any] | str]:
        """The model of each set of data after the first `skip`; where there can be none, why."""


@dataclass(frozen=True, eq=False)
class OfResponses:
    """What schemes of responses share.

    Parameters
    ----------
    fit : Fit
    """

    fit: Fit

    def drawn(self, rng: np.random.Generator, count: int) -> FloatArray:
        """The first `count` responses, (n, count)."""
        raise NotImplementedError

    def responses(self, rng: np.random.Generator, skip: int, count: int) -> FloatArray:
        """Responses (n, count) after the first `skip`, which are drawn too."""
        return self.drawn(rng, skip + count)[:, skip:]

    def models(self, rng: np.random.Generator, skip: int, count: int) -> Iterator[Model[Any] | str]:
        """The model of each of these."""
        for y in self.responses(rng, skip, count).T:
            try:
                yield self.fit.model.with_response(y)
            except RanefError as error:
                yield str(error)


@dataclass(frozen=True, eq=False)
class Parametric(OfResponses):
    """From the model at its estimates.

    Parameters
    ----------
    random : {"new", "conditional"}
        Draw random effects, or take the conditional modes.
    """

    random: str = "new"

    def drawn(self, rng: np.random.Generator, count: int) -> FloatArray:
        """As `simulate` draws them."""
        return simulate(self.fit, count, rng, random=self.random, newdata=None, theta_uncertainty=False)


@dataclass(frozen=True, eq=False)
class Residuals(OfResponses):
    """From residuals and conditional modes of a linear model, made as large as the model says.

    Parameters
    ----------
    population : (n,) array
        Offset + X beta.
    effects : tuple of (k, L) arrays
        Random effects of each factor, of the covariance that the model has.
    residuals : (n,) array
        Of rows with weight 1; of a model with a residual structure whitened.
    """

    fit: LinearFit
    population: FloatArray
    effects: tuple[FloatArray, ...]
    residuals: FloatArray

    @classmethod
    def of(cls, fit: LinearFit) -> Residuals:
        """Those of a fit.

        Raises
        ------
        InputError
            Where levels are related, or too few to have the model's covariance.
        """
        design = fit.model.design
        residuals = fit.white((design.y - fit.linear_predictor)[None])[0]
        residuals = residuals - residuals.mean()
        size = float(np.sqrt((residuals**2).mean()))
        parts = zip(fit.groups, fit.parameters.T(fit.theta), fit.turned, fit.pattern.split(fit.u[:, None]), strict=True)
        effects = []
        for g, T, turn, u in parts:
            if g.grouping.precision is not None:
                raise InputError(
                    f"type='residual': the levels of {g.name} are related, and not to be exchanged; use 'parametric'"
                )
            modes = u[0] if g.is_penalty else _whitened(u[0], T.any(axis=0), g.name)
            effects.append(fit.scale * turn @ T @ modes)
        population = design.linear_predictor(fit.gamma, np.zeros(fit.pattern.q))
        return cls(fit, population, tuple(effects), residuals * (fit.scale / size))

    def drawn(self, rng: np.random.Generator, count: int) -> FloatArray:
        """Levels and rows, with replacement."""
        design, n = self.fit.model.design, len(self.residuals)
        out, residuals = np.empty((count, n)), np.empty((count, n))
        for j in range(count):
            out[j] = self.population
            for b, f in zip(self.effects, design.random.groups, strict=True):
                own = b[:, rng.integers(0, b.shape[1], size=b.shape[1])]
                out[j] += np.einsum("ak,ak->k", own[:, f.codes], f.values)
            residuals[j] = self.residuals[rng.integers(0, n, size=n)]
        out += self.fit.coloured(residuals)
        return out.T


def _whitened(u: FloatArray, used: Any, name: str) -> FloatArray:
    """Modes (k, L) with the covariance matrix I; those that the model has no variance of are zero."""
    out, k, L = np.zeros_like(u), int(used.sum()), u.shape[1]
    if not k:
        return out
    centred = u[used] - u[used].mean(axis=1, keepdims=True)
    eigenvalues, V = np.linalg.eigh(centred @ centred.T / L)
    if eigenvalues[0] <= DEGENERATE * eigenvalues[-1]:
        raise InputError(
            f"type='residual': the {L} conditional modes of {name} do not vary in all {k} directions that the model "
            "has; use 'parametric'"
        )
    out[used] = V / np.sqrt(eigenvalues) @ V.T @ centred
    return out


@dataclass(frozen=True, eq=False)
class Cases:
    """Levels of a factor with their rows, or rows, with replacement.

    Parameters
    ----------
    fit : Fit
    by : int or None
        Position of the factor; None for rows.
    """

    fit: Fit
    by: int | None

    def models(self, rng: np.random.Generator, skip: int, count: int) -> Iterator[Model[Any] | str]:
        """The models of the cases that are drawn."""
        design = self.fit.model.design
        size = design.n if self.by is None else design.random.groups[self.by].grouping.n_levels
        for j in range(skip + count):
            chosen = rng.integers(0, size, size=size)
            if j < skip:
                continue
            try:
                drawn = select_rows(design, chosen) if self.by is None else repeat_levels(design, self.by, chosen)
                yield replace(self.fit.model, labels=drawn.labels, rows=drawn)
            except RanefError as error:
                yield str(error)


def outermost(fit: Fit) -> int | None:
    """Position of the factor that all others are nested in, whose levels are independent; None where there is none."""
    factors = [(j, f) for j, f in enumerate(fit.model.design.random.groups) if not f.is_penalty]
    for j, outer in factors:
        if all(i == j or is_nested(f, outer) for i, f in factors):
            return j
    return None


def cases_by(fit: Fit, by: Any) -> int | None:
    """Position of the factor whose levels are cases; None for rows. None as asked is the outermost factor.

    Raises
    ------
    InputError
        For factors that there are not, or crossed ones where none is named; where levels are related.
    """
    names = [f.name for f in fit.groups]
    related = [f.name for f in fit.groups if f.grouping.precision is not None]
    if related:
        raise InputError(
            f"the levels of {', '.join(related)} are related, and no cases that could be drawn independently"
        )
    residual = fit.labels.residual
    if not names and residual is not None:
        raise InputError(
            "type='cases' draws levels of a factor of random effects, and the model has none; use 'parametric' or "
            "'residual'"
        )
    if by is None:
        found = outermost(fit)
        if found is None:
            raise InputError(
                f"the factors {', '.join(names)} are crossed: name the one whose levels are the cases, by=..., or "
                "'rows'"
            )
        return found
    if isinstance(by, str) and by == ROWS and ROWS not in names:
        if residual is not None and residual.kind:
            raise InputError(
                f"by='rows': residuals of a {residual.group} are correlated, and its rows no cases that could be drawn "
                "independently"
            )
        return None
    if not isinstance(by, str) or by not in names:
        raise InputError(f"by must be one of {', '.join(names)}, or 'rows'; got {shown(by)}")
    return names.index(by)


def scheme_of(fit: Fit, kind: Any, random: Any, by: Any) -> OfResponses | Cases | CensoredParametric:
    """The scheme that is asked for.

    Raises
    ------
    InputError
        For one that there is not, or not for this fit; for options of another one.
    """
    if kind not in TYPES:
        raise InputError(f"type must be {', '.join(map(repr, TYPES[:-1]))} or {TYPES[-1]!r}; got {shown(kind)}")
    if random not in RANDOM:
        raise InputError(f"random must be 'new' or 'conditional'; got {shown(random)}")
    if by is not None and kind != "cases":
        raise InputError("by is for type='cases': the factor whose levels are drawn")
    if random != "new" and kind != "parametric":
        raise InputError("random is for type='parametric'")
    if kind == "cases":
        return Cases(fit, cases_by(fit, by))
    if kind == "parametric" and fit.model.rows is not None and fit.model.design.y.ndim == 2:
        return CensoredParametric.of(fit, random)
    if kind == "parametric":
        return Parametric(fit, random)
    if not isinstance(fit, LinearFit):
        raise InputError(
            "type='residual' is for linear models: the residuals of a generalized one have no common distribution. "
            "Use 'parametric' or 'cases'"
        )
    return Residuals.of(fit)


__all__ = ["Cases", "OfResponses", "Parametric", "Residuals", "Scheme", "cases_by", "outermost", "scheme_of"]
