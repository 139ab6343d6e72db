from __future__ import annotations

import re
from io import StringIO
from ipaddress import IPv4Network
from pathlib import Path

import pytest
from tests.helpers.kubesvc.input_manifests import configured

from kubelet.images.catalog import unknown_image_text
from kubemanifest.loading import load
from kubeproxy.balancers import BALANCERS, NAMES, all_options
from kubesvc.config import (
    ClusterConfiguration,
    DNSSettings,
    ExternalHost,
    Image,
    Networking,
    NodeConfiguration,
    ProxySettings,
    read_configuration,
)

OPTIONS_OF_RANDOM = ", ".join(sorted(each.name for each in all_options(BALANCERS["random"])))
SUPPORTED_BALANCERS = ", ".join(f'"{each}"' for each in sorted(NAMES))


def faults(text: str) -> list[str]:
    """Return the faults without their source and position."""
    return [f"{each.field}: {each.message}" for each in configured(text).faults]


def test_without_a_document_everything_is_at_its_default() -> None:
    reading = read_configuration(None)
    assert (reading.configuration, reading.faults, reading.warnings) == (ClusterConfiguration(), (), ())
    assert [node.address for node in reading.configuration.nodes] == ["127.168.0.101", "127.168.0.102"]


def test_an_empty_document_gives_the_same_as_none() -> None:
    assert configured("").configuration == ClusterConfiguration()


def test_every_default_address_is_in_127_and_no_two_subnets_overlap() -> None:
    networking = Networking()
    subnets = [
        IPv4Network(each)
        for each in (networking.service_subnet, networking.pod_subnet, networking.load_balancer_subnet)
    ]
    assert all(subnet.subnet_of(IPv4Network("127.0.0.0/8")) for subnet in subnets)
    assert not any(one.overlaps(other) for one in subnets for other in subnets if one is not other)


def test_a_whole_configuration_is_read() -> None:
    reading = configured(
        """
        metadata: {name: mine}
        networking:
          serviceSubnet: 127.32.0.0/16
          podSubnet: 127.33.0.0/16
          loadBalancerSubnet: 127.34.0.0/24
          dnsDomain: test.local.
          serviceNodePortRange: 31000-31099
        nodes:
        - {name: one, address: 127.35.0.1, labels: {topology.kubernetes.io/zone: a}}
        - {name: two, zone: b, region: here, labels: {disk: ssd}, capacity: {cpu: 64, example.com/gpu: "4"}}
        proxy: {balancer: round_robin, balancerOptions: {}, healthzBindAddress: "127.0.0.1:0", metricsBindAddress: ""}
        dns:
          ttl: 30
          pods: verified
          upstreams: [8.8.8.8, "127.0.0.53:5353"]
          bindAddresses: ["::1"]
          stubDomains: [{domain: acme.local, upstreams: ["127.0.0.2:5353"]}]
          options: [noendpoints, transfer]
        images:
        - {name: mine/app, command: [python3, -m, app], args: [--fast], port: 8080, env: [{name: A, value: b}]}
        externalHosts:
        - {name: k8s.service.com, address: 10.65.40.20, page: k8s ExternalName test page}
        - {name: db.example.com, address: 10.65.40.21, port: 5432, image: mine/app, args: [-x]}
        - {name: only.a.name, address: 10.65.40.22}
        """
    )
    assert (reading.faults, reading.warnings) == ((), ())
    assert reading.configuration == ClusterConfiguration(
        networking=Networking(
            "127.32.0.0/16", "127.33.0.0/16", "127.34.0.0/24", "test.local", (31000, 31099), "127.32.0.10", "127.32.0.1"
        ),
        nodes=(
            NodeConfiguration("one", "127.35.0.1", "127.33.1.0/24", {"topology.kubernetes.io/zone": "a"}),
            NodeConfiguration(
                "two",
                "127.168.0.102",
                "127.33.2.0/24",
                {"disk": "ssd", "topology.kubernetes.io/zone": "b", "topology.kubernetes.io/region": "here"},
                capacity={"cpu": "64", "example.com/gpu": "4"},
            ),
        ),
        proxy=ProxySettings("round_robin", "127.0.0.1:0", "", balancer_options="{}"),
        dns=DNSSettings(
            30,
            "verified",
            ("8.8.8.8", "127.0.0.53:5353"),
            ("::1",),
            {"acme.local": ("127.0.0.2:5353",)},
            ("noendpoints", "transfer"),
        ),
        images=(Image("mine/app", ("python3", "-m", "app"), ("--fast",), {"A": "b"}, 8080, str(Path.cwd())),),
        external_hosts=(
            ExternalHost("k8s.service.com", "10.65.40.20", page="k8s ExternalName test page"),
            ExternalHost("db.example.com", "10.65.40.21", 5432, image="mine/app", args=("-x",)),
            ExternalHost("only.a.name", "10.65.40.22"),
        ),
    )
    assert [host.is_served for host in reading.configuration.external_hosts] == [True, True, False]


