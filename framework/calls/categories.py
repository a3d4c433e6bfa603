"""The response of families of ordered categories: labels in, places among the categories out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..contracts.errors import DataWarning, InputError, InputTypeError
from ..contracts.family import Family
from ..contracts.ordered import OrderedFamily
from ..design.arrays import width
from ..design.censored import Surv
from ..design.parameter import refuse_models, spelled_out
from ..design.reading import rows_text
from ..formula.columns import read_variable
from ..formula.variables import Variable
from ..notes import Note, tell
from .arguments import Arguments

#: More categories than these are not all in a message.
MOST_SHOWN = 12
#: More different numbers than this are no categories.
MOST = 100


def in_categories(given: Arguments, family: Family, *, other_data: bool = False) -> tuple[Arguments, Family]:
    """The arguments with y as the family takes it, and the family with its categories.

    Of a family of ordered categories y becomes the place of each row's category: among the levels of a factor in their
    order, or whole numbers in theirs. Other families and arguments are given back as they are. Of other data than those
    that a family has its categories from, it takes those where they are not among its own. Models of spacings are given
    back by the names that these have between the categories.

    Raises
    ------
    InputError, InputTypeError
        For responses that are no categories, or none of the family's, and for models of spacings that it does not have.
    """
    if not isinstance(family, OrderedFamily):
        return given, family
    name = given.y_name or "y"
    response = _response(given, name)
    unknown = [label for label in response.levels if label not in (family.categories or ())]
    if family.categories is None or (unknown and other_data):
        family = family.of_categories(response.levels)
    elif unknown:
        raise InputError(
            f"the response {name} has {', '.join(unknown[:5])}, which is none of the categories of the {family.name} "
            f"family: {', '.join(family.categories)}"
        )
    place = np.array([family.labels.index(label) for label in response.levels])
    given = replace(given, y=place[response.codes].astype(np.float64), outcomes=())
    return with_spacings(given, family), family


def with_spacings(given: Arguments, family: OrderedFamily) -> Arguments:
    """The arguments with models of spacings by their names, once the categories of the family are known.

    Raises
    ------
    InputError
        For spacings that the family does not have.
    """
    models, terms = spelled_out(family, given.parameters), given.terms
    refuse_models(family, models)
    models = {p.name: models[p.name] for p in family.parameters if p.name in models}
    if terms is not None:
        encoders = spelled_out(family, terms.parameters)
        terms = replace(terms, parameters={name: encoders[name] for name in models})
    return replace(given, parameters=models, terms=terms)


def _response(given: Arguments, name: str) -> Variable:
    """The response as a factor, all of whose levels occur."""
    if given.outcomes:
        factor = replace(Variable.of_codes(given.y, given.outcomes), unordered=given.unordered)
    else:
        if isinstance(given.y, Surv) or width(given.y, name) != 1:
            raise InputError(f"{name} has two columns, and ordered categories are one")
        factor = read_variable(given.y, name)
    if factor.missing.any():
        raise InputError(f"{name} is missing in {rows_text(factor.missing)}; remove these rows")
    if factor.kind == "text":
        raise InputTypeError(
            f"{name} is text, whose order nothing says: make it an ordered category (pandas.Categorical(..., "
            "categories=['low', 'high'])), or numbers 0, 1, 2, ..."
        )
    if factor.kind == "number":
        numbers = factor.numbers(name)
        broken = numbers != np.round(numbers)
        if broken.any():
            raise InputError(f"{name} must be categories, or whole numbers; it is neither in {rows_text(broken)}")
        if len(np.unique(numbers)) > MOST:
            raise InputError(f"{name} has {len(np.unique(numbers))} different values, more than {MOST}: no categories")
    used = factor.as_factor().used_levels()
    if used.unordered and len(used.levels) > 2:
        tell((_note_of_order(name, used.levels),))
    return used


def _note_of_order(name: str, levels: tuple[str, ...]) -> Note:
    """Categories made of text have the order of the alphabet, which need not be theirs."""
    order = " < ".join(levels if len(levels) <= MOST_SHOWN else (*levels[: MOST_SHOWN - 1], "...", levels[-1]))
    return Note(
        DataWarning,
        f"{name} is a category without an order (pandas: ordered=False), taken in that of its categories: {order}. If "
        f"that is right, say so: data[{name!r}].cat.as_ordered(); if not, .cat.reorder_categories([...], ordered=True)",
    )
