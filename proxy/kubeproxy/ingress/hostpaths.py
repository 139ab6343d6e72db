"""The paths of one host, put in the order in which requests are compared with them. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import NamedTuple

from kubeapi.objects.ingressoptions import IngressOptions
from kubeproxy.ingress.table import HostPaths, Leaf, Prefix

_ORDER = {"Exact": 0, "Prefix": 1, "ImplementationSpecific": 2}
"""Of equal paths."""

Broken = tuple[Leaf, str]
"""A path that is no regular expression, and why."""


class Entry(NamedTuple):
    """A path, with the options of its Ingress."""

    leaf: Leaf
    options: IngressOptions

    @property
    def wants_patterns(self) -> bool:
        """Whether it makes all paths of its host regular expressions (ingress-nginx' enforceRegexModifier)."""
        return self.options.uses_regex or self.leaf.rewrite is not None or self._is_broken_rewrite

    @property
    def _is_broken_rewrite(self) -> bool:
        return self.options.rewrite_target not in ("", self.leaf.path)


def host_paths(entries: Collection[Entry], fallback: Leaf | None) -> tuple[HostPaths, list[Broken]]:
    """Return the paths in their order, and those that cannot be compared with anything."""
    in_order = sorted(entries, key=lambda each: (-len(_compared(each.leaf)), _ORDER.get(each.leaf.path_type, 2)))
    if any(each.wants_patterns for each in in_order):
        return _patterns(in_order, fallback)
    exact = {each.leaf.path: each.leaf for each in in_order if each.leaf.path_type == "Exact"}
    prefixes = tuple(
        Prefix(_compared(each.leaf), each.leaf.path_type == "Prefix", each.leaf)
        for each in in_order
        if each.leaf.path_type != "Exact"
    )
    return HostPaths(exact, prefixes, fallback=fallback), []


def _compared(leaf: Leaf) -> str:
    """Return the text of a path that is compared: a Prefix counts by its segments, so a final slash says nothing."""
    return leaf.path.rstrip("/") if leaf.path_type == "Prefix" else leaf.path


def _patterns(entries: Collection[Entry], fallback: Leaf | None) -> tuple[HostPaths, list[Broken]]:
    """Return the paths as regular expressions that match without regard to case from the beginning.

    A Prefix of an Ingress that asks for no regular expression keeps to its segments, unlike in ingress-nginx.
    """
    patterns, broken = [], []
    for entry in entries:
        leaf = entry.leaf
        text = leaf.path
        if leaf.path_type == "Prefix" and not entry.wants_patterns:
            text = f"{re.escape(_compared(leaf))}(?:/|$)"
        try:
            patterns.append((re.compile(text, re.IGNORECASE), leaf))
        except re.error as error:
            broken.append((leaf, str(error)))
    return HostPaths(patterns=tuple(patterns), fallback=fallback), broken
