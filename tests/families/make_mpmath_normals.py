"""Makes mpmath_normals.json: skew-normal and truncated normal densities and their derivatives to 17 digits.

Run by hand (needs mpmath): textbook formulas of the densities, differentiated numerically with 60 digits.
"""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path

import mpmath as mp
from make_mpmath_reference import LINKS, number

mp.mp.dps = 60


def log_normal(x):
    return -(x**2) / 2 - mp.log(2 * mp.pi) / 2


def between(a, b):
    """P(a < Z < b), by the tail in which both lie."""
    a, b = (-b, -a) if a + b < 0 else (a, b)
    above = [mp.mpf(0) if x == mp.inf else 2 if x == -mp.inf else mp.erfc(x / mp.sqrt(2)) for x in (a, b)]
    return (above[0] - above[1]) / 2


def skew_normal(y, mu, sigma, skewness):
    """By location, scale and shape (Azzalini & Capitanio 2014)."""
    share = abs(skewness) ** (mp.mpf(2) / 3)
    delta = mp.sign(skewness) * mp.sqrt(mp.pi / 2 * share / (share + ((4 - mp.pi) / 2) ** (mp.mpf(2) / 3)))
    omega = sigma / mp.sqrt(1 - 2 * delta**2 / mp.pi)
    x = (y - mu) / omega + delta * mp.sqrt(2 / mp.pi)
    return mp.log(2 / omega) + log_normal(x) + mp.log(mp.erfc(-delta / mp.sqrt(1 - delta**2) * x / mp.sqrt(2)) / 2)


def truncated(lower, upper):
    def log_density(y, mu, sigma):
        a, b = (lower - mu) / sigma, (upper - mu) / sigma
        return log_normal((y - mu) / sigma) - mp.log(sigma * between(a, b))

    return log_density


FAMILIES = {
    "SkewNormal()": ("identity", skew_normal),
    "SkewNormal(link='log')": ("log", skew_normal),
    "TruncatedGaussian()": ("identity", truncated(mp.mpf(0), mp.inf)),
    "TruncatedGaussian(link='log')": ("log", truncated(mp.mpf(0), mp.inf)),
    "TruncatedGaussian(lower=None, upper=1.0)": ("identity", truncated(-mp.inf, mp.mpf(1))),
    "TruncatedGaussian(lower=0.0, upper=1.0)": ("identity", truncated(mp.mpf(0), mp.mpf(1))),
}
#: On both sides of where slopes by the skewness change their formula, and up to a shape of 800.
SKEWNESSES = [1e-12, -1e-6, 4.2e-4, 4.4e-4, -0.05, 0.6, -0.99, 0.995, 0.99527]
CASES = [
    *(("SkewNormal()", y, 0.7, (1.3, g)) for y, g in product([0.4, 3.0, -4.0, 60.0], SKEWNESSES)),
    *(("SkewNormal(link='log')", y, 0.7, (0.4, g)) for y, g in product([2.2, 5.0], [1e-6, -0.6])),
    *(
        ("TruncatedGaussian()", y, eta, (s,))
        for y, eta, s in product([1e-3, 2.0], [-1e4, -30.0, -2.0, 0.7, 40.0], [0.5, 3.0])
    ),
    *(("TruncatedGaussian(link='log')", y, eta, (1.5,)) for y, eta in product([0.3, 4.0], [-2.0, 0.7])),
    *(
        ("TruncatedGaussian(lower=None, upper=1.0)", y, eta, (s,))
        for y, eta, s in product([-2.0, 0.99], [-40.0, 0.7, 30.0], [0.5, 3.0])
    ),
    *(
        ("TruncatedGaussian(lower=0.0, upper=1.0)", y, eta, (s,))
        for y, eta, s in product([1e-3, 0.7], [-1e4, -3.0, 0.4, 25.0], [0.03, 0.5, 20.0, 1e4])
    ),
]


def row(case):
    family, y, eta, phi = case
    link, log_density = FAMILIES[family]
    y, scales = mp.mpf(y), [mp.mpf(v) for v in phi]

    def at(e, *ratios):
        return log_density(y, LINKS[link](e)[0], *(v * s for v, s in zip(ratios, scales, strict=True)))

    here = (mp.mpf(eta), *[mp.mpf(1)] * len(phi))  # steps of mpmath's differences are absolute

    def d(order, j=None):
        orders = (order, *(int(i == j) for i in range(len(phi))))
        return (mp.diff(at, here, orders) if any(orders) else at(*here)) / (1 if j is None else scales[j])

    r = range(len(phi))
    values = {"log_density": d(0), "d1": d(1), "d2": d(2), "d3": d(3)}
    values |= {name: [d(k, j) for j in r] for k, name in enumerate(("phi1", "phi1_eta", "phi1_eta2"))}
    return {"family": family, "y": case[1], "eta": eta, "phi": list(phi), **{k: number(v) for k, v in values.items()}}


def main():
    text = ",\n".join(json.dumps(row(case)) for case in CASES)
    Path(__file__).with_name("mpmath_normals.json").write_text(f"[\n{text}\n]\n")


if __name__ == "__main__":
    main()
