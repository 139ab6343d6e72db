"""Where the name server of a cluster answers on the host: the cluster's own address, without which nothing starts."""

from __future__ import annotations

from kubedns.io.server import DNSServer
from kubehost.addresses import Address
from kubeproxy.portowner import find_port_owner
from kubesvc.config import ClusterConfiguration
from kubesvc.run.starterror import StartError
from kubesvc.state.directory import StateDirectory
from kubesvc.state.owners import owner_name
from kubesvc.why.status import DNSAddress


async def bind_dns(
    server: DNSServer, own: Address, config: ClusterConfiguration, state: StateDirectory
) -> list[DNSAddress]:
    """Bind the name server; StartError without the cluster's ``own`` address. The other addresses may fail."""

    def failed(at: Address, error: OSError) -> str:
        return _failure(at, error, state, config if at[0] == own[0] else None)

    try:
        listening = await server.start()
    except OSError as error:
        raise StartError(failed(own, error)) from error
    addresses = [DNSAddress(address, port, "") for address, port in listening.bound]
    for at, reason in listening.failed:
        said = failed(at, reason)
        if at[0] == own[0]:
            server.close()
            raise StartError(said)
        addresses.append(DNSAddress(*at, said))
    return addresses


def _failure(at: Address, error: OSError, state: StateDirectory, own: ClusterConfiguration | None) -> str:
    """Return why an address is not bound, and the remedy; ``own`` is the configuration if it is the cluster's own."""
    owner = find_port_owner(*at)
    reason = f"taken by {owner_name(state, owner)}" if owner else f"{error.strerror or error}"
    key = "networking.serviceSubnet" if own is not None else "dns.bindAddresses"
    remedy = f"{key} in the configuration sets another address"
    if owner and own is not None and not own.plan.block:
        remedy = f"start this one with addresses of its own (`--subnets auto`), or {remedy}"
    return f"DNS cannot be served at {at[0]}:{at[1]}: {reason}; {remedy}"
