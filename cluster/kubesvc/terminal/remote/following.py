"""Runs a command that follows a real cluster: its signals, its process, and what goes wrong in one line each.

The first Ctrl-C (or SIGTERM) ends it in order, the second at once.
"""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
from collections.abc import Awaitable, Callable

import click

from kubeapi.failures import leaves
from kubeapi.status import StatusError
from kubeclient.kubeconfig.access import ConfigError
from kubehost import openfiles
from kubesvc.escaping import escaped
from kubesvc.remote.errors import CommandError
from kubesvc.terminal import logfile
from kubesvc.terminal.console import EXIT_AT_ONCE, EXIT_FAILED, EXIT_WELL

Serve = Callable[[asyncio.Event], Awaitable[None]]
"""Serves until the event is set, and returns when everything has ended."""


def say(line: str) -> None:
    """Tell the user something, on standard error."""
    click.echo(f"kubesvc: {escaped(line)}", err=True)


START_SECONDS = 60.0
"""After which garbage is collected even if the command is not ready."""


def settle() -> None:
    """Enable garbage collection, without the objects that exist now."""
    gc.freeze()
    gc.enable()


def run_until_stopped(serve: Serve) -> int:
    """Run a command until the user ends it; returns the exit status."""
    import uvloop

    openfiles.raise_limit()
    openfiles.grow_table()
    logfile.write_log(sys.stderr)
    try:
        return uvloop.run(_run(serve))
    except KeyboardInterrupt:
        return EXIT_AT_ONCE
    except (CommandError, ConfigError, StatusError, OSError, BaseExceptionGroup) as error:
        for each in leaves(error):
            if not isinstance(each, CommandError | ConfigError | StatusError | OSError):
                raise
            say(str(each))
        return EXIT_FAILED


async def _run(serve: Serve) -> int:
    loop, stop, signals = asyncio.get_running_loop(), asyncio.Event(), 0
    serving = asyncio.ensure_future(serve(stop))
    # A start may wait for its server for ever, and failed attempts leave garbage.
    loop.call_later(START_SECONDS, gc.enable)

    def on_signal() -> None:
        nonlocal signals
        signals += 1
        stop.set()
        if signals > 1:
            serving.cancel()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            loop.add_signal_handler(number, on_signal)
    try:
        await serving
    except asyncio.CancelledError:
        return EXIT_AT_ONCE
    return EXIT_WELL
