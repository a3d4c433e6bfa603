"""Makes mpmath_reference.json and mpmath_large.json: log densities and derivatives to 17 digits, limits included.

Run by hand (needs mpmath): textbook formulas of the densities, differentiated numerically with 60 digits.
"""

from __future__ import annotations

import json
from itertools import product
from multiprocessing import Pool
from pathlib import Path

import mpmath as mp

mp.mp.dps = 60

#: mu and 1 - mu, each by a formula that keeps its digits.
LINKS = {
    "identity": lambda e: (e, 1 - e),
    "log": lambda e: (mp.exp(e), -mp.expm1(e)),
    "logit": lambda e: (1 / (1 + mp.exp(-e)), 1 / (1 + mp.exp(e))),
    "probit": lambda e: (mp.ncdf(e), mp.ncdf(-e)),
    "cloglog": lambda e: (-mp.expm1(-mp.exp(e)), mp.exp(-mp.exp(e))),
    "loglog": lambda e: (mp.exp(-mp.exp(-e)), -mp.expm1(-mp.exp(-e))),
    "cauchit": lambda e: (mp.acot(-e) / mp.pi + (e > 0), mp.acot(e) / mp.pi + (e < 0)),
    "inverse": lambda e: (1 / e, 1 - 1 / e),
    "inverse_squared": lambda e: (1 / mp.sqrt(e), 1 - 1 / mp.sqrt(e)),
    "sqrt": lambda e: (e**2, 1 - e**2),
}


def binomial(y, mu, w):
    k = round(y * w)
    out = mp.log(mp.binomial(w, k))
    return out + (k * mp.log(mu[0]) if k else 0) + ((w - k) * mp.log(mu[1]) if w - k else 0)


def nb2(y, mu, w, t):
    return w * (
        mp.loggamma(y + t)
        - mp.loggamma(t)
        - mp.loggamma(y + 1)
        + t * mp.log(t / (mu + t))
        + (y * mp.log(mu / (mu + t)) if y else 0)
    )


def beta_binomial(y, mu, w, v):
    k = round(y * w)
    a, b = mu[0] * v, mu[1] * v
    lbeta = lambda p, q: mp.loggamma(p) + mp.loggamma(q) - mp.loggamma(p + q)  # noqa: E731
    return mp.log(mp.binomial(w, k)) + lbeta(k + a, w - k + b) - lbeta(a, b)


def tweedie(y, mu, w, v, p):
    if y == 0:
        return -w * mu ** (2 - p) / (v * (2 - p))
    # a Poisson number of gamma variables, added up without any shortcut
    rate, shape, scale = mu ** (2 - p) / (v * (2 - p)), (2 - p) / (p - 1), v * (p - 1) * mu ** (p - 1)

    def term(j):
        log = j * mp.log(rate) - rate - mp.loggamma(j + 1) + (shape * j - 1) * mp.log(y / scale) - y / scale
        return mp.exp(log - mp.loggamma(shape * j)) / scale

    start = max(int(y ** (2 - p) / (v * (2 - p))), 1)
    total = greatest = term(start)
    for step in (-1, 1):
        j = start + step
        while j >= 1:
            t = term(j)
            total += t
            greatest = max(greatest, t)
            if t < greatest * mp.mpf(10) ** -45:
                break
            j += step
    return w * mp.log(total)


DENSITIES = {
    "Gaussian": lambda y, mu, w, v: w * mp.log(mp.npdf(y, mu, mp.sqrt(v))),
    "Binomial": binomial,
    "Poisson": lambda y, mu, w: w * ((y * mp.log(mu) if y else 0) - mu - mp.loggamma(y + 1)),
    "Gamma": lambda y, mu, w, v: (
        w * (-mp.loggamma(1 / v) - mp.log(v * mu) / v + (1 / v - 1) * mp.log(y) - y / (v * mu))
    ),
    "InverseGaussian": lambda y, mu, w, v: (
        w * (-mp.log(2 * mp.pi * v * y**3) / 2 - (y - mu) ** 2 / (2 * v * mu**2 * y))
    ),
    "NegativeBinomial": nb2,
    "NegativeBinomial1": lambda y, mu, w, v: nb2(y, mu, w, mu / v),
    "Beta": lambda y, mu, w, v: (
        w
        * (
            mp.loggamma(v)
            - mp.loggamma(mu[0] * v)
            - mp.loggamma(mu[1] * v)
            + (mu[0] * v - 1) * mp.log(y)
            + (mu[1] * v - 1) * mp.log(1 - y)
        )
    ),
    "BetaBinomial": beta_binomial,
    "StudentT": lambda y, mu, w, s, v: (
        w
        * (
            mp.loggamma((v + 1) / 2)
            - mp.loggamma(v / 2)
            - mp.log(v * mp.pi) / 2
            - mp.log(s)
            - (v + 1) / 2 * mp.log(1 + ((y - mu) / s) ** 2 / v)
        )
    ),
    "Tweedie": tweedie,
    "TruncatedPoisson": lambda y, mu, w: w * (y * mp.log(mu) - mu - mp.loggamma(y + 1) - mp.log(-mp.expm1(-mu))),
    "TruncatedNegativeBinomial": lambda y, mu, w, t: nb2(y, mu, w, t) - w * mp.log(-mp.expm1(-t * mp.log1p(mu / t))),
}

