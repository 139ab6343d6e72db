"""Webhooks that run in a pod: sidecars for what a Deployment makes, denials, and conversions of a kind of one's own."""

from __future__ import annotations

import base64
import time

from tests.helpers.kubectl.cli import Kubectl

from kubeapiserver.wire.keys.certificates import server_certificate

HOOK = """\
apiVersion: v1
kind: Pod
metadata: {name: hook, labels: {app: hook}}
spec:
  volumes: [{name: tls, secret: {secretName: hook}}]
  containers:
    - name: hook
      image: registry.k8s.io/e2e-test-images/agnhost:2.61
      args: [COMMAND, --port=8443, --tls-cert-file=/tls/tls.pem, --tls-private-key-file=/tls/tls.pem]
      volumeMounts: [{name: tls, mountPath: /tls}]
      readinessProbe: {httpGet: {port: 8443, path: /readyz, scheme: HTTPS}, periodSeconds: 1}
---
apiVersion: v1
kind: Service
metadata: {name: hook}
spec: {selector: {app: hook}, ports: [{port: 443, targetPort: 8443}]}
"""
CONFIGURATION = """\
apiVersion: admissionregistration.k8s.io/v1
kind: KIND
metadata: {name: LABEL}
webhooks:
  - name: LABEL.example.com
    admissionReviewVersions: [v1]
    sideEffects: None
    clientConfig: {service: {namespace: NAMESPACE, name: hook, path: PATH}, caBundle: AUTHORITY}
    rules: [{apiGroups: [""], apiVersions: [v1], resources: [pods], operations: [CREATE]}]
    objectSelector: {matchLabels: {app: LABEL}}
"""
KIND_OF_ONES_OWN = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: listeners.stable.example.com}
spec:
  group: stable.example.com
  scope: Namespaced
  names: {plural: listeners, singular: listener, kind: Listener}
  conversion:
    strategy: Webhook
    webhook:
      conversionReviewVersions: [v1]
      clientConfig: {service: {namespace: NAMESPACE, name: hook, path: /crdconvert}, caBundle: AUTHORITY}
  versions:
    - name: v1
      served: true
      storage: true
      schema: {openAPIV3Schema: {type: object, properties: {hostPort: {type: string}}}}
    - name: v2
      served: true
      storage: false
      schema: {openAPIV3Schema: {type: object, properties: {host: {type: string}, port: {type: string}}}}
"""
LISTENER = """\
apiVersion: stable.example.com/v1
kind: Listener
metadata: {name: web}
hostPort: localhost:80
"""


class Hook:
    """A webhook's pod with its Service and certificate, and the manifests that name them."""

    def __init__(self, kubectl: Kubectl, command: str) -> None:
        self.kubectl = kubectl
        self.namespace = kubectl.fill("<namespace>")
        path = kubectl.folder / "certificate"
        self.authority = server_certificate(path, (), (f"hook.{self.namespace}.svc",), time.time()).authority
        kubectl("kubectl create secret generic hook --from-file=tls.pem=certificate")
        kubectl.write("hook.yaml", HOOK.replace("COMMAND", command))
        kubectl("kubectl apply -f hook.yaml")
        kubectl("kubectl wait --for=condition=ready pod/hook --timeout=30s")

    def apply(self, text: str, **words: str) -> None:
        """Apply a manifest in which capital letters stand for something else."""
        authority = base64.b64encode(self.authority.encode()).decode()
        for name, value in {**words, "NAMESPACE": self.namespace, "AUTHORITY": authority}.items():
            text = text.replace(name, value)
        self.kubectl.write("manifest.yaml", text)
        self.kubectl("kubectl apply -f manifest.yaml")


def test_what_a_deployment_makes_passes_the_webhooks(kubectl: Kubectl) -> None:
    hook = Hook(kubectl, "webhook, --sidecar-image=registry.k8s.io/pause:3.10")
    hook.apply(CONFIGURATION, KIND="MutatingWebhookConfiguration", LABEL="mutated", PATH="/mutating-pods-sidecar")
    hook.apply(CONFIGURATION, KIND="ValidatingWebhookConfiguration", LABEL="denied", PATH="/always-deny")
    try:
        kubectl.session("""
$ kubectl create deployment mutated --image=registry.k8s.io/pause:3.10 --replicas=2
deployment.apps/mutated created
$ kubectl rollout status deployment/mutated --timeout=30s
...
deployment "mutated" successfully rolled out
$ kubectl get pods -l app=mutated -o jsonpath='{range .items[*]}{.spec.containers[*].name};{end}'
pause webhook-added-sidecar;pause webhook-added-sidecar;
$ kubectl get pods -l app=mutated -o jsonpath='{.items[0].spec.containers[1].volumeMounts[0].mountPath}'
/var/run/secrets/kubernetes.io/serviceaccount
$ kubectl create deployment denied --image=registry.k8s.io/pause:3.10
deployment.apps/denied created
$ kubectl wait --for=condition=ReplicaFailure deployment/denied --timeout=30s
deployment.apps/denied condition met
$ kubectl get deployment denied -o jsonpath='{.status.conditions[?(@.type=="ReplicaFailure")].message}'
admission webhook "denied.example.com" denied the request: this webhook denies all requests
$ kubectl get events --field-selector reason=FailedCreate -o jsonpath='{.items[0].message}'
Error creating: admission webhook "denied.example.com" denied the request: this webhook denies all requests
""")
    finally:
        kubectl("kubectl delete mutatingwebhookconfiguration/mutated validatingwebhookconfiguration/denied")


def test_a_kind_is_served_in_two_versions_that_a_webhook_converts(kubectl: Kubectl) -> None:
    hook = Hook(kubectl, "crd-conversion-webhook")
    hook.apply(KIND_OF_ONES_OWN)
    kubectl.write("listener.yaml", LISTENER)
    try:
        kubectl.session("""
$ kubectl wait --for=condition=established crd/listeners.stable.example.com
customresourcedefinition.apiextensions.k8s.io/listeners.stable.example.com condition met
$ kubectl apply -f listener.yaml
listener.stable.example.com/web created
$ kubectl get listeners.v2.stable.example.com web -o jsonpath='{.apiVersion} {.host} {.port}'
stable.example.com/v2 localhost 80
$ kubectl patch listeners.v2.stable.example.com web --type=merge -p '{"port": "81"}'
listener.stable.example.com/web patched
$ kubectl get listeners.v1.stable.example.com web -o jsonpath='{.hostPort}'
localhost:81
$ kubectl get crd listeners.stable.example.com -o jsonpath='{.status.storedVersions}'
["v1"]
$ kubectl patch listeners.v1.stable.example.com web --type=merge -p '{"hostPort": "nowhere"}'
listener.stable.example.com/web patched
$ kubectl get listeners.v2.stable.example.com web
Error from server: conversion webhook for stable.example.com/v1, Kind=Listener failed: invalid hostPort value `nowhere`
[1]
""")
    finally:
        kubectl("kubectl delete crd listeners.stable.example.com")
