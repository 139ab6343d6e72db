"""The lines in a plugin's braces: each is honoured, makes no difference here, or is refused. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from kubeapi.similar import did_you_mean
from kubesvc.remote.corefile.grammar import Stanza
from kubesvc.remote.corefile.notes import Notes
from kubesvc.remote.corefile.values import Words

P = TypeVar("P")


@dataclass(frozen=True)
class Options(Generic[P]):
    """The options of a plugin that is read as a P."""

    honoured: Mapping[str, Callable[[P, Words], P]] = field(default_factory=dict)
    """Each takes the plugin as read so far and the words of the option, and returns the plugin with it."""

    idle: Mapping[str, str] = field(default_factory=dict)
    """Options without which no answer differs, each with the reason, which is a warning."""

    refused: Mapping[str, str] = field(default_factory=dict)
    """Options that would change answers and are not honoured, each with the remedy."""


def read_options(stanza: Stanza, plugin: P, options: Options[P], notes: Notes) -> P:
    """Return the plugin with the options of its stanza."""
    known = (*options.honoured, *options.idle, *options.refused)
    for name, args in stanza.options:
        words = Words(name, args, notes, stanza.name.text)
        if (honour := options.honoured.get(name.text)) is not None:
            plugin = honour(plugin, words)
        elif name.text in options.idle:
            words.warn(f"accepted without effect: {options.idle[name.text]}")
        elif name.text in options.refused:
            words.fault("not served by kubesvc dns", options.refused[name.text])
        else:
            hint = did_you_mean(name.text, known) or f"known here: {', '.join(known) or 'no option'}"
            words.fault("unknown option", hint)
    return plugin