BINARY = [(0.0, 1.0), (1.0, 1.0), (0.25, 8.0)]
COUNTS = [(0.0, -40.0), (1.0, -40.0), (0.0, 5.0), (3.0, 0.5), (1e6, 13.8)]
CASES = [
    *(("Gaussian", link, y, eta, 2.0, (v,)) for link, (y, eta), v in product(LINKS, [(0.4, 0.7), (-3.0, 1.9)], [0.3])),
    *(
        ("Binomial", link, y, eta, w, ())
        for link, eta, (y, w) in product(
            ["logit", "probit", "cloglog", "loglog", "cauchit"], [-40.0, -6.0, -0.3, 0.7, 6.0, 40.0], BINARY
        )
    ),
    *(("Binomial", "log", y, eta, w, ()) for eta, (y, w) in product([-40.0, -0.7, -1e-6], BINARY)),
    *(("Poisson", "log", y, eta, 1.0, ()) for y, eta in COUNTS),
    *(("Poisson", link, y, eta, 2.0, ()) for link, y, eta in product(["identity", "sqrt"], [0.0, 4.0], [0.01, 3.0])),
    *(
        (family, link, y, eta, 2.0, (v,))
        for family, links in {
            "Gamma": ["log", "inverse", "identity"],
            "InverseGaussian": ["log", "inverse_squared", "inverse", "identity"],
        }.items()
        for link, y, eta, v in product(links, [1e-3, 2.5], [0.2, 3.0], [0.02, 2.0])
    ),
    *(
        ("NegativeBinomial", link, y, eta, 1.0, (t,))
        for link, (y, eta), t in [
            *product(["log"], COUNTS, [1e-8, 1e-3, 1.7, 15.9, 16.1, 1e3, 1e8]),
            *product(["identity", "sqrt"], [(3.0, 0.5)], [1.7, 1e8]),
        ]
    ),
    *(
        ("NegativeBinomial1", link, y, eta, 1.0, (v,))
        for link, (y, eta), v in [
            *product(["log"], COUNTS, [1e-8, 0.1, 1.3, 200.0]),
            *product(["identity", "sqrt"], [(3.0, 0.5)], [1e-8, 1.3]),
        ]
    ),
    *(
        ("Beta", link, y, eta, 2.0, (v,))
        for link, y, eta, v in [
            *product(["logit"], [1e-3, 0.6], [-30.0, 0.5, 6.0], [0.3, 4.0, 500.0]),
            *product(["probit", "cloglog", "loglog", "cauchit"], [0.6], [-1.5, 0.5], [4.0]),
            ("log", 0.6, -0.8, 4.0),
        ]
    ),
    *(
        ("BetaBinomial", link, y, eta, w, (v,))
        for link, (y, w), eta, v in [
            *product(["logit"], [*BINARY, (0.25, 1e6)], [-30.0, 0.3, 6.0], [1e-3, 0.5, 30.0, 1e8]),
            *product(["probit", "cloglog", "loglog", "cauchit"], BINARY, [-1.5, 0.5], [3.0]),
            ("log", (0.25, 8.0), -0.8, 3.0),
        ]
    ),
    *(
        ("StudentT", link, y, eta, 2.0, (s, df))
        for link, y, eta, s, df in [
            *product(["identity"], [0.4, -30.0], [0.7], [1.3], [0.7, 4.0, 1e6]),
            *product(["log", "inverse"], [0.4], [0.7], [1.3], [4.0]),
        ]
    ),
    *(
        ("Tweedie", link, y, eta, 2.0, (v, p))
        for link, y, eta, v, p in [
            *product(["log"], [0.1, 7.0], [2.0], [0.3, 20.0], [1.02, 1.3, 1.7, 1.98]),
            ("log", 0.0, 2.0, 1.5, 1.3),
            ("log", 1e4, 9.0, 0.3, 1.6),
            *product(["identity", "sqrt"], [0.0, 7.0], [2.0], [1.5], [1.3]),
        ]
    ),
    *(("TruncatedPoisson", "log", y, eta, 2.0, ()) for y, eta in product([1.0, 2.0, 8.0], [-40.0, -3.0, 0.5, 6.0])),
    *(
        ("TruncatedNegativeBinomial", "log", y, eta, 2.0, (t,))
        for y, eta, t in product([1.0, 8.0], [-40.0, -3.0, 0.5, 6.0], [1e-6, 1.7, 1e8])
    ),
]


