"""docs/coverage.md: what became of every model type. It is read again, too, so that a sweep adds to it."""

import collections
import re
from importlib.metadata import version

ORDER = (
    *("agrees", "agrees by rounding", "traced", "disagrees", "not verified", "not converted"),
    *("runs", "built", "not built"),
)
GOOD = ORDER[:3]
# What a reason begins with: the program, its Python and the folder, which say nothing of the model.
BEGINNING = re.compile(r"^(crossload: )?(PyTorch reference \([^)]*\): )?(record_reference: )?(\S*/\S+: )?")
LONGEST = 160  # letters of a reason
TITLE = "# What can be traced of Transformers "
CELL = re.compile(r"(?<!\\)\|")


def write_report(path, results):
    results = list({(one["type"], one["class"]): one for one in results}.values())  # the last of each
    by_type = collections.defaultdict(list)
    for one in results:
        by_type[one["type"]].append(one)
    best = {name: min(ones, key=rank) for name, ones in by_type.items()}
    lines = [TITLE + version("transformers"), "", introduction(), "", *totals(best, results), ""]
    lines += ["| type | class | inputs | verdict | worst stage | fixed axes | reason |", "|---|---|---|---|---|---|---|"]
    lines += [row(one) for name in sorted(by_type) for one in sorted(by_type[name], key=rank)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def introduction():
    return (
        f"Made by `tools/sweep.py` with Transformers {version('transformers')} and torch {version('torch')}: a tiny model of "
        "every model type that this Transformers has a class for, with random weights, built by the rule of "
        "`tools/tiny/shrink.py`. *agrees*: it was converted, and every stage agrees with PyTorch, at the sizes of the inputs "
        "and at others; *not converted*: it runs, and is refused for the reason; *runs*: it does, and it was not converted, "
        "for the reason if there is one; *traced*: torch.export alone was tried, and made a program of it; *built*: the class "
        "could be made tiny, and its inputs are not known or it does not run with them; *not built*: it could not."
    )


def rank(result):
    return ORDER.index(result["verdict"])


def totals(best, results):
    count = len(best)
    built = sum(one["verdict"] != "not built" for one in best.values())
    runs = sum("inputs" in one or one["verdict"] == "runs" for one in best.values())
    good = sum(one["verdict"] in GOOD for one in best.values())
    waiting = sum(one["verdict"] == "runs" and "reason" not in one for one in best.values())
    lines = [f"| model types | {count} | |", "|---|---|---|", f"| of them built | {built} | {share(built, count)} |"]
    lines.append(f"| of those, run by PyTorch with inputs that are made | {runs} | {share(runs, built)} |")
    if waiting:
        lines.append(f"| of those, tried to convert | {built - waiting} | {share(built - waiting, built)} |")
    tried = " and tried" * bool(waiting)
    of_built, of_run = share(good, built - waiting), share(good, runs - waiting)
    lines.append(f"| found to agree | {good} | {of_built} of those built{tried}, {of_run} of those that run |")
    verdicts = collections.Counter(one["verdict"] for one in results)
    lines += [f"| classes: {verdict} | {verdicts[verdict]} | |" for verdict in ORDER if verdicts[verdict]]
    return lines


def share(part, whole):
    return f"{100 * part / whole:.0f} %" if whole else "-"


def row(one):
    inputs = ", ".join(f"{name} {'x'.join(map(str, shape))}" for name, shape in one.get("inputs", {}).items())
    worst = f"{one['worst'][0]} {one['worst'][1]:.1e}" if one.get("worst") else ""
    reason = BEGINNING.sub("", one.get("reason", "")).replace("|", "\\|").replace("\n", " ")
    reason = reason[:LONGEST] + ("..." if len(reason) > LONGEST else "")
    cells = (one["type"], one["class"], inputs, one["verdict"], worst, ", ".join(one.get("frozen", ())), reason)
    return f"| {' | '.join(cells)} |"


def read_report(path):
    """The results in a report; none when it is of another version of Transformers, or is not there."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    if lines[:1] != [TITLE + version("transformers")]:
        return []
    rows = [[cell.strip() for cell in CELL.split(line)[1:-1]] for line in lines if line.startswith("| ")]
    return [result_of(cells) for cells in rows if len(cells) == 7 and cells[3] in ORDER]


def result_of(cells):
    model_type, class_name, inputs, verdict, worst, frozen, reason = cells
    result = {"type": model_type, "class": class_name, "verdict": verdict}
    if inputs:
        shapes = (one.partition(" ") for one in inputs.split(", "))
        result["inputs"] = {name: [int(size) for size in shape.split("x") if size] for name, _, shape in shapes}
    if worst:
        stage, _, error = worst.rpartition(" ")
        result["worst"] = [stage, float(error)]
    if frozen:
        result["frozen"] = frozen.split(", ")
    if reason:
        result["reason"] = reason.replace("\\|", "|")
    return result
