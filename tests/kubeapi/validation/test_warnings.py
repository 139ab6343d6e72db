"""What the writer of a Service or a slice is warned of."""

from __future__ import annotations

import pytest
from tests.helpers.kubeapi.objects import new_registry, service

from kubeapi.kinds import kind_of
from kubeapi.meta import JSON
from kubeapi.registryconfig import RegistryConfig
from kubeapi.scheme import ENDPOINTSLICES, SERVICES
from kubeapi.validation.warnings import warning_text

HINTS = {"service.kubernetes.io/topology-aware-hints": "Auto"}


@pytest.mark.parametrize(
    ("obj", "texts"),
    [
        pytest.param(service(), [], id="nothing"),
        pytest.param(service(type="ExternalName", externalName="a.example"), [], id="ExternalName"),
        pytest.param(
            service(externalName="a.example"),
            ['spec.externalName is ignored when spec.type is not "ExternalName"'],
            id="a name that is not asked for",
        ),
        pytest.param(
            service(type="ExternalName", externalName="a.example", externalIPs=["127.9.9.9"]),
            ['spec.externalIPs is ignored when spec.type is "ExternalName"'],
            id="addresses of a name",
        ),
        pytest.param(
            service(metadata={"annotations": HINTS}),
            [
                "annotation service.kubernetes.io/topology-aware-hints is deprecated, please use "
                "service.kubernetes.io/topology-mode instead"
            ],
            id="an old annotation",
        ),
    ],
)
def test_a_service_is_warned_of_what_has_no_effect(obj: JSON, texts: list[str]) -> None:
    stored = new_registry().create(SERVICES, obj)
    for before in (None, stored):
        assert [warning_text(each) for each in kind_of(SERVICES).warnings(before, stored, RegistryConfig())] == texts


def test_a_new_slice_of_names() -> None:
    made = {"metadata": {"name": "a"}, "addressType": "FQDN", "endpoints": [{"addresses": ["a.example"]}]}
    stored = new_registry().create(ENDPOINTSLICES, made)
    [warning] = kind_of(ENDPOINTSLICES).warnings(None, stored, RegistryConfig())
    assert warning_text(warning) == "spec.addressType: FQDN endpoints are deprecated"
    assert list(kind_of(ENDPOINTSLICES).warnings(stored, stored, RegistryConfig())) == []
