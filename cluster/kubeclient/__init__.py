"""An API server over HTTP as a source of objects: what kube-proxy and the name server need of client-go.

- ``kubeconfig`` (with ``entries``, ``users``), ``access``, ``credentials``, ``proxyvariables``: which server, and as
  which user; pure readings of what files, plugins and variables say
- ``paths``, ``selection``, ``listoptions``, ``paging``, ``watchlines``, ``refusals``, ``handshake``: requests and
  answers; pure
- ``backoff``, ``freshness``, ``slim``, ``eventseries``: when to try again, how old the knowledge is, how much of it is
  kept, which events are written; pure
- ``io``: ``APIClient`` (requests), ``APIListerWatcher`` (lists and watches), ``EventPoster``
- ``portforward``: connections to pods, through the API server

Exports nothing: commands that follow no API server must not pay for the HTTP client.
"""