def test_kubernetes_own_addresses_are_moved_and_the_user_is_told() -> None:
    reading = configured(
        """
        networking: {serviceSubnet: 10.96.0.0/12, dnsAddress: 10.96.0.53}
        nodes: [{name: a, address: 192.168.0.101}]
        """
    )
    assert reading.configuration.networking.service_subnet == "127.96.0.0/12"
    assert reading.configuration.networking.dns_address == "127.96.0.53"
    assert [str(each) for each in reading.warnings] == [
        "<stdin>:4:14: networking.serviceSubnet: 10.96.0.0/12 is 127.96.0.0/12 on this machine",
        "<stdin>:4:43: networking.dnsAddress: 10.96.0.53 is 127.96.0.53 on this machine",
        "<stdin>:5:19: nodes[0].address: 192.168.0.101 is 127.168.0.101 on this machine",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            "networking: {serviceSubnet: x}",
            ['networking.serviceSubnet: Invalid value: "x": must be a valid IPv4 CIDR value, (e.g. 127.9.8.0/24)'],
            id="no CIDR",
        ),
        pytest.param(
            "networking: {serviceSubnet: 127.96.0.1/12}",
            [
                'networking.serviceSubnet: Invalid value: "127.96.0.1/12": '
                'must not have bits set beyond the prefix length, should be "127.96.0.0/12"'
            ],
            id="host bits",
        ),
        pytest.param(
            "networking: {podSubnet: 127.244.0.0/24}",
            ['networking.podSubnet: Invalid value: "127.244.0.0/24": the prefix must be between 9 and 23, inclusive'],
            id="pod subnet without a /24 per node",
        ),
        pytest.param(
            "networking: {podSubnet: 127.244.0.0/23}\nnodes: [{name: a}, {name: b}]",
            ['networking.podSubnet: Invalid value: "127.244.0.0/23": has room for 1 nodes, but there are 2'],
            id="more nodes than /24",
        ),
        pytest.param(
            "networking: {podSubnet: 127.100.0.0/16}",
            [
                'networking.podSubnet: Invalid value: "127.100.0.0/16": '
                "must not overlap with the serviceSubnet 127.96.0.0/12"
            ],
            id="overlap",
        ),
        pytest.param(
            "networking: {loadBalancerSubnet: 127.0.0.0/16}",
            ['networking.loadBalancerSubnet: Invalid value: "127.0.0.0/16": must not contain 127.0.0.1'],
            id="localhost",
        ),
        pytest.param(
            "networking: {serviceNodePortRange: 32767-30000}",
            [
                'networking.serviceNodePortRange: Invalid value: "32767-30000": '
                "must be between 1024 and 65535, inclusive, the lower port first"
            ],
            id="range the wrong way round",
        ),
        pytest.param(
            "networking: {serviceNodePortRange: 30000}",
            ["networking.serviceNodePortRange: Invalid value: 30000: must be text; quote it"],
            id="range of one number",
        ),
        pytest.param(
            "networking: {dnsAddress: 127.96.0.1}",
            [
                'networking.dnsAddress: Invalid value: "127.96.0.1": '
                "must be a free address of the serviceSubnet 127.96.0.0/12"
            ],
            id="DNS on the API's address",
        ),
        pytest.param(
            "nodes: [{name: a, address: 127.96.3.3}]",
            ['nodes[0].address: Invalid value: "127.96.3.3": must be outside the serviceSubnet 127.96.0.0/12'],
            id="node in a subnet",
        ),
        pytest.param(
            "nodes: [{name: a, address: 127.0.0.1}]",
            ['nodes[0].address: Invalid value: "127.0.0.1": node ports answer there anyway; give another one'],
            id="node on localhost",
        ),
        pytest.param(
            "nodes: [{name: a}, {name: a, address: 127.168.0.101}]",
            ['nodes[1].address: Duplicate value: "127.168.0.101"', 'nodes[1].name: Duplicate value: "a"'],
            id="node twice",
        ),
        pytest.param(
            "nodes: [{name: a, zone: b, labels: {topology.kubernetes.io/zone: c}}]",
            ['nodes[0].zone: Invalid value: "b": labels have topology.kubernetes.io/zone: c'],
            id="zone twice",
        ),
        pytest.param(
            "nodes: [{name: a, zone: the first}]",
            [
                'nodes[0].labels: Invalid value: "the first": '
                "is not a value for the label topology.kubernetes.io/zone: "
                "letters, digits, '-', '_' and '.', 63 at the most, beginning and ending with a letter or digit"
            ],
            id="zone no label value",
        ),
        pytest.param(
            "nodes: [{name: a, capacity: {cpu: -1, memory: much, pods: 1.5, b/: 1}}]",
            [
                'nodes[0].capacity[b/]: Invalid value: "1": name part must be non-empty',
                'nodes[0].capacity[cpu]: Invalid value: "-1": must be greater than or equal to 0',
                'nodes[0].capacity[memory]: Invalid value: "much": must be a quantity, (e.g. 4, 500m or 16Gi)',
                'nodes[0].capacity[pods]: Invalid value: "1.5": must be an integer',
            ],
            id="capacity",
        ),
        pytest.param(
            "nodes: [{name: a, capacity: {cpu: true}}]",
            ["nodes[0].capacity[cpu]: Invalid value: true: must be text; quote it"],
            id="capacity of another type",
        ),
        pytest.param("nodes: []", ["nodes: Required value: must have at least one node"], id="no node"),
        pytest.param("nodes: [{}]", ["nodes[0].name: Required value"], id="node without a name"),
        pytest.param("nodes: {}", ['nodes: Invalid value: "a mapping": must be a list'], id="nodes no list"),
        pytest.param(
            "proxy: {mode: iptables}",
            ['proxy.mode: Unsupported value: "iptables": supported values: "nftables", "userspace"'],
            id="unknown mode of the proxy",
        ),
        pytest.param(
            "proxy: {balancer: fastest}",
            [f'proxy.balancer: Unsupported value: "fastest": supported values: {SUPPORTED_BALANCERS}'],
            id="unknown balancer",
        ),
        pytest.param(
            "proxy: {balancer: random, balancerOptions: {choices: 2}}",
            [f"proxy.balancerOptions.choices: random: unknown option; supported options: {OPTIONS_OF_RANDOM}"],
            id="unknown option of the balancer",
        ),
        pytest.param(
            "proxy: {balancerOptions: 2}",
            ["proxy.balancerOptions: Invalid value: 2: must be a mapping"],
            id="options that are no mapping",
        ),
        pytest.param(
            "proxy: {healthzBindAddress: 127.0.0.1}",
            [
                'proxy.healthzBindAddress: Invalid value: "127.0.0.1": '
                "must be an address and a port, (e.g. 127.0.0.1:10256)"
            ],
            id="no port",
        ),
        pytest.param(
            'proxy: {healthzBindAddress: "0.0.0.0:10256"}',
            ['proxy.healthzBindAddress: Invalid value: "0.0.0.0": may not be unspecified (0.0.0.0)'],
            id="every address",
        ),
        pytest.param(
            "dns: {ttl: 3601}",
            ["dns.ttl: Invalid value: 3601: must be between 0 and 3600, inclusive"],
            id="ttl",
        ),
        pytest.param(
            "dns: {ttl: yes}", ["dns.ttl: Invalid value: true: must be a whole number"], id="ttl of a boolean"
        ),
        pytest.param(
            "dns: {pods: all}",
            ['dns.pods: Unsupported value: "all": supported values: "disabled", "insecure", "verified"'],
            id="pods",
        ),
        pytest.param(
            'dns: {upstreams: [dns.google, "8.8.8.8:0", "8.8.8.8", "[fd00::1]:53", "fd00::1", "8.8.8.8:5353"]}',
            [
                f'dns.upstreams[{index}]: Invalid value: "{value}": must be an IP address, or one and a port, '
                "(e.g. 10.9.8.7, 10.9.8.7:53 or [2001:db8::1]:53)"
                for index, value in enumerate(("dns.google", "8.8.8.8:0"))
            ],
            id="upstreams",
        ),
        pytest.param(
            "dns: {options: [cache, transfer]}",
            [
                'dns.options[0]: Unsupported value: "cache": '
                'supported values: "ignore empty_service", "noendpoints", "transfer"'
            ],
            id="unknown DNS option",
        ),
        pytest.param(
            "dns: {options: [noendpoints, ignore empty_service]}",
            [
                'dns.options: Invalid value: "noendpoints, ignore empty_service": '
                "without endpoints every Service is empty, and would have no name"
            ],
            id="DNS options that leave nothing",
        ),
        pytest.param(
            "dns: {stubDomains: [{domain: acme.local, upstreams: [x]}]}",
            [
                'dns.stubDomains[0].upstreams[0]: Invalid value: "x": must be an IP address, or one and a port, '
                "(e.g. 10.9.8.7, 10.9.8.7:53 or [2001:db8::1]:53)"
            ],
            id="upstream of a stub domain that is no address",
        ),
        pytest.param("dns: [x]", ['dns: Invalid value: "a list": must be a mapping'], id="section no mapping"),
        pytest.param(
            "images: [{name: a}, {name: a, command: [x, 1]}]",
            [
                "images[0].command: Required value",
                "images[1].command[1]: Invalid value: 1: must be text; quote it",
                'images[1].name: Duplicate value: "a"',
            ],
            id="images",
        ),
        pytest.param(
            "externalHosts: [{name: a.b, address: 10.65.40.20, page: x, image: nginx}]",
            ['externalHosts[0]: Invalid value: "page, image": may have only one of page, image and command'],
            id="two servers for one host",
        ),
        pytest.param(
            "externalHosts: [{name: a.b, address: 10.65.40.20, args: [x]}]",
            ["externalHosts[0].command: Required value: args and env belong to a command or an image"],
            id="arguments of nothing",
        ),
        pytest.param(
            "externalHosts: [{name: a.b, address: 10.65.4.2, page: x}, {name: c.d, address: 11.65.4.2, page: x}]",
            ['externalHosts[1].port: Duplicate value: "127.65.4.2:80"'],
            id="two servers at one place",
        ),
        pytest.param(
            "externalHosts: [{name: a.b, address: 10.244.1.1}, {name: c.d, address: 192.168.0.101}]",
            [
                'externalHosts[0].address: Invalid value: "10.244.1.1": on this machine it is 127.244.1.1, '
                "which is in the podSubnet 127.244.0.0/16",
                'externalHosts[1].address: Invalid value: "192.168.0.101": on this machine it is 127.168.0.101, '
                "which is the address of node node-1",
            ],
            id="host inside the cluster",
        ),
        pytest.param(
            "externalHosts: [{name: web.cluster.local, address: 10.65.40.20}]",
            ['externalHosts[0].name: Invalid value: "web.cluster.local": must be outside cluster.local'],
            id="name inside the zone",
        ),
        pytest.param("externalHosts: [{name: a.b}]", ["externalHosts[0].address: Required value"], id="no address"),
    ],
)
def test_a_mistake_is_said_in_kubernetes_words(text: str, expected: list[str]) -> None:
    assert sorted(faults(text)) == expected


