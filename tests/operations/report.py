"""docs/operations.md: what samples say of each operation of the table."""

import collections

HEAD = """# Operations of traced programs

`make operations` writes this page. Each line is an operation of ATen that the table of `src/lowering/` has, with the
samples in whose program it is: those of PyTorch's own database of operations (`op_db`, of float32, int64 and bool) and
those made by hand (`tests/operations/samples.py`: other types, broadcasting, no elements, negative axes, symbolic sizes,
each run in two sizes). What the table does not have is taken apart as it is for a model. A sample passes when every tensor has PyTorch's type and sizes, integers are the same, and
floating numbers are within the defaults of `torch.testing.assert_close`, or no further from PyTorch's float64 run than
a small multiple of what PyTorch's own float32 run is. Refused ones end a conversion with a sentence that names the
operation; they never give other numbers. An operation without samples is one that torch.export takes apart, or that
works on sizes. What differs and is known: NaN has no place in TensorFlow's orders (sort, topk, argmax and their like),
which of equal elements comes first is PyTorch's own choice where an order is not stable, eigenvectors have the sign that
they are found with, and numbers near the largest
float32 overflow in one order of products and not in another. `tests/operations/known.py` lists these and the refusals.

"""
NOTED = ("refused", "fails", "differs", "dies")
SHOWN = 3  # reasons of an operation


def reasons(outcomes):
    counts = collections.Counter(f"{one.kind}: {short(one.text)}" for one in outcomes if one.kind in NOTED)
    listed = [f"{text} ({count})" for text, count in counts.most_common(SHOWN)]
    more = len(counts) - len(listed)
    return "; ".join(listed) + (f"; {more} more" if more > 0 else "")


def short(text):
    text = text.split(": ", 1)[1] if text.startswith("aten.") and ": " in text else text
    return text.replace("|", "/").replace("\n", " ")[:110]


def share(passed, count):
    return f"{100 * passed / count:.2f} %" if count else "none"


def write(path, outcomes, table):
    ours = [one for one in outcomes if one.kind != "not ours"]
    of = {op: [one for one in ours if op in one.operations] for op in table}
    passed = sum(one.kind == "pass" for one in ours)
    wrong = sum(one.kind in ("differs", "dies") for one in ours)
    text = HEAD + f"{passed} of {len(ours)} samples pass, {share(passed, len(ours))}; {wrong} give other numbers.\n\n"
    text += "| Operation | Samples | Pass | Others |\n|---|---|---|---|\n"
    for op in table:
        count = sum(one.kind == "pass" for one in of[op])
        text += f"| `{op}` | {len(of[op])} | {count} | {reasons(of[op])} |\n"
    text += "\n## Samples that say nothing of the table\n\n| Why | Samples |\n|---|---|\n"
    others = collections.Counter(kind_of(one.text) for one in outcomes if one.kind == "not ours")
    text += "".join(f"| {why} | {count} |\n" for why, count in others.most_common())
    path.write_text(text)


def kind_of(text):
    for begin, kind in (("torch.export", "torch.export cannot export them"), ("PyTorch:", "PyTorch cannot compute them")):
        if text.startswith(begin):
            return kind
    return short(text)
