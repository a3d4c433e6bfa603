"""What a plot of a benchmark shows: ticks, labels, legend, room at the edges."""

from __future__ import annotations

import pytest

from ranef.bench.plot import draw, plot
from ranef.contracts import InputError

figure = pytest.importorskip("matplotlib.figure")


def result(method="blocked / auto", case="a", median=0.02, q=None, peer="", used=("blocked", "trust-region")):
    return {
        "case": case,
        "grown": "" if q is None else "levels",
        "method": method,
        "peer": peer,
        "status": "ok",
        "seconds": {"q1": 0.9 * median, "median": median, "q3": 1.1 * median},
        **({} if q is None else {"size": {"q": q}}),
        **({} if peer else {"used": dict(zip(("linalg", "optimizer"), used, strict=True))}),
    }


def drawn(*results):
    axes = figure.Figure().add_subplot()
    draw({"results": list(results), "environment": {"processor": "P"}, "settings": {"threads": 1}}, axes)
    axes.figure.draw_without_rendering()
    return axes


def labels(axis):
    low, high = axis.get_view_interval()
    return [tick.label1.get_text() for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]


def legend(axes):
    shown = axes.get_legend()
    return shown.get_title().get_text(), [text.get_text() for text in shown.get_texts()]


def grown(sizes):
    return drawn(*(result(case=f"q={q}", q=q, median=1e-5 * q) for q in sizes))


@pytest.mark.parametrize("sizes", [[200], [400, 600], [100, 1000, 25000]])
def test_ticks_are_the_sizes_that_were_run(sizes):
    axes = grown(sizes)
    assert labels(axes.xaxis) == [f"{size:,}" for size in sizes]
    assert list(axes.xaxis.get_minorticklocs()) == []
    assert axes.get_xlabel() == "random effects q"


@pytest.mark.parametrize("sizes", [[200], [400, 600], [100, 1000, 25000]])
def test_no_size_stands_at_an_edge(sizes):
    low, high = grown(sizes).get_xlim()
    assert low < 0.9 * sizes[0]
    assert high > 1.1 * sizes[-1]


@pytest.mark.parametrize("n", [1, 2, 5])
def test_no_case_stands_at_an_edge(n):
    axes = drawn(*(result(m, case=f"case {i}") for i in range(n) for m in ("dense / auto", "blocked / auto")))
    low, high = axes.get_xlim()
    assert low < -0.3
    assert high > n - 0.7
    assert labels(axes.xaxis) == [f"case {i}" for i in range(n)]


@pytest.mark.parametrize(
    ("fastest", "slowest", "some"),
    [(0.003, 0.005, {"3 ms", "4 ms", "5 ms"}), (0.02, 6.0, {"100 ms", "1 s"}), (1.2, 90.0, {"2 s", "50 s"})],
)
def test_times_have_round_labels_with_units(fastest, slowest, some):
    axes = drawn(result(median=fastest), result(case="b", median=slowest))
    shown = labels(axes.yaxis)
    assert some <= set(shown)
    assert 3 <= len(shown) <= 12
    assert list(axes.yaxis.get_minorticklocs()) == []
    low, high = axes.get_ylim()
    assert low < 0.9 * fastest < 1.1 * slowest < high


@pytest.mark.parametrize(
    ("methods", "title", "names"),
    [
        (["dense / auto", "blocked / auto"], "backend", ["dense", "blocked"]),
        (["auto / lbfgsb", "auto / bobyqa"], "optimizer", ["lbfgsb", "bobyqa"]),
        (
            ["auto / auto", "dense / lbfgsb"],
            "backend / optimizer",
            ["auto: blocked / auto: trust-region", "dense / lbfgsb"],
        ),
        (["auto / auto"], "backend", ["auto: blocked"]),
    ],
)
def test_the_legend_says_what_methods_differ_in(methods, title, names):
    assert legend(drawn(*map(result, methods))) == (title, names)


def test_the_legend_names_peers_and_all_that_auto_stood_for():
    many = [result("auto / auto"), result("auto / auto", case="b", used=("dense", "trust-region"))]
    assert legend(drawn(*many, result("lme4", peer="lme4"))) == ("backend", ["auto: blocked or dense", "lme4"])


def test_methods_on_one_case_stand_side_by_side():
    axes = drawn(*map(result, ["dense / auto", "blocked / auto", "cholmod / auto"]))
    places = [container.lines[0].get_xdata()[0] for container in axes.containers]
    assert places == pytest.approx([-0.12, 0.0, 0.12])


def test_nothing_to_plot(tmp_path):
    failed = {"results": [{"status": "failed"}], "environment": {}, "settings": {"threads": 1}}
    with pytest.raises(InputError, match="nothing to plot"):
        plot(failed, tmp_path / "a.png")
