"""An API server over HTTP as a source of objects: what kube-proxy and the name server need of client-go.

- ``kubeconfig``, ``credentials``: which server, and as which user; pure readings of what files and plugins say
- ``paths``, ``selection``, ``watchlines``, ``refusals``: requests and answers; pure
- ``backoff``, ``freshness``: when to try again, and how old the knowledge is; pure
- ``io``: ``APIClient`` (requests), ``APIListerWatcher`` (lists and watches)

Exports nothing: commands that follow no API server must not pay for the HTTP client.
"""
