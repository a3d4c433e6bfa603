"""Built-in families of ranef and the standard links, registered through the same hooks as everybody's.

Families are imported on first use: ``from ranef.families import Poisson`` loads the Poisson family alone.
"""

from __future__ import annotations

if __name__ != "ranef.families":
    raise ImportError(
        "this folder is the package `ranef.families`: install the project (pip install .) and `import ranef`"
    )

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ranef.contracts import Family, FamilyEntry, InputError, Link, LinkEntry, hookimpl
from ranef.contracts.links import (
    STANDARD,
    Cauchit,
    CLogLog,
    Identity,
    Inverse,
    InverseSquared,
    Log,
    Logit,
    LogLog,
    Probit,
    Sqrt,
)

if TYPE_CHECKING:
    from .bell import Bell as Bell
    from .beta import Beta as Beta
    from .beta_binomial import BetaBinomial as BetaBinomial
    from .binomial import Binomial as Binomial
    from .conway_maxwell_poisson import ConwayMaxwellPoisson as ConwayMaxwellPoisson
    from .exponential import Exponential as Exponential
    from .gamma import Gamma as Gamma
    from .gaussian import Gaussian as Gaussian
    from .generalized_poisson import GeneralizedPoisson as GeneralizedPoisson
    from .hurdle import Hurdle as Hurdle
    from .inverse_gaussian import InverseGaussian as InverseGaussian
    from .lognormal import LogNormal as LogNormal
    from .negative_binomial import NegativeBinomial as NegativeBinomial
    from .negative_binomial1 import NegativeBinomial1 as NegativeBinomial1
    from .ordered_beta import OrderedBeta as OrderedBeta
    from .ordinal import Ordinal as Ordinal
    from .poisson import Poisson as Poisson
    from .skew_normal import SkewNormal as SkewNormal
    from .student_t import StudentT as StudentT
    from .tobit import Tobit as Tobit
    from .truncated_gaussian import TruncatedGaussian as TruncatedGaussian
    from .truncated_negative_binomial import TruncatedNegativeBinomial as TruncatedNegativeBinomial
    from .truncated_poisson import TruncatedPoisson as TruncatedPoisson
    from .tweedie import Tweedie as Tweedie
    from .weibull import Weibull as Weibull
    from .zero_inflated import ZeroInflated as ZeroInflated

#: Name, class, summary, further names; the module of a family has its registered name.
_FAMILIES: tuple[tuple[str, str, str, tuple[str, ...]], ...] = (
    ("gaussian", "Gaussian", "Normal; dispersion = variance", ("normal",)),
    ("binomial", "Binomial", "Binomial and Bernoulli; weights are trials, y a proportion", ("bernoulli",)),
    ("poisson", "Poisson", "Poisson counts", ()),
    ("gamma", "Gamma", "Gamma; variance = dispersion mu^2", ()),
    ("inverse_gaussian", "InverseGaussian", "Inverse Gaussian; variance = dispersion mu^3", ()),
    (
        "negative_binomial",
        "NegativeBinomial",
        "NB2 counts; variance = mu + mu^2/theta",
        ("nbinom2", "negbin", "nb", "nb2"),
    ),
    ("negative_binomial1", "NegativeBinomial1", "NB1 counts; variance = mu (1 + phi)", ("nbinom1", "nb1")),
    (
        "generalized_poisson",
        "GeneralizedPoisson",
        "Overdispersed counts with a long tail; variance = phi mu, phi > 1",
        ("genpois",),
    ),
    (
        "conway_maxwell_poisson",
        "ConwayMaxwellPoisson",
        "Under- or overdispersed counts; variance about phi mu",
        ("compois",),
    ),
    ("bell", "Bell", "Overdispersed counts without a parameter; variance = mu (1 + W), W exp(W) = mu", ()),
    ("lognormal", "LogNormal", "Log-normal, censored or not; variance = mu^2 (exp(sigma^2) - 1)", ("log_normal",)),
    ("weibull", "Weibull", "Times with a hazard that grows or falls, censored or not", ()),
    ("exponential", "Exponential", "Times with a constant hazard, censored or not; variance = mu^2", ()),
    ("tobit", "Tobit", "Normal responses, censored at limits or each at its own place", ("censored_gaussian",)),
    ("beta", "Beta", "Beta proportions in (0, 1); variance = mu (1 - mu)/(1 + precision)", ()),
    ("ordered_beta", "OrderedBeta", "Proportions with exact zeros and ones, by one linear predictor", ("ordbeta",)),
    ("ordinal", "Ordinal", "Ordered categories by thresholds (cumulative link models)", ("cumulative",)),
    ("beta_binomial", "BetaBinomial", "Overdispersed binomial; weights are trials", ("betabinomial",)),
    ("student_t", "StudentT", "Student t, location and scale; df given or estimated", ("t",)),
    ("skew_normal", "SkewNormal", "Skew-normal; mean, standard deviation and skewness", ("skewnormal",)),
    ("tweedie", "Tweedie", "Compound Poisson-gamma; variance = phi mu^power, 1 < power < 2", ()),
    ("truncated_gaussian", "TruncatedGaussian", "Normal responses seen only between limits", ("truncated_normal",)),
    ("truncated_poisson", "TruncatedPoisson", "Poisson counts without zeros", ()),
    (
        "truncated_negative_binomial",
        "TruncatedNegativeBinomial",
        "NB2 counts without zeros",
        ("truncated_nbinom2",),
    ),
)

