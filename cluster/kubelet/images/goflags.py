"""Command-line flags as Go programs read them (package flag, and pflag for what is used here). Pure."""

from __future__ import annotations

from collections.abc import Sequence


def read_flags(arguments: Sequence[str]) -> tuple[dict[str, str], str]:
    """Read ``-name=value``, ``--name value`` and ``-name``, up to the first argument that is no flag.

    Returns the flags and that argument, "" if there is none.
    """
    flags: dict[str, str] = {}
    rest = list(arguments)
    while rest:
        argument = rest.pop(0)
        if not argument.startswith("-") or argument in ("-", "--"):
            return flags, argument
        name, equals, value = argument.lstrip("-").partition("=")
        if not equals:
            value = rest.pop(0) if rest and not _is_flag(rest[0]) else "true"
        flags[name] = value
    return flags, ""


def _is_flag(argument: str) -> bool:
    return argument.startswith("-") and not argument[1:].isdecimal()


def read_port(text: str) -> int | None:
    """Read a port, None if it is none; -1, which means no port, is 0."""
    number = read_number(text)
    if text == "-1":
        return 0
    return number if number is not None and 0 < number < 65536 else None


def read_number(text: str) -> int | None:
    """Read a number that is not negative, None if it is none."""
    return int(text) if text.isascii() and text.isdecimal() else None
