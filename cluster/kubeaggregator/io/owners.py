"""Look for the owners that extension API servers have, as the garbage collector.

Follows k8s.io/kubernetes ``pkg/controller/garbagecollector`` (isDangling).
"""

from __future__ import annotations

from kubeaggregator.io.lookup import Servers, find_collection
from kubeapi.extensions.answers import ExtensionFound, ExtensionObject
from kubeapi.extensions.apis import ExtensionResource
from kubeapi.meta import ObjectKey
from kubeapi.status import StatusError
from kubeapi.users import account_user

_USER = account_user(ObjectKey("kube-system", "generic-garbage-collector"))
_UNKNOWN = ExtensionFound(is_known=False)


async def look_for(asked: ExtensionObject, servers: Servers) -> ExtensionFound:
    """Return an object, or that it is not there, or that its server does not tell."""
    group, _, version = asked.api_version.rpartition("/")
    resource, (namespace, name) = ExtensionResource(asked.kind, "", group, version, namespaced=True), asked.key
    try:
        collection = find_collection(servers, resource, namespace, _USER)
    except StatusError:
        return _UNKNOWN
    if collection.namespace and not namespace:  # no owner of what has no namespace
        return _UNKNOWN
    try:
        return ExtensionFound(await collection.ask("GET", collection.path_of(name)))
    except StatusError as error:
        return ExtensionFound() if error.code == 404 else _UNKNOWN
