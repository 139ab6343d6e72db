"""Validation that kinds share: names, metadata, parts of workloads; every fault with its path, in Kubernetes' words.

Never changes an object, looks at no other object and allocates nothing. Follows k8s.io/kubernetes
``pkg/apis/*/validation`` and apimachinery; the one deviation is that addresses in 127.0.0.0/8 may be endpoints, since
ours are there.
"""
