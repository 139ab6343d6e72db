"""`kubesvc up` for a cluster that runs already: applies the manifests to it, waits until it is ready, and exits.

The documents have been checked here against the saved objects; the cluster checks them again.
"""

from __future__ import annotations

import dataclasses
import re
import time
from collections.abc import Iterator
from typing import Any

from kubemanifest.applying import in_order
from kubemanifest.documents import Document
from kubesvc.config import ClusterConfiguration
from kubesvc.control.client import ControlClient, RefusedError, UnreachableError
from kubesvc.run.changes.edits import all_faults, identity, read_refusal
from kubesvc.run.input.prepare import Prepared
from kubesvc.run.machine import sandboxmode
from kubesvc.state.kept import kept_sandbox
from kubesvc.terminal.console import (
    EXIT_BAD_INPUT,
    EXIT_FAILED,
    EXIT_NOT_READY,
    EXIT_WELL,
    Console,
    missing_lines,
)
from kubesvc.terminal.up.options import UpOptions
from kubesvc.wording import counted

_POLL_SECONDS = 0.05


def apply_to_running(options: UpOptions, prepared: Prepared, console: Console) -> int:
    """Apply the documents and return the exit status; warns of options that need a start."""
    _warn_of_start_options(options, prepared, console)
    documents = in_order(prepared.loaded.documents)
    try:
        _wait_for_control_socket(options)
        client = ControlClient(options.state, None)
        return _told(options, documents, client.apply([each.obj for each in documents], options.timeout), console)
    except (UnreachableError, RefusedError) as error:
        console.warn(f"kubesvc: {error}")
        return EXIT_FAILED


def _wait_for_control_socket(options: UpOptions) -> None:
    """Wait until a starting cluster answers; UnreachableError after the timeout, or when it has ended."""
    deadline = time.monotonic() + (options.timeout or float("inf"))
    while True:
        try:
            options.state.connect_socket(None).close()
        except OSError:
            if time.monotonic() > deadline or options.state.owner() is None:
                raise UnreachableError(ControlClient(options.state).why()) from None
            time.sleep(_POLL_SECONDS)
        else:
            return


def _told(options: UpOptions, documents: list[Document], answers: Iterator[dict[str, Any]], console: Console) -> int:
    by_identity = {tuple(identity(each)): each for each in documents}
    for answer in answers:
        console.say(*answer.get("applied", ()))
        if refused := answer.get("refused"):
            faults = all_faults(read_refusal(by_identity[tuple(each["object"])], each) for each in refused)
            count = counted(len(faults), "fault")
            rest = "the rest is applied" if answer["applied"] else "nothing was applied"
            console.warn(*map(str, faults), f"kubesvc: {count} found, {rest}")
            return EXIT_BAD_INPUT
        if "ready" in answer:
            console.warn(*(f"Warning: {each}" for each in answer["warnings"]))
            return _ended(options, answer, console)
    raise UnreachableError(f'cluster "{options.state.name}" closed the connection while it answered')


def _ended(options: UpOptions, answer: dict[str, Any], console: Console) -> int:
    name, option = options.state.name, options.state.option
    if not answer["ready"]:
        console.warn(*missing_lines(answer["waitingFor"], options.timeout, answer["lastWords"]))
    else:
        console.say("kubesvc: ready")
    console.warn(f"kubesvc: cluster {name} keeps running (pid {answer['pid']}); `kubesvc down{option}` ends it")
    return EXIT_WELL if answer["ready"] else EXIT_NOT_READY


def _warn_of_start_options(options: UpOptions, prepared: Prepared, console: Console) -> None:
    option = options.state.option
    how = f"`kubesvc down{option}`, then `kubesvc up{option}` with the same arguments"
    if prepared.unused is not None and (fields := [*differing(prepared.configuration, prepared.unused)]):
        console.warn(
            f"Warning: the ClusterConfiguration cannot change while the cluster runs: {', '.join(fields)} "
            f"{'stays' if len(fields) == 1 else 'stay'} as before; to change it: {how}"
        )
    asked = {
        "--watch": options.is_watching,
        "--proxy-workers": options.proxy_workers is not None,
        "--proxy-mode": options.proxy_mode is not None,
        "--merge-kubeconfig": options.is_merging,
        "--exact": options.is_exact and not prepared.configuration.plan.is_exact,
        "--host-routes": options.has_host_routes,
        "--sandbox": options.sandbox not in (None, kept_sandbox(options.state) or sandboxmode.DEFAULT),
        "--subnets": options.subnets not in (None, "auto" if prepared.configuration.plan.block else "default"),
    }
    if given := [each for each, is_set in asked.items() if is_set]:
        console.warn(f"Warning: {', '.join(given)} can be given only to a start, and the cluster runs already: {how}")


def differing(one: Any, other: Any, path: str = "") -> Iterator[str]:
    """Yield the names of the fields in which two configurations differ, as in the document."""
    for field in dataclasses.fields(ClusterConfiguration if not path else one):
        before, after = getattr(one, field.name), getattr(other, field.name)
        name = path + re.sub("_(.)", lambda found: found[1].upper(), field.name)
        if before == after:
            continue
        if dataclasses.is_dataclass(before):
            yield from differing(before, after, f"{name}.")
        else:
            yield name
