"""What kubectl waits for, and what it does with the history of a Deployment."""

from __future__ import annotations

from tests.helpers.kubectl.cli import Kubectl

WEB = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      containers: [{name: web, image: registry.k8s.io/pause}]
"""


def _rolled_out(kubectl: Kubectl) -> None:
    kubectl.write("web.yaml", WEB)
    kubectl("kubectl create -f web.yaml")
    kubectl("kubectl rollout status deployment web")


def test_history_undo_restart_pause_and_resume(kubectl: Kubectl) -> None:
    _rolled_out(kubectl)
    kubectl.session("""
$ kubectl set env deployment/web COLOUR=blue
deployment.apps/web env updated
$ kubectl annotate deployment web kubernetes.io/change-cause='a colour'
deployment.apps/web annotated
$ kubectl rollout status deployment/web
...
deployment "web" successfully rolled out
$ kubectl rollout history deployment/web
deployment.apps/web
REVISION  CHANGE-CAUSE
1         <none>
2         a colour

$ kubectl rollout history deployment/web --revision=2
deployment.apps/web with revision #2
Pod Template:
  Labels:	app=web
	pod-template-hash=<hash>
...
    Environment:
      COLOUR:	blue
...
$ kubectl rollout undo deployment/web
deployment.apps/web rolled back
$ kubectl rollout status deployment/web
...
deployment "web" successfully rolled out
$ kubectl get deployment web -o jsonpath={.spec.template.spec.containers[0].env}
$ kubectl rollout undo deployment/web --to-revision=2
deployment.apps/web rolled back
$ kubectl get deployment web -o jsonpath={.spec.template.spec.containers[0].env}
[{"name":"COLOUR","value":"blue"}]
$ kubectl rollout undo deployment/web --to-revision=9
error: unable to find specified revision 9 in history
[1]
$ kubectl rollout status deployment/web
...
deployment "web" successfully rolled out
$ kubectl rollout pause deployment/web
deployment.apps/web paused
$ kubectl rollout pause deployment/web
error: deployments.apps "web" is already paused
[1]
$ kubectl rollout restart deployment/web
error: deployments.apps "web" can't restart paused deployment (run rollout resume first)
[1]
$ kubectl rollout resume deployment/web
deployment.apps/web resumed
$ kubectl rollout restart deployment/web
deployment.apps/web restarted
$ kubectl rollout status deployment/web
...
deployment "web" successfully rolled out
$ kubectl rollout history deployment/web
deployment.apps/web
REVISION  CHANGE-CAUSE
3         <none>
4         a colour
5         a colour
...
""")


def test_scaling_with_and_without_what_is_there(kubectl: Kubectl) -> None:
    _rolled_out(kubectl)
    kubectl.session("""
$ kubectl scale deployment web --replicas=3
deployment.apps/web scaled
$ kubectl wait --for=jsonpath={.status.readyReplicas}=3 deployment/web
deployment.apps/web condition met
$ kubectl scale deployment web --current-replicas=2 --replicas=1
error: Expected replicas to be 2, was 3
[1]
$ kubectl scale deployment web --current-replicas=3 --replicas=1
deployment.apps/web scaled
$ kubectl scale rs -l app=web --replicas=1
replicaset.apps/web-<hash> scaled
$ kubectl get deployment web --subresource=scale
NAME   DESIRED   AVAILABLE   AGE
web    1         <number>    <age>
$ kubectl get --raw /apis/apps/v1/namespaces/<namespace>/deployments/web/scale
{..."kind":"Scale"..."selector":"app=web"...}
$ kubectl scale deployment nope --replicas=1
error: no objects passed to scale...
[1]
""")


def test_waits_for_conditions_values_and_deletions(kubectl: Kubectl) -> None:
    kubectl.write("web.yaml", WEB)
    kubectl.session("""
$ kubectl create -f web.yaml
deployment.apps/web created
$ kubectl wait --for=condition=Available deployment/web
deployment.apps/web condition met
$ kubectl wait --for=jsonpath={.status.phase}=Running pod -l app=web
pod/web-<hash>-<suffix> condition met
pod/web-<hash>-<suffix> condition met
$ kubectl wait --for=condition=Ready=false pod -l app=web --timeout=0
condition not met for pods/web-<hash>-<suffix>
condition not met for pods/web-<hash>-<suffix>
[1]
$ kubectl delete -f web.yaml --wait=false
deployment.apps "web" deleted...
$ kubectl wait --for=delete deployment/web
...
$ kubectl wait --for=delete pod -l app=web
...
$ kubectl wait --for=condition=Ready pod/nope
Error from server (NotFound): pods "nope" not found
[1]
""")


def test_a_rollout_that_cannot_go_on_says_so(kubectl: Kubectl) -> None:
    _rolled_out(kubectl)
    kubectl.session("""
$ kubectl set image deployment/web web=no.such/image:1
deployment.apps/web image updated
$ kubectl rollout status deployment/web --timeout=500ms
Waiting for deployment "web" rollout to finish: 1 out of 2 new replicas have been updated...
error: timed out waiting for the condition
[1]
$ kubectl wait --for=jsonpath={.status.containerStatuses[0].state.waiting.reason} pod -l app=web --timeout=2s
...
[1]
$ kubectl get pods
NAME                  READY   STATUS    RESTARTS   AGE
web-<hash>-<suffix>   ...
web-<hash>-<suffix>   ...
web-<hash>-<suffix>   ...
$ kubectl rollout undo deployment/web
deployment.apps/web rolled back
$ kubectl rollout status deployment/web
...
deployment "web" successfully rolled out
""")
