"""Independent optima: the likelihood by dense matrices in the user's columns, searched from several starts.

T is a full k x k matrix here, without a triangle and without bounds.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.optimize import minimize

from ranef import registry
from ranef.contracts.arrays import FloatArray
from ranef.contracts.errors import NotPositiveDefiniteError
from ranef.design.basis import lower_root
from ranef.design.mixed import build_design
from ranef.estimation.dispersion import DispersionScale
from ranef.estimation.generalized_criterion import GeneralizedCriterion, Units
from ranef.estimation.modes import PenalizedLikelihood
from ranef.estimation.pipeline import Watch

from .designs import Case

WithGradient = Callable[[FloatArray], tuple[float, FloatArray]]
STARTS = (1.0, 0.3, 3.0, 0.05, 10.0)


def dense_deviance(case: Case) -> WithGradient:
    """-2 log L, profiled in beta and sigma, or the REML criterion, from V itself; with its gradient."""
    n, p = case.X.shape
    terms = []
    for codes, columns, correlated in case.terms():
        Z = np.zeros((n, codes.max() + 1, columns.shape[1]))
        Z[np.arange(n), codes] = columns
        terms.append((Z, correlated))
    w = np.ones(n) if case.weights is None else case.weights
    # Less the means, where there is an intercept: the same model with more digits.
    X, y = case.X.copy(), case.y - (case.y.mean() if p else 0.0)
    X[:, 1:] -= X[:, 1:].mean(axis=0)
    Q, R = np.linalg.qr(X)
    df = n - p if case.reml else n
    constant = 2.0 * np.log(np.abs(np.diagonal(R))).sum() if case.reml else 0.0

    def deviance(parameters: FloatArray) -> tuple[float, FloatArray]:
        V, at, roots = np.diag(1.0 / w), 0, []
        for Z, correlated in terms:
            k = Z.shape[2]
            if correlated:
                T, at = parameters[at : at + k * k].reshape(k, k), at + k * k
            else:
                T, at = np.diag(parameters[at : at + k]), at + k
            roots.append(T)
            B = (Z @ T).reshape(n, -1)
            V = V + B @ B.T
        C = np.linalg.cholesky(V)
        inverse = np.linalg.inv(V)
        VQ = inverse @ Q
        A = Q.T @ VQ
        P = inverse - VQ @ np.linalg.solve(A, VQ.T) if p else inverse
        Py = P @ y
        s2 = float(y @ Py) / df
        if not s2 > 0.0:
            raise np.linalg.LinAlgError
        value = 2.0 * np.log(np.diagonal(C)).sum() + df * (1.0 + np.log(2.0 * np.pi * s2))
        value += np.linalg.slogdet(A)[1] + constant if case.reml and p else constant
        K = (P if case.reml else inverse) - np.outer(Py, Py) / s2
        gradient = []
        for (Z, correlated), T in zip(terms, roots, strict=True):
            k = Z.shape[2]
            G = Z.reshape(-1, k).T @ (K @ Z.reshape(n, -1)).reshape(-1, k)
            by_T = 2.0 * G @ T
            gradient.append(by_T.ravel() if correlated else np.diagonal(by_T))
        return float(value), np.concatenate(gradient)

    return deviance


def best_linear(case: Case, fit: Any, seed: int, starts: int = len(STARTS)) -> float:
    """The lowest deviance that BFGS finds from several starts.

    The points it finds are compared by the fit's criterion, which has more digits than dense matrices.
    """
    deviance, rng, best = dense_deviance(case), np.random.default_rng(seed), np.inf
    for size in STARTS[:starts]:
        x = []
        for _, columns, correlated in case.terms():
            rms = np.sqrt((columns**2).mean(axis=0))
            T = size * rng.normal(size=(len(rms), len(rms))) / rms[:, None]
            x.append(T.ravel() if correlated else np.abs(np.diagonal(T)))
        try:
            at = np.concatenate(x)
            for _ in range(2):
                found = minimize(deviance, at, jac=True, method="BFGS", options={"gtol": 1e-9, "maxiter": 300})
                at = found.x
            best = min(best, _deviance_at(case, fit, at))
        except (np.linalg.LinAlgError, NotPositiveDefiniteError):
            continue
    return best


def _deviance_at(case: Case, fit: Any, parameters: FloatArray) -> float:
    """The fit's criterion at roots T of the columns that `Case.terms` has."""
    theta, at = [], 0
    for (_, Z, correlated), g in zip(case.terms(), case.groups, strict=True):
        k, names = Z.shape[1], case.random_effects[g]
        if not correlated:
            theta.append(np.abs(parameters[at : at + k]))
            at += k
            continue
        back = np.eye(k)  # from effects of columns counted from their means to those of the user's
        if "1" in names:
            back[names.index("1")] -= [0.0 if v == "1" else case.random_data[v].mean() for v in names]
        T = lower_root(back @ parameters[at : at + k * k].reshape(k, k))
        theta.append(np.concatenate([T[j:, j] for j in range(k)]))
        at += k * k
    constant = 2.0 * np.log(np.abs(np.diagonal(fit._fit.labels.fixed.R))).sum() if case.reml else 0.0
    return float(fit._fit.factorized().at(np.concatenate(theta)).deviance + constant)


def best_generalized(case: Case, near: FloatArray, phi: FloatArray, seed: int, starts: int = 3) -> float:
    """The lowest Laplace criterion that L-BFGS-B finds from several starts, with T lower triangular and unbounded.

    The criterion is the library's own (its values and gradients are tested elsewhere), in the first basis; `near` are
    coefficients, and `phi` dispersion parameters, to start from.
    """
    assert case.family is not None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        design = build_design(
            case.y,
            case.X,
            case.groups,
            random_effects=case.random_effects,
            random_data=case.random_data,
            correlated=case.correlated,
            weights=case.weights,
            weights_are_precisions=False,
        )
    symbolic = registry.linalg_backend("blocked")[0].analyze(design.random.pattern)
    model = PenalizedLikelihood(design, case.family, symbolic, "observed")
    xi, gamma = DispersionScale(case.family.parameters).to_free(phi), design.fixed.R @ near
    rng, best = np.random.default_rng(seed), np.inf
    for size in (0.3, 1.0, 0.1)[:starts]:
        problem = GeneralizedCriterion(model, 1, Units(1.0, xi), joint=False, watch=Watch())
        problem.gamma = gamma.copy()

        def criterion(x: FloatArray, problem: GeneralizedCriterion = problem) -> tuple[float, FloatArray]:
            value, gradient = problem.gradient(x)
            return (value, gradient) if np.isfinite(value) else (1e10, np.zeros_like(x))

        x = problem.pack(gamma, size * rng.normal(size=len(problem.parameters)), xi)
        bounds = list(zip(problem.lower, problem.upper, strict=True))
        for _ in range(2):
            options = {"maxiter": 300, "ftol": 1e-15, "gtol": 1e-8}
            found = minimize(criterion, x, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
            x = found.x
        best = min(best, float(found.fun))
    return best
