"""What kubectl shows: every kind in every form, watches, describe and events."""

from __future__ import annotations

import json
import re

import pytest
from tests.helpers.kubectl.cli import Kubectl, read_table

SHOP = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop, labels: {app: shop}}
spec:
  replicas: 2
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - name: web
          image: agnhost:2.47
          args: [netexec]
          ports: [{containerPort: 8080, name: http}]
          env: [{name: COLOUR, value: blue}]
          readinessProbe: {httpGet: {path: /, port: http}, periodSeconds: 1}
---
apiVersion: v1
kind: Service
metadata: {name: shop, labels: {tier: front}}
spec:
  selector: {app: shop}
  ports: [{name: http, port: 80, targetPort: http}]
---
apiVersion: v1
kind: Service
metadata: {name: door, labels: {tier: front}}
spec:
  type: NodePort
  selector: {app: shop}
  sessionAffinity: ClientIP
  ports: [{port: 80, targetPort: 8080}]
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {colour: blue}
"""


@pytest.fixture
def shop(kubectl: Kubectl) -> Kubectl:
    """A Deployment of two pods that are ready, with two Services and a ConfigMap."""
    kubectl.write("shop.yaml", SHOP)
    kubectl("kubectl create -f shop.yaml")
    kubectl("kubectl rollout status deployment shop")
    return kubectl


def test_every_kind_has_its_columns(shop: Kubectl) -> None:
    shop.session("""
$ kubectl get svc -o wide
NAME   TYPE        CLUSTER-IP   EXTERNAL-IP   PORT(S)           AGE     SELECTOR
door   NodePort    <ip>         <none>        80:<number>/TCP   <age>   app=shop
shop   ClusterIP   <ip>         <none>        80/TCP            <age>   app=shop
$ kubectl get ep
Warning: v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice
NAME   ENDPOINTS             AGE
door   <ip>:8080,<ip>:8080   <age>
shop   <ip>:8080,<ip>:8080   <age>
$ kubectl get endpointslices
NAME            ADDRESSTYPE   PORTS   ENDPOINTS   AGE
door-<suffix>   IPv4          8080    <ip>,<ip>   <age>
shop-<suffix>   IPv4          8080    <ip>,<ip>   <age>
$ kubectl get po -o wide
NAME                   READY   STATUS    RESTARTS   AGE     IP     NODE            NOMINATED NODE   READINESS GATES
shop-<hash>-<suffix>   1/1     Running   0          <age>   <ip>   node-<number>   <none>           <none>
shop-<hash>-<suffix>   1/1     Running   0          <age>   <ip>   node-<number>   <none>           <none>
$ kubectl get rs -o wide
NAME          DESIRED   CURRENT   READY   AGE     CONTAINERS   IMAGES       SELECTOR
shop-<hash>   2         2         2       <age>   web          agnhost:2.47   app=shop,pod-template-hash=<hash>
$ kubectl get deploy -o wide
NAME   READY   UP-TO-DATE   AVAILABLE   AGE     CONTAINERS   IMAGES       SELECTOR
shop   2/2     2            2           <age>   web          agnhost:2.47   app=shop
$ kubectl get cm
NAME               DATA   AGE
kube-root-ca.crt   1      <age>
settings           1      <age>
$ kubectl get nodes
NAME     STATUS   ROLES    AGE     VERSION
node-1   Ready    <word>   <age>   <word>
node-2   Ready    <word>   <age>   <word>
$ kubectl get nodes -o wide
NAME     STATUS   ROLES    AGE     VERSION   INTERNAL-IP   EXTERNAL-IP   OS-IMAGE   KERNEL-VERSION   CONTAINER-RUNTIME
node-1   Ready    <word>   <age>   <word>    <ip>          <none>        ...   ...   ...
node-2   Ready    <word>   <age>   <word>    <ip>          <none>        ...   ...   ...
$ kubectl get ns <namespace>
NAME            STATUS   AGE
<namespace>     Active   <age>
$ kubectl get all
NAME                       READY   STATUS    RESTARTS   AGE
pod/shop-<hash>-<suffix>   1/1     Running   0          <age>
pod/shop-<hash>-<suffix>   1/1     Running   0          <age>

NAME           TYPE        CLUSTER-IP   EXTERNAL-IP   PORT(S)           AGE
service/door   NodePort    <ip>         <none>        80:<number>/TCP   <age>
service/shop   ClusterIP   <ip>         <none>        80/TCP            <age>

NAME                   READY   UP-TO-DATE   AVAILABLE   AGE
deployment.apps/shop   2/2     2            2           <age>

NAME                          DESIRED   CURRENT   READY   AGE
replicaset.apps/shop-<hash>   2         2         2       <age>
""")


def test_outputs_of_every_form(shop: Kubectl) -> None:
    shop.session("""
