"""The page in a real browser: quiet, sortable, as narrow as a phone, dark in the dark, printable, and true."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

import pytest

from mlparity.core.numbers import format_number
from mlparity.record.causes import Cause, CauseKind, Evidence, Observation
from mlparity.record.comparison import Comparison
from mlparity.record.record import Record
from mlparity.report.comparison import comparison_html
from mlparity.report.html import html_report
from tests.record.emulated import DRIFT, emulated_record
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
  const settings = () => [...table.tBodies[0].rows].map(
    (row) => [...row.cells[0].querySelectorAll("code")].map((code) => code.textContent));
  seen.before = settings();
  const click = (place) => { heads[place].querySelector("button").click(); return settings(); };
  seen.ascending = click(place);
  seen.sign = heads[place].getAttribute("aria-sort");
  seen.descending = click(place);
  seen.byName = click(0);
  const width = (element) => element.getBoundingClientRect().width;
  seen.bars = [...document.querySelectorAll(".ladder li")].map((line) => {
    const [track, base, step] = [".track", ".base", ".step"].map((name) => line.querySelector(name));
    return [line.querySelector(".value b").textContent, (width(base) + width(step)) / width(track)];
  });
  seen.decides = [...document.querySelectorAll(".ladder .decides .what b")].map((each) => each.textContent);
  seen.rows = [...table.tBodies[0].rows].flatMap((row) => [...row.cells[0].querySelectorAll("code")].map(
    (code) => [code.textContent, ...[...row.cells].slice(1).map((cell) => cell.textContent.trim())]));
  seen.columns = heads.map((head) => head.textContent.trim());
  seen.back = getComputedStyle(document.body).backgroundColor;
  seen.inner = innerWidth;
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


def visit(page: str, folder: Path, width: int = 1200, *more: str) -> Visit:
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
        *more,
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
    assert sorted(flat(seen["before"])) == sorted(str(row.setting) for row in example_record().settings)
    assert ["fp32/CPU_AND_GPU", "fp32/ALL"] in rows(seen["before"]), "settings with equal figures share a row"
    maxima = {str(row.setting): row.outputs[0].figures["max_abs"] for row in example_record().settings if row.outputs}
    for key, reverse in (("ascending", False), ("descending", True)):
        order = flat(seen[key])
        assert order[-1] == "fp32/CPU_AND_NE", "a row without figures stays last"
        values = [maxima[name] for name in order[:-1]]
        assert values == sorted(values, key=lambda value: value if value is not None else 0.0, reverse=reverse)
    assert seen["sign"] == "ascending"
    names = [shared[0] for shared in rows(seen["byName"])]
    assert names == sorted(names, key=str.lower)


def flat(seen: object) -> list[str]:
    return [name for shared in rows(seen) for name in shared]


def rows(seen: object) -> list[list[str]]:
    assert isinstance(seen, list)
    return seen


def test_bars_are_as_long_as_the_records_numbers(report: Visit) -> None:
    """Longer bars stand for larger differences, each beside the figure of the record."""
    record = example_record()
    bars = report.seen["bars"]
    assert isinstance(bars, list)
    shown = [format_number(record.noise[0].max_abs)]
    for setting in ("fp32/CPU_ONLY", "fp16/CPU_ONLY", "litert/fp32"):
        (row,) = [row for row in record.settings if str(row.setting) == setting]
        shown.append(format_number(row.outputs[0].figures["max_abs"]))
    assert [text for text, _ in bars] == shown
    lengths = [round(length, 2) for _, length in bars]  # two figures with the same digits may differ by less
    assert sorted(lengths) == [round(length, 2) for _, length in sorted(bars, key=lambda bar: float(bar[0]))]
    assert 0 < min(lengths) < max(lengths) <= 1
    assert report.seen["decides"] == ["fp16/CPU_ONLY, fp16/CPU_AND_GPU, fp16/CPU_AND_NE, fp16/ALL"]


def test_the_table_has_the_records_numbers(report: Visit) -> None:
    rows, columns = report.seen["rows"], report.seen["columns"]
    assert isinstance(rows, list)
    assert isinstance(columns, list)
    shown = {row[0].split()[0]: dict(zip(columns, row, strict=False)) for row in rows}
    for result in example_record().settings:
        cells = shown[str(result.setting)]
        assert cells["verdict"] == ("not applicable" if result.state == "not applicable" else result.verdict)
        for output in result.outputs:
            for column, name in (("max", "max_abs"), ("mean", "mean_abs"), ("cosine", "cosine")):
                assert float(cells[column]) == pytest.approx(output.figures[name], rel=0.05)
            assert output.flips is not None
            assert cells["flips"] == f"{output.flips.flipped} of {output.flips.samples}"


# Points at the last quarter of the drawing, then moves the slider to the first op.
_WALK = """
<script>
addEventListener("load", () => {
  const area = document.querySelector(".drift .area"), slider = document.querySelector(".walk");
  const read = () => [...document.querySelectorAll(".readout dd")].map((cell) => cell.textContent);
  const seen = { shown: read() };
  const box = area.getBoundingClientRect();
  area.dispatchEvent(new PointerEvent("pointermove", { clientX: box.left + 0.9 * box.width }));
  seen.pointed = read();
  slider.value = 0;
  slider.dispatchEvent(new Event("input"));
  seen.moved = read();
  document.body.insertAdjacentHTML("beforeend", "<pre id=seen></pre>");
  document.getElementById("seen").textContent = JSON.stringify(seen);
});
</script>
"""


def test_the_readout_follows_pointer_and_slider_with_the_records_numbers(tmp_path: Path) -> None:
    visited = visit(html_report(emulated_record()).replace("</body>", f"{_WALK}</body>"), tmp_path)
    assert visited.console == ()
    for name, place in (("shown", 2), ("pointed", 3), ("moved", 0)):
        point, shown = DRIFT.points[place], visited.seen[name]
        assert isinstance(shown, list)
        assert shown[:2] == [f"{point.type} {point.name}", point.origin or "–"]
        assert shown[2:4] == [format_number(point.local), format_number(point.accumulated)]
        assert shown[4] == f"{format_number(point.low, 3)}..{format_number(point.high, 3)}"


def test_each_picture_is_shown_once(report: Visit) -> None:
    names = {worst.sample for row in example_record().settings for each in row.outputs for worst in each.worst}
    assert report.seen["images"] == len(names)
    assert report.document.count("data:image/png") == len(names)


def test_a_script_in_a_name_is_text(report: Visit) -> None:
    assert report.seen["name"] == NAME
    assert report.seen["alerts"] == 0


def on_a_phone(page: str, folder: Path, *more: str, probe: str = _PROBE) -> Visit:
    """Open a page 400 px wide, in a frame: no window of Chromium is narrower than 500."""
    inner = json.dumps(page.replace("</body>", f"{probe}</body>")).replace("</", "<\\/")
    frame = f"""<body><iframe width=400 height=900 style="border:0"></iframe><script>
      const frame = document.querySelector("iframe");
      frame.srcdoc = {inner};
      const timer = setInterval(() => {{
        const seen = frame.contentDocument.getElementById("seen");
        if (seen) {{ clearInterval(timer); document.body.innerHTML = seen.outerHTML; }}
      }}, 50);
    </script></body>"""
    return visit(frame, folder, 600, *more)


@pytest.mark.parametrize("make", [example_record, emulated_record])
def test_no_page_is_wider_than_a_phone(make: Callable[[], Record], tmp_path: Path) -> None:
    seen = on_a_phone(html_report(make()), tmp_path).seen
    assert seen["inner"] == 400
    assert seen["wide"] == 0, "only tables and code may be wider than a phone"


def test_hostile_texts_on_a_phone(tmp_path: Path) -> None:
    visited = on_a_phone(html_report(hostile(emulated_record())), tmp_path)
    assert visited.console == visited.requests == ()
    assert visited.seen["alerts"] == 0
    assert visited.seen["images"] == 0
    assert visited.seen["wide"] == 0, "only tables and code may be wider than a phone"


def accessibility_probe() -> str:
    """Deque's axe-core, from its package, and what it leaves in the document: each rule that is broken, and where."""
    package = find_spec("axe_playwright_python")
    assert package is not None
    assert package.origin is not None
    axe = Path(package.origin).with_name("axe.min.js").read_text(encoding="utf-8").replace("</script", "<\\/script")
    return f"""<script>{axe}</script><script>addEventListener("load", () => axe.run(document).then((found) => {{
      const out = document.createElement("pre");
      out.id = "seen";
      const places = (rule) => rule.nodes.map((node) => node.target.join(" "));
      const broken = Object.fromEntries(found.violations.map((rule) => [rule.id, places(rule)]));
      out.textContent = JSON.stringify({{ broken, passed: found.passes.length }});
      document.body.append(out);
    }}));</script>"""


