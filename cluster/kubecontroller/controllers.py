"""All controllers of a cluster, and their settings. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from kubeapi.extensions.answers import NO_SERVERS, ExtensionAnswers
from kubeapi.metrics.traffic import TrafficSource, no_traffic
from kubeapi.metrics.usage import Usage, no_usage
from kubeapi.scheme import (
    CERTIFICATESIGNINGREQUESTS,
    CONTROLLERREVISIONS,
    CRONJOBS,
    DAEMONSETS,
    HORIZONTALPODAUTOSCALERS,
    JOBS,
    NODES,
    PERSISTENTVOLUMECLAIMS,
    PERSISTENTVOLUMES,
    PODCERTIFICATEREQUESTS,
    PODDISRUPTIONBUDGETS,
    PODS,
    REPLICATIONCONTROLLERS,
    STATEFULSETS,
    STORAGECLASSES,
    Resource,
)
from kubecontroller.batch.job.orphans import JobOrphanController
from kubecontroller.cleanup.garbagecollector import GarbageCollector
from kubecontroller.cleanup.namespace import NamespaceController
from kubecontroller.cleanup.podgc import PodGarbageCollector
from kubecontroller.controller import Controller
from kubecontroller.customresources.definition import CustomResourceDefinitionController
from kubecontroller.customresources.registration import RegistrationController
from kubecontroller.deferred import Deferred
from kubecontroller.listers import Listers
from kubecontroller.node.lifecycle import NodeLifecycleController
from kubecontroller.node.tainteviction import TaintEvictionController
from kubecontroller.policy.typechecking import PolicyStatusController
from kubecontroller.quota.resourcequota import ResourceQuotaController
from kubecontroller.rbac.aggregation import ClusterRoleAggregationController
from kubecontroller.service.endpoints import EndpointsController
from kubecontroller.service.endpointslice import EndpointSliceController
from kubecontroller.service.endpointslicemirroring import EndpointSliceMirroringController
from kubecontroller.service.ingress import IngressController
from kubecontroller.service.loadbalancer import LoadBalancerController
from kubecontroller.service.servicecidr import IPAddressRepairController, ServiceCIDRController
from kubecontroller.serviceaccount.accounts import RootCAPublisher, ServiceAccountController
from kubecontroller.serviceaccount.tokens import IssueToken, TokensController
from kubecontroller.volume.ephemeral import EphemeralVolumeController
from kubecontroller.volume.folders import VolumeFolders
from kubecontroller.workload.deployment.controller import DeploymentController
from kubecontroller.workload.replicaset import ReplicaSetController


@dataclass(frozen=True)
class ControllerConfig:
    """The settings of the controllers.

    LoadBalancer Services get their addresses from the CIDR ``load_balancer_pool`` unless the cluster has none.
    ``authority`` returns the certificate that clients need, in PEM; ``issue_token`` makes the tokens of Secrets.
    """

    load_balancer_pool: str = "127.0.113.0/24"
    has_load_balancers: bool = True
    max_endpoints_per_slice: int = 100
    volumes: VolumeFolders = field(default_factory=VolumeFolders)
    service_cidrs: tuple[str, ...] = ()
    """Of the ServiceCIDR that is created again when it has been deleted."""
    authority: Callable[[], str] | None = None
    issue_token: IssueToken | None = None
    usage: Usage = no_usage
    """What the pods use, by which autoscalers scale."""
    traffic: TrafficSource = no_traffic
    """What the Services' endpoints get, for the same purpose."""
    servers: ExtensionAnswers = NO_SERVERS
    """The extension API servers."""


def _no_settings(config: ControllerConfig) -> tuple[object, ...]:
    return ()


def _volumes(config: ControllerConfig) -> tuple[object, ...]:
    return (config.volumes,)


class _Rare(NamedTuple):
    """The controller of a kind that most clusters have no objects of (``Deferred``).

    It is made with the listers and ``settings``.
    """

    place: str
    name: str
    watches: Sequence[Resource]
    settings: Callable[[ControllerConfig], tuple[object, ...]] = _no_settings


