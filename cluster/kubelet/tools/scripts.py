"""nslookup, dig, curl, wget, nc, getent, hostname and agnhost for pods: told where they are and where names are. Pure.

Pods are processes without a resolv.conf and without a network of their own. So programs ask the machine's name server,
which knows nothing of the cluster, and what they send comes from 127.0.0.1, which is on no node. For the tools that
people try first there are scripts in front of the PATH of every container; each only runs the real one with more
arguments, so that it finds the cluster's names and sends from its pod's address: there traffic enters at the pod's
node. (nslookup cannot choose its source.) Any other program binds ``$POD_IP`` itself, or is outside the cluster.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import NamedTuple

from kubelet.tools.resolver import ADDRESS_OF, RESOLVER

TOOLS = ("nslookup", "dig", "curl", "getent", "nc")
"""Programs of this machine that have a script, if they are there."""
_NEEDS = {
    "nslookup": ("nslookup",),
    "dig": ("dig",),
    "curl": ("curl", "dig"),
    "getent": ("getent", "dig"),
    "wget": ("curl", "dig"),
    "nc": ("nc", "dig"),
    "hostname": (),
    "agnhost": ("python", "sources"),
}


class ClusterDNS(NamedTuple):
    """Where the cluster's names are resolved, and the zone that they are in (kubelet clusterDNS, clusterDomain)."""

    address: str
    port: int
    domain: str


_NSLOOKUP = (
    """\
#!/bin/sh
# nslookup at the pod's name server, unless another one is named.
"""
    + RESOLVER
    + """\
names=0
for word do
    case $word in
        -?*) ;;
        *) names=$((names + 1)) name=$word ;;
    esac
done
case $names in
    0) exec {nslookup} -port=$server_port "$@" - "$server" ;;
    1) ;;
    *) exec {nslookup} "$@" ;;
esac
for word do
    shift
    [ "$word" = "$name" ] || set -- "$@" "$word"
done
for each in $(candidates "$name"); do
    said=$({nslookup} -port=$server_port -nosearch "$@" "$each" "$server") && break
done
status=$?
printf '%s\\n' "$said"
exit $status
"""
)

_DIG = (
    """\
#!/bin/sh
# dig from the pod's address at its name server, unless another one is named; +search goes by the pod's search list.
"""
    + RESOLVER
    + """\
named= option= name= is_searching=
for word do
    case $option in
        -q) name=$word option=; continue ;;
        -?) option=; continue ;;
    esac
    case $word in
        @127.*) named=$word ;;
        @*) exec {dig} "$@" ;;
        -b*) POD_IP= ;;
        +search|+showsearch) is_searching=yes ;;
    esac
    case $word in
        -[bcfkpqtxy]) option=$word ;;
        [-+@]*) ;;
        *) name=${{name:-$word}} ;;
    esac
done
case $POD_IP in *:*) POD_IP= ;; esac
[ -n "$named" ] && exec {dig} ${{POD_IP:+-b "$POD_IP"}} "$@"
case $server in 127.*) ;; *) POD_IP= ;; esac
if [ -n "$is_searching" ] && [ -n "$name" ]; then
    for each in $(candidates "$name"); do
        case $({dig} @"$server" -p $server_port +noall +comments +time=2 +tries=1 "$each") in
            *"status: NOERROR"*) break ;;
        esac
    done
    domain=${{each#"$name"}} domain=${{domain#.}}
    [ -n "$domain" ] && set -- "$@" +ndots=15 +domain="$domain" || set -- "$@" +nosearch
fi
exec {dig} ${{POD_IP:+-b "$POD_IP"}} @"$server" -p $server_port "$@"
"""
)

_CURL = (
    """\
#!/bin/sh
# curl from the pod's address to the cluster's names: the host of each URL is looked up as the pod does.
"""
    + RESOLVER
    + ADDRESS_OF
    + """\
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

_NC = (
    """\
#!/bin/sh
# nc from the pod's address to the cluster's names; one that listens is the machine's own.
"""
    + RESOLVER
    + ADDRESS_OF
    + """\
for word do
    case $word in -[!-]*l*|-l*) exec {nc} "$@" ;; esac
done
source=$POD_IP address= is_value= at=0 left=$#
while [ $left -gt 0 ]; do
    word=$1 left=$((left - 1))
    shift
    case $is_value$word in
        yes*) is_value= ;;
        -?*)
            flags=${{word#-}}
            while [ -n "$flags" ]; do
                rest=${{flags#?}} flag=${{flags%"${{flags#?}}"}}
                case $flag in s) source= ;; esac
                case $flag in
                    [eIiMmOPpqsTVWwXx]) [ -n "$rest" ] || is_value=yes; rest= ;;
                esac
                flags=$rest
            done ;;
        *)
            at=$((at + 1))
            case $at in 1) address=$(address_of "$word"); word=${{address:-$word}} ;; esac
            case $at$address$word in
                2127.*[!0-9.]*) ;;
                2127.*) [ "$word" -ge 1024 ] || word=$((word + {shift})) ;;
            esac ;;
    esac
    set -- "$@" "$word"
