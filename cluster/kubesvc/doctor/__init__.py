"""`kubesvc doctor`: what this machine allows, and how to fix what it does not.

``machine`` reads the machine; the pure functions of ``checks`` judge the readings.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from kubeapi.meta import JSON
from kubeapi.scheme import SERVICES
from kubemanifest.faults import Fault
from kubesvc.config import ClusterConfiguration, read_configuration
from kubesvc.control.client import ControlClient, RefusedError, UnreachableError
from kubesvc.doctor.abilities import read_abilities
from kubesvc.doctor.checks import check_cluster, check_machine, report_document
from kubesvc.doctor.finding import Check
from kubesvc.doctor.machine import ClusterState, read_machine
from kubesvc.doctor.sandboxes import check_mode, check_sandboxes
from kubesvc.doctor.wanted import wanted_sockets
from kubesvc.network.loopback import LoopbackNetwork
from kubesvc.run.input.prepare import prepare
from kubesvc.run.machine.sandboxmode import NAMESPACES
from kubesvc.state.directory import StateDirectory
from kubesvc.state.kept import kept_plan

__all__ = ["run_doctor"]


def run_doctor(paths: Sequence[str], state: StateDirectory) -> dict[str, Any]:
    """Examine the machine for the manifests (none: the defaults) and return the report (`doctor -o json`)."""
    plan = kept_plan(state)
    configuration, services, checks = read_configuration(None, plan=plan).configuration, list[JSON](), list[Check]()
    if paths:
        prepared = prepare(paths, sys.stdin, plan=plan)
        checks += [_check_fault(each) for each in prepared.faults]
        if not prepared.faults:
            configuration = prepared.configuration
            services = prepared.loaded.objects(SERVICES)
    checks += _examine(configuration, services, state)
    status = _status(state)
    if status is not None:
        checks += [*check_mode(**status["sandbox"]), *check_cluster(status["problems"])]
    return report_document(checks)


def _check_fault(fault: Fault) -> Check:
    where = f"{fault.source}:{fault.line}:{fault.column}"
    return Check("manifests", where, "fail", str(fault).partition("\n    ")[0], fault.hint)


def _examine(configuration: ClusterConfiguration, services: Sequence[JSON], state: StateDirectory) -> list[Check]:
    network = LoopbackNetwork.of(configuration)
    wanted = wanted_sockets(configuration, services, network)
    machine = read_machine(configuration, _clusters(state), {each.port for each in wanted})
    are_required = configuration.plan.is_exact or configuration.sandbox == NAMESPACES
    sandboxes = check_sandboxes(read_abilities(), are_required=are_required)
    return [*check_machine(machine, configuration, wanted, state.owner()), *sandboxes]


def _status(state: StateDirectory) -> dict[str, Any] | None:
    """Return the status document of the running cluster, None if it does not run or answer."""
    if state.owner() is None:
        return None
    try:
        return ControlClient(state).status()
    except (UnreachableError, RefusedError):
        return None


def _clusters(state: StateDirectory) -> tuple[ClusterState, ...]:
    root = state.path.parent
    if not root.is_dir():
        return ()
    states = [StateDirectory(each.name, root) for each in sorted(root.iterdir()) if each.is_dir()]
    return tuple(ClusterState(each.name, each.owner(), each.control_socket.exists()) for each in states)
