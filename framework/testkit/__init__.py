"""The laws that every plugin has to obey, for our plugins and everybody's.

A law is a small function whose docstring states it; a check is a law applied to one plugin. Declared abilities decide
which laws apply. Signatures and types come first: where they are wrong, the other laws are skipped. One line makes
pytest tests of all of them::

    from ranef.testkit import as_pytest, family_checks
    from my_package import MyFamily

    test_my_family = as_pytest(family_checks(MyFamily()))
"""

from __future__ import annotations

from .check import Check, LawBroken, LawSkipped, as_pytest
from .covariances import covariance_checks
from .families import family_checks
from .kits import checks_of
from .linalg import linalg_checks
from .links import link_checks
from .observers import observer_checks
from .optimizers import optimizer_checks

__all__ = [
    "Check",
    "LawBroken",
    "LawSkipped",
    "as_pytest",
    "checks_of",
    "covariance_checks",
    "family_checks",
    "linalg_checks",
    "link_checks",
    "observer_checks",
    "optimizer_checks",
]
