"""Protobuf bodies: kubectl's own, recorded, and what else may come over the wire.

The objects of protobuf_bodies.json are what ``kubectl ... --dry-run=client -o json`` prints for the command (1.32.4,
byte for byte the same with 1.33.1); of the reviews, which have no dry run, what the server has to know.
"""

from __future__ import annotations

import base64
import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.helpers.kubeapi.strict import strict_faults
from tests.helpers.kubeapiserver.protobuf import envelope, int_field, message, text_field, varint

from kubeapi.kinds import RESOURCES
from kubeapi.meta import JSON
from kubeapi.schema import struct
from kubeapi.scheme import Resource
from kubeapiserver.gotypes import json_fields, struct_for
from kubeapiserver.protobuf.decoding import decode

RECORDED: dict[str, Any] = json.loads(Path(__file__).with_name("protobuf_bodies.json").read_bytes())
DEPLOYMENT = base64.b64decode(RECORDED["deployment-zero"]["body"])


@pytest.mark.parametrize("name", RECORDED)
def test_a_body_of_kubectl_is_what_its_dry_run_prints(name: str) -> None:
    assert decode(base64.b64decode(RECORDED[name]["body"])) == RECORDED[name]["object"]


def test_a_pointer_keeps_its_zero_and_a_value_loses_it() -> None:
    spec = decode(DEPLOYMENT)["spec"]
    assert spec["replicas"] == 0
    assert "minReadySeconds" not in spec
    assert "nodePort" not in decode(base64.b64decode(RECORDED["clusterip"]["body"]))["spec"]["ports"][0]


def pod(spec: bytes) -> JSON:
    read: JSON = decode(envelope("v1", "Pod", message(2, spec)))["spec"]
    return read


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        pytest.param(int_field(4, 0), {"terminationGracePeriodSeconds": 0}, id="a pointer to zero"),
        pytest.param(int_field(4, 2**64 - 5), {"terminationGracePeriodSeconds": -5}, id="a negative number"),
        pytest.param(int_field(11, 0) + int_field(12, 1), {"hostPID": True}, id="booleans"),
        pytest.param(text_field(16, ""), {}, id="an empty string"),
        pytest.param(text_field(16, "a") + text_field(16, ""), {}, id="the last one counts"),
        pytest.param(
            message(7, text_field(1, "disk") + text_field(2, "ssd")), {"nodeSelector": {"disk": "ssd"}}, id="map"
        ),
        pytest.param(message(7, b""), {"nodeSelector": {"": ""}}, id="an empty entry of a map"),
        pytest.param(
            message(32, text_field(1, "cpu") + message(2, text_field(1, "1"))),
            {"overhead": {"cpu": "1"}},
            id="quantities",
        ),
        pytest.param(
            message(14, int_field(4, 1) + int_field(4, 2)),
            {"securityContext": {"supplementalGroups": [1, 2]}},
            id="numbers in a list",
        ),
        pytest.param(
            message(1, text_field(1, "v") + message(2, message(2, b""))),
            {"volumes": [{"name": "v", "emptyDir": {}}]},
            id="a struct within its owner",
        ),
        pytest.param(
            message(14, int_field(2, 5)) + message(14, int_field(3, 1)),
            {"securityContext": {"runAsUser": 5, "runAsNonRoot": True}},
            id="a struct in two parts",
        ),
        pytest.param(text_field(16, b"\xff"), {"hostname": "�"}, id="no UTF-8"),
    ],
)
def test_a_field_is_read_as_go_would_show_it(spec: bytes, expected: JSON) -> None:
    assert pod(spec) == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param(message(8, int_field(1, 1_700_000_000)), "2023-11-14T22:13:20Z", id="a moment"),
        pytest.param(message(8, b""), None, id="none"),
        pytest.param(message(8, int_field(1, 2**64 - 62135596800)), None, id="Go's zero"),
    ],
)
def test_a_time_is_read_as_rfc_3339(fields: bytes, expected: str | None) -> None:
    assert decode(envelope("v1", "Pod", message(1, fields)))["metadata"] == {"creationTimestamp": expected}


def test_a_micro_time_keeps_its_microseconds() -> None:
    event = decode(envelope("events.k8s.io/v1", "Event", message(2, int_field(1, 1) + int_field(2, 1_500_000))))
    assert event["eventTime"] == "1970-01-01T00:00:01.001500Z"


def test_the_first_years_have_four_digits() -> None:
    lease = decode(envelope("events.k8s.io/v1", "Event", message(2, int_field(1, 2**64 - 62135596798))))
    assert lease["eventTime"] == "0001-01-01T00:00:02.000000Z"


