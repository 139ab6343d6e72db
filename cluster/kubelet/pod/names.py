"""How a pod resolves names: its resolv.conf and its hosts file. Pure.

Follows k8s.io/kubernetes ``pkg/kubelet/network/dns/dns.go`` (dnsPolicy, dnsConfig, three name servers at most, each
value once, an option of the same name replaced) and ``pkg/kubelet/kubelet_pods.go`` (the managed hosts file with
hostname, subdomain and hostAliases). The files are in a folder of the pod: its containers have them in /etc, and where
there are no sandboxes the scripts of ``tools`` read them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from kubeapi.meta import JSON
from kubeapi.objects.parts import map_at

MAX_NAME_SERVERS = 3
HOSTNAME_LIMIT = 63
"""Bytes of a host name, as the kubelet cuts it (truncatePodHostnameIfNeeded)."""
CLUSTER_OPTIONS: Mapping[str, str] = {"ndots": "5"}

_HOSTS = """\
# Kubernetes-managed hosts file.
127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::0\tip6-localnet
fe00::0\tip6-mcastprefix
fe00::1\tip6-allnodes
fe00::2\tip6-allrouters
"""


class PodNames(NamedTuple):
    """What a pod's spec says about names; an entry of ``options`` without a value has ""."""

    hostname: str
    subdomain: str = ""
    dns_policy: str = "ClusterFirst"
    is_host_network: bool = False
    name_servers: tuple[str, ...] = ()
    searches: tuple[str, ...] = ()
    options: tuple[tuple[str, str], ...] = ()
    aliases: tuple[tuple[str, tuple[str, ...]], ...] = ()
    is_fully_qualified: bool = False
    override: str = ""
    """A whole host name, which stands in for the others' and has no domain (hostnameOverride)."""

    @property
    def asks_cluster(self) -> bool:
        """Whether it uses the cluster's DNS server; with the host's network only ClusterFirstWithHostNet does."""
        wanted = "ClusterFirstWithHostNet" if self.is_host_network else "ClusterFirst"
        return self.dns_policy in (wanted, "ClusterFirstWithHostNet")


def read_names(pod: JSON) -> PodNames:
    """Read the fields of a Pod object that names depend on."""
    spec = pod["spec"]
    config = map_at(spec, "dnsConfig")
    return PodNames(
        hostname=spec.get("hostname") or pod["metadata"]["name"],
        subdomain=spec.get("subdomain") or "",
        dns_policy=spec.get("dnsPolicy") or "ClusterFirst",
        is_host_network=bool(spec.get("hostNetwork")),
        name_servers=tuple(config.get("nameservers") or ()),
        searches=tuple(config.get("searches") or ()),
        options=tuple((each["name"], each.get("value") or "") for each in config.get("options") or ()),
        is_fully_qualified=bool(spec.get("setHostnameAsFQDN")),
        override=spec.get("hostnameOverride") or "",
        aliases=tuple((each["ip"], tuple(each.get("hostnames") or ())) for each in spec.get("hostAliases") or ()),
    )


def host_name(names: PodNames, namespace: str, domain: str) -> str:
    """Return the host name of a pod's own UTS namespace; with setHostnameAsFQDN it may be longer than Linux allows."""
    if names.override:
        return names.override
    short = names.hostname[:HOSTNAME_LIMIT].rstrip("-.")
    if names.is_fully_qualified and names.subdomain and domain:
        return f"{short}.{names.subdomain}.{namespace}.svc.{domain}"
    return short


def resolv_conf(names: PodNames, namespace: str, server: str, domain: str, host: str) -> str:
    """Return a pod's resolv.conf(5).

    ``server`` and ``domain`` are the cluster's DNS server and zone, ``host`` is the text of the machine's own file.
    """
    servers, searches, options = _read(host)
    if names.asks_cluster:
        servers = [server]
        searches = [f"{namespace}.svc.{domain}", f"svc.{domain}", domain, *searches]
        options = dict(CLUSTER_OPTIONS)
    elif names.dns_policy == "None":
        servers, searches, options = [], [], {}
    options |= dict(names.options)
    lines = [
        _line("search", dict.fromkeys((*searches, *names.searches))),
        *(f"nameserver {each}\n" for each in list(dict.fromkeys((*servers, *names.name_servers)))[:MAX_NAME_SERVERS]),
        _line("options", (f"{name}:{value}" if value else name for name, value in options.items())),
    ]
    return "".join(lines)


def hosts(names: PodNames, namespace: str, domain: str, addresses: Sequence[str], machine: str = "") -> str:
    """Return the hosts file of a pod with these addresses.

    ``machine`` is the text of the machine's own file, which a pod of the host's network has.
    """
    if names.is_host_network:
        text = f"# Kubernetes-managed hosts file (host network).\n{machine}"
    else:
        qualified = f"{names.hostname}.{names.subdomain}.{namespace}.svc.{domain}\t{names.hostname}"
        own = names.override or (qualified if names.subdomain else names.hostname)
        text = _HOSTS + "".join(f"{each}\t{own}\n" for each in addresses)
    if names.aliases:
        text += "\n# Entries added by HostAliases.\n"
        text += "".join(f"{address}\t{chr(9).join(aliases)}\n" for address, aliases in names.aliases)
    return text


def _line(word: str, values: Iterable[str]) -> str:
    joined = " ".join(values)
    return f"{word} {joined}\n" if joined else ""


def _read(text: str) -> tuple[list[str], list[str], dict[str, str]]:
    servers: list[str] = []
    searches: list[str] = []
    options: dict[str, str] = {}
    for line in text.splitlines():
        match line.split():
            case ["nameserver", server, *_]:
                servers.append(server)
            case ["search", *domains]:
                searches = domains
            case ["options", *words]:
                options |= {name: value for name, _, value in (each.partition(":") for each in words)}
    return servers, searches, options
