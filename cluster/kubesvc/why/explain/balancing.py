"""How clients are spread over the endpoints, where that is not left to the default: weights, cookies, hashes. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from kubeapi.meta import ObjectKey
from kubeproxy.balancers import BALANCERS
from kubeproxy.loadbalancing.algorithms import algorithm_of
from kubeproxy.rules import PortRule, Rules
from kubesvc.why.explain.findings import Finding, hint, note, problem
from kubesvc.wording import listed


def explain_balancing(rules: Rules, service: ObjectKey, default: str) -> Iterator[Finding]:
    """Yield what the rules of a Service's ports say of weights, cookies and hashes, each once."""
    found = (each for name in rules.by_service.get(service, ()) for each in _of_port(rules.ports[name], default))
    yield from dict.fromkeys(found)


def _of_port(rule: PortRule, default: str) -> Iterator[Finding]:
    port = rule.service_port
    algorithm = algorithm_of(port, default)
    yield from _weights(rule, algorithm.name)
    part = algorithm.hashed_part
    if part is not None and not port.is_http:
        where = f"port {port.name.port or port.port}"
        yield note(f"Connections to {where} are hashed by their source: a {part} is only in HTTP requests")
    elif part is not None:
        yield note(f"Requests are hashed by their {part}, those without it by their source")
    if port.affinity_cookie:
        other = "; those without it by the client's address (sessionAffinity)" if port.affinity_seconds else ""
        yield note(f"Requests keep to one endpoint by the cookie {port.affinity_cookie}{other}")


def _weights(rule: PortRule, algorithm: str) -> Iterator[Finding]:
    serving = [each for each in rule.endpoints if each.is_serving]
    if serving and not any(each.weight for each in serving):
        yield problem("All endpoints that serve have the weight 0 (kubesvc.dev/weight): clients are refused")
    elif any(each.weight != 1 for each in serving):
        weights = listed(f"{each.target or each.ip} {each.weight}" for each in serving)
        drained = "; with 0 nothing new comes" if any(not each.weight for each in serving) else ""
        yield note(f"The endpoints have weights: {weights}{drained}")
        if not BALANCERS[algorithm].has_weights and any(each.weight > 1 for each in serving):
            yield hint(
                f"The algorithm {algorithm} looks at no weight but 0; weighted_round_robin, for one, shares by them"
            )
