"""agnhost as a command in a container: ``python -m kubelet.servers SHIFT DNS-ADDRESS DNS-PORT DOMAIN ARGUMENT...``."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from kubelet.images.agnhost import plan as plan_agnhost
from kubelet.images.serverhost import ServerHost
from kubelet.servers.plan import LOW_PORTS_END, ServerError
from kubelet.servers.prepare import prepare
from kubelet.tools.scripts import ClusterDNS


def main(arguments: list[str]) -> NoReturn:
    """Run agnhost with the arguments, on the pod's address."""
    shift, address, port, domain, *rest = arguments
    moved = int(shift)

    def bind_port(number: int) -> int:
        return number + moved if number < LOW_PORTS_END else number

    host = ServerHost(bind_port, dns=ClusterDNS(address, int(port), domain))
    plan = plan_agnhost(rest, host, os.environ)
    try:
        serve = prepare(plan, os.environ.get("POD_IP") or "127.0.0.1", os.environ)
    except (ServerError, OSError) as error:
        sys.exit(f"agnhost: {error}")
    serve()


if __name__ == "__main__":
    main(sys.argv[1:])
