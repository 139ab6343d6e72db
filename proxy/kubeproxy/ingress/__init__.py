"""Ingresses: from objects to a table of hosts and paths, and from a request to what becomes of it. Pure.

``compiling`` makes an ``IngressTable`` of the Ingresses of one address, ``IngressTable.decide`` says what becomes of a
request: the HTTP engine does it, ``tracing`` words it. Follows the Ingress documentation of Kubernetes, and where that
leaves it to the implementation, ingress-nginx.
"""
