"""Peers: data frames and formulas, what adapters refuse, and installed peers against ranef."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ranef.bench import cases, record, simulate
from ranef.bench.methods import Plugins
from ranef.bench.model import Prepared, Workload
from ranef.contracts import InputError

from . import peers
from .peers import PEERS, CannotFitError, as_frame


def test_names_become_plain_in_frames_and_formulas():
    model = replace(
        cases.sleepstudy(),
        x_names=("(Intercept)", "Days of deprivation"),
        random_effects={"Subject": [["1", "Days of deprivation", "other"]]},
        random_data={"other": np.arange(180.0)},
    )
    frame, fixed, terms = as_frame(model)
    assert fixed == "1 + x1"
    assert terms == [("g0", "1 + x1 + z0")]
    assert list(frame.columns) == ["y", "x1", "z0", "g0"]
    assert frame["g0"].nunique() == 18


def test_models_without_intercepts():
    model = replace(
        cases.sleepstudy(), X=np.arange(180.0)[:, None], x_names=("Days",), random_effects={"Subject": [["Days"]]}
    )
    _, fixed, terms = as_frame(model)
    assert fixed == "0 + x0"
    assert terms == [("g0", "0 + x0")]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"offset": np.zeros(180)}, "no offsets"),
        ({"correlated": {"Subject": False}}, "no uncorrelated terms"),
        ({"covariance": {"Subject": "cs"}}, "no covariance structures"),
        ({"random_effects": {"Subject": [["1"], ["Days"]]}}, "one term for each factor"),
    ],
)
def test_models_that_no_adapter_passes(change, message):
    with pytest.raises(CannotFitError, match=message):
        as_frame(replace(cases.sleepstudy(), **change))


def test_choice_of_peers(monkeypatch):
    here = peers.Peer("here", "json", peers.lme4)
    gone = peers.Peer("gone", "no_such_module", peers.lme4)
    monkeypatch.setattr(peers, "PEERS", {"here": here, "gone": gone})
    assert peers.chosen("all") == [here]
    assert peers.chosen("") == []
    assert peers.chosen("here") == [here]
    with pytest.raises(InputError, match="the peer gone is not installed"):
        peers.chosen("gone")
    with pytest.raises(InputError, match="no peer 'lme5'; there is: here, gone"):
        peers.chosen("lme5")


@pytest.mark.parametrize("peer", [name for name, peer in PEERS.items() if peer.installed])
@pytest.mark.parametrize("spec", ["slopes:rows=400,levels=20,ml=1", "crossed:rows=400,levels=12x6,ml=1"])
def test_installed_peers_fit_the_same_model(peer, spec):
    model = simulate.parse(spec).build()
    try:
        prepared = PEERS[peer].prepare(model)
    except CannotFitError as reason:
        pytest.skip(str(reason))
    criterion = prepared.minus_2_log_likelihood(prepared.fit())
    best = -2 * model.fit().log_likelihood
    assert best - 1e-6 < criterion < best + 1.0  # the same criterion; some stop short of its optimum


def ranef_itself(model: Workload) -> Prepared:
    return Prepared(model.fit, lambda fit: -2.0 * fit.log_likelihood)


def test_a_peer_is_measured_beside_ranef():
    # The process that measures finds the peer by the name of its module, here from the root of the repository.
    peer = peers.Peer("itself", "ranef", ranef_itself)
    done = record.benchmark([cases.named("sleepstudy")], [Plugins(), peer], repeats=1, memory=False)
    own, other = done["results"]
    assert (own["peer"], other["peer"]) == ("", "itself")
    assert (other["status"], other["method"]) == ("ok", "itself")
    assert other["version"] == peer.version
    assert other["criterion"] == own["criterion"]
    assert "phases" not in other
