"""The C library's resolver in a few lines of shell, for the scripts of ``exec_tools``: by the pod's own files. Pure.

Follows resolv.conf(5): a name with a trailing dot is asked as it is, one with fewer than ``ndots`` dots in the domains
of the search list first. A hosts file comes before it, as in most nsswitch.conf(5). Of the name servers only the first
is asked.
"""

from __future__ import annotations

RESOLVER = """\
# What the pod's resolv.conf says; a name server in 127.0.0.0/8 is at the port that the cluster's has.
server={address} search="${{POD_NAMESPACE:-default}}.svc."{domain}" svc."{domain}" "{domain} ndots=5
if [ -r "$KUBESVC_ETC/resolv.conf" ]; then
    server= search= ndots=1
    while read -r word rest; do
        case $word in
            nameserver) server=${{server:-$rest}} ;;
            search) search=$rest ;;
            options)
                for each in $rest; do
                    case $each in ndots:*) ndots=${{each#ndots:}} ;; esac
                done ;;
        esac
    done < "$KUBESVC_ETC/resolv.conf"
fi
server=${{server:-127.0.0.1}} # the machine's own, as resolv.conf(5) has it
case $server in 127.*) server_port={port} ;; *) server_port=53 ;; esac

# The names that a name may stand for, in the order in which they are tried.
candidates() {{
    case $1 in
        *.|*:*|*..*|.*|'') echo "$1"; return ;;
        *[!0-9.]*) ;;
        *) echo "$1"; return ;;
    esac
    dots=$(IFS=.; set -f; set -- $1; echo $(($# - 1)))
    [ "$dots" -lt "$ndots" ] || echo "$1"
    for each in $search; do
        each=${{each%.}}
        echo "$1${{each:+.$each}}"
    done
    [ "$dots" -ge "$ndots" ] || echo "$1"
}}
"""
"""To be formatted with the cluster's ``address``, ``port`` and ``domain``."""

ADDRESS_OF = """\
# The address of a name: from the hosts file, else the first in 127.0.0.0/8 that DNS has for it.
address_of() {{
    case $1 in
        127.*.*.*) echo "$1"; return ;;
        *.|*..*|.*|localhost|'') return ;;
    esac
    if [ -r "$KUBESVC_ETC/hosts" ]; then
        while read -r address names; do
            case $address in *:*|'#'*) continue ;; esac
            for each in $names; do
                [ "$each" = "$1" ] && echo "$address" && return
            done
        done < "$KUBESVC_ETC/hosts"
    fi
    for name in $(candidates "$1"); do
        {dig} @"$server" -p $server_port +short +time=2 +tries=1 "$name" | grep -m 1 '^127\\.' && return
    done
}}
"""
"""To be formatted with the path of ``dig``; needs RESOLVER."""
