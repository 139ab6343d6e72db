"""The rules that the data plane obeys: where each destination leads, from which node, and why.

``compiling`` makes ``Rules`` of what the trackers know; ``Rules.decide`` says what becomes of a new connection. Pure.
"""

from __future__ import annotations

from kubeproxy.rules.compiling import Compiled, compile_rules
from kubeproxy.rules.decision import Claim, Decision, Packet, Reason, Selection, Verdict
from kubeproxy.rules.portrule import PortRule, port_rule
from kubeproxy.rules.rules import Listener, Rules, SourceFilter

__all__ = [
    "Claim",
    "Compiled",
    "Decision",
    "Listener",
    "Packet",
    "PortRule",
    "Reason",
    "Rules",
    "Selection",
    "SourceFilter",
    "Verdict",
    "compile_rules",
    "port_rule",
]
