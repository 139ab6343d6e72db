"""``authorizer``: may somebody do something? (apiserver ``library/authz.go``). Pure: a given function decides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar

from kubeapi.cel.declarations import Function, define, type_named
from kubeapi.cel.faults import EvaluationError
from kubeapi.cel.types import Type
from kubeapi.validation.names import dns1123_label, dns1123_subdomain


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked. ``account`` is (namespace, name) of a ServiceAccount, None for the user of the request."""

    account: tuple[str, str] | None = None
    verb: str = ""
    path: str = ""
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether it is allowed, and why."""

    is_allowed: bool
    reason: str = ""
    cel_type: ClassVar[Type] = type_named("decision")


@dataclass(frozen=True, slots=True)
class _Check:
    question: Question
    decide: Callable[[Question], Decision]


class Authorizer(_Check):
    """The variable ``authorizer``."""

    cel_type: ClassVar[Type] = type_named("authorizer")


class _PathCheck(_Check):
    cel_type: ClassVar[Type] = type_named("path_check")


class _GroupCheck(_Check):
    cel_type: ClassVar[Type] = type_named("group_check")


class ResourceCheck(_Check):
    """What ``authorizer.group(...).resource(...)`` is, and the variable ``authorizer.requestResource``."""

    cel_type: ClassVar[Type] = type_named("resource_check")


def _not_empty(text: str, what: str) -> str:
    if not text.strip():
        raise EvaluationError(f"{what} must not be empty")
    return text


def _path(of: Authorizer, path: str) -> _PathCheck:
    return _PathCheck(replace(of.question, path=_not_empty(path, "path")), of.decide)


def _group(of: Authorizer, group: str) -> _GroupCheck:
    return _GroupCheck(replace(of.question, group=group), of.decide)


def _service_account(of: Authorizer, namespace: str, name: str) -> Authorizer:
    if dns1123_subdomain(name):
        raise EvaluationError("Invalid service account name")
    if dns1123_label(namespace):
        raise EvaluationError("Invalid service account namespace")
    return Authorizer(replace(of.question, account=(namespace, name)), of.decide)


def _resource(of: _GroupCheck, resource: str) -> ResourceCheck:
    return ResourceCheck(replace(of.question, resource=_not_empty(resource, "resource")), of.decide)


def _subresource(of: ResourceCheck, subresource: str) -> ResourceCheck:
    return ResourceCheck(replace(of.question, subresource=subresource), of.decide)


def _namespace(of: ResourceCheck, namespace: str) -> ResourceCheck:
    return ResourceCheck(replace(of.question, namespace=namespace), of.decide)


def _name(of: ResourceCheck, name: str) -> ResourceCheck:
    return ResourceCheck(replace(of.question, name=name), of.decide)


def _check(of: _Check, verb: str) -> Decision:
    return of.decide(replace(of.question, verb=verb))


def _selected(of: ResourceCheck, selector: str) -> ResourceCheck:
    """Return the check as it is: RBAC does not look at selectors."""
    return of


AUTHORIZATION: tuple[Function, ...] = (
    define("path", "authorizer.(string) path_check", _path),
    define("group", "authorizer.(string) group_check", _group),
    define("serviceAccount", "authorizer.(string, string) authorizer", _service_account),
    define("resource", "group_check.(string) resource_check", _resource),
    define("subresource", "resource_check.(string) resource_check", _subresource),
    define("namespace", "resource_check.(string) resource_check", _namespace),
    define("name", "resource_check.(string) resource_check", _name),
    define("fieldSelector", "resource_check.(string) resource_check", _selected),
    define("labelSelector", "resource_check.(string) resource_check", _selected),
    define("check", "path_check.(string) decision | resource_check.(string) decision", _check),
    define("errored", "decision.() bool", lambda decision: False),
    define("error", "decision.() string", lambda decision: ""),
    define("allowed", "decision.() bool", lambda decision: decision.is_allowed),
    define("reason", "decision.() string", lambda decision: decision.reason),
)
