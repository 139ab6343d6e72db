"""The user of a request, and what that user may do. Pure.

The holder of the token is the administrator, and may impersonate any user (``kubectl --as``). There are no roles, so
the rules are those of a new cluster: ``system:masters`` may do everything, other users may read discovery documents
and review their own permissions. Follows apiserver ``pkg/endpoints/filters/impersonation``
and ``plugin/pkg/auth/authorizer/rbac/bootstrappolicy``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple
from urllib.parse import unquote

from kubeapi.meta import JSON
from kubeapi.status import StatusError
from kubeapiserver.errors import BadInput, ForbiddenRequest

MASTERS, AUTHENTICATED, UNAUTHENTICATED = "system:masters", "system:authenticated", "system:unauthenticated"
_ANONYMOUS = "system:anonymous"
_SERVICE_ACCOUNT = "system:serviceaccount:"

USER_HEADER, GROUP_HEADER, UID_HEADER = "impersonate-user", "impersonate-group", "impersonate-uid"
IMPERSONATION = "impersonate-"
"""The prefix of all impersonation headers."""

_EXTRA_HEADER = "impersonate-extra-"
_HEADERS = frozenset((USER_HEADER, GROUP_HEADER, UID_HEADER))

_PUBLIC = ("/healthz", "/livez", "/readyz", "/version", "/version/")
_DISCOVERY = (
    "/api", "/api/*", "/apis", "/apis/*", "/healthz", "/livez", "/openapi", "/openapi/*", "/readyz", "/version",
    "/version/",
)  # fmt: skip
_REVIEWS = {
    "authentication.k8s.io": ("selfsubjectreviews",),
    "authorization.k8s.io": ("selfsubjectaccessreviews", "selfsubjectrulesreviews"),
}
"""Resources that system:basic-user may create."""


class User(NamedTuple):
    """A user as authentication.k8s.io describes one."""

    name: str
    groups: tuple[str, ...]
    uid: str = ""
    extra: Mapping[str, Sequence[str]] = {}

    def document(self) -> JSON:
        """Return the user as authentication.k8s.io's UserInfo."""
        extra = {name: list(values) for name, values in self.extra.items()}
        info = {"username": self.name, "uid": self.uid, "groups": list(self.groups), "extra": extra}
        return {field: value for field, value in info.items() if value}


ADMINISTRATOR = User("kubernetes-admin", (MASTERS, AUTHENTICATED))
"""The user of every request with the token that does not impersonate another."""


class Attributes(NamedTuple):
    """What a request asks for: ``verb`` on a resource, or on a non-resource ``path`` ("" for a resource)."""

    verb: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""


def impersonated(headers: Mapping[str, str]) -> User:
    """Return the user of a request; newlines separate the values of a repeated header."""
    if _HEADERS.isdisjoint(headers):
        return ADMINISTRATOR
    name, uid = headers.get(USER_HEADER, ""), headers.get(UID_HEADER, "")
    groups = [each for each in headers.get(GROUP_HEADER, "").split("\n") if each]
    if not name and (groups or uid):
        raise BadInput(f"requested {[*groups, *([uid] if uid else [])]} without impersonating a user")
    if not name:
        return ADMINISTRATOR
    extra = {
        unquote(header.removeprefix(_EXTRA_HEADER)): tuple(values.split("\n"))
        for header, values in headers.items()
        if header.startswith(_EXTRA_HEADER)
    }
    return User(name, _groups(name, groups), uid, extra)


def _groups(name: str, stated: list[str]) -> tuple[str, ...]:
    """Return the groups of a user: those stated or a service account's own, and (un)authenticated."""
    groups = stated
    if not stated and name.startswith(_SERVICE_ACCOUNT):
        namespace = name.removeprefix(_SERVICE_ACCOUNT).partition(":")[0]
        groups = ["system:serviceaccounts", f"system:serviceaccounts:{namespace}"]
    if UNAUTHENTICATED in groups:
        return tuple(groups)
    added = UNAUTHENTICATED if name == _ANONYMOUS else AUTHENTICATED
    return tuple(groups) if added in groups else (*groups, added)


def allows(user: User, attributes: Attributes) -> bool:
    """Tell whether a user may do what a request asks for."""
    if MASTERS in user.groups:
        return True
    if attributes.path:
        patterns = _DISCOVERY if AUTHENTICATED in user.groups else _PUBLIC
        return attributes.verb == "get" and any(_matches(each, attributes.path) for each in patterns)
    is_review = attributes.resource in _REVIEWS.get(attributes.group, ()) and attributes.verb == "create"
    return is_review and AUTHENTICATED in user.groups


def _matches(pattern: str, path: str) -> bool:
    return path.startswith(pattern[:-1]) if pattern.endswith("*") else path == pattern


def rules_of(user: User) -> JSON:
    """Return the status of a SelfSubjectRulesReview: the rules that apply to a user."""
    resources: list[JSON] = []
    paths: list[JSON] = []
    if MASTERS in user.groups:
        resources.append({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]})
        paths.append({"verbs": ["*"], "nonResourceURLs": ["*"]})
    if AUTHENTICATED in user.groups:
        for group, names in _REVIEWS.items():
            resources.append({"verbs": ["create"], "apiGroups": [group], "resources": list(names)})
        paths.append({"verbs": ["get"], "nonResourceURLs": list(_DISCOVERY)})
    paths.append({"verbs": ["get"], "nonResourceURLs": list(_PUBLIC)})
    return {"resourceRules": resources, "nonResourceRules": paths, "incomplete": False}


def refusal(user: User, attributes: Attributes) -> StatusError | None:
    """Return the error if a user may not do something, None otherwise."""
    if allows(user, attributes):
        return None
    if attributes.path:
        return ForbiddenRequest(f'User "{user.name}" cannot {attributes.verb} path "{attributes.path}"')
    resource = "/".join(filter(None, (attributes.resource, attributes.subresource)))
    where = f'in the namespace "{attributes.namespace}"' if attributes.namespace else "at the cluster scope"
    message = (
        f'User "{user.name}" cannot {attributes.verb} resource "{resource}" in API group "{attributes.group}" {where}'
    )
    qualified = f"{attributes.resource}.{attributes.group}" if attributes.group else attributes.resource
    named = f'{qualified} "{attributes.name}"' if attributes.name else qualified
    text = f"{named} is forbidden: {message}"
    return StatusError(403, "Forbidden", text, (), attributes.resource, attributes.group, attributes.name)
