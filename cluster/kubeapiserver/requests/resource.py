"""A request about a resource that is served: what every handler is given. Pure."""

from __future__ import annotations

from typing import Any, NamedTuple

from kubeapi.meta import JSON, ObjectKey
from kubeapi.scheme import Resource
from kubeapiserver.errors import BadInput
from kubeapiserver.messages import OBJECT, Form, Request
from kubeapiserver.requests.options import Included
from kubeapiserver.requests.paths import ResourcePath


class View(NamedTuple):
    """How objects of a resource are shown: in which form, and with what in the rows of Tables."""

    resource: Resource
    form: Form
    included: Included = "Metadata"


class ResourceRequest(NamedTuple):
    """An HTTP request, the resource and the parts that its path names, and the form in which it is answered."""

    http: Request
    resource: Resource
    path: ResourcePath
    form: Form = OBJECT

    @property
    def key(self) -> ObjectKey:
        """Namespace and name of the object."""
        return ObjectKey(self.path.namespace, self.path.name)

    @property
    def namespace(self) -> str:
        """The namespace in the path, "" if there is none."""
        return self.path.namespace

    @property
    def name(self) -> str:
        """The object's name in the path, "" for a collection."""
        return self.path.name

    @property
    def view(self) -> View:
        """The form of an answer that is one object."""
        return View(self.resource, self.form)

    def placed(self, obj: JSON) -> JSON:
        """Return an object with the path's namespace; BadInput if it states another."""
        metadata = obj.get("metadata")
        if not metadata:
            metadata = {}
        elif not isinstance(metadata, dict):
            return obj
        stated = metadata.get("namespace")
        if not self.resource.namespaced:
            metadata = {name: value for name, value in metadata.items() if name != "namespace"}
        elif stated and stated != self.namespace:
            raise BadInput("the namespace of the provided object does not match the namespace sent on the request")
        else:
            metadata = {**metadata, "namespace": self.namespace}
        return {**obj, "metadata": metadata}

    def check_name(self, obj: JSON) -> None:
        """Raise BadInput for an object with another name than the path."""
        stated = stated_name(obj)
        if not stated:
            based = f"the name of the object ({self.name} based on URL) was undeterminable"
            raise BadInput(f"{based}: name must be provided")
        if stated != self.name:
            raise BadInput(f"the name of the object ({stated}) does not match the name on the URL ({self.name})")


def stated_name(obj: JSON) -> Any:
    """Return ``metadata.name`` of an object that may be malformed, None if there is none."""
    metadata = obj.get("metadata")
    return metadata.get("name") if isinstance(metadata, dict) else None