done
case $address$source in 127.*127.*) ;; *) source= ;; esac
[ -z "$source" ] || {nc} -h 2>&1 | grep -q -e -s || source= # busybox's has no such option
exec {nc} ${{source:+-s "$source"}} "$@"
"""
)

_HOSTNAME = """\
#!/bin/sh
# hostname as the pod has it, which shares the machine's own; that one is never changed.
case $*:$POD_IP in
    :*) echo "$HOSTNAME" ;;
    -s:*|--short:*) echo "${{HOSTNAME%%.*}}" ;;
    -i:*|--ip-address:*) echo "$POD_IP" ;;
    -I:*|--all-ip-addresses:*) echo "$POD_IPS" | tr , ' ' ;;
    -f:*|--fqdn:*|--long:*|-d:*|--domain:*)
        name=$HOSTNAME
        if [ -r "$KUBESVC_ETC/hosts" ]; then
            while read -r address first rest; do
                [ "$address" = "$POD_IP" ] && name=$first
            done < "$KUBESVC_ETC/hosts"
        fi
        case $1:$name in
            -f:*|--fqdn:*|--long:*) echo "$name" ;;
            *.*) echo "${{name#*.}}" ;;
        esac ;;
    -*) echo "hostname: kubesvc's knows -s, -i, -I, -f and -d, not '$*'" >&2; exit 1 ;;
    *) echo "hostname: you must be root to change the host name" >&2; exit 1 ;;
esac
"""

_GETENT = (
    """\
#!/bin/sh
# getent hosts NAME by the pod's hosts file and name server; everything else is the machine's own.
"""
    + RESOLVER
    + ADDRESS_OF
    + """\
[ "$1" = hosts ] && [ $# = 2 ] && address=$(address_of "$2")
[ -n "$address" ] || exec {getent} "$@"
printf '%-15s %s\\n' "$address" "$2"
"""
)

_WGET = """\
#!/bin/sh
# wget by the pod's curl, with the options of busybox's that people use.
file= left=$#
while [ $left -gt 0 ]; do
    word=$1 value= left=$((left - 1))
    shift
    case $word in
        -T|-t|-O|-[qS]O|--timeout|--tries|--header|--post-data|--output-document)
            value=$1 left=$((left - 1))
            shift ;;
        --*=*) value=${{word#*=}} ;;
        -[TtO]*) value=${{word#-?}} ;;
        -[qS]O*) value=${{word#-?O}} ;;
    esac
    case $word in
        -O*|-[qS]O*|--output-document*) file=$value ;;
        -T*|--timeout*) set -- "$@" --max-time "$value" ;;
        --header*) set -- "$@" -H "$value" ;;
        --post-data*) set -- "$@" -d "$value" ;;
        --spider) file=/dev/null; set -- "$@" -I ;;
        --no-check-certificate) set -- "$@" -k ;;
        -t*|--tries*|-q|-nv|--quiet) ;;
        -S) set -- "$@" -D /dev/stderr ;;
        -*) echo "wget: unrecognized option: $word" >&2; exit 1 ;;
        *) url=${{word#*://}}; set -- "$@" "$word" ;;
    esac
done
case $url in */?*) name=${{url##*/}} ;; *) name=index.html ;; esac
"${{0%/*}}/curl" -sSfL -o "${{file:-$name}}" "$@" || exit 1
"""

_AGNHOST = """\
#!/bin/sh
# the built-in agnhost, for `agnhost connect` and the like in any pod
exec env PYTHONPATH={sources} {python} -S -s -m kubelet.servers {shift} {address} {port} {domain} "$@"
"""

_SCRIPTS = {
    "nslookup": _NSLOOKUP,
    "dig": _DIG,
    "curl": _CURL,
    "getent": _GETENT,
    "wget": _WGET,
    "nc": _NC,
    "hostname": _HOSTNAME,
    "agnhost": _AGNHOST,
}
_SHELLS = ("sh", "bash", "dash", "ash")
_AGNHOST_PATH = re.compile(r"(?<![\w./~-])/agnhost(?![\w./-])")


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


def with_agnhost_on_path(argv: tuple[str, ...]) -> tuple[str, ...]:
    """Return a command that calls ``/agnhost``, where its image has it, as what is found here: on the PATH.

    It may be the command itself or stand in the script of a shell, as in ``sh -c "/agnhost connect web:80"``.
    """
    match argv:
        case ("/agnhost", *rest):
            return ("agnhost", *rest)
        case (shell, option, script, *rest) if PurePosixPath(shell).name in _SHELLS and option.endswith("c"):
            return (shell, option, _AGNHOST_PATH.sub("agnhost", script), *rest)
    return argv


def _quoted(word: object) -> str:
    return shlex.quote(str(word))
