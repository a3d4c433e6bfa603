"""Contract of response families: the response side of a GLMM, and nothing else.

The smallest family gives a log density, a variance, a support and a way to sample (about 20 lines); it gets everything
else by default, derivatives included. `ExponentialFamily` adds closed forms for exponential dispersion families, and a
family that knows exact derivatives overrides `evaluate`.

Longer than other files: it is the one page that an author of a family reads, and much of it is docstrings.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np

from .arrays import BoolArray, FloatArray, IntArray, real_number
from .censoring import written
from .errors import InputError, InputTypeError, shown
from .in_r import InR
from .link import Link, Mean
from .links import STANDARD, by_name


@dataclass(frozen=True)
class DispersionParameter:
    """A parameter of the family beside the mean (the precision of a beta, the power of a Tweedie distribution ...).

    Parameters
    ----------
    name : str
        How summaries call it.
    start : float
        Where estimation starts when the data give no better idea (see `Family.start_dispersion`).
    lower, upper : float
        Open bounds. (0, inf) is searched on the log scale, (a, b) on the logit scale, (-inf, inf) as it is.
    fixed : float or None
        A given value: the parameter is then not estimated, but still has its place in every `phi`.

    Raises
    ------
    InputError
        If `fixed` is not inside the bounds.
    """

    name: str
    start: float
    lower: float = 0.0
    upper: float = np.inf
    fixed: float | None = None

    def __post_init__(self) -> None:
        if self.fixed is None:
            return
        value = real_number(self.fixed, self.name)
        if not self.lower < value < self.upper:
            raise InputError(f"{self.name}={value:g} must lie between {self.lower:g} and {self.upper:g}, exclusive")
        object.__setattr__(self, "fixed", value)


@dataclass(frozen=True, eq=False)
class Derivatives:
    """Weighted log density of each observation, and its derivatives.

    Parameters
    ----------
    log_density : (n,) array
        w_i log f(y_i | mu_i, phi) with all constants.
    d1, d2 : (n,) arrays
        Its derivatives by eta: the score, and minus the observed weight.
    expected_weight : (n,) array
        Fisher information about eta, E(-d2) >= 0, where it has a closed form; otherwise mu_eta^2 / variance, or where
        `response_mean` is not mu (dE(y)/deta)^2 / Var(y): the information of quasi-likelihood, a lower bound of it.
    d3 : (n,) array or None
        Third derivative by eta. This and what follows is None unless `order=3` was asked for.
    expected_weight_eta : (n,) array or None
        Derivative of expected_weight by eta.
    phi1, phi1_eta, phi1_eta2 : (r, n) arrays or None
        Derivatives of log_density, d1 and d2 by each of the r dispersion parameters (natural scale; the fixed ones
        included).
    expected_weight_phi : (r, n) array or None
        Derivatives of expected_weight by the dispersion parameters.
    """

    log_density: FloatArray
    d1: FloatArray
    d2: FloatArray
    expected_weight: FloatArray
    d3: FloatArray | None = None
    expected_weight_eta: FloatArray | None = None
    phi1: FloatArray | None = None
    phi1_eta: FloatArray | None = None
    phi1_eta2: FloatArray | None = None
    expected_weight_phi: FloatArray | None = None

    def through(self, t1: FloatArray, t2: FloatArray, t3: FloatArray) -> Derivatives:
        """The chain rule: the derivatives by eta, where these are by t and t has derivatives t1, t2, t3 by eta.

        A family writes its derivatives by what suits it (mu, log mu) and leaves the link to this.

        Examples
        --------
        >>> import numpy as np
        >>> one, two = np.ones(1), np.full(1, 2.0)
        >>> Derivatives(log_density=one, d1=one, d2=-one, expected_weight=one).through(two, one, one).d2.item()
        -3.0
        """
        d1 = self.d1 * t1
        d2 = self.d2 * t1**2 + self.d1 * t2
        weight = self.expected_weight * t1**2
        if (
            self.d3 is None
            or self.expected_weight_eta is None
            or self.phi1_eta is None
            or self.phi1_eta2 is None
            or self.expected_weight_phi is None
        ):
            return Derivatives(self.log_density, d1, d2, weight)
        return Derivatives(
            self.log_density,
            d1,
            d2,
            weight,
            d3=self.d3 * t1**3 + 3 * self.d2 * t1 * t2 + self.d1 * t3,
            expected_weight_eta=self.expected_weight_eta * t1**3 + 2 * self.expected_weight * t1 * t2,
            phi1=self.phi1,
            phi1_eta=self.phi1_eta * t1,
            phi1_eta2=self.phi1_eta2 * t1**2 + self.phi1_eta * t2,
            expected_weight_phi=self.expected_weight_phi * t1**2,
        )


# Differences -----------------------------------------------------------------------------------------------------

_OFFSETS = np.arange(-4.0, 5.0)
#: Nine-point central difference formulas of the first three derivatives (Fornberg 1988,
#: doi 10.1090/S0025-5718-1988-0935077-0); their errors are O(h^8), O(h^8), O(h^6).
_DIFFERENCES = np.array(
    [
        [1 / 280, -4 / 105, 1 / 5, -4 / 5, 0, 4 / 5, -1 / 5, 4 / 105, -1 / 280],
        [-1 / 560, 8 / 315, -1 / 5, 8 / 5, -205 / 72, 8 / 5, -1 / 5, 8 / 315, -1 / 560],
        [-7 / 240, 3 / 10, -169 / 120, 61 / 30, 0, -61 / 30, 169 / 120, -3 / 10, 7 / 240],
    ]
)
#: Step, as a fraction of the distance over which the function changes its character: with this one truncation and
#: rounding leave about 1e-10, 1e-9 and 1e-6 of the three derivatives.
_STEP = 0.02


def _differences(
    f: Callable[[Any], FloatArray], x: FloatArray | float, scale: FloatArray | float
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """f(x) and its first three derivatives, f being elementwise in x and smooth at distances below `scale`."""
    step = _STEP * scale
    values = np.stack([f(x + offset * step) for offset in _OFFSETS])
    # not a product of matrices, in which the last bits of a row depend on how many rows there are
    first, second, third = np.einsum("do,o...->d...", _DIFFERENCES, values)
    return values[4], first / step, second / step**2, third / step**3


def _distance(x: FloatArray | float, lower: float, upper: float) -> FloatArray | float:
    """Distance of x to the nearer one of two bounds, of which one at least is finite."""
    return np.minimum(x - lower, upper - x)


def _overlap(one: tuple[float, float], other: tuple[float, float]) -> tuple[float, float]:
    return max(one[0], other[0]), min(one[1], other[1])


def eta_bounds(link: Link, mean_bounds: tuple[float, float]) -> tuple[float, float]:
    """Open interval of the linear predictors that a link maps to means within bounds."""
    with np.errstate(all="ignore"):
        ends = link.link(np.array(_overlap(mean_bounds, link.range)))
    lower, upper = float(np.min(ends)), float(np.max(ends))
    # the inverse link has both ends at 0, where means without bounds jump from one to the other
    return (lower, upper) if lower < upper else (-np.inf, np.inf)


# The contract ----------------------------------------------------------------------------------------------------


class Family(ABC):
    """Distribution of the response given its mean mu = g^-1(eta) and dispersion parameters phi.

    A subclass sets the class attributes and gives `log_density`, `variance`, `support` and `sample`. Wherever `phi`
    stands it holds *all* dispersion parameters, fixed ones included, in the order of `parameters` and on their natural
    scales; the framework alone knows which of them are estimated, and on which scale. It is an array (r,), or (r, n)
    where they differ from row to row: phi[j] is a number or (n,), and arithmetic with it serves both.

    Families are immutable: an attribute is set once, in `__init__`, under the name of the constructor's argument; two
    families are equal when class and attributes are (but for those whose names begin with an underscore).

    Parameters
    ----------
    link : str, Link or None
        A name out of `links` (None: the first) or any link object. Names of other links are looked up by
        `registry.family`.

    Raises
    ------
    InputError
        If the link does not fit the family.
    PluginError
        If `links` is not what it should be.

    Examples
    --------
    >>> import numpy as np
    >>> from ranef.contracts import Family, InputError
    >>> class Geometric(Family):
    ...     name = "geometric"
    ...     links = ("log", "identity")
    ...     discrete = True
    ...     support_text = "counts 0, 1, 2, ..."
    ...     def log_density(self, y, mu, weights, phi):
    ...         return weights * (y * np.log(mu / (1 + mu)) - np.log1p(mu))
    ...     def variance(self, mu, phi):
    ...         return mu * (1 + mu)
    ...     def support(self, y, weights):
    ...         return (y >= 0) & (y == np.round(y))
    ...     def sample(self, mu, weights, phi, rng):
    ...         return rng.geometric(1 / (1 + mu)) - 1.0
    >>> d = Geometric().evaluate(np.array([2.0]), np.array([0.3]), np.array([1.0]), np.array([]))
    >>> bool(abs(d.d1[0] - (2 - np.exp(0.3)) / (1 + np.exp(0.3))) < 1e-8)
    True
    >>> Geometric()
    Geometric(link='log')
    """

    name: str = ""
    #: The links that fit the family, the default first: names of standard ones (`ranef.contracts.links`), others as
    #: objects. Link objects beyond these are accepted too.
    links: tuple[str | Link, ...] = ("identity",)
    #: Open interval that the mean lives in.
    mean_bounds: tuple[float, float] = (0.0, np.inf)
    #: What y must be, for error messages: "counts 0, 1, 2, ...".
    support_text: str = "real numbers"
    #: Whether y takes countably many values.
    discrete: bool = False
    #: Values that a family that is not discrete has with positive probability.
    atoms: tuple[float, ...] = ()
    #: Whether responses may be censored: y is then (n,), or (n, 2) where it is, see `ranef.contracts.censoring`, in all
    #: methods that have a y.
    censored: bool = False
    #: Whether weights are numbers of trials and y a proportion; otherwise weights multiply the log density.
    weights_are_trials: bool = False
    #: Whether the variance is phi[0] V(mu): unit deviances, and Pearson residuals as R's, are then free of phi[0].
    multiplicative_dispersion: bool = False

    @property
    def in_r(self) -> tuple[InR, ...]:
        """What R's packages call the family, for `r_code`: each class says it for itself, as an attribute or so."""
        return ()

    def __init__(self, link: str | Link | None = None) -> None:
        fitting = self.fitting_links()
        if link is None:
            link = next(iter(fitting.values()))
        elif isinstance(link, str):
            self.refuse_unfit(link)
            link = fitting[link]
        elif not isinstance(link, Link):
            raise InputTypeError(f"link must be a name or a Link object; got {shown(link)} ({type(link).__name__})")
        self.link: Link = link
        if not self._start_interval()[0] < self._start_interval()[1]:
            raise InputError(
                f"link {self.link.name!r} gives means in {self.link.range}, the {self.name} family has means in "
                f"{self.mean_bounds}: use one of {', '.join(fitting)}"
            )

    def fitting_links(self) -> dict[str, Link]:
        """The objects of `links` by name, the default first.

        Examples
        --------
        >>> from ranef.families import Poisson
        >>> Poisson().fitting_links()
        {'log': Log(), 'identity': Identity(), 'sqrt': Sqrt()}
        """
        return by_name(self.links, f"{type(self).__qualname__}.links")

    def refuse_unfit(self, link: str) -> None:
        """Raise `InputError` where a link's name is none of `links`."""
        fitting = self.fitting_links()
        if link not in fitting:
            others = "" if link in STANDARD else f" (registry.family(..., link={link!r}) finds links of others by name)"
            raise InputError(
                f"link {link!r} does not fit the {self.name} family: use one of {', '.join(fitting)}, or a link "
                f"object{others}"
            )

    @property
    def parameters(self) -> tuple[DispersionParameter, ...]:
        """The dispersion parameters, () where there are none."""
        return ()

    # What every family gives -------------------------------------------------------------------------------------

    @abstractmethod
    def log_density(self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        """Weighted log density with all constants, (n,)."""

    @abstractmethod
    def variance(self, mu: FloatArray, phi: FloatArray) -> FloatArray:
        """Variance of one observation of weight 1 (of one trial), dispersion included, (n,)."""

    @abstractmethod
    def support(self, y: FloatArray, weights: FloatArray) -> BoolArray:
        """Which observations lie in the family's support, (n,)."""

    @abstractmethod
    def sample(self, mu: FloatArray, weights: FloatArray, phi: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Draw a response for every mean, (n,). Weights count only where they are trials."""

    # Defaults that a family may override -------------------------------------------------------------------------

    def of_response(self, y: FloatArray, weights: FloatArray) -> Self:
        """The same family, for evaluations at these responses again and again.

        A fit calls it once, so that what does not depend on the mean (log y!, say) can be found once. That is a matter
        of speed: the methods give what they gave, for these arrays and for any others. By default the family itself.
        """
        return self

    def of_rows(self, y: FloatArray, weights: FloatArray, rows: IntArray) -> Self:
        """What `of_response` gave, for some of its rows: `y` and `weights` are those. By default the family itself."""
        return self

    def evaluate(
        self,
        y: FloatArray,
        eta: FloatArray,
        weights: FloatArray,
        phi: FloatArray,
        order: Literal[2, 3] = 2,
    ) -> Derivatives:
        """Log density and derivatives at eta (which must be `valid`).

        By default from central differences of `log_density` in eta and phi, with nine points each: relative errors
        about 1e-10 in d1, 1e-9 in d2 and 1e-6 in d3, at nine evaluations of the log density (and 81 more for each
        dispersion parameter, order 3). The expected weight is mu_eta^2 / variance, the Fisher information wherever the
        score is (y - mu) / variance, as in all exponential dispersion families.
        """
        scale = self._eta_scale(eta, phi)

        def at(phi: FloatArray) -> FloatArray:
            """Rows: log density, d1, d2, d3, expected weight, its derivative."""
            values = _differences(lambda e: self.log_density(y, self.link.mean(e).mu, weights, phi), eta, scale)
            weight = _differences(lambda e: self._quasi_weight(e, weights, phi), eta, scale)
            return np.stack([*values, weight[0], weight[1]])

        log_density, d1, d2, d3, weight, weight_eta = at(phi)
        if order == 2:
            return Derivatives(log_density, d1, d2, weight)
        by_phi = np.zeros((len(phi), 6, len(eta)))
        for j, parameter in enumerate(self.parameters):

            def along(value: FloatArray, j: int = j) -> FloatArray:
                moved = phi.copy()
                moved[j] = value
                return at(moved)

            by_phi[j] = _differences(along, phi[j], _parameter_scale(parameter, phi[j]))[1]
        return Derivatives(
            log_density,
            d1,
            d2,
            weight,
            d3=d3,
            expected_weight_eta=weight_eta,
            phi1=by_phi[:, 0],
            phi1_eta=by_phi[:, 1],
            phi1_eta2=by_phi[:, 2],
            expected_weight_phi=by_phi[:, 4],
        )

    def _quasi_weight(self, eta: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        """w mu_eta^2 / variance; mu_eta^2 / Var(y) where weights are trials."""
        m = self.link.mean(eta)
        if self.weights_are_trials:
            return m.mu_eta**2 / self.response_variance(m.mu, weights, phi)
        return weights * m.mu_eta**2 / self.variance(m.mu, phi)

    def _eta_scale(self, eta: FloatArray, phi: FloatArray) -> FloatArray:
        """How far from eta the log density keeps its character, for the steps of differences.

        The distance of the mean to its nearer bound (where log densities have their singularities), or else the
        standard deviation, as a change of eta; but no more than the link itself keeps straight.
        """
        m = self.link.mean(eta)
        lower, upper = self.mean_bounds
        if (lower, upper) == (0.0, 1.0):
            reach = np.minimum(m.mu, m.complement)
        elif np.isfinite(lower) or np.isfinite(upper):
            reach = np.asarray(_distance(m.mu, lower, upper))
        else:
            reach = np.sqrt(self.variance(m.mu, phi))
        with np.errstate(divide="ignore"):
            bend, twist = np.abs(m.mu_eta / m.mu_eta2), np.sqrt(np.abs(m.mu_eta / m.mu_eta3))
            scale = np.minimum(reach / np.abs(m.mu_eta), np.minimum(bend, twist))
        return np.where(np.isfinite(scale), scale, np.maximum(1.0, np.abs(eta)))

    def valid(self, eta: FloatArray) -> bool:
        """Whether every eta maps to a mean of the family (an identity link with positive means needs eta > 0).

        A link whose range lies within the bounds cannot leave them; rounding of mu to a bound does not count.
        """
        if not self.link.valid(eta):
            return False
        lower, upper = self.mean_bounds
        if lower <= self.link.range[0] and self.link.range[1] <= upper:
            return True
        with np.errstate(over="ignore"):
            mu = self.link.mean(eta).mu
        return bool(np.all((mu > lower) & (mu < upper)))

    @property
    def eta_bounds(self) -> tuple[float, float]:
        """Open interval of the linear predictors that have a mean of the family; infinite where `valid` knows no edge.

        Examples
        --------
        >>> from ranef.families import Binomial, Poisson
        >>> Poisson("identity").eta_bounds, Binomial("log").eta_bounds, Binomial("logit").eta_bounds
        ((0.0, inf), (-inf, 0.0), (-inf, inf))
        """
        return eta_bounds(self.link, self.mean_bounds)

    def check_response(self, y: FloatArray, weights: FloatArray) -> None:
        """Raise `InputError`, naming the rows, where y lies outside of the support."""
        bad = np.flatnonzero(~self.support(y, weights))
        if len(bad):
            raise InputError(f"y: the {self.name} family needs {self.support_text}; found {describe_rows(y, bad)}")

    def check_identified(self, y: FloatArray, weights: FloatArray) -> None:  # noqa: B027  nothing, by default
        """Raise `InputError` where responses, each in the support, together do not tell what is to be estimated.

        By default they do. It is asked before any work of a fit, after `check_response`.
        """

    def runaway(self, mu: FloatArray, phi: FloatArray) -> str:
        """Why a search that ended with these means and dispersion parameters found no maximum; "" if they do not tell.

        It is asked where a search did not converge. What it says completes "the likelihood has no maximum: ".
        """
        return ""

    def response_mean(self, mu: FloatArray, phi: FloatArray) -> FloatArray:
        """E(y): mu itself, unless the family's mean parameter is another one (that of the untruncated counts, say)."""
        return mu

    def conditional_mean(self, mu: FloatArray, phi: FloatArray) -> FloatArray:
        """E(y) of responses that are no extra zeros: `response_mean` in families without."""
        return self.response_mean(mu, phi)

    def response_variance(self, mu: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        """Var(y) of every observation as it stands: of a proportion in so many trials, where weights are trials."""
        variance = self.variance(mu, phi)
        return variance / weights if self.weights_are_trials else variance

    def _start_interval(self) -> tuple[float, float]:
        """Means that both the family and the link can have."""
        return _overlap(self.mean_bounds, self.link.range)

    def start_mean(self, y: FloatArray, weights: FloatArray) -> FloatArray:
        """Means to start PIRLS from: y pulled half-way towards its average, strictly inside the bounds of the mean.

        Where the average is at a bound or outside (no successes at all; a log link and a negative average), it is
        replaced by what one more observation in the middle of the interval would have made of it.
        """
        lower, upper = self._start_interval()
        total = weights.sum()
        average = float(np.average(y, weights=weights))
        if not lower < average < upper:
            spread = float(np.sqrt(np.average((y - average) ** 2, weights=weights)))
            middle = 0.5 * (lower + upper) if np.isfinite(upper - lower) else 0.0
            if np.isinf(upper) and np.isfinite(lower):
                middle = lower + (spread or 1.0)
            elif np.isinf(lower) and np.isfinite(upper):
                middle = upper - (spread or 1.0)
            inside = min(max(average, lower), upper)
            average = (total * inside + middle) / (total + 1)
        mu = 0.5 * (y + average)
        return np.where((mu > lower) & (mu < upper), mu, average)

    def start_dispersion(self, y: FloatArray, mu: FloatArray, weights: FloatArray) -> FloatArray:
        """Where estimation of the dispersion parameters starts, given first means mu, (r,); by default `start`."""
        return np.array([p.start if p.fixed is None else p.fixed for p in self.parameters], float)

    def saturated_mean(self, y: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        """The mean at which each observation alone has its greatest likelihood: y itself in exponential families."""
        return y

    def deviance(self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        """Unit deviances 2 (log f at the saturated mean - log f at mu) >= 0, weighted, (n,).

        Where phi[0] multiplies the variance, they are multiplied by it, so that they do not depend on it (the deviances
        of R's glm).
        """
        lower, upper = self.mean_bounds
        # a mean at a bound (no success, a count of 0) is a limit
        above = lower + np.finfo(float).tiny if lower == 0 else np.nextafter(lower, np.inf)
        saturated = np.clip(self.saturated_mean(y, weights, phi), above, np.nextafter(upper, -np.inf))
        best = self.log_density(y, saturated, weights, phi)
        deviance = 2 * (best - self.log_density(y, mu, weights, phi))
        rounding = 1e-12 * (1 + np.abs(best))
        deviance = np.where((deviance < 0) & (deviance > -rounding), 0.0, deviance)
        return phi[0] * deviance if self.multiplicative_dispersion else deviance

    def cdf(self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray | None:
        """P(Y <= y) at y in the support, for quantile residuals; None where the family does not give it."""
        return None

    def latent_variance(self, mu: float, phi: FloatArray) -> float:
        """Observation-level variance on the link scale at the average mean, for ICC and R^2.

        The link's own latent variance for binary responses, log(1 + variance/mu^2) for the log link, and otherwise the
        delta method (Nakagawa, Johnson & Schielzeth 2017, doi 10.1098/rsif.2017.0213). Where dispersion parameters
        differ from row to row it is the mean over the rows.
        """
        if self.weights_are_trials and self.link.latent_variance is not None:
            return self.link.latent_variance
        means = np.full(phi.shape[1:] or 1, mu)
        with np.errstate(all="ignore"):  # a mean at the end of its range
            variance = self.variance(means, phi)
            if self.link.multiplicative:
                return float(np.log1p(variance / means**2).mean())
            return float((variance / self.link.mean(self.link.link(means)).mu_eta ** 2).mean())

    # Identity ----------------------------------------------------------------------------------------------------

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self._settings:
            raise AttributeError(f"families are immutable: make a new {type(self).__name__} instead of setting {name}")
        super().__setattr__(name, value)

    @property
    def _settings(self) -> dict[str, Any]:
        """The attributes; names with an underscore are of what was found, which makes no other family."""
        return {name: value for name, value in vars(self).items() if not name.startswith("_")}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Family) and type(self) is type(other) and self._settings == other._settings

    def __hash__(self) -> int:
        return hash((type(self), repr(self)))

    def __repr__(self) -> str:
        options = {name: value for name, value in self._settings.items() if name != "link" and value is not None}
        link = self.link.name or self.link
        return f"{type(self).__name__}({', '.join(f'{n}={v!r}' for n, v in {'link': link, **options}.items())})"


def describe_rows(y: FloatArray, rows: Any, limit: int = 5) -> str:
    """'row 3: -1, row 7: -2 and 4 more', for error messages.

    Examples
    --------
    >>> import numpy as np
    >>> describe_rows(np.array([1.0, -1.0, 2.5]), [1, 2])
    'row 1: -1, row 2: 2.5'
    """
    shown = ", ".join(f"row {i}: {written(y[i])}" for i in rows[:limit])
    return shown + (f" and {len(rows) - limit} more" if len(rows) > limit else "")


def phi_of_rows(phi: FloatArray, rows: IntArray | BoolArray | slice) -> FloatArray:
    """Dispersion parameters of some of the rows: those by row (r, n) are taken apart, the others (r,) are the same.

    Examples
    --------
    >>> import numpy as np
    >>> phi_of_rows(np.array([[1.0, 2.0, 3.0]]), np.array([True, False, True]))
    array([[1., 3.]])
    >>> phi_of_rows(np.array([1.0]), np.array([True, False, True]))
    array([1.])
    """
    return phi[:, rows] if phi.ndim == 2 else phi


def _parameter_scale(parameter: DispersionParameter, value: FloatArray) -> FloatArray | float:
    """How far from its value a dispersion parameter may be moved for differences."""
    if np.isfinite(parameter.lower) or np.isfinite(parameter.upper):
        return _distance(value, parameter.lower, parameter.upper)
    return np.maximum(1.0, np.abs(value))


class ExponentialFamily(Family):
    """An exponential dispersion family: its score by mu is (y - mu) / variance.

    A subclass gives what `Family` asks for, and gets closed forms of all derivatives by eta from the variance function
    and its derivatives. These, and the derivatives by phi, are taken by differences unless it overrides
    `variance_derivatives`, `variance_phi` and `log_density_phi`.

    Notes
    -----
    With q = mu_eta / variance the score is s = w (y - mu) q. Derivatives of q are taken as rho1 = q'/q and
    rho2 = q''/q, which vanish exactly, not only to rounding, for a canonical log or identity link (Jorgensen 1987,
    doi 10.1111/j.2517-6161.1987.tb01685.x; McCullagh & Nelder 1989, section 2.2).
    """

    def variance_derivatives(self, mu: FloatArray, phi: FloatArray) -> tuple[FloatArray, FloatArray]:
        """First and second derivative of `variance` by mu, (n,) each."""
        lower, upper = self.mean_bounds
        bounded = np.isfinite(lower) or np.isfinite(upper)
        scale = _distance(mu, lower, upper) if bounded else np.maximum(1.0, np.abs(mu))
        _, first, second, _ = _differences(lambda m: self.variance(m, phi), mu, scale)
        return first, second

    def variance_phi(self, mu: FloatArray, phi: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Derivatives of `variance`, and of its derivative by mu, by the dispersion parameters, (r, n) each."""
        if self.multiplicative_dispersion and len(phi) == 1:
            return (self.variance(mu, phi) / phi[0])[None], (self.variance_derivatives(mu, phi)[0] / phi[0])[None]
        return (
            self._by_phi(lambda p: self.variance(mu, p), phi, len(mu)),
            self._by_phi(lambda p: self.variance_derivatives(mu, p)[0], phi, len(mu)),
        )

    def log_density_phi(self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        """Derivatives of `log_density` by the dispersion parameters, (r, n)."""
        return self._by_phi(lambda p: self.log_density(y, mu, weights, p), phi, len(mu))

    def _by_phi(self, f: Callable[[FloatArray], FloatArray], phi: FloatArray, n: int) -> FloatArray:
        """Derivatives of f by the dispersion parameters, by differences, (r, n)."""
        result = np.zeros((len(phi), n))
        for j, parameter in enumerate(self.parameters):

            def along(value: FloatArray, j: int = j) -> FloatArray:
                moved = phi.copy()
                moved[j] = value
                return f(moved)

            result[j] = _differences(along, phi[j], _parameter_scale(parameter, phi[j]))[1]
        return result

    def evaluate(
        self,
        y: FloatArray,
        eta: FloatArray,
        weights: FloatArray,
        phi: FloatArray,
        order: Literal[2, 3] = 2,
    ) -> Derivatives:
        """Log density and derivatives at eta, in closed form."""
        m: Mean = self.link.mean(eta)
        V = self.variance(m.mu, phi)
        V1, V2 = self.variance_derivatives(m.mu, phi)
        residual = y - m.mu
        wq = weights * m.mu_eta / V
        bend = m.mu_eta2 / m.mu_eta
        rise = m.mu_eta * V1 / V
        rho1 = bend - rise

        log_density = self.log_density(y, m.mu, weights, phi)
        d1 = wq * residual
        d2 = wq * (residual * rho1 - m.mu_eta)
        expected = wq * m.mu_eta
        if order == 2:
            return Derivatives(log_density, d1, d2, expected)

        rho1_eta = m.mu_eta3 / m.mu_eta - bend**2 - (m.mu_eta2 * V1 + m.mu_eta**2 * V2) / V + rise**2
        rho2 = rho1**2 + rho1_eta
        V_phi, V_mu_phi = self.variance_phi(m.mu, phi)
        kappa = -V_phi / V  # derivative of log q by phi
        kappa_eta = m.mu_eta * (V_phi * V1 / V - V_mu_phi) / V
        return Derivatives(
            log_density,
            d1,
            d2,
            expected,
            d3=wq * (residual * rho2 - 2 * m.mu_eta * rho1 - m.mu_eta2),
            expected_weight_eta=wq * (m.mu_eta2 + m.mu_eta * rho1),
            phi1=self.log_density_phi(y, m.mu, weights, phi),
            phi1_eta=d1 * kappa,
            phi1_eta2=d2 * kappa + d1 * kappa_eta,
            expected_weight_phi=expected * kappa,
        )


__all__ = [
    "Derivatives",
    "DispersionParameter",
    "ExponentialFamily",
    "Family",
    "describe_rows",
    "eta_bounds",
    "phi_of_rows",
]
