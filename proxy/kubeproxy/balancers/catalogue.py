"""Where each algorithm is: its file is imported when it is first asked for, because most clusters use one or two."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from importlib import import_module
from typing import NamedTuple

from kubeproxy.balancers.balancer import Balancer


class Place(NamedTuple):
    """The ``module`` of this package that has an algorithm, and the algorithm's ``aliases``."""

    module: str
    aliases: tuple[str, ...] = ()


PLACES = {
    "aperture": Place("aperture"),
    "dh": Place("ipvs.hashed", ("ipvs_dh",)),
    "first": Place("first", ("haproxy_first",)),
    "fo": Place("ipvs.least", ("ipvs_fo",)),
    "haproxy_hash": Place("haproxy.hash"),
    "haproxy_leastconn": Place("haproxy.leastconn"),
    "haproxy_random": Place("haproxy.random_choice"),
    "haproxy_roundrobin": Place("haproxy.roundrobin"),
    "haproxy_static_rr": Place("haproxy.static_rr"),
    "join_idle_queue": Place("join_idle_queue", ("jiq",)),
    "lblc": Place("ipvs.locality", ("ipvs_lblc",)),
    "lblcr": Place("ipvs.locality", ("ipvs_lblcr",)),
    "lc": Place("ipvs.least", ("ipvs_lc",)),
    "least_connections": Place("least_connections"),
    "least_request": Place("envoy.least_request", ("p2c", "envoy_least_request")),
    "maglev": Place("envoy.maglev", ("envoy_maglev",)),
    "mh": Place("ipvs.maglev", ("ipvs_mh",)),
    "nginx_consistent_hash": Place("nginx.consistent_hash"),
    "nginx_hash": Place("nginx.hash"),
    "nginx_ip_hash": Place("nginx.ip_hash"),
    "nginx_least_conn": Place("nginx.least_conn"),
    "nginx_random": Place("nginx.random_choice"),
    "nginx_random_two": Place("nginx.random_choice"),
    "nq": Place("ipvs.least", ("ipvs_nq",)),
    "ovf": Place("ipvs.least", ("ipvs_ovf",)),
    "peak_ewma": Place("peak_ewma"),
    "prequal": Place("prequal"),
    "random": Place("random_choice", ("envoy_random",)),
    "rendezvous": Place("envoy.rendezvous", ("hrw",)),
    "ring_hash": Place("envoy.ring_hash", ("envoy_ring_hash",)),
    "round_robin": Place("round_robin"),
    "rr": Place("ipvs.rotation", ("ipvs_rr",)),
    "sed": Place("ipvs.least", ("ipvs_sed",)),
    "sh": Place("ipvs.hashed", ("ipvs_sh",)),
    "twos": Place("ipvs.twos", ("ipvs_twos",)),
    "weighted_edf": Place("envoy.weighted_edf", ("envoy_round_robin",)),
    "weighted_round_robin": Place("weighted_round_robin", ("nginx_weighted",)),
    "wlc": Place("ipvs.least", ("ipvs_wlc",)),
    "wrr": Place("ipvs.rotation", ("ipvs_wrr",)),
}
"""By name; a test holds it against the files."""


class Catalogue(MutableMapping[str, type[Balancer]]):
    """The algorithms by name and alias."""

    def __init__(self, places: dict[str, Place]) -> None:
        self._places = {alias: place for name, place in places.items() for alias in (name, *place.aliases)}
        self._names = {alias: name for name, place in places.items() for alias in (name, *place.aliases)}
        self._found: dict[str, type[Balancer]] = {}

    def __getitem__(self, name: str) -> type[Balancer]:
        if name not in self._found:
            module = import_module(f"{__package__}.{self._places[name].module}")
            self._found[name] = next(each for each in vars(module).values() if _is_named(each, self._names[name]))
        return self._found[name]

    def __contains__(self, name: object) -> bool:
        return name in self._places or name in self._found

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys((*self._places, *self._found)))

    def __len__(self) -> int:
        return len(self._places.keys() | self._found.keys())

    def __setitem__(self, name: str, algorithm: type[Balancer]) -> None:
        self._found[name] = algorithm

    def __delitem__(self, name: str) -> None:
        del self._found[name]


def _is_named(each: object, name: str) -> bool:
    return isinstance(each, type) and issubclass(each, Balancer) and getattr(each, "name", "") == name
