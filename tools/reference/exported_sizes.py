"""The sizes that a program of torch.export takes: numbers, and what is made of sizes that are free."""

import math

import sympy
import torch

from reference.traced_inputs import NEAR, OTHER, cell_of

TWICE = (1, lambda n: 2 * n, None)  # beside those of OTHER: what could be divided still can be


class Sizes:
    """`shapes`: {input: its sizes, expressions of at most one symbol each}."""

    def __init__(self, program, inputs):
        nodes = {node.name: node for node in program.graph.nodes if node.op == "placeholder"}
        self.shapes = {name: [expression(size) for size in nodes[name].meta["val"].shape] for name in inputs}
        self.ranges = program.range_constraints
        self.is_whole = {name: not tensor.is_floating_point() for name, tensor in inputs.items()}

    def axes(self):
        """(input, axis, size) of every axis."""
        return [(name, axis, size) for name, shape in self.shapes.items() for axis, size in enumerate(shape)]

    def free(self, names):
        """{input: the axes that are free}."""
        return {name: [axis for axis, size in enumerate(self.shapes[name]) if size.free_symbols] for name in names}

    def symbols_in(self, tensors):
        """{symbol: its number, or None where the tensors do not tell it}."""
        known = {}
        for name, axis, size in self.axes():
            for symbol in size.free_symbols if name in tensors else ():
                found = sympy.solve(size - tensors[name].shape[axis], symbol)
                known.setdefault(symbol, int(found[0]) if found and found[0].is_Integer else None)
        return known

    def require(self, tensors):
        """Asks for the sizes that are fixed, and for those that are alike. The module does so, too, but not when it is
        traced."""
        known = {}
        for name, axis, wanted in self.axes():
            size = tensors[name].shape[axis]
            if not (wanted.is_Integer or wanted.is_Symbol):
                continue
            wanted = int(wanted) if wanted.is_Integer else known.setdefault(wanted, size)
            if size != wanted:
                raise ValueError(f"{name} has {size} on axis {axis}, where the program of torch.export is for {wanted}")

    def other(self, inputs, free):
        """Cells as of traced_inputs.other_sizes, in sizes that the program takes."""
        return self.cells(inputs, free, (*OTHER, TWICE))

    def near(self, inputs, free):
        """Cells as of traced_inputs.near_sizes, in sizes that the program takes."""
        return self.cells(inputs, free, NEAR)

    def cells(self, inputs, free, wanted):
        batches = {size for name, axis, size in self.axes() if axis == 0 and size.is_Symbol}
        held = {one for name, axis, size in self.axes() if axis not in free.get(name, ()) for one in size.free_symbols}
        known = self.symbols_in(inputs)
        varied = [symbol for symbol, number in known.items() if symbol not in held and number]
        made = []
        for batch, of_other, _ in wanted:
            numbers = {one: self.within(one, batch if one in batches else of_other(known[one])) for one in varied}
            made.append(cell_of(inputs, self.resized(inputs, {**known, **numbers})))
        return list({cell.name: cell for cell in made if cell}.values())

    def within(self, symbol, number):
        """The number that is nearest, of those that the symbol may be; none are 0."""
        lower, upper = ends(self.ranges.get(symbol))
        return int(min(max(number, lower, 1), upper))

    def resized(self, inputs, numbers):
        """The inputs with other sizes: what is there cut off, or repeated."""
        found = dict(inputs)
        for name, tensor in inputs.items():
            for axis, size in enumerate(self.shapes[name]):
                if size.free_symbols and None not in (numbers[one] for one in size.free_symbols):
                    old, new = tensor.shape[axis], int(size.subs(numbers))
                    tensor = tensor.index_select(axis, torch.arange(new) % old)
            found[name] = tensor.contiguous()
        return found

    def notes(self):
        """What the program says of sizes."""
        return [note for one in self.axes() for note in self.notes_of(*one)]

    def notes_of(self, name, axis, size):
        where = f"axis {axis} of {name} is"
        if size.is_Integer:
            return [f"{where} {size} alone in the program of torch.export"] if axis == 0 or self.is_whole[name] else []
        lower, upper = ends(self.ranges.get(size))
        said = [] if size.is_Symbol else [str(size.subs({one: self.called(one) for one in size.free_symbols}))]
        if upper != math.inf:
            said.append(f"{lower} to {upper}")
        elif lower > 2:
            said.append(f"at least {lower}")
        return [f"{where} {', '.join(said)} in the program of torch.export; the SavedModel does not ask"] if said else []

    def called(self, symbol):
        """The first axis of that size, or any number."""
        axes = (f"(axis {axis} of {name})" for name, axis, size in self.axes() if size == symbol)
        return sympy.Symbol(next(axes, "n"))


def expression(size):
    return size.node.expr if isinstance(size, torch.SymInt) else sympy.Integer(size)


def ends(found):
    """The least and the largest of a range of torch.export's."""
    if found is None:
        return 0, math.inf
    return int(found.lower), int(found.upper) if isinstance(found.upper, sympy.Integer) else math.inf
