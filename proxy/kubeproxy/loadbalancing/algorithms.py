"""Which algorithm chooses for a Service port, by its annotations and the cluster's default. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from kubeapi.balancing import HASH_ON, HttpPart, Option, OptionsError, Value, http_part, meant_balancer, read_options
from kubeproxy.balancers import BALANCERS, NAMES, all_options
from kubeproxy.types import ServicePort


class Algorithm(NamedTuple):
    """An algorithm's name, with its options: those that all have are there only if one is written.

    ``has_options``: an option differs from its default.
    """

    name: str
    options: tuple[tuple[str, Value], ...] = ()
    has_options: bool = False

    @property
    def hashed_part(self) -> HttpPart | None:
        """The part of HTTP requests that it hashes, None if it hashes none."""
        return http_part(self._hashed)

    @property
    def hashes_port(self) -> bool:
        """Whether it hashes the client's port, which nobody knows beforehand."""
        return self._hashed == "source_port"

    @property
    def _hashed(self) -> str:
        return next((str(value) for name, value in self.options if name == HASH_ON), "")


def algorithm_of(service_port: ServicePort, default: str) -> Algorithm:
    """Return the algorithm that chooses for a Service port: the default if it asks for none, or for an impossible one.

    The API server refuses what is impossible; ``why_no_algorithm`` tells of what came in all the same.
    """
    name, text = service_port.balancer or default, service_port.balancer_options
    if why_no_algorithm(service_port, default):
        name, text = default, ""
    algorithm = BALANCERS[name]
    if not text:
        return Algorithm(algorithm.name, tuple(read_options("", algorithm.options).items()))
    options, defaults = (read_options(each, all_options(algorithm)) for each in (text, ""))
    return Algorithm(algorithm.name, tuple(options.items()), options != defaults)


def why_no_algorithm(service_port: ServicePort, default: str) -> str:
    """Return why a Service port cannot have what it asks for, "" if it can."""
    return why_no_balancer(service_port.balancer or default, service_port.balancer_options)


def why_no_balancer(name: str, options: str) -> str:
    """Return why there is no algorithm of a name with these options (JSON), "" if there is."""
    if name not in BALANCERS:
        return unknown_balancer(name)
    if not options:
        return ""
    try:
        read_options(options, all_options(BALANCERS[name]))
    except OptionsError as error:
        return f"balancer {name}: {error}"
    return ""


class KnownOptions(Mapping[str, tuple[Option, ...]]):
    """The options of every algorithm by name and alias, for the API server; read when they are first asked for."""

    def __getitem__(self, name: str) -> tuple[Option, ...]:
        return all_options(BALANCERS[name])

    def __contains__(self, name: object) -> bool:
        return name in BALANCERS

    def __iter__(self) -> Iterator[str]:
        return iter(BALANCERS)

    def __len__(self) -> int:
        return len(BALANCERS)


def unknown_balancer(name: str) -> str:
    """Return the message that refuses an unknown algorithm."""
    names = ", ".join(NAMES)
    question = meant_balancer(name, BALANCERS)
    return f"unknown balancer {name!r}: supported values: {names}" + (f"; {question}" if question else "")
