"""Writes to the Store: for kubectl, `up`, the controllers and the kubelet alike.

``Registry`` applies Kubernetes' rules, ``RegistryConfig`` has the cluster's settings, ``bootstrap`` creates what every
cluster has from the start. Follows k8s.io/kubernetes ``pkg/registry``.
"""

from kubeapi.registry.bootstrap import bootstrap as bootstrap
from kubeapi.registry.bootstrap import create_missing as create_missing
from kubeapi.registry.preconditions import DeleteOptions as DeleteOptions
from kubeapi.registry.registry import Registry as Registry
from kubeapi.registryconfig import RegistryConfig as RegistryConfig
