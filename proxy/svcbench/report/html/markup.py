"""HTML and SVG as text: elements with escaped attributes and content. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape


class Markup(str):
    """Text that is markup already, and is not escaped again."""

    __slots__ = ()


def element(name: str, *content: str, **attributes: str | float) -> Markup:
    """Return an element. Content that is no ``Markup`` is escaped; ``class_`` is class, ``text_anchor`` text-anchor."""
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_value(value)}"' for key, value in attributes.items() if value != ""
    )
    inner = "".join(each if isinstance(each, Markup) else escape(each) for each in content)
    return Markup(f"<{name}{given}>{inner}</{name}>")


def _value(value: str | float) -> str:
    return escape(value) if isinstance(value, str) else f"{value:.1f}".removesuffix(".0")


def joined(parts: Sequence[Markup], separator: str = "\n") -> Markup:
    """Return markup one after the other."""
    return Markup(separator.join(parts))


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Markup:
    """Return a table that scrolls on its own where it is wider than the page; the first column names the row."""
    head = element("tr", *(element("th", cell, scope="col") for cell in header))
    whole = element("table", element("thead", head), _body(rows))
    return element("div", whole, class_="wide")


def words(rows: Sequence[Sequence[str]]) -> Markup:
    """Return a table of sentences, whose lines break; the first column names the row."""
    return element("table", _body(rows), class_="words")


def _body(rows: Sequence[Sequence[str]]) -> Markup:
    lines = [
        element("tr", element("th", row[0], scope="row"), *(element("td", cell) for cell in row[1:])) for row in rows
    ]
    return element("tbody", joined(lines))
