"""`kubesvc up`: reads the manifests, then applies them to the running cluster, or starts one, maybe in the background.

Nothing is started before every document has passed. Slow imports come after that, while the process from which pods
are forked warms up.
"""

from __future__ import annotations

import gc
import os
import sys
from contextlib import nullcontext
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from kubemanifest.documents import Loaded
from kubesvc.addresses.plan import USUAL
from kubesvc.config import ClusterConfiguration
from kubesvc.run.input.prepare import Prepared, prepare
from kubesvc.run.machine.sandboxmode import SandboxError, SandboxMode, Wish, find_mode
from kubesvc.run.start import Start
from kubesvc.state.kept import has_own_plan, kept_plan, kept_sandbox
from kubesvc.terminal.console import EXIT_BAD_INPUT, EXIT_FAILED, Console
from kubesvc.terminal.up.detach import Caller, detach
from kubesvc.terminal.up.foreground import serve
from kubesvc.terminal.up.options import UpOptions
from kubesvc.terminal.up.start import UpStart
from kubesvc.terminal.up.watch import Seen, look
from kubesvc.wording import counted

if TYPE_CHECKING:
    from kubesvc.run.machine.subnets import Claim
    from kubesvc.state.saved import Saved

_MAX_ORIGINS = 10
"""Most files and folders that are remembered; the oldest are dropped."""


def run_up(options: UpOptions) -> int:
    """Run the command and return the exit status."""
    # The objects of a start live on; collecting garbage among them is a tenth of the time until ready.
    gc.disable()
    console = open_console()
    seen = look(options.paths) if options.is_watching else {}
    is_running = options.state.owner() is not None
    try:
        _check_working_directory()
        saved = _read_saved(options)
        claim = _claim(options, is_running=is_running)
    except ValueError as error:
        console.warn(f"kubesvc: {error}")
        return EXIT_FAILED
    plan = claim.plan if claim is not None else USUAL
    prepared = prepare(options.paths, sys.stdin or StringIO(), saved, is_running=is_running, plan=plan)
    if prepared.faults or is_running:
        console.warn(*_warnings(options, prepared))
    if prepared.faults:
        return _refuse(prepared, console, "applied" if is_running else "started")
    if is_running:
        from kubesvc.terminal.up.running import apply_to_running

        return apply_to_running(options, prepared, console)
    with claim or nullcontext():
        return _start_prepared(options, prepared, saved, seen, console)


def _check_working_directory() -> None:
    """Raise ValueError if the working directory does not exist any more: pods without workingDir run there."""
    try:
        os.getcwd()  # noqa: PTH109  Path.cwd asks the same
    except OSError as error:
        message = f"the working directory cannot be used ({error.strerror}); cd to one that exists"
        raise ValueError(message) from None


def _claim(options: UpOptions, *, is_running: bool) -> Claim | None:
    """Return the address ranges of the cluster's own, None if it has none; SubnetsError, a ValueError."""
    if not (options.subnets or options.is_exact or has_own_plan(options.state)):
        return None
    # Imported here, because most clusters have the usual addresses.
    from kubesvc.run.machine.subnets import Claim, claim

    if is_running:
        return Claim(kept_plan(options.state))
    return claim(options.state, options.subnets, is_exact=options.is_exact)


def _sandbox_mode(options: UpOptions, configuration: ClusterConfiguration) -> SandboxMode:
    """Return whether pods get sandboxes; SandboxError, or SubnetsError if there are objects of another plan."""
    if options.has_host_routes and not configuration.plan.is_exact:
        message = "--host-routes is for the exact plan (--exact): 127.0.0.0/8 needs no routes on this machine"
        raise SandboxError(message)
    if configuration.plan.is_exact or has_own_plan(options.state):
        from kubesvc.run.machine.subnets import check_kept

        check_kept(options.state, configuration.plan)
    wish = Wish.of(options.sandbox, configuration.sandbox, kept_sandbox(options.state))
    return find_mode(wish, is_exact=configuration.plan.is_exact)


