"""The page in a real browser: no error, no request, a table that sorts, plots that are drawn, names that stay text."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from mlparity.report.html import html_report
from tests.record.example import example_record
from tests.report.hostile import hostile

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_BROWSER = next((path for name in _NAMES if (path := shutil.which(name)) is not None), None)
pytestmark = pytest.mark.skipif(_BROWSER is None, reason=f"no Chromium on the path (looked for {', '.join(_NAMES)})")

NAME = "<script>alert(1)</script>"

# Runs after the page's own script, and leaves what it saw in the document.
_PROBE = """
<script>
addEventListener("load", () => setTimeout(() => {
  const seen = {};
  const table = document.querySelector("table.sortable");
  const heads = [...table.tHead.rows[0].cells];
  const place = heads.findIndex((head) => head.textContent.trim() === "max");
  const settings = () => [...table.tBodies[0].rows].map((row) => row.cells[0].dataset.sort);
  seen.before = settings();
  const click = (place) => { heads[place].querySelector("button").click(); return settings(); };
  seen.ascending = click(place);
  seen.sign = heads[place].getAttribute("aria-sort");
  seen.descending = click(place);
  seen.byName = click(0);
  seen.bars = [...document.querySelectorAll(".plot")].map((plot) => plot.querySelectorAll(".bars path").length);
  seen.name = document.querySelector("h1").textContent;
  seen.alerts = [...document.scripts].filter((script) => script.textContent.startsWith("alert")).length;
  seen.images = [...document.images].filter((image) => image.naturalWidth > 0).length;
  const asked = performance.getEntriesByType("resource").map((entry) => entry.name);
  seen.requests = asked.filter((name) => !name.startsWith("data:"));
  seen.wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  const out = document.createElement("pre");
  out.id = "seen";
  out.textContent = JSON.stringify(seen);
  document.body.append(out);
}, 500));
</script>
"""


@dataclass(frozen=True)
class Visit:
    """What the browser left: the document, its console, and the addresses that it asked for."""

    document: str
    console: tuple[str, ...]
    requests: tuple[str, ...]

    @property
    def seen(self) -> dict[str, object]:
        import html

        found = re.search(r'<pre id="seen">(.*?)</pre>', self.document, re.DOTALL)
        assert found, "the probe did not run"
        seen = json.loads(html.unescape(found[1]))
        assert isinstance(seen, dict)
        return seen


def visit(page: str, folder: Path, width: int = 1200) -> Visit:
    """Open a page with its network cut off, and let it settle."""
    path, log = folder / "page.html", folder / "net.json"
    path.write_text(page, encoding="utf-8")
    command = [
        str(_BROWSER),
        "--headless",
        "--no-sandbox",  # tests run as root in containers
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        "--disable-component-update",
        "--no-first-run",
        f"--user-data-dir={folder / 'profile'}",
        f"--window-size={width},1000",
        "--host-resolver-rules=MAP * ~NOTFOUND",
        "--enable-logging=stderr",
        f"--log-net-log={log}",
        "--virtual-time-budget=5000",
        "--dump-dom",
        path.as_uri(),
    ]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    console = tuple(line for line in run.stderr.splitlines() if ":CONSOLE" in line)
    return Visit(run.stdout, console, _asked_by_pages(log.read_text(encoding="utf-8")))


def _asked_by_pages(net_log: str) -> tuple[str, ...]:
    """Return the addresses that pages asked for; the browser's own requests have no origin."""
    asked = re.findall(r'"initiator":"([^"]*)".*?"url":"((?:https?|wss?|ftp)://[^"]*)"', net_log)
    return tuple(sorted({address for origin, address in asked if origin != "not an origin"}))


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Visit:
    page = html_report(example_record(NAME)).replace("</body>", f"{_PROBE}</body>")
    return visit(page, tmp_path_factory.mktemp("browser"))


def test_the_browser_reports_errors_and_requests(tmp_path: Path) -> None:
    """Without this the next two tests could pass for want of a witness."""
    page = "<body><script>fetch('https://example.invalid/asked'); console.error('complaint')</script></body>"
    seen = visit(page, tmp_path)
    assert any("complaint" in line for line in seen.console)
    assert seen.requests == ("https://example.invalid/asked",)


def test_the_console_stays_empty(report: Visit) -> None:
    assert report.console == ()


def test_nothing_is_requested(report: Visit) -> None:
    assert report.requests == ()
    assert report.seen["requests"] == []


def test_a_click_on_a_head_sorts(report: Visit) -> None:
    seen = report.seen
    assert seen["before"] == [str(row.setting) for row in example_record().settings]
    maxima = {str(row.setting): row.outputs[0].figures["max_abs"] for row in example_record().settings if row.outputs}
    for key, reverse in (("ascending", False), ("descending", True)):
        order = seen[key]
        assert isinstance(order, list)
        assert order[-1] == "fp32/CPU_AND_NE", "a row without figures stays last"
        values = [maxima[name] for name in order[:-1]]
        assert values == sorted(values, key=lambda value: value if value is not None else 0.0, reverse=reverse)
    assert seen["sign"] == "ascending"
    assert seen["byName"] == sorted(seen["before"], key=str.lower)


def test_plots_are_drawn_and_images_shown(report: Visit) -> None:
    bars, images = report.seen["bars"], report.seen["images"]
    assert isinstance(bars, list)
    assert len(bars) == 1
    assert bars[0] >= 10
    assert images == 15


def test_a_script_in_a_name_is_text(report: Visit) -> None:
    assert report.seen["name"] == NAME
    assert report.seen["alerts"] == 0


def test_hostile_texts_on_a_phone(tmp_path: Path) -> None:
    page = html_report(hostile(example_record())).replace("</body>", f"{_PROBE}</body>")
    seen = visit(page, tmp_path, width=500)
    assert seen.console == seen.requests == ()
    assert seen.seen["alerts"] == 0
    assert seen.seen["images"] == 0
    assert seen.seen["wide"] == 0, "only tables and code may be wider than a phone"
