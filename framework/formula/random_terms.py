"""The random terms of a formula as the array front ends take them: labels, effects, covariance structures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..contracts.errors import DataWarning, InputError
from ..design.terms import INTERCEPT
from ..notes import Note
from .formulaic import Part
from .grouping import grouping_of
from .plan import Plan
from .source import Source


def groups_of(plan: Plan, source: Source) -> dict[str, Any]:
    """Labels of the rows by grouping factor."""
    groups: dict[str, Any] = {}
    for random in plan.random:
        if random.label not in groups:
            groups[random.label] = grouping_of(random, source)
    return groups


def random_terms(
    plan: Plan, parts: Mapping[str, Part]
) -> tuple[dict[str, list[list[str]]], dict[str, list[str | None]] | None]:
    """Terms of the grouping factors, and the covariance structures of these."""
    effects: dict[str, list[list[str]]] = {}
    structures: dict[str, list[str | None]] = {}
    for random in plan.random:
        for text in random.effects:
            columns = parts[text].columns
            before = {c for term in effects.get(random.label, []) for c in term}
            names = ["1" if c == INTERCEPT else c for c in columns]
            if twice := [INTERCEPT if c == "1" else c for c in names if c in before]:
                raise InputError(
                    f"{random.text}: {', '.join(twice)} by {random.label} is in another random term as well, and two "
                    "variances of one effect cannot be told apart: leave one out, as in (1 | g) + (0 + x | g)"
                )
            if not names:
                raise InputError(f"{random.text} has no effects: write 1 for a random intercept")
            effects.setdefault(random.label, []).append(names)
            structures.setdefault(random.label, []).append(random.word or None)
    named = {label: words for label, words in structures.items() if any(words)}
    return effects, named or None


def notes_of_split(plan: Plan, parts: Mapping[str, Part]) -> list[Note]:
    """Factors under ``||`` keep a block of their own, as in lme4."""
    notes = {}
    for random in plan.random:
        for text in random.effects if len(random.effects) > 1 or "||" in random.text else ():
            if len(columns := parts[text].columns) > 1:
                notes[random.text] = Note(
                    DataWarning,
                    f"{random.text}: the {len(columns)} columns {', '.join(columns)} stay correlated, as in lme4; "
                    f"diag(... | {random.label}) makes all effects independent",
                )
    return list(notes.values())
