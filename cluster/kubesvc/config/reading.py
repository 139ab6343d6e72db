"""Reads the configuration from its document and reports all mistakes at once.

Decides defaults and bounds, and refuses overlaps. Pure.
"""

from __future__ import annotations

import json
from ipaddress import ip_address
from typing import NamedTuple

from kubeapi.balancing import OptionsError, read_options
from kubeapi.status import FieldError
from kubeapi.validation.faults import required, unsupported
from kubemanifest.documents import Document
from kubemanifest.faults import Fault, as_written
from kubeproxy.balancers import BALANCERS, NAMES, all_options
from kubeproxy.config import MODES
from kubesvc.addresses.plan import USUAL, AddressPlan
from kubesvc.config.fields import Fields, Mistake, Notes
from kubesvc.config.model import (
    DNS_OPTIONS,
    MAX_WORKERS,
    PLANS,
    SANDBOXES,
    ClusterConfiguration,
    DNSSettings,
    ExternalHost,
    Image,
    Networking,
    NodeConfiguration,
    ProxySettings,
)
from kubesvc.config.nodes import read_nodes, subnet_of
from kubesvc.config.subnets import read_networking

POD_MODES = ("disabled", "insecure", "verified")

_TOP = ("apiVersion", "kind", "metadata", "networking", "nodes", "proxy", "dns", "images", "externalHosts", "sandbox")
_PROXY = ("balancer", "balancerOptions", "healthzBindAddress", "metricsBindAddress", "mode", "workers")
_PROCESS = ("command", "args", "env", "port", "workingDir")


class ConfigurationReading(NamedTuple):
    """The configuration, usable only if there are no faults."""

    configuration: ClusterConfiguration
    faults: tuple[Fault, ...] = ()
    warnings: tuple[Fault, ...] = ()


def read_configuration(document: Document | None, plan: AddressPlan = USUAL) -> ConfigurationReading:
    """Read the configuration; without a document it is the default one, which depends on ``plan``.

    The document may decide between the exact plan and loopback; what it does not say stays as in ``plan``.
    """
    if document is None and plan == USUAL:
        return ConfigurationReading(ClusterConfiguration())
    notes = Notes()
    plan = _read_plan(document, plan)
    top = Fields(document.obj if document is not None else None, "", _TOP, notes, plan)
    networking = read_networking(top)
    nodes = read_nodes(top, networking)
    configuration = ClusterConfiguration(
        networking=networking,
        nodes=nodes,
        proxy=_proxy(top, nodes[0].address),
        dns=_dns(top),
        images=_images(top),
        external_hosts=_external_hosts(top, networking, nodes),
        sandbox=top.choice("sandbox", SANDBOXES[0], SANDBOXES) if top.has("sandbox") else "",
        plan=plan,
    )
    if document is None:
        return ConfigurationReading(configuration)
    return ConfigurationReading(configuration, _placed(document, notes.faults), _placed(document, notes.warnings))


def _read_plan(document: Document | None, plan: AddressPlan) -> AddressPlan:
    """Return the plan that the document asks for; a wrong value is left to the reader of ``networking``."""
    networking = document.obj.get("networking") if document is not None else None
    wanted = networking.get("plan") if isinstance(networking, dict) else None
    return plan._replace(is_exact=wanted == "exact") if wanted in PLANS else plan


def _placed(document: Document, mistakes: list[Mistake]) -> tuple[Fault, ...]:
    return tuple(sorted(document.fault(each.error, each.hint) for each in mistakes))


def _proxy(top: Fields, node: str) -> ProxySettings:
    default = ProxySettings()
    if top.plan.block:
        # All clusters share 127.0.0.1, so kube-proxy's ports are at the first node's address, as in a real cluster.
        node = top.plan.stand_in(node)
        default = ProxySettings(healthz_bind_address=f"{node}:10256", metrics_bind_address=f"{node}:10249")
    proxy = top.fields("proxy", _PROXY)
    balancer = proxy.choice("balancer", default.balancer, BALANCERS, NAMES)
    return ProxySettings(
        balancer=balancer,
        balancer_options=_balancer_options(proxy, balancer),
        healthz_bind_address=_bind_address(proxy, "healthzBindAddress", default.healthz_bind_address),
        metrics_bind_address=_bind_address(proxy, "metricsBindAddress", default.metrics_bind_address),
        mode=proxy.choice("mode", default.mode, MODES) if proxy.has("mode") else default.mode,
        workers=proxy.integer("workers", default.workers, 1, MAX_WORKERS),
    )


def _balancer_options(proxy: Fields, balancer: str) -> str:
    """Return the options of the default algorithm as a JSON object, "" for none."""
    name = "balancerOptions"
    if not proxy.has(name):
        return ""
    text = json.dumps(proxy.mapping(name), default=str)
    try:
        read_options(text, all_options(BALANCERS[balancer]))
    except OptionsError as error:
        for option, what in error.faults:
            proxy.notes.fault(FieldError("FieldValueInvalid", f"{proxy.at(name)}.{option}", f"{balancer}: {what}"))
        return ""
    return text


