"""Which plugins make a fit: chosen by name or automatically, and who announces what happens to observers."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec
from typing import Any

import numpy as np

from .. import registry
from ..contracts.arrays import FloatArray
from ..contracts.errors import InputError, InputTypeError, PluginError, PluginWarning, shown
from ..contracts.family import Family
from ..contracts.linalg import LinalgBackend, Pattern, Symbolic
from ..contracts.observer import Advanced, Evaluated, Event, Observer, PhaseStarted
from ..contracts.optim import Optimizer
from ..notes import Note, tell
from ..registry import Provenance
from .no_effects import NoEffects

log = logging.getLogger(__name__)

#: Seconds after which the observer "progress" comes to work of many fits.
LATE = 1.0


@dataclass(frozen=True)
class Pipeline:
    """The plugins of one fit."""

    backend: LinalgBackend
    optimizer: Optimizer
    provenance: tuple[Provenance, ...]

    @property
    def names(self) -> tuple[str, str]:
        """Names of backend and optimizer."""
        return self.provenance[0].name, self.provenance[1].name

    def analyze(self, pattern: Pattern) -> tuple[Symbolic, Symbolic | None]:
        """The backend's analysis; where that gives no gradients, one of another backend that does, beside it."""
        own = self.backend.analyze(pattern)
        return own, None if self.backend.has_gradient else analysis_with_gradient(pattern, "auto")


@dataclass(frozen=True)
class Analysis:
    """What fits of one pattern share: the plugins, and the backend's analysis, with gradients where it gives none."""

    pipeline: Pipeline
    symbolic: Symbolic
    differentiable: Symbolic | None

    @classmethod
    def of(
        cls, pattern: Pattern, backend: str | LinalgBackend, optimizer: str | Optimizer, *, sampled: bool = False
    ) -> Analysis:
        """Choose the plugins and analyse."""
        pipeline = assemble(pattern, backend, optimizer, sampled=sampled)
        return cls(pipeline, *pipeline.analyze(pattern))


def assemble(
    pattern: Pattern, backend: str | LinalgBackend, optimizer: str | Optimizer, *, sampled: bool = False
) -> Pipeline:
    """Backend and optimizer by name, by object, or by ``"auto"``: the cheapest backend, the best optimizer for it.

    A backend that samples log|M| only where the criterion can be `sampled`.
    """
    linalg, backend_from = choose_backend(pattern, backend, sampled=sampled)
    minimizer, optimizer_from = choose_optimizer(optimizer, linalg.has_gradient)
    if linalg.samples and not sampled:
        raise InputError(
            f"backend {backend_from.name!r} finds log|M| from random probes, which is for linear models with "
            "independent residuals only; this model needs an exact backend (backend='auto' finds one)"
        )
    if linalg.samples and linalg.cost(pattern) == np.inf:
        raise InputError(
            f"backend {backend_from.name!r} cannot factorize this model (a known precision of levels, for example); "
            "backend='auto' finds one that can"
        )
    if minimizer.needs_gradient and not linalg.has_gradient:
        raise InputError(
            f"optimizer {optimizer_from.name!r} needs gradients, which backend {backend_from.name!r} cannot give (no "
            "selected inverse); use a derivative-free optimizer (optimizer='auto' finds one) or another backend"
        )
    return Pipeline(linalg, minimizer, (backend_from, optimizer_from))


def choose_backend(
    pattern: Pattern, backend: str | LinalgBackend, *, with_gradient: bool = False, sampled: bool = False
) -> tuple[LinalgBackend, Provenance]:
    """The backend of that name, or with "auto" the one with the lowest predicted cost."""
    if not pattern.groupings:
        return NoEffects(), Provenance.of_object("linalg", NoEffects())
    if isinstance(backend, LinalgBackend):
        log.debug("backend %s: given as an object", type(backend).__name__)
        return backend, Provenance.of_object("linalg", backend)
    _check_name("linear-algebra backend", backend)
    if backend != "auto":
        log.debug("backend %s: asked for by name", backend)
        return registry.linalg_backend(backend)
    costs = [
        (candidate.cost(pattern), name)
        for name, candidate in registry.available_backends()
        if (candidate.has_gradient or not with_gradient) and (sampled or not candidate.samples)
    ]
    if not costs or min(costs)[0] == np.inf:
        sizes = ", ".join(f"{f.name}: {f.n_levels}" for f in pattern.groupings)
        others = [f"{e.name} ({e.reason})" for e in registry.entries("linalg") if e.state == "missing dependency"]
        advice = f"; after an install there is: {', '.join(others)}" if others else ""
        raise PluginError(f"no installed backend can factorize this model (levels {sizes}){advice}")
    name = min(costs)[1]
    log.debug("backend %s: the lowest predicted cost of %s", name, ", ".join(f"{n} {c:.3g}" for c, n in sorted(costs)))
    return registry.linalg_backend(name)


def analysis_with_gradient(pattern: Pattern, backend: str | LinalgBackend) -> Symbolic:
    """Analysis by that backend; by the cheapest of those with gradients, where it gives none."""
    chosen, _ = choose_backend(pattern, backend, with_gradient=True)
    if not chosen.has_gradient:
        chosen, _ = choose_backend(pattern, "auto", with_gradient=True)
    return chosen.analyze(pattern)


