"""The plugins by name: those that are read, and those of CoreDNS that ``kubesvc dns`` does not serve. Pure."""

from __future__ import annotations

from collections.abc import Callable

from kubesvc.remote.corefile.grammar import Stanza
from kubesvc.remote.corefile.notes import Notes
from kubesvc.remote.corefile.plugins import cache, forward, hosts, kubernetes, serving

READERS: dict[str, Callable[[Stanza, Notes], object]] = {
    "bind": serving.read_bind,
    "cache": cache.read,
    "debug": serving.read_plain,
    "errors": serving.read_errors,
    "forward": forward.read,
    "health": serving.read_health,
    "hosts": hosts.read,
    "kubernetes": kubernetes.read,
    "loadbalance": serving.read_loadbalance,
    "log": serving.read_log,
    "loop": serving.read_plain,
    "prometheus": serving.read_prometheus,
    "ready": serving.read_ready,
    "reload": serving.read_reload,
    "transfer": serving.read_transfer,
}

SEVERAL = frozenset({"forward", "log", "transfer", "bind"})
"""Plugins that a block may have more than once."""

# fmt: off
NOT_SERVED = frozenset(
    {
        "acl", "any", "auto", "autopath", "azure", "bufsize", "cancel", "chaos", "clouddns", "dns64",
        "dnssec", "dnstap", "dynupdate", "erratic", "etcd", "file", "geoip", "grpc", "grpc_server", "header",
        "https", "https3", "k8s_external", "local", "metadata", "minimal", "multisocket", "nomad", "nsid",
        "on", "pprof", "proxyproto", "quic", "rewrite", "root", "route53", "secondary", "shed", "sign",
        "siit", "template", "timeouts", "tls", "trace", "tsig", "view", "whoami",
    }
)
# fmt: on
"""The other plugins of CoreDNS 1.15 (``core/dnsserver/zdirectives.go``)."""