def derivatives(family, link, y, eta, w, phi):
    y, eta, w = map(mp.mpf, (y, eta, w))
    phi = [mp.mpf(v) for v in phi]
    pair = family in ("Binomial", "Beta", "BetaBinomial")
    f = lambda e, *v: DENSITIES[family](y, LINKS[link](e) if pair else LINKS[link](e)[0], w, *v)  # noqa: E731
    # steps of mpmath's differences are absolute: measure each argument by its own size
    scales = [mp.mpf(1), *phi]
    g = lambda *t: f(eta + t[0] - 1, *(v * s for v, s in zip(phi, t[1:], strict=True)))  # noqa: E731
    at = [mp.mpf(1)] * (1 + len(phi))

    def d(order, j=None):
        orders = [order, *(1 if i == j else 0 for i in range(len(phi)))]
        if not any(orders):
            return g(*at)
        return mp.diff(g, tuple(at), tuple(orders)) / (scales[j + 1] if j is not None else 1)

    r = range(len(phi))
    return {
        "log_density": d(0),
        "d1": d(1),
        "d2": d(2),
        "d3": d(3),
        "phi1": [d(0, j) for j in r],
        "phi1_eta": [d(1, j) for j in r],
        "phi1_eta2": [d(2, j) for j in r],
    }


#: Large counts, numbers of trials, shapes and precisions, where textbook formulas cancel: y and mu themselves.
LARGE = [
    *(("Poisson", y, y * (1 + s * y**-0.5), 1.0, ()) for y, s in product([2e5, 1e9, 1e12, 1e15], [0.0, 3.0])),
    *(
        (family, y, y * ratio, 1.0, (v,))
        for family, y, ratio, v in product(
            ["NegativeBinomial", "NegativeBinomial1"], [2e5, 1e12], [1.0, 0.3], [1e-6, 0.7, 40.0, 1e9, 1e15]
        )
    ),
    *(("Binomial", k / n, mu, n, ()) for n, k, mu in product([2**30, 2**40], [0, 3, 2**29], [2**-30, 0.3, 0.5])),
    *(("Gamma", 1.0 + s * v**0.5, 1.0, 1.0, (v,)) for s, v in product([0.0, 1.0, -2.0], [1e-6, 1e-12, 1e-18])),
    *(("Beta", mu * 1.5, mu, 1.0, (3.0 / mu,)) for mu in (1e-6, 1e-12, 1e-20)),
    *(("Beta", 0.4 + s * v**-0.5, 0.4, 1.0, (v,)) for s, v in product([0.0, 1.0], [1e6, 1e12, 1e14])),
]


def large(case):
    family, y, mu, w, phi = case
    y, mu, w, *phi = map(mp.mpf, (y, mu, w, *phi))
    pair = (mu, 1 - mu) if family in ("Binomial", "Beta") else mu
    f = lambda *v: DENSITIES[family](y, pair, w, *v)  # noqa: E731
    values = {"log_density": float(f(*phi))}
    if family in ("Gamma", "Beta"):  # by the logarithm of the parameter
        values["by_log_phi"] = float(mp.diff(lambda t: f(phi[0] * mp.exp(t)), 0))
    return {"family": case[0], "y": case[1], "mu": case[2], "weight": case[3], "phi": list(case[4]), **values}


def number(x):
    return [number(v) for v in x] if isinstance(x, list) else float(x)


def row(case):
    family, link, y, eta, w, phi = case
    values = {k: number(v) for k, v in derivatives(*case).items()}
    return {"family": family, "link": link, "y": y, "eta": eta, "weight": w, "phi": list(phi), **values}


def main():
    for name, make, cases in (("mpmath_reference.json", row, CASES), ("mpmath_large.json", large, LARGE)):
        with Pool(2) as pool:
            rows = pool.map(make, cases, chunksize=1)
        text = ",\n".join(json.dumps(row) for row in rows)
        Path(__file__).with_name(name).write_text(f"[\n{text}\n]\n")


if __name__ == "__main__":
    main()
