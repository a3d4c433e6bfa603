"""Any text ends in a fit or in an error of ranef's, and calls nothing but what is listed."""

from __future__ import annotations

import ast
import builtins
import random
import warnings
from pathlib import Path

import numpy as np
import pytest

import ranef
from ranef.contracts import RanefError
from ranef.formula import expressions, functions

from .formulas import BARS, FIXED, REFUSED

VALID = [*BARS, *(f"y ~ {text} + (1 | g)" for text in FIXED), *REFUSED]
PIECES = [
    "y",
    "x",
    "f",
    "g",
    "h",
    "b",
    "k",
    "zz",
    "1",
    "0",
    "2",
    "1e400",
    "~",
    "+",
    "-",
    "*",
    "/",
    ":",
    "^",
    "**",
    "|",
    "||",
    "(",
    ")",
    "[",
    "]",
    ",",
    "=",
    "==",
    "<",
    "%in%",
    "`",
    "`x`",
    "'a'",
    '"',
    ".",
    " ",
    "\n",
    "log(",
    "poly(",
    "C(",
    "offset(",
    "cbind(",
    "I(",
    "cut(",
    "factor(",
    "ns(",
    "bs(",
    "ar1(",
    "cs(",
    "TRUE",
    "NULL",
    "lambda",
    "import",
    "__class__",
    "x.real",
    "\\",
    "{",
    "}",
    "@",
    "#",
    ";",
    "é",
    "🙂",
    "\x00",
    "df=",
    "c(",
    "contr.sum",
    "np.log(",
    "*x",
]


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(4)
    n = 48
    d = {name: rng.normal(size=n) for name in ("y", "x", "z", "m")}
    d["e"] = rng.uniform(0.5, 2, n)
    d |= {"f": rng.choice(list("abc"), n), "u": rng.choice(["hi", "lo"], n), "b": rng.random(n) > 0.5}
    d |= {"g": np.repeat(list("pqrs"), 12), "h": np.tile(list("uv"), 24)}
    return d | {"k": rng.integers(1, 4, n), "dummy": np.tile([0, 1], 24)}


def mutated(text, rng):
    for _ in range(rng.choice((1, 1, 2))):
        at, to = sorted((rng.randint(0, len(text)), rng.randint(0, len(text))))
        kind = rng.randint(0, 3)
        if kind == 0:
            text = text[:at] + rng.choice(PIECES) + text[at:]
        elif kind == 1:
            text = text[:at] + text[min(to, at + 4) :]
        elif kind == 2:
            text = text[:at] + text[at:to] * 2 + text[to:]
        else:
            text = text[:at] + rng.choice(PIECES) + text[min(at + 1, len(text)) :]
    return text


OPERANDS = [
    "x",
    "z",
    "f",
    "b",
    "k",
    "u",
    "0",
    "1",
    "(x + f)",
    "poly(x, 2)",
    "C(f, contr.sum)",
    "C(b)",
    "factor(k)",
    "I(x^2)",
    "log(e)",
    "(f + u)^2",
    "ns(z, 2)",
    "bs(x, df = 4)",
    "I(x > 0)",
    "cut(x, c(-9, 0, 9))",
    "scale(log(e))",
    "relevel(f, 'b')",
    "I(x)",
    "as.numeric(k)",
    "ifelse(b == TRUE, x, z)",
    "(0 + f)",
    "round(x, 1)",
    "pmin(x, z)",
    "C(k)",
    "scale(f)",
    "log(f)",
    "poly(x)",
    "cut(x, 3)",
    "bs(f)",
    "I(f)",
    "I(f == u)",
    "I(f + 1)",
    "center(x)",
    "cr(x, df = 3)",
    "cc(x, df = 3)",
    "log(x, z)",
    "C(x)",
    "interaction(f, u)",
    "I(-x)",
    "I(x / 0)",
    "poly(x, 99)",
    "factor(x)",
    "relevel(f, 'q')",
    "I('a')",
    "I(TRUE)",
    "C('a')",
    ".",
]


