"""The rules that the data plane obeys: where each destination leads, from which node, and why.

``compiling`` makes ``Rules`` of what the trackers know; ``Rules.decide`` says what becomes of a new connection. Pure.
"""

from __future__ import annotations

from kubeproxy.rules.rules import (
    Claim,
    Compiled,
    Drop,
    Forward,
    Listener,
    Packet,
    PortRule,
    Reject,
    Rules,
    Verdict,
    compile_rules,
    port_rule,
)

__all__ = [
    "Claim",
    "Compiled",
    "Drop",
    "Forward",
    "Listener",
    "Packet",
    "PortRule",
    "Reject",
    "Rules",
    "Verdict",
    "compile_rules",
    "port_rule",
]
