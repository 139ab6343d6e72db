"""What a pod's host name, DNS configuration and host aliases must be (ValidatePodDNSConfig, ValidateHostAliases)."""

from __future__ import annotations

from collections.abc import Sequence

from kubeapi.meta import JSON
from kubeapi.validation.addresses import address
from kubeapi.validation.faults import Faults, each_invalid, forbidden, invalid, required, too_long
from kubeapi.validation.names import dns1123_subdomain, search_domain

_MOST_NAMESERVERS, _MOST_SEARCHES, _LONGEST_SEARCH_LIST = 3, 32, 2048
_LONGEST_HOST_NAME = 64


def validate_dns(spec: JSON, path: str) -> Faults:
    """Yield the faults of dnsConfig, which dnsPolicy None needs."""
    config = spec.get("dnsConfig", {})
    if spec.get("dnsPolicy") == "None":
        if "dnsConfig" not in spec:
            yield required(path, "must provide `dnsConfig` when `dnsPolicy` is None")
            return
        if not config.get("nameservers"):
            yield required(f"{path}.nameservers", "must provide at least one DNS nameserver when `dnsPolicy` is None")
            return
    servers = config.get("nameservers", [])
    if len(servers) > _MOST_NAMESERVERS:
        yield invalid(f"{path}.nameservers", servers, f"must not have more than {_MOST_NAMESERVERS} nameservers")
    for index, server in enumerate(servers):
        yield from each_invalid(f"{path}.nameservers[{index}]", server, address(server))
    yield from _validate_searches(config.get("searches", []), f"{path}.searches")
    for index, option in enumerate(config.get("options", ())):
        if not option.get("name"):
            yield required(f"{path}.options[{index}]", "must not be empty")


def validate_host_name(spec: JSON, path: str) -> Faults:
    """Yield the faults of hostnameOverride (validatePodHostName)."""
    name, where = spec.get("hostnameOverride"), f"{path}.hostnameOverride"
    if name is None:
        return
    for field in ("setHostnameAsFQDN", "hostNetwork"):
        if spec.get(field):
            yield forbidden(where, f"may not be specified when {field} is true")
    if len(name) > _LONGEST_HOST_NAME:
        yield too_long(where, _LONGEST_HOST_NAME)
    yield from each_invalid(where, name, dns1123_subdomain(name))


def _validate_searches(searches: list[str], path: str) -> Faults:
    if len(searches) > _MOST_SEARCHES:
        yield invalid(path, searches, f"must not have more than {_MOST_SEARCHES} search paths")
    if len(" ".join(searches)) > _LONGEST_SEARCH_LIST:
        detail = f"must not have more than {_LONGEST_SEARCH_LIST} characters (including spaces) in the search list"
        yield invalid(path, searches, detail)
    for index, search in enumerate(searches):
        name = search.removesuffix(".")
        yield from each_invalid(f"{path}[{index}]", name, () if search == "." else search_domain(name))


def validate_aliases(aliases: Sequence[JSON], path: str) -> Faults:
    """Yield the faults of hostAliases."""
    for index, alias in enumerate(aliases):
        where, ip = f"{path}[{index}]", alias.get("ip", "")
        yield from each_invalid(f"{where}.ip", ip, address(ip))
        for number, name in enumerate(alias.get("hostnames", ())):
            yield from each_invalid(f"{where}.hostnames[{number}]", name, dns1123_subdomain(name))
