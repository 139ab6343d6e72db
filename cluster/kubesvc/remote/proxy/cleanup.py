"""`kubesvc proxy --cleanup`: removes what a proxy has left in the machine's network, as kube-proxy's --cleanup does."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Callable

from kubehost.io.places import HOST
from kubeproxy.nft.io import netfilter
from kubeproxy.nft.io.ruleset import remove_node_tables
from kubesvc.remote.errors import CommandError
from kubesvc.remote.proxy.localroutes import local_routes
from kubesvc.wording import listed


def clean_up(say: Callable[[str], None]) -> None:
    """Remove the kernel's tables and the local routes, and say so; CommandError if that is refused."""
    with local_routes(()) as routes:
        gone = [f"the local {each}" for each in routes.left_over]
    try:
        sock = netfilter.NetfilterSocket(HOST.socket(netfilter.FAMILY, netfilter.KIND, netfilter.PROTOCOL))
        with contextlib.closing(sock):
            gone += remove_node_tables(sock)
    except OSError as error:
        if error.errno == errno.EPERM:
            raise CommandError("--cleanup needs root: it removes tables of nftables, and routes") from error
        if error.errno != errno.EPROTONOSUPPORT:  # a kernel without nf_tables has no tables of them
            raise CommandError(f"--cleanup: {error.strerror or error}") from error
    say(f"removed {listed(gone, 8)}" if gone else "there is nothing to remove")
