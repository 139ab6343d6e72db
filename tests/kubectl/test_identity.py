"""ServiceAccounts, roles, quotas and limits as kubectl makes, shows and describes them."""

from __future__ import annotations

from tests.helpers.kubectl.cli import Kubectl

LIMITS = """\
apiVersion: v1
kind: LimitRange
metadata: {name: sizes}
spec: {limits: [{type: Container, max: {memory: 1Gi}, defaultRequest: {cpu: 100m}}]}
"""
TOKEN = """\
apiVersion: v1
kind: Secret
metadata: {name: key, annotations: {kubernetes.io/service-account.name: robot}}
type: kubernetes.io/service-account-token
"""


def test_a_robot_may_do_what_its_role_says(kubectl: Kubectl) -> None:
    kubectl.session("""
$ kubectl create serviceaccount robot
serviceaccount/robot created
$ kubectl create role reader --verb=get,list --resource=pods
role.rbac.authorization.k8s.io/reader created
$ kubectl create rolebinding reads --role=reader --serviceaccount=<namespace>:robot
rolebinding.rbac.authorization.k8s.io/reads created
$ kubectl get rolebinding reads
NAME    ROLE          AGE
reads   Role/reader   <age>
$ kubectl describe role reader
Name:         reader
Labels:       <none>
Annotations:  <none>
PolicyRule:
  Resources  Non-Resource URLs  Resource Names  Verbs
  ---------  -----------------  --------------  -----
  pods       []                 []              [get list]
$ kubectl auth can-i list pods --as=system:serviceaccount:<namespace>:robot
yes
$ kubectl auth can-i delete pods --as=system:serviceaccount:<namespace>:robot
no
[1]
""")


def test_a_token_secret_is_filled_in_and_its_token_is_the_robot_s(kubectl: Kubectl) -> None:
    kubectl.write("token.yaml", TOKEN)
    kubectl.session("""
$ kubectl create serviceaccount robot
serviceaccount/robot created
$ kubectl apply -f token.yaml
secret/key created
$ kubectl wait secret/key --for=jsonpath='{.data.token}'
secret/key condition met
$ kubectl get secret key
NAME   TYPE                                  DATA   AGE
key    kubernetes.io/service-account-token   3      <age>
""")


def test_a_quota_refuses_the_pod_that_is_one_too_many(kubectl: Kubectl) -> None:
    kubectl.write("limits.yaml", LIMITS)
    kubectl.session("""
$ kubectl create quota few --hard=pods=1,requests.cpu=1
resourcequota/few created
$ kubectl apply -f limits.yaml
limitrange/sizes created
$ kubectl wait quota/few --for=jsonpath='{.status.used}'
resourcequota/few condition met
$ kubectl run a --image=registry.k8s.io/pause:3.9
Warning: spec.containers[0].resources: kubesvc does not act on limits: ...
pod/a created
$ kubectl run b --image=registry.k8s.io/pause:3.9
Error from server (Forbidden): pods "b" is forbidden: exceeded quota: few, requested: pods=1, used: pods=1, ...
[1]
$ kubectl get quota few
NAME   REQUEST                           LIMIT   AGE
few    pods: 1/1, requests.cpu: 100m/1           <age>
""")
    # kubectl goes through a map of Go, whose order is another one each time.
    described = kubectl("kubectl describe limits sizes").out.splitlines()
    assert sorted(line.split() for line in described[4:]) == [
        ["Container", "cpu", "-", "-", "100m", "-", "-"],
        ["Container", "memory", "-", "1Gi", "1Gi", "1Gi", "-"],
    ]
