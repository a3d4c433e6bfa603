"""What was found: sentences, worst first, each with what to do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from textwrap import fill
from typing import NamedTuple

from ..display.records import Table

#: How bad a finding is, worst first.
SEVERITIES = ("serious", "doubtful", "note")
WIDTH = 100


class Finding(NamedTuple):
    """One thing that was found.

    Parameters
    ----------
    severity : {"serious", "doubtful", "note"}
        Conclusions are wrong, may be wrong, or want a word.
    check : str
        What was looked at.
    finding, advice : str
        What was seen, and what to do.
    """

    severity: str
    check: str
    finding: str
    advice: str


@dataclass(frozen=True, eq=False, repr=False)
class Findings(Table):
    """Findings of `check`: columns ``severity``, ``check``, ``finding`` and ``advice``, worst first.

    Parameters
    ----------
    looked_at : tuple of str
        All checks that were made.
    left_out : tuple of str
        Checks that were not, and why.
    """

    looked_at: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()

    @classmethod
    def of(cls, findings: Iterable[Finding], looked_at: Sequence[str], left_out: Sequence[str], frame: str) -> Findings:
        """In order."""
        rows = sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity))
        columns = {name: [getattr(row, name) for row in rows] for name in Finding._fields}
        return cls(columns, frame=frame, looked_at=tuple(looked_at), left_out=tuple(left_out))

    @property
    def ok(self) -> bool:
        """Whether there is nothing beyond notes."""
        return not {"serious", "doubtful"} & set(self["severity"].tolist())

    def __str__(self) -> str:
        """The findings as sentences."""
        lines = []
        for i, row in enumerate(self._rows()):
            text = f"{i + 1}. {row.severity}, {row.check}: {row.finding}. {row.advice}."
            lines.append(fill(text, WIDTH, subsequent_indent="   "))
        head = f"{len(self)} finding{'' if len(self) == 1 else 's'}" if len(self) else "Nothing was found"
        lines.insert(0, f"{head} in {len(self.looked_at)} checks")
        found = set(self["check"].tolist())
        fine = [check for check in self.looked_at if check not in found]
        for what, listed in (("Nothing to say of", fine), ("Not looked at", self.left_out)):
            if listed:
                lines.append(fill(f"{what}: {', '.join(listed)}.", WIDTH, subsequent_indent="   "))
        return "\n".join(lines)

    def _rows(self) -> list[Finding]:
        return [Finding(*row) for row in zip(*(self[name].tolist() for name in Finding._fields), strict=True)]

    def _repr_html_(self) -> str:
        return f'<div class="ranef-table"><pre>{escape(str(self))}</pre></div>'
