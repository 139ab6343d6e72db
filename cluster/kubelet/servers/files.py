"""Servers of files, as Go's http.FileServer is: agnhost's ``test-webserver``, and the stand-in for a web server.

agnhost serves its whole file system. A pod here has the machine's, so only what is mounted into the container is
served, and a link out of a volume leads nowhere. Web pages in a browser on this machine are refused there.
"""

from __future__ import annotations

import os
import posixpath
import stat
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote, unquote

from kubelet.servers.agnhost.dial import is_of_a_web_page
from kubelet.servers.http.messages import Request, Response, Service
from kubelet.servers.pages import log_access, page_response

MAX_FILE = 16 * 1024 * 1024
"""Bytes of a file that is served: it is read whole."""
TYPES: Mapping[str, str] = {
    ".css": "text/css; charset=utf-8",
    ".gif": "image/gif",
    ".htm": "text/html; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".wasm": "application/wasm",
    ".xml": "text/xml; charset=utf-8",
}
_NOT_FOUND = Response(404, b"404 page not found\n")
_HTML = "text/html; charset=utf-8"


def file_server(options: Mapping[str, Any], hostname: str) -> Service:
    """Return the service of ``test-webserver``: what is below ``options["roots"]``, and the files ``["files"]``."""
    roots: Sequence[str] = options["roots"]
    files: Sequence[str] = options["files"]

    def respond(request: Request) -> Response:
        if is_of_a_web_page(request.headers):
            return Response(403, b"web pages may not read the files of a pod\n")
        try:
            path = unquote(request.path)
            return _file(Path(path), PurePosixPath(path).suffix) if path in files else _serve(path, roots)
        except (OSError, ValueError):
            return _NOT_FOUND

    return Service(respond, (("Cache-Control", "private"), ("X-Pod", hostname)))


def document_server(options: Mapping[str, Any], hostname: str) -> Service:
    """Return the service of a web server with the files below ``options["root"]``, without listings."""
    root = Path(options["root"])

    def respond(request: Request) -> Response:
        try:
            response = _document(request, root)
        except (OSError, ValueError):
            response = page_response(404, "Not Found")
        log_access(request, response)
        return response

    return Service(respond, (("Server", options["banner"]), ("X-Pod", hostname)))


def _document(request: Request, root: Path) -> Response:
    """Answer with a file below ``root``; OSError, ValueError if there is none."""
    if request.method not in ("GET", "HEAD"):
        return page_response(405, "Not Allowed")
    asked = unquote(request.path)
    real = (root / posixpath.normpath(f"/{asked.lstrip('/')}")[1:]).resolve()
    if not real.is_relative_to(root.resolve()):
        return page_response(404, "Not Found")
    if real.is_dir() and not asked.endswith("/"):
        return Response(301, b"", headers=(("Location", f"{request.path}/"),))
    return _file(real / "index.html", ".html") if real.is_dir() else _file(real, real.suffix)


def _serve(asked: str, roots: Sequence[str]) -> Response:
    """Answer with a file or a folder; OSError, ValueError if there is none."""
    path = posixpath.normpath(f"/{asked.lstrip('/')}")
    if asked.endswith("/index.html"):
        return Response(301, b"", headers=(("Location", "./"),))
    above = _names_on_the_way(path, roots)
    if (above or path == "/") and not _is_served(path, roots):
        return _listing(above) if asked.endswith("/") else _to_folder(path)
    real = Path(path).resolve()
    if not _is_served(str(real), [str(Path(each).resolve()) for each in roots]):
        return _NOT_FOUND
    if not real.is_dir():
        return _NOT_FOUND if asked.endswith("/") else _file(real, PurePosixPath(path).suffix)
    if not asked.endswith("/"):
        return _to_folder(path)
    index = real / "index.html"
    return _file(index, ".html") if index.is_file() else _listing(map(_with_slash, real.iterdir()))


def _with_slash(path: Path) -> str:
    return f"{path.name}/" if path.is_dir() else path.name


def _names_on_the_way(path: str, roots: Iterable[str]) -> set[str]:
    """Return the names in a folder above the served ones that lead to them."""
    folder = "/" if path == "/" else f"{path}/"
    return {f"{each[len(folder) :].split('/')[0]}/" for each in roots if each.startswith(folder)}


def _is_served(path: str, roots: Iterable[str]) -> bool:
    return any(path == each or path.startswith(f"{each}/") for each in roots)


def _to_folder(path: str) -> Response:
    return Response(301, b"", headers=(("Location", f"{quote(posixpath.basename(path))}/"),))


def _listing(names: Iterable[str]) -> Response:
    lines = "".join(f'<a href="{quote(each)}">{_escape(each)}</a>\n' for each in sorted(names))
    head = '<!doctype html>\n<meta name="viewport" content="width=device-width">\n<pre>\n'
    return Response(200, f"{head}{lines}</pre>\n".encode(errors="surrogateescape"), _HTML)


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&#34;")


def _file(path: Path, suffix: str) -> Response:
    # A FIFO would block the open, and the server with it.
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode) or found.st_size > MAX_FILE:
            raise ValueError(path)
        content = file.read(MAX_FILE)
    return Response(200, content, TYPES.get(suffix.lower()) or _detected_type(content[:512]))


def _detected_type(beginning: bytes) -> str:
    """Return the type that Go's http.DetectContentType finds in most cases."""
    if beginning.lstrip().lower().startswith((b"<!doctype html", b"<html", b"<head", b"<body", b"<h1")):
        return _HTML
    return "application/octet-stream" if b"\0" in beginning else "text/plain; charset=utf-8"