def choose_family(family: Any) -> tuple[Family, Provenance]:
    """The family of that name, or as it is, and where it comes from.

    Raises
    ------
    InputTypeError, PluginError
        For what is no family.
    """
    if isinstance(family, str):
        return registry.family(family)
    if isinstance(family, Family):
        return family, Provenance.of_object("family", family)
    if isinstance(family, type) and issubclass(family, Family):
        raise InputTypeError(f"family is the class {family.__name__}; pass an object: {family.__name__}()")
    raise InputTypeError(f"family must be a name or a Family object; got {shown(family)} ({type(family).__name__})")


def choose_optimizer(optimizer: str | Optimizer, gradients: bool) -> tuple[Optimizer, Provenance]:
    """The optimizer of that name, or with "auto" the registered one of highest priority that fits."""
    if isinstance(optimizer, Optimizer):
        return optimizer, Provenance.of_object("optimizer", optimizer)
    _check_name("optimizer", optimizer)
    if optimizer != "auto":
        return registry.optimizer(optimizer)
    for name, entry in registry.available_optimizers():
        if gradients or not entry.needs_gradient:
            log.debug("optimizer %s: the first by priority, %s gradients", name, "with" if gradients else "without")
            return registry.optimizer(name)
    raise PluginError("no optimizer is registered that fits: install ranef again, its built-in optimizers are missing")


def _check_name(what: str, asked: Any) -> None:
    if not isinstance(asked, str):
        raise InputTypeError(f"{what}: expected a name (a str), or an object of that kind; got {shown(asked)}")


@dataclass
class Watch:
    """Times the phases of a fit and tells its observers; one that raises is left out."""

    observers: list[Observer] = field(default_factory=list)
    timings: dict[str, float] = field(default_factory=dict)
    n_evaluations: int = 0
    #: What went wrong with observers; told at the end.
    notes: list[Note] = field(default_factory=list)
    began: float = field(default_factory=time.perf_counter)
    #: Whether the observer "progress" comes when work of many fits takes long: it is not imported before.
    late: bool = False

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time a phase."""
        if self.observers:
            self.tell(PhaseStarted(name))
        start = time.perf_counter()
        try:
            yield
        finally:
            seconds = time.perf_counter() - start
            self.timings[name] = self.timings.get(name, 0.0) + seconds
            log.debug("phase %s: %.3g s, %d evaluations so far", name, seconds, self.n_evaluations)

    def evaluated(self, x: FloatArray, value: float, gradient: FloatArray | None) -> None:
        """Count an evaluation, and announce it where somebody listens."""
        self.n_evaluations += 1
        if self.observers:
            seconds = time.perf_counter() - self.began
            self.tell(
                Evaluated(self.n_evaluations, x.copy(), value, None if gradient is None else gradient.copy(), seconds)
            )

    def advanced(self, work: str, done: int, total: int, failed: int, seconds: float) -> None:
        """Announce that work of many fits went on."""
        level = logging.INFO if done >= total else logging.DEBUG
        log.log(level, "%s: %d of %d, %d failed, %.3g s", work, done, total, failed, seconds)
        if self.late and seconds > LATE and done < total:
            self.observers, self.late = [*self.observers, *observers_of(None, True)], False
        if self.observers:
            self.tell(Advanced(work, done, total, failed, seconds))

    def tell(self, event: Event) -> None:
        """Notify every observer."""
        for observer in list(self.observers):
            self._call(observer, partial(observer.notify, event))

    def _call(self, observer: Observer, action: Callable[[], None]) -> None:
        try:
            action()
        except Exception as e:  # an observer must not break a fit
            self.observers.remove(observer)
            text = (
                f"observer {type(observer).__name__} raised {type(e).__name__}: {e}; it was left out of the rest of "
                "the fit, which is not affected"
            )
            self.notes.append(Note(PluginWarning, text))

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, *_: object) -> None:
        for observer in list(self.observers):
            self._call(observer, observer.close)
        tell(self.notes)


def observers_of(callbacks: Sequence[Observer | str] | Observer | str | None, verbose: bool) -> list[Observer]:
    """Observers given as objects or registered names; `verbose` adds the one named "progress"."""
    if callbacks is None:
        callbacks = []
    elif isinstance(callbacks, str | Observer):
        callbacks = [callbacks]
    elif not isinstance(callbacks, Sequence):
        raise InputTypeError(
            f"callbacks must be Observer objects or names of registered observers; got {shown(callbacks)}"
        )
    listed = [*callbacks, *(["progress"] if verbose else [])]
    out = []
    for item in listed:
        if isinstance(item, str):
            item = registry.observer(item)[0]
        if not isinstance(item, Observer):
            raise InputError(f"callbacks must be Observer objects or names of registered observers; got {shown(item)}")
        out.append(item)
    return out


def watch_of(progress: Any) -> Watch:
    """Who is told of progress: by default the bar of the extra "progress", where that is installed.

    It draws in terminals and notebooks only, and after a second.

    Raises
    ------
    InputError, InputTypeError, MissingExtraError
        For what is no observer; for ``True`` without rich.
    """
    if progress is None:
        return Watch(late=find_spec("rich") is not None)
    if isinstance(progress, bool | np.bool_):
        return Watch(observers_of(None, bool(progress)))
    return Watch(observers_of(progress, False))
