"""Manifests as text, read as the command line would read them."""

from __future__ import annotations

import io
import random
from textwrap import dedent

from kubeapi.registry import Registry, RegistryConfig, bootstrap
from kubeapi.store import Store
from kubemanifest.documents import Loaded
from kubemanifest.loading import load
from kubesvc.config import ConfigurationReading, read_configuration


def load_text(text: str) -> Loaded:
    """Read a text from standard input."""
    return load(["-"], io.StringIO(dedent(text)))


def printed_faults(text: str) -> list[str]:
    """Return what is printed for the faults of a text."""
    return [str(fault) for fault in load_text(text).faults]


def configured(text: str) -> ConfigurationReading:
    """Read a ClusterConfiguration from its fields."""
    head = "apiVersion: kubesvc.dev/v1alpha1\nkind: ClusterConfiguration\n"
    loaded = load_text(head + dedent(text))
    assert loaded.configuration is not None, loaded.faults
    assert not loaded.faults
    return read_configuration(loaded.configuration)


def new_registry(service_cidr: str = "127.96.0.0/12") -> Registry:
    """Return a Registry on an empty Store with what every cluster has, and a clock that stands still."""
    config = RegistryConfig(service_cidr=service_cidr)
    registry = Registry(Store(), config, clock=lambda: 1_700_000_000.0, rng=random.Random(1))
    bootstrap(registry)
    return registry
