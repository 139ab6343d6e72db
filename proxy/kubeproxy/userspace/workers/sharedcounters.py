"""Counters in memory that the workers of one proxy share, so that they balance as one: turns taken, connections now.

Each counter is a row with one cell for every worker: a worker writes its own cell and reads the sum of the row, so no
lock is needed. Two workers that read in the same microsecond see the same sum and may take the same turn; the next sum
counts both.

Beside the rows each worker has a journal, in which it notes the rows that it has written, for those that keep loads
sorted: a ring of JOURNAL row numbers, and before it how many there have ever been.

The proxy's own process assigns rows to Service ports (``sharing``) and assigns others when the endpoints change.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Collection, Iterable, Sequence

from kubeproxy.balancers.changes import Changed

ROWS = 1 << 20
"""Enough for 100,000 Service ports of ten rows; only pages that were written take memory."""

JOURNAL = 4096
"""Changes that a worker may miss before it has to look at everything."""

_CELL_BYTES = 8


class SharedCounters:
    """The memory behind ``descriptor``, shared by ``width`` workers, as worker number ``place`` uses it."""

    def __init__(self, descriptor: int, width: int, place: int) -> None:
        self._memory = mmap.mmap(descriptor, _size(width))
        self._cells = memoryview(self._memory).cast("q")
        self._width = width
        self._place = place
        self._journals = [ROWS * width + each * (JOURNAL + 1) for each in range(width)]

    def total(self, row: int) -> int:
        """Return the sum of a row."""
        start = row * self._width
        return sum(self._cells[start : start + self._width])

    def write(self, row: int, number: int) -> None:
        """Set this worker's number, and note that in its journal."""
        cells, journal = self._cells, self._journals[self._place]
        cells[row * self._width + self._place] = number
        count = cells[journal]
        cells[journal + 1 + count % JOURNAL] = row
        cells[journal] = count + 1

    def add(self, row: int, count: int) -> None:
        """Add to this worker's number."""
        self._cells[row * self._width + self._place] += count

    def follow(self) -> Changed:
        """Return what tells which rows the other workers have written since it was called last."""
        return _Reader(self._cells, [each for at, each in enumerate(self._journals) if at != self._place]).read

    def forget(self, rows: Iterable[int]) -> None:
        """Set this worker's cells to 0: the worker has ended, or starts."""
        for row in rows:
            self.write(row, 0)

    def close(self) -> None:
        """Unmap the memory."""
        self._cells.release()
        self._memory.close()


def open_shared_memory(width: int) -> int:
    """Return the descriptor of new memory, all zero, for ``width`` workers."""
    descriptor = os.memfd_create("kube-proxy", os.MFD_CLOEXEC)
    os.ftruncate(descriptor, _size(width))
    return descriptor


def _size(width: int) -> int:
    return (ROWS + JOURNAL + 1) * width * _CELL_BYTES


class _Reader:
    """Reads the journals that begin at the cells ``journals``."""

    def __init__(self, cells: memoryview[int], journals: Sequence[int]) -> None:
        self._cells = cells
        self._read = {each: cells[each] for each in journals}

    def read(self) -> Collection[int] | None:
        """Return the rows that were written since the last call, None when there were too many."""
        cells, rows = self._cells, set[int]()
        is_complete = True
        for journal, read in self._read.items():
            count = cells[journal]
            if count == read:
                continue
            self._read[journal] = count
            if count - read <= JOURNAL:
                rows.update(cells[journal + 1 + each % JOURNAL] for each in range(read, count))
            # What is written meanwhile may have taken the place of what was to be read.
            is_complete = is_complete and cells[journal] - read <= JOURNAL
        return rows if is_complete else None


class RowAllocator:
    """Allocates blocks of consecutive rows, and frees them. Pure."""

    def __init__(self, rows: int = ROWS) -> None:
        self._rows = rows
        self._end = 0
        self._free: dict[int, list[int]] = {}

    @property
    def end(self) -> int:
        """One more than the highest row that was ever allocated."""
        return self._end

    def take(self, count: int) -> int:
        """Allocate ``count`` rows and return the first one, -1 when there is no room."""
        free = self._free.get(count)
        if free:
            return free.pop()
        if self._end + count > self._rows:
            return -1
        self._end += count
        return self._end - count

    def give_back(self, first: int, count: int) -> None:
        """Free a block."""
        self._free.setdefault(count, []).append(first)
