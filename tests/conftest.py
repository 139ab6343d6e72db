"""What every test stands on: its network, its signals, its patience with Hypothesis."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from tests.helpers.default_addresses import taken
from tests.helpers.network_namespace import (
    enter_own_network,
    left_in_network,
    let_children_have_own_networks,
    may_have_own_network,
)
from tests.helpers.patience import PATIENCE
from tests.helpers.turns import take_turn

from kubehost.io.cgroups import find_delegation
from kubelet.pod.limitedresources import LIMITED_RESOURCES

MAX_PROCESSES = 4
"""More do not help: what is left then is the longest file."""
WAITING_PROCESSES = 2
"""Beyond the cores: a third of the time a test waits for others. With 2 on two cores 304 s, with 1 331 s."""
LONG_FIRST = ("oracle", "behaviour", "kubectl", "clients")
TESTS = Path(__file__).parent
TURN = pytest.StashKey[socket.socket]()

# No test may fail for the time that it takes, and what passed today passes tomorrow: no deadline, no health check that
# measures time, examples that depend on the test alone.
settings.register_profile("kubesvc", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("kubesvc")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Have a process for each core and two more, if each can have a network of its own; else all tests run in one."""
    wanted = len(os.sched_getaffinity(0)) + WAITING_PROCESSES
    return min(wanted, MAX_PROCESSES) if may_have_own_network() else 0


def pytest_configure(config: pytest.Config) -> None:
    """Set what a process inherits: how it takes signals, bytecode, and its network, its own where that may be.

    A shell has what it runs in the background ignore Ctrl-C; nohup has it ignore that the terminal is gone. SIGTERM
    ends a run as Ctrl-C does: fixtures are torn down, so that no cluster stays behind.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    # A run starts a thousand interpreters. Without bytecode each of them compiles what it imports: 0.3 s for a cluster.
    sys.dont_write_bytecode = False
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    # kubectl's garbage collection is a fifth of most commands; this lets its heap grow to 20 MiB before the first one.
    os.environ.setdefault("GOGC", "400")
    has_processes = bool(getattr(config.option, "numprocesses", None))
    if hasattr(config, "workerinput"):
        enter_own_network()
    elif not may_have_own_network():
        if has_processes:
            raise pytest.UsageError("-n: this user may not make network namespaces, which each process needs")
    elif has_processes:
        let_children_have_own_networks()
    else:
        enter_own_network()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out the tests that need programs of others, unless they are named: a real control plane's, and Helm."""
    for folder in ("cluster", "helm"):
        if collection_path == TESTS / folder and not any(f"tests/{folder}" in each for each in config.args):
            return True
    return None


def pytest_report_header() -> str:
    """Say whether tests of pods' resources see them bounded by the kernel, or only that they are not."""
    found = find_delegation()
    missing = ", ".join(sorted(LIMITED_RESOURCES.difference(found.controllers)))
    why = f"not bounded here, which is all that tests of them see: {found.why_not or f'no controller for {missing}'}"
    return f"resources of pods: {why}" if missing else f"resources of pods: bounded by groups in {found.folder}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the long files, so that no process is left with one at the end; the rest stays in its order."""
    long = {folder: place for place, folder in enumerate(LONG_FIRST)}
    items.sort(key=lambda item: long.get(item.path.relative_to(TESTS).parts[0], len(long)))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Wait for other tests in this network; say in one sentence why the run cannot be, not in a hundred failures."""
    config = session.config
    if config.option.collectonly or not session.items:
        return
    config.stash[TURN] = take_turn(lambda words: _say(config, words))
    needs_them = any("default_addresses" in getattr(item, "fixturenames", ()) for item in session.items)
    if needs_them and (holder := taken()):
        pytest.exit(f"{holder}: the tests need the default addresses; stop that cluster (`kubesvc down`) first", 1)


def _say(config: pytest.Config, words: str) -> None:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None:
        reporter.write(f"\n{words}\n", flush=True)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Let the next one have its turn."""
    if TURN in config.stash:
        config.stash[TURN].close()


@pytest.fixture(scope="session", autouse=True)
def closed_main_loop() -> Iterator[None]:
    """Own the loop that pytest-asyncio asks of the main thread and never closes, which would be a ResourceWarning."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    asyncio.set_event_loop(None)
    loop.close()


@pytest.fixture
def wanted_failures() -> None:
    """Mark a test that makes a component fail."""


@pytest.fixture(autouse=True)
def no_hidden_failure(caplog: pytest.LogCaptureFixture, request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test in which a component has met a failure and gone on, unless it has ``wanted_failures``."""
    yield
    if "wanted_failures" in request.fixturenames:
        return
    failures = [each.getMessage() for each in caplog.get_records("call") if each.name == "kubeapi.failures"]
    assert not failures, failures


@pytest.fixture(scope="module", autouse=True)
def network_as_it_was() -> Iterator[None]:
    """Fail a file that leaves addresses, routes or links in the tests' network: another file has that next."""
    before = left_in_network()
    yield
    deadline = time.monotonic() + PATIENCE
    while may_have_own_network() and (new := left_in_network() - before):
        assert time.monotonic() < deadline, new
        time.sleep(0.02)


@pytest.fixture(scope="session")
def default_addresses() -> None:
    """Mark what runs on the addresses that a cluster has by default: nobody else may have them meanwhile."""
