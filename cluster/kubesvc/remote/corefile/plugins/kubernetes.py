"""Reads ``kubernetes`` (CoreDNS ``plugin/kubernetes/setup.go``). Pure."""

from __future__ import annotations

from kubedns.config import MAX_TTL
from kubesvc.remote.corefile.grammar import Stanza
from kubesvc.remote.corefile.model import Kubernetes
from kubesvc.remote.corefile.names import ROOT
from kubesvc.remote.corefile.notes import Notes
from kubesvc.remote.corefile.options import Options, read_options
from kubesvc.remote.corefile.values import Words

_RATE = "the API server's own limits hold for kubesvc, which lists each resource once and then watches it"
_ENDPOINT = "name a kubeconfig with that server, by the option kubeconfig or by --kubeconfig"


def _kubeconfig(plugin: Kubernetes, words: Words) -> Kubernetes:
    if not words.count(1, 2, "a file, and maybe a context"):
        return plugin
    context = words.args[1].text if len(words.args) == 2 else ""
    return plugin._replace(kubeconfig=words.args[0].text, context=context)


def _ignore(plugin: Kubernetes, words: Words) -> Kubernetes:
    if words.text("", "the word empty_service") != "empty_service":
        words.fault("knows only empty_service")
        return plugin
    return plugin._replace(ignores_empty_services=True)


def _selector(words: Words) -> str:
    if not words.args:
        words.fault("takes a label selector, such as environment=production")
    return " ".join(each.text for each in words.args)


def _some(words: Words) -> tuple[str, ...]:
    if not words.args:
        words.fault("takes at least one name")
    return tuple(each.text for each in words.args)


_OPTIONS = Options[Kubernetes](
    honoured={
        "pods": lambda plugin, words: plugin._replace(
            pods=words.choice(plugin.pods, ("disabled", "insecure", "verified"))
        ),
        "ttl": lambda plugin, words: plugin._replace(ttl=words.one_number(plugin.ttl, 0, MAX_TTL)),
        "namespaces": lambda plugin, words: plugin._replace(namespaces=_some(words)),
        "namespace_labels": lambda plugin, words: plugin._replace(namespace_labels=_selector(words)),
        "labels": lambda plugin, words: plugin._replace(labels=_selector(words)),
        "endpoint_pod_names": lambda plugin, words: plugin._replace(names_endpoints_by_pod=words.flag()),
        "noendpoints": lambda plugin, words: plugin._replace(has_endpoints=not words.flag()),
        "ignore": _ignore,
        "fallthrough": lambda plugin, words: plugin._replace(fallthrough=words.zones() or (ROOT,)),
        "kubeconfig": _kubeconfig,
    },
    idle={
        "startup_timeout": "it answers from its start, with SERVFAIL for names that it has not yet learned of",
        "apiserver_qps": _RATE,
        "apiserver_burst": _RATE,
        "apiserver_max_inflight": _RATE,
    },
    refused={
        "endpoint": _ENDPOINT,
        "tls": _ENDPOINT,
        "zonal": "remove it: names by topology zone are CoreDNS' extension",
        "multicluster": "remove it: ServiceImports are not followed",
    },
)


def read(stanza: Stanza, notes: Notes) -> Kubernetes:
    """Read the stanza."""
    words = Words(stanza.name, stanza.args, notes)
    plugin = read_options(stanza, Kubernetes(stanza.name, words.zones()), _OPTIONS, notes)
    if plugin.namespaces and plugin.namespace_labels:
        words.fault("namespaces and namespace_labels cannot both be set", "remove one of the two")
    if plugin.ignores_empty_services and not plugin.has_endpoints:
        words.fault("ignore empty_service needs endpoints", "remove noendpoints, with which every Service is empty")
    return plugin
