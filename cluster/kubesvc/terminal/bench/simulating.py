"""`kubesvc bench --simulate`: reads what is simulated, simulates it, prints and writes the report."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import click

from kubelet.servers.backend.behaviour import replayed_paths
from kubelet.servers.backend.sampling import ReplayError, parse_times
from kubemanifest.loading import load
from kubeproxy.balancers import Options
from kubesvc.bench.simulating import (
    SimulatedService,
    SimulationError,
    algorithm_of,
    service_of_backends,
    service_of_cluster,
    service_of_manifest,
)
from kubesvc.bench.target import read_wanted
from kubesvc.config.model import ProxySettings
from kubesvc.terminal.arguments import ask, fail
from kubesvc.terminal.bench.arguments import BenchArguments
from kubesvc.terminal.bench.comparing import ended as comparison_ended
from kubesvc.terminal.bench.comparing import telling_in_place
from kubesvc.terminal.bench.reports import asked_of
from kubesvc.terminal.bench.running import arrivals_of, ended, positive, said
from svcbench.arrivals import Profile, Schedule, constant
from svcbench.compare.contenders import read_contender
from svcbench.compare.measuring import compare
from svcbench.compare.plan import Trial
from svcbench.load.plan import MOST_CLIENTS
from svcbench.results import Run
from svcbench.simulation.measuring import simulate
from svcbench.simulation.scenario import Scenario

MOST_REQUESTS = 10_000_000
"""Of one run; each takes about 150 bytes."""


def run_simulation(service: str, given: BenchArguments) -> int:
    """Return the exit status."""
    check_simulated(given)
    try:
        asked = asked_of(given)
        scenario = scenario_of(service, given)
    except SimulationError as error:
        fail(str(error))
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    if not asked.contenders:
        return ended(simulate(scenario), asked)

    def run(trial: Trial) -> Run:
        name, options = algorithm_of(trial.contender.name, trial.contender.options)
        return simulate(replace(scenario, algorithm=name, options=options, seed=trial.seed))

    with telling_in_place() as tell:
        found = compare(asked.contenders, asked.blocks, given["seed"], run, tell)
    return comparison_ended(found, said(), None, asked)


def check_simulated(given: BenchArguments) -> None:
    """Raise UsageError for what only sockets have."""
    only = {
        "--tcp": given["is_tcp"],
        "--udp": given["is_udp"],
        "--dns": given["dns_name"],
        "--payload": given["payload"],
        "--new-connections": given["has_new_connections"],
        "--inside": given["is_inside"],
    }
    for option, value in only.items():
        if value:
            raise click.UsageError(f"{option} is about sockets, and a simulation sends nothing")


def scenario_of(service: str, given: BenchArguments) -> Scenario:
    """Return what is simulated; ValueError, SimulationError."""
    described = _described(service, given)
    if described.affinity:
        click.echo(f"{described.name}: the simulation leaves out its {described.affinity}", err=True)
    name, options = _algorithm(described, given["balancer"])
    return Scenario(
        pods=described.pods,
        algorithm=name,
        schedule=_schedule(given),
        options=options,
        clients=given["clients"],
        keys=_keys(given),
        sources=given["sources"],
        connections=given["closed"] or (given["most_connections"] if given["most_connections"] < MOST_CLIENTS else 0),
        is_closed=bool(given["closed"]),
        delay=given["delay"],
        timeout=positive(given["timeout"], "--timeout"),
        warmup=given["warmup"],
        seed=given["seed"],
        target=described.name,
        command=said(),
        replayed=_replayed(described),
    )


def _algorithm(described: SimulatedService, override: str) -> tuple[str, Options]:
    if not override:
        return algorithm_of(described.balancer, described.options)
    contender = read_contender(override)
    return algorithm_of(contender.name, contender.options)


def _keys(given: BenchArguments) -> int:
    """Return how many keys requests have, as sockets fill in for {}."""
    return given["keys"] if any("{}" in each for each in (given["path"] or "", *given["headers"])) else 0


def _schedule(given: BenchArguments) -> Schedule:
    seconds = positive(given["duration"], "--duration")
    schedule = arrivals_of(given).schedule(seconds, given["warmup"])
    if schedule is None:  # a closed loop only needs to know how long it lasts
        return Profile(constant(1, seconds + given["warmup"]))
    if schedule.offered() * schedule.seconds > MOST_REQUESTS:
        message = f"a simulation has at most {MOST_REQUESTS:,} requests: ask for a lower rate or a shorter time"
        raise SimulationError(message)
    return schedule


def _described(service: str, given: BenchArguments) -> SimulatedService:
    default = ProxySettings().balancer
    if given["backends"]:
        if service:
            message = f"--backends takes the place of {service}: name one of them"
            raise ValueError(message)
        return service_of_backends(given["backends"], default)
    name, _ = read_wanted(service)
    if given["file"]:
        loaded = load([given["file"]], sys.stdin)
        if loaded.faults:
            fail("\n".join(map(str, loaded.faults)), 2)
        return service_of_manifest(name, given["namespace"], loaded.documents, default)
    return service_of_cluster(name, ask(given["name"], lambda cluster: cluster.simulated(given["namespace"], name)))


def _replayed(described: SimulatedService) -> dict[str, list[float]]:
    """Return the times in the files that the pods replay, read on this machine."""
    paths = {path for pod in described.pods for path in replayed_paths(pod.model)}
    try:
        return {path: parse_times(Path(path).read_text(), path) for path in sorted(paths)}
    except ReplayError as error:
        raise SimulationError(str(error)) from None
    except (OSError, UnicodeDecodeError) as error:
        message = f"{getattr(error, 'filename', None) or 'replay'}: {getattr(error, 'strerror', None) or error}"
        raise SimulationError(message) from None
