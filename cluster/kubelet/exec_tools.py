"""nslookup, dig and curl for pods: the machine's own, told where the cluster's names are. Pure.

Pods are processes without a resolv.conf of their own, so programs ask the machine's name server, which knows nothing of
the cluster. For the tools that people try first there are scripts in front of the PATH of every container; each only
runs the real one with more arguments. Anything else asks the cluster's DNS server itself, or uses addresses.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

TOOLS = ("nslookup", "dig", "curl")


class ClusterDNS(NamedTuple):
    """Where the cluster's names are resolved, and the zone that they are in (kubelet clusterDNS, clusterDomain)."""

    address: str
    port: int
    domain: str


_DOMAIN = """\
# The domain that a short name belongs to; resolv.conf would search them all.
domain_of() {{
    case $1 in
        *.{domain}|*.{domain}.|*.) ;;
        *.svc) echo {domain} ;;
        *.*.*) ;;
        *.*) echo svc.{domain} ;;
        *) echo "${{POD_NAMESPACE:-default}}.svc.{domain}" ;;
    esac
}}
"""

_NSLOOKUP = (
    """\
#!/bin/sh
# nslookup at the cluster's DNS server, unless another one is named.
"""
    + _DOMAIN
    + """\
names=0
for word do
    case $word in
        -?*) ;;
        *) names=$((names + 1)) name=$word ;;
    esac
done
case $names in
    0) exec {nslookup} -port={port} "$@" - {address} ;;
    1) domain=$(domain_of "$name") ;;
    *) exec {nslookup} "$@" ;;
esac
exec {nslookup} -port={port} ${{domain:+-search -ndots=5 -domain=$domain}} "$@" {address}
"""
)

_DIG = """\
#!/bin/sh
# dig at the cluster's DNS server, unless another one is named.
for word do
    case $word in
        @*) exec {dig} "$@" ;;
    esac
done
exec {dig} @{address} -p {port} "$@"
"""

_CURL = (
    """\
#!/bin/sh
# curl to the cluster's names: the host of each URL is looked up at the cluster's DNS server.
"""
    + _DOMAIN
    + """\
address_of() {{
    case $1 in
        127.*.*.*) echo "$1"; return ;;
        *.|*..*|localhost|'') return ;;
    esac
    domain=$(domain_of "$1")
    {dig} @{address} -p {port} +short +time=2 +tries=1 \\
        ${{domain:++search +ndots=5 +domain=$domain}} "$1" | grep -m 1 '^127\\.'
}}
for word do
    case $word in
        -*) continue ;;
        https://*) usual=443 ;;
        *) usual=80 ;;
    esac
    place=${{word#*://}} place=${{place%%[/?#]*}} place=${{place##*@}}
    host=${{place%%:*}} port=${{place#"$host"}} port=${{port#:}} port=${{port:-$usual}}
    case $host$port in *[!A-Za-z0-9.-]*) continue ;; esac
    case $port in *[!0-9]*) continue ;; esac
    address=$(address_of "$host")
    [ "$port" -lt 1024 ] && bound=$((port + {shift})) || bound=$port
    [ -n "$address" ] && set -- "$@" --connect-to "$host:$port:$address:$bound"
done
exec {curl} "$@"
"""
)

_SCRIPTS = {"nslookup": _NSLOOKUP, "dig": _DIG, "curl": _CURL}


def tool_scripts(found: Mapping[str, str], dns: ClusterDNS, port_shift: int) -> dict[str, str]:
    """Return the scripts for the tools that this machine has; ``found`` are their paths.

    ``port_shift`` is how far ports below 1024 have moved.
    """
    words = {**found, "address": dns.address, "port": dns.port, "domain": dns.domain, "shift": port_shift}
    return {
        name: script.format_map(words)
        for name, script in _SCRIPTS.items()
        if name in found and (name != "curl" or "dig" in found)
    }
