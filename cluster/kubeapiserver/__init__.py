"""The REST API of Kubernetes over the Registry, as kube-apiserver answers it.

``APIServer`` (apiserver.py) answers a ``Request`` with a ``Response``, ``Watch``, ``Session`` or ``Proxied``
(messages.py). All of that is pure; ``wire`` does the IO. A request goes through these packages, from top to bottom:

``wire``        TLS, HTTP, WebSockets, SPDY: ``APIServerListener`` reads requests and writes answers
``auth``        the token, the Host header, and the user that a request impersonates
``handlers``    the verbs: reading, writing, patching, deletion, subresources; ``ObjectWriter`` does every write
``admission``   webhooks and policies: which ones a request matches, and what becomes of it
``streaming``   logs, exec, attach and port-forward: validation, and the protocols of their connections
``proxying``    the subresource ``proxy``: where a request goes, and what changes on the way
``apply``       server-side apply, and the owners of fields (``metadata.managedFields``)
``responses``   the bytes of answers: objects, lists, Tables (``tables``), watch events, Statuses
``requests``    what a request says: path, media types, options, selectors, body; ``ResourceRequest`` is all of it
``openapi``, ``protobuf``, ``catalog``, ``discovery``   what the API offers, and bodies in protobuf
"""
