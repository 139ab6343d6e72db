#!/bin/sh
# kubernetes_asyncio 36.1.0 (CPython 3.11.7): of several files in $KUBECONFIG the last current-context is used.
#
# kubectl uses the first one (client-go tools/clientcmd: "the first file to set a particular value or map key wins"), so
# a program with this loader talks to another cluster than the user's kubectl. Others: lightkube 1.0.1 takes the list
# for the name of one file, and knows no exec plugin of client.authentication.k8s.io/v1; kr8s 0.20.15 takes the first.
#
# Seen:
#   kubectl: https://first.test
#   kubernetes_asyncio 36.1.0: https://second.test
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for name in first second; do
    cat >"$folder/$name" <<YAML
apiVersion: v1
kind: Config
current-context: $name
contexts: [{name: $name, context: {cluster: $name, user: $name}}]
clusters: [{name: $name, cluster: {server: "https://$name.test"}}]
users: [{name: $name, user: {token: t}}]
YAML
done
export KUBECONFIG="$folder/first:$folder/second"
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check kubernetes-asyncio==36.1.0
kubectl=$(kubectl config view --minify --output 'jsonpath={.clusters[0].cluster.server}')
library=$("$folder/venv/bin/python" - <<'PYTHON'
import asyncio
import os

from kubernetes_asyncio import client, config

found = client.Configuration()
asyncio.run(config.load_kube_config(config_file=os.environ["KUBECONFIG"], client_configuration=found))
print(found.host)
PYTHON
)
echo "kubectl: $kubectl"
echo "kubernetes_asyncio 36.1.0: $library"
[ "$kubectl" = https://first.test ] || { echo "kubectl has changed"; exit 1; }
[ "$library" = https://second.test ] || { echo "kubernetes_asyncio has changed"; exit 1; }
