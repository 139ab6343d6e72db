"""What kubectl does to what is everybody's: nodes, namespaces, the API's own Service. It is as it was in the end."""

from __future__ import annotations

import sys

from tests.helpers.kubectl.cli import Kubectl, read_table

WEB = f"""\
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web}}
spec:
  replicas: 2
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec:
      terminationGracePeriodSeconds: 1
      containers: [{{name: web, image: "python:3", command: [{sys.executable}, -c, "import signal; signal.pause()"]}}]
"""


def test_a_drained_node_has_no_pods_until_it_takes_some_again(kubectl: Kubectl) -> None:
    kubectl.write("web.yaml", WEB)
    kubectl.session("""
$ kubectl create -f web.yaml
deployment.apps/web created
$ kubectl rollout status deployment/web
...
deployment "web" successfully rolled out
""")
    try:
        kubectl.session("""
$ kubectl cordon node-1
node/node-1 cordoned
$ kubectl get node node-1
NAME     STATUS                     ROLES    AGE     VERSION
node-1   Ready,SchedulingDisabled   <none>   <age>   <word>
$ kubectl drain node-1 --pod-selector=app=web
node/node-1 already cordoned
...
evicting pod <namespace>/web-<hash>-<suffix>
pod/web-<hash>-<suffix> evicted
node/node-1 drained
$ kubectl rollout status deployment/web
...
deployment "web" successfully rolled out
""")
        rows = read_table(kubectl("kubectl get pods -o wide --field-selector status.phase=Running").out)
        assert {row["NODE"] for row in rows if row["STATUS"] == "Running"} == {"node-2"}
    finally:
        kubectl("kubectl uncordon node-1")
    kubectl.session("""
$ kubectl taint node node-1 colour=blue:NoSchedule
node/node-1 tainted
$ kubectl describe node node-1
...
Taints:             colour=blue:NoSchedule
...
$ kubectl taint node node-1 colour-
node/node-1 untainted
$ kubectl label node node-1 node-role.kubernetes.io/worker=
node/node-1 labeled
$ kubectl get node node-1
NAME     STATUS   ROLES    AGE     VERSION
node-1   Ready    worker   <age>   <word>
$ kubectl label node node-1 node-role.kubernetes.io/worker-
node/node-1 unlabeled
""")


BIG = """
apiVersion: v1
kind: Pod
metadata: {name: big}
spec: {containers: [{name: c, image: nginx, resources: {requests: {cpu: "1000"}}}]}
---
apiVersion: v1
kind: Pod
metadata: {name: forced}
spec: {nodeName: node-1, containers: [{name: c, image: nginx, resources: {requests: {cpu: "1000"}}}]}
"""


def test_a_pod_that_is_too_large_waits_or_is_rejected_by_its_node(kubectl: Kubectl) -> None:
    kubectl.write("big.yaml", BIG)
    kubectl.session("""
$ kubectl apply -f big.yaml
pod/big created
pod/forced created
$ kubectl wait --for=condition=PodScheduled=False pod/big --timeout=20s
pod/big condition met
$ kubectl get pod big -o jsonpath={.status.conditions[0].reason}
Unschedulable
$ kubectl wait --for=jsonpath={.status.phase}=Failed pod/forced --timeout=20s
pod/forced condition met
$ kubectl get pod forced
NAME     READY   STATUS     RESTARTS   AGE
forced   0/1     OutOfcpu   0          <age>
""")


def test_a_namespace_goes_with_everything_in_it(kubectl: Kubectl) -> None:
    kubectl.write("web.yaml", WEB)
    kubectl.session("""
$ kubectl create namespace <namespace>-2
namespace/<namespace>-2 created
$ kubectl create -n <namespace>-2 -f web.yaml
deployment.apps/web created
$ kubectl create -n <namespace>-2 configmap one
configmap/one created
$ kubectl delete namespace <namespace>-2
namespace "<namespace>-2" deleted
$ kubectl get pods,cm,deploy -n <namespace>-2
No resources found in <namespace>-2 namespace.
$ kubectl create -n <namespace>-2 configmap one
error: failed to create configmap: namespaces "<namespace>-2" not found
[1]
""")


def test_the_service_of_the_api_comes_back_when_somebody_deletes_it(kubectl: Kubectl) -> None:
    kubectl.session("""
$ kubectl delete service kubernetes -n default
service "kubernetes" deleted...
$ kubectl wait --for=create service/kubernetes -n default --timeout=10s
service/kubernetes condition met
$ kubectl wait --for=create endpoints/kubernetes -n default --timeout=10s
Warning: v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice
endpoints/kubernetes condition met
$ kubectl get service,endpoints kubernetes -n default
Warning: v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice
NAME                 TYPE        CLUSTER-IP    EXTERNAL-IP   PORT(S)   AGE
service/kubernetes   ClusterIP   127.119.0.1   <none>        443/TCP   <age>

NAME                   ENDPOINTS            AGE
endpoints/kubernetes   127.0.0.1:<number>   <age>
""")
