#!/bin/sh
# lightkube 1.0.1 and kr8s 0.20.15 (Python; httpx 0.28.1): a watch ends with an error at the first object that has the
# character U+0085 in a text, and does so again each time that it is begun anew.
#
# An event of a watch is a line of JSON. httpx' iter_lines() cuts where str.splitlines() does: also at U+001C to U+001E,
# U+0085, U+2028 and U+2029. An API server escapes all of them but U+0085, as Go's encoding/json does, so this one stands
# in the line as it is. It comes from texts of Windows that were read as Latin-1, where 0x85 was the ellipsis, and from
# mainframes, where it is the end of a line. One such annotation stops each program that watches its kind, lightkube's
# on_error notwithstanding. The clients that look for a line feed (kubernetes, kubernetes_asyncio, Go's) get everything.
#
# Seen (objects a, b and c, of which b has the character):
#   lightkube 1.0.1: a, then DecodeError: Input data was truncated
#   kr8s 0.20.15: a, then JSONDecodeError: Unterminated string starting at: line 1 column 163 (char 162)
#   kubernetes 37.0.2: a b c
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    httpx==0.28.1 kr8s==0.20.15 kubernetes==37.0.2 lightkube==1.0.1
"$folder/venv/bin/python" - "$folder/kubeconfig" <<'PYTHON'
import asyncio
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version

import kr8s.asyncio
import kubernetes
import lightkube
from lightkube.resources.core_v1 import ConfigMap

KINDS = [{"name": "configmaps", "singularName": "configmap", "kind": "ConfigMap", "namespaced": True, "verbs": ["watch"]}]
ANSWERS = {
    "/version": {"major": "1", "minor": "34", "gitVersion": "v1.34.0"},
    "/api": {"versions": ["v1"]},
    "/apis": {"groups": []},
    "/api/v1": {"groupVersion": "v1", "resources": KINDS},
}


def event(name, text):
    meta = {"name": name, "namespace": "default", "resourceVersion": "5"}
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"text": text}}
    return json.dumps({"type": "ADDED", "object": config}, ensure_ascii=False) + "\n"


class Server(BaseHTTPRequestHandler):
    def do_GET(self):
        answer = ANSWERS.get(self.path.partition("?")[0].rstrip("/"))
        watched = event("a", "plain") + event("b", "more\x85") + event("c", "plain")
        body = json.dumps(answer) if answer else watched
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *said):
        pass


def by_lightkube(names):
    client = lightkube.Client(config=lightkube.KubeConfig.from_file(sys.argv[1]))
    for _, each in client.watch(ConfigMap, namespace="default"):
        names.append(each.metadata.name)
        if len(names) == 3:
            return


def by_kr8s(names):
    async def watch():
        api = await kr8s.asyncio.api(kubeconfig=sys.argv[1])
        async for _, each in api.watch("configmaps", namespace="default"):
            names.append(each.name)

    asyncio.run(watch())


def by_kubernetes(names):
    kubernetes.config.load_kube_config(sys.argv[1])
    watch, listing = kubernetes.watch.Watch(), kubernetes.client.CoreV1Api().list_namespaced_config_map
    for each in watch.stream(listing, "default", timeout_seconds=5):
        names.append(each["object"].metadata.name)
        if len(names) == 3:
            return


server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
threading.Thread(target=server.serve_forever, daemon=True).start()
address = f"http://127.0.0.1:{server.server_port}"
named = {"cluster": {"server": address}, "user": {}, "context": {"cluster": "it", "user": "it"}}
lists = {f"{kind}s": [{"name": "it", kind: value}] for kind, value in named.items()}
with open(sys.argv[1], "w") as file:
    json.dump({"apiVersion": "v1", "kind": "Config", "current-context": "it", **lists}, file)

seen = []
for library, watch in (("lightkube", by_lightkube), ("kr8s", by_kr8s), ("kubernetes", by_kubernetes)):
    names, failed = [], ""
    try:
        watch(names)
    except Exception as error:
        failed = f", then {type(error).__name__}: {error}"
    print(f"{library} {version(library)}: {' '.join(names)}{failed}")
    seen.append((" ".join(names), failed.partition(":")[0]))
assert seen == [("a", ", then DecodeError"), ("a", ", then JSONDecodeError"), ("a b c", "")], "something has changed"
PYTHON
