"""A pod's resolv.conf and hosts file, policy by policy."""

from __future__ import annotations

from typing import Any

import pytest

from kubelet.pod.names import host_name, hosts, read_names, resolv_conf

CLUSTER = "search shop.svc.cluster.local svc.cluster.local cluster.local"
HOST = "# the machine's\nsearch lan.example\nnameserver 192.0.2.1\nnameserver 192.0.2.2\noptions edns0 ndots:2\n"
CUSTOM = {
    "nameservers": ["198.51.100.1"],
    "searches": ["my.dns.search.suffix", "lan.example"],
    "options": [{"name": "ndots", "value": "3"}, {"name": "single-request"}],
}


def of(**spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "web-1"}, "spec": spec}


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ({}, f"{CLUSTER} lan.example\nnameserver 10.96.0.10\noptions ndots:5\n"),
        (
            {"hostNetwork": True},
            "search lan.example\nnameserver 192.0.2.1\nnameserver 192.0.2.2\noptions edns0 ndots:2\n",
        ),
        (
            {"hostNetwork": True, "dnsPolicy": "ClusterFirstWithHostNet"},
            f"{CLUSTER} lan.example\nnameserver 10.96.0.10\noptions ndots:5\n",
        ),
        (
            {"dnsPolicy": "Default"},
            "search lan.example\nnameserver 192.0.2.1\nnameserver 192.0.2.2\noptions edns0 ndots:2\n",
        ),
        (
            {"dnsPolicy": "None", "dnsConfig": CUSTOM},
            "search my.dns.search.suffix lan.example\nnameserver 198.51.100.1\noptions ndots:3 single-request\n",
        ),
        (
            {"dnsConfig": CUSTOM},
            f"{CLUSTER} lan.example my.dns.search.suffix\nnameserver 10.96.0.10\nnameserver 198.51.100.1\n"
            "options ndots:3 single-request\n",
        ),
        (
            {"dnsPolicy": "Default", "dnsConfig": {"nameservers": ["192.0.2.2", "192.0.2.3", "192.0.2.4"]}},
            "search lan.example\nnameserver 192.0.2.1\nnameserver 192.0.2.2\nnameserver 192.0.2.3\n"
            "options edns0 ndots:2\n",
        ),
        ({"dnsPolicy": "None", "dnsConfig": {"nameservers": ["198.51.100.1"]}}, "nameserver 198.51.100.1\n"),
    ],
    ids=[
        "ClusterFirst",
        "ClusterFirst in the host's network",
        "ClusterFirstWithHostNet",
        "Default",
        "None",
        "ClusterFirst with more",
        "at most three servers, each once",
        "None with a server alone",
    ],
)
def test_the_policy_decides_which_servers_are_asked(spec: dict[str, Any], text: str) -> None:
    assert resolv_conf(read_names(of(**spec)), "shop", "10.96.0.10", "cluster.local", HOST) == text


@pytest.mark.parametrize(
    ("spec", "lines"),
    [
        ({}, ["10.244.0.5\tweb-1"]),
        ({"hostname": "db"}, ["10.244.0.5\tdb"]),
        ({"hostname": "db", "subdomain": "sub"}, ["10.244.0.5\tdb.sub.shop.svc.cluster.local\tdb"]),
        ({"hostnameOverride": "db.example.org", "hostname": "db", "subdomain": "sub"}, ["10.244.0.5\tdb.example.org"]),
        (
            {"hostAliases": [{"ip": "192.0.2.7", "hostnames": ["foo.local", "bar.local"]}]},
            ["10.244.0.5\tweb-1", "", "# Entries added by HostAliases.", "192.0.2.7\tfoo.local\tbar.local"],
        ),
    ],
    ids=["a pod", "a hostname", "a hostname with a subdomain", "a whole hostname", "aliases"],
)
def test_the_hosts_file_has_the_pod_and_its_aliases(spec: dict[str, Any], lines: list[str]) -> None:
    text = hosts(read_names(of(**spec)), "shop", "cluster.local", ["10.244.0.5"])
    assert text.startswith("# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n")
    assert text.splitlines()[7:] == lines


def test_a_pod_of_the_hosts_network_has_the_machines_hosts_file() -> None:
    aliases = [{"ip": "1.2.3.4", "hostnames": ["a"]}]
    names = read_names(of(hostNetwork=True, hostAliases=aliases))
    text = hosts(names, "shop", "cluster.local", ["10.244.0.5"], "127.0.0.1 laptop\n")
    assert text == (
        "# Kubernetes-managed hosts file (host network).\n127.0.0.1 laptop\n"
        "\n# Entries added by HostAliases.\n1.2.3.4\ta\n"
    )


@pytest.mark.parametrize(
    ("spec", "name"),
    [
        ({}, "web-1"),
        ({"hostname": "db-0", "subdomain": "db"}, "db-0"),
        ({"hostname": "db-0", "subdomain": "db", "setHostnameAsFQDN": True}, "db-0.db.shop.svc.cluster.local"),
        ({"setHostnameAsFQDN": True}, "web-1"),
        ({"hostname": "x" * 70}, "x" * 63),
        ({"hostnameOverride": "db.example.org", "hostname": "db", "subdomain": "sub"}, "db.example.org"),
    ],
)
def test_the_host_name_is_short_unless_the_full_one_is_asked_for(spec: dict[str, Any], name: str) -> None:
    assert host_name(read_names(of(**spec)), "shop", "cluster.local") == name


def test_a_pod_of_two_families_is_in_the_hosts_file_twice() -> None:
    text = hosts(read_names(of()), "shop", "cluster.local", ["10.244.0.5", "fd00:244::5"])
    assert text.splitlines()[7:] == ["10.244.0.5\tweb-1", "fd00:244::5\tweb-1"]
