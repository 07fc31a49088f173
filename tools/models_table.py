#!/usr/bin/env python3
"""Prints the table of architectures in docs/models.md: how long each file is beside Transformers 4's, and what its goldens
gave when they last ran.

  tools/models_table.py            prints it
  tools/models_table.py --fix      puts it into docs/models.md
  tools/models_table.py --check    compares it with docs/models.md; lengths may have moved by a twentieth since

It reads src/models/, tests/goldens/verified/ (written by the goldens' test, `make verified`) and
tests/fixtures/transformers_4.json (written by tools/record_v4.py).
"""

import argparse
import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "models.md"
BEGIN, END = "<!-- architectures:begin -->\n", "<!-- architectures:end -->\n"
HEAD = (
    "| file | classes | lines | lines in v4 | part | goldens | worst module | worst output | by other rules |\n"
    "|---|---|---|---|---|---|---|---|---|\n"
)


def read_lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def rows():
    recorded = json.loads((ROOT / "tests/fixtures/transformers_4.json").read_text(encoding="utf-8"))["models"]
    by_name = {}
    for model_type, model in sorted(recorded.items()):  # clip before clip_text_model, which is of the same file
        by_name.setdefault(Path(model["file"]).stem, (model_type, model))
    for source in sorted((ROOT / "src/models").glob("modeling_tf_*.cc")):
        if source.stem not in by_name:
            raise SystemExit(f"tools/models_table.py: Transformers 4 has no {source.stem}.py; run tools/record_v4.py")
        model_type, model = by_name[source.stem]
        verified = ROOT / "tests/goldens/verified" / f"{model_type.replace('-', '_')}.jsonl"
        goldens = read_lines(verified) if verified.is_file() else []
        ours = source.read_text(encoding="utf-8").count("\n")
        yield {
            "name": source.stem,
            "classes": len({golden["class"] for golden in goldens}),
            "ours": ours,
            "theirs": model["lines"],
            "goldens": len(goldens),
            "worst": max((golden["error"] for golden in goldens), default=0),
            "output": max((golden["output"] for golden in goldens), default=0),
            "others": sum(1 for golden in goldens if golden["relative"] or golden["padded"]),
        }


def line_of(row):
    part = f"{row['ours'] / row['theirs']:.2f}"
    lengths = f"{row['name']} | {row['classes']} | {row['ours']} | {row['theirs']} | {part}"
    return f"| {lengths} | {row['goldens']} | {row['worst']:.1e} | {row['output']:.1e} | {row['others']} |\n"


def total(all_rows):
    counted = ("classes", "ours", "theirs", "goldens", "others")
    sums = {name: sum(row[name] for row in all_rows) for name in counted}
    sums["ours"] += sum(file.read_text(encoding="utf-8").count("\n") for file in (ROOT / "src/blocks").iterdir())
    largest = {name: max(row[name] for row in all_rows) for name in ("worst", "output")}
    return {"name": "all", **sums, **largest}


def table():
    all_rows = list(rows())
    return HEAD + "".join(line_of(row) for row in [*all_rows, total(all_rows)])


def split_page():
    page = PAGE.read_text(encoding="utf-8")
    if page.count(BEGIN) != 1 or page.count(END) != 1:
        raise SystemExit(f"{PAGE}: wants one line {BEGIN.strip()} and one {END.strip()}")
    before, rest = page.split(BEGIN)
    shown, after = rest.split(END)
    return before, shown, after


def lengths_in(shown):
    """{file: (our lines, v4's lines)}"""
    found = re.findall(r"^\| (modeling_tf_\w+) \| \d+ \| (\d+) \| (\d+) \|", shown, re.MULTILINE)
    return {name: (int(ours), int(theirs)) for name, ours, theirs in found}


def check():
    shown, wanted = lengths_in(split_page()[1]), {row["name"]: (row["ours"], row["theirs"]) for row in rows()}
    for name in sorted(shown.keys() | wanted.keys()):
        if name not in shown or name not in wanted:
            yield f"{name} is {'not in the page' if name in wanted else 'no file of src/models'}"
        elif shown[name][1] != wanted[name][1] or abs(shown[name][0] - wanted[name][0]) > wanted[name][0] / 20:
            yield f"{name} has {wanted[name]} lines, the page says {shown[name]}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    task = parser.add_mutually_exclusive_group()
    task.add_argument("--fix", action="store_true")
    task.add_argument("--check", action="store_true")
    args = parser.parse_args()
    if args.fix:
        before, _, after = split_page()
        PAGE.write_text(before + BEGIN + table() + END + after, encoding="utf-8")
    elif args.check:
        found = list(check())
        for problem in found:
            print(f"docs/models.md: {problem}; run `make docs`", file=sys.stderr)
        sys.exit(1 if found else 0)
    else:
        print(table(), end="")


if __name__ == "__main__":
    main()
