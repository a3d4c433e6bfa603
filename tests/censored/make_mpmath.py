"""Makes mpmath.json: log densities of censored responses and their derivatives, by differences with 60 digits.

Run by hand (needs mpmath). Formulas are those of textbooks: density and distribution function of the response itself.
"""

from __future__ import annotations

import json
from pathlib import Path

import mpmath as mp

mp.mp.dps = 60


def weibull(mu, k):
    scale = mu / mp.gamma(1 + 1 / k)
    return (
        lambda y: mp.log(k / scale) + (k - 1) * mp.log(y / scale) - (y / scale) ** k,
        lambda y: mp.exp(-((y / scale) ** k)),
    )


def exponential(mu):
    return lambda y: -mp.log(mu) - y / mu, lambda y: mp.exp(-y / mu)


def normal_survival(z):
    return mp.erfc(z / mp.sqrt(2)) / 2


def lognormal(mu, sigma):
    m = mp.log(mu) - sigma**2 / 2
    return (
        lambda y: -mp.log(y * sigma * mp.sqrt(2 * mp.pi)) - ((mp.log(y) - m) / sigma) ** 2 / 2,
        lambda y: normal_survival((mp.log(y) - m) / sigma),
    )


def tobit(mu, sigma):
    return (
        lambda y: -mp.log(sigma * mp.sqrt(2 * mp.pi)) - ((y - mu) / sigma) ** 2 / 2,
        lambda y: normal_survival((y - mu) / sigma),
    )


def log_density(family, y, mu, phi):
    f, S = family(mu, *phi)
    lower, upper = y
    if lower == upper:
        return f(lower)
    above = mp.mpf(0) if upper == mp.inf else S(upper)
    below = mp.mpf(1) if lower == -mp.inf else S(lower)
    return mp.log(below - above)


FAMILIES = {"weibull": (weibull, [0.6, 3.0]), "exponential": (exponential, None), "lognormal": (lognormal, [0.3, 1.5]),
            "tobit": (tobit, [0.5, 2.0])}  # fmt: skip
INF = mp.inf
RESPONSES = {
    "times": [(2, 2), (2, INF), (0.01, INF), (40, INF), (-INF, 2), (-INF, 30), (1, 2.5), (2, 2.0001), (20, 30)],
    "numbers": [(1.5, 1.5), (2, INF), (-9, INF), (9, INF), (-INF, 0), (-INF, 20), (-1, 2.5), (2, 2.0001), (11, 12)],
}


def main() -> None:
    out = []
    for name, (family, phis) in FAMILIES.items():
        for y in RESPONSES["numbers" if name == "tobit" else "times"]:
            for location in (0.7, 2.5):
                for phi in phis or [None]:
                    own = [] if phi is None else [mp.mpf(phi)]

                    def value(eta, *p, name=name, family=family, y=y):
                        return log_density(family, [mp.mpf(v) for v in y], eta if name == "tobit" else mp.exp(eta), p)

                    at = (mp.mpf(location), *own)
                    row = {"family": name, "y": [float(v) for v in y], "eta": location, "phi": [float(p) for p in own]}
                    row["log_density"] = float(value(*at))
                    tail = (0,) * len(own)
                    row |= {f"d{k}": float(mp.diff(value, at, (k, *tail))) for k in (1, 2, 3)}
                    if own:
                        parts = enumerate(("phi1", "phi1_eta", "phi1_eta2"))
                        row |= {part: float(mp.diff(value, at, (k, 1))) for k, part in parts}
                    out.append(row)
    text = json.dumps(out).replace("}, {", "},\n{").replace("-Infinity", '"-inf"').replace("Infinity", '"inf"')
    Path(__file__).with_name("mpmath.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