def test_all_mistakes_are_reported_at_once_with_their_places_and_hints() -> None:
    reading = configured(
        """
        networkng: {}
        proxy:
          balancr: random
          balancer: roundrobin
        dns: {ttl: -1, transfer: true}
        """
    )
    assert [str(each) for each in reading.faults] == [
        '<stdin>:4:1: networkng: unknown field "networkng"\n    did you mean "networking"?',
        '<stdin>:6:3: proxy.balancr: unknown field "proxy.balancr"\n    did you mean "balancer"?',
        '<stdin>:7:3: proxy.balancer: Unsupported value: "roundrobin": '
        f'supported values: {SUPPORTED_BALANCERS}\n    did you mean "round_robin"?',
        "<stdin>:8:7: dns.ttl: Invalid value: -1: must be between 0 and 3600, inclusive",
        '<stdin>:8:16: dns.transfer: unknown field "dns.transfer"\n'
        "    known here: ttl, pods, upstreams, bindAddresses, stubDomains, options",
    ]


def test_the_remedy_for_an_unknown_image_is_what_the_configuration_takes() -> None:
    entry = re.search("`(images: .*?)`", unknown_image_text("team/shop:1", {}))
    assert entry is not None
    reading = configured(entry[1])
    assert reading.faults == ()
    assert reading.configuration.images == (Image("team/shop", ("...",), working_dir=str(Path.cwd())),)


