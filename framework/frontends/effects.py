"""The random effects of `simulate`: relative covariance factors from theta, standard deviations or matrices."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..contracts.arrays import FloatArray
from ..contracts.errors import InputError, InputTypeError
from ..contracts.linalg import Blocks
from ..design.arrays import as_numbers
from ..design.basis import lower_root
from ..design.labels import GroupLabels
from ..design.reading import as_mapping
from ..design.terms import refuse_unknown_factors
from ..estimation.parameters import Parameters

#: Covariances that differ by less than this part of the largest variance are the same.
SAME = 1e-8


def relative_factors(parameters: Parameters, theta: Any, sd: Any, covariances: Any, scale: float) -> Blocks:
    """T of every factor, in the basis of the fit.

    Raises
    ------
    InputError, InputTypeError
        Where effects are given twice or not at all; where a matrix is no covariance matrix, or none that the model's
        terms and structures have.
    """
    if theta is not None:
        if sd is not None or covariances is not None:
            raise InputTypeError("the random effects are given by theta, or by sd and covariances, not both")
        return parameters.T(parameters.given(theta, "theta"))
    by_sd, by_matrix = as_mapping(sd, "sd"), as_mapping(covariances, "covariances")
    names = [g.name for g in parameters.groups]
    for argument, given in (("sd", by_sd), ("covariances", by_matrix)):
        refuse_unknown_factors(argument, given, names)
    for name in names:
        if (name in by_sd) == (name in by_matrix):
            many = "twice" if name in by_sd else "nowhere"
            raise InputError(
                f"the random effects of {name} are given {many}: sd={{{name!r}: ...}} has standard deviations of "
                f"independent effects, covariances={{{name!r}: ...}} a matrix; or give theta for all factors"
            )
    wanted = [
        _of_sd(g, by_sd[g.name]) if g.name in by_sd else _covariance(g, by_matrix[g.name]) for g in parameters.groups
    ]
    roots = [lower_root(_root(Sigma)) / scale for Sigma in wanted]
    found = parameters.of(tuple(g.basis_root(T) for g, T in zip(parameters.groups, roots, strict=True)))
    for g, Sigma, T in zip(parameters.groups, wanted, parameters.users_roots(found), strict=True):
        if np.abs(scale**2 * T @ T.T - Sigma).max() > SAME * np.diagonal(Sigma).max():
            raise InputError(
                f"the effects of {g.name} cannot have these covariances: {', '.join(map(str, g.terms))} says that they "
                "are independent, or of another covariance structure"
            )
    return parameters.T(found)


def _of_sd(g: GroupLabels, given: Any) -> FloatArray:
    sds = as_numbers(np.atleast_1d(given) if np.isscalar(given) else given, f"sd[{g.name!r}]")
    if len(sds) != len(g.column_names) or (sds < 0).any():
        raise InputError(
            f"sd[{g.name!r}] must have a standard deviation, 0 or more, of each of {', '.join(g.column_names)}; it "
            f"has {', '.join(f'{value:g}' for value in sds)}"
        )
    return np.diag(sds**2)


def _covariance(g: GroupLabels, given: Any) -> FloatArray:
    name, k = f"covariances[{g.name!r}]", len(g.column_names)
    Sigma = as_numbers(given, name, ndim=2)
    if Sigma.shape != (k, k):
        raise InputError(
            f"{name} must be a {k} x {k} matrix, of {', '.join(g.column_names)}; it is of shape {Sigma.shape}"
        )
    if np.abs(Sigma - Sigma.T).max() > SAME * np.abs(Sigma).max():
        raise InputError(f"{name} is not symmetric")
    if np.linalg.eigvalsh(Sigma)[0] < -SAME * np.abs(Sigma).max():
        raise InputError(f"{name} is no covariance matrix: a combination of the effects would have a negative variance")
    return 0.5 * (Sigma + Sigma.T)


def _root(Sigma: FloatArray) -> FloatArray:
    """A root, where variances may be zero."""
    eigenvalues, U = np.linalg.eigh(Sigma)
    return np.asarray(U * np.sqrt(np.maximum(eigenvalues, 0.0)))
