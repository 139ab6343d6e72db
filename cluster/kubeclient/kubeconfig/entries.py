"""Typed reading of one entry of a kubeconfig: every error names the file, the field and the remedy. Pure."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kubeclient.kubeconfig.access import ConfigError, Pem


class Entry:
    """One entry of a kubeconfig with the file and place where it is, for its values and for the texts of errors."""

    def __init__(self, file: Path, place: str, content: Any) -> None:
        self.file = file
        self.place = place
        if not isinstance(content, dict | None):
            raise ConfigError(f"{file}: {place}: must be a mapping")
        self.content: dict[str, Any] = content if content is not None else {}

    def error(self, name: str, message: str) -> ConfigError:
        """Return the error of one field."""
        return ConfigError(f"{self.file}: {self.place}.{name}: {message}")

    def text(self, name: str) -> str:
        """Return a string, "" if it is not there."""
        value = self.content.get(name)
        if value is not None and not isinstance(value, str):
            raise self.error(name, "must be a string; put it in quotes")
        return value or ""

    def flag(self, name: str) -> bool:
        """Return a boolean, False if it is not there."""
        value = self.content.get(name)
        if value is not None and not isinstance(value, bool):
            raise self.error(name, "must be true or false")
        return bool(value)

    def path(self, name: str) -> str:
        """Return a path, relative to the folder of the file; "" if it is not there."""
        found = self.text(name)
        return str(self.file.parent / found) if found else ""

    def pem(self, name: str) -> Pem:
        """Return what ``NAME-data`` (base64) has, or else the file that ``NAME`` names."""
        encoded = self.text(f"{name}-data")
        try:
            content = base64.b64decode("".join(encoded.split()), validate=True)
        except (binascii.Error, ValueError):
            raise self.error(f"{name}-data", "is not base64") from None
        return Pem(content) if content else Pem(file=self.path(name))

    def child(self, name: str) -> Entry | None:
        """Return a mapping in this one, None if it is not there."""
        value = self.content.get(name)
        return None if value is None else Entry(self.file, f"{self.place}.{name}", value)

    def items(self, name: str) -> Sequence[Any]:
        """Return a list, empty if it is not there."""
        value = self.content.get(name)
        if value is not None and not isinstance(value, list):
            raise self.error(name, "must be a list")
        return value or ()