def test_delete_options_are_of_every_group() -> None:
    options = text_field(4, "Background") + int_field(1, 0)
    read = decode(envelope("apps/v1", "DeleteOptions", options))
    assert read == {
        "kind": "DeleteOptions",
        "apiVersion": "apps/v1",
        "propagationPolicy": "Background",
        "gracePeriodSeconds": 0,
    }


def test_managed_fields_are_json_within_protobuf() -> None:
    entry = text_field(1, "me") + message(7, text_field(1, '{"f:spec":{}}'))
    read = decode(envelope("v1", "Pod", message(1, message(17, entry))))
    assert read["metadata"]["managedFields"] == [{"manager": "me", "fieldsV1": {"f:spec": {}}}]


@pytest.mark.parametrize(
    ("body", "message_of_go"),
    [
        pytest.param(
            b"", "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]", id="nothing"
        ),
        pytest.param(
            b'{"kind":"Pod"}',
            "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]",
            id="JSON",
        ),
        pytest.param(b"k8s\x00", "Object 'Kind' is missing in the protobuf envelope", id="an empty envelope"),
        pytest.param(
            envelope("", "Pod", b""), "Object 'apiVersion' is missing in the protobuf envelope", id="no version"
        ),
        pytest.param(
            envelope("v1", "Secrets", b""),
            'no kind "Secrets" is registered for version "v1" in scheme "pkg/api/legacyscheme/scheme.go:30"',
            id="an unknown kind",
        ),
        pytest.param(
            envelope("v1", "Pod", b"", encoding="gzip"), 'unsupported content encoding "gzip"', id="an encoding"
        ),
        pytest.param(DEPLOYMENT[:-1], "unexpected EOF", id="cut off"),
        pytest.param(envelope("v1", "Pod", message(99, b"")), "unknown field number 99 in Pod", id="an unknown number"),
        pytest.param(envelope("v1", "Pod", b"\x00\x00"), "proto: Pod: illegal tag 0 (wire type 0)", id="number 0"),
        pytest.param(envelope("v1", "Pod", b"\x0b"), "proto: Pod: illegal wireType 3", id="a group"),
        pytest.param(
            envelope("v1", "Pod", int_field(1, 1)),
            "proto: wrong wireType = 0 for field Metadata",
            id="another wire type",
        ),
        pytest.param(envelope("v1", "Pod", b"\x0a" + b"\xff" * 11), "proto: integer overflow", id="an endless number"),
        pytest.param(envelope("v1", "Pod", b"\x0a" + varint(2**63)), "unexpected EOF", id="an absurd length"),
        pytest.param(
            envelope("v1", "Pod", message(1, message(8, int_field(1, 2**62)))),
            "Time.MarshalJSON: year outside of range [0,9999]",
            id="a time beyond all years",
        ),
        pytest.param(
            envelope("v1", "Pod", message(1, message(17, message(7, text_field(1, "{"))))),
            "unexpected end of JSON input",
            id="bad JSON within",
        ),
    ],
)
def test_what_cannot_be_read_is_refused_in_go_words(body: bytes, message_of_go: str) -> None:
    with pytest.raises(ValueError, match=r".") as refusal:
        decode(body)
    assert str(refusal.value) == message_of_go


@given(st.binary(max_size=200), st.integers(0, len(DEPLOYMENT)), st.booleans())
def test_no_bytes_raise_anything_but_value_error(noise: bytes, at: int, is_inserted: bool) -> None:
    body = DEPLOYMENT[:at] + noise + DEPLOYMENT[at if is_inserted else at + len(noise) :]
    with contextlib.suppress(ValueError):
        decode(body)


@given(st.sampled_from(["Pod", "Service", "Node", "Event", "Endpoints", "ConfigMap"]), st.binary(max_size=300))
def test_no_object_raises_anything_but_value_error(kind: str, raw: bytes) -> None:
    with contextlib.suppress(ValueError):
        decode(envelope("v1", kind, raw))


@pytest.mark.parametrize("resource", RESOURCES, ids=str)
def test_the_table_has_every_field_that_the_schema_has(resource: Resource) -> None:
    name = struct_for(resource.api_version, resource.kind)
    assert name is not None
    wanted, seen = [name], set()
    while wanted:
        name = wanted.pop()
        if name in seen:
            continue
        seen.add(name)
        known = struct(name)
        missing = known.fields.keys() - json_fields(name).keys() - {"apiVersion", "kind"}
        assert not missing, (name, missing)
        for field in known.fields.values():
            while field.element is not None:
                field = field.element
            if field.kind == "struct":
                wanted.append(field.name)


@pytest.mark.parametrize("name", RECORDED)
def test_a_decoded_body_has_nothing_that_strict_reading_refuses(name: str) -> None:
    obj = RECORDED[name]["object"]
    resource = next((each for each in RESOURCES if each.kind == obj["kind"]), None)
    assert resource is None or strict_faults(resource, obj) == []
