#!/bin/sh
# kr8s 0.20.15: `Pod.exec(..., stdin=...)` can work with no API server.
#
# A WebSocket exec negotiates v5.channel.k8s.io, the first protocol with a signal for the end of stdin, or v4 without it.
# kr8s sends stdin only when v5 was negotiated, but offers v4 alone, so no server can choose v5: the command starts at
# the server, then the call fails. The API server below speaks both protocols. Without stdin the call works.
#
# Seen:
#   without stdin: offered v4.channel.k8s.io, output b'hello\n'
#   with stdin: offered v4.channel.k8s.io, ExecError: Stdin is not supported with protocol v4.channel.k8s.io, only with v5.channel.k8s.io
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check kr8s==0.20.15 aiohttp==3.14.5
"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import asyncio
import json
import sys
from pathlib import Path

import kr8s.asyncio
from aiohttp import web
from kr8s.asyncio.objects import Pod

POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "web", "namespace": "default"},
    "spec": {"containers": [{"name": "main"}]},
    "status": {"phase": "Running", "conditions": [{"type": each, "status": "True"} for each in ("Ready", "ContainersReady")]},
}
OFFERED = []


async def version(request):
    return web.json_response({"major": "1", "minor": "34", "gitVersion": "v1.34.0"})


async def get(request):
    return web.json_response(POD)


async def execute(request):
    OFFERED.append(request.headers["Sec-WebSocket-Protocol"])
    socket = web.WebSocketResponse(protocols=("v5.channel.k8s.io", "v4.channel.k8s.io"))
    await socket.prepare(request)
    await socket.send_bytes(b"\x01hello\n")
    await socket.send_bytes(b"\x03" + json.dumps({"status": "Success"}).encode())
    await socket.close()
    return socket


def kubeconfig(port):
    file = Path(sys.argv[1]) / "kubeconfig"
    named = {"cluster": {"server": f"http://127.0.0.1:{port}"}, "user": {}, "context": {"cluster": "it", "user": "it"}}
    lists = {f"{kind}s": [{"name": "it", kind: value}] for kind, value in named.items()}
    file.write_text(json.dumps({"apiVersion": "v1", "kind": "Config", "current-context": "it", **lists}))
    return str(file)


async def outcome(pod, **more):
    try:
        return f"output {(await pod.exec(['cat'], **more)).stdout}"
    except* Exception as group:
        (error,) = group.exceptions
        said = f"{type(error).__name__}: {error}"
    return said


async def main():
    app = web.Application()
    app.router.add_get("/version/", version)
    app.router.add_get("/version", version)
    app.router.add_get("/api/v1/namespaces/default/pods/web", get)
    app.router.add_get("/api/v1/namespaces/default/pods/web/exec", execute)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    pod = Pod(POD, api=await kr8s.asyncio.api(kubeconfig=kubeconfig(runner.addresses[0][1])))
    plain, fed = await outcome(pod), await outcome(pod, stdin="hello")
    print(f"without stdin: offered {OFFERED[0]}, {plain}")
    print(f"with stdin: offered {OFFERED[1]}, {fed}")
    await runner.cleanup()
    refusal = "ExecError: Stdin is not supported with protocol v4.channel.k8s.io, only with v5.channel.k8s.io"
    assert (OFFERED, plain, fed) == (["v4.channel.k8s.io"] * 2, "output b'hello\\n'", refusal), "kr8s has changed"


asyncio.run(main())
PYTHON
