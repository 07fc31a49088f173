#!/usr/bin/env python3
"""Opens reports in a real Chromium: they draw without an error, fit a wide and a narrow window, and work by keyboard.

    tests/acceptance/report_browser.py [--crossload build/crossload] [--screenshots FOLDER]

Makes its reports itself: of a tiny BERT that agrees, of one with another activation, of one that is not verified, and
of one whose names are hostile. Needs build/crossload (make build), TensorFlow (make setup) and chromium (apt-get
install chromium). --screenshots keeps a picture of each page, to look at.
"""

import argparse
import html
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "build/goldens/bert_model.safetensors"  # made by `make goldens`
WIDTHS = (1280, 360)
CERTIFICATE = re.compile(r'(<script type="application/json" id="certificate">)(.*?)(</script)', re.DOTALL)

# Runs after the page's own script: presses keys, types, and leaves what it saw in the document.
PROBE = """
<script>
const seen = { errors: [] };
window.addEventListener("error", (event) => seen.errors.push(event.message));
const tree = document.getElementById("tree");
const rows = () => [...document.querySelectorAll("[role=treeitem]")].filter((row) => !row.hidden);
const press = (key) =>
  document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
const type = (id, text) => {
  const input = document.getElementById(id);
  input.value = text;
  input.dispatchEvent(new Event(input.tagName === "SELECT" ? "change" : "input"));
};
try {
  seen.width = window.innerWidth;
  seen.scroll_width = document.documentElement.scrollWidth;
  seen.requests = performance.getEntriesByType("resource").length;
  seen.heading = document.querySelector("h1").textContent;
  if (tree) {
    seen.first_rows = rows().length;
    seen.selected = [...document.querySelectorAll("[aria-selected=true]")].map((row) => row.dataset.path);
    seen.tab_stops = rows().filter((row) => row.tabIndex === 0).length;
    document.getElementById("close-all").click();
    seen.closed_rows = rows().length;
    rows()[0].focus();
    press("ArrowRight");
    seen.opened_rows = rows().length;
    press("ArrowRight");
    seen.child = document.activeElement.dataset.path;
    press("Enter");
    seen.details = document.querySelector("#details .path").textContent;
    press("ArrowLeft");
    seen.parent = document.activeElement.dataset.path;
    press("ArrowLeft");
    seen.closed_again = rows().length;
    press("End");
    seen.last = document.activeElement.dataset.path;
    press("Home");
    press("ArrowDown");
    seen.second = document.activeElement.dataset.path;
    document.getElementById("open-all").click();
    seen.all_rows = rows().length;
    type("search", "layer.1.attention.self.query");
    seen.found = rows().map((row) => row.dataset.path);
    type("search", "");
    document.getElementById("plot").focus();
    press("End");
    seen.plotted = document.querySelector(".tip code").textContent;
    seen.points = document.querySelectorAll("#plot circle").length;
  }
  type("ledger-filter", "pooler");
  seen.ledger = document.querySelectorAll("#ledger tbody tr:not([hidden])").length;
  type("ledger-filter", "");
  type("ledger-fate", "tied");
  seen.tied = document.querySelectorAll("#ledger tbody tr:not([hidden])").length;
} catch (error) {
  seen.errors.push(String(error.stack));
}
seen.state = document.documentElement.dataset.state;
seen.error = document.documentElement.dataset.error || "";
seen.broken_out = window.broken_out === true;
window.parent.postMessage(JSON.stringify(seen), "*");
</script>
"""

# Headless windows are at least 500 px wide, so the page sits in a frame of the width that is wanted.
FRAME = """<!DOCTYPE html>
<script>
window.addEventListener("message", (event) => {
  document.body.append(Object.assign(document.createElement("pre"), { id: "probe", textContent: event.data }));
});
</script>
<body><iframe src="%s" style="width: %dpx; height: 900px; border: 0"></iframe></body>
"""


class Checks:
    def __init__(self):
        self.failed = 0

    def equal(self, what, got, wanted):
        if got != wanted:
            self.failed += 1
            print(f"FAILED {what}: got {got!r}, wanted {wanted!r}")

    def true(self, what, holds, got=""):
        if not holds:
            self.failed += 1
            print(f"FAILED {what}: {got}")


def run_crossload(program, status, *arguments):
    done = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True, timeout=300, check=False)
    if done.returncode != status:
        sys.exit(f"crossload {arguments[0]} ended with {done.returncode}, wanted {status}:\n{done.stdout}{done.stderr}")


def make_reports(program, folder):
    """The reports by name, each with the verdict's heading."""
    pt_to_tf = ["pt-to-tf", "--model-name", GOLDEN]
    verified = [*pt_to_tf, "--reference", GOLDEN, "--output"]
    run_crossload(program, 0, *verified, folder / "sound", "--report", folder / "agrees.html")
    run_crossload(program, 0, *pt_to_tf, "--no-verify", "--formats", "h5", "--output", folder / "unverified",
                  "--report", folder / "not_verified.html")

    broken = folder / "unverified"
    config = json.loads((broken / "config.json").read_text())
    config["hidden_act"] = "gelu_new"
    (broken / "config.json").write_text(json.dumps(config))
    run_crossload(program, 1, "compare", broken, "--reference", GOLDEN, "--report", folder / "disagrees.html")

    page = (folder / "disagrees.html").read_text()
    certificate = json.loads(CERTIFICATE.search(page)[2])
    name = '</script><img src=x onerror="window.broken_out=true"><!--<script>window.broken_out=true//\u202e'
    certificate["model"] = certificate["first_divergence"]["path"] = name
    certificate["stages"][3]["path"] = "embeddings." + name
    certificate["stages"][4]["path"] = "__proto__.constructor"
    certificate["stages"][5]["max_error"] = "NaN"
    certificate["ledger"][0]["tensor"] = name
    text = json.dumps(certificate).replace("<", "\\u003c")
    (folder / "hostile.html").write_text(CERTIFICATE.sub(lambda match: match[1] + text + match[3], page))
    return {
        "agrees": "TensorFlow and PyTorch agree",
        "disagrees": "TensorFlow and PyTorch disagree",
        "not_verified": "Not verified",
        "hostile": "TensorFlow and PyTorch disagree",
    }


