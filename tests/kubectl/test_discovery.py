"""What the server says of itself: versions, resources, schemas, and who may do what."""

from __future__ import annotations

import json

from tests.helpers.kubectl.cli import Kubectl


def test_what_the_server_says_of_itself(kubectl: Kubectl) -> None:
    kubectl.session("""
$ kubectl api-versions
admissionregistration.k8s.io/v1
apiextensions.k8s.io/v1
apiregistration.k8s.io/v1
apps/v1
authentication.k8s.io/v1
authorization.k8s.io/v1
autoscaling/v1
autoscaling/v2
batch/v1
certificates.k8s.io/v1
coordination.k8s.io/v1
custom.metrics.k8s.io/v1beta1
custom.metrics.k8s.io/v1beta2
discovery.k8s.io/v1
events.k8s.io/v1
flowcontrol.apiserver.k8s.io/v1
metrics.k8s.io/v1beta1
networking.k8s.io/v1
node.k8s.io/v1
policy/v1
rbac.authorization.k8s.io/v1
resource.k8s.io/v1
scheduling.k8s.io/v1
storage.k8s.io/v1
storagemigration.k8s.io/v1
v1
$ kubectl api-resources --api-group=apps
NAME                  SHORTNAMES   APIVERSION   NAMESPACED   KIND
controllerrevisions                apps/v1      true         ControllerRevision
daemonsets            ds           apps/v1      true         DaemonSet
deployments           deploy       apps/v1      true         Deployment
replicasets           rs           apps/v1      true         ReplicaSet
statefulsets          sts          apps/v1      true         StatefulSet
$ kubectl api-resources --namespaced=false -o name --verbs=list
componentstatuses
namespaces
nodes
persistentvolumes
mutatingadmissionpolicies.admissionregistration.k8s.io
mutatingadmissionpolicybindings.admissionregistration.k8s.io
mutatingwebhookconfigurations.admissionregistration.k8s.io
validatingadmissionpolicies.admissionregistration.k8s.io
validatingadmissionpolicybindings.admissionregistration.k8s.io
validatingwebhookconfigurations.admissionregistration.k8s.io
customresourcedefinitions.apiextensions.k8s.io
apiservices.apiregistration.k8s.io
certificatesigningrequests.certificates.k8s.io
clustertrustbundles.certificates.k8s.io
flowschemas.flowcontrol.apiserver.k8s.io
prioritylevelconfigurations.flowcontrol.apiserver.k8s.io
nodes.metrics.k8s.io
ingressclasses.networking.k8s.io
ipaddresses.networking.k8s.io
servicecidrs.networking.k8s.io
runtimeclasses.node.k8s.io
clusterrolebindings.rbac.authorization.k8s.io
clusterroles.rbac.authorization.k8s.io
deviceclasses.resource.k8s.io
devicetaintrules.resource.k8s.io
resourceslices.resource.k8s.io
priorityclasses.scheduling.k8s.io
csidrivers.storage.k8s.io
csinodes.storage.k8s.io
storageclasses.storage.k8s.io
volumeattachments.storage.k8s.io
volumeattributesclasses.storage.k8s.io
storageversionmigrations.storagemigration.k8s.io
$ kubectl cluster-info
...Kubernetes control plane... is running at ...https://127.0.0.1:<number>...
...CoreDNS... is running at ...https://127.0.0.1:<number>/api/v1/namespaces/kube-system/services/kube-dns:dns/proxy...

To further debug and diagnose cluster problems, use 'kubectl cluster-info dump'.
$ kubectl auth can-i create pods
yes
$ kubectl auth can-i '*' '*'
yes
$ kubectl auth can-i --list
Resources...Non-Resource URLs...Verbs
*.*...[*]
...
$ kubectl auth whoami
ATTRIBUTE...VALUE
Username    kubernetes-admin
...
$ kubectl top pods
No resources found in <namespace> namespace.
$ kubectl top nodes
NAME     CPU(cores)   CPU(%)   MEMORY(bytes)   MEMORY(%)
node-1   0m           0%       0Mi             0%
node-2   0m           0%       0Mi             0%
$ kubectl get --raw /readyz
ok
$ kubectl config current-context
kubesvc-kubectl
""")
    version = json.loads(kubectl("kubectl version -o json").out)
    assert (version["serverVersion"]["major"], version["serverVersion"]["minor"]) == ("1", "37")


def test_who_has_no_role_may_ask_and_do_nothing(kubectl: Kubectl) -> None:
    kubectl.session(
        """
$ kubectl auth can-i create services --as=bob
no
[1]
$ kubectl auth whoami --as=bob --as-group=testers
ATTRIBUTE   VALUE
Username    bob
Groups      [testers system:authenticated]
$ kubectl get pods -n default --as=bob
Error from server (Forbidden): pods is forbidden: User "bob" cannot list resource "pods" in API group "" in the \
namespace "default"
[1]
$ kubectl auth can-i create services --as=bob --as-group=system:masters
yes
""".replace("\\\n", "")
    )


def test_a_dump_of_the_cluster_has_every_object_that_there_is(kubectl: Kubectl) -> None:
    kubectl("kubectl create configmap kept")
    dump = kubectl("kubectl cluster-info dump --namespaces <namespace>,default").out
    assert '"kind": "NodeList"' in dump
    assert '"kind": "DaemonSetList"' in dump


def test_explain_reads_the_schemas(kubectl: Kubectl) -> None:
    kubectl.session("""
$ kubectl explain service.spec.sessionAffinity
KIND:       Service
VERSION:    v1

FIELD: sessionAffinity <string>
ENUM:
    ClientIP
    None

DESCRIPTION:
    Supports "ClientIP" and "None". Used to maintain session affinity. Enable
    client IP based session affinity. Must be ClientIP or None. Defaults to
    None. More info:
...
    Possible enum values:
     - `"ClientIP"` is the Client IP based.
     - `"None"` - no session affinity.


$ kubectl explain deploy.spec.strategy
GROUP:      apps
KIND:       Deployment
VERSION:    v1

FIELD: strategy <DeploymentStrategy>
...
FIELDS:
  rollingUpdate	<RollingUpdateDeployment>
...
  type	<string>
...
$ kubectl explain svc.spec.nope
...
error: field "nope" does not exist
[1]
""")
    assert "  ports\t<[]ServicePort>" in kubectl("kubectl explain --recursive svc.spec").out
