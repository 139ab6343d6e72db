"""The report as one HTML page: no script, no network, for light and dark and for a phone. Pure.

Every text that comes from outside (names of Services, pods, algorithms, the command) goes through ``markup``, which
escapes it; the page's policy (Content-Security-Policy) allows nothing but its own style.
"""

from svcbench.report.html.page import comparison_page, run_page

__all__ = ["comparison_page", "run_page"]