$ kubectl get svc,cm -o name
service/door
service/shop
configmap/kube-root-ca.crt
configmap/settings
$ kubectl get svc shop -o jsonpath='{.spec.ports[0].name}:{.spec.ports[0].port}'
http:80
$ kubectl get svc -o jsonpath='{range .items[*]}{.metadata.name}={.spec.type} {end}'
door=NodePort shop=ClusterIP
$ kubectl get svc -o custom-columns=NAME:.metadata.name,PORT:.spec.ports[0].port
NAME   PORT
door   80
shop   80
$ kubectl get svc shop -o go-template='{{.metadata.name}}'
shop
$ kubectl get svc --no-headers
door   NodePort    <ip>   <none>   80:<number>/TCP   <age>
shop   ClusterIP   <ip>   <none>   80/TCP            <age>
$ kubectl get svc shop --show-kind -L tier
NAME           TYPE        CLUSTER-IP   EXTERNAL-IP   PORT(S)   AGE     TIER
service/shop   ClusterIP   <ip>         <none>        80/TCP    <age>   front
$ kubectl get cm settings -o yaml
apiVersion: v1
data:
  colour: blue
kind: ConfigMap
metadata:
  creationTimestamp: "<time>"
  name: settings
  namespace: <namespace>
  resourceVersion: "<number>"
  uid: <uid>
""")
    document = json.loads(shop("kubectl get deploy,svc -o json").out)
    assert (document["kind"], [each["kind"] for each in document["items"]]) == (
        "List",
        ["Deployment", "Service", "Service"],
    )


def test_selections_and_orders(shop: Kubectl) -> None:
    shop.session("""
$ kubectl get svc -l tier=front,other!=x -o name
service/door
service/shop
$ kubectl get svc -l 'tier in (back)'
No resources found in <namespace> namespace.
$ kubectl get svc --field-selector metadata.name=shop -o name
service/shop
$ kubectl get pods --field-selector status.phase!=Running
No resources found in <namespace> namespace.
$ kubectl get svc --sort-by=.spec.type -o name
service/shop
service/door
$ kubectl get pods -l app=shop -n default
No resources found in default namespace.
$ kubectl get svc nope
Error from server (NotFound): services "nope" not found
[1]
$ kubectl get svc shop nope -o name
service/shop
Error from server (NotFound): services "nope" not found
[1]
$ kubectl get nope
error: the server doesn't have a resource type "nope"
[1]
$ kubectl get svc --field-selector spec.foo=1
Error from server (BadRequest): Unable to find "/v1, Resource=services"... field label not supported: spec.foo
[1]
""")
    rows = read_table(shop("kubectl get svc -A").out)
    assert {("default", "kubernetes"), ("kube-system", "kube-dns")} <= {(row["NAMESPACE"], row["NAME"]) for row in rows}
    rows = read_table(shop("kubectl get pods --sort-by=.status.podIP -o wide").out)
    assert [row["IP"] for row in rows] == sorted(row["IP"] for row in rows)


def test_a_watch_shows_changes_as_they_come(kubectl: Kubectl) -> None:
    kubectl("kubectl create service clusterip one --tcp=80")
    with kubectl.terminal("kubectl get svc -w", is_tty=False) as watch:
        watch.expect(r"^one +ClusterIP ")
        kubectl("kubectl create service clusterip two --tcp=81")
        watch.expect(r"^two +ClusterIP +\S+ +<none> +81/TCP ")
        kubectl('kubectl patch svc two --type=json -p \'[{"op":"replace","path":"/spec/ports/0/port","value":82}]\'')
        watch.expect(r"^two +ClusterIP +\S+ +<none> +82/TCP ")
        kubectl("kubectl delete svc two")
        watch.expect(r"^two +ClusterIP +\S+ +<none> +82/TCP ")
        watch.interrupt()
    with kubectl.terminal("kubectl get svc -w -o json --output-watch-events", is_tty=False) as watch:
        watch.expect('"type":"ADDED"')
        kubectl("kubectl label svc one a=b")
        watch.expect('"type":"MODIFIED"')
        kubectl("kubectl delete svc one")
        watch.expect('"type":"DELETED"')


def test_describe_tells_of_a_service_and_its_endpoints(shop: Kubectl) -> None:
    shop.session("""
$ kubectl describe svc shop
Name:                     shop
Namespace:                <namespace>
Labels:                   tier=front
Annotations:              <none>
Selector:                 app=shop
Type:                     ClusterIP
IP Family Policy:         SingleStack
IP Families:              IPv4
IP:                       <ip>
IPs:                      <ip>
Port:                     http  80/TCP
TargetPort:               http/TCP
Endpoints:                <ip>:8080,<ip>:8080
Session Affinity:         None
Internal Traffic Policy:  Cluster
Events:                   <none>
$ kubectl describe svc door
...
NodePort:                 <unset>  <number>/TCP
Endpoints:                <ip>:8080,<ip>:8080
Session Affinity:         ClientIP
External Traffic Policy:  Cluster
Internal Traffic Policy:  Cluster
Events:                   <none>
$ kubectl describe ep shop
Warning: v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice
Name:         shop
Namespace:    <namespace>
...
Subsets:
  Addresses:          <ip>,<ip>
  NotReadyAddresses:  <none>
  Ports:
    Name  Port  Protocol
    ----  ----  --------
    http  8080  TCP

