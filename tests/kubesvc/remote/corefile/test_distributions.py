"""The Corefiles of distributions are read as they are shipped."""

from __future__ import annotations

import pytest
from tests.helpers.kubesvc.corefile import composed, faults, warnings

KUBERNETES = "kubernetes cluster.local in-addr.arpa ip6.arpa {\n pods insecure\n fallthrough in-addr.arpa ip6.arpa\n}"
EKS = f"""
.:53 {{
    errors
    health {{
        lameduck 5s
      }}
    ready
    {KUBERNETES}
    prometheus :9153
    forward . /etc/resolv.conf
    cache 30
    loop
    reload
    loadbalance
}}
"""
K3S = f"""
.:53 {{
    errors
    health
    ready
    {KUBERNETES}
    hosts /etc/coredns/NodeHosts {{
      ttl 60
      reload 15s
      fallthrough
    }}
    prometheus :9153
    cache 30
    loop
    reload
    loadbalance
    import /etc/coredns/custom/*.override
    forward . /etc/resolv.conf
}}
import /etc/coredns/custom/*.server
"""
MINIKUBE = """
.:53 {
    log
    errors
    health {
       lameduck 5s
    }
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {
       pods insecure
       fallthrough in-addr.arpa ip6.arpa
       ttl 30
    }
    prometheus :9153
    hosts {
       192.168.49.1 host.minikube.internal
       fallthrough
    }
    forward . /etc/resolv.conf {
       max_concurrent 1000
    }
    cache 30 {
       disable success cluster.local
       disable denial cluster.local
    }
    loop
    reload
    loadbalance
}
"""
RKE2 = """.:53 {
    errors
    health  {
        lameduck 10s
    }
    ready
    kubernetes   cluster.local  cluster.local in-addr.arpa ip6.arpa {
        pods insecure
        fallthrough in-addr.arpa ip6.arpa
        ttl 30
    }
    prometheus   0.0.0.0:9153
    forward   . /etc/resolv.conf
    cache   30
    loop
    reload
    loadbalance
}"""
AKS = f"""
.:53 {{
    errors
    {KUBERNETES}
    forward . /etc/resolv.conf
    import custom/*.override
    template ANY ANY reddog.microsoft.com {{
      rcode NXDOMAIN
    }}
}}
import custom/*.server
"""
FILES = {
    "/etc/coredns/NodeHosts": "192.0.2.1 node-1\n",
    "/etc/coredns/custom/a.override": "bind 192.0.2.9\n",
    "/etc/coredns/custom/b.server": "corp.example:53 {\n bind 192.0.2.9\n forward . 192.0.2.7\n}\n",
}


@pytest.mark.parametrize("text", [EKS, RKE2, K3S], ids=["EKS", "RKE2", "k3s without more"])
def test_it_is_read_without_a_word(text: str) -> None:
    found = composed(text)
    assert (found.dns.zone, found.dns.other_zones, found.dns.addresses) == ("cluster.local", (), (("", 53),))
    assert found.dns.forwards["."].servers == (("192.0.2.53", 53),)


def test_what_k3s_imports_is_part_of_it() -> None:
    found = composed(K3S, FILES)
    assert found.dns.addresses == (("192.0.2.9", 53),)
    assert found.dns.hosts == {"node-1": ("192.0.2.1",)}
    assert found.dns.forwards["corp.example"].servers == (("192.0.2.7", 53),)


def test_minikubes_log_is_a_warning() -> None:
    assert [each.partition(";")[0] for each in warnings(MINIKUBE)] == [
        "Corefile:3: log: accepted without effect: queries are counted at /metrics, not logged"
    ]


def test_the_templates_of_aks_are_refused_with_their_line() -> None:
    (fault,) = faults(AKS)
    assert fault.startswith("Corefile:10: the plugin template is not served by kubesvc dns")
