"""Which programs this machine has for its user and for pods, which have no others, and their packages. Pure.

The packages are those of Debian and Ubuntu.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from kubesvc.doctor.finding import Check, Status


class Tool(NamedTuple):
    """A program: how bad it is to be without, what that means, and its package."""

    name: str
    status: Status
    meaning: str
    package: str


_OWN = (
    Tool("curl", "warn", "the printed curl lines need it", "curl"),
    Tool("dig", "warn", "the printed dig lines need it", "dnsutils"),
    Tool("kubectl", "ok", "not needed", ""),
    Tool("nginx", "ok", "the built-in web server stands for the image nginx", ""),
)
_OF_TUTORIALS = (
    ("nslookup", "dnsutils"),
    ("wget", "wget"),
    ("ping", "iputils-ping"),
    ("ip", "iproute2"),
    ("ss", "iproute2"),
    ("ps", "procps"),
    ("hostname", "hostname"),
    ("getent", "libc-bin"),
    ("telnet", "telnet"),
    ("vi", "vim-tiny"),
)
"""What tutorials run in pods, beside those above, and the package that has it; nc, if need be, is kubesvc's own."""
TOOLS = (*(each.name for each in _OWN), *(name for name, _ in _OF_TUTORIALS))
"""Every program that is looked for."""


def check_tools(tools: Mapping[str, str]) -> Iterator[Check]:
    """Say which of the programs with these paths are installed, and what the absence of others means."""
    for tool in _OWN:
        if path := tools.get(tool.name):
            yield Check("tools", tool.name, "ok", f"{tool.name} is {path}")
        else:
            remedy = f"sudo apt-get install {tool.package}" if tool.package else ""
            yield Check("tools", tool.name, tool.status, f"{tool.name} is not installed: {tool.meaning}", remedy)
    yield _check_pods_tools(tools)


def _check_pods_tools(tools: Mapping[str, str]) -> Check:
    """Say which tools of tutorials pods lack: nobody needs all of them, so that is no warning."""
    missing = {name: package for name, package in _OF_TUTORIALS if name not in tools}
    if not missing:
        return Check("tools", "in pods", "ok", "pods have this machine's tools: all that tutorials use are installed")
    message = f"pods have this machine's tools; not installed, so not found there: {', '.join(missing)}"
    packages = " ".join(sorted(set(missing.values())))
    return Check("tools", "in pods", "ok", message, f"sudo apt-get install {packages}")
