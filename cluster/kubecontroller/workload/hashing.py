"""Hashes of pod templates, in letters, for the names of what is made of them. Pure.

FNV-1a as in k8s.io/kubernetes ``pkg/controller/controller_utils.go`` ComputeHash, but of canonical JSON instead of Go's
dump of a struct: it has the same form and other letters.
"""

from __future__ import annotations

import json

from kubeapi.meta import JSON, NAME_SUFFIX_ALPHABET


def template_hash(template: JSON, collision_count: int | None) -> str:
    """Return the hash of a pod template, in letters; ``collision_count`` (None: none yet) makes another one."""
    text = json.dumps(template, sort_keys=True, separators=(",", ":")).encode()
    if collision_count is not None:
        # Eight bytes of a uint32, as upstream writes it; a client may have put any number into the status.
        text += (collision_count & 0xFFFFFFFF).to_bytes(8, "little")
    fnv = 2166136261
    for byte in text:
        fnv = ((fnv ^ byte) * 16777619) & 0xFFFFFFFF
    return safe_encode(str(fnv))


def safe_encode(text: str) -> str:
    """Return ``text`` in letters that make no words (rand.SafeEncodeString)."""
    return "".join(NAME_SUFFIX_ALPHABET[ord(letter) % len(NAME_SUFFIX_ALPHABET)] for letter in text)
