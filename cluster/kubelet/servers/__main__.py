"""agnhost as a command in a container: ``python -m kubelet.servers PLACE ARGUMENT...``.

PLACE is ``sandbox``, or ``SHIFT,DNS-ADDRESS,DNS-PORT,DOMAIN`` for a pod without one: see ``ServerHost``.
"""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from kubelet.images.agnhost import plan as plan_agnhost
from kubelet.images.serverhost import ServerHost
from kubelet.servers.http.listening import ANY_ADDRESS
from kubelet.servers.prepare import prepare
from kubelet.spec.server import LOW_PORTS_END, ServerError
from kubelet.tools.scripts import ClusterDNS

SANDBOX = "sandbox"


def main(arguments: list[str]) -> NoReturn:
    """Run agnhost with the arguments, on the pod's address."""
    place, *rest = arguments
    host = ServerHost(int, address=ANY_ADDRESS, is_sandboxed=True) if place == SANDBOX else _bare_host(place)
    plan = plan_agnhost(rest, host, os.environ)
    try:
        serve = prepare(plan, host.address, os.environ)
    except (ServerError, OSError) as error:
        sys.exit(f"agnhost: {error}")
    serve()


def _bare_host(place: str) -> ServerHost:
    shift, address, port, domain = place.split(",")
    moved = int(shift)

    def bind_port(number: int) -> int:
        return number + moved if number < LOW_PORTS_END else number

    own = os.environ.get("POD_IP") or "127.0.0.1"
    return ServerHost(bind_port, dns=ClusterDNS(address, int(port), domain), address=own)


if __name__ == "__main__":
    main(sys.argv[1:])
