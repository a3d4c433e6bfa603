"""`python -m ranef` is the command `ranef`."""

from __future__ import annotations

from .cli import main

main(prog_name="ranef")
