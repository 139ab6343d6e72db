"""What one `kubesvc up` hands from ``run`` through ``foreground`` to ``session``."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from kubesvc.run.start import Start
from kubesvc.terminal.console import Console
from kubesvc.terminal.up.detach import Caller
from kubesvc.terminal.up.options import UpOptions
from kubesvc.terminal.up.watch import Seen

if TYPE_CHECKING:
    from kubesvc.run.cluster import Cluster

Document = dict[str, Any]


class UpStart(NamedTuple):
    """A cluster that `kubesvc up` is about to start: its input, and where the command reports."""

    options: UpOptions
    start: Start
    console: Console
    seen: Seen
    """The state of the manifest files when they were read, for --watch."""
    news: Sequence[str] = ()
    """Warnings about this start besides those of the input."""
    caller: Caller | None = None
    """The process that waits for a cluster in the background."""
    announce: Callable[[Document, Console], None] | None = None
    """Prints the status document once the cluster is ready, in place of what `up` prints."""
    is_for_tools: bool = False
    """Whether ``announce`` alone prints to stdout."""
    meanwhile: Callable[[Cluster, Console], Coroutine[Any, Any, None]] | None = None
    """Runs from then on until the cluster stops."""

    def tell_caller(self, status: int) -> None:
        """Release the waiting parent of a background start with its exit status; nothing in the foreground."""
        if self.caller is not None:
            self.caller.release(status)
