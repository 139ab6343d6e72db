"""Secrets: stringData becomes data, types have rules of their own, an immutable one stays as it is."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from tests.helpers.kubeapi.objects import new_registry

from kubeapi.kinds import kind_of
from kubeapi.kinds.secret import KIND
from kubeapi.meta import JSON
from kubeapi.registry import Registry
from kubeapi.registryconfig import RegistryConfig
from kubeapi.status import BadRequest, Invalid
from kubeapi.validation.warnings import warning_text

SECRETS = KIND.resource
IMMUTABLE = "field is immutable when `immutable` is set"


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def secret(**fields: Any) -> JSON:
    return {"metadata": {"name": "db"}, **fields}


def created(**fields: Any) -> JSON:
    return new_registry().create(SECRETS, secret(**fields))


def faults(**fields: Any) -> list[str]:
    """Return why a new Secret is refused."""
    with pytest.raises(Invalid) as refusal:
        created(**fields)
    return [str(each) for each in refusal.value.causes]


def update_faults(before: JSON, **after: Any) -> list[str]:
    registry = new_registry()
    stored = registry.create(SECRETS, secret(**before))
    with pytest.raises(Invalid) as refusal:
        registry.update(SECRETS, {**stored, **after})
    return [str(each) for each in refusal.value.causes]


def test_string_data_is_written_into_data_and_never_kept() -> None:
    obj = created(data={"user": encoded("ann"), "port": encoded("1")}, stringData={"user": "bob", "unit": "µ"})
    assert obj["data"] == {"user": encoded("bob"), "port": encoded("1"), "unit": encoded("µ")}
    assert "stringData" not in obj


def test_the_type_is_opaque_unless_it_is_given() -> None:
    assert created()["type"] == "Opaque"
    assert created(type="example.com/anything")["type"] == "example.com/anything"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"type": "kubernetes.io/tls"}, ["data[tls.crt]: Required value", "data[tls.key]: Required value"]),
        ({"type": "kubernetes.io/tls", "data": {"tls.crt": ""}}, ["data[tls.key]: Required value"]),
        (
            {"type": "kubernetes.io/basic-auth"},
            ["data[username]: Required value", "data[password]: Required value"],
        ),
        (
            {"type": "kubernetes.io/ssh-auth", "data": {"ssh-privatekey": ""}},
            ["data[ssh-privatekey]: Required value"],
        ),
        ({"type": "kubernetes.io/dockercfg"}, ["data[.dockercfg]: Required value"]),
        (
            {"type": "kubernetes.io/dockerconfigjson", "stringData": {".dockerconfigjson": "{"}},
            ['data[.dockerconfigjson]: Invalid value: "<secret contents redacted>": unexpected end of JSON input'],
        ),
        (
            {"type": "kubernetes.io/dockerconfigjson", "stringData": {".dockerconfigjson": "[]"}},
            [
                'data[.dockerconfigjson]: Invalid value: "<secret contents redacted>": json: cannot unmarshal array'
                " into Go value of type map[string]interface {}"
            ],
        ),
        (
            {"type": "kubernetes.io/service-account-token"},
            ["metadata.annotations[kubernetes.io/service-account.name]: Required value"],
        ),
        ({"stringData": {"a": "x" * 1048577}}, ["data: Too long: may not be more than 1048576 bytes"]),
    ],
    ids=str,
)
def test_each_type_has_its_rules(fields: JSON, expected: list[str]) -> None:
    assert faults(**fields) == expected


@pytest.mark.parametrize(
    "fields",
    [
        {"type": "kubernetes.io/basic-auth", "data": {"username": ""}},
        {"type": "kubernetes.io/dockercfg", "stringData": {".dockercfg": "{}"}},
        {"type": "kubernetes.io/ssh-auth", "stringData": {"ssh-privatekey": "x"}},
        {"stringData": {"a": "x" * 1048576}},
    ],
    ids=lambda fields: fields.get("type", "size"),
)
def test_what_a_type_wants_is_enough(fields: JSON) -> None:
    assert created(**fields)["metadata"]["name"] == "db"


def test_a_key_is_a_file_name() -> None:
    [fault] = faults(stringData={"a b": ""})
    assert fault.startswith('data[a b]: Invalid value: "a b": a valid config key must consist of')


def test_plain_text_in_data_is_told_by_the_byte_that_is_no_base64() -> None:
    with pytest.raises(BadRequest, match="Secret: illegal base64 data at input byte 4"):
        created(data={"a": "hello"})


def test_the_type_is_immutable() -> None:
    expected = ['type: Invalid value: "Opaque": field is immutable']
    assert update_faults({"type": "example.com/a"}, type="Opaque") == expected


def test_an_immutable_secret_stays_as_it_is() -> None:
    before = {"immutable": True, "data": {"a": ""}}
    assert update_faults(before, data={"a": encoded("x")}) == [f"data: Forbidden: {IMMUTABLE}"]
    assert update_faults(before, immutable=False) == [f"immutable: Forbidden: {IMMUTABLE}"]


def test_an_update_with_string_data_adds_to_what_it_has() -> None:
    registry: Registry = new_registry()
    stored = registry.create(SECRETS, secret(stringData={"a": "1"}))
    assert registry.update(SECRETS, {**stored, "stringData": {"b": "2"}})["data"] == {
        "a": encoded("1"),
        "b": encoded("2"),
    }


CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n"
PRIVATE_KEY = "-----BEGIN RSA PRIVATE KEY-----\nMA==\n-----END RSA PRIVATE KEY-----\n"
PARAMETERS = "-----BEGIN DH PARAMETERS-----\nMA==\n-----END DH PARAMETERS-----\n"


@pytest.mark.parametrize(
    ("certificate", "key", "warnings"),
    [
        (CERTIFICATE, PRIVATE_KEY, []),
        (PARAMETERS + CERTIFICATE, PRIVATE_KEY, []),
        ("x", "x", ["tls: failed to find any PEM data in certificate input"]),
        (CERTIFICATE, "x", ["tls: failed to find any PEM data in key input"]),
        (
            PRIVATE_KEY,
            CERTIFICATE,
            [
                "tls: failed to find certificate PEM data in certificate input, but did find a private key; "
                "PEM inputs may have been switched"
            ],
        ),
        (
            CERTIFICATE,
            CERTIFICATE,
            ["tls: found a certificate rather than a key in the PEM for the private key"],
        ),
        (
            PARAMETERS,
            PRIVATE_KEY,
            [
                'tls: failed to find "CERTIFICATE" PEM block in certificate input after skipping PEM blocks of the '
                "following types: [DH PARAMETERS]"
            ],
        ),
        (
            CERTIFICATE,
            PARAMETERS,
            [
                'tls: failed to find PEM block with type ending in "PRIVATE KEY" in key input after skipping PEM blocks'
                " of the following types: [DH PARAMETERS]"
            ],
        ),
    ],
)
def test_a_tls_secret_without_its_pem_blocks_is_taken_with_a_warning(
    certificate: str, key: str, warnings: list[str]
) -> None:
    stored = created(type="kubernetes.io/tls", stringData={"tls.crt": certificate, "tls.key": key})
    assert [warning_text(each) for each in kind_of(SECRETS).warnings(None, stored, RegistryConfig())] == warnings


def test_line_breaks_in_base64_are_not_stored() -> None:
    made = new_registry().create(SECRETS, {"metadata": {"name": "x"}, "data": {"a": "YWJj\nZGVm\n", "b": "YW\r\nJj"}})
    assert made["data"] == {"a": "YWJjZGVm", "b": "YWJj"}