def _bind_address(fields: Fields, name: str, default: str) -> str:
    """Return ``host:port``; "" for no server, port 0 for any free port."""
    value = fields.text(name, default)
    if not value:
        return ""
    host, _, port = value.rpartition(":")
    if not (port.isdecimal() and int(port) <= 65535 and host):
        fields.notes.invalid(fields.at(name), value, "must be an address and a port, (e.g. 127.0.0.1:10256)")
        return default
    address = fields.read_address(fields.at(name), host)
    return f"{address}:{port}" if address else default


def _dns(top: Fields) -> DNSSettings:
    default = DNSSettings(bind_addresses=()) if top.plan.block else DNSSettings()
    dns = top.fields("dns", ("ttl", "pods", "upstreams", "bindAddresses", "stubDomains", "options"))
    addresses = [
        address if address == "::1" else dns.read_address(f"{dns.at('bindAddresses')}[{index}]", address)
        for index, address in enumerate(dns.texts("bindAddresses", default.bind_addresses))
    ]
    return DNSSettings(
        ttl=dns.integer("ttl", default.ttl, 0, 3600),
        pods=dns.choice("pods", default.pods, POD_MODES),
        upstreams=_upstreams(dns) if dns.has("upstreams") else None,
        bind_addresses=tuple(dict.fromkeys(filter(None, addresses))),
        stub_domains={
            each.name("domain"): _upstreams(each) for each in dns.each("stubDomains", ("domain", "upstreams"))
        },
        options=_dns_options(dns),
    )


def _dns_options(dns: Fields) -> tuple[str, ...]:
    options = dns.texts("options")
    for index, option in enumerate(options):
        if option not in DNS_OPTIONS:
            dns.notes.fault(unsupported(f"{dns.at('options')}[{index}]", as_written(option), sorted(DNS_OPTIONS)))
    if {"ignore empty_service", "noendpoints"} <= set(options):
        detail = "without endpoints every Service is empty, and would have no name"
        dns.notes.invalid(dns.at("options"), ", ".join(options), detail)
    return options


def _upstreams(dns: Fields) -> tuple[str, ...]:
    upstreams = dns.texts("upstreams")
    for index, upstream in enumerate(upstreams):
        if not _is_upstream(upstream):
            detail = "must be an IP address, or one and a port, (e.g. 10.9.8.7, 10.9.8.7:53 or [2001:db8::1]:53)"
            dns.notes.invalid(f"{dns.at('upstreams')}[{index}]", upstream, detail)
    return upstreams


def _is_upstream(text: str) -> bool:
    host, port = text, "53"
    if text.startswith("[") or text.count(":") == 1:
        host, _, port = text.rpartition(":")
    try:
        ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return port.isdecimal() and 0 < int(port) <= 65535


def _images(top: Fields) -> tuple[Image, ...]:
    images = []
    seen: set[str] = set()
    for entry in top.each("images", ("name", *_PROCESS)):
        name = entry.text("name", is_required=True)
        entry.unique("name", name, seen)
        command = entry.texts("command")
        if not command:
            entry.notes.fault(required(entry.at("command")), "name the program that stands for the image")
        port = entry.integer("port", 0, 1, 65535)
        args, env = entry.texts("args"), entry.environment()
        images.append(Image(name, command, args, env, port, entry.text("workingDir")))
    return tuple(images)


def _external_hosts(
    top: Fields, networking: Networking, nodes: tuple[NodeConfiguration, ...]
) -> tuple[ExternalHost, ...]:
    hosts = []
    served: set[str] = set()
    for entry in top.each("externalHosts", ("name", "address", "page", "image", *_PROCESS)):
        host = ExternalHost(
            name=entry.name(),
            address=entry.address("address", is_outside=True),
            port=entry.integer("port", 80, 1, 65535),
            page=entry.text("page") if entry.has("page") else None,
            image=entry.text("image"),
            command=entry.texts("command"),
            args=entry.texts("args"),
            env=entry.environment(),
            working_dir=entry.text("workingDir"),
        )
        if host.address:
            _check_place(entry, host, networking, nodes)
        if host.is_served:
            entry.unique("port", f"{top.plan.stand_in(host.address)}:{host.port}", served)
        _check_process(entry, host)
        hosts.append(host)
    return tuple(hosts)


def _check_place(
    entry: Fields, host: ExternalHost, networking: Networking, nodes: tuple[NodeConfiguration, ...]
) -> None:
    """Note a fault if the host's address on this machine belongs to the cluster."""
    here = entry.plan.stand_in(host.address)
    taken = next((f"is the address of node {node.name}" for node in nodes if node.address == here), "")
    if not taken and (subnet := subnet_of(here, networking)) is not None:
        taken = f"is in the {subnet}"
    if taken:
        detail = f"on this machine it is {here}, which {taken}"
        entry.notes.invalid(entry.at("address"), host.address, detail)
    if host.name == networking.dns_domain or host.name.endswith(f".{networking.dns_domain}"):
        entry.notes.invalid(entry.at("name"), host.name, f"must be outside {networking.dns_domain}")


def _check_process(entry: Fields, host: ExternalHost) -> None:
    """Note a fault if more than one of page, image and command is given."""
    given = [name for name, value in (("page", host.page), ("image", host.image), ("command", host.command)) if value]
    if len(given) > 1:
        entry.notes.invalid(entry.path, ", ".join(given), "may have only one of page, image and command")
    if (host.args or host.env) and not (host.image or host.command):
        entry.notes.fault(required(entry.at("command"), "args and env belong to a command or an image"))
