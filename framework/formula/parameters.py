"""Formulas of dispersion parameters: read beside that of the model, in the same rows of the same frame."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..contracts.arrays import FloatArray, IntArray
from .columns import Frame
from .encoder import Encoder
from .parts import columns_of, kinds
from .plan import Plan, make_parameter_plan, names_of
from .selection import with_bases
from .source import Source


@dataclass(frozen=True, eq=False)
class ParameterFormula:
    """The formula of one parameter, with its variables.

    Parameters
    ----------
    plan : Plan
    source : Source
    used : list of str
        Names of the variables.
    """

    plan: Plan
    source: Source
    used: list[str]

    @classmethod
    def of(
        cls,
        text: str,
        frame: Frame,
        contrasts: Mapping[str, str],
        context: Mapping[str, Any],
        levels: Mapping[str, Sequence[str]],
    ) -> ParameterFormula:
        """Read a formula.

        Raises
        ------
        InputError
            With the place in it.
        """
        plan = make_parameter_plan(text, contrasts, context)
        return cls(plan, Source(frame, plan.names, levels=levels), with_bases(plan.encoded, plan.names))

    def encoded(self, rows: IntArray, context: Mapping[str, Any]) -> tuple[FloatArray, Encoder]:
        """The columns in these rows, and what encodes others."""
        matrices, parts = columns_of(self.plan, self.source, rows)
        fixed = self.plan.fixed
        of_variables = kinds(self.used, self.source)
        encoder = Encoder(self.plan.names.text, (), self.plan.contrasts, of_variables, (parts[fixed],), context=context)
        return matrices[fixed], encoder


def remaining(contrasts: Mapping[str, str], formula: str, others: Iterable[ParameterFormula]) -> dict[str, str]:
    """Contrasts of a formula: without those of variables that formulas of parameters alone have."""
    own, taken = names_of(formula), {name for other in others for name in other.plan.contrasts}
    return {name: word for name, word in contrasts.items() if name in own or name not in taken}
