"""What kubectl shows of StatefulSets, DaemonSets and their claims, and what it does with their history."""

from __future__ import annotations

from tests.helpers.kubectl.cli import Kubectl

DATABASE = """\
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  serviceName: db
  replicas: 2
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec:
      terminationGracePeriodSeconds: 1
      containers: [{name: db, image: registry.k8s.io/pause}]
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
"""
AGENT = """\
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec:
      terminationGracePeriodSeconds: 1
      containers: [{name: agent, image: registry.k8s.io/pause}]
"""


def test_a_stateful_set_has_claims_and_a_history(kubectl: Kubectl) -> None:
    kubectl.write("db.yaml", DATABASE)
    kubectl.session("""
$ kubectl create -f db.yaml
statefulset.apps/db created
$ kubectl rollout status statefulset/db
...
partitioned roll out complete: 2 new pods have been updated...
$ kubectl get statefulset
NAME   READY   AGE
db     2/2     <age>
$ kubectl get pvc -o custom-columns=NAME:.metadata.name,STATUS:.status.phase,SIZE:.status.capacity.storage
NAME        STATUS   SIZE
data-db-0   Bound    1Gi
data-db-1   Bound    1Gi
$ kubectl get storageclass
NAME                 PROVISIONER          RECLAIMPOLICY   VOLUMEBINDINGMODE   ALLOWVOLUMEEXPANSION   AGE
standard (default)   kubesvc.dev/folder   Delete          Immediate           true                   <age>
$ kubectl set env statefulset/db COLOUR=blue
statefulset.apps/db env updated
$ kubectl rollout status statefulset/db
...
partitioned roll out complete: 2 new pods have been updated...
$ kubectl rollout undo statefulset/db
statefulset.apps/db rolled back
$ kubectl rollout history statefulset/db
statefulset.apps/db
REVISION  CHANGE-CAUSE
2         <none>
3         <none>

$ kubectl scale statefulset/db --replicas=1
statefulset.apps/db scaled
""")
    assert "Used By:       db-0" in kubectl("kubectl describe pvc data-db-0").out


def test_a_daemon_set_is_on_every_node_and_has_a_history(kubectl: Kubectl) -> None:
    kubectl.write("agent.yaml", AGENT)
    kubectl.session("""
$ kubectl create -f agent.yaml
daemonset.apps/agent created
$ kubectl rollout status daemonset/agent
...
daemon set "agent" successfully rolled out
$ kubectl get daemonset
NAME    DESIRED   CURRENT   READY   UP-TO-DATE   AVAILABLE   NODE SELECTOR   AGE
agent   2         2         2       2            2           <none>          <age>
$ kubectl set env daemonset/agent COLOUR=blue
daemonset.apps/agent env updated
$ kubectl rollout status daemonset/agent
...
daemon set "agent" successfully rolled out
$ kubectl rollout undo daemonset/agent
daemonset.apps/agent rolled back
$ kubectl rollout status daemonset/agent
...
daemon set "agent" successfully rolled out
$ kubectl get controllerrevisions --sort-by=.revision
NAME           CONTROLLER             REVISION   AGE
agent-<hash>   daemonset.apps/agent   2          <age>
agent-<hash>   daemonset.apps/agent   3          <age>
""")
