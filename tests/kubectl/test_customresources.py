"""A kind of one's own, from its definition to its end, as kubectl defines, explains, shows, applies and deletes it."""

from __future__ import annotations

from tests.helpers.kubectl.cli import Kubectl

DEFINITION = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: backups.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: backups, singular: backup, kind: Backup, shortNames: [bk]}
  versions:
    - name: v1
      served: true
      storage: true
      subresources: {status: {}, scale: {specReplicasPath: .spec.copies, statusReplicasPath: .status.copies}}
      additionalPrinterColumns:
        - {name: Schedule, type: string, jsonPath: .spec.schedule}
        - {name: Ready, type: string, jsonPath: '.status.conditions[?(@.type=="Ready")].status'}
        - {name: Age, type: date, jsonPath: .metadata.creationTimestamp}
      schema:
        openAPIV3Schema:
          description: A copy of everything.
          type: object
          properties:
            spec:
              description: What is copied, and when.
              type: object
              required: [schedule]
              properties:
                schedule: {type: string, description: In cron's words., pattern: '^(\\S+ ){4}\\S+$'}
                copies: {type: integer, minimum: 1, default: 1}
            status:
              type: object
              x-kubernetes-preserve-unknown-fields: true
"""
BACKUP = """\
apiVersion: example.com/v1
kind: Backup
metadata: {name: nightly}
spec: {schedule: 0 3 * * *}
"""
OWNED = """\
apiVersion: example.com/v1
kind: Backup
metadata:
  name: owned
  ownerReferences: [{apiVersion: example.com/v1, kind: Backup, name: nightly, uid: "%s"}]
spec: {schedule: 0 4 * * *}
"""


def test_a_kind_of_ones_own_from_its_definition_to_its_end(kubectl: Kubectl) -> None:
    kubectl.write("definition.yaml", DEFINITION)
    kubectl.write("backup.yaml", BACKUP)
    kubectl.write("wrong.yaml", BACKUP.replace("0 3 * * *", "daily").replace("spec: {", "spec: {more: 1, "))
    kubectl.write("ready.json", '{"status": {"conditions": [{"type": "Ready", "status": "True"}]}}')
    kubectl.session("""
$ kubectl apply -f definition.yaml
customresourcedefinition.apiextensions.k8s.io/backups.example.com created
$ kubectl wait --for=condition=established crd/backups.example.com
customresourcedefinition.apiextensions.k8s.io/backups.example.com condition met
$ kubectl api-resources --api-group=example.com
NAME      SHORTNAMES   APIVERSION       NAMESPACED   KIND
backups   bk           example.com/v1   true         Backup
$ kubectl explain backup.spec
GROUP:      example.com
KIND:       Backup
VERSION:    v1

FIELD: spec <Object>
...
    What is copied, and when.
...
  schedule...<string> -required-
    In cron's words.
...
$ kubectl apply -f wrong.yaml
Error from server (BadRequest): error when creating "wrong.yaml": ...strict decoding error: unknown field "spec.more"
[1]
$ kubectl apply --validate=false -f wrong.yaml
The Backup "nightly" is invalid: spec.schedule: Invalid value: "daily": spec.schedule in body should match ...
[1]
$ kubectl apply -f backup.yaml
backup.example.com/nightly created
$ kubectl scale backup nightly --replicas=3
backup.example.com/nightly scaled
$ kubectl patch bk nightly --subresource=status --type=merge --patch-file ready.json
backup.example.com/nightly patched
$ kubectl get backups
NAME      SCHEDULE    READY   AGE
nightly   0 3 * * *   True    <age>
$ kubectl get bk nightly -o jsonpath={.spec}
{"copies":3,"schedule":"0 3 * * *"}
$ kubectl apply --server-side --force-conflicts -f backup.yaml
backup.example.com/nightly serverside-applied
""")
    uid = kubectl("kubectl get backup nightly -o jsonpath={.metadata.uid}").out
    kubectl.write("owned.yaml", OWNED % uid)
    kubectl.session("""
$ kubectl create -f owned.yaml
backup.example.com/owned created
$ kubectl delete backup nightly
backup.example.com "nightly" deleted...
$ kubectl wait --for=delete backup/owned
...
$ kubectl create -f backup.yaml
backup.example.com/nightly created
$ kubectl delete crd backups.example.com
customresourcedefinition.apiextensions.k8s.io "backups.example.com" deleted
$ kubectl get backups
Error from server (NotFound): Unable to list "example.com/v1, Resource=backups": the server could not find ...
[1]
""")
