"""Sizes that are the same by what inputs mean, where torch.export gave each a symbol of its own.

A mask has the sizes of its ids. torch finds that out only where an operation needs it to be so.
"""

import torch

TEXT = ("input_ids", "attention_mask", "token_type_ids", "position_ids", "bbox")
DECODER = ("decoder_input_ids", "decoder_attention_mask", "decoder_position_ids")
IMAGE = ("pixel_values", "pixel_mask")
SOUND = ("input_values", "input_features")


def pairs(names, rank):
    """((input, axis), (input, axis)) that have one size; rank: {input: how many axes it has}."""
    found = []
    text = [name for name in TEXT if name in names and ("input_ids" in names or name != "attention_mask")]
    decoder = [name for name in DECODER if name in names]
    for group in (text, decoder):
        for name in group[1:]:
            axes = min(rank[group[0]], rank[name]) if rank[name] == rank[group[0]] or name == "bbox" else 1
            found += [((group[0], axis), (name, axis)) for axis in range(axes)]
    sources = [*text[:1], *(name for name in (*SOUND, *IMAGE[:1]) if name in names)]
    if decoder and len(sources) == 1:
        found.append(((sources[0], 0), (decoder[0], 0)))
    for sound in SOUND:
        if sound in names and "input_ids" not in names and "attention_mask" in names:
            axes = 2 if rank[sound] == 2 else 1
            found += [((sound, axis), ("attention_mask", axis)) for axis in range(axes)]
    if all(name in names for name in IMAGE) and rank["pixel_values"] == 4 and rank["pixel_mask"] == 3:
        found += [(("pixel_values", axis), ("pixel_mask", max(0, axis - 1))) for axis in (0, 2, 3)]
    return found


class Symbols:
    """Writes sizes, each that is the same under one symbol."""

    def __init__(self, placeholders):
        """placeholders: {input: its node}."""
        shapes = {name: node.meta["val"].shape for name, node in placeholders.items()}
        self.same = {}
        for (one, axis), (other, other_axis) in pairs(shapes.keys(), {n: len(shape) for n, shape in shapes.items()}):
            kept, dropped = self.plain(shapes[one][axis]), self.plain(shapes[other][other_axis])
            if kept is not None and dropped is not None and kept != dropped:
                self.same = {symbol: kept if to == dropped else to for symbol, to in self.same.items()}
                self.same[dropped] = kept

    def plain(self, size):
        """The symbol that a size is, as far as it is one."""
        expression = size.node.expr if isinstance(size, torch.SymInt) else None
        return self.same.get(expression, expression) if getattr(expression, "is_Symbol", False) else None

    def text(self, value):
        """A symbolic number or truth as torch writes it."""
        return str(value.node.expr.subs(self.same)) if self.same else str(value.node.expr)

    def size(self, value):
        if isinstance(value, int):
            return value
        text = self.text(value)
        return int(text) if text.isdigit() else text

    def shape(self, tensor):
        return [self.size(size) for size in tensor.shape]

    def ranges(self, program, inputs, cells):
        """{symbol: [least, largest]} of those in the inputs' shapes, null for no limit. torch takes 0 and 1 out of many
        ranges for its own sake; the sizes of the cells are proved to be in."""
        names = {symbol for one in inputs for size in one["shape"] if isinstance(size, str) for symbol in split(size)}
        found = {}
        for symbol, limits in program.range_constraints.items():
            name = str(self.same.get(symbol, symbol))
            if name in names:
                low, high = (int(end) if end.is_Integer else None for end in (limits.lower, limits.upper))
                known = found.get(name, [0, None])
                highs = [one for one in (known[1], high) if one is not None]
                found[name] = [max(known[0], low or 0), min(highs) if highs else None]
        for one in inputs:
            for axis, symbol in enumerate(one["shape"]):
                if symbol in found:
                    found[symbol][0] = min([found[symbol][0], *(cell.inputs[one["name"]].shape[axis] for cell in cells)])
        return dict(sorted(found.items()))


def split(expression):
    """The words of an expression."""
    return "".join(letter if letter.isalnum() or letter == "_" else " " for letter in expression).split()
