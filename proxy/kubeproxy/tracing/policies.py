"""What NetworkPolicies say of a connection, in words, for ``trace``. Pure, and decides nothing, as ``Rules`` do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kubeapi.objects.networkpolicy import INGRESS
from kubeproxy.rules import Decision, Rules
from kubeproxy.rules.policies import Judgement, denial
from kubeproxy.types import Destination

_MOST_SENTENCES = 6


def said_judgement(judgement: Judgement, source: str, destination: Destination) -> str:
    """Return a sentence about what one end's policies say."""
    is_ingress, pod = judgement.direction == INGRESS, f"pod {judgement.pod}"
    if judgement.admitting is None:
        return f"{why_denied(judgement, source, destination)}."
    way = f"lets {source} in to {pod} at {_port(destination)}" if is_ingress else f"lets {pod} out to {destination}"
    return f"NetworkPolicy {judgement.admitting} {way}."


def why_denied(judgement: Judgement, source: str, destination: Destination) -> str:
    """Return in a clause which policies let a connection not through."""
    names, is_one = " and ".join(map(str, judgement.isolating)), len(judgement.isolating) == 1
    subject = f"NetworkPolicy {names} isolates" if is_one else f"NetworkPolicies {names} isolate"
    if judgement.direction == INGRESS:
        return f"{subject} pod {judgement.pod}, and no rule lets {source} in at {_port(destination)}"
    return f"{subject} the egress of pod {judgement.pod}, and no rule lets it out to {destination}"


def said_policies(rules: Rules, decision: Decision) -> Iterator[str]:
    """Yield what policies say of the endpoints of a decision, each sentence once."""
    selection, source, sentences = decision.selection, decision.packet.source, dict[str, None]()
    for each in selection.endpoints if selection is not None and rules.policies else ():
        destination = Destination(each.ip, each.port, decision.packet.destination.protocol)
        judged = rules.judge(source, destination)
        sentences |= dict.fromkeys(said_judgement(end, source, destination) for end in judged)
    yield from list(sentences)[:_MOST_SENTENCES]
    if len(sentences) > _MOST_SENTENCES:
        yield f"NetworkPolicies say {len(sentences) - _MOST_SENTENCES} more things of other endpoints."


def why_closed(rules: Rules, decision: Decision) -> dict[str, str]:
    """Return by endpoint (``ip:port``) why policies let nothing to it, for those where it is so."""
    found, source, selection = {}, decision.packet.source, decision.selection
    for each in selection.endpoints if selection is not None and rules.policies else ():
        destination = Destination(each.ip, each.port, decision.packet.destination.protocol)
        denied = denial(rules.judge(source, destination))
        if denied is not None:
            found[each.address] = f"closed by {_policies(denied.isolating)}"
    return found


def _policies(names: Iterable[object]) -> str:
    listed = list(map(str, names))
    return f"NetworkPolicy {listed[0]}" if len(listed) == 1 else f"NetworkPolicies {' and '.join(listed)}"


def _port(destination: Destination) -> str:
    return f"{destination.port}/{destination.protocol.lower()}"
