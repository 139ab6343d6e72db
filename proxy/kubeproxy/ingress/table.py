"""The rules of all Ingresses at one address, and what becomes of a request: decided here and nowhere else. Pure.

The host decides first: the exact one, else the wildcard of one label, else the rules without a host; as in
ingress-nginx no other host is tried when the paths of one do not match, only default backends. Then the longest path
wins, and of equal ones Exact, Prefix, ImplementationSpecific in this order.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from kubeapi.meta import ObjectKey
from kubeproxy.ingress.certificates import Certificates, wildcard_of
from kubeproxy.ingress.uris import Rewrite, normalized
from kubeproxy.types import ServicePortName

PERMANENT_REDIRECT = 308
"""ingress-nginx' http-redirect-code: unlike 301 it keeps the method."""
NO_RULE = "no Ingress has a path for it"


class Leaf(NamedTuple):
    """A path of a host and where it leads. ``backend`` names it as the Ingress does: Service and port.

    ``port_name`` is the Service port, None where there is none: then requests get ``status``, because of ``problem``.
    ``speaks_tls``: its endpoints do.
    """

    ingress: ObjectKey
    host: str
    path: str
    path_type: str
    backend: str
    port_name: ServicePortName | None = None
    status: int = 503
    problem: str = ""
    rewrite: Rewrite | None = None
    redirects: bool = False
    speaks_tls: bool = False

    def __str__(self) -> str:
        where = f"path {self.path} ({self.path_type})" if self.path else "default backend"
        return f"{where} of {self.host or 'every host'} in Ingress {self.ingress}"


class Prefix(NamedTuple):
    """A path that is compared with the beginning of a request's; ``ends_at_slash``: whole segments only."""

    text: str
    ends_at_slash: bool
    leaf: Leaf


class HostPaths(NamedTuple):
    """The paths of one host, the longest first. With ``patterns``, all are regular expressions, as in ingress-nginx."""

    exact: Mapping[str, Leaf] = {}
    prefixes: tuple[Prefix, ...] = ()
    patterns: tuple[tuple[re.Pattern[str], Leaf], ...] = ()
    fallback: Leaf | None = None

    def find(self, path: str) -> Leaf | None:
        """Return where a normalized path leads, None if nowhere."""
        if self.patterns:
            return next((leaf for pattern, leaf in self.patterns if pattern.match(path)), self.fallback)
        leaf = self.exact.get(path)
        if leaf is not None:
            return leaf
        for text, ends_at_slash, leaf in self.prefixes:
            if path.startswith(text) and (not ends_at_slash or len(path) == len(text) or path[len(text)] == "/"):
                return leaf
        return self.fallback

    def leaves(self) -> Iterator[Leaf]:
        """Yield all of it, in the order in which paths are compared."""
        yield from self.exact.values()
        yield from (each.leaf for each in self.prefixes)
        yield from (leaf for _, leaf in self.patterns)
        if self.fallback is not None:
            yield self.fallback


class IngressDecision(NamedTuple):
    """What becomes of a request: it goes to ``leaf`` as ``target``; or it is answered with ``status``, not 0.

    ``location`` is where a redirect leads, but for the port: ``https://HOST`` and the rest are two parts.
    """

    leaf: Leaf | None
    status: int = 0
    reason: str = ""
    target: bytes = b""
    location: tuple[str, str] = ("", "")


class IngressTable(NamedTuple):
    """Treat the mapping as read-only. ``hosts`` has "" for every host; ``certificates`` are those of the TLS port."""

    hosts: Mapping[str, HostPaths] = {}
    fallback: Leaf | None = None
    certificates: Certificates | None = None

    def decide(self, host: str, target: bytes, *, is_tls: bool) -> IngressDecision:
        """Return what becomes of a request for a host (in lower case, without a port) and a request target."""
        path = normalized(target)
        if path is None:
            return IngressDecision(None, 400, "the path leads above the root")
        paths = self.paths_of(host)
        leaf = (paths.find(path) if paths is not None else None) or self.fallback
        if leaf is None:
            return IngressDecision(None, 404, f"{NO_RULE}: host {host or '(none)'}, path {path}")
        if leaf.redirects and not is_tls:
            location = (f"https://{host}", target.decode("latin-1"))
            return IngressDecision(leaf, PERMANENT_REDIRECT, "it is served by https", location=location)
        if leaf.port_name is None:
            return IngressDecision(leaf, leaf.status, leaf.problem)
        return IngressDecision(leaf, target=leaf.rewrite.apply(path, target) if leaf.rewrite else target)

    def paths_of(self, host: str) -> HostPaths | None:
        """Return the paths that requests for a host are compared with."""
        return self.hosts.get(host) or self.hosts.get(wildcard_of(host)) or self.hosts.get("")

    def leaves(self) -> Iterator[Leaf]:
        """Yield all paths of all hosts, and the default backend."""
        for each in self.hosts.values():
            yield from each.leaves()
        if self.fallback is not None:
            yield self.fallback

    def backends(self) -> frozenset[ServicePortName]:
        """Return the Service ports that requests may be sent to."""
        return frozenset(each.port_name for each in self.leaves() if each.port_name is not None)


def host_of(value: bytes | None) -> str:
    """Return the host of a Host field, in lower case and without port and final dot, "" for none."""
    text = (value or b"").decode("latin-1").lower()
    if text.startswith("["):
        return text.partition("]")[0] + "]"
    return text.partition(":")[0].rstrip(".")