@pytest.mark.parametrize("width", [1280, 768, 400])
@pytest.mark.parametrize("make", [example_record, emulated_record])
def test_everybody_can_use_the_page(make: Callable[[], Record], width: int, tmp_path: Path) -> None:
    page, probe = html_report(make()), accessibility_probe()
    if width < 500:
        visited = on_a_phone(page, tmp_path, probe=probe)
    else:
        visited = visit(page.replace("</body>", f"{probe}</body>"), tmp_path, width)
    assert visited.seen["broken"] == {}
    assert int(str(visited.seen["passed"])) > 20


@pytest.mark.parametrize("width", [1280, 400])
def test_everybody_can_use_a_comparison(width: int, tmp_path: Path) -> None:
    record = example_record()
    row = next(row for row in record.settings if row.outputs)
    compared = Comparison(
        *("source.npz", NAME, 24, record.policy, row.verdict, ("logits: max difference 0.2, allowed 0.1",)),
        *(row.outputs, row.task_figures, record.metrics, record.created, record.mlparity_version),
    )
    page, probe = comparison_html(compared), accessibility_probe()
    if width < 500:
        visited = on_a_phone(page, tmp_path, probe=probe)
    else:
        visited = visit(page.replace("</body>", f"{probe}</body>"), tmp_path, width)
    assert visited.console == visited.requests == ()
    assert visited.seen["broken"] == {}