def browse(chromium, width, height, page, *flags):
    with tempfile.TemporaryDirectory(prefix="crossload-chromium-") as profile:
        done = subprocess.run(
            [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--disable-sync",
             "--hide-scrollbars", f"--user-data-dir={profile}", f"--window-size={width},{height}", *flags,
             page.as_uri()],
            capture_output=True, text=True, timeout=120, check=False)
    if done.returncode != 0:
        sys.exit(f"chromium ended with {done.returncode} on {page.name}:\n{done.stderr}")
    return done.stdout


def check_page(checks, name, width, heading, seen, certificate):
    where = f"{name} at {width} px"
    checks.equal(f"{where}: state", seen["state"], "ready")
    checks.equal(f"{where}: errors", seen["errors"] + [seen["error"]], [""])
    if seen["state"] != "ready" or seen["errors"]:
        return
    checks.equal(f"{where}: heading", seen["heading"], heading)
    checks.equal(f"{where}: window", seen["width"], width)
    checks.true(f"{where}: wider than its window", seen["scroll_width"] <= width, seen["scroll_width"])
    checks.equal(f"{where}: requests", seen["requests"], 0)
    checks.equal(f"{where}: a name broke out", seen["broken_out"], False)
    checks.equal(f"{where}: ledger of the pooler", seen["ledger"], 2)
    checks.equal(f"{where}: tied", seen["tied"], sum(entry["fate"] == "tied" for entry in certificate["ledger"]))
    if "stages" not in certificate:
        checks.true(f"{where}: a tree without stages", "closed_rows" not in seen)
        return
    checks.equal(f"{where}: tab stops in the tree", seen["tab_stops"], 1)
    checks.equal(f"{where}: points", seen["points"], len(certificate["stages"]))
    checks.equal(f"{where}: last point", seen["plotted"], certificate["stages"][-1]["path"])
    checks.equal(f"{where}: closed by ArrowLeft", seen["closed_again"], seen["closed_rows"])
    checks.equal(f"{where}: parent", seen["parent"], "embeddings")
    checks.equal(f"{where}: last row", seen["last"], "pooler")
    checks.equal(f"{where}: searched", seen["found"],
                 ["encoder", "encoder.layer.1", "encoder.layer.1.attention", "encoder.layer.1.attention.self",
                  "encoder.layer.1.attention.self.query"])
    first = certificate["first_divergence"]
    checks.equal(f"{where}: selected at first", seen["selected"], [first["stage"]] if first else [])
    if name != "hostile":
        checks.equal(f"{where}: closed rows", seen["closed_rows"], 3)
        checks.equal(f"{where}: opened by ArrowRight", seen["opened_rows"], 8)
        checks.equal(f"{where}: first child", seen["child"], "embeddings.word_embeddings")
        checks.equal(f"{where}: details by Enter", seen["details"], "embeddings.word_embeddings")
        checks.equal(f"{where}: second row", seen["second"], "encoder")
        checks.equal(f"{where}: modules", seen["all_rows"], certificate["coverage"]["modules"])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--crossload", default=ROOT / "build/crossload", type=Path)
    parser.add_argument("--screenshots", type=Path, help="keep a picture of each page in this folder")
    flags = parser.parse_args()
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("tests/acceptance/report_browser.py: chromium is not installed; nothing was tested. Install it: "
                 "apt-get install chromium")
    if not flags.crossload.exists():
        sys.exit(f"tests/acceptance/report_browser.py: {flags.crossload} is not there; run `make setup build` first")

    checks = Checks()
    with tempfile.TemporaryDirectory(prefix="crossload-report-") as temporary:
        folder = Path(temporary)
        for name, heading in make_reports(flags.crossload, folder).items():
            page = folder / f"{name}.html"
            text = page.read_text()
            certificate = json.loads(CERTIFICATE.search(text)[2])
            probed = folder / f"{name}_probed.html"
            probed.write_text(text.replace("</body>", PROBE + "</body>"))
            for width in WIDTHS:
                before = checks.failed
                frame = folder / f"{name}_{width}_frame.html"
                frame.write_text(FRAME % (probed.name, width))
                dom = browse(chromium, width + 20, 920, frame, "--virtual-time-budget=5000", "--dump-dom")
                found = re.search(r'<pre id="probe">(.*?)</pre>', dom, re.DOTALL)
                checks.true(f"{name} at {width} px: the page ran", found, dom[:300])
                if found:
                    check_page(checks, name, width, heading, json.loads(html.unescape(found[1])), certificate)
                if flags.screenshots:
                    flags.screenshots.mkdir(parents=True, exist_ok=True)
                    picture = flags.screenshots.resolve() / f"{name}_{width}.png"
                    browse(chromium, width, 2600, page, f"--screenshot={picture}")
                print(f"{name:13} {width:5} px  {'ok' if checks.failed == before else 'FAILED'}")
    print(f"{checks.failed} checks failed" if checks.failed else "all reports work in chromium")
    return 1 if checks.failed else 0


if __name__ == "__main__":
    sys.exit(main())
