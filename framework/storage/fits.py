"""Fits: model, estimates and their evidence as plain data, and back."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from ..contracts.arrays import FloatArray
from ..contracts.errors import InputError, PluginError, RanefError, StorageError
from ..design.labels import FixedLabels, Labels
from ..design.parameter import refuse_models
from ..estimation.certificate import Certificate, CovarianceCondition
from ..estimation.dispersion import DispersionScale
from ..estimation.generalized import GeneralizedFit, Laplace
from ..estimation.generalized_criterion import WIDEST
from ..estimation.linear import Gaussian, LinearFit
from ..estimation.model import Controls, Digest, Fit, Model
from ..estimation.monte_carlo import MonteCarlo
from ..estimation.parameters import Parameters
from ..estimation.quadrature import refuse_quadrature
from ..registry import Provenance
from ..registry.kinds import FAMILY, LINALG, OPTIMIZER, AnyKind
from .agreement import refuse_disagreement
from .archive import Tree, read, write
from .labels import invertible, labels_of, labels_state, upper_triangular
from .node import Node, number_of
from .plugins import plugin_of, plugin_state
from .rows import rows_of, rows_state
from .sums import cross_of, cross_state, digest_of, digest_state, generalized_digest_of


def save(path: str | os.PathLike[str], fit: Fit, digest: Digest | None, options: Mapping[str, Any]) -> None:
    """Write a fit to a file.

    Parameters
    ----------
    path : str or path
    fit : Fit
    digest : Digest or None
        What is kept of its rows; None: these themselves.
    options : dict
        Plain values that are kept beside the fit.

    Raises
    ------
    InputError
        Where a file cannot hold a plugin or a label.
    OSError
        Where the file cannot be written.
    """
    rows = rows_state(fit.model.design) if digest is None else None
    sums = {
        "cross": cross_state(fit.cross) if isinstance(fit, LinearFit) else None,
        "digest": None if digest is None else digest_state(digest),
    }
    model = _model_state(fit.model) | {"rows": rows}
    write(path, {"options": dict(options), "model": model, "fit": _fit_state(fit) | sums})


@contextmanager
def loaded(path: str | os.PathLike[str], backend: Any = None) -> Iterator[tuple[Fit, Node]]:
    """The fit of a file, and the options beside it.

    Parameters
    ----------
    path : str or path
    backend : str or LinalgBackend, optional
        What factorizes, instead of the backend of the fit.

    Raises
    ------
    StorageError
        Where the file is no saved model, is damaged, does not agree with itself, or was written by a newer version.
    PluginNotFoundError, MissingExtraError
        Where a plugin of the model is not installed.
    """
    with read(path) as node:
        try:
            fit = _fit_of(node["fit"], _model_of(node["model"], backend))
            refuse_disagreement(fit)
        except (StorageError, PluginError):
            raise
        except Exception as error:  # numbers that are possible one by one, and not together
            raise StorageError(f"it is damaged, its parts do not go together: {error}") from error
        try:
            yield fit, node["options"]
        except RanefError:
            raise
        except Exception as error:
            raise StorageError(f"it is damaged, its options cannot be used: {error}") from error


# Models -------------------------------------------------------------------------------------------------------------


def _model_state(model: Model[Any]) -> Tree:
    return {
        "labels": labels_state(model.labels),
        "likelihood": _likelihood_state(model.likelihood),
        "controls": {
            "backend": _named(LINALG, model.controls.backend),
            "optimizer": _named(OPTIMIZER, model.controls.optimizer),
            "tol": model.controls.tol,
            "max_iter": model.controls.max_iter,
        },
        "provenance": _provenance_state(model.provenance),
    }


def _model_of(node: Node, backend: Any) -> Model[Any]:
    labels = labels_of(node["labels"])
    controls = node["controls"]
    return Model(
        labels,
        _likelihood_of(node["likelihood"]),
        Controls(
            _plugin_or_name(controls, "backend", LINALG) if backend is None else backend,
            _plugin_or_name(controls, "optimizer", OPTIMIZER),
            controls.number("tol", positive=True),
            controls.integer("max_iter", least=1),
        ),
        _provenance_of(node),
        rows_of(node["rows"], labels) if node.has("rows") else None,
    )


def _likelihood_state(likelihood: Any) -> Tree:
    if isinstance(likelihood, Gaussian):
        return {"kind": "gaussian", "reml": likelihood.reml}
    if isinstance(likelihood, Laplace):
        return {
            "kind": "laplace",
            "family": plugin_state(FAMILY, likelihood.family),
            "nagq": likelihood.nagq,
            "hessian": likelihood.weights_in_logdet,
            "provenance": _provenance_state(likelihood.provenance),
        }
    raise InputError(f"a file cannot hold a model with the likelihood {type(likelihood).__name__}")


def _likelihood_of(node: Node) -> Any:
    if node.text("kind", among=["gaussian", "laplace"]) == "gaussian":
        return Gaussian(node.boolean("reml"))
    family = plugin_of(node["family"], FAMILY)
    weights_in_logdet = node.text("hessian", among=["observed", "expected"])
    return Laplace(family, node.integer("nagq"), weights_in_logdet, _provenance_of(node))


def _named(kind: AnyKind, plugin: Any) -> Any:
    return plugin if isinstance(plugin, str) else plugin_state(kind, plugin)


def _plugin_or_name(node: Node, name: str, kind: AnyKind) -> Any:
    return node.text(name) if isinstance(node.value(name), str) else plugin_of(node[name], kind)


def _provenance_state(provenance: tuple[Provenance, ...]) -> list[list[str]]:
    return [[p.kind, p.name, p.distribution, p.version] for p in provenance]


def _provenance_of(node: Node) -> tuple[Provenance, ...]:
    out = []
    for item in node.listed("provenance"):
        match item:
            case [str(kind), str(name), str(distribution), str(version)]:
                out.append(Provenance(kind, name, distribution, version))
            case _:
                raise node.wrong("provenance", "has an entry that is none")
    return tuple(out)


# Fits ---------------------------------------------------------------------------------------------------------------


def _fit_state(fit: Fit) -> Tree:
    """A fit, with the basis that its estimates are in."""
    return _estimates_state(fit) | {
        "bases": [{"turn": turn, "R": g.R} for turn, g in zip(fit.turned, fit.groups, strict=True)],
        "eta": fit.eta,
        "provenance": _provenance_state(fit.provenance),
        "n_evaluations": fit.n_evaluations,
        "timings": dict(fit.timings),
        "elsewhere": [_estimates_state(other) for other in fit.elsewhere],
    }


def _fit_of(node: Node, model: Model[Any]) -> Fit:
    labels = model.labels
    parameters, turned = _bases_of(node, labels)
    shared: dict[str, Any] = {
        "model": model,
        "parameters": parameters,
        "turned": turned,
        "eta": node.number("eta", positive=True),
        "provenance": _provenance_of(node),
        "n_evaluations": node.integer("n_evaluations"),
        "timings": {name: node["timings"].number(name) for name in node["timings"].names},
    }
    r, pattern = labels.fixed.rank, labels.pattern
    kind: Any
    own: Any
    digest: Digest | None
    if isinstance(model.likelihood, Gaussian):
        kind, own = LinearFit, _linear_of
        shared["cross"] = cross_of(node["cross"], labels.n, r, pattern, parameters.template)
        digest = digest_of(node["digest"], labels) if model.rows is None else None
    else:
        assert isinstance(model.likelihood, Laplace)
        kind, own = GeneralizedFit, partial(_generalized_of, models=labels.parameters)
        refuse_models(model.likelihood.family, labels.parameters)
        refuse_quadrature(model.likelihood.nagq, labels)
        m = len(parameters) + node.array("xi_start", (None,), "f").size
        digest = generalized_digest_of(node["digest"], labels, m) if model.rows is None else None

    def at(part: Node) -> Fit:
        fit: Fit = kind(**shared, **_estimates_of(part, parameters, r, pattern.q), **own(part, model.likelihood))
        return fit

    return replace(at(node), digest=digest, elsewhere=tuple(map(at, node.parts("elsewhere"))))


def _bases_of(node: Node, labels: Labels) -> tuple[Parameters, tuple[FloatArray, ...]]:
    """What theta is in the basis of the fit, and how that is turned from the model's."""
    groups, turned = [], []
    for part, g in zip(node.parts("bases", len(labels.groups)), labels.groups, strict=True):
        k = g.grouping.n_columns
        turned.append(part.floats("turn", k, k))
        groups.append(replace(g, R=invertible(part.floats("R", k, k), part, "R")))
    return Parameters(labels.groups, labels.residual).labelled(groups), tuple(turned)


