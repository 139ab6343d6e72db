"""What a Corefile says, plugin by plugin; the defaults are CoreDNS'. Zones () stand for those of the block. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, TypeVar

from kubehost.addresses import Address
from kubesvc.remote.corefile.names import Key
from kubesvc.remote.corefile.tokens import Token

T = TypeVar("T")


class Kubernetes(NamedTuple):
    """``kubernetes``: the cluster's names. ``fallthrough`` is None without it; selectors are "" for every object."""

    at: Token
    zones: tuple[str, ...] = ()
    pods: str = "disabled"
    ttl: int = 5
    namespaces: tuple[str, ...] = ()
    namespace_labels: str = ""
    labels: str = ""
    has_endpoints: bool = True
    ignores_empty_services: bool = False
    names_endpoints_by_pod: bool = False
    fallthrough: tuple[str, ...] = ()
    kubeconfig: str = ""
    context: str = ""


class Forward(NamedTuple):
    """``forward``: upstreams, or files in the form of resolv.conf, for the names in ``domain``.

    ``max_concurrent`` 0 is no limit; ``probe_interval`` is in seconds, 0 for no probes.
    """

    at: Token
    domain: str
    servers: tuple[Token, ...]
    excluded: tuple[str, ...] = ()
    policy: str = "random"
    max_concurrent: int = 0
    max_fails: int = 2
    probe_interval: float = 0.5
    read_timeout: float = 2.0
    is_tcp_only: bool = False


class Hosts(NamedTuple):
    """``hosts``: names with addresses, of lines in the Corefile and of a file that is read again when it changes."""

    at: Token
    file: str = "/etc/hosts"
    zones: tuple[str, ...] = ()
    entries: Mapping[str, tuple[str, ...]] = {}
    ttl: int = 3600
    has_reverse: bool = True
    reload_seconds: float = 5.0
    fallthrough: tuple[str, ...] = ()


class Cache(NamedTuple):
    """``cache``: how long, in seconds, replies of upstreams are kept, and how many of each kind."""

    at: Token
    zones: tuple[str, ...] = ()
    success_capacity: int = 9984
    success_ttl: int = 3600
    success_least: int = 5
    denial_capacity: int = 9984
    denial_ttl: int = 1800
    denial_least: int = 5
    failure_ttl: float = 5.0
    success_disabled: tuple[str, ...] = ()
    denial_disabled: tuple[str, ...] = ()


class Health(NamedTuple):
    """``health``: /health, and how many seconds to go on answering after the request to stop."""

    at: Token
    address: Address = ("", 8080)
    lameduck: float = 0.0


class Ready(NamedTuple):
    """``ready``: /ready; ``is_continuous`` if it may turn back."""

    at: Token
    address: Address = ("", 8181)
    is_continuous: bool = False


class Prometheus(NamedTuple):
    """``prometheus``: /metrics."""

    at: Token
    address: Address = ("127.0.0.1", 9153)


class Reload(NamedTuple):
    """``reload``: how often, in seconds, the files are looked at."""

    at: Token
    interval: float = 30.0


class Bind(NamedTuple):
    """``bind``: the addresses where the block answers."""

    at: Token
    addresses: tuple[str, ...] = ()


class Transfer(NamedTuple):
    """``transfer``: zones that any client may have as a whole."""

    at: Token
    zones: tuple[str, ...] = ()


class Plain(NamedTuple):
    """A plugin without settings: what it does is done anyway."""

    at: Token


class Server(NamedTuple):
    """A server block: the zones and ports where it answers, and its plugins."""

    at: Token
    keys: tuple[Key, ...]
    plugins: tuple[object, ...]

    @property
    def zones(self) -> tuple[str, ...]:
        """The zones of all keys."""
        return tuple(dict.fromkeys(zone for key in self.keys for zone in key.zones))

    def every(self, kind: type[T]) -> tuple[T, ...]:
        """Return the plugins of a kind, in order."""
        return tuple(each for each in self.plugins if isinstance(each, kind))

    def one(self, kind: type[T]) -> T | None:
        """Return the plugin of a kind, None if there is none."""
        return next(iter(self.every(kind)), None)
