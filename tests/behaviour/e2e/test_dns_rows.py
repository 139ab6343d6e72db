"""test/e2e/network/dns.go, "DNS": a querier pod looks names up, over UDP and TCP, as people do in a pod.

A pod has its own /etc/resolv.conf and /etc/hosts, and the machine's own tools read them. X2 asks the internet.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.helpers.cluster.cli import eventually
from tests.helpers.cluster.ground import Ground
from tests.helpers.cluster.manifests import script
from tests.helpers.e2e.cluster import Namespace, Service, agnhost, netserver, pause, pod
from tests.helpers.e2e.shell import Shell

GROUND = Ground(6)
ZONES = ("", "")

ZONE = "cluster.local"
KUBERNETES = f"kubernetes.default.svc.{ZONE}"

NAME_SERVER = """
import os, sys
import dnslib.server
zone = dnslib.server.BaseResolver()
def resolve(request, handler):
    reply = request.reply()
    if str(request.q.qname) == sys.argv[1]:
        reply.add_answer(dnslib.RR(request.q.qname, rdata=dnslib.A(sys.argv[2])))
    else:
        reply.header.rcode = dnslib.RCODE.NXDOMAIN
    return reply
zone.resolve = resolve
server = dnslib.server.DNSServer(zone, port=int(os.environ["PORT"]), address=os.environ["POD_IP"])
print("serving", flush=True)
server.start()
"""


@pytest.fixture
def shell(namespace: Namespace, tmp_path: Path) -> Shell:
    """Run a querier pod, and have a shell in it."""
    return querier(namespace, tmp_path, "dns-test")


def querier(namespace: Namespace, home: Path, name: str, **spec: Any) -> Shell:
    """Run a pod that does nothing but have tools, and return a shell in it."""
    namespace.run(pause(name, 0, **spec))
    return Shell(namespace, name, home)


def services(namespace: Namespace) -> tuple[Service, Service, str]:
    """Create upstream's headless and regular Service of one pod; return them with the pod's address."""
    address = namespace.run(netserver("server", 1))[0]["status"]["podIP"]
    headless = namespace.service("dns-test-service", clusterIP="None")
    regular = namespace.service("test-service-2")
    for each in (headless, regular):
        assert each.becomes_endpoints({"server": [8083]})
    return headless, regular, address


def test_x01_should_provide_dns_for_the_cluster(namespace: Namespace, shell: Shell) -> None:
    cluster_ip = namespace.cluster.api.ask("GET", "/api/v1/namespaces/default/services/kubernetes")["spec"]["clusterIP"]
    assert shell.resolves(KUBERNETES, "A", [cluster_ip])
    for each in ("+notcp", "+tcp"):
        assert namespace.cluster.commands.dig(each, KUBERNETES) == [cluster_ip]


@pytest.mark.parametrize("name", ["kubernetes.default", "kubernetes.default.svc"])
def test_x03_should_resolve_dns_of_partial_qualified_names_for_the_cluster(shell: Shell, name: str) -> None:
    full = shell.dig(KUBERNETES, "A")
    assert full
    assert shell.resolves(name, "A", full)
    assert f"Name:\t{KUBERNETES}\nAddress: {full[0]}\n" in shell.run(f"nslookup {name}").out


def test_x04_should_provide_etc_hosts_entries_for_the_cluster(namespace: Namespace, tmp_path: Path) -> None:
    shell = querier(namespace, tmp_path, "dns-querier-1", hostname="dns-querier-1", subdomain="dns-test-service")
    address = namespace.get("Pod", "dns-querier-1")["status"]["podIP"]
    full = f"dns-querier-1.dns-test-service.{namespace.name}.svc.{ZONE}"
    for name in (full, "dns-querier-1"):
        assert set(shell.run(f"getent hosts {name}").out.split()) == {address, full, "dns-querier-1"}
    assert f"{address}\t{full}\tdns-querier-1\n" in shell.run("cat /etc/hosts").out
    assert shell.run("hostname").out == "dns-querier-1\n"


def test_x05_should_provide_dns_for_services(namespace: Namespace, shell: Shell) -> None:
    headless, regular, address = services(namespace)
    within = f"{namespace.name}.svc.{ZONE}"
    cluster_ip = regular.at_cluster_ip().address
    assert shell.resolves(f"{headless.name}.{within}", "A", [address])
    assert shell.resolves(f"{regular.name}.{within}", "A", [cluster_ip])
    target = f"{address.replace('.', '-')}.{headless.name}.{within}."
    assert shell.resolves(f"_http._tcp.{headless.name}.{within}", "SRV", [f"0 100 8083 {target}"])
    assert shell.resolves(f"_http._tcp.{regular.name}.{within}", "SRV", [f"0 100 8080 {regular.name}.{within}."])
    reverse = ".".join(reversed(cluster_ip.split(".")))
    assert shell.resolves(f"{reverse}.in-addr.arpa.", "PTR", [f"{regular.name}.{within}."])
    assert namespace.cluster.commands.dig("-x", cluster_ip) == [f"{regular.name}.{within}."]


def test_x06_should_resolve_dns_of_partial_qualified_names_for_services(namespace: Namespace, shell: Shell) -> None:
    headless, regular, address = services(namespace)
    within = f"{namespace.name}.svc.{ZONE}"
    for tail in ("", f".{namespace.name}", f".{namespace.name}.svc"):
        assert shell.resolves(headless.name + tail, "A", [address])
    target = f"{address.replace('.', '-')}.{headless.name}.{within}."
    for name, wanted in ((headless.name, f"8083 {target}"), (regular.name, f"8080 {regular.name}.{within}.")):
        assert shell.resolves(f"_http._tcp.{name}.{namespace.name}.svc", "SRV", [f"0 100 {wanted}"])
    cluster_ip = regular.at_cluster_ip().address
    assert f"name = {regular.name}.{within}." in shell.run(f"nslookup {cluster_ip}").out
    assert shell.run(f"curl -s http://{regular.name}:8080/hostname").out == "server"


def test_x07_should_provide_dns_for_pods_for_hostname(namespace: Namespace, tmp_path: Path) -> None:
    """That DNS has the name as well is more than upstream asks."""
    namespace.service("dns-test-service-2", app="dns-test-hostname", clusterIP="None")
    names = {"hostname": "dns-querier-2", "subdomain": "dns-test-service-2"}
    manifest = pause("dns-querier-2", 0, **names)
    manifest["metadata"]["labels"] = {"app": "dns-test-hostname"}
    namespace.run(manifest)
    shell = Shell(namespace, "dns-querier-2", tmp_path)
    address = namespace.get("Pod", "dns-querier-2")["status"]["podIP"]
    full = f"dns-querier-2.dns-test-service-2.{namespace.name}.svc.{ZONE}"
    assert set(shell.run(f"getent hosts {full}").out.split()) == {address, full, "dns-querier-2"}
    assert shell.resolves(full, "A", [address])


def test_x08_should_provide_dns_for_pods_for_subdomain(namespace: Namespace, shell: Shell) -> None:
    namespace.service("dns-test-service-2", app="dns-test-subdomain", clusterIP="None")
    labelled = pod("dns-querier-3", 0, "dns-test-subdomain", agnhost("pause"))
    labelled["spec"] |= {"hostname": "dns-querier-3", "subdomain": "dns-test-service-2"}
    address = namespace.run(labelled)[0]["status"]["podIP"]
    within = f"dns-test-service-2.{namespace.name}.svc.{ZONE}"
    assert shell.resolves(f"dns-querier-3.{within}", "A", [address])
    assert shell.resolves(within, "A", [address])


def test_x09_should_provide_dns_for_externalname_services(namespace: Namespace, shell: Shell) -> None:
    name = f"dns-test-service-3.{namespace.name}.svc.{ZONE}"
    service = namespace.service("dns-test-service-3", app="", type="ExternalName", externalName="foo.example.com")
    assert shell.resolves(name, "CNAME", ["foo.example.com."])
    service.patch(externalName="bar.example.com")
    assert shell.resolves(name, "CNAME", ["bar.example.com."])
    service.patch(type="ClusterIP", externalName=None, ports=[{"port": 80, "name": "http", "targetPort": 8080}])
    assert shell.resolves(name, "A", [service.at_cluster_ip().address])
    assert shell.resolves(name, "CNAME", [])


def test_x10_should_support_configurable_pod_dns_nameservers(namespace: Namespace, tmp_path: Path) -> None:
    config = {"nameservers": ["1.1.1.1"], "searches": ["resolv.conf.local"]}
    shell = querier(namespace, tmp_path, "dns-pod", dnsPolicy="None", dnsConfig=config)
    assert shell.run("cat /etc/resolv.conf").out == "search resolv.conf.local\nnameserver 1.1.1.1\n"


def test_x11_should_support_configurable_pod_resolv_conf(namespace: Namespace, tmp_path: Path) -> None:
    found = "notexistname.resolv.conf.local."
    container = script(NAME_SERVER, found, "1.1.1.1", ports=[{"containerPort": 53, "protocol": "UDP"}])
    server = namespace.run(pod("dns-server", 0, "", container))[0]["status"]["podIP"]
    config = {
        "nameservers": [server],
        "searches": ["resolv.conf.local"],
        "options": [{"name": "ndots", "value": "2"}],
    }
    shell = querier(namespace, tmp_path, "dns-utils", dnsPolicy="None", dnsConfig=config)
    assert "options ndots:2\n" in shell.run("cat /etc/resolv.conf").out
    assert eventually(lambda: shell.run("dig +short +search notexistname", status=None).out == "1.1.1.1\n")
    assert "Address: 1.1.1.1\n" in shell.run("nslookup notexistname").out
    assert shell.dig(KUBERNETES, "A") == []  # the cluster's server is not asked


def test_search_paths_longer_than_the_old_limits_are_used(namespace: Namespace, tmp_path: Path) -> None:
    """Upstream: more than 6 search paths and more than 256 characters; the root; names with underscores."""
    searches = [f"{letter * 63}.example" for letter in "abcdefg"] + [".", f"default.svc.{ZONE}"]
    shell = querier(namespace, tmp_path, "dns-long", dnsConfig={"searches": searches})
    assert shell.dig("kubernetes", "A") == shell.dig(KUBERNETES, "A")
