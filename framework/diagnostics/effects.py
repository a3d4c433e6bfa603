"""Whether random effects look normal: conditional modes over what shrinkage leaves of their standard deviations.

Var(b^) = Sigma - Var(b^ - b) (Henderson's mixed model equations): modes of levels with few rows are shrunken more, so
that raw modes of unbalanced data are no sample from one distribution; these are (Lange & Ryan 1989, doi
10.1214/aos/1176347130).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from scipy.special import ndtr

from ..contracts.arrays import FloatArray
from ..display.records import Table
from ..estimation.linear import LinearFit
from ..estimation.model import Fit
from .leverage import Leverage
from .residuals import prior_variances
from .simulated import exchangeable_p

#: A part of an effect's variance that its mode has, below which the data say nothing of it.
NOTHING = 1e-6


def standardized_modes(fit: Fit) -> Mapping[str, FloatArray]:
    """Conditional modes over their standard deviations by factor, (levels, columns); NaN where they do not vary."""
    sds = _deviations(fit)
    out = {}
    for f, part, sd in zip(fit.groups, fit.pattern.split(fit.b[:, None]), sds, strict=True):
        out[f.name] = (f.users_effects(part[0]) / sd).T
        out[f.name].flags.writeable = False
    return MappingProxyType(out)


def _deviations(fit: Fit) -> list[FloatArray]:
    """Standard deviation (k, L) of the modes of each factor, of the user's columns."""
    at, C = fit.factorized(), fit.gamma_covariance / fit.scale**2
    B = fit.pattern.split(at.Lambda @ at.solved)
    out = []
    inverse = at.Lambda.sandwich(at.factor.selected_inverse()).diagonal
    for f, T, M, part in zip(fit.groups, at.Lambda.T, inverse, B, strict=True):
        prior = np.multiply.outer(T @ T.T, prior_variances(f.grouping))
        error = M + np.einsum("xal,xy,ybl->abl", part, C, part, optimize=True)
        A = f.users_effects(np.eye(len(T)))
        both = [np.einsum("ab,bcl,ac->al", A, block, A, optimize=True) for block in (prior, prior - error)]
        out.append(fit.scale * np.sqrt(np.where(both[1] > NOTHING * both[0], both[1], np.nan)))
    return out


def normality(fit: LinearFit, Y: FloatArray) -> Table:
    """Distance of the standardized modes' distribution from the normal one, against that of simulated responses.

    Parameters
    ----------
    fit : LinearFit
    Y : (n, m + 1) array
        Observed responses, then simulated ones.
    """
    lev, at = Leverage.of(fit), fit.factorized()
    design = fit.model.design.rotated(fit.turned)
    y = Y if design.offset is None else Y - design.offset[:, None]
    rest = y - design.fixed.Q @ (lev.C @ (lev.D.T @ lev.W_times(y)))
    b = at.Lambda @ at.factor.solve(at.Lambda.t @ design.random.Zt(lev.W_times(rest)))
    rows: dict[str, list[object]] = {"factor": [], "column": [], "distance": [], "p_value": []}
    for f, part, sd in zip(fit.groups, fit.pattern.split(b), _deviations(fit), strict=True):
        effects = np.einsum("ab,cbl->alc", f.users_effects(np.eye(len(f.R))), part)
        for name, values, own in zip(f.column_names, effects, sd, strict=True):
            known = np.isfinite(own)
            if known.sum() < 3:
                continue
            u = np.sort(ndtr(values[known] / own[known, None]), axis=0)
            i = np.arange(1, len(u) + 1)[:, None] / len(u)
            distance = np.maximum(i - u, u - i + 1.0 / len(u)).max(axis=0)
            rows["factor"].append(f.name)
            rows["column"].append(name)
            rows["distance"].append(float(distance[0]))
            rows["p_value"].append(exchangeable_p(distance))
    return Table(rows, title="Normality of the random effects")
