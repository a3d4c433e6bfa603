"""Built-in linear-algebra backends and optimizers, registered through the same hooks as everybody's."""

from __future__ import annotations

from collections.abc import Iterator

if __name__ != "ranef.backends":
    raise ImportError("this folder is the package `ranef.backends`: install the project (pip install .)")

from ranef.contracts import LinalgBackend, LinalgEntry, Optimizer, OptimizerEntry, hookimpl

#: What makes exact gradients possible.
INVERSE = ("selected inverse",)


def _dense() -> LinalgBackend:
    from .linalg.dense import Dense

    return Dense()


def _blocked() -> LinalgBackend:
    from .linalg.blocked import Blocked

    return Blocked()


def _cholmod() -> LinalgBackend:
    from .linalg.cholmod import Cholmod

    return Cholmod()


def _krylov() -> LinalgBackend:
    from .linalg.krylov import Krylov

    return Krylov()


def _trust_region() -> Optimizer:
    from .optim.trust_region import TrustRegion

    return TrustRegion()


def _lbfgsb() -> Optimizer:
    from .optim.lbfgsb import Lbfgsb

    return Lbfgsb()


def _bobyqa() -> Optimizer:
    from .optim.bobyqa import Bobyqa

    return Bobyqa()


def _cobyqa() -> Optimizer:
    from .optim.cobyqa import Cobyqa

    return Cobyqa()


def _nelder_mead() -> Optimizer:
    from .optim.nelder_mead import NelderMead

    return NelderMead()


@hookimpl
def ranef_linalg_backends() -> Iterator[LinalgEntry]:
    """The four linear-algebra backends."""
    yield LinalgEntry(
        "blocked", "Block elimination in NumPy/SciPy: the default for most models", _blocked, abilities=INVERSE
    )
    yield LinalgEntry("dense", "One dense matrix: the oracle for the others", _dense, abilities=INVERSE)
    yield LinalgEntry(
        "cholmod",
        "Sparse Cholesky by SuiteSparse: for several large crossed factors",
        _cholmod,
        requires=("sksparse",),
        abilities=INVERSE,
        install_hint='pip install "ranef[cholmod]" (needs the SuiteSparse headers; with SuiteSparse 5 add '
        '"scikit-sparse<0.5")',
    )
    yield LinalgEntry(
        "krylov",
        "Conjugate gradients and random probes: for linear models with very large crossed factors",
        _krylov,
        abilities=("sampled log-determinant",),
    )


@hookimpl
def ranef_optimizers() -> Iterator[OptimizerEntry]:
    """The optimizers."""
    yield OptimizerEntry(
        "trust-region",
        "Newton steps in a trust region with exact or secant-corrected curvature: the default",
        _trust_region,
        priority=20,
        needs_gradient=True,
    )
    yield OptimizerEntry("lbfgsb", "SciPy's L-BFGS-B with exact gradients", _lbfgsb, priority=10, needs_gradient=True)
    yield OptimizerEntry(
        "bobyqa",
        "NLopt's BOBYQA, derivative-free",
        _bobyqa,
        requires=("nlopt",),
        install_hint='pip install "ranef[nlopt]"',
        priority=5,
    )
    yield OptimizerEntry("cobyqa", "SciPy's COBYQA, derivative-free", _cobyqa, priority=4)
    yield OptimizerEntry("nelder-mead", "SciPy's Nelder-Mead with restarts, derivative-free", _nelder_mead, priority=3)
