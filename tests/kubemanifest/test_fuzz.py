"""Whatever is written in a file, reading it ends with documents and faults, never with an exception."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.helpers.kubesvc.input_manifests import load_text, new_registry

from kubemanifest.applying import apply_documents, with_objects
from kubesvc.config import read_configuration
from kubesvc.network.translation import translate

MANIFEST = """\
apiVersion: v1
kind: Service
metadata: &m {name: web, labels: {app: web}}
spec:
  type: NodePort
  clusterIP: 10.96.0.9
  selector: {<<: *m}
  ports:
  - {name: "http", port: 80, targetPort: 'web', nodePort: 30080}
---
apiVersion: kubesvc.dev/v1alpha1
kind: ClusterConfiguration
networking: {serviceSubnet: 10.96.0.0/12, serviceNodePortRange: 30000-32767}
nodes: [{name: a, address: 192.168.0.101, labels: {x: y}}]
dns: {ttl: 5, upstreams: [8.8.8.8]}
externalHosts: [{name: a.b, address: 10.65.40.20, page: x, env: [{name: A, value: b}]}]
"""
PIECES = [
    "",
    "\t",
    "- ",
    ": ",
    "{",
    "}",
    "[",
    "]",
    "&a ",
    "*a",
    "<<: ",
    "'",
    '"',
    "null",
    "~",
    "!!x ",
    "---\n",
    "\n",
    "|",
    "1e9",
]


def read_all(text: str) -> None:
    loaded = load_text(text)
    assert loaded.documents or loaded.faults or loaded.warnings or loaded.configuration
    reading = read_configuration(loaded.configuration)
    documents, _ = with_objects(loaded.documents, lambda obj: (translate(obj)[0], []))
    registry = new_registry()
    faults, _, _ = apply_documents(lambda _: registry, documents)
    for fault in (*loaded.faults, *loaded.warnings, *reading.faults, *faults):
        assert str(fault)


@given(st.text(max_size=80))
@settings(max_examples=150)
def test_any_text_is_read_to_an_end(text: str) -> None:
    read_all(text)


@given(st.integers(0, len(MANIFEST)), st.integers(0, 12), st.sampled_from(PIECES))
@settings(max_examples=400)
def test_any_slip_in_a_manifest_is_read_to_an_end(at: int, removed: int, written: str) -> None:
    read_all(MANIFEST[:at] + written + MANIFEST[at + removed :])
