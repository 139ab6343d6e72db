"""What this machine routes to a cluster of the exact plan."""

from __future__ import annotations

from kubesvc.config import ClusterConfiguration, ExternalHost, Networking, NodeConfiguration
from kubesvc.run.machine.hostroutes import host_ranges

NETWORKING = Networking("10.96.0.0/12", "10.244.0.0/16", "203.0.113.0/24")


def test_the_ranges_and_what_is_outside_of_them_alone_are_routed() -> None:
    config = ClusterConfiguration(
        NETWORKING,
        nodes=(
            NodeConfiguration("a", "192.168.0.101", "10.244.1.0/24"),
            NodeConfiguration("b", "203.0.113.250", "10.244.2.0/24"),
        ),
        external_hosts=(
            ExternalHost("a.com", "10.65.40.20", page="hello"),
            ExternalHost("a.org", "10.65.40.20", 81, page="hello"),
            ExternalHost("real.com", "10.65.40.21"),
        ),
    )
    assert host_ranges(config) == [
        "10.96.0.0/12",
        "10.244.0.0/16",
        "203.0.113.0/24",
        "192.168.0.101/32",
        "10.65.40.20/32",
    ]
