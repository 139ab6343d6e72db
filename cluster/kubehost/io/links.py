"""Waiting for an interface that was brought up.

The end of a veth that was up first gets its carrier from the other one, and takes packets only when the kernel's link
watch, a work queue, has run: on a busy machine some tenths of a second later. Until then every packet is dropped,
without an error (noop_qdisc): a datagram is lost, a connection waits for a second. The end that was up last takes them
at once. The CNI plug-in "bridge" waits for the same (containernetworking/plugins, plugins/main/bridge/bridge.go).
"""

from __future__ import annotations

import errno
import time

from kubehost.io.netlink import NetlinkSocket
from kubehost.io.rtnetlink import carries_packets, get_link

MOST_SECONDS = 5.0
_PAUSE_SECONDS = 0.001


def wait_until_carrying(netlink: NetlinkSocket, index: int) -> None:
    """Return when an interface of the socket's network takes packets; OSError with ETIMEDOUT if it does not.

    From Linux 6.8 on asking for the interface makes it so (linkwatch_sync_dev), and nothing is waited for.
    """
    deadline = time.monotonic() + MOST_SECONDS
    while not any(carries_packets(each) for each in netlink.dump(get_link(index))):
        if time.monotonic() > deadline:
            raise OSError(errno.ETIMEDOUT, f"link {index} takes no packets {MOST_SECONDS:g} s after it was brought up")
        time.sleep(_PAUSE_SECONDS)
