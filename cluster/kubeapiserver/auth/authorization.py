"""The user of a request, and the refusal of what an impersonated user may not do. Pure.

The holder of the cluster's token is the administrator, and may impersonate any user (``kubectl --as``): that shows what
a cluster would answer to the user, so the roles count for such requests. They do not count for ServiceAccounts with a
token of their own. Follows apiserver ``pkg/endpoints/filters/impersonation``.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import unquote

from kubeapi.kind import Objects
from kubeapi.status import StatusError
from kubeapi.users import ANONYMOUS, AUTHENTICATED, UNAUTHENTICATED, User, account_groups, account_of
from kubeapiserver.auth.attributes import Attributes
from kubeapiserver.auth.rbac import decide
from kubeapiserver.errors import BadInput, ForbiddenRequest

USER_HEADER, GROUP_HEADER, UID_HEADER = "impersonate-user", "impersonate-group", "impersonate-uid"
IMPERSONATION = "impersonate-"
"""The prefix of all impersonation headers."""

_EXTRA_HEADER = "impersonate-extra-"
_HEADERS = frozenset((USER_HEADER, GROUP_HEADER, UID_HEADER))


def impersonated(headers: Mapping[str, str]) -> User | None:
    """Return the user that a request impersonates, None if it does not; newlines separate values of one header."""
    if _HEADERS.isdisjoint(headers):
        return None
    name, uid = headers.get(USER_HEADER, ""), headers.get(UID_HEADER, "")
    groups = [each for each in headers.get(GROUP_HEADER, "").split("\n") if each]
    if not name and (groups or uid):
        raise BadInput(f"requested {[*groups, *([uid] if uid else [])]} without impersonating a user")
    if not name:
        return None
    extra = {
        unquote(header.removeprefix(_EXTRA_HEADER)): tuple(values.split("\n"))
        for header, values in headers.items()
        if header.startswith(_EXTRA_HEADER)
    }
    return User(name, _groups(name, groups), uid, extra)


def _groups(name: str, stated: list[str]) -> tuple[str, ...]:
    """Return the groups of a user: those stated or a service account's own, and (un)authenticated."""
    groups = stated
    account = account_of(name)
    if not stated and account is not None:
        groups = list(account_groups(account.namespace))
    if UNAUTHENTICATED in groups:
        return tuple(groups)
    added = UNAUTHENTICATED if name == ANONYMOUS else AUTHENTICATED
    return tuple(groups) if added in groups else (*groups, added)


def refusal(user: User, attributes: Attributes, objects: Objects) -> StatusError | None:
    """Return the error if a user may not do something, None otherwise."""
    verdict = decide(user, attributes, objects)
    if verdict.is_allowed:
        return None
    why = f": {verdict.reason}" if verdict.reason else ""
    if attributes.path:
        return ForbiddenRequest(f'User "{user.name}" cannot {attributes.verb} path "{attributes.path}"{why}')
    resource = "/".join(filter(None, (attributes.resource, attributes.subresource)))
    where = f'in the namespace "{attributes.namespace}"' if attributes.namespace else "at the cluster scope"
    action = f'cannot {attributes.verb} resource "{resource}" in API group "{attributes.group}" {where}'
    qualified = f"{attributes.resource}.{attributes.group}" if attributes.group else attributes.resource
    named = f'{qualified} "{attributes.name}"' if attributes.name else qualified
    text = f'{named} is forbidden: User "{user.name}" {action}{why}'
    return StatusError(403, "Forbidden", text, (), attributes.resource, attributes.group, attributes.name)
