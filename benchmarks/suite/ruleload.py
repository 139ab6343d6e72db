"""How long the kernel takes to load rules, and then those of one more Service, in an empty network of its own.

    python -m benchmarks.suite.ruleload SERVICES

Prints {"loadSeconds", "changeMilliseconds"}: of all Services from compiled rules on, and of one more, a median.
"""

from __future__ import annotations

import json
import os
import socket
import statistics
import sys
import time
from pathlib import Path

from benchmarks.suite.configurations import endpoint_slice, service
from kubeapi.meta import ObjectKey
from kubehost.io.namespaces import NEWNET, NEWUSER, unshare
from kubeproxy.nft.io import netfilter
from kubeproxy.nft.io.ruleset import Ruleset
from kubeproxy.nft.serviceport import service_part
from kubeproxy.proxier import Proxier

CHANGES = 21
PAUSE = 0.1
PORT = 80
_NODE = {
    "apiVersion": "v1",
    "kind": "Node",
    "metadata": {"name": "node-1"},
    "spec": {"podCIDR": "10.244.0.0/16", "podCIDRs": ["10.244.0.0/16"]},
    "status": {"addresses": [{"type": "InternalIP", "address": "192.168.0.101"}]},
}


def _enter() -> None:
    """Be root of an empty network, as the agent of an ordinary user's cluster is."""
    user, group = os.geteuid(), os.getegid()
    unshare(NEWUSER | NEWNET)
    for name, text in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1")):
        Path("/proc/self", name).write_text(text)


def _add(proxier: Proxier, number: int) -> None:
    """Have a Service before two endpoints."""
    high, low = divmod(number, 250)
    name, port = f"service-{number}", {"port": PORT, "targetPort": PORT, "protocol": "TCP"}
    made = service(name, f"10.96.{high}.{low + 1}", port)
    found = endpoint_slice(name, PORT, "TCP", (f"10.244.{2 * high}.{low + 1}", f"10.244.{2 * high + 1}.{low + 1}"))
    proxier.services.update(ObjectKey("default", name), made)
    proxier.endpoints.update(ObjectKey("default", f"{name}-1"), found)


def _follow(proxier: Proxier, ruleset: Ruleset) -> float:
    """Have the kernel follow, and return the seconds that it took from compiled rules on; OSError if it refuses."""
    sync = proxier.sync()
    begin = time.perf_counter()
    refused = ruleset.apply({each: service_part(sync.rules, each) for each in sync.ports})
    took = time.perf_counter() - begin
    for error in refused.values():
        raise error
    return took


def main() -> None:
    """Measure as many Services as the argument says."""
    count = int(sys.argv[1])
    _enter()
    proxier = Proxier()
    proxier.nodes.update(ObjectKey("", "node-1"), _NODE)
    proxier.sync()
    sock = socket.socket(netfilter.FAMILY, netfilter.KIND, netfilter.PROTOCOL)
    sock.setblocking(False)
    ruleset = Ruleset(netfilter.NetfilterSocket(sock), proxier.rules.nodes)
    for number in range(count):
        _add(proxier, number)
    load = _follow(proxier, ruleset)
    changes = []
    for number in range(count, count + CHANGES):
        # The kernel frees what the last change has replaced, and has the next one wait for that.
        time.sleep(PAUSE)
        _add(proxier, number)
        changes.append(_follow(proxier, ruleset))
    ruleset.close(stop=True)
    print(json.dumps({"loadSeconds": load, "changeMilliseconds": statistics.median(changes) * 1000}))


if __name__ == "__main__":
    main()
