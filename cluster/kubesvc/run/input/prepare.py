"""Turns the input into a Registry that holds every object, before anything is started.

All documents are applied to a Store, which finds their faults at once: unknown fields, bad values, addresses and node
ports that collide. The Store is empty at first, or has the saved objects of the last run; in the end it is the first
state of the cluster.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from random import Random
from typing import TYPE_CHECKING, NamedTuple, TextIO

from kubeapi.kinds import kind_of
from kubeapi.meta import JSON
from kubeapi.registry import Registry, RegistryConfig, bootstrap
from kubeapi.status import FieldError
from kubeapi.store import Store
from kubehost.io.cgroups import find_delegation
from kubelet.pod.limitedresources import LIMITED_RESOURCES
from kubemanifest.applying import with_objects
from kubemanifest.documents import Document, Loaded
from kubemanifest.faults import Fault
from kubemanifest.loading import load, load_text
from kubeproxy.balancers import BALANCERS, NAMES
from kubeproxy.loadbalancing.algorithms import KnownOptions
from kubesvc.addresses.plan import USUAL, AddressPlan
from kubesvc.config import ClusterConfiguration, read_configuration
from kubesvc.network.translation import translate
from kubesvc.run.input.rehearsal import NOTHING, Rehearsed, rehearse

if TYPE_CHECKING:
    from kubesvc.state.saved import Saved


class Prepared(NamedTuple):
    """The prepared input. ``registry`` is usable only if there are no ``faults``."""

    loaded: Loaded
    configuration: ClusterConfiguration
    registry: Registry
    faults: Sequence[Fault]
    notes: Sequence[Fault]
    """Warnings about the input."""
    not_emulated: Mapping[bool, Sequence[Fault]]
    """The API's warnings about the documents if pods have sandboxes, and if not."""
    configuration_text: str = ""
    """The ClusterConfiguration as JSON, for the next run that is given none."""
    unused: ClusterConfiguration | None = None
    """The configuration of the input, if the running cluster keeps its own instead."""
    rehearsed: Rehearsed = NOTHING
    """What has come of the documents; a running cluster warns itself of what policies warn of."""

    def warnings(self, *, has_sandboxes: bool) -> list[Fault]:
        """Return all warnings about the input, sorted."""
        return sorted([*self.notes, *self.not_emulated[has_sandboxes]])


def prepare(
    paths: Sequence[str],
    stdin: TextIO,
    saved: Saved | None = None,
    *,
    is_running: bool = False,
    plan: AddressPlan = USUAL,
) -> Prepared:
    """Read files, folders and ``-`` (``stdin``), then as ``prepare_loaded``."""
    return prepare_loaded(load(paths, stdin) if paths else Loaded(), saved, is_running=is_running, plan=plan)


def prepare_loaded(
    loaded: Loaded, saved: Saved | None = None, *, is_running: bool = False, plan: AddressPlan = USUAL
) -> Prepared:
    """Translate all documents and apply them to an empty Store, or to the saved one.

    A cluster that runs keeps its configuration; that of the input is only checked. It also reviews what it is given.
    """
    given, is_kept = loaded.configuration, is_running and saved is not None
    if saved is not None and (given is None or is_kept):
        own = load_text(saved.configuration, "the saved configuration").configuration if saved.configuration else None
        loaded = loaded._replace(configuration=own)
    configuration, faults, notes = read_configuration(loaded.configuration, plan)
    unused, wrong, more = read_configuration(given if is_kept else None, plan)
    documents, warnings = with_objects(loaded.documents, partial(adapted, configuration.plan))
    registry = _new_registry(configuration, _first_store(configuration, saved))
    faults = (*faults, *wrong)
    rehearsed = NOTHING if faults else _rehearse(registry, configuration, documents, is_reviewed=not is_running)
    faults = (*faults, *(each for each in rehearsed.faults if not (loaded.is_partial and _misses_namespace(each))))
    return Prepared(
        loaded._replace(documents=documents),
        configuration,
        registry,
        sorted([*loaded.faults, *faults]),
        [*loaded.warnings, *notes, *more, *warnings],
        {mode: _warnings(registry, documents, has_sandboxes=mode) for mode in (False, True)},
        json.dumps(loaded.configuration.obj) if loaded.configuration is not None else "",
        unused if is_kept and given is not None else None,
        rehearsed,
    )


def _rehearse(
    registry: Registry, configuration: ClusterConfiguration, documents: Sequence[Document], *, is_reviewed: bool
) -> Rehearsed:
    """Apply the documents, also if some have faults."""
    bootstrap(registry, cluster_dns=configuration.networking.dns_address)
    return rehearse(registry, documents, is_reviewed=is_reviewed)


def _warnings(registry: Registry, documents: Sequence[Document], *, has_sandboxes: bool) -> list[Fault]:
    """Return the API's warnings about the documents (fields of pods that are not emulated ...), with positions."""
    config = replace(registry.config, has_sandboxes=has_sandboxes)
    stored = ((each, registry.store.find(each.resource, each.key)) for each in documents)
    return [
        each.fault(note) for each, obj in stored if obj for note in kind_of(each.resource).warnings(None, obj, config)
    ]


def _first_store(configuration: ClusterConfiguration, saved: Saved | None) -> Store:
    if saved is None:
        return Store(clock=time.monotonic)
    # Imported here, because most starts have no saved objects.
    from kubesvc.state.resume import resumed_store

    return resumed_store(saved, [each.name for each in configuration.nodes], time.time(), time.monotonic)


def _misses_namespace(fault: Fault) -> bool:
    """Tell whether a fault may only follow from a Namespace that could not be read."""
    return fault.field == "metadata.namespace" and fault.message.endswith(" not found")


def _new_registry(configuration: ClusterConfiguration, store: Store) -> Registry:
    """Return the Registry of a Store, with the settings of the configuration."""
    networking = configuration.networking
    config = RegistryConfig(
        service_cidr=networking.service_cidr,
        node_port_range=networking.node_port_range,
        balancers=KnownOptions(),
        balancer_aliases=BALANCERS.keys() - NAMES,
        default_balancer=configuration.proxy.balancer,
        has_all_ids=os.geteuid() == 0,
        limited_resources=LIMITED_RESOURCES.intersection(find_delegation().controllers),
    )
    return Registry(store, config, clock=time.time, rng=Random())


def adapted(plan: AddressPlan, obj: JSON) -> tuple[JSON, list[FieldError]]:
    """Return an object with its addresses on this machine, and a warning for each that has changed."""
    translated, notes = translate(obj, plan)
    return translated, [note.warning() for note in notes]
