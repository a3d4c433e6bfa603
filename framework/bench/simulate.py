"""Models of any size, simulated with a fixed seed."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from itertools import cycle, islice
from typing import Any

import numpy as np

from ..contracts import InputError
from ..contracts.arrays import FloatArray, IntArray
from .model import Case, Workload

SEED = 20240607
#: Standard deviations of the factors' effects, used in turn; the residual one is 1.
SPREADS = (0.5, 0.7, 0.3)


def crossed(
    rows: int = 10_000, levels: str = "500x50", factors: int = 0, family: str = "", ml: bool = False, seed: int = SEED
) -> Workload:
    """Random intercepts of factors whose levels meet at random: y ~ 1 + x + (1 | g1) + (1 | g2) ...

    `levels` is one number for each factor, "20000x2000"; with `factors` a single number holds for all of them.
    """
    rng = np.random.default_rng(seed)
    sizes = _sizes(levels)
    if factors:
        sizes = list(islice(cycle(sizes), factors))
    codes = {f"g{j}": rng.integers(0, size, rows) for j, size in enumerate(sizes, start=1)}
    return _intercepts(rng, codes, sizes, rows, family, ml)


def nested(
    rows: int = 10_000, levels: str = "50x500", family: str = "", ml: bool = False, seed: int = SEED
) -> Workload:
    """Random intercepts of nested factors, the outermost first: y ~ 1 + x + (1 | g1) + (1 | g2) ...

    Every level lies inside one level of the factor before. `levels` counts the levels of each factor in all: "130x2400"
    are 130 areas with 2400 schools.
    """
    rng = np.random.default_rng(seed)
    sizes = _sizes(levels)
    code = rng.integers(0, sizes[-1], rows)
    codes = {f"g{len(sizes)}": code}
    for j in range(len(sizes) - 1, 0, -1):
        code = code * sizes[j - 1] // sizes[j]
        codes[f"g{j}"] = code
    return _intercepts(rng, dict(reversed(codes.items())), sizes, rows, family, ml)


def slopes(
    rows: int = 10_000, levels: int = 500, columns: int = 2, family: str = "", ml: bool = False, seed: int = SEED
) -> Workload:
    """Correlated random slopes of one factor: y ~ 1 + x1 + ... + (1 + x1 + ... | g).

    `columns` is the size of the covariance matrix.
    """
    rng = np.random.default_rng(seed)
    group = np.sort(rng.integers(0, levels, rows))
    names = [f"x{j}" for j in range(1, columns)]
    X = np.column_stack([np.ones(rows), rng.normal(size=(rows, columns - 1))])
    spread = 1.0 / np.arange(1, columns + 1)
    covariance = np.outer(spread, spread) * (0.3 + 0.7 * np.eye(columns))
    b = rng.multivariate_normal(np.zeros(columns), covariance, levels)
    eta = X @ np.r_[1.0, np.full(columns - 1, 0.5)] + np.einsum("nk,nk->n", X, b[group])
    return Workload(
        y=_respond(rng, eta, family),
        X=X,
        x_names=("(Intercept)", *names),
        groups={"g": group},
        random_effects={"g": [["1", *names]]},
        random_data=dict(zip(names, X.T[1:], strict=True)),
        family=family or None,
        reml=not ml,
    )


def _intercepts(
    rng: np.random.Generator, codes: dict[str, IntArray], sizes: list[int], rows: int, family: str, ml: bool
) -> Workload:
    x = rng.normal(size=rows)
    eta = 1.0 + 0.2 * x
    for code, size, spread in zip(codes.values(), sizes, cycle(SPREADS), strict=False):
        eta += rng.normal(0.0, spread, size)[code]
    return Workload(
        y=_respond(rng, eta, family),
        X=np.column_stack([np.ones(rows), x]),
        x_names=("(Intercept)", "x"),
        groups=codes,
        random_effects={name: [["1"]] for name in codes},
        family=family or None,
        reml=not ml,
    )


def _respond(rng: np.random.Generator, eta: FloatArray, family: str) -> FloatArray:
    if not family:
        return np.asarray(eta + rng.normal(size=len(eta)))
    if family == "binomial":
        return (rng.random(len(eta)) < 1.0 / (1.0 + np.exp(-eta))).astype(np.float64)
    if family == "poisson":
        return rng.poisson(np.exp(0.5 * eta)).astype(np.float64)
    raise InputError(f"simulated cases have the families binomial and poisson, or none; got {family!r}")


def _sizes(levels: str) -> list[int]:
    return [int(part) for part in levels.split("x")]


GENERATORS: dict[str, Callable[..., Workload]] = {g.__name__: g for g in (crossed, nested, slopes)}


def defaults(generator: str) -> str:
    """The parameters of a generator, with their defaults.

    Examples
    --------
    >>> defaults("slopes")
    'rows=10000,levels=500,columns=2,family=,ml=0,seed=20240607'
    """
    parameters = inspect.signature(GENERATORS[generator]).parameters.values()
    return ",".join(f"{p.name}={int(p.default) if isinstance(p.default, bool) else p.default}" for p in parameters)


def parse(text: str, name: str = "", grown: str = "", **changed: str) -> Case:
    """The case that ``"crossed:rows=1000000,levels=20000x2000"`` describes; `changed` replaces parameters.

    Examples
    --------
    >>> case = parse("slopes:rows=400,levels=20,columns=3")
    >>> case.build().X.shape
    (400, 3)
    """
    generator, _, listed = text.partition(":")
    if generator not in GENERATORS:
        raise InputError(f"there is no generator {generator!r}; there is: {', '.join(GENERATORS)}")
    known = inspect.signature(GENERATORS[generator], eval_str=True).parameters
    options: dict[str, Any] = {}
    given = dict(_pair(part, text) for part in listed.split(",") if part.strip())
    for key, value in {**given, **changed}.items():
        if key not in known:
            raise InputError(f"the generator {generator} has no parameter {key!r}; it has {', '.join(known)}")
        options[key] = _value(key, value, known[key].annotation)
    label = ",".join(f"{key}={value}" for key, value in {**given, **changed}.items())
    return Case(name or f"{generator}:{label}".rstrip(":"), partial(GENERATORS[generator], **options), grown)


def _pair(part: str, text: str) -> tuple[str, str]:
    key, equals, value = (piece.strip() for piece in part.partition("="))
    if not equals:
        raise InputError(f"--simulate {text!r}: {part!r} is not of the form parameter=value")
    return key, value


def _value(key: str, value: str, kind: type) -> Any:
    if kind is bool:
        if value not in ("0", "1"):
            raise InputError(f"{key} is 0 or 1; got {value!r}")
        return value == "1"
    wrong = InputError(f"{key} is a positive number{', or several, 500x50' if kind is str else ''}; got {value!r}")
    if key == "family":
        return value
    try:
        sizes = _sizes(value)
    except ValueError:
        raise wrong from None
    if min(sizes) < 1 or (kind is int and len(sizes) != 1):
        raise wrong
    return value if kind is str else sizes[0]
