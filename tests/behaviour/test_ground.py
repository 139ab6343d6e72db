"""The ground that the stories stand on is theirs alone, and what they say is left there is there."""

from __future__ import annotations

import itertools
import socket
import subprocess
import sys
from ipaddress import ip_network
from pathlib import Path

import yaml
from tests.helpers.cluster.ground import Ground, is_alive, listening, processes_of, readable_by_others

from kubesvc.config import ClusterConfiguration

SUBNETS = ("serviceSubnet", "podSubnet", "loadBalancerSubnet")


def test_no_ground_overlaps_with_another_one_or_with_the_default() -> None:
    default = ClusterConfiguration()
    networking = default.networking
    subnets = [networking.service_subnet, networking.pod_subnet, networking.load_balancer_subnet]
    addresses, node_ports = [each.address for each in default.nodes], [networking.node_port_range]
    for number in range(32):
        written = yaml.safe_load(Ground(number).configuration())
        subnets += [written["networking"][name] for name in SUBNETS]
        addresses += [each["address"] for each in written["nodes"]]
        first, last = written["networking"]["serviceNodePortRange"].split("-")
        node_ports.append((int(first), int(last)))
    assert not [pair for pair in itertools.combinations(map(ip_network, subnets), 2) if pair[0].overlaps(pair[1])]
    assert len(addresses) == len(set(addresses))
    assert all(one[1] < other[0] for one, other in itertools.pairwise(sorted(node_ports)))


def test_a_listener_is_seen_as_long_as_it_is_there() -> None:
    with socket.create_server(("127.170.255.1", 0)) as server:
        place = server.getsockname()
        assert place in listening()
    assert place not in listening()


def test_a_process_is_found_by_its_state_directory(tmp_path: Path) -> None:
    sleeper = [sys.executable, "-c", "import time; print(flush=True); time.sleep(3600)"]
    environment = {"KUBESVC_STATE": str(tmp_path)}
    with subprocess.Popen(sleeper, env=environment, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert processes_of(tmp_path) == {process.pid}
        assert is_alive(process.pid)
        process.kill()
    assert processes_of(tmp_path) == set()
    assert not is_alive(process.pid)


def test_what_others_can_read_is_listed_unless_a_closed_folder_is_around_it(tmp_path: Path) -> None:
    folder, file = tmp_path / "state", tmp_path / "state" / "log"
    folder.mkdir(mode=0o755)
    file.write_text("")
    file.chmod(0o644)
    assert readable_by_others(folder) == [f"drwxr-xr-x {folder}", f"-rw-r--r-- {file}"]
    folder.chmod(0o700)
    assert readable_by_others(folder) == []
