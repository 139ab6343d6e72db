"""Reads a KubeProxyConfiguration (kubeproxy.config.k8s.io/v1alpha1), the file of kube-proxy's --config. Pure.

Strict as kube-proxy's own reader: an unknown field is a fault. A field that has a value and no meaning for this proxy
is not honoured and is named. Follows k8s.io/kube-proxy ``config/v1alpha1/types.go`` and its ``SetDefaults`` function.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_network
from typing import NamedTuple

from kubeapi.validation.addresses import parse_address
from kubeapi.validation.faults import unsupported
from kubemanifest.documents import Document
from kubemanifest.faults import Fault, as_written
from kubemanifest.reading import Tree, read_text
from kubeproxy.config import MODES, PRIMARY
from kubesvc.addresses.plan import USUAL
from kubesvc.config.fields import Fields, Notes
from kubesvc.remote.proxy.kubeproxyfields import BY_INTERFACE, OTHER_MODES, SECTIONS, TOP, not_honoured

API_VERSION, KIND = "kubeproxy.config.k8s.io/v1alpha1", "KubeProxyConfiguration"
HEALTHZ_PORT, METRICS_PORT = 10256, 10249
CLUSTER_CIDR, NODE_CIDR = "ClusterCIDR", "NodeCIDR"
LOCALHOST, ALL = "localhost", "all"
"""Keywords of nodePortAddresses beside PRIMARY: 127.0.0.0/8 and ::1, and every address of the machine."""

_LOCAL_MODES = (CLUSTER_CIDR, NODE_CIDR, *BY_INTERFACE)


@dataclass(frozen=True)
class KubeProxyConfiguration:
    """What this proxy takes from the file. "" and () are for what it does not say; addresses are host and port.

    ``mode`` is one of MODES or "". ``not_honoured`` are the fields that have a value and no meaning here.
    """

    mode: str = ""
    kubeconfig: str = ""
    node_name: str = ""
    bind_address: str = ""
    healthz_address: tuple[str, int] = ("0.0.0.0", HEALTHZ_PORT)  # noqa: S104  kube-proxy's default
    metrics_address: tuple[str, int] = ("127.0.0.1", METRICS_PORT)
    must_bind: bool = False
    detect_local_mode: str = CLUSTER_CIDR
    cluster_cidrs: tuple[str, ...] = ()
    node_port_addresses: tuple[str, ...] = ()
    localhost_node_ports: bool = True
    masquerades_all: bool = False
    min_sync_seconds: float = 0.0
    udp_seconds: float = 0.0
    udp_stream_seconds: float = 0.0
    not_honoured: tuple[str, ...] = ()


class Reading(NamedTuple):
    """The configuration, usable only if there are no faults."""

    configuration: KubeProxyConfiguration
    faults: tuple[Fault, ...] = ()


def read_kube_proxy_configuration(text: str, source: str) -> Reading:
    """Read a file's text; ``source`` is its name in the faults."""
    found = read_text(text, source)
    if found.faults:
        return Reading(KubeProxyConfiguration(), tuple(found.faults))
    if len(found.trees) != 1 or not isinstance(found.trees[0].value, dict):
        message = f"must be one {KIND}; it has {len(found.trees)} documents"
        return Reading(KubeProxyConfiguration(), (Fault(source, 0, 0, "", message),))
    return _read(found.trees[0], source)


def _read(tree: Tree, source: str) -> Reading:
    document, notes = Document(tree.value, source, tree.spot), Notes()
    top = Fields(tree.value, "", TOP, notes, USUAL)
    top.choice("apiVersion", "", (API_VERSION,))
    top.choice("kind", "", (KIND,))
    configuration = _configuration(top, tuple(not_honoured(tree.value)))
    return Reading(configuration, tuple(sorted(document.fault(each.error, each.hint) for each in notes.faults)))


def _configuration(top: Fields, ignored: tuple[str, ...]) -> KubeProxyConfiguration:
    sections = {name: top.fields(name, known) for name, known in SECTIONS.items()}
    conntrack, bind_address = sections["conntrack"], _address(top, "bindAddress")
    is_ipv6 = ":" in bind_address
    return KubeProxyConfiguration(
        mode=_mode(top),
        kubeconfig=sections["clientConnection"].text("kubeconfig"),
        node_name=top.text("hostnameOverride").strip().lower(),
        bind_address="" if bind_address in ("0.0.0.0", "::") else bind_address,  # noqa: S104  not bound
        healthz_address=_host_port(top, "healthzBindAddress", "::" if is_ipv6 else "0.0.0.0", HEALTHZ_PORT),  # noqa: S104
        metrics_address=_host_port(top, "metricsBindAddress", "::1" if is_ipv6 else "127.0.0.1", METRICS_PORT),
        must_bind=top.switch("bindAddressHardFail", default=False),
        detect_local_mode=_detect_local_mode(top),
        cluster_cidrs=tuple(_cidrs(top)),
        node_port_addresses=tuple(_node_port_addresses(top)),
        localhost_node_ports=sections["iptables"].switch("localhostNodePorts", default=True),
        masquerades_all=sections["nftables"].switch("masqueradeAll", default=False),
        min_sync_seconds=sections["nftables"].seconds("minSyncPeriod"),
        udp_seconds=conntrack.seconds("udpTimeout"),
        udp_stream_seconds=conntrack.seconds("udpStreamTimeout"),
        not_honoured=ignored,
    )


def _mode(top: Fields) -> str:
    mode = top.choice("mode", "", ("", *MODES, *OTHER_MODES))
    return mode if mode in MODES else ""


def _detect_local_mode(top: Fields) -> str:
    return top.choice("detectLocalMode", CLUSTER_CIDR, ("", *_LOCAL_MODES), _LOCAL_MODES) or CLUSTER_CIDR


def _address(top: Fields, name: str) -> str:
    value = top.text(name)
    if value and parse_address(value) is None:
        top.notes.invalid(top.at(name), value, "must be an IP address")
        return ""
    return value


def _host_port(top: Fields, name: str, host: str, port: int) -> tuple[str, int]:
    """Return an address with a port; one that is missing is appended as ``AppendPortIfNeeded`` does."""
    value = top.text(name)
    if not value:
        return host, port
    if parse_address(value) is not None:
        return value, port
    given, _, number = value.rpartition(":")
    given = given.removeprefix("[").removesuffix("]")
    if parse_address(given) is not None and number.isdecimal() and int(number) <= 65535:
        return given, int(number)
    top.notes.invalid(top.at(name), value, "must be an IP address and a port, (e.g. 0.0.0.0:10256)")
    return host, port


def _cidrs(top: Fields) -> Iterator[str]:
    for each in top.text("clusterCIDR").split(",") if top.has("clusterCIDR") else ():
        if _is_cidr(each.strip()):
            yield each.strip()
        elif each.strip():
            top.notes.invalid(top.at("clusterCIDR"), each, "must be a CIDR, or one of each family with a comma")


def _node_port_addresses(top: Fields) -> Iterator[str]:
    for index, each in enumerate(top.texts("nodePortAddresses")):
        if each in (PRIMARY, LOCALHOST, ALL) or _is_cidr(each):
            yield each
        else:
            path = f"{top.at('nodePortAddresses')}[{index}]"
            top.notes.fault(unsupported(path, as_written(each), [PRIMARY, LOCALHOST, ALL]), "or a CIDR: 192.168.0.0/16")


def _is_cidr(text: str) -> bool:
    try:
        ip_network(text, strict=False)
    except ValueError:
        return False
    return "/" in text
