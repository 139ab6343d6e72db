"""What a program on a node sees in /etc."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubedns.config import DNSConfig
from kubesvc.shell.files import hosts_file, nsswitch_conf, read_hosts, resolv_conf


def test_names_are_resolved_as_in_a_pod_of_the_namespace() -> None:
    assert resolv_conf("10.96.0.10", "cluster.local", "shop") == (
        "search shop.svc.cluster.local svc.cluster.local cluster.local\nnameserver 10.96.0.10\noptions ndots:5\n"
    )


@pytest.mark.parametrize(
    ("own", "wanted"),
    [
        ("hosts:          files dns\n", ""),
        ("passwd: files\nhosts: files mymachines resolve [!UNAVAIL=return] dns\n", "passwd: files\nhosts: files dns\n"),
        ("passwd: files\n", "passwd: files\nhosts: files dns\n"),
        ("", "hosts: files dns\n"),
    ],
)
def test_only_files_and_dns_are_asked_for_host_names(own: str, wanted: str) -> None:
    assert nsswitch_conf(own) == wanted


def test_the_first_hosts_file_names_the_nodes_and_the_hosts_outside() -> None:
    text = hosts_file([("node-1", "192.168.0.101")], {"k8s.service.com": ("10.65.40.20",)})
    assert read_hosts(text) == {"node-1": ("192.168.0.101",), "k8s.service.com": ("10.65.40.20",)}
    assert text.splitlines()[1:3] == ["127.0.0.1 localhost", "::1 localhost ip6-localhost ip6-loopback"]


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("10.65.40.20 k8s.service.com", {"k8s.service.com": ("10.65.40.20",)}),
        (
            "10.65.40.20\tK8s.Service.Com.  other # why",
            {"k8s.service.com": ("10.65.40.20",), "other": ("10.65.40.20",)},
        ),
        ("10.0.0.1 a\n10.0.0.2 a\n10.0.0.1 a", {"a": ("10.0.0.1", "10.0.0.2")}),
        ("# 10.0.0.1 a", {}),
        ("10.0.0 a\nfd00::1 b\n127.0.0.1 c\nd", {}),
        (f"10.0.0.1 {'x' * 64} a..b", {}),
    ],
    ids=["the tutorial's", "several names", "several addresses", "a comment", "no IPv4 address", "no names"],
)
def test_a_line_gives_its_names_an_address(line: str, names: dict[str, tuple[str, ...]]) -> None:
    assert read_hosts(line) == names


@given(st.text())
def test_the_name_server_takes_whatever_is_read(name: str) -> None:
    DNSConfig(hosts=read_hosts(f"10.0.0.1 {name}"))
