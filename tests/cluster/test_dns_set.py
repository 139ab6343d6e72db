"""The differential set: over 1,500 questions to kubesvc's name server and to CoreDNS, with each of many Corefiles."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from benchmarks.cluster.controlplane import ControlPlane, Program
from benchmarks.cluster.peers import is_answering
from tests.helpers.dnsset.comparing import compare
from tests.helpers.dnsset.declared import declared, declared_with_cache
from tests.helpers.dnsset.objects import objects
from tests.helpers.dnsset.questions import questions

from kubehost.addresses import Address

OURS, THEIRS = ("127.0.0.1", 3053), ("127.0.0.1", 4053)
READY = {OURS: 38181, THEIRS: 48181}
REVERSE = "fallthrough in-addr.arpa ip6.arpa"
HOSTS = "hosts /dev/null {\n 192.0.2.5 www.example.org\n ::9 six.example.org\n fallthrough\n}"
NOBODY = "forward . 127.0.0.9:9953"
"""An upstream that does not answer."""

COREFILES = {
    "nothing said": ("", ""),
    "as kubeadm": (f"pods insecure\n ttl 30\n {REVERSE}", f"{NOBODY}\n cache 30"),
    "pods verified": ("pods verified", ""),
    "without endpoints": ("noendpoints", ""),
    "without empty Services": ("ignore empty_service", ""),
    "one namespace": ("namespaces dns-one", ""),
    "namespaces by label": ("namespace_labels kubernetes.io/metadata.name=dns-one", ""),
    "objects by label": ("labels a=b", ""),
    "names of pods": ("endpoint_pod_names", ""),
    "everything falls through": ("fallthrough", ""),
    "hosts": (f"pods insecure\n {REVERSE}", HOSTS),
    "transfers": ("", "transfer {\n to *\n}"),
}


def corefile(kubeconfig: Path, at: Address, options: str, more: str) -> str:
    """The Corefile of one server."""
    return (
        f".:{at[1]} {{\n bind {at[0]}\n errors\n ready 127.0.0.1:{READY[at]}\n"
        f" kubernetes cluster.local in-addr.arpa ip6.arpa {{\n kubeconfig {kubeconfig}\n {options}\n }}\n"
        f" {more}\n loadbalance\n}}\n"
    )


@pytest.fixture(scope="module")
def filled(plane: ControlPlane) -> ControlPlane:
    """Have the objects that the set asks about."""
    api = plane.api()
    for each in objects():
        api.put(each)
    return plane


@contextmanager
def serving(command: list[str], at: Address, text: str, folder: Path) -> Iterator[None]:
    """Run a name server until the block ends."""
    file = folder / f"Corefile.{at[1]}"
    file.write_text(text)

    program = Program([*command, str(file)], folder / f"{at[1]}.log", lambda: is_answering(at, READY[at]))
    try:
        program.start()
        yield
    finally:
        program.stop()


@pytest.mark.parametrize(("options", "more"), COREFILES.values(), ids=COREFILES)
def test_every_difference_from_coredns_is_declared(
    options: str, more: str, filled: ControlPlane, programs: dict[str, str], tmp_path: Path
) -> None:
    texts = {at: corefile(filled.kubeconfig, at, options, more) for at in (OURS, THEIRS)}
    kubesvc = [sys.executable, "-m", "kubesvc", "dns", "--config"]
    with (
        serving(kubesvc, OURS, texts[OURS], tmp_path),
        serving([programs["coredns"], "-conf"], THEIRS, texts[THEIRS], tmp_path),
    ):
        count, differences = compare(OURS, THEIRS, questions(), declared_with_cache if "cache" in more else declared)
    undeclared = [each for each in differences if not each.reason]
    assert count >= 1500
    assert not undeclared, "\n".join(f"{each.words}\n  {each.one}\n  {each.other}" for each in undeclared[:20])
