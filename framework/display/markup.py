"""Tables as HTML for notebooks, without scripts, styles or other assets, that a screen reader can follow."""

from __future__ import annotations

from html import escape

from .rformat import TextTable


def table_html(caption: str, table: TextTable) -> str:
    """One table, all text escaped; the column of row names is left out where all of them are empty.

    Examples
    --------
    >>> table_html("", TextTable(("",), ("a<b",), (("1",),)))
    '<table><thead><tr><th scope="col">a&lt;b</th></tr></thead><tbody><tr><td>1</td></tr></tbody></table>'
    """
    named = any(table.row_names)
    lines = "<br>".join(map(escape, caption.split("\n")))
    above = f"<caption>{lines}</caption>" if caption else ""
    head = ("<td></td>" if named else "") + "".join(
        f'<th scope="col">{escape(header.strip())}</th>' if header else "<td></td>" for header in table.headers
    )
    body = "".join(
        "<tr>"
        + (f'<th scope="row">{escape(name)}</th>' if named else "")
        + "".join(f"<td>{escape(cell.strip())}</td>" for cell in cells)
        + "</tr>"
        for name, *cells in zip(table.row_names, *table.columns, strict=True)
    )
    return f"<table>{above}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
