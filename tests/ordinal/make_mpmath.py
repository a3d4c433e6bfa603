"""Makes mpmath.json: log probabilities of ordered categories and their derivatives, with 60 digits.

Run by hand (needs mpmath): textbook differences of distribution functions, in both tails, differentiated numerically.
Four categories with the spacings 1.5 and 0.02.
"""

from __future__ import annotations

import json
from pathlib import Path

import mpmath as mp

F = {
    "logit": lambda x: 1 / (1 + mp.exp(-x)),
    "probit": mp.ncdf,
    "cloglog": lambda x: -mp.expm1(-mp.exp(x)),
    "loglog": lambda x: mp.exp(-mp.exp(-x)),
    "cauchit": lambda x: mp.mpf(1) / 2 + mp.atan(x) / mp.pi,
}
PHI = ("1.5", "0.02")
ORDERS = {
    "d1": (1, 0, 0),
    "d2": (2, 0, 0),
    "d3": (3, 0, 0),
    "phi1": [(0, 1, 0), (0, 0, 1)],
    "phi1_eta": [(1, 1, 0), (1, 0, 1)],
    "phi1_eta2": [(2, 1, 0), (2, 0, 1)],
}


def row(link: str, eta: float, k: int) -> dict[str, object] | None:
    def log_p(e, s1, s2):
        t = [None, mp.mpf(0), s1, s1 + s2, None]
        upper = mp.mpf(1) if t[k + 1] is None else F[link](t[k + 1] - e)
        return mp.log(upper - (0 if t[k] is None else F[link](t[k] - e)))

    with mp.workdps(400):  # differences of numbers near 1
        at = (mp.mpf(eta), *map(mp.mpf, PHI))
        if log_p(*at) < -600:
            return None
        h = mp.mpf(10) ** -60
        of = {
            name: [float(mp.diff(log_p, at, n, h=h)) for n in order]
            if isinstance(order, list)
            else float(mp.diff(log_p, at, order, h=h))
            for name, order in ORDERS.items()
        }
        return {"link": link, "eta": eta, "y": k, "log_density": float(log_p(*at)), **of}


ETAS = (-30.0, -6.5, 0.3, 2.0, 5.0, 35.0)
made = [row(link, eta, k) for link in F for eta in ETAS for k in range(4)]
text = json.dumps([one for one in made if one], indent=None).replace("}, {", "},\n{")
(Path(__file__).parent / "mpmath.json").write_text(text + "\n")
