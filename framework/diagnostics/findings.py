"""What was found: sentences, worst first, each with what to do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
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
        lines = [self._head]
        for i, row in enumerate(self._rows()):
            text = f"{i + 1}. {row.severity}, {row.check}: {row.finding}. {row.advice}."
            lines.append(fill(text, WIDTH, subsequent_indent="   "))
        lines += (fill(text, WIDTH, subsequent_indent="   ") for text in self._rest())
        return "\n".join(lines)

    @property
    def _head(self) -> str:
        found = f"{len(self)} finding{'' if len(self) == 1 else 's'}" if len(self) else "Nothing was found"
        return f"{found} in {len(self.looked_at)} checks"

    def _rows(self) -> list[Finding]:
        return [Finding(*row) for row in zip(*(self[name].tolist() for name in Finding._fields), strict=True)]

    def _rest(self) -> Iterator[str]:
        """What else was looked at, and what was not."""
        found = set(self["check"].tolist())
        fine = [check for check in self.looked_at if check not in found]
        for what, listed in (("Nothing to say of", fine), ("Not looked at", self.left_out)):
            if listed:
                yield f"{what}: {', '.join(listed)}."

    def _repr_html_(self) -> str:
        items = "".join(
            f"<li><strong>{escape(row.severity)}</strong>, {escape(row.check)}: {escape(row.finding)}. "
            f"{escape(row.advice)}.</li>"
            for row in self._rows()
        )
        listed = f"<ol>{items}</ol>" if items else ""
        rest = "".join(f"<p><small>{escape(text)}</small></p>" for text in self._rest())
        return f'<div class="ranef-table"><p>{escape(self._head)}</p>{listed}{rest}</div>'
