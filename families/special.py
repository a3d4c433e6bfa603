"""Functions of the families' densities where the textbook formula would cancel."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import special

from ranef.contracts import Derivatives
from ranef.contracts.arrays import BoolArray, FloatArray, IntArray

#: Counts (shapes, precisions) beyond this need care: at 1e5 rounding leaves errors of 1e-10 in textbook log densities.
LARGE = 1e5
#: Coefficients of log Gamma(z) - [(z - 1/2) log z - z + log(2 pi)/2] in z^-1, z^-3, ... (DLMF 5.11.1).
_STIRLING = np.array([1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156])
#: From here on seven terms of Stirling's series are exact to rounding.
_STIRLING_FROM = 16.0
#: 1/3, 1/5, ...: atanh(t) = t + t^3/3 + t^5/5 + ...
_ATANH = 1 / np.arange(3.0, 29.0, 2.0)


def by_eta_alone(
    log_density: FloatArray,
    d1: FloatArray,
    d2: FloatArray,
    expected: FloatArray,
    d3: FloatArray,
    expected_eta: FloatArray,
) -> Derivatives:
    """All derivatives of a family without dispersion parameters."""
    none = np.zeros((0, len(d1)))
    return Derivatives(log_density, d1, d2, expected, d3, expected_eta, none, none, none, none)


def polynomial(coefficients: FloatArray, x: FloatArray) -> FloatArray:
    """c_0 + c_1 x + c_2 x^2 + ..., elementwise."""
    return np.asarray(np.polynomial.polynomial.polyval(x, coefficients), np.float64)


def trigamma(x: FloatArray) -> FloatArray:
    """Second derivative of log Gamma."""
    return np.asarray(special.zeta(2.0, x), np.float64)


def tetragamma(x: FloatArray) -> FloatArray:
    """Third derivative of log Gamma."""
    return np.asarray(-2.0 * special.zeta(3.0, x), np.float64)


def log1p_minus(x: FloatArray) -> FloatArray:
    """log(1 + x) - x for x > -1, to full relative precision.

    Examples
    --------
    >>> import numpy as np
    >>> bool(np.isclose(log1p_minus(np.array([1e-9]))[0], -0.5e-18, rtol=1e-8))
    True
    """
    x = np.asarray(x, np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        result = np.asarray(np.log1p(x) - x)
    small = np.abs(x) < 0.5
    if np.any(small):
        # with t = x / (2 + x): log(1 + x) = 2 atanh(t), and 2 t - x = -x t
        t = x[small] / (2 + x[small])
        result[small] = 2 * t**3 * polynomial(_ATANH, t**2) - x[small] * t
    return result


def log1p_minus_ratio(x: FloatArray) -> FloatArray:
    """log(1 + x) - x / (1 + x) for x >= 0, to full relative precision (its slope is x / (1 + x)^2)."""
    small = np.minimum(x, 0.5)
    series = log1p_minus(small) + np.square(small) / (1 + small)
    return np.where(x < 0.5, series, np.log1p(x) - x / (1 + x))


def rising_log1p(x: FloatArray) -> FloatArray:
    """(1 + x) log(1 + x) - x for x >= 0, to full relative precision (its slope is log(1 + x))."""
    small = np.minimum(x, 0.5)
    series = np.square(small) + (1 + small) * log1p_minus(small)
    return np.where(x < 0.5, series, (1 + x) * np.log1p(x) - x)


def _stirling_by_log(z: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """s(z), z s'(z), z^2 s''(z), z^3 s'''(z) of Stirling's correction s, for z >= 16."""
    powers = np.arange(1.0, 2 * len(_STIRLING), 2.0)
    c1 = -powers * _STIRLING
    c2 = -(powers + 1) * c1
    c3 = -(powers + 2) * c2
    inverse = 1 / z
    s0, s1, s2, s3 = (inverse * polynomial(c, np.square(inverse)) for c in (_STIRLING, c1, c2, c3))
    return s0, s1, s2, s3


def _excess_large(y: FloatArray, r: FloatArray, order: int) -> list[FloatArray]:
    """`rising_excess` for r >= 16, from the difference of two Stirling series."""
    x = y / r
    ratio = 1 / (1 + x)  # r / (r + y)
    s, t = _stirling_by_log(r), _stirling_by_log(r + y)
    terms = [r * rising_log1p(x) - 0.5 * np.log1p(x) + t[0] - s[0]]
    if order:
        M = log1p_minus_ratio(x)
        s1, s2, s3 = ratio * t[1] - s[1], ratio**2 * t[2] - s[2], ratio**3 * t[3] - s[3]
        terms += [
            r * log1p_minus(x) + 0.5 * x * ratio + s1,
            r * M - 0.5 * x * ratio**2 + s1 + s2,
            r * (M - (x * ratio) ** 2) + 0.5 * x * (1 - x) * ratio**3 + s1 + 3 * s2 + s3,
        ]
    return terms[: order + 1]


