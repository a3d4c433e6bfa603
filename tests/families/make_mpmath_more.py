"""Makes mpmath_more.json: zero inflation, hurdles and further families, as make_mpmath_reference.py does for the rest.

Run by hand (needs mpmath): textbook formulas of the densities, differentiated numerically with 60 digits. Families are
written as the expressions that make them.
"""

from __future__ import annotations

import json
from itertools import product
from multiprocessing import Pool
from pathlib import Path

import make_mpmath_reference as known
import mpmath as mp

OLD = known.DENSITIES


def inflated(density):
    """Density of one observation: zi 1{y = 0} + (1 - zi) f; weights are trials in `trials`."""

    def log_density(y, mu, w, *phi, trials=False):
        *phi, zi = phi
        f = mp.exp(density(y, mu, w if trials else 1, *phi))
        return (1 if trials else w) * mp.log((zi if y == 0 else 0) + (1 - zi) * f)

    return log_density


def hurdle(density, truncated):
    def log_density(y, mu, w, *phi):
        *phi, zi = phi
        if y == 0:
            return w * mp.log(zi)
        seen = 1 - mp.exp(density(mp.mpf(0), mu, 1, *phi)) if truncated else 1
        return w * (mp.log(1 - zi) + density(y, mu, 1, *phi) - mp.log(seen))

    return log_density


def proportions(y, mu, w, *phi):
    return inflated(known.binomial)(y, mu, w, *phi, trials=True)


def overdispersed(y, mu, w, *phi):
    return inflated(known.beta_binomial)(y, mu, w, *phi, trials=True)


def generalized_poisson(y, mu, w, v):
    theta, rate = mu / mp.sqrt(v), 1 - 1 / mp.sqrt(v)
    mean = theta + rate * y
    return w * (mp.log(theta) + (y - 1) * mp.log(mean) - mean - mp.loggamma(y + 1))


def lognormal(y, mu, w, s):
    return w * (-mp.log(y * s * mp.sqrt(2 * mp.pi)) - (mp.log(y / mu) + s**2 / 2) ** 2 / (2 * s**2))


DENSITIES = {
    "ZeroInflated(Poisson())": inflated(OLD["Poisson"]),
    "ZeroInflated(Poisson('sqrt'))": inflated(OLD["Poisson"]),
    "ZeroInflated(NegativeBinomial())": inflated(OLD["NegativeBinomial"]),
    "ZeroInflated(NegativeBinomial1())": inflated(OLD["NegativeBinomial1"]),
    "ZeroInflated(Binomial())": proportions,
    "ZeroInflated(Binomial('cloglog'))": proportions,
    "ZeroInflated(BetaBinomial())": overdispersed,
    "Hurdle(Poisson())": hurdle(OLD["Poisson"], True),
    "Hurdle(Poisson('identity'))": hurdle(OLD["Poisson"], True),
    "Hurdle(NegativeBinomial())": hurdle(OLD["NegativeBinomial"], True),
    "Hurdle(NegativeBinomial1())": hurdle(OLD["NegativeBinomial1"], True),
    "Hurdle(Gamma())": hurdle(OLD["Gamma"], False),
    "Hurdle(Beta())": hurdle(OLD["Beta"], False),
    "GeneralizedPoisson()": generalized_poisson,
    "LogNormal()": lognormal,
    "LogNormal('identity')": lognormal,
}
LINK = {
    "ZeroInflated(Poisson('sqrt'))": "sqrt",
    "ZeroInflated(Binomial())": "logit",
    "ZeroInflated(Binomial('cloglog'))": "cloglog",
    "ZeroInflated(BetaBinomial())": "logit",
    "Hurdle(Poisson('identity'))": "identity",
    "Hurdle(Beta())": "logit",
    "LogNormal('identity')": "identity",
}
COUNTS = [(0.0, -40.0), (0.0, -3.0), (0.0, 0.7), (0.0, 4.0), (1.0, -3.0), (3.0, 0.5)]
INFLATION = [1e-8, 0.3, 0.98]
CASES = [
    *(("ZeroInflated(Poisson())", y, eta, 2.0, (zi,)) for (y, eta), zi in product(COUNTS, INFLATION)),
    *(("ZeroInflated(Poisson('sqrt'))", y, 1.3, 1.0, (0.3,)) for y in (0.0, 3.0)),
    *(
        (f"ZeroInflated({cls}())", y, eta, 2.0, (v, zi))
        for cls, (y, eta), v, zi in product(["NegativeBinomial", "NegativeBinomial1"], COUNTS, [1e-3, 1.7], [1e-8, 0.3])
    ),
    *(
        (f"ZeroInflated(Binomial({link}))", y, eta, n, (zi,))
        for link, (y, n), eta, zi in product(
            ["", "'cloglog'"], [(0.0, 1.0), (0.0, 8.0), (0.25, 8.0)], [-30.0, -1.0, 2.0], INFLATION
        )
    ),
    *(
        ("ZeroInflated(BetaBinomial())", y, eta, 8.0, (v, 0.3))
        for y, eta, v in product([0.0, 0.25], [-3.0, 0.5], [0.5, 30.0])
    ),
    *(("Hurdle(Poisson())", y, eta, 2.0, (0.3,)) for y, eta in product([0.0, 1.0, 2.0, 8.0], [-20.0, -3.0, 0.5, 5.0])),
    *(("Hurdle(Poisson('identity'))", y, 1.3, 1.0, (0.3,)) for y in (0.0, 1.0, 3.0)),
    *(
        (f"Hurdle({cls}())", y, eta, 2.0, (v, 0.3))
        for cls, y, eta, v in product(
            ["NegativeBinomial", "NegativeBinomial1"], [0.0, 1.0, 8.0], [-20.0, -3.0, 0.5, 5.0], [1e-3, 1.7, 1e4]
        )
    ),
    *(("Hurdle(Gamma())", y, 0.7, 2.0, (v, 0.3)) for y, v in product([0.0, 0.2, 4.0], [0.1, 2.0])),
    *(("Hurdle(Beta())", y, 0.7, 2.0, (v, 0.3)) for y, v in product([0.0, 0.2, 0.9], [0.5, 20.0])),
    *(
        ("GeneralizedPoisson()", y, eta, 2.0, (v,))
        for (y, eta), v in product([*COUNTS, (20.0, 2.0), (1e6, 13.8)], [1.0 + 2.0**-26, 1.7, 40.0])
    ),
    *(
        (f"LogNormal({link})", y, eta, 2.0, (s,))
        for link, y, eta, s in product(["", "'identity'"], [1e-3, 2.5], [0.7], [0.01, 0.6, 3.0])
    ),
]


def row(case):
    family, y, eta, w, phi = case
    known.DENSITIES = DENSITIES  # what `derivatives` looks into
    link = LINK.get(family, "log")
    pair = ("Binomial" in family and "Negative" not in family) or "Beta" in family
    density = DENSITIES[family]
    if pair:
        known.DENSITIES = {"Binomial": density}
    values = known.derivatives("Binomial" if pair else family, link, y, eta, w, phi)
    values = {k: known.number(v) for k, v in values.items()}
    return {"family": family, "y": y, "eta": eta, "weight": w, "phi": list(phi), **values}


def main():
    with Pool(2) as pool:
        rows = pool.map(row, CASES, chunksize=1)
    text = ",\n".join(json.dumps(row) for row in rows)
    Path(__file__).with_name("mpmath_more.json").write_text(f"[\n{text}\n]\n")


if __name__ == "__main__":
    main()
