"""A pod's spec, as pods and the templates of workloads have it. Never looks at other objects.

``defaults`` fill it in, ``validation`` judges it (with ``containers``, ``scheduling``, ``securitycontext``, ...),
``volumes`` its volumes; ``workload`` is for the kinds with a template, ``warnings`` is what a writer is told.
Follows k8s.io/kubernetes ``pkg/apis/core``.
"""