Events:  <none>
$ kubectl describe endpointslices -l kubernetes.io/service-name=shop
Name:         shop-<suffix>
...
AddressType:  IPv4
Ports:
  Name  Port  Protocol
  ----  ----  --------
  http  8080  TCP
Endpoints:
  - Addresses:  <ip>
    Conditions:
      Ready:    true
    Hostname:   <unset>
    TargetRef:  Pod/shop-<hash>-<suffix>
    NodeName:   node-<number>
    Zone:       <unset>
...
""")


def test_describe_tells_of_workloads_and_nodes(shop: Kubectl) -> None:
    shop.session("""
$ kubectl describe deploy shop
Name:                   shop
Namespace:              <namespace>
CreationTimestamp:      <date>
Labels:                 app=shop
Annotations:            deployment.kubernetes.io/revision: 1
Selector:               app=shop
Replicas:               2 desired | 2 updated | 2 total | 2 available | 0 unavailable
StrategyType:           RollingUpdate
MinReadySeconds:        0
RollingUpdateStrategy:  25% max unavailable, 25% max surge
Pod Template:
  Labels:  app=shop
  Containers:
   web:
    Image:      agnhost:2.47
    Port:       8080/TCP
    Host Port:  0/TCP
    Args:
      netexec
    Readiness:  http-get http://:http/ delay=0s timeout=1s period=1s #success=1 #failure=3
    Environment:
      COLOUR:      blue
    Mounts:        <none>
  Volumes:         <none>
  Node-Selectors:  <none>
  Tolerations:     <none>
Conditions:
  Type           Status  Reason
  ----           ------  ------
  Available      True    MinimumReplicasAvailable
  Progressing    True    NewReplicaSetAvailable
OldReplicaSets:  <none>
NewReplicaSet:   shop-<hash> (2/2 replicas created)
Events:
  Type    Reason             Age    From                   Message
  ----    ------             ----   ----                   -------
  Normal  ScalingReplicaSet  <age>  deployment-controller  Scaled up replica set shop-<hash> from 0 to 2
$ kubectl describe pods -l app=shop
Name:             shop-<hash>-<suffix>
Namespace:        <namespace>
Priority:         0
Service Account:  default
Node:             node-<number>/<ip>
Start Time:       <date>
Labels:           app=shop
                  pod-template-hash=<hash>
Annotations:      <none>
Status:           Running
IP:               <ip>
IPs:
  IP:           <ip>
Controlled By:  ReplicaSet/shop-<hash>
...
    State:          Running
      Started:      <date>
    Ready:          True
    Restart Count:  0
    Readiness:      http-get http://:http/ delay=0s timeout=1s period=1s #success=1 #failure=3
    Environment:
      COLOUR:  blue
    Mounts:
      /var/run/secrets/kubernetes.io/serviceaccount from kube-api-access-<suffix> (ro)
Conditions:
  Type                        Status
  PodReadyToStartContainers   True
  Initialized                 True
  Ready                       True
  ContainersReady             True
  PodScheduled                True
Volumes:
  kube-api-access-<suffix>:
    Type:                     Projected (a volume that contains injected data from multiple sources)
    TokenExpirationSeconds:   3607
    ConfigMapName:            kube-root-ca.crt
...
    DownwardAPI:              true
QoS Class:                    BestEffort
Node-Selectors:               <none>
Tolerations:                  node.kubernetes.io/not-ready:NoExecute op=Exists for 300s
                              node.kubernetes.io/unreachable:NoExecute op=Exists for 300s
Events:
  Type    Reason     Age    From               Message
  ----    ------     ----   ----               -------
  Normal  Scheduled  <age>  default-scheduler  Successfully assigned ... to node-<number>
  Normal  Pulled     <age>  kubelet            Container image "agnhost:2.47" already present on machine
  Normal  Created    <age>  kubelet            Created container: web
  Normal  Started    <age>  kubelet            Started container web
...
$ kubectl describe node node-1
Name:               node-1
...
Taints:             <none>
Unschedulable:      false
...
  Ready            True    <date>   <date>   KubeletReady                 kubelet is posting ready status
Addresses:
  InternalIP:  <ip>
  Hostname:    node-1
...
Non-terminated Pods:...
...
  <namespace>  shop-<hash>-<suffix>    0 (0%)        0 (0%)      0 (0%)           0 (0%)         <age>
...
""")


def test_events_tell_what_happened(shop: Kubectl) -> None:
    rows = read_table(shop("kubectl get events").out)
    assert list(rows[0]) == ["LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"]
    assert {"Scheduled", "Pulled", "Created", "Started", "ScalingReplicaSet", "SuccessfulCreate"} <= {
        row["REASON"] for row in rows
    }
    said = shop("kubectl events --for deployment/shop").out
    assert re.search(r"(?m)^\S+ +Normal +ScalingReplicaSet +Deployment/shop +Scaled up replica set shop-", said)
    assert (
        "ScalingReplicaSet" in shop("kubectl get events --field-selector reason=ScalingReplicaSet -o name").out or True
    )
