"""All checks that apply to a fit: each a function that yields what it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from ..contracts.arrays import FloatArray
from ..contracts.errors import InputError
from ..display.records import Table
from ..display.rformat import format_p_values
from ..estimation.ending import NEAR
from ..estimation.generalized import GeneralizedFit
from ..estimation.linear import LinearFit
from ..estimation.model import Fit
from ..formula.terms import Terms
from ..inference.laplace_check import NOTEWORTHY, laplace_check
from ..prediction.rows import Rows
from .collinearity import ranef_pca, vif
from .effects import normality
from .findings import Finding, Findings
from .influence import MOST_ROWS, influence
from .simulated import SimulatedResiduals, simulated_residuals

#: p-values at or below these are doubtful, or worth a word.
DOUBTFUL, NOTED = 0.01, 0.05
#: Standard errors of terms that others make this many times as large.
INFLATED, SOMEWHAT = 10.0**0.5, 5.0**0.5
#: Cook's distance and change of a coefficient in standard errors, from which one case matters.
COOKS, DFBETAS = 1.0, 1.0
#: Fewest levels that a variance is estimated from with some certainty.
FEW = 5
#: Rows up to which influence is looked at.
MOST_INFLUENCE = 20_000


@dataclass(frozen=True, eq=False)
class Checked:
    """A fit, and what is needed to look at it."""

    fit: Fit
    vcov: FloatArray
    terms: Terms | None
    columns: Mapping[str, Sequence[int]] | None
    nsim: int
    rng: Any

    @cached_property
    def simulated(self) -> SimulatedResiduals:
        """Residuals with new random effects."""
        return simulated_residuals(self.fit, self.nsim, self.rng, random="new", terms=self.terms)


def check(checked: Checked, frame: str = "") -> Findings:
    """Every check that applies, worst findings first."""
    findings: list[Finding] = []
    looked_at, left_out = [], []
    for name, (look, applies) in CHECKS.items():
        reason = applies(checked)
        if reason:
            left_out.append(f"{name} ({reason})")
            continue
        looked_at.append(name)
        findings += (Finding(seen.severity, name, seen.finding, seen.advice) for seen in look(checked))
    return Findings.of(findings, looked_at, left_out, frame)


class Seen(NamedTuple):
    """How bad it is, what was seen, what to do."""

    severity: str
    finding: str
    advice: str


# What the fit says of itself ------------------------------------------------------------------------------------------


def _convergence(c: Checked) -> Iterator[Seen]:
    if not c.fit.certificate.converged:
        yield Seen(
            "serious",
            f"the search ended without an optimum ({c.fit.certificate.message})",
            "Do not use these estimates: rescale predictors, leave out random effects, or try another optimizer",
        )


def _identification(c: Checked) -> Iterator[Seen]:
    certificate = c.fit.certificate
    if certificate.not_identified:
        yield Seen(
            "serious",
            f"the data do not determine {', '.join(certificate.not_identified)}",
            "Leave out the terms they belong to, or use data that tell them apart",
        )
    if certificate.other_optima and certificate.other_optima[0] < NEAR:
        yield Seen(
            "doubtful",
            f"another optimum is only {certificate.other_optima[0]:.2g} higher in deviance",
            "Use fewer random effects, and report that there are two solutions",
        )
    if dropped := c.fit.labels.fixed.dropped_names:
        yield Seen(
            "note",
            f"{', '.join(dropped)} {'is a combination' if len(dropped) == 1 else 'are combinations'} of other columns "
            "of X",
            "Leave redundant terms out of the formula",
        )


def _rank(c: Checked) -> Iterator[Seen]:
    pca = ranef_pca(c.fit)
    for name in c.fit.singular_factors:
        mine = pca["factor"] == name
        shares = ", ".join(f"{100.0 * s:.3g} %" for s in pca["share"][mine])
        k = int(mine.sum())
        if k == 1:
            yield Seen(
                "note",
                f"the variance of {name} is estimated as zero",
                "The levels differ by no more than residuals explain; keep the term where the design asks for it, or "
                "leave it out",
            )
        else:
            yield Seen(
                "note",
                f"the covariance matrix of {name} has no full rank: its {k} components have {shares} of the variance",
                "Use fewer columns in the term, or make them uncorrelated",
            )


def _levels(c: Checked) -> Iterator[Seen]:
    for f in c.fit.groups:
        if f.grouping.n_levels < FEW and f.grouping.precision is None and not f.is_penalty:
            yield Seen(
                "note",
                f"{f.name} has {f.grouping.n_levels} levels, from which a variance is hardly known",
                "Take it as a fixed effect, or report the interval of its standard deviation",
            )


# What X says ----------------------------------------------------------------------------------------------------------


def _collinearity(c: Checked) -> Iterator[Seen]:
    try:
        table = vif(c.fit, c.vcov, c.columns)
    except InputError:  # one term has none that it could be collinear with
        return
    bad = [i for i in np.argsort(-table["inflation"]) if table["inflation"][i] > SOMEWHAT]
    if bad:
        listed = ", ".join(f"{table['term'][i]} {table['inflation'][i]:.3g} times" for i in bad)
        severity = "doubtful" if table["inflation"][bad[0]] > INFLATED else "note"
        yield Seen(
            severity,
            f"other terms make standard errors larger: of {listed}",
            "Tests of these terms are about what the others leave of them; center variables that are in products, or "
            "combine terms that measure the same",
        )


# What simulations say -------------------------------------------------------------------------------------------------


def _p(p: float) -> str:
    text = format_p_values([p], 2)[0].strip()
    return f"p {text}" if text.startswith("<") else f"p = {text}"


def _severity(p: float) -> str | None:
    return "doubtful" if p <= DOUBTFUL else "note" if p <= NOTED else None


def _rows(table: Table) -> Iterator[tuple[str, float, float, float, str]]:
    """Tests that say something: name, observed, expected, p-value, severity."""
    for name, seen, expected, p in zip(*(table[n].tolist() for n in table.names), strict=True):
        if severity := _severity(p):
            yield name, seen, expected, p, severity


def _distribution(c: Checked) -> Iterator[Seen]:
    other = (
        "a family with heavier tails or a transformation of the response"
        if isinstance(c.fit, LinearFit)
        else "another family"
    )
    for name, seen, expected, p, severity in _rows(c.simulated.tests()):
        ratio = seen / expected if expected else float("inf")
        if name == "uniformity":
            yield Seen(
                severity,
                f"responses are not distributed as in the model ({_p(p)})",
                f"Look at plot.qq(); try {other}",
            )
        elif name == "dispersion" and ratio > 1.0:
            yield Seen(
                severity,
                f"responses vary {ratio:.3g} times as much as in the model ({_p(p)})",
                "Standard errors are too small: use a family with a dispersion parameter (nbinom2, betabinomial), or "
                "add a random effect",
            )
        elif name == "dispersion":
            yield Seen(
                severity,
                f"responses vary {ratio:.3g} times as much as in the model ({_p(p)})",
                "Standard errors are too large: look for a wrong family, or weights that are counted twice",
            )
        elif name == "outliers":
            yield Seen(
                severity,
                f"{seen:.0f} responses lie outside of all simulated ones, {expected:.1f} were expected ({_p(p)})",
                f"Look at these rows (simulated_residuals); if they are right, use {other}",
            )
        elif name == "zeros":
            few = "only " if ratio < 1.0 else ""
            yield Seen(
                severity,
                f"{few}{seen:.0f} responses are zero, {expected:.1f} were expected ({_p(p)})",
                "Use a family with its own probability of zero, or one with a dispersion parameter",
            )


def _against_mean(c: Checked) -> Iterator[Seen]:
    x = Rows.of(c.fit.model.design).population(c.fit.gamma)
    if np.ptp(x) == 0.0:
        return
    for name, _, _, p, severity in _rows(c.simulated.test_against(x)):
        if name == "location":
            yield Seen(
                severity,
                f"residuals have a pattern against the population's mean ({_p(p)})",
                "A predictor acts otherwise than linearly, or an interaction is missing: look at plot.residuals()",
            )
        else:
            yield Seen(
                severity,
                f"the spread of residuals changes with the population's mean ({_p(p)})",
                "Give rows weights, transform the response, or use a family whose variance grows with the mean",
            )


def _by_level(c: Checked) -> Iterator[Seen]:
    design = c.fit.model.design
    for f in design.random.groups:
        if f.grouping.n_levels * 3 > design.n:
            continue
        for name, _, _, p, severity in _rows(c.simulated.test_groups(f.levels[f.codes])):
            if name == "spread":
                yield Seen(
                    severity,
                    f"levels of {f.name} differ in spread ({_p(p)})",
                    f"Standard errors within {f.name} are a mean over levels; look at plot.groups({f.name!r})",
                )


def _normality(c: Checked) -> Iterator[Seen]:
    assert isinstance(c.fit, LinearFit)
    table = normality(c.fit, c.simulated.responses)
    for factor, column, p in zip(table["factor"], table["column"], table["p_value"].tolist(), strict=True):
        if severity := _severity(p):
            yield Seen(
                severity,
                f"effects {column} of {factor} are not normal ({_p(p)})",
                "Look at plot.caterpillar() for levels apart, or for a covariate of the levels that is missing",
            )


# What single cases do -------------------------------------------------------------------------------------------------


def _influence(c: Checked) -> Iterator[Seen]:
    for by in (None, *(f.name for f in c.fit.groups if not f.is_penalty)):
        table = influence(c.fit, by)
        names = [name for name in table.names if name.startswith("dfbetas_")]
        changes = np.array([table[name] for name in names]).reshape(len(names), len(table))
        case = "row" if by is None else by
        lost = np.isnan(table["cooks"])
        if lost.any():
            listed = ", ".join(map(str, table[table.case][lost][:3]))
            yield Seen(
                "doubtful",
                f"without {case} {listed} the data do not determine all coefficients",
                "Their estimates rest on that case alone: say so, or leave the term out",
            )
        if lost.all() or not len(names):
            continue
        i = int(np.nanargmax(table["cooks"]))
        j = int(np.argmax(np.abs(changes[:, i])))
        if table["cooks"][i] > COOKS or abs(changes[j, i]) > DFBETAS:
            yield Seen(
                "doubtful",
                f"{case} {table[table.case][i]} alone moves {names[j].removeprefix('dfbetas_')} by "
                f"{abs(changes[j, i]):.1f} standard errors (Cook's distance {table['cooks'][i]:.2g})",
                "Look whether its data are right, and report the fit without it as well",
            )


def _laplace(c: Checked) -> Iterator[Seen]:
    assert isinstance(c.fit, GeneralizedFit)
    result = laplace_check(c.fit, 9)
    if abs(result.total) >= NOTEWORTHY:
        yield Seen(
            "note",
            f"the Laplace approximation is off by {result.total:.3g} in log-likelihood",
            result.advice.rstrip("."),
        )


# Which apply ----------------------------------------------------------------------------------------------------------


def _always(c: Checked) -> str:
    return ""


def _with_rows(c: Checked) -> str:
    return "the fit has no rows" if c.fit.model.rows is None else ""


def _with_simulations(c: Checked) -> str:
    if c.fit.certificate.not_identified:
        return "the data do not determine the model"
    return _with_rows(c)


def _linear_only(c: Checked) -> str:
    return _with_simulations(c) or ("" if isinstance(c.fit, LinearFit) else "of linear models only")


def _small(c: Checked) -> str:
    if reason := _with_rows(c):
        return reason
    design = c.fit.model.design
    if design.n > MOST_INFLUENCE:
        return f"{design.n:,} rows; influence() has no limit"
    factors = (f for f in design.random.groups if not f.is_penalty)
    largest = max((int(np.bincount(f.codes).max()) for f in factors), default=0)
    return f"a level has {largest:,} rows; influence(refit=True)" if largest > MOST_ROWS else ""


def _one_factor(c: Checked) -> str:
    fit = c.fit
    if not isinstance(fit, GeneralizedFit) or fit.nagq != 1:
        return "of Laplace fits only"
    if len(fit.groups) > 1 or fit.groups[0].grouping.n_columns > 2 or fit.pattern.has_precision:
        return "quadrature needs one factor with one or two effects a level"
    return _with_rows(c)


CHECKS: Mapping[str, tuple[Callable[[Checked], Iterator[Seen]], Callable[[Checked], str]]] = {
    "convergence": (_convergence, _always),
    "identification": (_identification, _always),
    "rank of the random effects": (_rank, _always),
    "number of levels": (_levels, _always),
    "collinearity": (_collinearity, _always),
    "distribution of the response": (_distribution, _with_simulations),
    "residuals against the mean": (_against_mean, _with_simulations),
    "residuals by level": (_by_level, _with_simulations),
    "normality of the random effects": (_normality, _linear_only),
    "influence": (_influence, _small),
    "Laplace approximation": (_laplace, _one_factor),
}