#: Name, wrapper, the class that it wraps, summary, further names; options are those of the wrapped class, and zi.
_WRAPPED: tuple[tuple[str, str, str, str, tuple[str, ...]], ...] = (
    ("zero_inflated_poisson", "ZeroInflated", "Poisson", "Poisson counts with extra zeros", ("zip",)),
    ("zero_inflated_negative_binomial", "ZeroInflated", "NegativeBinomial", "NB2 counts with extra zeros", ("zinb",)),
    ("zero_inflated_negative_binomial1", "ZeroInflated", "NegativeBinomial1", "NB1 counts with extra zeros", ()),
    (
        "zero_inflated_generalized_poisson",
        "ZeroInflated",
        "GeneralizedPoisson",
        "Generalized Poisson counts with extra zeros",
        (),
    ),
    ("zero_inflated_binomial", "ZeroInflated", "Binomial", "Binomial proportions with extra zeros", ("zib",)),
    ("zero_inflated_beta_binomial", "ZeroInflated", "BetaBinomial", "Beta-binomial with extra zeros", ()),
    ("hurdle_poisson", "Hurdle", "Poisson", "Zeros, and truncated Poisson counts", ()),
    ("hurdle_negative_binomial", "Hurdle", "NegativeBinomial", "Zeros, and truncated NB2 counts", ()),
    ("hurdle_negative_binomial1", "Hurdle", "NegativeBinomial1", "Zeros, and truncated NB1 counts", ()),
    (
        "hurdle_generalized_poisson",
        "Hurdle",
        "GeneralizedPoisson",
        "Zeros, and truncated generalized Poisson counts",
        (),
    ),
    ("hurdle_lognormal", "Hurdle", "LogNormal", "Log-normal amounts with zeros", ("zero_inflated_lognormal",)),
    ("hurdle_gamma", "Hurdle", "Gamma", "Gamma amounts with zeros", ("zero_inflated_gamma", "zigamma")),
    ("hurdle_beta", "Hurdle", "Beta", "Beta proportions with zeros", ("zero_inflated_beta",)),
)

#: What `ranef plugins` says of the standard links.
_LINKS = {
    "identity": "mu",
    "log": "log(mu)",
    "logit": "log(mu / (1 - mu))",
    "probit": "normal quantile of mu",
    "cloglog": "log(-log(1 - mu))",
    "loglog": "-log(-log(mu))",
    "cauchit": "Cauchy quantile of mu",
    "inverse": "1 / mu",
    "inverse_squared": "1 / mu^2",
    "sqrt": "sqrt(mu)",
}

_MODULES = {cls: name for name, cls, *_ in _FAMILIES} | {"ZeroInflated": "zero_inflated", "Hurdle": "hurdle"}

__all__ = [
    "Bell",
    "Beta",
    "BetaBinomial",
    "Binomial",
    "CLogLog",
    "Cauchit",
    "ConwayMaxwellPoisson",
    "Exponential",
    "Gamma",
    "Gaussian",
    "GeneralizedPoisson",
    "Hurdle",
    "Identity",
    "Inverse",
    "InverseGaussian",
    "InverseSquared",
    "Log",
    "LogLog",
    "LogNormal",
    "Logit",
    "NegativeBinomial",
    "NegativeBinomial1",
    "OrderedBeta",
    "Ordinal",
    "Poisson",
    "Probit",
    "SkewNormal",
    "Sqrt",
    "StudentT",
    "Tobit",
    "TruncatedGaussian",
    "TruncatedNegativeBinomial",
    "TruncatedPoisson",
    "Tweedie",
    "Weibull",
    "ZeroInflated",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_MODULES[name]}", __name__), name)


# No __dir__: pluggy looks at every name that dir() lists, which would import all families.


def _maker(cls: str) -> Callable[..., Any]:
    """What imports a class and calls it, when called."""

    def make(**options: Any) -> Any:
        return __getattr__(cls)(**options)

    return make


def _wrapper(cls: str, of: str) -> Callable[..., Any]:
    """What wraps a class, made with all options but zi; or, given `base`, a family of that class."""

    def make(base: Family | None = None, zi: float | None = None, **options: Any) -> Any:
        if base is None:
            base = __getattr__(of)(**options)
        elif options:
            raise InputError(f"{', '.join(options)}: options belong to the base; give them to it")
        elif type(base) is not __getattr__(of):
            raise InputError(f"base must be a {of}; got {base!r}: give {cls}({base!r}) as the family")
        return __getattr__(cls)(base, zi)

    return make


@hookimpl
def ranef_families() -> Iterator[FamilyEntry]:
    """The built-in families."""
    for name, cls, summary, aliases in _FAMILIES:
        yield FamilyEntry(name, summary, _maker(cls), aliases=aliases)
    for name, cls, of, summary, aliases in _WRAPPED:
        yield FamilyEntry(name, summary, _wrapper(cls, of), aliases=aliases)


@hookimpl
def ranef_links() -> Iterator[LinkEntry]:
    """The built-in links."""
    for name, summary in _LINKS.items():
        yield LinkEntry(name, summary, type(STANDARD[name]))
    yield LinkEntry("latent", "mu, on the scale of a latent variable with the noise of a link", _latent)


def _latent(noise: Link | None = None) -> Any:
    """What `Ordinal` has for a link, when called."""
    return import_module(".ordinal", __name__).Latent(noise)