def _excess_small(y: FloatArray, r: FloatArray, order: int) -> list[FloatArray]:
    """`rising_excess` for r < 16, y > 0: the factor r of Gamma(y + r)/Gamma(r), which cancels if tiny, is taken out."""
    with np.errstate(divide="ignore", invalid="ignore"):  # r = 0
        terms = [special.gammaln(y + r) - special.gammaln(1 + r) + special.xlogy(1 - y, r)]
    if order >= 1:
        e1 = r * (special.digamma(y + r) - special.digamma(1 + r))
        terms.append(1 - y + e1)
    if order >= 2:
        e2 = r**2 * (trigamma(y + r) - trigamma(1 + r))
        terms.append(e1 + e2)
    if order >= 3:
        terms.append(e1 + 3 * e2 + r**3 * (tetragamma(y + r) - tetragamma(1 + r)))
    return terms


def rising_excess(y: FloatArray, r: FloatArray | float, order: int) -> tuple[FloatArray, ...]:
    """A = log[Gamma(y + r) / (Gamma(r) r^y)] and its derivatives by log r up to `order` <= 3, for y >= 0, r > 0.

    A is what separates a negative binomial from a Poisson, and a beta-binomial from a binomial density. It tends to 0
    as r grows, where the difference of two log Gamma functions would leave nothing but rounding errors.

    Examples
    --------
    >>> import numpy as np
    >>> bool(np.isclose(rising_excess(np.array([2.0]), 1e9, order=0)[0][0], np.log1p(1e-9), rtol=1e-14))
    True
    """
    y, r = np.broadcast_arrays(np.asarray(y, float), np.asarray(r, np.float64))
    out = np.zeros((order + 1, *y.shape))
    for rows, terms in ((r >= _STIRLING_FROM, _excess_large), (r < _STIRLING_FROM, _excess_small)):
        rows = rows & (y > 0)
        if np.any(rows):
            out[:, rows] = terms(y[rows], r[rows], order)
    return tuple(out)


def large_counts(density: FloatArray, y: FloatArray, mu: FloatArray, r: FloatArray | float = np.inf) -> FloatArray:
    """`density`, the log density of counts, without loss of digits where y is large.

    Terms of the size y log y cancel in the textbook formulas, and leave rounding errors that no likelihood can bear
    when y is 1e9 or 1e12. Stirling's corrections and deviances take their place (Loader 2000, *Fast and accurate
    computation of binomial probabilities*), for a negative binomial distribution with size r, and for infinite r a
    Poisson one.

    Examples
    --------
    >>> import numpy as np
    >>> y = np.array([1e12])
    >>> bool(np.isclose(large_counts(y, y, y)[0], -0.5 * np.log(2 * np.pi * 1e12), rtol=1e-12))
    True
    """
    rows = y > LARGE
    if not rows.any():
        return density
    density, poisson = density.copy(), bool(np.all(np.isinf(r)))
    y, mu, r = y[rows], mu[rows], r[rows] if isinstance(r, np.ndarray) else r
    with np.errstate(over="ignore", invalid="ignore"):
        share = 1.0 if poisson else r / (r + mu)
        density[rows] = y * log1p_minus(share * (mu - y) / y) - stirling(y) - 0.5 * np.log(2 * np.pi * y)
        if not poisson:
            density[rows] += r * log1p_minus((y - mu) / (r + mu)) + stirling(y + r) - stirling(r)
            density[rows] += 0.5 * np.log(r / (r + y))
    return density


def large_trials(
    density: FloatArray, k: FloatArray, f: FloatArray, log_mu: FloatArray, log_complement: FloatArray
) -> FloatArray:
    """`density`, the log density of k successes and f failures, without loss of digits where there are many trials."""
    rows = (k + f > LARGE) & (k > 0) & (f > 0)
    if not rows.any():
        return density
    density, k, f = density.copy(), k[rows], f[rows]
    n = k + f
    with np.errstate(over="ignore"):
        successes, failures = np.exp(log_mu[rows]) / (k / n) - 1, np.exp(log_complement[rows]) / (f / n) - 1
    density[rows] = k * log1p_minus(successes) + f * log1p_minus(failures) - 0.5 * np.log(2 * np.pi * k * (f / n))
    density[rows] += stirling(n) - stirling(k) - stirling(f)
    return density


def stirling(z: FloatArray | float) -> FloatArray:
    """Stirling's correction log Gamma(z) - [(z - 1/2) log z - z + log(2 pi)/2] for z > 0."""
    z = np.asarray(z, np.float64)
    small = np.minimum(z, _STIRLING_FROM)
    exact = special.gammaln(small) - (small - 0.5) * np.log(small) + small - 0.5 * np.log(2 * np.pi)
    return np.where(z < _STIRLING_FROM, exact, _stirling_by_log(np.maximum(z, _STIRLING_FROM))[0])


def digamma_less_log(z: FloatArray | float) -> FloatArray:
    """digamma(z) - log z for z > 0, which tends to -1 / (2 z), without cancellation."""
    z = np.asarray(z, np.float64)
    small, large = np.minimum(z, _STIRLING_FROM), np.maximum(z, _STIRLING_FROM)
    series = (_stirling_by_log(large)[1] - 0.5) / large
    return np.where(z < _STIRLING_FROM, special.digamma(small) - np.log(small), series)


