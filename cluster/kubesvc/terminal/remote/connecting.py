"""`kubesvc connect`: starts a cluster whose objects are another one's, here or in the background.

A second `connect` on one that runs only prints: `--hosts` and `--export` of what it shows.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kubeapi.meta import labels_of
from kubeapi.objects.endpointslice import HEADLESS_LABEL
from kubeapi.scheme import ENDPOINTSLICES, SERVICES
from kubeapi.watching import WatchEvent
from kubesvc.addresses.plan import USUAL
from kubesvc.control.client import ControlClient, RefusedError, UnreachableError
from kubesvc.remote.connect.hostsfile import HOSTS, HostsFile
from kubesvc.remote.connect.wanted import Wanted
from kubesvc.run.input.documents import load_documents
from kubesvc.run.input.prepare import Prepared, prepare_loaded
from kubesvc.run.machine.sandboxmode import NAMESPACES, Wish, find_mode
from kubesvc.run.start import Start
from kubesvc.state.directory import StateDirectory
from kubesvc.state.kept import has_own_plan
from kubesvc.terminal.console import EXIT_BAD_INPUT, EXIT_FAILED, EXIT_WELL, Console
from kubesvc.terminal.interrupts import end_as_by_ctrl_c
from kubesvc.terminal.text.mirror import export, hosts_lines, service_rows
from kubesvc.terminal.text.printers import moved_ports, not_carried, upstream_lines
from kubesvc.terminal.up.detach import Caller, detach
from kubesvc.terminal.up.foreground import serve
from kubesvc.terminal.up.options import UpOptions
from kubesvc.terminal.up.run import open_console
from kubesvc.terminal.up.start import UpStart

if TYPE_CHECKING:
    from kubeclient.io.client import APIClient
    from kubehost.network import Network
    from kubesvc.remote.connect.podports import Gateways
    from kubesvc.run.cluster import Cluster
    from kubesvc.run.machine.subnets import Claim
    from kubesvc.run.upstream import Surroundings, Upstream

Document = dict[str, Any]
SETTLE_SECONDS = 1.0
"""Pause after a change of the Services before /etc/hosts is written."""


@dataclass(frozen=True)
class ConnectOptions:
    """The arguments of `kubesvc connect`. ``timeout`` is in seconds, 0 waits for ever."""

    state: StateDirectory
    kubeconfig: Path | None
    context: str
    namespace: str
    is_everywhere: bool
    selector: str
    is_detached: bool
    timeout: float
    has_hosts: bool
    export: str
    zone: str
    subnets: str | None
    sandbox: str | None

    @property
    def wanted(self) -> Wanted:
        """What is to be shown of which cluster."""
        return Wanted(self.kubeconfig, self.context, self.namespace, self.is_everywhere, self.selector)


def run_connect(options: ConnectOptions) -> int:
    """Run the command and return the exit status."""
    console = open_console()
    state = options.state
    if state.owner() is not None:
        return _print_of_running(options, console)
    if state.database.exists():
        console.warn(
            f'kubesvc: cluster "{state.name}" has objects of its own, of earlier runs: give this one another name '
            f"(--name remote), or delete them: `kubesvc down --purge{state.option}`"
        )
        return EXIT_FAILED
    end_as_by_ctrl_c()  # until the session has handlers of its own: nothing is left of a start that is ended
    try:
        claim = _claim(options)
        with claim or nullcontext():
            return _connect(options, console, claim)
    except ValueError as error:
        console.warn(f"kubesvc: {error}")
        return EXIT_FAILED


def _print_of_running(options: ConnectOptions, console: Console) -> int:
    option = options.state.option
    try:
        document = ControlClient(options.state).status()
    except (UnreachableError, RefusedError) as error:
        console.warn(f"kubesvc: {error}")
        return EXIT_FAILED
    if document["upstream"]["context"] and (options.export or options.has_hosts):
        console.show(export(document, options.export) if options.export else "\n".join(hosts_lines(document)))
        return EXIT_WELL
    console.warn(
        f'kubesvc: cluster "{options.state.name}" runs already (pid {document["pid"]}): `kubesvc status{option}` shows '
        f"it, `kubesvc down{option}` ends it, another --name starts one beside it"
    )
    return EXIT_FAILED


def _claim(options: ConnectOptions) -> Claim | None:
    if not options.subnets and not has_own_plan(options.state):
        return None
    from kubesvc.run.machine.subnets import claim

    return claim(options.state, options.subnets)


def _connect(options: ConnectOptions, console: Console, claim: Claim | None) -> int:
    loaded = load_documents((), {"networking": {"dnsDomain": options.zone}})
    prepared = prepare_loaded(loaded, plan=claim.plan if claim is not None else USUAL)
    if prepared.faults:
        console.warn(f"kubesvc: --zone {options.zone}: {prepared.faults[0].message}")
        return EXIT_BAD_INPUT
    up = _up_start(options, prepared, console)

    def run_in_background(caller: Caller) -> int:
        return _serve(up._replace(console=caller.console, caller=caller))

    return detach(run_in_background, console) if options.is_detached else _serve(up)


def _serve(up: UpStart) -> int:
    status = serve(up)
    state = up.options.state
    if status is None:
        up.console.warn(f'kubesvc: cluster "{state.name}" has been started meanwhile')
        return EXIT_FAILED
    return status


def _up_start(options: ConnectOptions, prepared: Prepared, console: Console) -> UpStart:
    def make_upstream(surroundings: Surroundings) -> Upstream:
        from kubeclient.portforward.io.dialling import PortForwardDialler
        from kubesvc.remote.connect.gateways import PortForwardGateways
        from kubesvc.remote.connect.remotecluster import RemoteCluster

        def make_gateways(client: APIClient, network: Network) -> Gateways:
            return PortForwardGateways(PortForwardDialler(client).dial, network)

        return RemoteCluster(options.wanted, surroundings, make_gateways)

    mode = find_mode(Wish.of(options.sandbox, "", ""), is_exact=False)
    return UpStart(
        UpOptions((), options.state, options.is_detached, options.timeout, is_watching=False),
        Start(prepared, options.state, sandbox=mode, upstream=make_upstream),
        console,
        {},
        announce=lambda document, console: _announce(options, document, console),
        is_for_tools=bool(options.export),
        meanwhile=_keep_hosts if options.has_hosts and os.geteuid() == 0 else None,
    )


def _announce(options: ConnectOptions, document: Document, console: Console) -> None:
    if options.export:
        console.show(export(document, options.export))
        return
    option = options.state.option
    console.say(*upstream_lines(document), "")
    console.show(service_rows(document))
    if said := not_carried(document):
        console.say("", "Not carried:", *(f"  {each}" for each in said))
    if moved := moved_ports(document):
        console.say("", "Ports below 1024 need a privilege that this process does not have (`kubesvc doctor`):")
        console.say(*(f"  {each}" for each in moved))
    if options.has_hosts and os.geteuid() != 0:
        console.say("", f"For {HOSTS}, which only root may change:", *hosts_lines(document))
    dns = next((each for each in document["dns"]["addresses"] if not each["error"]), None)
    console.say("")
    if document["sandbox"]["mode"] == NAMESPACES:
        console.say(f"kubesvc run{option} -- COMMAND    a program that finds the Services by their names")
    if dns is not None:
        port = "" if dns["port"] == 53 else f" -p {dns['port']}"
        console.say(f"dig @{dns['address']}{port} NAME.NAMESPACE.svc.{document['dns']['zone']}", "")


async def _keep_hosts(cluster: Cluster, console: Console) -> None:
    """Keep the lines in /etc/hosts equal to the Services until cancelled, then remove them."""
    file, has_changed = HostsFile(cluster.state.name), asyncio.Event()
    has_changed.set()

    def note(event: WatchEvent) -> None:
        if event.object["kind"] == SERVICES.kind or HEADLESS_LABEL in labels_of(event.object):
            has_changed.set()

    store = cluster.store
    stops = [store.watch(each, store.resource_version, note) for each in (SERVICES, ENDPOINTSLICES)]
    try:
        while True:
            await has_changed.wait()
            has_changed.clear()
            _write(file, hosts_lines(cluster.status()), console)
            await asyncio.sleep(SETTLE_SECONDS)
    finally:
        for stop in stops:
            stop()
        _write(file, (), console)


def _write(file: HostsFile, lines: Any, console: Console) -> None:
    try:
        file.write(lines)
    except OSError as error:
        console.warn(f"kubesvc: {HOSTS} cannot be written: {error.strerror or error}")
