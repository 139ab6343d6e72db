"""Read a YAML body by the reader of manifests. Pure."""

from __future__ import annotations

from typing import Any

from kubeapi.strict import RepeatedKeys
from kubemanifest.reading import read_text
from kubemanifest.yamltext import KEY_IS_SET


def read_yaml(body: bytes) -> Any:
    """Return the value of a body that is one YAML document, with repeated keys recorded; ValueError otherwise."""
    trees, faults, warnings = read_text(body.decode(), "the body")
    if faults:
        raise ValueError(faults[0].message)
    if len(trees) != 1:
        message = f"want one document, found {len(trees)}"
        raise ValueError(message)
    value = trees[0].value
    repeated = [f"\n  line {each.line}: {each.message}" for each in warnings if each.message.endswith(KEY_IS_SET)]
    if repeated and isinstance(value, dict):
        value = RepeatedKeys(value)
        value.said = f"yaml: unmarshal errors:{''.join(repeated)}"
    return value