# Estimates ----------------------------------------------------------------------------------------------------------


def _estimates_state(fit: Fit) -> Tree:
    own: Tree
    if isinstance(fit, LinearFit):
        own = {"sigma": fit.sigma, "pwrss": fit.pwrss, "logdet_L2": fit.logdet_L2, "logdet_RX2": fit.logdet_RX2}
    elif isinstance(fit, GeneralizedFit):
        own = {"xi": fit.xi, "value": fit.value, "xi_start": fit.xi_start}
    else:
        raise InputError(f"a file cannot hold a {type(fit).__name__}")
    common = {"theta": fit.theta, "gamma": fit.gamma, "u": fit.u, "b": fit.b, "RX": fit.RX}
    return common | own | {"certificate": _certificate_state(fit.certificate)}


def _estimates_of(node: Node, parameters: Parameters, r: int, q: int) -> dict[str, Any]:
    return {
        "theta": node.floats("theta", len(parameters)),
        "gamma": node.floats("gamma", r),
        "u": node.floats("u", q),
        "b": node.floats("b", q),
        "RX": upper_triangular(node, "RX", r),
        "certificate": _certificate_of(node["certificate"]),
    }


def _linear_of(node: Node, _: Gaussian) -> dict[str, Any]:
    return {
        "sigma": node.number("sigma", positive=True),
        "pwrss": node.number("pwrss", positive=True),
        "logdet_L2": node.number("logdet_L2"),
        "logdet_RX2": node.number("logdet_RX2"),
    }


