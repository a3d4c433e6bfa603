"""Does the likelihood have a maximum at all? Edges of the domain, offsets, and responses that are fitted perfectly.

Of separation see `separation`.

Edges: with some links (identity, the log link of a probability) linear predictors end at an edge where the density of
some responses is not zero (no counts at mean 0, a success at probability 1). There the likelihood may grow all the way
to the edge, and has no stationary point.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import numpy as np

from ..contracts.arrays import BoolArray, FloatArray
from ..contracts.censoring import distance
from ..contracts.errors import InputError, NoMaximumError, NotPositiveDefiniteError
from ..contracts.family import Family, describe_rows, eta_bounds
from .modes import DegenerateModeError, EdgeError, Mode, PenalizedLikelihood
from .parted import PartedLikelihood
from .quadrature import CUT, MAX_COLUMNS, Quadrature
from .separation import decide

#: Derivative of the criterion by a dispersion, a row, at which the likelihood still grows at the end of its range.
GROWING = 1e-3
#: Distance from the edge of the domain, as a part of the largest one, at which a search has ended there.
AT_EDGE = 1e-3
#: Conditional variance of a spherical random effect, whose variance is 1, from which on M is nearly singular.
DEGENERATE = 10.0
#: Links on whose scale numbers are logarithms, or much like them.
LOGARITHMIC = ("log", "logit", "probit", "cloglog", "loglog")
#: Root mean square of what X leaves of a positive offset there, from which on it is no logarithm: e^20 is 5e8.
NO_LOGARITHM = 20.0
#: Offsets from which on a breakdown may be theirs.
LARGE_LOGARITHM = 10.0
#: Deviance a row, given the random effects, below which these predict discrete responses perfectly.
PREDICTED = 1e-2
#: Largest residual, as a part of the largest response, of an exact fit.
EXACT = 1e-10


@contextmanager
def explained(model: PenalizedLikelihood) -> Iterator[None]:
    """Say by `NoMaximumError` why a search broke down, where separation is the reason."""
    try:
        yield
    except NotPositiveDefiniteError as breakdown:
        if isinstance(model, PartedLikelihood):  # why, rows that are together could say
            advice = "Rescale the predictors, pass start=, or simplify the model"
            raise NotPositiveDefiniteError(f"the search broke down: {breakdown}. {advice}") from breakdown
        family, y, w = model.family, model.y, model.weights
        decide(model, family.start_dispersion(y, family.start_mean(y, w), w))
        if isinstance(breakdown, EdgeError):
            raise NoMaximumError(_at_the_edge(model)) from breakdown
        if _fits_exactly(model):
            raise NoMaximumError(_growing(p.name for p in family.parameters if p.fixed is None)) from breakdown
        if isinstance(breakdown, DegenerateModeError):
            raise NoMaximumError(_degenerate(model)) from breakdown
        advice = _offset_advice(model) or "Rescale the predictors, pass start=, or simplify the model"
        raise NotPositiveDefiniteError(f"the search broke down: {breakdown}. {advice}") from breakdown


def refuse_offset(model: PenalizedLikelihood) -> None:
    """Offsets that no coefficients can bring down to where the link's means are numbers.

    Raises
    ------
    InputError
        For exposures of which the logarithm was forgotten.
    """
    offset, advice = model.design.offset, _offset_advice(model)
    if offset is None or not advice or offset.min() <= 0:
        return
    rest = offset - model.Q @ (model.Q.T @ offset)
    size = float(np.sqrt(np.mean(rest**2)))
    if size > NO_LOGARITHM:
        raise InputError(
            f"offset differs between rows by about {size:.3g} (root mean square of what X's columns leave of it): with "
            f"the {model.family.link.name} link means would differ by a factor e^{size:.3g}. {advice}"
        )


def _offset_advice(model: PenalizedLikelihood) -> str:
    """What to say of an offset that is large for the scale of the link; nothing of others."""
    offset, link = model.design.offset, model.family.link.name
    if offset is None or link not in LOGARITHMIC or (size := np.abs(offset).max()) < LARGE_LOGARITHM:
        return ""
    if offset.min() > 0:
        return (
            f"The offset is positive everywhere and goes up to {size:.4g}: with the {link} link it is added to the "
            "logarithm; if it is an exposure, write offset=np.log(exposure)"
        )
    return f"The offset is as large as {size:.4g}: it belongs on the scale of the {link} link"


def refuse_predicted(mode: Mode) -> None:
    """Where a search has no end and random effects predict every response, nothing says how large they are.

    Valleys go on without end then, along covariance matrices that leave out the rows that are hardest to predict; each
    is as narrow as they are large.

    Raises
    ------
    NoMaximumError
        With the largest standard deviation.
    """
    family = mode.model.family
    if not family.discrete or -2.0 * mode.log_density > PREDICTED * mode.model.design.n:
        return
    largest = max(float(np.linalg.norm(T, 2)) for T in mode.Lambda.T)
    raise NoMaximumError(
        f"no maximum was found: random effects with standard deviations of up to {largest:.2g} on the scale of the "
        f"{family.link.name} link predict all responses (almost) perfectly, so that nothing in the data keeps them "
        "from growing. Use fewer columns in the random effects, or more rows a level"
    )


def refuse_dead_end(mode: Mode, quadrature: Quadrature | None, converged: bool) -> None:
    """Where a search came to nothing for a reason that can be seen, say it.

    The family may know the limit that it runs to; it may stand at the edge of the domain, or where M is nearly singular
    and Laplace's approximation grows without end. Quadrature has no maximum to speak of, even where a search thinks so,
    if the integrand breaks off at the edge: the criterion jumps when nodes cross it.

    Raises
    ------
    NoMaximumError
        With what the family says, rows that are at the edge, or the level whose integrand breaks off.
    """
    model = mode.model
    if quadrature is not None and (quadrature.cut > CUT).any():
        f, worst = model.design.random.groups[0], int(quadrature.cut.argmax())
        raise NoMaximumError(
            f"no maximum can be found by quadrature: in level {f.levels[worst]} of {f.name}, say, the integrand "
            f"breaks off at {_edge_text(model)}, so that the log-likelihood jumps when nodes cross it. Use nagq=1, the "
            f"Laplace approximation{_other_links(model)}"
        )
    if converged:
        return
    if not isinstance(model, PartedLikelihood):
        family = model.family
        if why := family.runaway(family.link.mean(mode.point.eta).mu, mode.phi):
            raise NoMaximumError(f"the likelihood has no maximum: {why}")
    lower, upper = model.domain
    if model.bounded:
        room = np.minimum(mode.point.eta - lower, upper - mode.point.eta)
        if len(rows := np.flatnonzero(room < AT_EDGE * room.max())):
            raise NoMaximumError(_at_the_edge(model, f" (y in {describe_rows(model.y, rows)})"))
    variances = (np.einsum("aal->al", block) for block in mode.newton.factor.selected_inverse().diagonal)
    if not model.pattern.has_precision and max(v.max(initial=0.0) for v in variances) > DEGENERATE:
        raise NoMaximumError(_degenerate(model, quadrature))


def _degenerate(model: PenalizedLikelihood, quadrature: Quadrature | None = None) -> str:
    one = [f.grouping.n_columns for f in model.design.random.groups]
    ways = ["quadrature (nagq=9)"] * (quadrature is None and len(one) == 1 and one[0] <= MAX_COLUMNS)
    ways += ["hessian='expected'"] * (model.weights_in_logdet == "observed")
    advice = f"Try {' or '.join(ways)}, simplify" if ways else "Simplify"
    return (
        "the approximated likelihood has no maximum: it grows without end towards parameters with which the "
        f"conditional density of some random effects is flat at its mode, which can be as the {model.family.name} "
        f"density is not log-concave. {advice} the model, or use another family"
    )


def _at_the_edge(model: PenalizedLikelihood, rows: str = "") -> str:
    advice = "Simplify the model"
    if model.weights_in_logdet == "observed":
        advice = "Try hessian='expected', whose criterion mostly keeps away from the edge, or simplify the model"
    return (
        f"no maximum was found inside of the domain: the likelihood grows up to {_edge_text(model)}{rows}. "
        f"{advice}{_other_links(model)}"
    )


def _edge_text(model: PenalizedLikelihood) -> str:
    family = model.family
    with np.errstate(divide="ignore"):
        means = [f"{family.link.mean(np.array([eta])).mu[0]:g}" for eta in model.domain if np.isfinite(eta)]
    return (
        f"the edge of the domain of the {family.name} family with the {family.link.name} link, where the mean is "
        f"{' or '.join(means)}"
    )


def links_without_edge(family: Family) -> list[str]:
    """Names of the family's links with which every linear predictor has a mean."""
    links = family.fitting_links().items()
    return [name for name, link in links if not np.isfinite(eta_bounds(link, family.mean_bounds)).any()]


