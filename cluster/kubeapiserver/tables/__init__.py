"""What ``kubectl get`` prints: for every kind its columns, and an object's cells.

Follows k8s.io/kubernetes ``pkg/printers/internalversion/printers.go``. The nouns to know: ``Column`` and ``Printer``
(one kind's columns and cells), ``printer_for``.
"""

from kubeapiserver.tables.columns import Column as Column
from kubeapiserver.tables.columns import Printer as Printer
from kubeapiserver.tables.printers import printer_for as printer_for
