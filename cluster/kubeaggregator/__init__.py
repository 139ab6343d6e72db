"""kube-aggregator: extension API servers behind the cluster's own.

An APIService with a Service names the server of a version of a group. ``availability`` decides whether it can answer,
``discovery`` and ``openapi`` read what it offers, ``authentication`` is how it knows the users of forwarded requests.
``io`` asks the servers and forwards the requests; nothing of it is imported before the first such APIService.
Follows k8s.io/kube-aggregator 0.37.
"""
