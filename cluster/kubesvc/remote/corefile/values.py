"""The words behind a plugin's name or an option's: counted, and read as what they should be. Pure.

A wrong one is a fault, and the default stands in its place, so that one reading finds all of them.
"""

from __future__ import annotations

from kubeapi.serialization.duration import parse_duration
from kubeapi.validation.addresses import parse_address
from kubedns.config import read_server
from kubehost.addresses import Address
from kubesvc.remote.corefile.names import read_zones
from kubesvc.remote.corefile.notes import Notes
from kubesvc.remote.corefile.tokens import Token


class Words:
    """The words ``args`` behind ``name``, which is a plugin's name or that of an option of ``plugin``."""

    def __init__(self, name: Token, args: tuple[Token, ...], notes: Notes, plugin: str = "") -> None:
        self.name = name
        self.args = args
        self.notes = notes
        self.plugin = plugin
        self._what = f"{plugin}: {name.text}" if plugin else name.text

    def fault(self, what: str, remedy: str = "") -> None:
        """Note a fault of these words."""
        self.notes.fault(self.name, f"{self._what}: {what}", remedy)

    def warn(self, what: str) -> None:
        """Note that these words make no difference here."""
        self.notes.warn(self.name, f"{self._what}: {what}")

    def count(self, least: int, most: int, what: str) -> bool:
        """Tell whether there are as many words as there must be; ``what`` says what they are."""
        if least <= len(self.args) <= most:
            return True
        self.fault(f"takes {what}" + (f", not {self._given}" if self.args else ""))
        return False

    def flag(self) -> bool:
        """Return True: the option stands alone."""
        self.count(0, 0, "no value")
        return True

    def text(self, default: str, what: str) -> str:
        """Return the one word."""
        return self.args[0].text if self.count(1, 1, what) else default

    def choice(self, default: str, known: tuple[str, ...]) -> str:
        """Return the one word, which must be a known one."""
        names = f"{', '.join(known[:-1])} or {known[-1]}"
        if not self.count(1, 1, f"one of {names}"):
            return default
        if self.args[0].text not in known:
            self.fault(f"must be {names}, not {self.args[0].text!r}")
            return default
        return self.args[0].text

    def number(self, default: int, least: int, most: int, *, at: int = 0) -> int:
        """Return a word as a number within bounds, the default where there is none."""
        if at >= len(self.args):
            return default
        text = self.args[at].text
        if text.isdecimal() and least <= int(text) <= most:
            return int(text)
        self.fault(f"must be a number from {least} to {most}, not {text!r}")
        return default

    def one_number(self, default: int, least: int, most: int) -> int:
        """Return the one word as a number within bounds."""
        return self.number(default, least, most) if self.count(1, 1, "one number") else default

    def seconds(self, default: float, *, least: float = 0.0, at: int = 0) -> float:
        """Return a word as a duration, the default where there is none."""
        if at >= len(self.args):
            return default
        text = self.args[at].text
        seconds = parse_duration(text)
        if seconds is None:
            self.fault(f"{text!r} is no duration", 'write it like "5s", "1m30s" or "500ms"')
            return default
        if seconds < least:
            self.fault(f"must be at least {least:g}s, not {text}")
            return default
        return seconds

    def one_duration(self, default: float, *, least: float = 0.0) -> float:
        """Return the one word as a duration."""
        return self.seconds(default, least=least) if self.count(1, 1, "one duration") else default

    def zones(self, begin: int = 0) -> tuple[str, ...]:
        """Return the words from ``begin`` on as zones."""
        found: list[str] = []
        for each in self.args[begin:]:
            try:
                found += read_zones(each.text)
            except ValueError as error:
                self.fault(str(error))
        return tuple(dict.fromkeys(found))

    def site(self, default: Address) -> Address:
        """Return the word ``HOST:PORT`` of an HTTP server; HOST "" stands for every address of this machine."""
        if not self.args:
            return default
        host, _, port = self.args[0].text.rpartition(":")
        host = {"localhost": "127.0.0.1"}.get(host, host.strip("[]"))
        if not port.isdecimal() or not 0 < int(port) < 65536 or (host and parse_address(host) is None):
            self.fault(f"{self.args[0].text!r} is no address with a port", 'write it like ":8080" or "127.0.0.1:8080"')
            return default
        return host, int(port)

    @property
    def _given(self) -> str:
        return " ".join(repr(each.text) for each in self.args)


def read_upstream(text: str) -> Address | None:
    """Read ``IP``, ``IP:PORT`` or ``[IP]:PORT``, maybe with ``dns://``; None for what is none."""
    try:
        address = read_server(text.removeprefix("dns://"))
    except ValueError:
        return None
    host, port = address
    return address if parse_address(host.partition("%")[0]) is not None and 0 < port < 65536 else None
