"""What kubectl writes: create, apply, replace, edit, patch, label, set, expose, run, delete, and their dry runs."""

from __future__ import annotations

import re
from pathlib import Path

from tests.helpers.kubectl.cli import Kubectl

WEB = """\
apiVersion: v1
kind: Service
metadata:
  name: web
  labels: {tier: front}
spec:
  selector: {app: web}
  ports:
    - {name: http, port: 80, targetPort: 8080}
    - {name: admin, port: 81}
"""
"""A Service with two ports."""


def test_typed_creates_make_what_they_say(kubectl: Kubectl) -> None:
    kubectl.session("""
$ kubectl create deployment web --image=nginx --replicas=0 --port=80
deployment.apps/web created
$ kubectl create service clusterip plain --tcp=80:8080
service/plain created
$ kubectl create service clusterip nowhere --clusterip=None
service/nowhere created
$ kubectl create service nodeport door --tcp=80
service/door created
$ kubectl create service loadbalancer balanced --tcp=443:8443
service/balanced created
$ kubectl create service externalname away --external-name example.org
service/away created
$ kubectl create configmap settings --from-literal=colour=blue --from-literal=size=3
configmap/settings created
$ kubectl create namespace <namespace>-2
namespace/<namespace>-2 created
$ kubectl get svc
NAME       TYPE           CLUSTER-IP   EXTERNAL-IP   PORT(S)             AGE
away       ExternalName   <none>       example.org   <none>              <age>
balanced   LoadBalancer   <ip>         <ip>          443:<number>/TCP    <age>
door       NodePort       <ip>         <none>        80:<number>/TCP     <age>
nowhere    ClusterIP      None         <none>        <none>              <age>
plain      ClusterIP      <ip>         <none>        80/TCP              <age>
$ kubectl get deployment web -o jsonpath={.spec.replicas}/{.spec.template.spec.containers[0].ports}
0/[{"containerPort":80,"protocol":"TCP"}]
$ kubectl get cm settings -o jsonpath={.data}
{"colour":"blue","size":"3"}
$ kubectl get ns <namespace>-2
NAME              STATUS   AGE
<namespace>-2     Active   <age>
$ kubectl delete ns <namespace>-2
namespace "<namespace>-2" deleted
""")


def test_apply_creates_configures_and_leaves_alone(kubectl: Kubectl) -> None:
    kubectl.write("web.yaml", WEB)
    kubectl.session("""
$ kubectl apply -f web.yaml
service/web created
$ kubectl apply -f web.yaml
service/web unchanged
""")
    kubectl.write("web.yaml", WEB.replace("81", "82").replace("tier: front", "tier: back"))
    kubectl.session("""
$ kubectl apply -f web.yaml
service/web configured
$ kubectl get svc web --show-labels
NAME   TYPE        CLUSTER-IP   EXTERNAL-IP   PORT(S)         AGE     LABELS
web    ClusterIP   <ip>         <none>        80/TCP,82/TCP   <age>   tier=back
""")
    kubectl.write(
        "web.yaml", WEB.replace("    - {name: admin, port: 81}\n", "").replace("  labels: {tier: front}\n", "")
    )
    kubectl.session("""
$ kubectl apply -f web.yaml
service/web configured
$ kubectl get svc web --show-labels
NAME   TYPE        CLUSTER-IP   EXTERNAL-IP   PORT(S)   AGE     LABELS
web    ClusterIP   <ip>         <none>        80/TCP    <age>   <none>
$ kubectl apply view-last-applied svc web -o json
...
  "kind": "Service",
...
""")


def test_apply_from_standard_input_takes_several_documents_and_prunes(kubectl: Kubectl) -> None:
    one = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one, labels: {set: a}}\n"
    two = one.replace("one", "two")
    said = kubectl("kubectl apply -f -", stdin=f"{one}---\n{two}")
    assert said.out == "configmap/one created\nconfigmap/two created\n"
    said = kubectl("kubectl apply -f - --prune -l set=a --prune-allowlist=core/v1/ConfigMap", stdin=one)
    assert said.out == "configmap/one unchanged\nconfigmap/two pruned\n"


