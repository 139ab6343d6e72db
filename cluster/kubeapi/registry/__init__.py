"""The way into the Store for everybody who writes: kubectl, `up`, controllers, the kubelet.

``Registry`` is the door, ``RegistryConfig`` what the cluster allows, ``bootstrap`` what every cluster has from the
start. Follows k8s.io/kubernetes ``pkg/registry``.
"""

from kubeapi.registry.bootstrap import bootstrap as bootstrap
from kubeapi.registry.config import RegistryConfig as RegistryConfig
from kubeapi.registry.registry import Registry as Registry