_PACKAGE = __name__.rpartition(".")[0]
_RARE = (
    _Rare(f"{_PACKAGE}.batch.job.controller:JobController", "job-controller", (JOBS, PODS)),
    _Rare(f"{_PACKAGE}.batch.ttlafterfinished:FinishedJobController", "ttl-after-finished-controller", (JOBS,)),
    _Rare(f"{_PACKAGE}.batch.cronjob.controller:CronJobController", "cronjob-controller", (CRONJOBS, JOBS)),
    _Rare(f"{_PACKAGE}.workload.disruption:DisruptionController", "controllermanager", (PODDISRUPTIONBUDGETS, PODS)),
    _Rare(
        f"{_PACKAGE}.cleanup.certificaterequests:SigningRequestCleaner",
        "certificatesigningrequest-cleaner-controller",
        (CERTIFICATESIGNINGREQUESTS,),
    ),
    _Rare(
        f"{_PACKAGE}.cleanup.certificaterequests:PodRequestCleaner",
        "podcertificaterequest-cleaner-controller",
        (PODCERTIFICATEREQUESTS,),
    ),
    _Rare(
        f"{_PACKAGE}.autoscaling.horizontal:HorizontalPodAutoscalerController",
        "horizontal-pod-autoscaler",
        (HORIZONTALPODAUTOSCALERS,),
        lambda config: (config.usage, config.traffic, config.servers),
    ),
    _Rare(
        f"{_PACKAGE}.workload.statefulset.controller:StatefulSetController",
        "statefulset-controller",
        (STATEFULSETS, PODS, CONTROLLERREVISIONS, PERSISTENTVOLUMECLAIMS),
    ),
    _Rare(
        f"{_PACKAGE}.workload.daemonset.controller:DaemonSetController",
        "daemonset-controller",
        (DAEMONSETS, NODES, PODS, CONTROLLERREVISIONS),
    ),
    _Rare(
        f"{_PACKAGE}.volume.claims:ClaimController",
        "persistentvolume-controller",
        (PERSISTENTVOLUMECLAIMS, PERSISTENTVOLUMES, STORAGECLASSES),
        _volumes,
    ),
    _Rare(
        f"{_PACKAGE}.volume.volumes:VolumeController",
        "persistentvolume-binder",
        (PERSISTENTVOLUMES, PERSISTENTVOLUMECLAIMS),
        _volumes,
    ),
    _Rare(
        f"{_PACKAGE}.volume.protection:ClaimProtectionController",
        "pvc-protection-controller",
        (PERSISTENTVOLUMECLAIMS, PODS),
    ),
)


def new_controllers(listers: Listers, config: ControllerConfig) -> list[Controller]:
    """Return the controllers of a cluster."""
    return [
        *_identity_controllers(listers, config),
        DeploymentController(listers),
        ReplicaSetController(listers),
        ReplicaSetController(listers, REPLICATIONCONTROLLERS, "replication-controller"),
        *(Deferred(each.place, each.name, each.watches, listers, *each.settings(config)) for each in _RARE),
        JobOrphanController(listers),
        EphemeralVolumeController(listers),
        *_service_controllers(listers, config),
        *_node_controllers(listers),
        CustomResourceDefinitionController(listers),
        RegistrationController(listers),
        PolicyStatusController(listers),
        GarbageCollector(listers, config.servers),
        NamespaceController(listers, config.servers),
    ]


def _node_controllers(listers: Listers) -> list[Controller]:
    return [NodeLifecycleController(listers), TaintEvictionController(listers), PodGarbageCollector(listers)]


def _service_controllers(listers: Listers, config: ControllerConfig) -> list[Controller]:
    return [
        EndpointSliceController(listers, config.max_endpoints_per_slice),
        EndpointsController(listers),
        EndpointSliceMirroringController(listers),
        *((LoadBalancerController(listers, config.load_balancer_pool),) if config.has_load_balancers else ()),
        IngressController(listers, config.load_balancer_pool),
        ServiceCIDRController(listers, config.service_cidrs),
        IPAddressRepairController(listers),
    ]


def _identity_controllers(listers: Listers, config: ControllerConfig) -> list[Controller]:
    """Return the controllers of what pods need first in every namespace, and of roles and quotas."""
    found: list[Controller] = [ServiceAccountController(listers)]
    if config.authority is not None:
        found.append(RootCAPublisher(listers, config.authority))
        if config.issue_token is not None:
            found.append(TokensController(listers, config.authority, config.issue_token))
    return [*found, ClusterRoleAggregationController(listers), ResourceQuotaController(listers)]
