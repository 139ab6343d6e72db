"""Resources: a kind's name, plural, group, version and scope, and those that other code names.

Follows k8s.io/api; plural and short names are those of the real server's discovery document. ``kinds`` has all that are
stored, with their rules.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind and where its objects live."""

    kind: str
    plural: str
    group: str
    version: str
    namespaced: bool
    short_names: tuple[str, ...] = ()

    @property
    def api_version(self) -> str:
        """``apiVersion`` of its objects: ``v1``, ``apps/v1`` ..."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def qualified(self) -> str:
        """The resource as error messages name it: ``services``, ``deployments.apps``."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def __str__(self) -> str:
        return self.qualified


NAMESPACES = Resource("Namespace", "namespaces", "", "v1", False, ("ns",))
NODES = Resource("Node", "nodes", "", "v1", False, ("no",))
CONFIGMAPS = Resource("ConfigMap", "configmaps", "", "v1", True, ("cm",))
SECRETS = Resource("Secret", "secrets", "", "v1", True)
EVENTS = Resource("Event", "events", "", "v1", True, ("ev",))
SERVICES = Resource("Service", "services", "", "v1", True, ("svc",))
ENDPOINTS = Resource("Endpoints", "endpoints", "", "v1", True, ("ep",))
PODS = Resource("Pod", "pods", "", "v1", True, ("po",))
DEPLOYMENTS = Resource("Deployment", "deployments", "apps", "v1", True, ("deploy",))
REPLICASETS = Resource("ReplicaSet", "replicasets", "apps", "v1", True, ("rs",))
ENDPOINTSLICES = Resource("EndpointSlice", "endpointslices", "discovery.k8s.io", "v1", True)
CUSTOM_RESOURCE_DEFINITIONS = Resource(
    "CustomResourceDefinition", "customresourcedefinitions", "apiextensions.k8s.io", "v1", False, ("crd", "crds")
)
VALIDATINGWEBHOOKCONFIGURATIONS = Resource(
    "ValidatingWebhookConfiguration", "validatingwebhookconfigurations", "admissionregistration.k8s.io", "v1", False
)
MUTATINGWEBHOOKCONFIGURATIONS = Resource(
    "MutatingWebhookConfiguration", "mutatingwebhookconfigurations", "admissionregistration.k8s.io", "v1", False
)
VALIDATINGADMISSIONPOLICIES = Resource(
    "ValidatingAdmissionPolicy", "validatingadmissionpolicies", "admissionregistration.k8s.io", "v1", False
)
VALIDATINGADMISSIONPOLICYBINDINGS = Resource(
    "ValidatingAdmissionPolicyBinding", "validatingadmissionpolicybindings", "admissionregistration.k8s.io", "v1", False
)
MUTATINGADMISSIONPOLICIES = Resource(
    "MutatingAdmissionPolicy", "mutatingadmissionpolicies", "admissionregistration.k8s.io", "v1", False
)
MUTATINGADMISSIONPOLICYBINDINGS = Resource(
    "MutatingAdmissionPolicyBinding", "mutatingadmissionpolicybindings", "admissionregistration.k8s.io", "v1", False
)
FLOWSCHEMAS = Resource("FlowSchema", "flowschemas", "flowcontrol.apiserver.k8s.io", "v1", False)
PRIORITYLEVELCONFIGURATIONS = Resource(
    "PriorityLevelConfiguration", "prioritylevelconfigurations", "flowcontrol.apiserver.k8s.io", "v1", False
)
STORAGEVERSIONMIGRATIONS = Resource(
    "StorageVersionMigration", "storageversionmigrations", "storagemigration.k8s.io", "v1", False
)
APISERVICES = Resource("APIService", "apiservices", "apiregistration.k8s.io", "v1", False)
CERTIFICATESIGNINGREQUESTS = Resource(
    "CertificateSigningRequest", "certificatesigningrequests", "certificates.k8s.io", "v1", False, ("csr",)
)
CSIDRIVERS = Resource("CSIDriver", "csidrivers", "storage.k8s.io", "v1", False)
CSINODES = Resource("CSINode", "csinodes", "storage.k8s.io", "v1", False)
CSISTORAGECAPACITIES = Resource("CSIStorageCapacity", "csistoragecapacities", "storage.k8s.io", "v1", True)
VOLUMEATTACHMENTS = Resource("VolumeAttachment", "volumeattachments", "storage.k8s.io", "v1", False)
VOLUMEATTRIBUTESCLASSES = Resource(
    "VolumeAttributesClass", "volumeattributesclasses", "storage.k8s.io", "v1", False, ("vac",)
)
LEASES = Resource("Lease", "leases", "coordination.k8s.io", "v1", True)
EVENTS_V1 = Resource("Event", "events", "events.k8s.io", "v1", True, ("ev",))
"""The newer version of EVENTS, under which the same objects are served."""