def composed(rng):
    """Terms with signs between, and a bar."""

    def terms(most):
        parts = [rng.choice(OPERANDS)]
        for _ in range(rng.randint(0, most)):
            parts += [rng.choice(["+", "+", "+", "*", ":", "/", "-", "%in%"]), rng.choice(OPERANDS)]
        return " ".join(parts)

    group = rng.choice(["g", "h", "g/h", "g:h", "k", "factor(k):h", "x", "interaction(g, h)", "f", "b"])
    bar = rng.choice(["|", "||"])
    response = rng.choice(["y", "log(e)", "y + x", "f", "b", "cbind(k, k)", "I(f == 'a')"])
    return f"{response} ~ {terms(3)} + ({terms(1)} {bar} {group})"


def texts():
    rng = random.Random(7)
    yield from (composed(rng) for _ in range(300))
    yield from ("".join(rng.choices(PIECES, k=rng.randint(1, 14))) for _ in range(300))
    yield from ("y ~ " + "".join(rng.choices(PIECES, k=rng.randint(1, 9))) + " + (1 | g)" for _ in range(300))
    yield from (mutated(rng.choice(VALID), rng) for _ in range(600))


def test_a_thousand_texts_end_in_a_fit_or_an_error_of_ours(data, monkeypatch):
    def forbidden(*arguments, **named):
        raise AssertionError("a formula called this")

    ranef.lmm("y ~ poly(x, 2) + ns(x, 2) + f + (1 | g)", data)  # what is imported on first use is imported now
    for name in ("open", "input", "breakpoint"):
        monkeypatch.setattr(builtins, name, forbidden)
    fitted = framed = refused = 0
    for text in texts():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                frame = ranef.model_frame(text, data)
                framed += 1
                if frame.X.shape[1] <= 12 and max(len(t) for ts in frame.random_effects.values() for t in ts) <= 3:
                    ranef.lmm(text, data, max_iter=3, compute_satterthwaite=False)
                    fitted += 1
            except RanefError:
                refused += 1
    assert fitted > 40
    assert framed > 100
    assert refused > 500


@pytest.mark.parametrize(
    "call",
    [
        "exec('1')",
        "eval('1')",
        "open('x')",
        "__import__('os')",
        "np.load('x')",
        "getattr(x, 'real')",
        "x.tofile('x')",
        "log.__class__(x)",
        "I(x).real",
        "C(f, contr.__class__)",
        "(lambda: 1)()",
        "I(*x)",
        "log(**x)",
        "poly(x, (yield))",
        "hashed(f)",
        "lag(x)",
        "exp10(x)",
        "Q('x')",
        "vander(x)",
        "I(x if x else z)",
        "I([i for i in x])",
        "I(x := 1)",
        "I(x[0])",
        "I({1: 2})",
        "I(f'{x}')",
        "I(not x)",
        "I(x and z)",
        "I(x is z)",
        "I(x, __class__)",
    ],
)
def test_what_is_not_listed_is_not_called(call, data):
    for text in (f"y ~ {call} + (1 | g)", f"{call} ~ x + (1 | g)", f"y ~ x + offset({call}) + (1 | g)"):
        with pytest.raises(RanefError):
            ranef.model_frame(text, data)


def failing(x):
    raise ValueError("no")


def test_functions_of_the_context_are_called_and_no_others(data):
    frame = ranef.model_frame("y ~ double(x) + (1 | g)", data, context={"double": lambda x: 2 * x})
    np.testing.assert_array_equal(frame.X[:, 1], 2 * data["x"])
    with pytest.raises(ranef.InputError, match="no function double"):
        ranef.model_frame("y ~ double(x) + (1 | g)", data)
    with pytest.raises(ranef.InputError, match="in the formula: no"):
        ranef.model_frame("y ~ x + offset(fail(x)) + (1 | g)", data, context={"fail": failing})


def test_nothing_evaluates_text():
    """The only evaluation by Python is formulaic's, of text that was written from checked trees."""
    folder = Path(expressions.__file__).parent
    called = {
        node.func.id
        for path in folder.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert not called & {"eval", "exec", "compile", "__import__", "globals", "locals", "vars"}


def test_every_listed_function_is_documented():
    text = (Path(__file__).parents[2] / "docs" / "formulas.md").read_text(encoding="utf-8")
    for name in functions.listed().split(", "):
        assert f"`{name}" in text, name
