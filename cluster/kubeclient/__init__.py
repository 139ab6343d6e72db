"""An API server over HTTP as a source of objects: what kube-proxy and the name server need of client-go.

- ``kubeconfig``: which server, and as which user, by kubeconfig files or a pod's service account
- ``http``: requests and answers on kept connections, with TLS, through proxies, and upgrades
- ``io``: ``APIClient``, requests with credentials that are renewed, and ``EventPoster``
- ``listwatch``: ``APIListerWatcher``, which follows resources for informers, whatever happens to the server
- ``portforward``: connections to pods, through the API server

Above them: ``endpoint`` (what a URL names), ``paths`` (where a resource is served), ``refusals`` (what the server's no
means), ``eventseries`` (which events are written).

The HTTP is the house's own: what is asked is little, and to import a library for it took a fifth of the name server's
start. Exports nothing: commands that follow no API server must not pay for any of it.
"""
