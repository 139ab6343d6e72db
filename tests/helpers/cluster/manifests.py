"""Manifests for stories, as text that `kubesvc up` reads."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.helpers.objects import build_deployment, build_pod, build_service

Manifest = dict[str, Any]

AGNHOST = "registry.k8s.io/e2e-test-images/agnhost:2.47"
HTTP_PORT = 8080


def stream(*manifests: Manifest | str) -> str:
    """Return documents as one YAML stream; text is taken as it is."""
    return "\n---\n".join(each if isinstance(each, str) else json.dumps(each, indent=1) for each in manifests) + "\n"


def write(file: Path, *manifests: Manifest | str) -> str:
    """Write documents to a file and return its path."""
    file.write_text(stream(*manifests))
    return str(file)


def service(
    name: str, app: str | None = None, *, annotations: Mapping[str, str] | None = None, **spec: Any
) -> Manifest:
    """Return a Service of the pods that ``app`` labels, by default its own name's; "" selects by nothing."""
    chosen = name if app is None else app
    selector = {"selector": {"app": chosen}} if chosen else {}
    whole = {**selector, "ports": [{"name": "http", "port": HTTP_PORT}], **spec}
    return build_service(name, metadata={"annotations": dict(annotations or {})}, **whole)


def deployment(name: str, replicas: int = 1, container: Manifest | None = None, **spec: Any) -> Manifest:
    """Return a Deployment of pods with the label ``app``; without a container they are agnhost's netexec."""
    return build_deployment(name, container or netexec(), replicas=replicas, **spec)


def pod(name: str, container: Manifest | None = None, **spec: Any) -> Manifest:
    """Return a single pod with the label ``app``."""
    return build_pod(name, container or netexec(), metadata={"labels": {"app": name}}, **spec)


def netexec(**more: Any) -> Manifest:
    """Return the container of a web server that answers /hostname, /clientip and /exit."""
    return {"name": "netexec", "image": AGNHOST, "args": ["netexec", f"--http-port={HTTP_PORT}"], **more}


def echo(text: str) -> Manifest:
    """Return the container of a web server that answers every request with one line."""
    args = [f"-text={text}", f"-listen=:{HTTP_PORT}"]
    return {"name": "echo", "image": "hashicorp/http-echo", "args": args}


def script(code: str, *arguments: str, **more: Any) -> Manifest:
    """Return a container that runs Python; ``$(POD_IP)`` and its like are filled in."""
    return {
        "name": "script",
        "image": "python:3",
        "command": [sys.executable, "-c", code],
        "args": list(arguments),
        **more,
    }


def ports(*numbers: int, **more: Any) -> Sequence[Manifest]:
    """Return Service ports without names but for several."""
    return [{"port": each, **({"name": f"p{each}"} if len(numbers) > 1 else {}), **more} for each in numbers]
