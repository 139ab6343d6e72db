"""The picture of a run under way, for a terminal: progress, rate, percentiles and a bar for each pod."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from kubesvc.bench.progress import Progress, Sight
from kubesvc.escaping import escaped
from svcbench.load.log import Log, Rows

_BAR = 40
_PICTURE_SECONDS = 0.25
_MOST_PODS = 12


@contextmanager
def picture(progress: Progress, title: str, began: float) -> Iterator[Callable[[Log, Rows], None]]:
    """Draw on standard error while the block runs, and leave nothing behind; yields what learns new rows."""
    console = Console(stderr=True, highlight=False)
    with Live(console=console, auto_refresh=False, transient=True) as live:
        shown_at = began

        def watch(log: Log, rows: Rows) -> None:
            nonlocal shown_at
            progress.add(rows)
            now = time.monotonic()
            if now - shown_at >= _PICTURE_SECONDS:
                shown_at = now
                live.update(drawn(title, progress.sight(log, now)), refresh=True)

        yield watch


def drawn(title: str, sight: Sight) -> Group:
    """Return the picture of a moment."""
    share = sight.elapsed / sight.seconds if sight.seconds else 1.0
    state = "warming up" if sight.is_warming_up else f"{sight.requests:,} requests, {sight.errors:,} errors"
    times = "  ".join(
        f"{name} {value / 1000:.2f} ms"
        for name, value in (("p50", sight.p50), ("p99", sight.p99), ("p99.9", sight.p999))
    )
    lines = [
        Text.assemble((escaped(title), "bold"), f"  {state}"),
        Text.assemble(_bar(share, "cyan"), f" {sight.elapsed:.1f} of {sight.seconds:g} s"),
        Text(f"{sight.rate:,.0f} requests/s  {times}"),
    ]
    most = max(sight.pods.values(), default=0)
    shown = list(sight.pods.items())[:_MOST_PODS]
    width = max((len(name) for name, _ in shown), default=0)
    lines += [
        Text.assemble(f"{escaped(name):<{width}} ", _bar(count / most, "green"), f" {count:,}") for name, count in shown
    ]
    if left := len(sight.pods) - len(shown):
        lines.append(Text(f"and {left} more pods"))
    return Group(*lines)


def _bar(share: float, colour: str) -> Text:
    filled = round(_BAR * min(1.0, share))
    return Text.assemble(("━" * filled, colour), ("─" * (_BAR - filled), "dim"))
