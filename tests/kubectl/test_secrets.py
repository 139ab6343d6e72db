"""Secrets as kubectl creates, shows, applies and edits them, and pods that take variables from them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tests.helpers.kubectl.cli import Kubectl

CLIENT = """\
apiVersion: v1
kind: Pod
metadata: {name: client}
spec:
  containers:
    - name: shell
      image: busybox
      command: [sh, -c, "echo $USERNAME, $password, $(LATE); sleep 1000"]
      env:
        - {name: USERNAME, valueFrom: {secretKeyRef: {name: db, key: user}}}
        - {name: LATE, valueFrom: {secretKeyRef: {name: late, key: word}}}
      envFrom:
        - secretRef: {name: db}
"""
"""A pod with a variable of a Secret that is there, one of a Secret that comes later, and all of one."""


def write_certificate(kubectl: Kubectl) -> None:
    """Write cert.pem and key.pem."""
    key = ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "web")]), datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    kubectl.write("cert.pem", certificate.public_bytes(encoding).decode())
    form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    kubectl.write("key.pem", key.private_bytes(encoding, form, plain).decode())


def test_the_three_creates_and_what_get_and_describe_show(kubectl: Kubectl) -> None:
    # Described is the one with a single key: kubectl prints the keys of a Secret in the random order of a Go map.
    write_certificate(kubectl)
    kubectl.session("""
$ kubectl create secret generic db --from-literal=user=ann --from-literal=password=s3cret
secret/db created
$ kubectl create secret tls web-tls --cert=cert.pem --key=key.pem
secret/web-tls created
$ kubectl create secret docker-registry images --docker-server=r.example --docker-username=u --docker-password=p
secret/images created
$ kubectl get secrets
NAME      TYPE                             DATA   AGE
db        Opaque                           2      <age>
images    kubernetes.io/dockerconfigjson   1      <age>
web-tls   kubernetes.io/tls                2      <age>
$ kubectl get secrets --field-selector=type=kubernetes.io/tls -o name
secret/web-tls
$ kubectl get secret db -o jsonpath={.type}/{.data}
Opaque/{"password":"czNjcmV0","user":"YW5u"}
$ kubectl describe secret images
Name:         images
Namespace:    <namespace>
Labels:       <none>
Annotations:  <none>

Type:  kubernetes.io/dockerconfigjson

Data
====
.dockerconfigjson:  <number> bytes
$ kubectl create secret generic db
error: failed to create secret secrets "db" already exists
[1]
$ kubectl delete secret db web-tls images
secret "db" deleted
secret "web-tls" deleted
secret "images" deleted
""")


def test_string_data_is_applied_and_patched_and_never_shown(kubectl: Kubectl) -> None:
    applied = "apiVersion: v1\nkind: Secret\nmetadata: {name: applied}\nstringData: {word: one}\n"
    kubectl.write("one.yaml", applied)
    kubectl.write("two.yaml", applied.replace("one", "two"))
    kubectl.session("""
$ kubectl apply -f one.yaml
secret/applied created
$ kubectl apply -f two.yaml
secret/applied configured
$ kubectl get secret applied -o jsonpath={.data}{.stringData}
{"word":"dHdv"}
$ kubectl apply --server-side --force-conflicts -f one.yaml
secret/applied serverside-applied
$ kubectl get secret applied -o jsonpath={.data}{.stringData}
{"word":"b25l"}
$ kubectl patch secret applied -p '{"stringData":{"more":"three"},"immutable":true}'
secret/applied patched
$ kubectl get secret applied -o jsonpath={.data}
{"more":"dGhyZWU=","word":"b25l"}
$ kubectl patch secret applied -p '{"stringData":{"more":"four"}}'
The Secret "applied" is invalid: data: Forbidden: field is immutable when `immutable` is set
[1]
""")


def test_an_edit_changes_a_value(kubectl: Kubectl) -> None:
    kubectl("kubectl create secret generic edited --from-literal=word=one")
    kubectl.session(
        """
$ kubectl edit secret edited
secret/edited edited
$ kubectl get secret edited -o jsonpath={.data.word}
dHdv
""",
        env={"KUBE_EDITOR": "sed -i s/b25l/dHdv/"},
    )


def test_wrong_secrets_are_refused_in_kubernetes_words(kubectl: Kubectl) -> None:
    plain = "apiVersion: v1\nkind: Secret\nmetadata: {name: wrong}\n"
    kubectl.write("plain.yaml", f"{plain}data: {{word: hello}}\n")
    kubectl.write("tls.yaml", f"{plain}type: kubernetes.io/tls\ndata: {{tls.crt: aGVsbG8=}}\n")
    kubectl.write("pem.yaml", f"{plain}type: kubernetes.io/tls\ndata: {{tls.crt: aGVsbG8=, tls.key: aGVsbG8=}}\n")
    kubectl.session("""
$ kubectl create -f plain.yaml
Error from server (BadRequest): error when creating "plain.yaml": Secret in version "v1" cannot be handled as a Secret: illegal base64 data at input byte 4
[1]
$ kubectl create -f tls.yaml
The Secret "wrong" is invalid: data[tls.key]: Required value
[1]
$ kubectl create -f pem.yaml
Warning: tls: failed to find any PEM data in certificate input
secret/wrong created
$ kubectl patch secret wrong -p '{"type":"Opaque"}'
The Secret "wrong" is invalid: type: Invalid value: "Opaque": field is immutable
[1]
""")  # noqa: E501


def test_a_pod_waits_for_the_secret_of_a_variable(kubectl: Kubectl) -> None:
    kubectl.write("client.yaml", CLIENT)
    kubectl.session("""
$ kubectl create secret generic db --from-literal=user=ann --from-literal=password=s3cret
secret/db created
$ kubectl apply -f client.yaml
pod/client created
$ kubectl wait pod/client --for=jsonpath={.status.containerStatuses[0].state.waiting.reason}=CreateContainerConfigError
pod/client condition met
$ kubectl get events --field-selector=involvedObject.name=client,reason=Failed -o jsonpath={.items[0].message}
Error: secret "late" not found
$ kubectl create secret generic late --from-literal=word=now
secret/late created
$ kubectl wait pod/client --for=condition=Ready --timeout=60s
pod/client condition met
$ kubectl logs client
ann, s3cret, now
""")
