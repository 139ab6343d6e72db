"""The faults of the types of lists and maps in a schema: sets, and lists of items with keys. Pure.

Follows apiextensions-apiserver ``apis/apiextensions/validation`` (validateMapListKeysMapSet and its caller).
"""

from __future__ import annotations

from kubeapi.customresources.schema.pruning import items_of
from kubeapi.meta import JSON
from kubeapi.validation.faults import Faults, forbidden, invalid, required, unsupported

_LIST_TYPE, _MAP_TYPE, _MAP_KEYS = "x-kubernetes-list-type", "x-kubernetes-map-type", "x-kubernetes-list-map-keys"


def map_type_faults(schema: JSON, path: str) -> Faults:
    """Yield the faults of the type of a map."""
    map_type, kind = schema.get(_MAP_TYPE), schema.get("type", "")
    if map_type is None:
        return
    if kind != "object":
        detail = f"must be object if {_MAP_TYPE} is specified"
        yield invalid(f"{path}.type", kind, detail) if kind else required(f"{path}.type", detail)
    if map_type not in ("atomic", "granular"):
        yield unsupported(f"{path}.{_MAP_TYPE}", map_type, ("atomic", "granular"))


def list_type_faults(schema: JSON, path: str) -> Faults:
    """Yield the faults of the type of a list, and of the keys of its items."""
    list_type, kind, keys, items = (
        schema.get(_LIST_TYPE),
        schema.get("type", ""),
        schema.get(_MAP_KEYS),
        items_of(schema),
    )
    if list_type is not None and kind != "array":
        detail = f"must be array if {_LIST_TYPE} is specified"
        yield invalid(f"{path}.type", kind, detail) if kind else required(f"{path}.type", detail)
    elif list_type == "set" and items is not None:
        yield from _set_faults(items, path)
    if list_type not in (None, "atomic", "set", "map"):
        yield unsupported(f"{path}.{_LIST_TYPE}", list_type, ("atomic", "set", "map"))
    if keys and list_type != "map":
        detail = f"must be map if {_MAP_KEYS} is non-empty"
        where = f"{path}.{_LIST_TYPE}"
        yield required(where, detail) if list_type is None else invalid(where, list_type, detail)
    if list_type == "map":
        yield from _map_list_faults(schema, path)
    if list_type in ("set", "map") and items is not None and items.get("nullable"):
        yield forbidden(f"{path}.items.nullable", f"cannot be nullable when {_LIST_TYPE} is {list_type}")


def _set_faults(items: JSON, path: str) -> Faults:
    detail = f"must be atomic as item of a list with {_LIST_TYPE}=set"
    if items.get("type") == "array" and items.get(_LIST_TYPE) not in (None, "atomic"):
        yield invalid(f"{path}.items.{_LIST_TYPE}", items[_LIST_TYPE], detail)
    elif items.get("type") == "object" and items.get(_MAP_TYPE) != "atomic":
        yield invalid(f"{path}.items.{_MAP_TYPE}", items.get(_LIST_TYPE), detail)


def _map_list_faults(schema: JSON, path: str) -> Faults:
    keys, items = schema.get(_MAP_KEYS, []), items_of(schema)
    if not keys:
        yield required(f"{path}.{_MAP_KEYS}", f"must not be empty if {_LIST_TYPE} is map")
    if items is None:
        yield required(f"{path}.items", f"must have a schema if {_LIST_TYPE} is map")
        return
    if items.get("type") != "object":
        yield invalid(
            f"{path}.items.type", items.get("type", ""), f"must be object if parent array's {_LIST_TYPE} is map"
        )
        return
    for index, key in enumerate(keys):
        if key in keys[:index]:
            yield invalid(f"{path}.{_MAP_KEYS}", keys, "must not contain duplicate entries")
        yield from _key_faults(key, items, path, keys)


def _key_faults(key: str, items: JSON, path: str, keys: list[str]) -> Faults:
    known, where = items.get("properties", {}).get(key), f"{path}.items.properties[{key}]"
    if known is None:
        yield invalid(f"{path}.{_MAP_KEYS}", keys, "entries must all be names of item properties")
        return
    if known.get("type") in ("array", "object"):
        yield invalid(f"{where}.type", "object", f"must be a scalar type if parent array's {_LIST_TYPE} is map")
    member = f"this property is in {_MAP_KEYS}, so it"
    if key not in items.get("required", ()) and "default" not in known:
        yield required(f"{where}.default", f"{member} must have a default or be a required property")
    if known.get("nullable"):
        yield forbidden(f"{where}.nullable", f"{member} cannot be nullable")
