"""How long the tests wait: the only place that says so.

A test goes on as soon as what it waits for is there, and these bound its failure. ``KUBESVC_TEST_PATIENCE``, a factor,
gives more to a slow machine, or one with much other work.
"""

from __future__ import annotations

import os

FACTOR = float(os.environ.get("KUBESVC_TEST_PATIENCE", "1"))

PATIENCE = round(60 * FACTOR)
"""Seconds until a test gives up waiting for what must come; nothing here takes a tenth of it on a quiet machine."""

SILENCE = 0.4 * FACTOR
"""Seconds without an answer that a test calls silence, where what must not come could come at any time."""
