"""Makes mpmath_further.json: further families, as make_mpmath_more.py does for others.

Run by hand (needs mpmath): textbook formulas of the densities, differentiated numerically with 60 digits.
"""

from __future__ import annotations

import json
from itertools import product
from multiprocessing import Pool
from pathlib import Path

import make_mpmath_reference as known
import mpmath as mp

BETA = known.DENSITIES["Beta"]


def conway_maxwell_poisson(y, mu, w, v):
    """lambda is found by the mean; sums end where terms no longer count."""
    nu, factorial = 1 / v, [mp.mpf(0)]

    def sums(t):
        total = first = mp.mpf(0)
        j, greatest = 0, mp.mpf(0)
        while True:
            if j == len(factorial):
                factorial.append(factorial[-1] + mp.log(j))
            p = mp.exp(j * t - nu * factorial[j])
            total += p
            first += j * p
            greatest = max(greatest, p)
            if j > mu and p < greatest * mp.mpf(10) ** -65:
                return total, first / total
            j += 1

    start = nu * mp.log(mu + (nu - 1) / (2 * nu)) if mu + (nu - 1) / (2 * nu) > mu / 2 else mp.log(mu)
    t = mp.findroot(lambda t: mp.log(sums(t)[1] / mu), (start, start + mp.mpf("0.01")), tol=mp.mpf(10) ** -110)
    return w * (y * t - nu * mp.loggamma(y + 1) - mp.log(sums(t)[0]))


def bell(y, mu, w):
    W = mp.lambertw(mu)
    return w * (y * mp.log(W) - mp.exp(W) + 1 + mp.log(mp.bell(int(y)) / mp.factorial(y)))


#: Of each link the distribution function, and its inverse by a mean and its complement.
NOISE = {
    "logit": (lambda e: 1 / (1 + mp.exp(-e)), lambda mu: mp.log(mu[0] / mu[1])),
}


def ordered_beta(link):
    F, inverse = NOISE[link]

    def log_density(y, mu, w, precision, zero, spacing):
        eta = inverse(mu)
        if y == 0:
            return w * mp.log(F(zero - eta))
        if y == 1:
            return w * mp.log(F(eta - zero - spacing))
        return w * mp.log(F(zero + spacing - eta) - F(zero - eta)) + BETA(y, mu, w, precision)

    return log_density


DENSITIES = {
    "OrderedBeta()": ordered_beta("logit"),
    "Bell()": bell,
    "Bell('identity')": bell,
    "ConwayMaxwellPoisson()": conway_maxwell_poisson,
    "ConwayMaxwellPoisson('sqrt')": conway_maxwell_poisson,
}
LINK = {
    "OrderedBeta()": "logit",
    "Bell('identity')": "identity",
    "ConwayMaxwellPoisson('sqrt')": "sqrt",
}
CASES = [
    *(
        (f"OrderedBeta({link})", y, eta, 2.0, phi)
        for link, y, eta, phi in product(
            [""], [0.0, 0.02, 0.6, 1.0], [-3.0, 0.7], [(0.5, -1.5, 4.0), (30.0, 0.3, 0.01)]
        )
    ),
    *(
        ("Bell()", y, eta, 2.0, ())
        for y, eta in [(0.0, -30.0), (0.0, 1.0), (1.0, -3.0), (4.0, 0.7), (60.0, 3.5), (300.0, 6.0)]
    ),
    ("Bell('identity')", 3.0, 1.3, 1.0, ()),
    *(
        ("ConwayMaxwellPoisson()", y, eta, 2.0, (v,))
        for (y, eta), v in product([(0.0, -30.0), (0.0, 0.7), (1.0, -3.0), (3.0, 0.5), (20.0, 2.0)], [0.15, 1.0, 4.0])
    ),
    ("ConwayMaxwellPoisson('sqrt')", 3.0, 1.3, 1.0, (0.6,)),
]


def row(case):
    family, y, eta, w, phi = case
    by_pair = "Beta" in family  # of the mean and its complement
    known.DENSITIES = {"Binomial": DENSITIES[family]} if by_pair else DENSITIES  # what `derivatives` looks into
    values = known.derivatives("Binomial" if by_pair else family, LINK.get(family, "log"), y, eta, w, phi)
    values = {k: known.number(v) for k, v in values.items()}
    return {"family": family, "y": y, "eta": eta, "weight": w, "phi": list(phi), **values}


def main():
    with Pool(2) as pool:
        rows = pool.map(row, CASES, chunksize=1)
    text = ",\n".join(json.dumps(row) for row in rows)
    Path(__file__).with_name("mpmath_further.json").write_text(f"[\n{text}\n]\n")


if __name__ == "__main__":
    main()
