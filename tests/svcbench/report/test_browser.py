"""A real browser shows the HTML report: on a phone too, with every curve, and without running what a name holds."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from tests.helpers.patience import PATIENCE
from tests.helpers.svcbench_comparison import comparison_of

from svcbench.compare.comparison import judge
from svcbench.report.html import comparison_page

PHONE = 390
EVIL = "<img src=x onerror=parent.ran=1><script>parent.ran=1</script>"
MEASURES = """\
<!doctype html><meta charset="utf-8"><iframe id="page" src="report.html" width="WIDTH" height="800"></iframe>
<pre id="out"></pre><script>
window.onload = () => {
  const page = document.getElementById("page").contentDocument, all = name => [...page.querySelectorAll(name)];
  const style = getComputedStyle(page.body);
  document.getElementById("out").textContent = JSON.stringify({
    ran: window.ran === 1, scripts: all("script,img").length, heading: all("h1")[0].textContent,
    width: page.documentElement.scrollWidth, paper: style.backgroundColor,
    drawings: all("svg").map(each => each.getBoundingClientRect().height),
    curves: all("polyline").map(each => [getComputedStyle(each).stroke, each.getBoundingClientRect().width]),
    outside: all("svg text").filter(each => {
      const frame = each.ownerSVGElement.getBoundingClientRect(), text = each.getBoundingClientRect();
      return text.left < frame.left - 1 || text.right > frame.right + 1 || text.bottom > frame.bottom + 1;
    }).map(each => each.textContent),
    requested: performance.getEntriesByType("resource").map(each => each.name)
      .concat(page.defaultView.performance.getEntriesByType("resource").map(each => each.name)),
  });
};
</script>
""".replace("WIDTH", str(PHONE))


@pytest.fixture(scope="module")
def seen(browser: str, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    """Return what the browser says of a comparison with an evil name."""
    folder = tmp_path_factory.mktemp("browser")
    comparison = comparison_of({"round_robin": 1.0, EVIL: 0.7, "first": 1.0}, blocks=5, pods=("web-1", EVIL))
    comparison = replace(comparison, planned=6)
    (folder / "report.html").write_text(comparison_page(comparison, judge(comparison), EVIL))
    (folder / "measures.html").write_text(MEASURES)
    said = _browse(browser, folder, folder / "measures.html")
    found = re.search(r'<pre id="out">(\{.*?)</pre>', said, re.DOTALL)
    assert found is not None, said
    measured: dict[str, Any] = json.loads(unescape(found[1]))
    return measured


def _browse(browser: str, folder: Path, page: Path) -> str:
    # Chromium refuses its own sandbox as root; the page is ours, and the network that of the tests.
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files", "--disable-dev-shm-usage"]
    command = [browser, *flags, f"--user-data-dir={folder / 'profile'}", "--dump-dom", page.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=True).stdout


def test_the_page_fits_on_a_phone(seen: Mapping[str, Any]) -> None:
    assert seen["width"] <= PHONE


def test_every_chart_and_curve_is_drawn_in_a_colour(seen: Mapping[str, Any]) -> None:
    assert len(seen["drawings"]) == 9
    assert all(height > 20 for height in seen["drawings"])
    assert all(stroke.startswith("rgb(") and width > 100 for stroke, width in seen["curves"])
    assert len({stroke for stroke, _ in seen["curves"]}) >= 3
    assert seen["paper"] == "rgb(255, 255, 255)"


def test_no_label_is_cut_off(seen: Mapping[str, Any]) -> None:
    assert seen["outside"] == []


def test_names_and_commands_are_shown_and_never_run(seen: Mapping[str, Any]) -> None:
    assert seen["heading"] == "kubesvc bench: svc/web"
    assert (seen["ran"], seen["scripts"]) == (False, 0)


def test_nothing_is_loaded_from_elsewhere(seen: Mapping[str, Any]) -> None:
    assert [each for each in seen["requested"] if not each.endswith("/report.html")] == []