@pytest.mark.parametrize(("given", "folder"), [("", "."), ("workingDir: sub, ", "sub"), ("workingDir: /opt, ", "/opt")])
def test_a_program_of_the_configuration_runs_in_the_folder_of_its_file(tmp_path: Path, given: str, folder: str) -> None:
    file = tmp_path / "cluster.yaml"
    file.write_text(
        "apiVersion: kubesvc.dev/v1alpha1\nkind: ClusterConfiguration\n"
        f"images: [{{name: a, {given}command: [./a]}}]\n"
        f"externalHosts: [{{name: a.b, address: 10.1.1.1, {given}command: [./a]}}, {{name: c.d, address: 10.1.1.2}}]\n"
    )
    configuration = read_configuration(load([str(file)], StringIO()).configuration).configuration
    (image,), (first, second) = configuration.images, configuration.external_hosts
    assert [Path(each.working_dir) for each in (image, first)] == [tmp_path / folder] * 2
    assert second.working_dir == ""


def test_a_fault_of_a_working_directory_has_its_place() -> None:
    reading = configured("images: [{name: a, command: [a], workingDir: 7}]")
    assert [str(each) for each in reading.faults] == [
        "<stdin>:3:34: images[0].workingDir: Invalid value: 7: must be text; quote it"
    ]
