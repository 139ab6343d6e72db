"""nslookup, dig, curl and agnhost for pods: the machine's own, told where they are and where the names are. Pure.

Pods are processes without a resolv.conf and without a network of their own. So programs ask the machine's name server,
which knows nothing of the cluster, and what they send comes from 127.0.0.1, which is on no node. For the tools that
people try first there are scripts in front of the PATH of every container; each only runs the real one with more
arguments, so that it finds the cluster's names and sends from its pod's address: there traffic enters at the pod's
node. (nslookup cannot choose its source.) Any other program binds ``$POD_IP`` itself, or is outside the cluster.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import NamedTuple

TOOLS = ("nslookup", "dig", "curl")
"""Programs of this machine that have a script, if they are there."""
_NEEDS = {"nslookup": ("nslookup",), "dig": ("dig",), "curl": ("curl", "dig"), "agnhost": ("python", "sources")}


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
named=
for word do
    case $word in
        @127.*) named=$word ;;
        @*) exec {dig} "$@" ;;
        -b*) POD_IP= ;;
    esac
done
case $POD_IP in *:*) POD_IP= ;; esac
[ -n "$named" ] || set -- @{address} -p {port} "$@"
exec {dig} ${{POD_IP:+-b "$POD_IP"}} "$@"
"""

_CURL = (
    """\
#!/bin/sh
# curl from the pod's address to the cluster's names: the host of each URL is looked up at the cluster's DNS server.
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
case $POD_IP in *:*) source= ;; *) source=$POD_IP ;; esac
for word do
    case $word in
        --interface*) source= ;;
        *://\\[*|\\[*) source= ;;
    esac
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
exec {curl} ${{source:+--interface "$source"}} "$@"
"""
)

_AGNHOST = """\
#!/bin/sh
# the built-in agnhost, for `agnhost connect` and the like in any pod
exec env PYTHONPATH={sources} {python} -S -s -m kubelet.servers {shift} {address} {port} {domain} "$@"
"""

_SCRIPTS = {"nslookup": _NSLOOKUP, "dig": _DIG, "curl": _CURL, "agnhost": _AGNHOST}


def tool_scripts(found: Mapping[str, str], dns: ClusterDNS, port_shift: int) -> dict[str, str]:
    """Return the scripts for the tools that this machine has; ``found`` are their paths.

    ``python`` and ``sources`` (of this package) among them give agnhost. ``port_shift`` is how far ports below 1024
    have moved.
    """
    words = {**found, "address": dns.address, "port": dns.port, "domain": dns.domain, "shift": port_shift}
    return {
        name: script.format_map({each: _quoted(word) for each, word in words.items()})
        for name, script in _SCRIPTS.items()
        if all(each in found for each in _NEEDS[name])
    }


def _quoted(word: object) -> str:
    return shlex.quote(str(word))