def _other_links(model: PenalizedLikelihood) -> str:
    others = links_without_edge(model.family)
    return f", or use a link without such an edge ({', '.join(others)})" if others else ""


def refuse_exact_fit(model: PenalizedLikelihood, gamma: FloatArray) -> None:
    """Fixed effects that give every response exactly leave no dispersion to estimate.

    Raises
    ------
    NoMaximumError
        For continuous responses.
    """
    design, family = model.design, model.family
    if family.discrete or not any(p.fixed is None for p in family.parameters):
        return
    eta = model.Q @ gamma + design.known
    size = np.abs(model.y[np.isfinite(model.y)]).max(initial=0.0)
    if distance(model.y, family.link.mean(eta).mu).max() < EXACT * size:
        raise NoMaximumError(
            "the likelihood has no maximum: the columns of X give y exactly (a constant y, for example), and nothing "
            "is left to estimate a dispersion from"
        )


def _fits_exactly(model: PenalizedLikelihood) -> bool:
    """Whether fixed and random effects, fewer than the rows, give every continuous response exactly."""
    from scipy.sparse.linalg import LinearOperator, lsmr  # imported on first use

    family, design = model.family, model.design
    n, r, q = design.n, model.Q.shape[1], model.pattern.q
    free = any(p.fixed is None for p in family.parameters)
    if family.discrete or not free or r + q >= n or model.y.ndim == 2:
        return False
    with np.errstate(all="ignore"):
        eta = family.link.link(model.y)
    known = design.known
    if not np.isfinite(eta).all():
        return False
    both = LinearOperator(
        (n, r + q),
        matvec=lambda v: model.Q @ v[:r] + model.Z(v[r:]),
        rmatvec=lambda v: np.concatenate([model.Q.T @ v, model.Zt(v)]),
    )
    fitted = both @ lsmr(both, eta - known, atol=1e-15, btol=1e-15)[0] + known
    return bool(np.abs(fitted - eta).max() < EXACT * np.abs(eta).max())


def refuse_growing_dispersion(names: tuple[str, ...], at_bound: BoolArray, gradient: FloatArray, n: int) -> None:
    """Where the likelihood still grows with a dispersion at the end of its range, it has no maximum.

    Raises
    ------
    NoMaximumError
        With the names of the parameters.
    """
    growing = [name for name, b, g in zip(names, at_bound, gradient, strict=True) if b and abs(g) > GROWING * n]
    if growing:
        raise NoMaximumError(_growing(growing))


def _growing(names: Iterable[str]) -> str:
    return (
        f"the likelihood has no maximum: it grows without end with {', '.join(names)}, because the model fits the "
        "responses perfectly, or nearly so (they do not vary within levels, for example). Simplify the model, or use a "
        "family without such a parameter (poisson for counts)"
    )
