"""What ``kubectl get`` shows: one module for each kind, found by its file, with a ``TABLE`` of columns and cells.

Follows k8s.io/kubernetes ``pkg/printers/internalversion/printers.go``. As there, a
cell shows the stored field (the defaults are stored) and ``<none>`` where there is none; what takes a decision, such as
the status of a pod, comes from ``kubeapi.objects``. A kind without a table has name and age. Pure.

The modules are imported for the first Table: no start needs them.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from kubeapi.customresources.resource import CustomResource
from kubeapi.scheme import Resource
from kubeapiserver.tables.columns import AGE, NAME, Table


@cache
def _tables() -> dict[Resource, Table[Any]]:
    files = sorted(each.stem for each in Path(__file__).parent.iterdir() if not each.name.startswith("_"))
    modules = [import_module(f"{__name__}.{each}") for each in files]
    tables: list[Table[Any]] = [each.TABLE for each in modules if hasattr(each, "TABLE")]
    return {table.resource: table for table in tables}


def table_for(resource: Resource) -> Table[Any]:
    """Return how a resource's objects are shown."""
    if isinstance(resource, CustomResource):
        # Imported here, because most clusters have no custom resources.
        from kubeapiserver.tables.custom import custom_table

        return custom_table(resource)
    return _tables().get(resource) or Table(resource, (NAME, AGE))