def test_server_side_apply_owns_fields_and_conflicts(kubectl: Kubectl) -> None:
    kubectl.write("web.yaml", WEB)
    kubectl.write("other.yaml", WEB.replace("app: web", "app: other"))
    kubectl.session("""
$ kubectl apply --server-side -f web.yaml
service/web serverside-applied
$ kubectl apply --server-side --field-manager=other -f other.yaml
error: Apply failed with 1 conflict: conflict with "kubectl": .spec.selector
Please review the fields above--they currently have other managers. Here
are the ways you can resolve this warning:
* If you intend to manage all of these fields, please re-run the apply
  command with the `--force-conflicts` flag.
* If you do not intend to manage all of the fields, please edit your
  manifest to remove references to the fields that should keep their
  current managers.
* You may co-own fields by updating your manifest to match the existing
  value; in this case, you'll become the manager if the other manager(s)
  stop managing the field (remove it from their configuration).
See https://kubernetes.io/docs/reference/using-api/server-side-apply/#conflicts
[1]
$ kubectl apply --server-side --field-manager=other --force-conflicts -f other.yaml
service/web serverside-applied
$ kubectl get svc web -o jsonpath={.spec.selector.app}
other
$ kubectl get svc web -o jsonpath={.metadata.managedFields[*].manager} --show-managed-fields
kubectl other
""")


def test_client_side_objects_can_go_over_to_server_side_apply(kubectl: Kubectl) -> None:
    kubectl.write("web.yaml", WEB)
    kubectl("kubectl apply -f web.yaml")
    kubectl.write("web.yaml", WEB.replace("app: web", "app: new"))
    kubectl.session("""
$ kubectl apply --server-side -f web.yaml
service/web serverside-applied
$ kubectl get svc web -o jsonpath={.spec.selector.app}
new
""")


def test_replace_and_edit_write_the_whole_object(kubectl: Kubectl) -> None:
    kubectl.write("web.yaml", WEB)
    kubectl.write("settings.json", '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"settings"}}')
    kubectl.session("""
$ kubectl replace -f settings.json
Error from server (NotFound): error when replacing "settings.json": configmaps "settings" not found
[1]
$ kubectl create -f web.yaml
service/web created
$ kubectl replace -f web.yaml
service/web replaced
$ kubectl replace --force -f web.yaml
service "web" deleted
service/web replaced
""")
    editor = {"EDITOR": "sed -i s/8080/9090/"}
    kubectl.session("$ kubectl edit svc web\nservice/web edited", env=editor)
    kubectl.session("$ kubectl edit svc web\nEdit cancelled, no changes made.", env={"EDITOR": "true"})
    assert kubectl("kubectl get svc web -o jsonpath={.spec.ports[0].targetPort}").out == "9090"
    said = kubectl("kubectl edit svc web", env={"EDITOR": "sed -i s/9090/99999/"}, status=1)
    assert 'error: services "web" is invalid\n' in said.err
    (copy,) = re.findall(r'stored to "(\S+)"', said.err)
    assert (
        Path(copy)
        .read_text()
        .startswith("""\
# Please edit the object below. Lines beginning with a '#' will be ignored,
# and an empty file will abort the edit. If an error occurs while saving this file will be
# reopened with the relevant failures.
#
# services "web" was not valid:
# * spec.ports[0].targetPort: Invalid value: 99999: must be between 1 and 65535, inclusive
#
""")
    )


def test_diff_shows_what_apply_would_change(kubectl: Kubectl) -> None:
    kubectl.write("web.yaml", WEB)
    said = kubectl("kubectl diff -f web.yaml", status=1)
    assert "+  name: web\n" in said.out
    kubectl("kubectl apply -f web.yaml")
    assert kubectl("kubectl diff -f web.yaml").out == ""
    kubectl.write("web.yaml", WEB.replace("targetPort: 8080", "targetPort: 9090"))
    said = kubectl("kubectl diff -f web.yaml", status=1)
    assert re.findall(r"(?m)^[-+] .*", said.out) == ["-    targetPort: 8080", "+    targetPort: 9090"]
    assert kubectl("kubectl get svc web -o jsonpath={.spec.ports[0].targetPort}").out == "8080"
    said = kubectl("kubectl diff --server-side -f web.yaml", status=1)
    assert "+    targetPort: 9090" in said.out


