"""One hypothesis profile for all tests: the same examples in every run, and no time limits."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("ranef", deadline=None, derandomize=True)
settings.load_profile("ranef")
