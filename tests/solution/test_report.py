"""The report of a fit: one page with all its parts, that asks for no other file, and that a browser shows."""

from __future__ import annotations

import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from base64 import b64decode
from html.parser import HTMLParser

import matplotlib
import numpy as np
import pytest
from click.testing import CliRunner

import ranef
from ranef.cli import main

matplotlib.use("Agg")
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
VOID = {"meta", "img", "br"}


class Page(HTMLParser):
    """The parts of a page, whose elements have to be closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.sections: dict[str, str] = {}
        self.images: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.attributes += attributes.items()
        if tag not in VOID:
            self.open.append(tag)
        if tag == "section":
            self.sections[attributes["id"]] = ""
        if tag == "img":
            assert attributes["alt"]
            self.images.append(attributes["src"])

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "section" in self.open:
            name = list(self.sections)[-1]
            self.sections[name] += data


@pytest.fixture(scope="module")
def sleep():
    return ranef.lmm("Reaction ~ Days + (Days | Subject)", ranef.datasets.load("sleepstudy"))


@pytest.fixture(scope="module")
def text(sleep):
    return sleep.report(rng=1, nsim=50)


def test_all_parts_are_there_with_their_numbers(sleep, text):
    page = Page(text)
    assert list(page.sections) == [
        "summary", "tests-of-terms", "confidence-intervals", "checks", "plots", "how-it-was-fitted",
    ]  # fmt: skip
    # lme4 1.1-31 and lmerTest: the deviance, the slope's standard error, its F
    assert "1743.6" in page.sections["summary"]
    assert "1.546" in page.sections["summary"]
    assert "45.85" in page.sections["tests-of-terms"]
    assert "sd_Days|Subject" in page.sections["confidence-intervals"]
    assert f"in {len(sleep.check(50, rng=1).looked_at)} checks" in page.sections["checks"]
    assert "blocked" in page.sections["how-it-was-fitted"]


def test_plots_are_pictures_in_the_page(text):
    page = Page(text)
    assert len(page.images) == 5
    for source in page.images:
        kind, _, data = source.partition(",")
        assert kind == "data:image/svg+xml;base64"
        assert ElementTree.fromstring(b64decode(data)).tag == "{http://www.w3.org/2000/svg}svg"


def test_the_page_asks_for_no_other_file(text):
    page = Page(text)
    asked = [value for name, value in page.attributes if name in ("src", "href", "srcset", "data", "action")]
    assert asked == page.images
    assert "<script" not in text
    assert "url(" not in text
    assert "@import" not in text


def test_the_same_seed_gives_the_same_page(sleep, text):
    assert sleep.report(rng=np.random.default_rng(1), nsim=50) == text
    assert sleep.report(rng=2, nsim=50) != text


def test_what_users_write_is_text():
    d = ranef.datasets.load("dyestuff")
    fit = ranef.lmm(d["Yield"], np.ones((30, 1)), {"<b>&": d["Batch"]}, x_names=["<script>"])
    page = fit.report(rng=1, nsim=20)
    assert "<script" not in page
    assert "<b>" not in page
    assert "&lt;script&gt;" in page


def test_what_a_model_does_not_have_is_said():
    d = ranef.datasets.load("dyestuff")
    fit = ranef.lmm(d["Yield"], np.ones((30, 1)), {"Batch": d["Batch"]})
    page = Page(fit.report(rng=1, nsim=20))
    assert page.sections["tests-of-terms"].strip().startswith("Tests of terms\nNot available: ")


def test_without_rows_there_is_all_that_needs_none(sleep, tmp_path):
    sleep.save(tmp_path / "fit.ranef")
    page = Page(ranef.load(tmp_path / "fit.ranef").report(rng=1))
    assert "45.85" in page.sections["tests-of-terms"]
    assert len(page.images) == 2  # conditional modes of intercepts and slopes
    assert "Not available" in page.sections["plots"]


@pytest.mark.parametrize("bad", [{"rng": None}, {"rng": 1, "nsim": 0}, {"rng": "x"}])
def test_settings_are_checked_first(sleep, bad, tmp_path):
    with pytest.raises(ranef.RanefError):
        sleep.report(tmp_path / "page.html", **bad)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("bad", [{"anova": 4}, {"df": "guessed"}])
def test_settings_of_tests_are_no_reason_for_a_page(sleep, bad, tmp_path):
    with pytest.raises(ranef.InputError):
        sleep.report(tmp_path / "page.html", rng=1, **bad)
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(BROWSER is None, reason="there is no Chromium")
def test_a_browser_shows_the_pictures(text, tmp_path):
    widths = "document.title = [...document.images].map(i => i.naturalWidth > 99).join()"
    script = f"<script>addEventListener('load', () => {{ {widths} }})</script>"
    (tmp_path / "page.html").write_text(text.replace("</body>", script + "</body>"), encoding="utf-8")
    command = [
        BROWSER,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-background-networking",
    ]
    command += [f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", (tmp_path / "page.html").as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "<title>true,true,true,true,true</title>" in done.stdout


# From the shell ------------------------------------------------------------------------------------------------------


@pytest.fixture
def file(tmp_path):
    d = ranef.datasets.load("sleepstudy")
    rows = zip(*(column.tolist() for column in d.values()), strict=True)
    text = "\n".join([",".join(d), *(",".join(map(str, row)) for row in rows)])
    (tmp_path / "trial.csv").write_text(text, encoding="utf-8")
    return tmp_path / "trial.csv"


def test_one_command_from_data_to_report(file):
    formula, png, html = "Reaction ~ Days + (Days | Subject)", file.with_suffix(".png"), file.with_suffix(".html")
    arguments = ["fit", str(file), formula, "--anova", "2", "--df", "kenward-roger", "--check"]
    done = CliRunner().invoke(main, [*arguments, "--plot", str(png), "--html", str(html)])
    assert done.exit_code == 0, done.output
    assert "Type II Analysis of Variance Table with Kenward-Roger's method" in done.output
    assert " checks\n" in done.output
    assert png.read_bytes().startswith(b"\x89PNG")
    assert "Type II Analysis" in Page(html.read_text(encoding="utf-8")).sections["tests-of-terms"]


def test_a_model_is_kept_though_its_plot_cannot_be_drawn(file):
    formula, model = "Reaction ~ Days + (1 | Subject)", file.with_suffix(".ranef")
    done = CliRunner().invoke(main, ["fit", str(file), formula, "--plot", "residuals.xyz", "--save", str(model)])
    assert done.exit_code == 1
    assert ranef.load(model).converged


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--plot", "residuals.xyz"], "--plot residuals.xyz: "),
        (["--df", "kenward-roger"], "--df is of --anova"),
        (["--anova", "4"], "'4' is not one of"),
    ],
)
def test_what_the_options_cannot_do(file, options, said, monkeypatch):
    monkeypatch.chdir(file.parent)
    done = CliRunner().invoke(main, ["fit", str(file), "Reaction ~ Days + (1 | Subject)", *options])
    assert done.exit_code != 0
    assert said in done.output
    assert "Traceback" not in done.output
