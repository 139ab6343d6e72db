"""Secret (pkg/apis/core/v1/{defaults,conversion}.go, ValidateSecret, pkg/registry/core/secret/strategy.go)."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator

from kubeapi.kind import Kind
from kubeapi.meta import JSON, annotations_of
from kubeapi.objects.serviceaccount import ACCOUNT_NAME, TOKEN_SECRET
from kubeapi.registryconfig import RegistryConfig
from kubeapi.scheme import SECRETS
from kubeapi.serialization.gojson import go_kind, read_json
from kubeapi.status import FieldError
from kubeapi.validation.configdata import validate_immutable, validate_key, validate_size
from kubeapi.validation.faults import Faults, invalid, required
from kubeapi.validation.warnings import verbatim

_REDACTED = "<secret contents redacted>"
_TLS = "kubernetes.io/tls"
_CERTIFICATE, _KEY = "tls.crt", "tls.key"
_PEM_BLOCK = re.compile(rb"-----BEGIN ([^\n-]+)-----\s.*?-----END \1-----", re.DOTALL)


def _set_defaults(obj: JSON) -> None:
    """Move stringData, which is only ever written, into data; the type is Opaque unless it is given."""
    texts = obj.pop("stringData", None)
    if texts:
        encoded = {key: base64.b64encode(value.encode(errors="replace")).decode() for key, value in texts.items()}
        obj["data"] = {**obj.get("data", {}), **encoded}
    if not obj.get("type"):
        obj["type"] = "Opaque"


def _validate(obj: JSON) -> Faults:
    data: dict[str, str] = obj.get("data", {})
    for key in data:
        yield from validate_key("data", key)
    yield from validate_size("data", sum(len(base64.b64decode(value)) for value in data.values()))
    if rule := _TYPE_RULES.get(obj["type"]):
        yield from rule(obj)


def _validate_service_account(obj: JSON) -> Faults:
    if not annotations_of(obj).get(ACCOUNT_NAME):
        yield required(f"metadata.annotations[{ACCOUNT_NAME}]")


def _validate_json(key: str) -> Callable[[JSON], Faults]:
    """Return the rule of a type with a required ``key`` that holds a JSON object."""

    def rule(obj: JSON) -> Faults:
        path, text = f"data[{key}]", obj.get("data", {}).get(key)
        if text is None:
            yield required(path)
        elif fault := _json_fault(base64.b64decode(text)):
            yield invalid(path, _REDACTED, fault)

    return rule


def _json_fault(text: bytes) -> str:
    try:
        value = read_json(text)
    except ValueError as error:
        return str(error)
    if value is None or isinstance(value, dict):
        return ""
    return f"json: cannot unmarshal {go_kind(value)} into Go value of type map[string]interface {{}}"


def _validate_basic_auth(obj: JSON) -> Faults:
    keys = ("username", "password")
    if not any(key in obj.get("data", {}) for key in keys):
        yield from (required(f"data[{key}]") for key in keys)


def _validate_ssh_auth(obj: JSON) -> Faults:
    if not obj.get("data", {}).get("ssh-privatekey"):
        yield required("data[ssh-privatekey]")


def _validate_tls(obj: JSON) -> Faults:
    for key in (_CERTIFICATE, _KEY):
        if key not in obj.get("data", {}):
            yield required(f"data[{key}]")


_TYPE_RULES: dict[str, Callable[[JSON], Faults]] = {
    TOKEN_SECRET: _validate_service_account,
    "kubernetes.io/dockercfg": _validate_json(".dockercfg"),
    "kubernetes.io/dockerconfigjson": _validate_json(".dockerconfigjson"),
    "kubernetes.io/basic-auth": _validate_basic_auth,
    "kubernetes.io/ssh-auth": _validate_ssh_auth,
    _TLS: _validate_tls,
}
"""The rule of each type beyond those of all Secrets; other types have none."""


def _validate_update(new: JSON, old: JSON) -> Faults:
    if new["type"] != old["type"]:
        yield invalid("type", new["type"], "field is immutable")
    yield from validate_immutable(new, old, ("data",))


def _warnings(before: JSON | None, after: JSON, config: RegistryConfig) -> Iterator[FieldError]:
    """Yield the faults of a TLS Secret's PEM blocks; the real server also warns of a key that does not fit."""
    if after["type"] != _TLS:
        return
    data = after.get("data", {})
    certificates, keys = (_pem_types(data.get(key, "")) for key in (_CERTIFICATE, _KEY))
    if fault := _certificate_fault(certificates) or _key_fault(keys):
        yield verbatim("data", f"tls: {fault}")


def _pem_types(encoded: str) -> list[str]:
    return [each.decode(errors="replace") for each in _PEM_BLOCK.findall(base64.b64decode(encoded))]


def _certificate_fault(types: list[str]) -> str:
    """Return why there is no certificate, in the words of Go's crypto/tls X509KeyPair."""
    if "CERTIFICATE" in types:
        return ""
    if not types:
        return "failed to find any PEM data in certificate input"
    if len(types) == 1 and types[0].endswith("PRIVATE KEY"):
        return (
            "failed to find certificate PEM data in certificate input, but did find a private key; "
            "PEM inputs may have been switched"
        )
    skipped = f"after skipping PEM blocks of the following types: [{' '.join(types)}]"
    return f'failed to find "CERTIFICATE" PEM block in certificate input {skipped}'


def _key_fault(types: list[str]) -> str:
    """Return why there is no private key, in the words of Go's crypto/tls X509KeyPair."""
    if any(each == "PRIVATE KEY" or each.endswith(" PRIVATE KEY") for each in types):
        return ""
    if not types:
        return "failed to find any PEM data in key input"
    if types == ["CERTIFICATE"]:
        return "found a certificate rather than a key in the PEM for the private key"
    skipped = f"after skipping PEM blocks of the following types: [{' '.join(types)}]"
    return f'failed to find PEM block with type ending in "PRIVATE KEY" in key input {skipped}'


KIND = Kind(
    resource=SECRETS,
    field_labels=("type",),
    set_defaults=_set_defaults,
    validate=_validate,
    validate_update=_validate_update,
    lists_update_faults_first=True,
    warnings=_warnings,
    apply_rank=20,
)
