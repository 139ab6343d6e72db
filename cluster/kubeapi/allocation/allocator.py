"""What an allocator is: it gives objects of a kind what the cluster has only once, such as cluster IPs."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from kubeapi.allocation.pools import Transaction
from kubeapi.meta import JSON, ObjectKey
from kubeapi.scheme import Resource
from kubeapi.status import FieldError
from kubeapi.validation.faults import Faults


class Records(NamedTuple):
    """Objects that tell what an allocator has given: those to create, and the keys of those to delete."""

    gained: tuple[tuple[Resource, JSON], ...] = ()
    lost: tuple[tuple[Resource, ObjectKey], ...] = ()


class Allocator(Protocol):
    """Gives objects of a kind what the cluster has only once, such as cluster IPs."""

    def adopt(self, obj: JSON) -> None:
        """Take what a stored object holds."""

    def allocate(self, new: JSON, old: JSON | None, transaction: Transaction) -> list[FieldError]:
        """Give a new object (``old`` is None) or a changed one what it lacks, in place; return the faults.

        Comes before validation, so the object may be anything that the schema allows. What only ``old`` held is freed
        when the transaction is committed.
        """

    def validate(self, obj: JSON) -> Faults:
        """Yield the faults that follow from the settings of the cluster."""

    def records(self, new: JSON | None, old: JSON | None) -> Records:
        """Return the objects that tell of a write: ``old`` None is a creation, ``new`` None a deletion."""

    def release(self, obj: JSON) -> None:
        """Free all that a deleted object held."""
