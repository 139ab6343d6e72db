"""What is said where nothing can be shown: which context, what is missing, and the way out."""

from __future__ import annotations

import pytest

from kubeapi.scheme import ENDPOINTSLICES, SERVICES, Resource
from kubeapi.status import StatusError
from kubesvc.remote.connect.wanted import Shown, access_review

SHOP = Shown("prod", "https://api:6443", "shop", "")
ALL = Shown("prod", "https://api:6443", "", "tier=web")
FORBIDDEN = StatusError(403, "Forbidden", 'services is forbidden: User "ann" cannot list')


@pytest.mark.parametrize(
    ("shown", "resource", "error", "begin", "end"),
    [
        (SHOP, SERVICES, FORBIDDEN, 'context "prod" (https://api:6443): services is forbidden: User "ann"', "the Role"),
        (ALL, SERVICES, FORBIDDEN, 'context "prod"', "with a Role in one namespace: -n NAMESPACE instead of -A"),
        (
            SHOP,
            ENDPOINTSLICES,
            StatusError(401, "Unauthorized", "Unauthorized"),
            'context "prod" (https://api:6443): Unauthorized',
            "endpointslices.discovery.k8s.io cannot be listed",
        ),
    ],
    ids=["no Role", "no ClusterRole", "a wrong token"],
)
def test_a_refused_list_names_the_context_and_what_is_needed(
    shown: Shown, resource: Resource, error: StatusError, begin: str, end: str
) -> None:
    said = shown.refused(resource, error)
    assert (said[: len(begin)], said[-len(end) :]) == (begin, end)


def test_a_place_without_services_is_named_with_the_way_to_others() -> None:
    assert SHOP.nothing() == (
        'context "prod" has no Service in namespace "shop"; -n NAMESPACE chooses another, -A shows all'
    )
    assert ALL.nothing() == (
        'context "prod" has no Service with the labels tier=web in any namespace; is it the right context?'
    )


def test_the_right_to_forward_ports_is_asked_for_where_it_is_needed() -> None:
    assert access_review("shop")["spec"] == {
        "resourceAttributes": {
            "verb": "create",
            "resource": "pods",
            "subresource": "portforward",
            "namespace": "shop",
        }
    }
    assert "may not create pods/portforward" in SHOP.no_port_forward()
