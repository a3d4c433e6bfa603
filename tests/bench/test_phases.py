"""Time by phase: the clock, and that plugins under the clock give the same fit."""

from __future__ import annotations

import numpy as np
import pytest

from ranef import registry
from ranef.bench import cases, phases, simulate
from ranef.bench.oracle import disagreement
from ranef.contracts import Factor, LinalgBackend, PatternBlocks, Symbolic


@pytest.fixture
def clock(monkeypatch):
    """A clock whose time is the number of looks at it."""
    looks = iter(range(1000))
    monkeypatch.setattr(phases.time, "perf_counter", lambda: float(next(looks)))
    return phases.Clock()


def test_time_of_a_nested_block_belongs_to_the_inner_name(clock):
    with clock.measure("outer"):  # 0 to 5
        with clock.measure("inner"):  # 1 to 2
            pass
        with clock.measure("inner"):  # 3 to 4
            pass
    assert clock.seconds == {"inner": 2.0, "outer": 3.0}


def test_time_counts_when_a_block_raises(clock):
    with pytest.raises(ZeroDivisionError), clock.measure("outer"), clock.measure("inner"):
        raise ZeroDivisionError
    assert clock.seconds == {"inner": 1.0, "outer": 2.0}


@pytest.mark.parametrize("optimizer", ["trust-region", "lbfgsb", "nelder-mead"])
def test_the_clock_does_not_change_the_fit(optimizer):
    model = cases.penicillin()
    timed, seconds = phases.phases_of_fit(
        model, registry.linalg_backend("blocked")[0], registry.optimizer(optimizer)[0]
    )
    plain = model.fit("blocked", optimizer)
    np.testing.assert_array_equal(timed.theta, plain.theta)
    assert timed.n_evaluations == plain.n_evaluations
    assert set(seconds) == set(phases.PHASES)
    assert min(seconds.values()) > 0


def test_phases_of_a_generalized_model():
    backend, optimizer = registry.linalg_backend("blocked")[0], registry.optimizer("trust-region")[0]
    fit, seconds = phases.phases_of_fit(cases.cbpp(), backend, optimizer)
    assert fit.converged
    assert {"symbolic", "numeric", "solve", "criterion", "optimizer", "other", "inference"} <= set(seconds)


class NoInverse(LinalgBackend):
    """The dense backend without its selected inverse."""

    def __init__(self):
        self.dense = registry.linalg_backend("dense")[0]

    def cost(self, pattern):
        return self.dense.cost(pattern)

    def analyze(self, pattern):
        return Scaled(self.dense.analyze(pattern), 1.0, False)


class Scaled(Symbolic):
    """Multiplies log|M| by a factor."""

    def __init__(self, symbolic, by, inverse):
        self.symbolic, self.by, self.inverse = symbolic, by, inverse

    def factorize(self, ZtWZ, T):
        return (ScaledFactorWithInverse if self.inverse else ScaledFactor)(self.symbolic.factorize(ZtWZ, T), self.by)


class ScaledFactor(Factor):
    def __init__(self, factor, by):
        self.factor, self.by = factor, by

    @property
    def logdet(self):
        return self.by * self.factor.logdet

    def half_solve(self, B):
        return self.factor.half_solve(B)

    def back_solve(self, C):
        return self.factor.back_solve(C)


class ScaledFactorWithInverse(ScaledFactor):
    def selected_inverse(self):
        found = self.factor.selected_inverse()
        return PatternBlocks(tuple(self.by * d for d in found.diagonal), found.cross)


def test_a_backend_without_selected_inverse_stays_one_under_the_clock():
    fit, seconds = phases.phases_of_fit(cases.sleepstudy(), NoInverse(), registry.optimizer("cobyqa")[0])
    assert fit.converged
    assert "inverse" not in seconds
    assert -2 * fit.log_likelihood == pytest.approx(1743.62827195849, abs=1e-6)  # lme4


@pytest.mark.parametrize("spec", ["crossed:rows=800,levels=30x8x3", "nested:rows=800,levels=5x60", "slopes:rows=900"])
def test_the_blocked_backend_agrees_with_the_oracle(spec):
    design = simulate.parse(spec).build().checked()
    T = design.random.template.T(np.full(len(design.random.template), 0.8))
    found = disagreement(registry.linalg_backend("blocked")[0], design, T)
    assert set(found) == {"logdet", "solve", "gradient"}
    assert max(found.values()) < 1e-10


def test_a_wrong_backend_disagrees_with_the_oracle_by_as_much_as_it_is_wrong():
    class Wrong(NoInverse):
        has_selected_inverse = True

        def analyze(self, pattern):
            return Scaled(self.dense.analyze(pattern), 1.001, True)

    found = disagreement(Wrong(), cases.penicillin().checked(), (np.array([[1.5]]), np.array([[3.0]])))
    assert found["logdet"] == pytest.approx(1e-3, rel=1e-6)
    assert found["solve"] < 1e-12
    assert found["gradient"] > 1e-4


def test_no_oracle_for_many_random_effects():
    model = simulate.parse("crossed:rows=40000,levels=3100").build()
    assert disagreement(registry.linalg_backend("blocked")[0], model.checked(), (np.eye(1), np.eye(1))) is None