def test_patches_of_three_kinds(kubectl: Kubectl) -> None:
    kubectl.write("web.yaml", WEB)
    kubectl("kubectl create -f web.yaml")
    kubectl.session("""
$ kubectl patch svc web -p '{"spec":{"ports":[{"port":81,"targetPort":9}]}}'
service/web patched
$ kubectl get svc web -o jsonpath={.spec.ports[*].targetPort}
8080 9
$ kubectl patch svc web -p '{"spec":{"ports":[{"port":81,"targetPort":9}]}}'
service/web patched (no change)
$ kubectl patch svc web --type=merge -p '{"spec":{"ports":[{"port":82}]}}'
service/web patched
$ kubectl get svc web -o jsonpath={.spec.ports[*].port}
82
$ kubectl patch svc web --type=json -p '[{"op":"add","path":"/spec/ports/-","value":{"name":"more","port":83}}]'
The Service "web" is invalid: spec.ports[0].name: Required value
[1]
$ kubectl patch svc web --type=json -p '[{"op":"replace","path":"/spec/ports/0/port","value":84}]'
service/web patched
$ kubectl get svc web -o jsonpath={.spec.ports[*].port}
84
""")


def test_label_and_annotate_set_change_and_take_away(kubectl: Kubectl) -> None:
    kubectl.session("""
$ kubectl create configmap one
configmap/one created
$ kubectl label cm one colour=blue
configmap/one labeled
$ kubectl label cm one colour=red
error: 'colour' already has a value (blue), and --overwrite is false
[1]
$ kubectl label cm one colour=red --overwrite
configmap/one labeled
$ kubectl label cm one colour=red
configmap/one not labeled
$ kubectl label cm one colour-
configmap/one unlabeled
$ kubectl annotate cm one note=here
configmap/one annotated
$ kubectl annotate cm one note-
configmap/one annotated
$ kubectl get cm one -o jsonpath={.metadata.labels}{.metadata.annotations}
""")


def test_set_changes_images_and_environment_of_the_template(kubectl: Kubectl) -> None:
    kubectl.session("""
$ kubectl create deployment web --image=nginx --replicas=0
deployment.apps/web created
$ kubectl set image deployment/web nginx=nginx:1.27
deployment.apps/web image updated
$ kubectl set env deployment/web COLOUR=blue
deployment.apps/web env updated
$ kubectl set env deployment/web --list
# Deployment web, container nginx
COLOUR=blue
$ kubectl set env deployment/web COLOUR-
deployment.apps/web env updated
$ kubectl set resources deployment/web --limits=cpu=200m
Warning: spec.template.spec.containers[0].resources: kubesvc does not act on limits: ...
deployment.apps/web resource requirements updated
$ kubectl get deployment web -o jsonpath={.spec.template.spec.containers[0].image}/{.metadata.generation}
nginx:1.27/5
""")


def test_expose_makes_services_of_workloads(kubectl: Kubectl) -> None:
    kubectl.session("""
$ kubectl create deployment web --image=nginx --replicas=0
deployment.apps/web created
$ kubectl expose deployment web --port=80 --target-port=8080
service/web exposed
$ kubectl expose deployment web --name=door --type=NodePort --port=80
service/door exposed
$ kubectl get svc -o wide
NAME   TYPE        CLUSTER-IP   EXTERNAL-IP   PORT(S)           AGE     SELECTOR
door   NodePort    <ip>         <none>        80:<number>/TCP   <age>   app=web
web    ClusterIP   <ip>         <none>        80/TCP            <age>   app=web
$ kubectl expose deployment web --port=80
Error from server (AlreadyExists): services "web" already exists
[1]
""")


