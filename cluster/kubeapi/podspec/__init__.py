"""A pod's spec, as pods and the templates of workloads have it: defaults, validation, and warnings.

Follows k8s.io/kubernetes ``pkg/apis/core``. Never looks at other objects.
"""
