"""`ranef bench` from the command line, processes and files included."""

from __future__ import annotations

import csv
import json
from functools import partial

import numpy as np
import pytest
from click.testing import CliRunner

import ranef.datasets
from ranef.bench import record, simulate, worker
from ranef.bench.many import SEED, ManyResponses
from ranef.bench.measure import Probe
from ranef.bench.methods import Plugins
from ranef.bench.model import Case, Workload
from ranef.bench.report import seconds, times
from ranef.bench.streamed import Streamed
from ranef.cli import main


def bench(*arguments):
    return CliRunner().invoke(main, ["bench", *map(str, arguments)])


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """Two backends on sleepstudy: what was printed, and the files."""
    folder = tmp_path_factory.mktemp("bench")
    files = {name: folder / f"out.{name}" for name in ("json", "csv", "png")}
    output = ["--json", files["json"], "--csv-out", files["csv"], "--plot", files["png"]]
    run = bench("sleepstudy", "--backend", "dense", "--backend", "blocked", "--repeats", 3, *output)
    assert run.exit_code == 0, run.output
    return run.stdout, files


def test_figures_of_every_method(done):
    results = json.loads(done[1]["json"].read_text())["results"]
    assert [r["method"] for r in results] == ["dense / auto", "blocked / auto"]
    for r in results:
        assert r["status"] == "ok"
        assert len(r["times"]) == 3
        quartiles = np.quantile(r["times"], [0.25, 0.5, 0.75])
        assert [r["seconds"][at] for at in ("q1", "median", "q3")] == pytest.approx(quartiles, rel=1e-12)
        assert len(r["control"]) == 7  # before all, and after each of 2 x 3 fits
        assert min(r["control"]) > 0
        assert r["criterion"] == pytest.approx(1743.62827195849, abs=1e-6)  # lme4
        assert 0 <= r["excess"] < 1e-8
        assert r["size"] == {"n": 180, "p": 2, "q": 36, "m": 3}
        assert r["memory"]["peak_mb"] >= r["memory"]["before_mb"] > 10
        assert max(r["oracle"].values()) < 1e-10
        assert r["evaluations"] >= 1


def test_threads_are_pinned_and_told(done):
    record = json.loads(done[1]["json"].read_text())
    assert record["environment"]["threads"] == "1"
    assert "threads 1" in done[0]
    assert "processor" in done[0]


def test_other_files(done):
    with done[1]["csv"].open() as file:
        assert [line["method"] for line in csv.DictReader(file)] == ["dense / auto", "blocked / auto"]
    assert done[1]["png"].read_bytes().startswith(b"\x89PNG")


def test_saved_runs_compare(done):
    run = bench("--compare", done[1]["json"], done[1]["json"])
    assert run.exit_code == 0, run.output
    verdicts = [line.split("  ") for line in run.output.splitlines() if " / auto" in line]
    assert [cells.count("same") for cells in verdicts] == [1, 1]


def test_models_are_fitted_from_a_file_as_well(tmp_path):
    path = tmp_path / "a.json"
    simulated = ["--simulate", "slopes:rows=500", "--grow", "levels=20,40"]
    run = bench(*simulated, "--stream", "--repeats", 1, "--no-memory", "--json", path)
    assert run.exit_code == 0, run.output
    results = json.loads(path.read_text())["results"]
    assert [r["method"] for r in results] == ["auto / auto", "auto / auto, from a file"] * 2
    for in_memory, from_file in (results[:2], results[2:]):
        assert from_file["size"] == in_memory["size"]
        assert from_file["criterion"] == pytest.approx(in_memory["criterion"], abs=1e-9)