def test_run_makes_pods(kubectl: Kubectl) -> None:
    kubectl.session("""
$ kubectl run web --image=nginx --port=80 --labels=app=shop --env=COLOUR=blue --expose
service/web created
pod/web created
$ kubectl wait --for=condition=Ready pod/web
pod/web condition met
$ kubectl get pod web --show-labels
NAME   READY   STATUS    RESTARTS   AGE     LABELS
web    1/1     Running   0          <age>   app=shop
$ kubectl run once --image=python:3 --restart=Never --rm --attach --command -- echo hello
...
hello
pod "once" deleted...
$ kubectl delete pod web --now
pod "web" deleted...
""")


def test_deletes_of_all_sorts(kubectl: Kubectl) -> None:
    kubectl.write("web.yaml", WEB)
    for name in ("a", "b", "c", "d"):
        kubectl(f"kubectl create configmap {name}")
    kubectl.session("""
$ kubectl create -f web.yaml
service/web created
$ kubectl delete -f web.yaml
service "web" deleted...
$ kubectl delete -f web.yaml
Error from server (NotFound): error when deleting "web.yaml": services "web" not found
[1]
$ kubectl delete -f web.yaml --ignore-not-found
$ kubectl label cm a b kind=chosen
configmap/a labeled
configmap/b labeled
$ kubectl delete cm -l kind=chosen
configmap "a" deleted...
configmap "b" deleted...
$ kubectl delete cm/c --wait=false -o name
configmap/c
$ kubectl delete cm --all
configmap "d" deleted...
configmap "kube-root-ca.crt" deleted...
$ kubectl delete cm nope
Error from server (NotFound): configmaps "nope" not found
[1]
$ kubectl delete namespace default
Error from server (Forbidden): namespaces "default" is forbidden: this namespace may not be deleted
[1]
""")


def test_deployments_are_deleted_in_the_background_in_the_foreground_or_alone(kubectl: Kubectl) -> None:
    for name in ("back", "front", "alone"):
        kubectl(f"kubectl create deployment {name} --image=registry.k8s.io/pause --replicas=1")
    kubectl.session("""
$ kubectl wait --for=condition=Available deployment --all
deployment.apps/alone condition met
deployment.apps/back condition met
deployment.apps/front condition met
$ kubectl delete deployment back
deployment.apps "back" deleted...
$ kubectl delete deployment front --cascade=foreground
deployment.apps "front" deleted...
$ kubectl get rs -l app=front
No resources found in <namespace> namespace.
$ kubectl delete deployment alone --cascade=orphan
deployment.apps "alone" deleted...
$ kubectl get rs -l app=alone
NAME           DESIRED   CURRENT   READY   AGE
alone-<hash>   1         1         1       <age>
$ kubectl wait --for=delete pod -l app=back
...
$ kubectl delete rs -l app=alone
replicaset.apps "alone-<hash>" deleted...
""")


def test_dry_runs_store_nothing(kubectl: Kubectl) -> None:
    kubectl.write("web.yaml", WEB)
    kubectl.session("""
$ kubectl apply -f web.yaml --dry-run=client
service/web created (dry run)
$ kubectl apply -f web.yaml --dry-run=server
service/web created (server dry run)
$ kubectl create deployment web --image=nginx --dry-run=server
deployment.apps/web created (server dry run)
$ kubectl create deployment web --image=nginx --dry-run=client -o name
deployment.apps/web
$ kubectl create -f web.yaml --dry-run=server -o jsonpath={.spec.type}
ClusterIP
$ kubectl get svc,deployments
No resources found in <namespace> namespace.
$ kubectl create -f web.yaml
service/web created
$ kubectl delete svc web --dry-run=server
service "web" deleted... (server dry run)
$ kubectl label svc web a=b --dry-run=server
service/web labeled (server dry run)
$ kubectl get svc web --show-labels
NAME   TYPE        CLUSTER-IP   EXTERNAL-IP   PORT(S)         AGE     LABELS
web    ClusterIP   <ip>         <none>        80/TCP,81/TCP   <age>   tier=front
""")
