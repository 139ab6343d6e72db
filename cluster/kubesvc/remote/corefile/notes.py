"""What is wrong with a Corefile: faults stop the start, warnings do not. Pure."""

from __future__ import annotations

from kubesvc.remote.corefile.tokens import Token


class CorefileError(ValueError):
    """A Corefile that cannot be served; ``faults`` are lines for the user, each "FILE:LINE: what; how to mend it"."""

    def __init__(self, faults: tuple[str, ...]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


class Notes:
    """Collects faults and warnings while a Corefile is read."""

    def __init__(self) -> None:
        self.faults: list[str] = []
        self.warnings: list[str] = []

    def fault(self, at: Token, what: str, remedy: str = "") -> None:
        """Note what cannot be served."""
        self.faults.append(_line(at, what, remedy))

    def warn(self, at: Token, what: str, remedy: str = "") -> None:
        """Note what is accepted but makes no difference here."""
        self.warnings.append(_line(at, what, remedy))

    def check(self) -> None:
        """Raise CorefileError if there is any fault."""
        if self.faults:
            raise CorefileError(tuple(self.faults))


def _line(at: Token, what: str, remedy: str) -> str:
    return f"{at.place}: {what}; {remedy}" if remedy else f"{at.place}: {what}"