def test_axe_finds_what_is_broken(tmp_path: Path) -> None:
    """Without this the test above could pass for want of a witness."""
    page = f"<html><body><img src='data:,'>{accessibility_probe()}</body></html>"
    broken = visit(page, tmp_path).seen["broken"]
    assert isinstance(broken, dict)
    assert {"image-alt", "html-has-lang"} <= set(broken)


# What a line of a table or a text loses at the edge of its box; what scrolls may be wider than its box.
_CUT = """
<script>
addEventListener("load", () => {
  const cut = [...document.querySelectorAll("main *")].filter((element) => {
    const style = getComputedStyle(element);
    const clips = style.overflowX === "hidden" || style.overflowX === "clip" || style.textOverflow === "ellipsis";
    return clips && element.scrollWidth > element.clientWidth + 1;
  });
  const box = document.documentElement.clientWidth;
  const outside = [...document.querySelectorAll("main *")].filter((element) =>
    !element.closest(".scroll, pre, svg") && element.getBoundingClientRect().right > box + 1);
  const name = (element) => `${element.tagName}.${element.className}: ${element.textContent.slice(0, 40)}`;
  const out = document.createElement("pre");
  out.id = "seen";
  const scrolls = [...document.querySelectorAll("#settings .scroll")].filter(
    (each) => each.scrollWidth > each.clientWidth + 1);
  out.textContent = JSON.stringify({ cut: cut.map(name), outside: outside.map(name), scrolls: scrolls.map(name) });
  document.body.append(out);
});
</script>
"""


@pytest.mark.parametrize("width", [1280, 768, 400])
def test_nothing_is_cut(width: int, tmp_path: Path) -> None:
    page = html_report(emulated_record())
    if width < 500:
        visited = on_a_phone(page, tmp_path, probe=_CUT)
    else:
        visited = visit(page.replace("</body>", f"{_CUT}</body>"), tmp_path, width)
    assert visited.console == ()
    assert visited.seen == {"cut": [], "outside": [], "scrolls": []}


def test_a_cause_names_settings_as_they_are(tmp_path: Path) -> None:
    """A style must not write `fp16/CPU_ONLY` in another way."""
    own = Cause(CauseKind.CONVERTER, (Evidence(Observation.GRAPH_DIFFERS, {"difference": 0.5}),))
    record = example_record()
    page = html_report(replace(record, settings=tuple(replace(row, causes=(own,)) for row in record.settings)))
    visited = visit(page.replace("</body>", f"{_SHOWN}</body>"), tmp_path)
    shown = visited.seen["shown"]
    assert isinstance(shown, list)
    assert shown[0] == "Precision"
    assert str(record.settings[0].setting) in shown[1]
    assert shown[1].endswith(": converter")


_SHOWN = """
<script>
addEventListener("load", () => {
  const out = document.createElement("pre");
  out.id = "seen";
  const shown = [...document.querySelectorAll(".callout strong")].map((each) => each.innerText);
  out.textContent = JSON.stringify({ shown });
  document.body.append(out);
});
</script>
"""


def test_dark_mode_is_dark(report: Visit, tmp_path: Path) -> None:
    page = html_report(example_record()).replace("</body>", f"{_PROBE}</body>")
    dark = visit(page, tmp_path, 1200, "--blink-settings=preferredColorScheme=0").seen["back"]
    levels = [sum(int(part) for part in re.findall(r"\d+", str(back))[:3]) for back in (dark, report.seen["back"])]
    assert levels[0] < 100 < 600 < levels[1]


# Says how the head of each table is laid out once the page is laid out for paper, which is about 740 px wide.
_PRINTED = """
<script>
matchMedia("print").addEventListener("change", (event) => {
  const heads = [...document.querySelectorAll("thead")].map((head) => getComputedStyle(head).display);
  if (event.matches) console.log(`heads: ${heads.join(" ")}`);
});
</script>
"""


def test_the_page_prints(tmp_path: Path) -> None:
    path, page = tmp_path / "printed.pdf", html_report(example_record())
    visited = visit(page.replace("</body>", f"{_PRINTED}</body>"), tmp_path, 1200, f"--print-to-pdf={path}")
    assert path.read_bytes().startswith(b"%PDF")
    (told,) = re.findall(r"heads: ([a-z -]*)", "".join(visited.console))
    assert set(told.split()) == {"table-header-group"}, "a table on paper has its head"
