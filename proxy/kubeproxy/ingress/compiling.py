"""From the Ingresses of one address to their table, and to what of them does not work. Pure.

Of Ingresses that want the same path of the same host the oldest has it, as in ingress-nginx. There too, all paths of a
host become regular expressions as soon as an Ingress of that host asks for use-regex, or rewrites.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from kubeapi.meta import ObjectKey
from kubeapi.objects.ingress import Ingress, IngressBackend, IngressPath
from kubeapi.objects.ingressoptions import TLS_BACKEND, IngressOptions, read_options
from kubeproxy.ingress.certificates import Certificates, KeyPair, covers
from kubeproxy.ingress.hostpaths import Entry, host_paths
from kubeproxy.ingress.table import HostPaths, IngressTable, Leaf
from kubeproxy.ingress.uris import Rewrite, rewrite_of
from kubeproxy.types import ServicePortName

FindPort = Callable[[str, IngressBackend], ServicePortName | str]
"""Returns the Service port of a backend in a namespace, or why there is none."""
FindPair = Callable[[ObjectKey], KeyPair | str | None]
"""Returns the certificate of a Secret, or what is wrong with it ("does not exist"), None if that is not known yet."""


_NOTHING_THERE = 503


class Problem(NamedTuple):
    """What of an Ingress does not work: the reason and the message of its event."""

    ingress: ObjectKey
    reason: str
    message: str


class Compiled(NamedTuple):
    """A table and the problems of its Ingresses."""

    table: IngressTable
    problems: tuple[Problem, ...]


def compile_table(
    ingresses: Iterable[Ingress], find_port: FindPort, find_pair: FindPair, default: KeyPair | None
) -> Compiled:
    """Return the table of the Ingresses; without a ``default`` certificate it has none."""
    compiler = _Compiler(find_port)
    in_order = sorted(ingresses, key=lambda each: (each.created, each.key))
    names, problems = _certificates(in_order, find_pair)
    compiler.problems += problems
    compiler.tls_names = frozenset(names)
    for each in in_order:
        compiler.add(each)
    pairs = {name: pair for name, pair in names.items() if pair is not None}
    certificates = Certificates(default, pairs) if default is not None else None
    return Compiled(IngressTable(compiler.hosts(), compiler.fallback, certificates), tuple(compiler.problems))


class _Compiler:
    def __init__(self, find_port: FindPort) -> None:
        self.problems: list[Problem] = []
        self.tls_names: frozenset[str] = frozenset()
        self.fallback: Leaf | None = None
        self._find_port = find_port
        self._entries: dict[str, dict[tuple[str, str], Entry]] = {}
        self._fallbacks: dict[str, Leaf] = {}

    def add(self, ingress: Ingress) -> None:
        """Add an Ingress, younger than those before."""
        options, faults = read_options(ingress.annotations)
        self.problems += [Problem(ingress.key, each.reason, each.text) for each in faults]
        for rule in ingress.rules:
            entries = self._entries.setdefault(rule.host, {})
            for path in rule.paths:
                leaf = self._leaf(ingress, options, rule.host, path)
                owner = entries.setdefault((path.path, path.type), Entry(leaf, options))
                if owner.leaf is not leaf:
                    self._note(ingress, "PathConflict", f"{leaf} is without effect: {owner.leaf} came first")
        if ingress.default_backend is not None:
            self._add_default(ingress, ingress.default_backend, options)

    def hosts(self) -> dict[str, HostPaths]:
        """Return the paths of all hosts."""
        found = {}
        for host, entries in self._entries.items():
            found[host], broken = host_paths(entries.values(), self._fallbacks.get(host))
            for leaf, why in broken:
                text = f"{leaf} is no regular expression, and is not served: {why}"
                self.problems.append(Problem(leaf.ingress, "PathInvalid", text))
        return found

    def _add_default(self, ingress: Ingress, backend: IngressBackend, options: IngressOptions) -> None:
        """Without rules it is for every request that has no other rule, else for those of the Ingress' hosts."""
        for host in [rule.host for rule in ingress.rules] or [""]:
            leaf = self._leaf(ingress, options, host, IngressPath("", "", backend))
            if not ingress.rules and self.fallback is None:
                self.fallback = leaf
            elif ingress.rules:
                self._fallbacks.setdefault(host, leaf)
            elif self.fallback is not None:
                self._note(ingress, "PathConflict", f"{leaf} is without effect: {self.fallback} came first")

    def _leaf(self, ingress: Ingress, options: IngressOptions, host: str, path: IngressPath) -> Leaf:
        backend = path.backend
        status, found = _NOTHING_THERE, self._find_port(ingress.key.namespace, backend)
        if isinstance(found, ServicePortName) and options.backend_protocol not in ("", TLS_BACKEND):
            status, found = 502, f"backend-protocol {options.backend_protocol} is not served"
        leaf = Leaf(
            ingress=ingress.key,
            host=host,
            path=path.path,
            path_type=path.type,
            backend=backend.resource or f"{ingress.key.namespace}/{backend.service}:{backend.port}",
            port_name=found if isinstance(found, ServicePortName) else None,
            status=status,
            problem=found if isinstance(found, str) else "",
            rewrite=_rewrite(path.path, options),
            speaks_tls=options.backend_protocol == TLS_BACKEND,
            redirects=options.always_redirects or (options.redirects and covers(self.tls_names, host)),
        )
        if leaf.problem and status == _NOTHING_THERE:
            self._note(ingress, "BackendNotServed", f"{leaf}: {leaf.problem}: requests are answered {status}")
        return leaf

    def _note(self, ingress: Ingress, reason: str, message: str) -> None:
        self.problems.append(Problem(ingress.key, reason, message))


def _rewrite(path: str, options: IngressOptions) -> Rewrite | None:
    if not path or not options.rewrite_target or options.rewrite_target == path:
        return None
    try:
        return rewrite_of(path, options.rewrite_target)
    except re.error:
        return None  # the host has a path that is no regular expression, which ``hosts`` tells


def _certificates(ingresses: Iterable[Ingress], find_pair: FindPair) -> tuple[dict[str, KeyPair | None], list[Problem]]:
    """Return the names with TLS, each with its certificate, None for the default one; and the Secrets' problems."""
    names: dict[str, KeyPair | None] = {}
    problems: list[Problem] = []
    for ingress in ingresses:
        for tls in ingress.tls:
            hosts = tls.hosts or tuple(dict.fromkeys(rule.host for rule in ingress.rules)) or ("",)
            pair = find_pair(ObjectKey(ingress.key.namespace, tls.secret)) if tls.secret else None
            if isinstance(pair, str):
                problems.append(_without_secret(ingress, tls.secret, pair, hosts))
                pair = None
            for host in hosts:
                if names.get(host) is None:
                    names[host] = pair
    return names, problems


def _without_secret(ingress: Ingress, secret: str, why: str, hosts: Iterable[str]) -> Problem:
    named = ", ".join(each or "every host" for each in hosts)
    text = f"Secret {ingress.key.namespace}/{secret} {why}: clients of {named} get the default certificate"
    return Problem(ingress.key, "TLSSecretNotServed", text)


def referenced_services(ingress: Ingress) -> Iterator[ObjectKey]:
    """Yield the Services that are backends of an Ingress, each as often as it is one."""
    backends = [path.backend for rule in ingress.rules for path in rule.paths]
    for backend in (*backends, ingress.default_backend):
        if backend is not None and backend.service:
            yield ObjectKey(ingress.key.namespace, backend.service)
