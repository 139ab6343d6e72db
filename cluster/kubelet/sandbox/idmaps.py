"""The id maps of user namespaces as text (user_namespaces(7)), and the file of subordinate ids (subuid(5)). Pure."""

from __future__ import annotations


def identity_map(own_map: str) -> str:
    """Return the map in which every id of the namespace that has ``own_map`` is itself."""
    rows = (line.split() for line in own_map.splitlines())
    return "".join(f"{first} {first} {count}\n" for first, _, count in rows)


def subordinate_span(text: str, name: str, number: int) -> tuple[str, str] | None:
    """Return the first subordinate id of a user, by name or number, and how many there are; None without any."""
    for line in text.splitlines():
        fields = line.strip().split(":")
        if len(fields) == 3 and fields[0] in (name, str(number)) and fields[1].isdecimal() and fields[2].isdecimal():
            return fields[1], fields[2]
    return None
