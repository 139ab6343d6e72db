"""All IO of the API server.

- ``server``: ``APIServerListener`` reads requests and writes answers, with ``listening`` (its sockets and TLS),
  ``receiving`` (a request from the socket) and ``handling`` (its answer: here or in the thread, after webhooks)
- ``watch``, ``rounds``: the events of watches
- ``webhooks``, ``largerequests``: calls of webhooks, and the thread for large bodies
- ``sessions``: logs, exec, attach and port-forward
- ``forwarding``: requests that pods answer
- ``upgrade``: connections that become byte streams, of sessions and of pods
- ``keys``: certificates, and the keys that sign tokens
"""
