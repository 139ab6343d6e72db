"""A name server without a cluster: ``python -m kubesvc.remote.dns.nameserver [-conf FILE] [-dns.port N]``.

It stands for the program ``/coredns`` of the image agnhost, where CoreDNS is not installed. The Corefile is read once.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
import time
from collections.abc import Sequence

from kubeapi.io.storelisterwatcher import StoreListerWatcher
from kubeapi.store import Store
from kubedns.config import DNSConfig
from kubedns.io.server import DNSServer
from kubesvc.remote.corefile.notes import CorefileError, Notes
from kubesvc.remote.corefile.plain import compose_plain
from kubesvc.remote.corefile.reading import read_corefile
from kubesvc.remote.dns.configuration import DiskFiles
from kubesvc.remote.dns.places import cannot_bind, here, places_text

_PORTS = ("dns.port", "p")
_KNOWN = ("conf", *_PORTS, "quiet")


class UsageError(ValueError):
    """An argument that is none of CoreDNS', or none that is honoured here."""


def read_arguments(arguments: Sequence[str]) -> dict[str, str]:
    """Read flags as Go's package flag does; UsageError."""
    found: dict[str, str] = {}
    rest = list(arguments)
    while rest:
        name, equals, value = rest.pop(0).lstrip("-").partition("=")
        if name not in _KNOWN:
            raise UsageError(f"flag provided but not defined: -{name}; known here: {', '.join(_KNOWN)}")
        found[name] = value if equals or name == "quiet" else rest.pop(0) if rest else ""
    return found


def read_settings(flags: dict[str, str]) -> tuple[DNSConfig, list[str]]:
    """Return the settings, and warnings; CorefileError, OSError, UnicodeDecodeError."""
    path, files, notes = flags.get("conf", "Corefile"), DiskFiles(), Notes()
    servers = read_corefile(files.read(path, takes_pipes=True), path, files, os.environ, notes)
    config = compose_plain(servers, files, notes)
    port = next((flags[each] for each in _PORTS if each in flags), "")
    if port.isdecimal():
        config = compose_plain(servers, files, Notes(), tuple((host, int(port)) for host, _ in config.addresses))
    return config, notes.warnings


async def answer(config: DNSConfig) -> None:
    """Answer until a signal ends it; OSError if an address is taken."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    server = DNSServer(StoreListerWatcher(Store()), here(config), clock=time.time, rng=random.Random())
    listening = await server.start()
    if listening.failed:
        raise listening.failed[0].error
    sys.stdout.write(f"{places_text(server.addresses)}\n")
    sys.stdout.flush()
    running = asyncio.create_task(server.run())
    await stop.wait()
    running.cancel()


def main(arguments: Sequence[str]) -> int:
    """Run the name server; return the exit code."""
    try:
        config, warnings = read_settings(read_arguments(arguments))
        for each in warnings:
            sys.stderr.write(f"[WARNING] {each}\n")
        asyncio.run(answer(config))
    except (UsageError, CorefileError, UnicodeDecodeError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except OSError as error:
        where = f"{error.filename}: {error.strerror}" if error.filename else cannot_bind(error)
        sys.stderr.write(f"{where}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