def test_formulas_of_arrays_make_the_same_model(tmp_path):
    rng, n = np.random.default_rng(1), 60
    z, g, h = rng.normal(size=n), rng.integers(8, size=n), rng.integers(5, size=n)
    model = Workload(
        y=z + rng.normal(size=8)[g] * (1 + z) + rng.normal(size=n),
        X=np.column_stack([np.ones(n), z, z**2]),
        x_names=("(Intercept)", "z", "z2"),
        groups={"g": g, "h": h},
        random_effects={"g": [["1", "z2"], ["w"]], "h": [["1", "z"]]},
        random_data={"w": rng.normal(size=n)},
        correlated={"h": False},
        weights=rng.uniform(0.5, 2.0, n),
        offset=rng.normal(size=n),
        reml=False,
    )
    prepared = Streamed(Plugins()).prepare(model)
    assert prepared.minus_2_log_likelihood(prepared.fit()) == pytest.approx(-2.0 * model.fit().log_likelihood, abs=1e-8)


def test_what_cannot_be_streamed_is_told(tmp_path):
    run = bench("cbpp", "--stream", "--repeats", 1, "--no-memory")
    assert run.exit_code == 0, run.output
    assert "generalized models have no sums over rows" in run.output
    assert "one of them" in bench("sleepstudy", "--stream", "--many", 2).output


def test_many_responses_at_once_and_one_by_one(tmp_path):
    path = tmp_path / "a.json"
    run = bench("sleepstudy", "--many", 12, "--repeats", 1, "--no-memory", "--json", path)
    assert run.exit_code == 0, run.output
    at_once, one_by_one = json.loads(path.read_text())["results"]
    assert [r["method"] for r in (at_once, one_by_one)] == [
        f"auto / auto, 12 {way}" for way in ("at once", "one by one")
    ]
    assert [(r["responses"], r["fitted"]) for r in (at_once, one_by_one)] == [(12, 12)] * 2
    data = ranef.datasets.load("sleepstudy")
    fit = ranef.lmm("Reaction ~ Days + (Days | Subject)", data)
    expected = sum(-2.0 * fit.refit(y).log_likelihood for y in fit.simulate(12, rng=SEED).T)
    assert [at_once["criterion"], one_by_one["criterion"]] == pytest.approx([expected] * 2, abs=1e-7)
    assert f"{seconds(at_once['seconds']['median'] / 12)}" in run.stdout


@pytest.mark.parametrize("at_once", [True, False])
def test_a_response_that_has_no_fit_is_left_out(at_once, monkeypatch):
    """All zeros: the Poisson likelihood has no maximum."""
    model = Workload(
        np.tile([1.0, 3.0, 0.0, 2.0], 6), np.ones((24, 1)), {"g": np.repeat(np.arange(6), 4)}, family="poisson"
    )
    method = ManyResponses(Plugins(), 2, at_once)
    drawn = np.column_stack([model.y, np.zeros(24)])
    monkeypatch.setattr(ranef.GLMMSolution, "simulate", lambda self, n, rng: drawn)
    prepared = method.prepare(model)
    found = prepared.fit()
    assert np.isnan(found).tolist() == [False, True]
    assert method.details(model, found, 1)["fitted"] == 1
    assert prepared.minus_2_log_likelihood(found) == pytest.approx(-2.0 * model.fit().log_likelihood, abs=1e-8)


def test_a_response_without_a_fit_is_counted():
    done = {"case": "a", "status": "ok", "method": "m", "seconds": {"median": 0.2, "q1": 0.2, "q3": 0.2}}
    table = times({"results": [done | {"responses": 10, "fitted": 7}, done | {"responses": 10, "fitted": 10}]})
    first, second = [line.split() for line in table.splitlines()[2:]]
    assert first[-3:] == ["20.0", "ms", "3"]
    assert second[-2:] == ["20.0", "ms"]


def test_growth_of_a_simulated_model(tmp_path):
    path, picture = tmp_path / "a.json", tmp_path / "a.svg"
    grow = ["--simulate", "slopes:rows=300,levels=10", "--grow", "columns=1,2"]
    run = bench(*grow, "--repeats", 1, "--no-memory", "--json", path, "--plot", picture)
    assert run.exit_code == 0, run.output
    assert [r["size"]["m"] for r in json.loads(path.read_text())["results"]] == [1, 3]
    assert "<svg" in picture.read_text()


