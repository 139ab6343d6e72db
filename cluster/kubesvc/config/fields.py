"""Reads typed fields from JSON; collects every mistake and uses the default in its place.

It checks types and bounds, not meanings. The messages follow Kubernetes' own (``field.Error``, ``validation``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import Any, NamedTuple

from kubeapi.serialization.duration import parse_duration
from kubeapi.similar import did_you_mean
from kubeapi.status import FieldError
from kubeapi.validation.faults import duplicate, invalid, required, unsupported
from kubemanifest.faults import as_written
from kubesvc.addresses.plan import AddressPlan
from kubesvc.addresses.usual import read_ipv4

_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_SUBDOMAIN_MESSAGE = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
_ADDRESS_MESSAGE = "must be a valid IPv4 address, (e.g. 127.9.8.7)"
UNSPECIFIED = "may not be unspecified (0.0.0.0)"
NO_LOOPBACK = "must be outside 127.0.0.0/8 in the exact plan, (e.g. 192.168.0.101 or 10.96.0.0/12)"


class Mistake(NamedTuple):
    """A fault or a warning about one field, with a hint for the remedy."""

    error: FieldError
    hint: str = ""


class Notes:
    """What is wrong with a configuration: ``faults`` stop the start, ``warnings`` do not."""

    def __init__(self) -> None:
        self.faults: list[Mistake] = []
        self.warnings: list[Mistake] = []

    def fault(self, error: FieldError, hint: str = "") -> None:
        """Note a fault."""
        self.faults.append(Mistake(error, hint))

    def invalid(self, field: str, value: object, detail: str, hint: str = "") -> None:
        """Note an invalid value."""
        self.fault(invalid(field, as_written(value), detail), hint)

    def warn(self, field: str, message: str) -> None:
        """Note a warning."""
        self.warnings.append(Mistake(FieldError("Translated", field, message)))


class Fields:
    """One mapping of the configuration. Each method reads one field; it notes a wrong value and returns the default."""

    def __init__(self, value: object, path: str, known: Collection[str], notes: Notes, plan: AddressPlan) -> None:
        self.path = path
        self.notes = notes
        self.plan = plan
        self._value: dict[str, Any] = value if isinstance(value, dict) else {}
        if value is not None and not isinstance(value, dict):
            self._mistyped(path, value, "a mapping")
        for name in self._value:
            if name not in known:
                field = self.at(name)
                notes.fault(
                    FieldError("UnknownField", field, f'unknown field "{field}"'),
                    did_you_mean(name, known) or f"known here: {', '.join(known)}",
                )

    def at(self, name: str) -> str:
        """Return the path of a field."""
        return f"{self.path}.{name}" if self.path else name

    def has(self, name: str) -> bool:
        """Tell whether the field exists and is not null."""
        return self._value.get(name) is not None

    def is_empty(self, name: str) -> bool:
        """Tell whether the field is an empty list."""
        return self._value.get(name) == []

    def text(self, name: str, default: str = "", *, is_required: bool = False) -> str:
        """Return a text."""
        value = self._value.get(name)
        if isinstance(value, str) and (value or not is_required):
            return value
        if value is None or value == "":
            if is_required:
                self.notes.fault(required(self.at(name)))
            return default
        self._mistyped(self.at(name), value, "text; quote it")
        return default

    def choice(self, name: str, default: str, supported: Collection[str], listed: Collection[str] | None = None) -> str:
        """Return one of the supported texts; a fault names those that are ``listed``, all of them by default."""
        value = self.text(name, default)
        if value in supported:
            return value
        self.notes.fault(unsupported(self.at(name), as_written(value), sorted(listed or supported)))
        return default

    def integer(self, name: str, default: int, low: int, high: int) -> int:
        """Return a number within bounds, both inclusive."""
        value = self._value.get(name)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int):
            self._mistyped(self.at(name), value, "a whole number")
        elif not low <= value <= high:
            self.notes.invalid(self.at(name), value, f"must be between {low} and {high}, inclusive")
        else:
            return value
        return default

    def switch(self, name: str, *, default: bool) -> bool:
        """Return true or false."""
        value = self._value.get(name)
        if isinstance(value, bool):
            return value
        if value is not None:
            self._mistyped(self.at(name), value, "true or false")
        return default

    def seconds(self, name: str) -> float:
        """Return the seconds of a Go duration, 0 if there is none."""
        value = self._value.get(name)
        found = parse_duration(value) if isinstance(value, str) else 0.0 if value in (None, 0) else None
        if found is None:
            self._mistyped(self.at(name), value, 'a duration, (e.g. "250s")')
        return found or 0.0

    def name(self, name: str = "name") -> str:
        """Return a required DNS name."""
        value = self.text(name, is_required=True)
        if value:
            self.check_subdomain(name, value)
        return value

    def check_subdomain(self, name: str, value: str) -> None:
        """Note a fault if the value of a field is not a DNS name."""
        if len(value) > 253:
            self.notes.invalid(self.at(name), value, "must be no more than 253 bytes")
        if not _SUBDOMAIN.fullmatch(value):
            self.notes.invalid(self.at(name), value, _SUBDOMAIN_MESSAGE)

    def texts(self, name: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
        """Return a list of texts."""
        values = self._list(name)
        if values is None:
            return default
        for index, value in enumerate(values):
            if not isinstance(value, str):
                self._mistyped(f"{self.at(name)}[{index}]", value, "text; quote it")
        return tuple(value for value in values if isinstance(value, str))

    def mapping(self, name: str) -> dict[str, Any]:
        """Return a mapping as it is."""
        value = self._value.get(name)
        if value is not None and not isinstance(value, dict):
            self._mistyped(self.at(name), value, "a mapping")
        return value if isinstance(value, dict) else {}

    def text_map(self, name: str) -> dict[str, str]:
        """Return a mapping of texts."""
        values = self._value.get(name)
        if values is None:
            return {}
        if not isinstance(values, dict):
            self._mistyped(self.at(name), values, "a mapping")
            return {}
        for key, value in values.items():
            if not isinstance(value, str):
                self._mistyped(f"{self.at(name)}[{key}]", value, "text; quote it")
        return {key: value for key, value in values.items() if isinstance(value, str)}

    def quantities(self, name: str) -> dict[str, str]:
        """Return a mapping of quantities by the names of resources; a number stands for its text."""
        values = self._value.get(name)
        if isinstance(values, dict):
            numbers = {each: str(value) for each, value in values.items() if type(value) in (int, float)}
            self._value = {**self._value, name: {**values, **numbers}}
        return self.text_map(name)

    def environment(self) -> dict[str, str]:
        """Return ``env``, a list of ``{name, value}``, as a mapping; the last of a name wins, as in Kubernetes."""
        return {each.text("name", is_required=True): each.text("value") for each in self.each("env", ("name", "value"))}

    def fields(self, name: str, known: Collection[str]) -> Fields:
        """Return a mapping, empty if the field is missing."""
        return Fields(self._value.get(name), self.at(name), known, self.notes, self.plan)

    def each(self, name: str, known: Collection[str]) -> list[Fields]:
        """Return the mappings of a list."""
        values = self._list(name) or []
        return [
            Fields(value or {}, f"{self.at(name)}[{index}]", known, self.notes, self.plan)
            for index, value in enumerate(values)
        ]

    def address(self, name: str, default: str = "", *, is_outside: bool = False) -> str:
        """Return an IPv4 address, moved into 127.0.0.0/8 with a warning unless it is outside the cluster."""
        value = self.text(name, default, is_required=not default)
        return self.read_address(self.at(name), value, is_outside=is_outside) or default

    def read_address(self, path: str, value: str, *, is_outside: bool = False) -> str:
        """Return an address as ``address`` does, for the value at ``path``; "" and a fault if it is not one."""
        if not value:
            return ""
        if read_ipv4(value) is None:
            self.notes.invalid(path, value, _ADDRESS_MESSAGE)
            return ""
        if read_ipv4(value) == 0:
            self.notes.invalid(path, value, UNSPECIFIED)
            return ""
        return value if is_outside else self.moved(path, value, self.plan.address)

    def moved(self, path: str, value: str, place: Callable[[str], str]) -> str:
        """Return the address or subnet that the cluster has in place of a written one; warns if it differs."""
        after = place(value)
        if after != value:
            self.notes.warn(path, f"{value} is {after} on this machine")
        return after

    def unique(self, name: str, value: object, seen: set[Any]) -> None:
        """Note a duplicate if the value was seen before."""
        if value in seen:
            self.notes.fault(duplicate(self.at(name), as_written(value)))
        seen.add(value)

    def _list(self, name: str) -> list[Any] | None:
        values = self._value.get(name)
        if values is None or isinstance(values, list):
            return values
        self._mistyped(self.at(name), values, "a list")
        return None

    def _mistyped(self, path: str, value: object, wanted: str) -> None:
        hint = 'begin each item with "- "' if isinstance(value, dict) and wanted == "a list" else ""
        self.notes.invalid(path, value, f"must be {wanted}", hint)
