"""What ``--compare`` names: algorithms, with options where they have some. Pure.

``rr,p2c,least_request:choices=5`` are three contenders; the first is what the others are compared with.
"""

from __future__ import annotations

import json
from typing import NamedTuple

from kubeproxy.loadbalancing.algorithms import why_no_balancer

LEAST, MOST = 2, 12


class ContenderError(ValueError):
    """A wrong ``--compare``; says what, and what may be written instead."""


class Contender(NamedTuple):
    """One of the algorithms that are compared: ``label`` as it was written, and the values of the two annotations."""

    label: str
    name: str
    options: str = ""


def read_contenders(text: str) -> tuple[Contender, ...]:
    """Return the contenders that a text names, in its order; ContenderError if one is wrong or alone."""
    found = tuple(read_contender(each.strip()) for each in text.split(","))
    labels = [each.label for each in found]
    twice = next((label for label in labels if labels.count(label) > 1), None)
    if twice is not None:
        raise ContenderError(f'"{twice}" is named twice; name each algorithm once')
    if not LEAST <= len(found) <= MOST:
        raise ContenderError(f"{len(found)} algorithm{'s' * (len(found) != 1)}: name {LEAST} to {MOST}, such as rr,p2c")
    return found


def read_contender(label: str) -> Contender:
    """Return one contender; ContenderError."""
    name, *written = label.split(":")
    options = dict(_option(label, each) for each in written)
    text = json.dumps(options) if options else ""
    if fault := why_no_balancer(name, text):
        raise ContenderError(fault)
    return Contender(label, name, text)


def _option(label: str, text: str) -> tuple[str, object]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise ContenderError(f'"{label}": write options as NAME:OPTION=VALUE, such as least_request:choices=3')
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value
