"""Laws of backends that find log|M| from random probes."""

from __future__ import annotations

import numpy as np

from ..contracts import SampledFactor, SampledSymbolic
from .check import LawBook, close, require
from .plugin import require_array, require_type
from .systems import System, Tested, everywhere, inner, samples

#: Step of differences of log|M| by T.
STEP = 1e-4

SAMPLED_LAWS: LawBook[Tested] = LawBook()


@SAMPLED_LAWS.law(on=inner, where=samples, first=True)
def probes_have_the_types_of_the_contract(b: Tested, system: System) -> None:
    """`analyze` gives a `SampledSymbolic`, `factorize` a `SampledFactor` with numbers for each probe."""
    symbolic = b.backend.analyze(system.case.pattern)
    require_type(b.backend.analyze, symbolic, SampledSymbolic)
    assert isinstance(symbolic, SampledSymbolic)
    require(symbolic.n_probes >= 2, f"{symbolic.n_probes} probes say nothing of their error")
    for asked in (symbolic.n_probes, 5):
        factor = symbolic.with_probes(asked).factorize(system.case.ZtWZ, system.T)
        require_type(symbolic.factorize, factor, SampledFactor)
        require_array(factor.logdet_gradient, factor.probe_logdets, (asked,))
        for T, by in zip(system.T, factor.probe_gradients, strict=True):
            require_array(factor.logdet_gradient, by, (*T.shape, asked))


@SAMPLED_LAWS.law(on=inner, where=samples)
def more_probes_keep_the_first(b: Tested, system: System) -> None:
    """Probes are the same whatever their number, so that doubling it adds to what was known."""
    few, many = (_probed(b, system, n) for n in (4, 8))
    close("probe_logdets", many.probe_logdets[:4], few.probe_logdets, rtol=1e-9, atol=1e-9)
    for more, by in zip(many.probe_gradients, few.probe_gradients, strict=True):
        close("probe_gradients", more[..., :4], by, rtol=1e-7, atol=1e-7)


@SAMPLED_LAWS.law(on=inner, where=samples)
def probes_stay_when_T_moves(b: Tested, system: System) -> None:
    """`logdet_gradient` is the derivative of `logdet` by T: the probes are the same at every T."""
    analysis = system.analysis(b.backend)
    gradient = analysis.factorize(system.case.ZtWZ, system.T).logdet_gradient()
    assert gradient is not None
    for j, by in enumerate(gradient):
        for entry in zip(*np.nonzero(system.T[j]), strict=True):
            sides = []
            for step in (STEP, -STEP):
                T = [t.copy() for t in system.T]
                T[j][entry] += step
                sides.append(analysis.factorize(system.case.ZtWZ, tuple(T)).logdet)
            slope = (sides[0] - sides[1]) / (2.0 * STEP)
            close(f"d logdet / dT[{j}]", by[entry], slope, rtol=1e-5, atol=1e-5)


@SAMPLED_LAWS.law(on=everywhere, where=samples)
def the_mean_of_probes_is_the_answer(b: Tested, system: System) -> None:
    """`logdet` and `logdet_gradient` are the means over the probes."""
    factor = _probed(b, system, 8)
    close("logdet", factor.logdet, factor.probe_logdets.mean(), rtol=1e-12, atol=1e-12)
    gradient = factor.logdet_gradient()
    for given, by in zip(gradient, factor.probe_gradients, strict=True):
        scale = 1.0 + float(np.abs(by).max())
        close("logdet_gradient", given, by.mean(axis=2), rtol=1e-12, atol=1e-12 * scale)


def _probed(b: Tested, system: System, n_probes: int) -> SampledFactor:
    symbolic = b.backend.analyze(system.case.pattern)
    assert isinstance(symbolic, SampledSymbolic)
    return symbolic.with_probes(n_probes).factorize(system.case.ZtWZ, system.T)
