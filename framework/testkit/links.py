"""Laws of link functions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from ..contracts import Link, LogMean, Mean
from ..contracts.arrays import FloatArray
from .check import Check, LawBook, close, pickled, read_only, require, same_bits, same_in_threads
from .differences import derivative
from .plugin import Held, plugin_checks, require_array, require_type


def link_checks(
    link: Link, *, name: str | None = None, expected_failures: Mapping[str, str] | None = None
) -> Iterator[Check]:
    """One check for every law that a link function has to obey.

    The laws of log(mu) and log(1 - mu) apply to links whose means lie in (0, 1).

    Parameters
    ----------
    link : Link
    name : str, optional
        Name of its entry.
    expected_failures : mapping, optional
        Names of laws that the link is known to break, with the reason. Strict: they must be broken.

    Examples
    --------
    >>> from ranef import registry
    >>> from ranef.testkit import link_checks
    >>> for check in link_checks(registry.link("probit")[0]):
    ...     check.run()
    """
    return plugin_checks(Held(link, name), LAWS, link, expected_failures)


def means_within(lower: float, upper: float) -> FloatArray:
    """Some means inside an open interval, none of them extreme."""
    if np.isfinite(lower) and np.isfinite(upper):
        return lower + (upper - lower) * np.array([0.2, 0.4, 0.5, 0.7])
    if np.isfinite(lower):
        return lower + np.array([0.3, 1.0, 2.5, 9.0])
    if np.isfinite(upper):
        return upper - np.array([0.3, 1.0, 2.5, 9.0])
    return np.array([-3.0, -0.5, 0.0, 1.2, 5.0])


def _etas(link: Link) -> FloatArray:
    mu = means_within(*link.range)
    if _gives_probabilities(link):
        mu = np.concatenate([[1e-6, 0.01], mu, [0.99, 1 - 1e-6]])
    eta = link.link(mu)
    return eta[np.isfinite(eta)]


def step_of(eta: FloatArray) -> FloatArray:
    """Where differences in eta start from."""
    return 0.05 * np.clip(np.abs(eta), 0.02, 1.0)


def _gives_probabilities(link: Link) -> bool:
    return link.range[0] >= 0 and link.range[1] <= 1


LAWS: LawBook[Link] = LawBook()


@LAWS.law(first=True)
def answers_are_float_arrays_of_the_shape_of_eta(link: Link) -> None:
    """All that comes back is an array of floats with one element for each eta, also for one and for none."""
    mu = means_within(*link.range)
    require_array(link.link, link.link(mu), mu.shape)
    for eta in (_etas(link), _etas(link)[:1], np.empty(0)):
        for method, of in ((link.mean, Mean), (link.log_mean, LogMean)):
            answer = method(eta)
            require_type(method, answer, of)
            for part, array in vars(answer).items():
                require_array(method, array, eta.shape, part=part)
        require_array(link.link, link.link(link.mean(eta).mu), eta.shape)
        require_array(link.marginal_mean, link.marginal_mean(eta, np.ones_like(eta)), eta.shape)


@LAWS.law()
def mean_is_the_inverse_of_link(link: Link) -> None:
    """mean(link(mu)).mu = mu and link(mean(eta).mu) = eta."""
    eta = _etas(link)
    mu = link.mean(eta).mu
    # a mean near 1 has lost digits of eta to rounding
    slack = 4e-16 / np.abs(link.mean(eta).mu_eta)
    close("link(mean(eta)) - eta", (link.link(mu) - eta) / (1e-10 * (1 + np.abs(eta)) + slack), 0 * eta, rtol=0, atol=1)
    close("mean(link(mu))", link.mean(link.link(mu)).mu, mu, rtol=1e-10, atol=1e-15)


@LAWS.law()
def means_lie_in_the_range(link: Link) -> None:
    """Means are strictly inside `range`, and `valid` says so of the etas that they come from."""
    eta = _etas(link)
    mu = link.mean(eta).mu
    require(bool(np.all((mu > link.range[0]) & (mu < link.range[1]))), f"means {mu} outside of {link.range}")
    require(link.valid(eta) is True, f"valid({eta}) is {link.valid(eta)!r}")


@LAWS.law()
def complement_is_one_minus_mu(link: Link) -> None:
    """`complement` is 1 - mu."""
    m = link.mean(_etas(link))
    close("complement", m.complement, 1 - m.mu, rtol=1e-9, atol=1e-15)


@LAWS.law(where=_gives_probabilities)
def complement_does_not_cancel(link: Link) -> None:
    """Near mu = 1, where 1 - mu has lost its digits, `complement` keeps them: its slope is -mu_eta, relatively."""
    eta = link.link(1 - np.array([1e-7, 1e-10, 1e-12]))
    slope = derivative(lambda e: link.mean(e).complement, eta, 0.05 * np.abs(eta))
    close("slope of complement", slope, -link.mean(eta).mu_eta, rtol=1e-7)


@LAWS.law()
def derivatives_are_those_of_the_mean(link: Link) -> None:
    """`mu_eta`, `mu_eta2` and `mu_eta3` are the first three derivatives of mu, by differences of one another."""
    eta = _etas(link)
    m = link.mean(eta)
    for what, lower, upper in (
        ("mu_eta", "mu", m.mu_eta),
        ("mu_eta2", "mu_eta", m.mu_eta2),
        ("mu_eta3", "mu_eta2", m.mu_eta3),
    ):
        _slope_is(link, what, lower, eta, upper)


def _slope_is(link: Link, what: str, of: str, eta: FloatArray, given: FloatArray) -> None:
    slope = derivative(lambda e: np.asarray(getattr(link.mean(e), of), float), eta, step_of(eta))
    scale = np.abs(getattr(link.mean(eta), of))
    close(f"{what} at eta = {eta}", given, slope, rtol=1e-7, atol=float(1e-9 * np.max(scale)))


@LAWS.law()
def means_are_monotone(link: Link) -> None:
    """`mu_eta` is never zero, and of one sign on each side of a pole of the link."""
    eta = _etas(link)
    slope = link.mean(eta).mu_eta
    require(bool(np.all(slope != 0)), f"mu_eta = {slope} at eta = {eta}")
    require(bool(np.all(slope > 0) or np.all(slope < 0)), f"mu_eta = {slope} changes its sign")


@LAWS.law()
def marginal_mean_is_the_mean_over_normal_noise(link: Link) -> None:
    """`marginal_mean` is the average of mu over N(eta, variance), as far as mu is monotone there; mu for variance 0."""
    eta = _etas(link)
    close("marginal_mean at variance 0", link.marginal_mean(eta, 0.0), link.mean(eta).mu, rtol=1e-12)
    z, weights = _normal_rule()
    for variance in (0.01, 1.0, 9.0):
        points = eta[:, None] + np.sqrt(variance) * z
        mu = link.mean(points.ravel()).mu.reshape(points.shape)
        rises = np.diff(mu, axis=1)
        inside = np.all(rises >= 0, axis=1) | np.all(rises <= 0, axis=1)
        found = link.marginal_mean(eta, np.full_like(eta, variance))[inside]
        close(f"marginal_mean at variance {variance:g}", found, mu[inside] @ weights, rtol=1e-8, atol=1e-8)


def _normal_rule() -> tuple[FloatArray, FloatArray]:
    """Nodes and weights of the standard normal distribution: Gauss-Legendre panels as far as it matters."""
    nodes, weights = np.polynomial.legendre.leggauss(8)
    edges = np.linspace(-9.0, 9.0, 181)
    half = np.diff(edges)[:, None] / 2
    z = (edges[:-1, None] + half * (1 + nodes)).ravel()
    return z, (half * weights).ravel() * np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi)


@LAWS.law(where=lambda link: link.multiplicative)
def effects_multiply_the_mean(link: Link) -> None:
    """A link that calls itself multiplicative has the natural logarithm for eta: `mu_eta` is mu."""
    m = link.mean(_etas(link))
    close("mu_eta", m.mu_eta, m.mu, rtol=1e-12)


@LAWS.law(where=_gives_probabilities)
def log_means_are_logarithms_of_means(link: Link) -> None:
    """`log_mean` gives log(mu) and log(1 - mu)."""
    eta = _etas(link)
    m, log = link.mean(eta), link.log_mean(eta)
    close("log_mu", log.log_mu, np.log(m.mu), rtol=1e-9, atol=1e-14)
    close("log_complement", log.log_complement, np.log(m.complement), rtol=1e-9, atol=1e-14)


@LAWS.law(where=_gives_probabilities)
def derivatives_are_those_of_the_log_mean(link: Link) -> None:
    """The derivatives in `log_mean` are those of log(mu) and log(1 - mu), by differences of one another."""
    eta = _etas(link)
    log = link.log_mean(eta)
    for name in ("log_mu", "log_complement"):
        for order in (1, 2, 3):
            slope = derivative(_part_of_log_mean(link, f"{name}{order - 1 or ''}"), eta, step_of(eta))
            close(f"{name}{order} at eta = {eta}", getattr(log, f"{name}{order}"), slope, rtol=1e-6, atol=1e-8)


def _part_of_log_mean(link: Link, name: str) -> Callable[[FloatArray], FloatArray]:
    return lambda eta: np.asarray(getattr(link.log_mean(eta), name), float)


@LAWS.law()
def inputs_are_not_changed(link: Link) -> None:
    """Eta and mu may be read-only, and stay as they are."""
    (eta,) = read_only(_etas(link))
    (mu,) = read_only(link.mean(eta).mu)
    link.link(mu), link.mean(eta), link.log_mean(eta), link.valid(eta)
    same_bits("eta", eta, _etas(link))


@LAWS.law()
def equal_questions_get_equal_bits(link: Link) -> None:
    """The same eta gives the same bits; so it does in two threads at once."""
    eta = _etas(link)
    same_bits("mean", link.mean(eta), link.mean(eta))
    same_in_threads("mean", [lambda: link.mean(eta), lambda: link.mean(eta[::-1].copy())])


@LAWS.law()
def pickling_gives_an_equal_link(link: Link) -> None:
    """A link, sent to another process, equals the original, has its hash, and gives the same bits."""
    copy, eta = pickled("the link", link), _etas(link)
    require(copy == link and hash(copy) == hash(link), f"{copy!r} differs from {link!r}")
    same_bits("a pickled link", copy.mean(eta), link.mean(eta))
