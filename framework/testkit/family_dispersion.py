"""Laws of dispersion parameters that differ from row to row."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..contracts.arrays import FloatArray
from .check import LawBook, close, same_bits
from .family_distribution import N_DRAWS, require_draws_of
from .family_settings import Checked, Sample, Setting, dispersed, settings_of

#: Answers with one element for each row.
BY_ROWS = ("log_density", "variance", "response_mean", "response_variance", "saturated_mean", "deviance", "cdf")

DISPERSION: LawBook[Checked] = LawBook()


@DISPERSION.law(on=settings_of, where=dispersed, first=True)
def phi_repeated_for_every_row_gives_the_same_bits(f: Checked, setting: Setting) -> None:
    """phi may be (r,), or (r, n) with one column for each row: equal columns give the bits, and the draws, of one."""
    s = setting.sample
    once = s.answers()
    repeated = replace(s, phi=np.repeat(s.phi[:, None], len(s.y), axis=1)).answers()
    for question, answer in once.items():
        same_bits(f"{question} with phi of shape {(len(s.phi), len(s.y))}", repeated[question], answer)


@DISPERSION.law(where=dispersed)
def rows_have_their_own_phi(f: Checked) -> None:
    """Rows with different dispersion parameters get what each of them gets alone; `latent_variance` is their mean."""
    s = f.settings[0].sample
    s = replace(s, phi=_in_turns(f, len(s.y)))
    together, d = s.answers(), vars(f.family.evaluate(s.y, s.eta, s.weights, s.phi, 3))
    for i in range(len(s.y)):
        row = slice(i, i + 1)
        one = Sample(f.family, s.y[row], s.mu[row], s.eta[row], s.weights[row], s.phi[:, i])
        alone = one.answers()
        for question in BY_ROWS:
            if np.ndim(together[question]):
                close(f"{question} of row {i}", together[question][row], alone[question], rtol=1e-8, atol=1e-8)
        for part, value in vars(f.family.evaluate(one.y, one.eta, one.weights, one.phi, 3)).items():
            if value is not None:
                # families without exact derivatives differ by the noise of differences
                scale = float(np.max(np.abs(d[part]), initial=0.0))
                close(f"{part} of row {i}", d[part][..., row], value, rtol=1e-5, atol=1e-9 + 1e-5 * scale)
    mean, columns = float(f.means[0]), s.phi.T
    given = f.family.latent_variance(mean, s.phi)
    close("latent_variance", given, np.mean([f.family.latent_variance(mean, phi) for phi in columns]), rtol=1e-10)


@DISPERSION.law(where=dispersed)
def draws_have_the_phi_of_their_row(f: Checked) -> None:
    """Draws of rows with different dispersion parameters follow the density, each with its own."""
    m = len(f.settings)
    phi, one = _in_turns(f, m * N_DRAWS), np.ones(m * N_DRAWS)
    for row, (mu, weight) in enumerate(zip(f.settings[0].mu, f.settings[0].weights, strict=True)):
        draws = f.family.sample(mu * one, weight * one, phi, np.random.default_rng([19, row]))
        for k, setting in enumerate(f.settings):
            require_draws_of(setting.measure, row, draws[k::m], f"at mean {mu:g} in rows with {setting}")


def _in_turns(f: Checked, n: int) -> FloatArray:
    """Dispersion parameters (r, n): those of one setting after the other."""
    return np.array([f.settings[i % len(f.settings)].phi for i in range(n)]).T