def test_own_data(tmp_path):
    columns = ranef.datasets.load("penicillin")
    path = tmp_path / "mine.csv"
    lines = [",".join(map(str, row)) for row in zip(*columns.values(), strict=True)]
    path.write_text("\n".join([",".join(columns), *lines]))
    run = bench(
        "--csv",
        path,
        "--y",
        "diameter",
        "--groups",
        "plate,sample",
        "--no-memory",
        "--repeats",
        1,
        "--json",
        tmp_path / "a.json",
    )
    assert run.exit_code == 0, run.output
    (result,) = json.loads((tmp_path / "a.json").read_text())["results"]
    assert result["case"] == "mine.csv"
    assert result["criterion"] == pytest.approx(330.860588991086, abs=1e-6)  # lme4


@pytest.fixture
def csv_file(tmp_path):
    """The data of sleepstudy, with weights, an offset, counts and trials."""
    days = ranef.datasets.load("sleepstudy")
    rng = np.random.default_rng(3)
    columns = {name: np.asarray(values) for name, values in days.items()} | {
        "w": rng.choice([0.5, 1.0, 4.0], 180),
        "o": rng.normal(scale=20, size=180).round(3),
        "trials": rng.integers(2, 9, 180),
    }
    chance = 0.2 + 0.6 * (np.arange(180) // 10 % 2)  # of every other subject
    columns["share"] = rng.binomial(columns["trials"], chance) / columns["trials"]
    path = tmp_path / "data.csv"
    np.savetxt(path, np.column_stack(list(columns.values())), "%s", ",", header=",".join(columns), comments="")
    return path, columns


OPTIONS = {
    "nothing more": ([], {}),
    "weights": (["--weights", "w"], {"weights": "w"}),
    "offset": (["--offset", "o"], {"offset": "o"}),
    "uncorrelated": (["--uncorrelated", "Subject"], {"correlated": {"Subject": False}}),
    "ml": (["--ml"], {"reml": False}),
    "no intercept": (["--no-intercept"], {}),
}


@pytest.mark.parametrize("option", OPTIONS)
def test_options_of_own_data_are_arguments_of_the_library(csv_file, monkeypatch, option):
    path, d = csv_file
    given, arguments = OPTIONS[option]
    arguments = {k: d[v] if isinstance(v, str) else v for k, v in arguments.items()}
    ones = [] if option == "no intercept" else [np.ones(180)]
    expected = ranef.lmm(
        d["Reaction"],
        np.column_stack([*ones, d["Days"]]),
        {"Subject": d["Subject"]},
        random_effects={"Subject": ["1", "Days"]},
        random_data={"Days": d["Days"]},
        **arguments,
    )
    fit = fit_of(monkeypatch, path, "--y", "Reaction", "--x", "Days", "--random", "Subject: 1 + Days", *given)
    assert fit.log_likelihood == pytest.approx(expected.log_likelihood, rel=1e-12)
    np.testing.assert_allclose(fit.coefficients, expected.coefficients, rtol=1e-10)


def test_weights_of_own_binomial_data_are_trials(csv_file, monkeypatch):
    path, d = csv_file
    ones, groups = np.ones((180, 1)), {"Subject": d["Subject"]}
    expected = ranef.glmm(d["share"], ones, groups, family="binomial", weights=d["trials"])
    options = ["--y", "share", "--groups", "Subject", "--family", "binomial", "--weights", "trials"]
    assert fit_of(monkeypatch, path, *options).log_likelihood == pytest.approx(expected.log_likelihood, rel=1e-12)


def fit_of(monkeypatch, path, *options):
    """The fit of the model that the command would measure."""
    seen = []

    class Stopped(Exception):
        pass

    def benchmark(cases, *arguments, **others):
        seen.extend(cases)
        raise Stopped

    monkeypatch.setattr(record, "benchmark", benchmark)
    assert isinstance(bench("--csv", path, *options).exception, Stopped)
    return seen[0].build().fit()


def test_the_exit_code_says_that_every_method_failed(tmp_path):
    path = tmp_path / "a.json"
    spec = "slopes:rows=150000,levels=25000,columns=1"  # too many random effects for the dense backend
    methods = ["--backend", "dense", "--optimizer", "lbfgsb", "--optimizer", "bobyqa"]
    run = bench("--simulate", spec, *methods, "--json", path)
    assert run.exit_code == 1
    assert run.stdout.count("its cost is infinite") == 1
    assert "(dense / lbfgsb, dense / bobyqa): PluginError: " in run.stdout
    assert "Time of the fit call" not in run.stdout
    assert "threads 1" in run.stdout  # where it was tried is known all the same
    assert [r["status"] for r in json.loads(path.read_text())["results"]] == ["failed", "failed"]


def test_a_backend_that_cannot_is_told_and_the_others_are_timed(tmp_path):
    # about 25,000 random effects: the dense backend's cost is infinite
    path = tmp_path / "a.json"
    spec = "slopes:rows=150000,levels=25000,columns=1"
    run = bench("--simulate", spec, "--backend", "dense", "--backend", "blocked", "--repeats", 1, "--json", path)
    assert run.exit_code == 0, run.output
    assert "its cost is infinite" in run.output
    assert [r["status"] for r in json.loads(path.read_text())["results"]] == ["failed", "ok"]


def test_a_process_that_takes_too_long_is_stopped():
    slow = Case("slow", partial(simulate.crossed, rows=10_000_000, levels="100x100"))
    (result,), _ = worker.run(Probe(slow, Plugins()), threads=1, timeout=0.05)
    assert result == {"status": "timeout", "reason": "took longer than 0.05 s"}


def test_a_process_that_dies_gives_its_last_words():
    broken = Case("broken", partial(simulate.crossed, levels="a"))
    (result,), _ = worker.run(Probe(broken, Plugins()), threads=1)
    assert result["status"] == "failed"
    assert result["reason"].startswith("ValueError: ")
    assert "^" not in result["reason"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--grow", "levels=1,2"], "needs one simulated model"),
        (["--y", "a"], "--y needs --csv"),
        (["sleep"], "no case 'sleep'"),
        (["sleepstudy", "--grow", "levels=1,2"], "no generator 'sleepstudy'"),
        (["--csv", "FILE", "--formula", "Reaction ~ Dayz + (1 | Subject)"], "no column 'Dayz'"),
        (["--csv", "FILE", "--y", "Reaction", "--x", "Dayz", "--groups", "Subject"], "no column 'Dayz'"),
    ],
)
def test_mistakes(csv_file, arguments, message):
    run = bench(*[csv_file[0] if argument == "FILE" else argument for argument in arguments])
    assert run.exit_code in (1, 2)
    assert message in run.output
    assert "median" not in run.output  # nothing was measured


def test_built_ins_only_holds_in_the_measuring_process(monkeypatch):
    seen = {}

    class Stopped(Exception):
        pass

    def popen(*arguments, env, **others):
        seen.update(env)
        raise Stopped

    monkeypatch.setattr(worker.subprocess, "Popen", popen)
    run = CliRunner().invoke(main, ["--built-ins-only", "bench", "sleepstudy", "--threads", "2"])
    assert isinstance(run.exception, Stopped)
    assert seen["RANEF_PLUGINS"] == "off"
    assert seen["OPENBLAS_NUM_THREADS"] == "2"


def test_missing_matplotlib_is_told_before_anything_is_measured(monkeypatch, tmp_path):
    monkeypatch.setattr("ranef.plots.style.importlib.util.find_spec", lambda name: None)
    run = bench("sleepstudy", "--plot", tmp_path / "a.png")
    assert run.exit_code == 1
    assert run.output == 'Error: --plot needs matplotlib: pip install "ranef[plots]"\n'


def test_overview_lists_cases_and_generators():
    run = bench("--list")
    assert run.exit_code == 0, run.output
    for text in ("sleepstudy", "crossed-1m", "rows=10000,levels=500,columns=2"):
        assert text in run.output