def _generalized_of(node: Node, likelihood: Laplace, models: Mapping[str, FixedLabels]) -> dict[str, Any]:
    scale = DispersionScale(likelihood.family.parameters, models)
    xi = node.floats("xi", len(scale)) if node.has("xi") else _xi_of(node, scale)
    start = node.floats("xi_start", len(scale))
    if (np.abs(xi - start) > WIDEST + 1e-6).any():
        raise node.wrong("xi", "has dispersion parameters that no search leads to")
    return {"xi": xi, "value": node.number("value"), "xi_start": start}


def _xi_of(node: Node, scale: DispersionScale) -> FloatArray:
    """Of a file by an earlier version, which has natural parameters."""
    phi = node.floats("phi", len(scale.parameters))
    if not all(p.lower < value < p.upper for p, value in zip(scale.parameters, phi, strict=True)):
        raise node.wrong("phi", "has dispersion parameters that the family cannot have")
    return scale.to_free(phi)


def _certificate_state(certificate: Certificate) -> Tree:
    c = certificate
    return {
        "converged": bool(c.converged),
        "gradient_norm": number_of(c.gradient_norm),
        "expected_drop": number_of(c.expected_drop),
        "smallest_eigenvalue": number_of(c.smallest_eigenvalue),
        "hessian": c.hessian,
        "at_boundary": [int(i) for i in c.at_boundary],
        "boundary_ok": bool(c.boundary_ok),
        "status": str(c.status),
        "message": c.message,
        "conditions": [
            {"term": x.term, "rank": int(x.rank), "slope": number_of(x.slope), "drop": number_of(x.drop)}
            for x in c.conditions
        ],
        "not_identified": list(c.not_identified),
        "other_optima": [float(higher) for higher in c.other_optima],
        **({} if c.monte_carlo is None else {"monte_carlo": _monte_carlo_state(c.monte_carlo)}),
    }


def _monte_carlo_state(error: MonteCarlo) -> Tree:
    return {"theta_error": number_of(error.theta_error), "logdets": error.logdets}


def _monte_carlo_of(node: Node) -> MonteCarlo:
    logdets = node.floats("logdets", None)
    if len(logdets) < 2:
        raise node.wrong("logdets", "has less than two probes")
    theta_error = node.number("theta_error")
    if theta_error < 0.0:
        raise node.wrong("theta_error", "is negative")
    return MonteCarlo(theta_error, logdets)


def _certificate_of(node: Node) -> Certificate:
    at_boundary = node.listed("at_boundary")
    if not all(type(i) is int for i in at_boundary):
        raise node.wrong("at_boundary", "is no list of positions")
    return Certificate(
        node.boolean("converged"),
        node.number("gradient_norm", finite=False),
        node.number("expected_drop", finite=False),
        node.number("smallest_eigenvalue", finite=False),
        node.text("hessian"),
        tuple(at_boundary),
        node.boolean("boundary_ok"),
        node.text("status"),
        node.text("message"),
        tuple(
            CovarianceCondition(
                part.text("term"),
                part.integer("rank"),
                part.number("slope", finite=False),
                part.number("drop", finite=False),
            )
            for part in node.parts("conditions")
        ),
        node.texts("not_identified"),
        _heights(node),
        _monte_carlo_of(node["monte_carlo"]) if node.has("monte_carlo") else None,
    )


def _heights(node: Node) -> tuple[float, ...]:
    """How much higher other optima are."""
    values = node.listed("other_optima") if node.has("other_optima") else []
    if not all(isinstance(v, float) and v > 0.0 for v in values):
        raise node.wrong("other_optima", "is no list of positive numbers")
    return tuple(values)


__all__ = ["loaded", "save"]
