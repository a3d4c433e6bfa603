"""Parts of X that are left out together, and the fits without them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ..contracts.errors import InputError, InputTypeError, shown
from ..design.mixed import spans_ones
from ..design.reduced import with_fixed
from ..design.terms import INTERCEPT
from ..estimation.model import Fit
from ..formula.terms import Terms
from .fixed_terms import fixed_terms
from .refits import of_design


def without(fit: Fit, columns: frozenset[str]) -> Fit:
    """The fit without these columns of X; one that was dropped because of them comes back.

    The constant stays, also where it was a sum of columns that are left out (a factor without intercept): without it,
    the model would have another origin, and not less in it.
    """
    design = fit.model.design
    names = fit.labels.fixed.names
    kept = [j for j, name in enumerate(names) if name not in columns]
    X, left = np.asfortranarray(design.X[:, kept]), [names[j] for j in kept]
    smaller = with_fixed(design, X, left)
    if spans_ones(design.fixed) and not spans_ones(smaller.fixed):
        smaller = with_fixed(design, np.asfortranarray(np.column_stack([np.ones(design.n), X])), [INTERCEPT, *left])
    return of_design(fit, smaller)


def parts_of_x(fit: Fit, terms: Terms | None, partition: Any) -> Iterator[tuple[str, frozenset[str]]]:
    """Names of parts, and the columns of X that each leaves out."""
    if partition is None:
        return
    known = _by_name(fit, terms)
    if isinstance(partition, str) and partition == "terms":
        if terms is None:
            raise InputError(
                "partition='terms' is for fits by formula: a fit to arrays has columns, "
                f"as in partition={{'a name': {list(fit.labels.fixed.names[-1:])}}}"
            )
        partition = [name for name in terms.fixed if name != INTERCEPT]
    if isinstance(partition, Mapping):
        parts = dict(partition)
    elif isinstance(partition, Sequence) and not isinstance(partition, str):
        parts = {name if isinstance(name, str) else shown(name): [name] for name in partition}
    else:
        raise InputTypeError(
            "partition must be 'terms', a list of terms or columns of X, or a dict of name and such a list; "
            f"got {shown(partition)}"
        )
    for part, listed in parts.items():
        members = [listed] if isinstance(listed, str) else listed
        if not isinstance(members, Sequence) or not members:
            raise InputTypeError(f"partition[{part!r}] must be a list of names; got {shown(listed)}")
        for name in members:
            if not isinstance(name, str) or name not in known:
                raise InputError(
                    f"partition[{part!r}] has {shown(name)}, which the model does not have (the intercept is no part "
                    f"of R2); it has {', '.join(known)}"
                )
        yield str(part), frozenset().union(*(known[name] for name in members))


def _by_name(fit: Fit, terms: Terms | None) -> dict[str, frozenset[str]]:
    """Columns of X by name, and by term: a term goes together with the interactions that it is in."""
    fixed = fit.labels.fixed
    varies = np.ptp(fit.model.design.X, axis=0) > 0
    known = {name: frozenset([name]) for name, some in zip(fixed.names, varies, strict=True) if some}
    listed = fixed_terms(fixed, terms) if terms else ()
    for term in listed:
        if term.is_tested:
            inside = [o for o in listed if term.variables <= o.variables]
            known[term.name] = frozenset(fixed.names[j] for o in inside for j in o.columns)
    return known