def log_less_excess(y: FloatArray, mu: FloatArray) -> FloatArray:
    """log(y / mu) - (y - mu) / mu, which tends to -(y / mu - 1)^2 / 2, without cancellation."""
    excess = (y - mu) / mu
    near = np.abs(excess) < 0.5
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(near, log1p_minus(np.where(near, excess, 0.0)), np.log(y / mu) - excess)


def either(condition: BoolArray | bool, yes: Callable[[], FloatArray], no: Callable[[], FloatArray]) -> FloatArray:
    """What `yes` gives where the condition holds and `no` elsewhere; what is needed nowhere is not computed.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([0.0, 4.0])
    >>> either(x > 1, lambda: np.sqrt(x), lambda: -x).tolist()
    [-0.0, 2.0]
    """
    if np.all(condition):
        return yes()
    return np.where(condition, yes(), no()) if np.any(condition) else no()


def raised(x: FloatArray, exponent: FloatArray) -> FloatArray:
    """x ** exponent with the bits of a single exponent, of which NumPy takes 1/2 as a square root."""
    power: FloatArray = x**exponent
    return np.where(exponent == 0.5, np.sqrt(x), power) if np.ndim(exponent) else power


def times_log(count: FloatArray, log: FloatArray) -> FloatArray:
    """count * log, and 0 where the count is 0 (also where the logarithm is -inf)."""
    with np.errstate(invalid="ignore"):
        return np.where(count == 0, 0.0, count * log)


def log_binomial(n: FloatArray, k: FloatArray) -> FloatArray:
    """Logarithm of the binomial coefficient, which is 0 for single trials."""
    if np.all(n == 1):
        return np.zeros_like(n)
    return np.asarray(special.gammaln(n + 1) - special.gammaln(k + 1) - special.gammaln(n - k + 1), np.float64)


def is_count(y: FloatArray) -> BoolArray:
    """Whether y is one of 0, 1, 2, ..."""
    whole: BoolArray = y == np.rint(y)
    return np.isfinite(y) & (y >= 0) & whole


def maximize(derivatives: Callable[[FloatArray], Derivatives], start: FloatArray) -> FloatArray:
    """Where each observation's log density is greatest, by Newton steps (scoring steps where it is not concave)."""
    t = start
    for _ in range(200):
        d = derivatives(t)
        step = np.clip(d.d1 / np.maximum(-d.d2, d.expected_weight), -2.0, 2.0)
        t = t + step
        if np.all(np.abs(step) < 1e-9):
            break
    return t


def flat_ranges(first: FloatArray, last: FloatArray, step: FloatArray) -> tuple[IntArray, FloatArray, IntArray]:
    """All ranges first_i, first_i + step_i, ... <= last_i one after the other (none is empty).

    Returns the row i that each element belongs to, the elements, and where each row starts (for `np.add.reduceat`).
    """
    counts = (np.floor((last - first) / step) + 1).astype(np.intp)
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(np.intp)
    rows = np.repeat(np.arange(len(counts)), counts)
    elements = first[rows] + step[rows] * (np.arange(counts.sum()) - starts[rows])
    return rows, elements, starts


def summed_to(y: FloatArray, log_density: Callable[[FloatArray, IntArray], FloatArray]) -> FloatArray:
    """P(Y <= y) of counts: the density of counts k of rows i, summed over 0, 1, ... y_i; 0 where y_i is negative."""
    rows, counts, _ = flat_ranges(np.zeros_like(y), np.maximum(y, -1.0), np.ones_like(y))
    if not len(rows):
        return np.zeros(len(y))
    return np.asarray(np.minimum(np.bincount(rows, np.exp(log_density(counts, rows)), len(y)), 1.0), np.float64)


def decreasing_root(
    f: Callable[[FloatArray], tuple[FloatArray, FloatArray]], low: FloatArray, high: FloatArray
) -> FloatArray:
    """Where decreasing functions, one an element, are 0 between low and high.

    Newton steps, and halves of the bracket where these leave it.

    Parameters
    ----------
    f : callable
        Gives values and slopes.

    Examples
    --------
    >>> import numpy as np
    >>> decreasing_root(lambda x: (2 - x**2, -2 * x), np.zeros(1), np.full(1, 5.0)).round(12).item()
    1.414213562373
    """
    x, least = 0.5 * (low + high), 1e-15 * (high - low)
    for _ in range(200):
        value, slope = f(x)
        low, high = np.where(value > 0, x, low), np.where(value > 0, high, x)
        with np.errstate(divide="ignore", invalid="ignore"):
            new = x - value / slope
        new = np.where((new > low) & (new < high), new, 0.5 * (low + high))
        done = np.all((np.abs(new - x) <= np.maximum(1e-12 * np.abs(x), least)) | (value == 0))
        x = np.where(value == 0, x, new)
        if done:
            break
    return x
