"""The image catalog: which program runs for an image, as nothing is ever pulled.

Pure. An entry of the cluster configuration wins over a built-in one; a name with a tag over one without; among names
without registry the longest. References are read as github.com/distribution/reference does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import NamedTuple

from kubeapi.similar import nearest

DEFAULT_PREFIXES = ("docker.io/library/", "docker.io/", "index.docker.io/library/", "index.docker.io/")
"""The registries and namespaces that a short name implies."""


@dataclass(frozen=True, slots=True)
class ImageSpec:
    """What runs for an image.

    ``command`` and ``args`` are the image's ENTRYPOINT and CMD (``$(VAR)`` is expanded); ``builtin`` names a server of
    ours instead. ``port`` is the one that it listens on by default (0: unknown). ``entrypoints`` are the names
    by which a container's command may call the built-in (``nginx``, ``/agnhost``). ``stop_signal`` is the STOPSIGNAL,
    ``working_dir`` the WORKDIR, ``user`` the USER as the true image has it: a number, a name, "" where that is unknown.
    ``program`` is the path at which the true image has what ``command`` names, a program of this machine.
    ``is_busybox``: its sh is busybox', which knows ``[[`` and RANDOM; ``has_busybox_alone``: so are its tools, and a
    busybox of this machine stands for that sh. ``distribution`` is the ID of the true image's os-release(5).
    """

    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    builtin: str = ""
    port: int = 0
    entrypoints: tuple[str, ...] = ()
    stop_signal: str = "SIGTERM"
    working_dir: str = ""
    user: str = ""
    program: str = ""
    is_busybox: bool = False
    has_busybox_alone: bool = False
    distribution: str = ""


_ROOT = "0"
_SHELL = ImageSpec(args=("sh",), user=_ROOT)
"""An image of tools: this machine's shell, or the program that a container's arguments name."""
_BUSYBOX = ImageSpec(args=("sh",), user=_ROOT, is_busybox=True, has_busybox_alone=True)
_ALPINE = replace(_BUSYBOX, distribution="alpine")
_DEBIAN = replace(_SHELL, distribution="debian")


def _picture(name: str) -> ImageSpec:
    """Return an image of the update demo of Kubernetes, which is made from agnhost."""
    text = f'{{\n  "image": "{name}.jpg"\n}}\n'
    return ImageSpec(builtin="page", args=(text, "/data.json"), port=80, user=_ROOT, distribution="alpine")


_NGINX = ImageSpec(
    builtin="nginx",
    port=80,
    entrypoints=("nginx", "docker-entrypoint.sh"),
    stop_signal="SIGQUIT",
    user=_ROOT,
    distribution="debian",
)
_HELLO_APP = ImageSpec(builtin="hello-app", port=8080, entrypoints=("hello-app",))
_HELLO_APP_2 = replace(_HELLO_APP, args=("2.0.0",))
_WHOAMI = ImageSpec(builtin="whoami", port=80, entrypoints=("whoami",))
_DEMOS: Mapping[str, ImageSpec] = {
    "google-samples/hello-app": _HELLO_APP,
    "google-samples/hello-app:2.0": _HELLO_APP_2,
    "gke/hello-app": _HELLO_APP,
    "gke/hello-app:2.0": _HELLO_APP_2,
    "google-samples/node-hello": ImageSpec(builtin="node-hello", port=8080),
    "echoserver": ImageSpec(builtin="echoserver", port=8080),
    "registry.k8s.io/hpa-example": ImageSpec(builtin="hpa-example", port=80),
    "kicbase/echo-server": ImageSpec(builtin="echo-server", port=8080, entrypoints=("echo-server",)),
    "traefik/whoami": _WHOAMI,
    "containous/whoami": _WHOAMI,
    "nginxdemos/hello": ImageSpec(builtin="nginx-hello", port=80),
    "nginxdemos/hello:plain-text": ImageSpec(builtin="nginx-hello-text", port=80),
}
"""The small servers of tutorials."""
_ETCD = ImageSpec(command=("etcd",), program="/usr/local/bin/etcd", working_dir="/", user=_ROOT)
BUILTIN_IMAGES: Mapping[str, ImageSpec] = {
    **_DEMOS,
    "nginx": _NGINX,
    "nginx-slim": _NGINX,
    "bprashanth/nginxhttps": _NGINX,
    "httpd": ImageSpec(
        builtin="httpd", port=80, entrypoints=("httpd", "httpd-foreground"), user=_ROOT, distribution="debian"
    ),
    "hashicorp/http-echo": ImageSpec(builtin="http-echo", port=5678, entrypoints=("http-echo",)),
    "registry.k8s.io/etcd": _ETCD,
    "quay.io/coreos/etcd": _ETCD,
    "registry.k8s.io/pause": ImageSpec(builtin="pause", entrypoints=("pause",)),
    "registry.k8s.io/serve_hostname": ImageSpec(builtin="agnhost", args=("serve-hostname",), port=9376),
    "kitten": _picture("kitten"),
    "nautilus": _picture("nautilus"),
    "kubesvc/backend": ImageSpec(builtin="backend", port=8080),
    "alpine": _ALPINE,
    "busybox": _BUSYBOX,
    "debian": _DEBIAN,
    "ubuntu": replace(_SHELL, distribution="ubuntu"),
    "nicolaka/netshoot": replace(_ALPINE, has_busybox_alone=False),
    "radial/busyboxplus": replace(_BUSYBOX, has_busybox_alone=False),
    "jessie-dnsutils": _DEBIAN,
    "dnsutils": _SHELL,
    "glibc-dns-testing": _SHELL,
    "e2e-test-images/nonroot": replace(_BUSYBOX, user="1234"),
    "e2e-test-images/nonewprivs": ImageSpec(args=("sh", "-c", 'echo "Effective uid: $(id -u)"'), user=_ROOT),
    "e2e-test-images/regression-issue-74839": ImageSpec(builtin="out-of-window", port=9000),
    "e2e-test-images/sample-apiserver": ImageSpec(
        command=("sample-apiserver",), program="/sample-apiserver", working_dir="/", user=_ROOT
    ),
    "curlimages/curl": ImageSpec(command=("curl",), args=("--help",), user="curl_user"),
    "pause": ImageSpec(builtin="pause", entrypoints=("pause",)),
    "agnhost": ImageSpec(
        builtin="agnhost",
        args=("pause",),
        port=8080,
        entrypoints=("agnhost", "agnhost-2"),
        working_dir="/",
        user=_ROOT,
        is_busybox=True,
        distribution="alpine",
    ),
}


class Reference(NamedTuple):
    """An image reference without the default registry."""

    name: str
    tag: str
    digest: str


def parse_reference(image: str) -> Reference:
    """Split ``[registry/]name[:tag][@digest]``; ``docker.io/library/`` is left out."""
    rest, _, digest = image.partition("@")
    head, slash, last = rest.rpartition("/")
    name, _, tag = last.partition(":")
    full = f"{head}{slash}{name}"
    for prefix in DEFAULT_PREFIXES:
        if full.startswith(prefix):
            full = full.removeprefix(prefix)
            break
    return Reference(full, tag, digest)


def find_image(image: str, images: Mapping[str, ImageSpec]) -> ImageSpec | None:
    """Return what runs for ``image``, None if the catalog has nothing.

    An entry matches the whole name or its tail after a slash (``nginx`` matches ``my.registry/nginx:1.27``).
    """
    wanted = parse_reference(image)
    for catalog in (images, BUILTIN_IMAGES):
        matches = [(_rank(parse_reference(entry), wanted), spec) for entry, spec in catalog.items()]
        found = [(rank, spec) for rank, spec in matches if rank is not None]
        if found:
            return max(found, key=lambda each: each[0])[1]
    return None


def _rank(entry: Reference, wanted: Reference) -> tuple[bool, int] | None:
    if entry.tag and entry.tag != (wanted.tag or "latest"):
        return None
    if entry.digest and entry.digest != wanted.digest:
        return None
    if entry.name != wanted.name and not wanted.name.endswith(f"/{entry.name}"):
        return None
    return bool(entry.tag or entry.digest), len(entry.name)


class Program(NamedTuple):
    """What a container runs: a command, or the built-in named by ``builtin`` with ``arguments``.

    ``entrypoint`` is the name by which the container's command calls a built-in, "" if it is the image that does.
    """

    builtin: str
    arguments: tuple[str, ...]
    port: int
    stop_signal: str
    entrypoint: str = ""


def program_for(spec: ImageSpec | None, command: Sequence[str], args: Sequence[str]) -> Program | None:
    """Return what runs, by Kubernetes' rule: ``command`` replaces ENTRYPOINT and CMD, ``args`` only CMD.

    None when the image is unknown and the container gives no command.
    """
    if spec is None:
        return Program("", (*command, *args), 0, "SIGTERM") if command else None
    if spec.builtin:
        return _builtin_program(spec, command, args)
    entrypoint, default_args = (tuple(command), ()) if command else (spec.command, spec.args)
    argv = (*entrypoint, *(args or default_args))
    return Program("", argv, spec.port, spec.stop_signal) if argv else None


def _builtin_program(spec: ImageSpec, command: Sequence[str], args: Sequence[str]) -> Program:
    if command and PurePosixPath(command[0]).name not in spec.entrypoints:
        return Program("", (*command, *args), 0, "SIGTERM")
    given = (*command[1:], *args)
    if given and spec.builtin in ("nginx", "httpd"):
        # The image's entry point runs any other command as it is, as in `args: ["sleep", "1h"]`.
        if given[0].startswith("-"):
            pass
        elif PurePosixPath(given[0]).name in spec.entrypoints:
            given = given[1:]
        else:
            return Program("", given, 0, "SIGTERM")
    return Program(spec.builtin, given or spec.args, spec.port, spec.stop_signal, command[0] if command else "")


def unknown_image_text(image: str, images: Mapping[str, ImageSpec], *, is_volume: bool = False) -> str:
    """Return the text about an image that has nothing to run: a similar name, and how to add it, or what it needs."""
    name, known = parse_reference(image).name, find_image(image, images)
    if known is not None and known.program:
        stands = f"{name} is this machine's {known.command[0]}, and there is none on the PATH of `kubesvc up`"
        return f"kubesvc runs processes and pulls no images; {stands}: install it, then start the cluster again"
    near = _nearest(name, (*images, *BUILTIN_IMAGES))
    meant = f"; did you mean {near}?" if near else ";"
    text = (
        f"kubesvc runs processes and pulls no images{meant} say what {name} runs with "
        f"`images: [{{name: {name}, command: [...]}}]` in the cluster configuration"
    )
    return text if is_volume else f"{text}, or give the container a `command`"


def _nearest(name: str, known: Iterable[str]) -> str:
    """Return the known name with the most similar last part, "" if none is similar."""
    names = {parse_reference(each).name.rpartition("/")[2]: each for each in known}
    return names.get(nearest(name.rpartition("/")[2], names, cutoff=0.75), "")
