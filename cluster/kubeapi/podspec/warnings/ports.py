"""Warnings of ports of a pod that are alike (``pkg/api/pod/warnings.go``), word for word."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kubeapi.meta import JSON
from kubeapi.status import FieldError
from kubeapi.validation.warnings import warning


def port_advice(containers: Sequence[tuple[str, Sequence[JSON]]]) -> Iterator[FieldError]:
    """Yield the warnings of all containers' ports; each container has its path."""
    ports = [(f"{path}.ports[{index}]", port) for path, each in containers for index, port in enumerate(each)]
    for number, (path, port) in enumerate(ports):
        if port.get("hostIP") and not port.get("hostPort"):
            yield warning(path, f"hostIP set without hostPort: {_go_struct(port)}")
        for other_path, other in ports[:number]:
            if _target(port) == _target(other) and (word := _likeness(port, other)):
                yield warning(path, f"{word} port definition with {other_path}")
    named: dict[str, str] = {}
    for path, port in ports:
        name = port.get("name")
        if name and (first := named.setdefault(name, path)) != path:
            text = f'duplicate port name "{name}" with {first}, services and probes that select ports by name will use '
            yield warning(path, text + first)


def _target(port: JSON) -> tuple[int, str]:
    return port.get("containerPort", 0), port.get("protocol", "TCP")


def _likeness(port: JSON, other: JSON) -> str:
    """Return how two definitions of one port are alike, "" if they are not."""
    one, two = port.get("hostPort") or 0, other.get("hostPort") or 0
    address, other_address = port.get("hostIP", ""), other.get("hostIP", "")
    if one == two and address == other_address:
        return "duplicate"
    if not one or not two:
        return "overlapping"
    return "dangerously ambiguous" if one == two and bool(address) != bool(other_address) else ""


def _go_struct(port: JSON) -> str:
    fields = ("name", "hostPort", "containerPort", "protocol", "hostIP")
    values = {"name": "", "hostPort": 0, "protocol": "TCP", **port}
    return f"{{{' '.join(f'{each[0].upper()}{each[1:]}:{values[each]}' for each in fields)}}}"
