"""Finds and reads kubeconfig files, or a pod's service account (client-go ``tools/clientcmd``, ``rest/config.go``)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from kubeclient.endpoint import is_url
from kubeclient.kubeconfig.access import Access, ConfigError, Pem, Server, User
from kubeclient.kubeconfig.proxyvariables import proxy_for
from kubeclient.kubeconfig.reading import DEFAULT_NAMESPACE, KubeconfigFile, read_kubeconfig
from kubehost.io.namedfiles import read_named

VARIABLE = "KUBECONFIG"
SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_HOST, _PORT = "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"


def find_access(kubeconfig: Path | None, context: str = "", account: Path = SERVICE_ACCOUNT) -> Access:
    """Return the access of a context; ConfigError.

    Without a file: those of $KUBECONFIG that exist, else ~/.kube/config, else the service account of the pod that this
    runs in.
    """
    found = _find(kubeconfig, context, account)
    proxy = found.server.proxy or proxy_for(found.server.url, os.environ)
    if proxy and not is_url(proxy):
        raise ConfigError(
            f"the environment's proxy for {found.server.url}, {proxy}: only http:// and https:// are served"
        )
    return found._replace(server=found.server._replace(proxy=proxy))


def _find(kubeconfig: Path | None, context: str, account: Path) -> Access:
    if kubeconfig is not None:
        return read_kubeconfig([_read(kubeconfig)], context)
    named = [Path(each).expanduser() for each in os.environ.get(VARIABLE, "").split(os.pathsep) if each]
    paths = named or [Path("~/.kube/config").expanduser()]
    files = [_read(each) for each in paths if each.exists()]
    if files:
        return read_kubeconfig(files, context)
    if os.environ.get(_HOST) and (account / "token").exists():
        return in_cluster(os.environ, account)
    looked = ", ".join(str(each) for each in paths)
    raise ConfigError(
        f"no kubeconfig: {looked} {'does' if len(paths) == 1 else 'do'} not exist, and this is no pod of a cluster;"
        f" name a file with --kubeconfig or ${VARIABLE}"
    )


def in_cluster(environment: Mapping[str, str], account: Path) -> Access:
    """Return the access of the pod that this runs in, by its service account, whose token file changes."""
    host, port = environment[_HOST], environment.get(_PORT, "443")
    namespace = account / "namespace"
    return Access(
        context="in-cluster",
        server=Server(f"https://{f'[{host}]' if ':' in host else host}:{port}", Pem(file=str(account / "ca.crt"))),
        user=User(token_file=str(account / "token")),
        namespace=read_file(str(namespace)).decode().strip() if namespace.exists() else DEFAULT_NAMESPACE,
        source=str(account),
    )


def read_file(path: str) -> bytes:
    """Return the bytes of a file, or of a pipe as kubectl takes it; ConfigError."""
    try:
        return read_named(path, takes_pipes=True)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None


def _read(path: Path) -> KubeconfigFile:
    """Read a kubeconfig. JSON and YAML are read as manifests are."""
    # Imported here, because in a pod of the cluster there is none.
    from kubemanifest.reading import read_text

    path = path.absolute()
    try:
        text = read_file(str(path)).decode()
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not UTF-8 text, so no kubeconfig") from None
    found = read_text(text, str(path))
    if found.faults:
        raise ConfigError(str(found.faults[0]))
    return KubeconfigFile(path, found.trees[0].value if found.trees else None)