def _warnings(options: UpOptions, prepared: Prepared) -> list[str]:
    """Return the warnings about the input, by what pods get as far as that is known now."""
    try:
        has_sandboxes = _sandbox_mode(options, prepared.configuration).has_sandboxes
    except ValueError:
        has_sandboxes = False
    return [f"Warning: {each}" for each in prepared.warnings(has_sandboxes=has_sandboxes)]


def _refuse(prepared: Prepared, console: Console, done: str) -> int:
    count = counted(len(prepared.faults), "fault")
    console.warn(*map(str, prepared.faults), f"kubesvc: {count} found, nothing was {done}")
    return EXIT_BAD_INPUT


def _start_prepared(options: UpOptions, prepared: Prepared, saved: Saved | None, seen: Seen, console: Console) -> int:
    try:
        start = _up_start(options, prepared, saved, seen, console)
    except ValueError as error:
        console.warn(f"kubesvc: {error}")
        return EXIT_FAILED
    return _start(start)


def _up_start(options: UpOptions, prepared: Prepared, saved: Saved | None, seen: Seen, console: Console) -> UpStart:
    news = _news(options, saved, prepared)
    prepared = prepared._replace(configuration=_with_proxy(prepared.configuration, options))
    if not options.is_watching:
        # The documents are needed only to compare edits with them.
        prepared = prepared._replace(loaded=Loaded())
    start = Start(
        prepared,
        options.state,
        _origins(options, saved),
        saved.lost if saved is not None else (),
        Path.home() / ".kube" / "config" if options.is_merging else None,
        _sandbox_mode(options, prepared.configuration),
        options.has_host_routes,
    )
    return UpStart(options, start, console, seen, news)


def _start(up: UpStart) -> int:
    """Start the cluster, here or in the background."""

    def run(up: UpStart) -> int:
        status = serve(up)
        # None: another `up` has started the cluster since this one looked; so apply the manifests to that.
        return run_up(up.options) if status is None else status

    def run_in_background(caller: Caller) -> int:
        return run(up._replace(console=caller.console, caller=caller))

    return detach(run_in_background, up.console) if up.options.is_detached else run(up)


def _news(options: UpOptions, saved: Saved | None, prepared: Prepared) -> list[str]:
    """Return sentences about saved objects: unreadable, not in the input, or outside the configured subnets."""
    if saved is None:
        return []
    from kubesvc.state.resume import goes_on, outside_subnets, without

    said = goes_on(options.state.name, saved, prepared.loaded.documents)
    subnets = outside_subnets(saved, prepared.configuration.networking.service_cidr)
    return [*without(saved.lost, options.state.lost), *filter(None, (said, subnets))]


def _origins(options: UpOptions, saved: Saved | None) -> list[str]:
    """Return the files and folders that the objects come from, each once, the newest last."""
    here = [f"standard input in {Path.cwd()}" if each == "-" else str(Path(each).resolve()) for each in options.paths]
    before = [each for each in saved.origins if each not in here] if saved is not None else []
    return [*before, *here][-_MAX_ORIGINS:]


def _with_proxy(configuration: ClusterConfiguration, options: UpOptions) -> ClusterConfiguration:
    """Return the configuration with what the command line says of the proxy."""
    proxy = configuration.proxy
    workers, mode = options.proxy_workers or proxy.workers, options.proxy_mode or proxy.mode
    return replace(configuration, proxy=replace(proxy, workers=workers, mode=mode))


def _read_saved(options: UpOptions) -> Saved | None:
    """Return the saved state of the last run; UnreadableStateError, a ValueError."""
    if not options.state.database.exists():
        return None
    from kubesvc.state.saved import read_saved

    return read_saved(options.state.database, f"`kubesvc down --purge{options.state.option}` deletes it")


def _fill_standard_streams() -> None:
    """Open /dev/null for closed descriptors 0 to 2, so that no lock or socket gets such a number."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)


def open_console() -> Console:
    """Return the console of this process, whatever its standard streams are."""
    _fill_standard_streams()
    return Console(sys.stdout or _nowhere(), sys.stderr or _nowhere())


def _nowhere() -> TextIO:
    return Path(os.devnull).open("w")