SERVICEACCOUNTS = Resource("ServiceAccount", "serviceaccounts", "", "v1", True, ("sa",))
REPLICATIONCONTROLLERS = Resource("ReplicationController", "replicationcontrollers", "", "v1", True, ("rc",))
PODTEMPLATES = Resource("PodTemplate", "podtemplates", "", "v1", True)
PERSISTENTVOLUMECLAIMS = Resource("PersistentVolumeClaim", "persistentvolumeclaims", "", "v1", True, ("pvc",))
PERSISTENTVOLUMES = Resource("PersistentVolume", "persistentvolumes", "", "v1", False, ("pv",))
RESOURCEQUOTAS = Resource("ResourceQuota", "resourcequotas", "", "v1", True, ("quota",))
LIMITRANGES = Resource("LimitRange", "limitranges", "", "v1", True, ("limits",))
STATEFULSETS = Resource("StatefulSet", "statefulsets", "apps", "v1", True, ("sts",))
DAEMONSETS = Resource("DaemonSet", "daemonsets", "apps", "v1", True, ("ds",))
CONTROLLERREVISIONS = Resource("ControllerRevision", "controllerrevisions", "apps", "v1", True)
JOBS = Resource("Job", "jobs", "batch", "v1", True)
CRONJOBS = Resource("CronJob", "cronjobs", "batch", "v1", True, ("cj",))
PODDISRUPTIONBUDGETS = Resource("PodDisruptionBudget", "poddisruptionbudgets", "policy", "v1", True, ("pdb",))
HORIZONTALPODAUTOSCALERS = Resource(
    "HorizontalPodAutoscaler", "horizontalpodautoscalers", "autoscaling", "v2", True, ("hpa",)
)
HORIZONTALPODAUTOSCALERS_V1 = Resource(
    "HorizontalPodAutoscaler", "horizontalpodautoscalers", "autoscaling", "v1", True, ("hpa",)
)
"""The older version of HORIZONTALPODAUTOSCALERS, under which the same objects are served."""
NETWORKPOLICIES = Resource("NetworkPolicy", "networkpolicies", "networking.k8s.io", "v1", True, ("netpol",))
INGRESSES = Resource("Ingress", "ingresses", "networking.k8s.io", "v1", True, ("ing",))
INGRESSCLASSES = Resource("IngressClass", "ingressclasses", "networking.k8s.io", "v1", False)
SERVICECIDRS = Resource("ServiceCIDR", "servicecidrs", "networking.k8s.io", "v1", False)
IPADDRESSES = Resource("IPAddress", "ipaddresses", "networking.k8s.io", "v1", False, ("ip",))
ROLES = Resource("Role", "roles", "rbac.authorization.k8s.io", "v1", True)
ROLEBINDINGS = Resource("RoleBinding", "rolebindings", "rbac.authorization.k8s.io", "v1", True)
CLUSTERROLES = Resource("ClusterRole", "clusterroles", "rbac.authorization.k8s.io", "v1", False)
CLUSTERROLEBINDINGS = Resource("ClusterRoleBinding", "clusterrolebindings", "rbac.authorization.k8s.io", "v1", False)
PRIORITYCLASSES = Resource("PriorityClass", "priorityclasses", "scheduling.k8s.io", "v1", False, ("pc",))
RUNTIMECLASSES = Resource("RuntimeClass", "runtimeclasses", "node.k8s.io", "v1", False)
STORAGECLASSES = Resource("StorageClass", "storageclasses", "storage.k8s.io", "v1", False, ("sc",))
DEVICECLASSES = Resource("DeviceClass", "deviceclasses", "resource.k8s.io", "v1", False)
RESOURCECLAIMS = Resource("ResourceClaim", "resourceclaims", "resource.k8s.io", "v1", True)
RESOURCECLAIMTEMPLATES = Resource("ResourceClaimTemplate", "resourceclaimtemplates", "resource.k8s.io", "v1", True)
RESOURCESLICES = Resource("ResourceSlice", "resourceslices", "resource.k8s.io", "v1", False)
DEVICETAINTRULES = Resource("DeviceTaintRule", "devicetaintrules", "resource.k8s.io", "v1", False)
CLUSTERTRUSTBUNDLES = Resource("ClusterTrustBundle", "clustertrustbundles", "certificates.k8s.io", "v1", False)
PODCERTIFICATEREQUESTS = Resource("PodCertificateRequest", "podcertificaterequests", "certificates.k8s.io", "v1", True)
