"""The controllers of identity: ServiceAccounts, the authority's certificate, token Secrets, aggregated roles."""

from __future__ import annotations

import base64

from tests.helpers.kubeapi.objects import new_registry

from kubeapi.kind import Objects
from kubeapi.meta import JSON, ObjectKey
from kubeapi.rbac.policy import create_missing_roles
from kubeapi.registry import Registry, bootstrap
from kubeapi.scheme import CLUSTERROLES, CONFIGMAPS, NAMESPACES, SECRETS, SERVICEACCOUNTS
from kubeapi.watching import Delta
from kubecontroller.change import Create, Delete, Update
from kubecontroller.listers import Listers
from kubecontroller.rbac.aggregation import ClusterRoleAggregationController
from kubecontroller.serviceaccount.accounts import RootCAPublisher, ServiceAccountController
from kubecontroller.serviceaccount.tokens import TokensController, forgotten, reconcile

DEFAULT = ObjectKey("", "default")
SECRET: JSON = {
    "metadata": {
        "name": "s",
        "namespace": "default",
        "uid": "2",
        "annotations": {"kubernetes.io/service-account.name": "robot"},
    },
    "type": "kubernetes.io/service-account-token",
}
ROBOT: JSON = {"metadata": {"name": "robot", "namespace": "default", "uid": "1"}}


def cluster() -> Registry:
    registry = new_registry()
    bootstrap(registry)
    return registry


def test_a_namespace_gets_its_account_and_again_when_that_is_deleted() -> None:
    registry = cluster()
    controller = ServiceAccountController(Listers(registry.store))
    [change] = controller.reconcile(DEFAULT, 0.0)
    assert isinstance(change, Create)
    made = registry.create(SERVICEACCOUNTS, change.obj)
    assert controller.reconcile(DEFAULT, 0.0) == []
    key = ObjectKey("default", "default")
    assert list(controller.keys_for(SERVICEACCOUNTS, Delta(key, made, None))) == [DEFAULT]
    assert list(controller.keys_for(SERVICEACCOUNTS, Delta(key, None, made))) == []


def test_a_namespace_that_is_being_deleted_gets_nothing() -> None:
    registry = cluster()
    registry.create(NAMESPACES, {"metadata": {"name": "x"}})
    registry.delete(NAMESPACES, "", "x")
    listers = Listers(registry.store)
    assert ServiceAccountController(listers).reconcile(ObjectKey("", "x"), 0.0) == []
    assert RootCAPublisher(listers, lambda: "PEM").reconcile(ObjectKey("", "x"), 0.0) == []


def test_the_certificate_is_put_back_when_it_is_changed() -> None:
    registry = cluster()
    controller = RootCAPublisher(Listers(registry.store), lambda: "PEM")
    [made] = controller.reconcile(DEFAULT, 0.0)
    assert isinstance(made, Create)
    stored = registry.create(CONFIGMAPS, made.obj)
    assert stored["data"] == {"ca.crt": "PEM"}
    assert controller.reconcile(DEFAULT, 0.0) == []
    changed = registry.update(CONFIGMAPS, {**stored, "data": {"ca.crt": "other"}})
    key = ObjectKey("default", "kube-root-ca.crt")
    assert list(controller.keys_for(CONFIGMAPS, Delta(key, stored, changed))) == [DEFAULT]
    [back] = controller.reconcile(DEFAULT, 0.0)
    assert isinstance(back, Update)
    assert back.obj["data"] == {"ca.crt": "PEM"}


def test_a_token_secret_is_filled_in_once() -> None:
    [change] = reconcile(SECRET, ROBOT, "PEM", lambda account, secret: "token")
    assert isinstance(change, Update)
    content = {name: base64.b64decode(value).decode() for name, value in change.obj["data"].items()}
    assert content == {"ca.crt": "PEM", "namespace": "default", "token": "token"}
    assert change.obj["metadata"]["annotations"]["kubernetes.io/service-account.uid"] == "1"
    assert reconcile(change.obj, ROBOT, "PEM", lambda account, secret: "another") == []


def test_a_token_secret_goes_with_its_account() -> None:
    [change] = reconcile(SECRET, None, "PEM", lambda account, secret: "token")
    assert isinstance(change, Delete)
    other = {**ROBOT, "metadata": {**ROBOT["metadata"], "uid": "9"}}
    bound = {**SECRET, "metadata": {**SECRET["metadata"], "annotations": {"kubernetes.io/service-account.uid": "1"}}}
    [change] = reconcile(bound, other, "PEM", lambda account, secret: "token")
    assert isinstance(change, Delete)


def test_an_account_forgets_a_token_secret_that_is_gone() -> None:
    [change] = forgotten({**ROBOT, "secrets": [{"name": "s"}, {"name": "t"}]}, "s")
    assert isinstance(change, Update)
    assert change.obj["secrets"] == [{"name": "t"}]
    assert forgotten(ROBOT, "s") == []


def test_the_account_of_a_secret_finds_it_again() -> None:
    registry = cluster()
    controller = TokensController(Listers(registry.store), lambda: "PEM", lambda account, secret: "token")
    key = ObjectKey("default", "s")
    assert list(controller.keys_for(SECRETS, Delta(key, None, SECRET))) == [key]
    assert list(controller.keys_for(SERVICEACCOUNTS, Delta(ObjectKey("default", "robot"), ROBOT, None))) == [key]


def test_an_aggregated_role_has_the_rules_of_the_roles_that_it_selects() -> None:
    registry = cluster()
    assert list(create_missing_roles(registry))
    store: Objects = registry.store
    controller = ClusterRoleAggregationController(Listers(registry.store))
    [change] = controller.reconcile(ObjectKey("", "view"), 0.0)
    assert isinstance(change, Update)
    rules = store.find(CLUSTERROLES, ObjectKey("", "system:aggregate-to-view"))
    assert rules is not None
    assert change.obj["rules"] == rules["rules"]
    registry.update(CLUSTERROLES, change.obj)
    assert controller.reconcile(ObjectKey("", "view"), 0.0) == []
    own = {"metadata": {"name": "crd"}, "rules": [{"verbs": ["get"], "apiGroups": ["x"], "resources": ["y"]}]}
    own["metadata"]["labels"] = {"rbac.authorization.k8s.io/aggregate-to-view": "true"}  # type: ignore[index]
    registry.create(CLUSTERROLES, own)
    [change] = controller.reconcile(ObjectKey("", "view"), 0.0)
    assert isinstance(change, Update)
    assert {"verbs": ["get"], "apiGroups": ["x"], "resources": ["y"]} in change.obj["rules"]
