"""nginx' balancing methods, pick for pick as nginx 1.22.1 does them (``src/http/modules/ngx_http_upstream_*.c``).

Its round robin is ``weighted_round_robin``. A server that has failed for a connection (``avoid``) is what nginx calls
tried or down; servers are in the order of their addresses instead of that of a file. ``backup``, ``max_conns`` and
``max_fails`` have no counterpart in Kubernetes.
"""
