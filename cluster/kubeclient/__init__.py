"""An API server over HTTP as a source of objects: what kube-proxy and the name server need of client-go.

- ``kubeconfig`` (with ``entries``, ``users``), ``access``, ``credentials``, ``proxyvariables``: which server, and as
  which user; pure readings of what files, plugins and variables say
- ``paths``, ``selection``, ``listoptions``, ``paging``, ``watchlines``, ``refusals``: requests and answers; pure
- ``endpoint``, ``messages``, ``bodies``, ``handshake``: their HTTP; pure
- ``backoff``, ``freshness``, ``slim``, ``eventseries``: when to try again, how old the knowledge is, how much of it is
  kept, which events are written; pure
- ``io``: ``APIClient`` (requests, on kept ``connections``), ``APIListerWatcher`` (lists and watches), ``EventPoster``
- ``portforward``: connections to pods, through the API server

The HTTP is the house's own: what is asked is little, and to import a library for it took a fifth of the name server's
start. Exports nothing: commands that follow no API server must not pay for any of it.
"""
