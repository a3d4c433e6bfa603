"""Terms of the fixed effects as hypotheses that have a name: what type III tests say of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from ..contracts.arrays import FloatArray
from ..design.labels import FixedLabels
from ..formula.terms import Terms
from .fixed_terms import FixedTerm, fixed_terms
from .sums_of_squares import type_three


@dataclass(frozen=True, eq=False)
class TermRows:
    """Rows L (c, p) of L beta = 0 by the name of a term; found when first asked for.

    Parameters
    ----------
    fixed : FixedLabels
    terms : Terms, optional
        Those of a formula; fits to arrays have none.
    """

    fixed: FixedLabels
    terms: Terms | None = None

    @cached_property
    def listed(self) -> tuple[FixedTerm, ...]:
        """All terms."""
        return fixed_terms(self.fixed, self.terms) if self.terms else ()

    @property
    def names(self) -> tuple[str, ...]:
        """Of those that are tested, and are not called as a coefficient is."""
        names = (term.name for term in self.listed if term.is_tested)
        return tuple(name for name in names if name not in self.fixed.names)

    def __getitem__(self, name: str) -> FloatArray:
        return self._rows[name]

    @cached_property
    def _rows(self) -> dict[str, FloatArray]:
        rows = type_three(self.listed, self.fixed)
        return {term.name: L for term, L in zip(self.listed, rows, strict=True)}


def at_zero(terms: Sequence[FixedTerm], names: Sequence[str]) -> Iterator[str]:
    """Which of the terms of these names are tested at one value of a covariate that they interact with."""
    for term in terms:
        above = [other for other in terms if term.is_in(other, numbers_too=False)]
        where = {of for other in above for of in other.numeric - term.numeric}
        if term.name in names and where:
            yield f"{term.name} is tested where {', '.join(sorted(where))} is zero: they interact"
