"""Laws of response families."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..contracts import Derivatives, DispersionParameter, Family, InputError, Link, OrderedFamily
from .check import Check, LawBook, close, pickled, read_only, require, same_bits, same_in_threads
from .family_censoring import CENSORING
from .family_derivatives import DERIVATIVES
from .family_dispersion import DISPERSION
from .family_distribution import DISTRIBUTION, N_DRAWS
from .family_settings import Checked, Sample, Setting, settings_of
from .plugin import Held, plugin_checks, require_array, require_type


def family_checks(
    family: Family,
    *,
    means: ArrayLike | None = None,
    phis: Sequence[ArrayLike] | None = None,
    name: str | None = None,
    expected_failures: Mapping[str, str] | None = None,
) -> Iterator[Check]:
    """One check for every law that a family has to obey, with the link that it has.

    Families of ordered categories that are not given are checked with five of them.

    Parameters
    ----------
    family : Family
    means : (n,) array_like, optional
        Means at which it is checked; default: some inside of what family and link can have.
    phis : sequence of (r,) array_like, optional
        Dispersion parameters with which it is checked, none of them so extreme that the density cannot be summed or
        integrated numerically; default: two inside their bounds.
    name : str, optional
        Name of its entry.
    expected_failures : mapping, optional
        Names of laws that the family is known to break, with the reason. Strict: they must be broken.

    Examples
    --------
    >>> from ranef import registry
    >>> from ranef.testkit import family_checks
    >>> for check in family_checks(registry.family("poisson")[0]):
    ...     check.run()
    """
    if isinstance(family, OrderedFamily) and family.categories is None:
        family = family.of_categories(("1", "2", "3", "4", "5"))
    return plugin_checks(
        Held(family, name),
        LAWS + DISTRIBUTION + DERIVATIVES + DISPERSION + CENSORING,
        Checked(family, means, phis),
        expected_failures,
    )


# The laws -----------------------------------------------------------------------------------------------------------

LAWS: LawBook[Checked] = LawBook()


@LAWS.law(first=True)
def attributes_describe_the_family(f: Checked) -> None:
    """Name, links and support text are given, bounds are in order, parameters have distinct names and inner starts."""
    family, cls = f.family, type(f.family).__qualname__
    link: Any = getattr(family, "link", None)
    parameters: Any = family.parameters
    require(isinstance(link, Link), f"{cls} has no link: its __init__ must call super().__init__(link)")
    require(
        isinstance(parameters, tuple) and all(isinstance(p, DispersionParameter) for p in parameters),
        f"{cls}.parameters is {parameters!r}, not a tuple of DispersionParameter",
    )
    require(
        bool(family.name) and bool(family.links) and bool(family.support_text), "name, links or support_text is empty"
    )
    require(family.mean_bounds[0] < family.mean_bounds[1], f"mean_bounds = {family.mean_bounds}")
    names = [p.name for p in parameters]
    require(len(set(names)) == len(names), f"parameters: {names}")
    for p in parameters:
        require(p.lower < p.start < p.upper, f"{p.name} starts at {p.start:g}, outside of {p.lower:g} to {p.upper:g}")


@LAWS.law(on=settings_of, first=True)
def answers_are_float_arrays_of_the_shape_of_y(f: Checked, setting: Setting) -> None:
    """All that comes back is an array of floats with one element for each row; `support` one of booleans."""
    family, phi = f.family, setting.phi
    draws = family.sample(setting.mu, setting.weights, phi, np.random.default_rng(1))
    require_array(family.sample, draws, setting.mu.shape)
    require_array(family.support, family.support(draws, setting.weights), setting.mu.shape, bool)
    s, n, r = setting.sample, setting.sample.y.shape, len(family.parameters)
    y, mu, eta, weights = s.y.copy(), s.mu.copy(), s.eta.copy(), s.weights.copy()  # the other laws need theirs
    for method, arguments in (
        (family.log_density, (y, mu, weights, phi)),
        (family.variance, (mu, phi)),
        (family.response_mean, (mu, phi)),
        (family.response_variance, (mu, weights, phi)),
        (family.start_mean, (y, weights)),
        (family.saturated_mean, (y, weights, phi)),
        (family.deviance, (y, mu, weights, phi)),
    ):
        require_array(method, method(*arguments), n)
    require_array(family.start_dispersion, family.start_dispersion(y, mu, weights), (r,))
    for order in (2, 3):
        d = family.evaluate(y, eta, weights, phi, order)
        require_type(family.evaluate, d, Derivatives)
        for part, array in vars(d).items():
            if array is not None:
                by_phi = part.startswith("phi1") or part == "expected_weight_phi"
                require_array(family.evaluate, array, (r, *n) if by_phi else n, part=part)


@LAWS.law(on=settings_of, first=True)
def draws_lie_in_the_support(f: Checked, setting: Setting) -> None:
    """`support` accepts what `sample` draws, at every mean."""
    mu, weights = np.repeat(setting.mu, N_DRAWS), np.repeat(setting.weights, N_DRAWS)
    draws = f.family.sample(mu, weights, setting.phi, np.random.default_rng(17))
    refused = draws[~f.family.support(draws, weights)]
    share = f"{len(refused)} of {len(draws)} draws, {refused[:1]} among them"
    require(not len(refused), f"`support` refuses {share}: it is too narrow, or `sample` goes beyond it")


@LAWS.law(on=settings_of, where=lambda f: not f.family.weights_are_trials)
def integer_weights_are_repeated_rows(f: Checked, setting: Setting) -> None:
    """A row of weight w counts as w rows of weight 1: log density, deviance and all derivatives are multiplied by w."""
    s = setting.sample
    one = np.ones_like(s.y)
    weighted, plain = (f.family.evaluate(s.y, s.eta, w, s.phi, 3) for w in (s.weights, one))
    for name in vars(plain):
        if getattr(plain, name) is not None:
            expected = s.weights * getattr(plain, name)
            scale = float(np.max(np.abs(expected), initial=0.0))
            # families without exact derivatives differ by the noise of differences
            close(name, getattr(weighted, name), expected, rtol=1e-5, atol=1e-9 + 1e-5 * scale)
    for name in ("log_density", "deviance"):
        method = getattr(f.family, name)
        expected = s.weights * method(s.y, s.mu, one, s.phi)
        close(name, method(s.y, s.mu, s.weights, s.phi), expected, rtol=1e-10, atol=1e-10)


@LAWS.law(on=settings_of)
def of_response_changes_nothing(f: Checked, setting: Setting) -> None:
    """The family that `of_response` gives equals the family and answers as it does: of these responses, and others."""
    s = setting.sample
    if f.family.of_response(s.y, s.weights) is f.family:
        return
    same = f.family.of_response(s.y[:1], s.weights[:1]).of_response(s.y, s.weights)
    require(same == f.family, f"{same!r} is another family than {f.family!r}")
    turned = replace(s, y=s.y[::-1], mu=s.mu[::-1], eta=s.eta[::-1], weights=s.weights[::-1])
    heavier = replace(s, weights=2.0 * s.weights)
    for what, sample in (("", s), (" of other rows", turned), (" with other weights", heavier)):
        expected = sample.answers()
        for question, answer in sample.answers(same).items():
            same_bits(f"{question}{what}", answer, expected[question])
    rows = np.arange(0, len(s.y), 2)[::-1]
    part = replace(s, y=s.y[rows], mu=s.mu[rows], eta=s.eta[rows], weights=s.weights[rows])
    expected = part.answers()
    for question, answer in part.answers(same.of_rows(part.y, part.weights, rows)).items():
        same_bits(f"{question} of rows taken by of_rows", answer, expected[question])


@LAWS.law(on=settings_of)
def rows_do_not_meet(f: Checked, setting: Setting) -> None:
    """What is said of a row does not depend on the rows around it, nor on their number."""
    s = setting.sample
    d = f.family.evaluate(s.y, s.eta, s.weights, s.phi)
    for rows in (slice(3, 4), slice(None, None, -1), slice(0, 0)):
        part = f.family.evaluate(s.y[rows], s.eta[rows], s.weights[rows], s.phi)
        for name in ("log_density", "d1", "d2", "expected_weight"):
            close(f"{name} of rows {rows}", getattr(part, name), getattr(d, name)[rows], rtol=1e-8, atol=1e-8)


@LAWS.law(on=settings_of)
def deviance_is_least_at_the_saturated_mean(f: Checked, setting: Setting) -> None:
    """Unit deviances are not negative at any mean, and vanish at `saturated_mean`."""
    s = setting.sample
    lower, upper = f.bounds
    scale = 1.0 + np.abs(s.phi[0] if f.family.multiplicative_dispersion else 1.0)
    for mu in f.means:
        deviance = f.family.deviance(s.y, np.full_like(s.y, mu), s.weights, s.phi)
        require(bool(np.all(deviance >= -1e-9 * scale)), f"deviance {np.min(deviance):g} at mu = {mu:g}")
    best = f.family.saturated_mean(s.y, s.weights, s.phi)
    inside = (best > lower) & (best < upper)
    zero = f.family.deviance(s.y[inside], best[inside], s.weights[inside], s.phi)
    close("deviance at the saturated mean", zero, 0 * zero, rtol=0.0, atol=1e-8 * scale)


@LAWS.law(on=settings_of)
def support_is_checked_by_rows(f: Checked, setting: Setting) -> None:
    """Draws are accepted; NaN and infinite responses are refused with an `InputError` that names their rows."""
    s = setting.sample
    weights = s.weights if f.family.weights_are_trials else np.ones_like(s.y)
    f.family.check_response(s.y, weights)
    for wrong in (np.nan, np.inf, -np.inf):
        y = s.y.copy()
        y[3] = wrong
        try:
            f.family.check_response(y, weights)
        except InputError as error:
            require("row 3" in str(error), f"the message does not name row 3: {error}")
        else:
            require(False, f"y = {wrong} was accepted")


@LAWS.law(on=settings_of)
def starts_are_inside_the_bounds(f: Checked, setting: Setting) -> None:
    """`start_mean` lies inside of what family and link can have, `start_dispersion` inside its bounds, for any data."""
    s = setting.sample
    lower, upper = f.bounds
    for y in (s.y, np.full_like(s.y, s.y.min()), np.full_like(s.y, s.y.max())):
        weights = s.weights
        if f.family.weights_are_trials:
            weights = np.ones_like(y)
            y = np.round(y)
        mu = f.family.start_mean(y, weights)
        require(mu.shape == y.shape, f"start_mean has shape {mu.shape}")
        require(bool(np.all((mu > lower) & (mu < upper))), f"start_mean gives {mu.min():g} to {mu.max():g}")
        require(f.family.valid(f.family.link.link(mu)), "start_mean gives means that the link has no eta for")
        phi = f.family.start_dispersion(y, mu, weights)
        require(phi.shape == (len(f.family.parameters),), f"start_dispersion has shape {phi.shape}")
        for value, p in zip(phi, f.family.parameters, strict=True):
            require(p.lower < value < p.upper, f"start_dispersion gives {p.name} = {value:g}")
            require(p.fixed is None or value == p.fixed, f"start_dispersion moves {p.name}, which is fixed")


@LAWS.law(on=settings_of)
def means_of_the_family_are_valid(f: Checked, setting: Setting) -> None:
    """`valid` accepts the etas of means inside the bounds."""
    require(f.family.valid(f.family.link.link(setting.mu)) is True, "refused")


@LAWS.law(on=settings_of)
def inputs_are_not_changed(f: Checked, setting: Setting) -> None:
    """Responses, means, weights and dispersion parameters may be read-only, and stay as they are."""
    s = setting.sample
    y, mu, eta, weights, phi = read_only(s.y, s.mu, s.eta, s.weights, s.phi)
    frozen = Sample(f.family, y, mu, eta, weights, phi)
    before = f.family.__dict__.copy()
    frozen.answers()
    same_bits("inputs", [y, mu, eta, weights, phi], [s.y, s.mu, s.eta, s.weights, s.phi])
    require(vars(f.family) == before, "the family itself has changed: attributes are set in __init__ only")


@LAWS.law(on=settings_of)
def equal_questions_get_equal_bits(f: Checked, setting: Setting) -> None:
    """The same arguments, and a generator in the same state, give the same bits."""
    same_bits("the second time", setting.sample.answers(), setting.sample.answers())


@LAWS.law()
def threads_do_not_meet(f: Checked) -> None:
    """Two threads that use one family with different data get what one thread gets."""

    def task(setting: Setting) -> Callable[[], Any]:
        sample = setting.sample
        return lambda: sample.answers()

    same_in_threads("the family", [task(setting) for setting in f.settings])


@LAWS.law()
def pickling_gives_an_equal_family(f: Checked) -> None:
    """A family, sent to another process, equals the original, has its hash, and gives the same bits."""
    copy = pickled("the family", f.family)
    require(copy == f.family and hash(copy) == hash(f.family), f"{copy!r} differs from {f.family!r}")
    sample = f.settings[0].sample
    same_bits("a pickled family", sample.answers(copy), sample.answers())
