"""Responses of which only an interval is known, as families get them.

y is (n,), the responses themselves; or (n, 2), of each row the lower and the upper end of the interval that it is known
to lie in. Both ends are the response where it was observed; the upper one is inf where it was censored from the right
(all that is known is that it is larger), the lower one -inf where it was censored from the left.
"""

from __future__ import annotations

import numpy as np

from .arrays import BoolArray, FloatArray


def ends(y: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Lower and upper ends (n,) of responses (n,) or (n, 2).

    Examples
    --------
    >>> import numpy as np
    >>> ends(np.array([2.0])), ends(np.array([[3.0, np.inf]]))
    ((array([2.]), array([2.])), (array([3.]), array([inf])))
    """
    return (y, y) if y.ndim == 1 else (y[:, 0], y[:, 1])


def is_observed(y: FloatArray) -> BoolArray:
    """Which responses are known, and not only an interval, (n,).

    Examples
    --------
    >>> import numpy as np
    >>> is_observed(np.array([[2.0, 2.0], [3.0, np.inf]]))
    array([ True, False])
    """
    lower, upper = ends(y)
    return np.asarray(lower == upper)


def observed(y: FloatArray) -> FloatArray:
    """Responses that are known, NaN for the others, (n,).

    Examples
    --------
    >>> import numpy as np
    >>> observed(np.array([[2.0, 2.0], [3.0, np.inf]]))
    array([ 2., nan])
    """
    return y if y.ndim == 1 else np.where(is_observed(y), y[:, 0], np.nan)


def distance(y: FloatArray, mu: FloatArray) -> FloatArray:
    """How far mu is from what is known of each response, (n,): the residual's size, and 0 inside of intervals.

    Examples
    --------
    >>> import numpy as np
    >>> distance(np.array([[2.0, 2.0], [3.0, np.inf], [3.0, np.inf]]), np.array([1.0, 2.5, 4.0]))
    array([1. , 0.5, 0. ])
    """
    if y.ndim == 1:
        return np.asarray(np.abs(y - mu))
    lower, upper = ends(y)
    return np.asarray(np.maximum(np.maximum(lower - mu, mu - upper), 0.0))


def written(row: FloatArray | float) -> str:
    """A response as text: ``2``, ``3+``, ``<4`` or ``(3, 4]``.

    Examples
    --------
    >>> import numpy as np
    >>> written(2.5), written(np.array([3.0, np.inf])), written(np.array([3.0, 4.0]))
    ('2.5', '3+', '(3, 4]')
    """
    if np.ndim(row) == 0:
        return f"{row:g}"
    lower, upper = np.asarray(row).tolist()
    if lower == upper:
        return f"{lower:g}"
    if np.isinf(upper):
        return f"{lower:g}+"
    return f"<{upper:g}" if np.isinf(lower) else f"({lower:g}, {upper:g}]"


__all__ = ["distance", "ends", "is_observed", "observed", "written"]
