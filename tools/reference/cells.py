"""Cells: further sets of inputs, run in the same process as the main ones and written into the same trace."""

import contextlib
import dataclasses

import torch

from reference.complex_numbers import as_pairs, has_digits, to_float32, to_float64
from reference.messages import BAD_INPUT, Failure, progress
from reference.recording import HINT, NOISE_RUNS_OF_CELLS, Recording

WIDTHS = {"float16": torch.float16, "bfloat16": torch.bfloat16}
BYTES_OF_ELEMENT = 4 + 8 + 4  # float32, float64, noise
ALL_STAGES_AT_MOST = 4 << 30  # bytes of what modules return in all cells; one that does not fit has outputs alone


@dataclasses.dataclass
class Cell:
    name: str
    what: str  # a short sentence
    inputs: dict
    weights: str = None  # a key of WIDTHS: the weights are rounded to it
    is_generated: bool = True  # else its inputs are the main run's
    has_stages: bool = True
    instead: "Cell" = None  # what is run where PyTorch cannot be run with these inputs

    def leave_stages_out(self, size):
        self.has_stages = False
        self.what += f"; outputs alone, as its modules' results would take {size >> 20} MiB"

    def described(self, recording):
        calls = recording.calls if self.has_stages else []
        what = (
            self.what if recording.attentions else f"{self.what}; without attentions, which PyTorch cannot return here"
        )
        about = {"name": self.name, "what": what, "weights": self.weights, "generated": self.is_generated}
        described = {**about, "stages": calls, "output_masks": recording.output_masks}
        return {**described, "not_comparable": recording.not_comparable}


def call_cells(signature, main, maker, plan):
    """One for every set of inputs that the model takes, those of serving first, except the main run's own set. Of the
    main run's inputs where it has all of the set, else of made ones."""
    sets = (tuple(signature.names()), *signature.calls) if signature.is_given else signature.calls
    cells = []
    for names in dict.fromkeys(sets):
        has_all = all(name in main and main[name].dim() == signature.rank(name) for name in names)
        if has_all and len(names) == len(main):
            continue
        inputs = {name: main[name] for name in names} if has_all else maker.make(names, plan)
        what = "the model called with these inputs alone"
        cells.append(Cell(f"call:{'+'.join(names)}", what, inputs, is_generated=not has_all))
    return cells


def within_memory(cells, main):
    """The cells, those without what modules return for which there is no room. A cell has about as much as the main run, by
    the sizes of its inputs."""
    elements = sum(tensor.numel() for name, tensor in main.tensors.items() if name.startswith("stage."))
    total = 0
    for cell in cells:
        growth = numbers_in(cell.inputs) / numbers_in(main.inputs)
        size = int(elements * growth * BYTES_OF_ELEMENT) if cell.has_stages else 0
        if total + size > ALL_STAGES_AT_MOST:
            cell.leave_stages_out(size)
        else:
            total += size
    return cells


def numbers_in(inputs):
    return max(1, sum(tensor.numel() for tensor in inputs.values()))


def round_weights(model, weights):
    """In place: to a narrower type, and widened again."""
    for name, tensor in model.state_dict().items():
        if not has_digits(tensor):
            continue
        tensor = as_pairs(tensor)
        narrow = tensor.to(WIDTHS[weights])
        if not narrow.isfinite().equal(tensor.isfinite()):
            raise Failure(BAD_INPUT, f"{weights} does not hold the numbers of {name}")
        tensor.copy_(narrow)


@contextlib.contextmanager
def rounded(model, weights, is_last=False):
    """The model with its weights rounded to a narrower type and widened again; afterwards they are back, bit by bit. Where
    this is the last that is asked of the model they stay rounded: a copy of the weights of a large model is large, too."""
    if weights is None:
        yield
        return
    kept = {} if is_last else {name: t.clone() for name, t in model.state_dict().items() if has_digits(t)}
    try:
        round_weights(model, weights)
        yield
    finally:
        to_float32(model)
        for name, tensor in model.state_dict().items():
            if name in kept:
                tensor.copy_(kept[name])


class RecordedCells:
    """The cells that PyTorch could run, and notes about those that it could not."""

    def __init__(self, as_installed=False):
        self.as_installed = as_installed
        self.cells, self.recordings, self.notes = [], [], []

    def record(self, model, cells, seed, is_last=False):
        """All of one kind of weights: the model is widened to float64 once for all of them."""
        started = []
        try:
            with rounded(model, cells[0].weights, is_last):
                started = [begun for cell in cells if (begun := self.begun(model, cell, seed))]
                to_float64(model)
                started = [(cell, recording) for cell, recording in started if self.runs(cell, recording.in_float64)]
                to_float32(model)
                for cell, recording in started:
                    recording.noise(NOISE_RUNS_OF_CELLS)
        except Failure as failure:
            self.leave_out(cells, failure)
            return
        self.cells += [cell for cell, _ in started]
        self.recordings += [recording for _, recording in started]

    def begun(self, model, cell, seed):
        """The cell, or the one instead, and its recording, run in float32; None where PyTorch runs neither."""
        while cell is not None:
            recording = Recording(model, cell.inputs, seed, cell.has_stages, self.as_installed)
            if self.runs(cell, recording.in_float32):
                return cell, recording
            cell = cell.instead
        return None

    def runs(self, cell, step):
        try:
            step()
            return True
        except Failure as failure:
            self.leave_out([cell], failure)
            return False

    def leave_out(self, cells, failure):
        why = str(failure).removesuffix(f"; {HINT}")
        self.notes += [f"the cell {cell.name} was left out: {why}" for cell in cells]

    def tensors(self):
        """By their names in the trace."""
        found = {}
        for i, recording in enumerate(self.recordings):
            found.update(recording.all_tensors(f"cell.{i}/"))
        return found

    def described(self):
        return [cell.described(recording) for cell, recording in zip(self.cells, self.recordings)]


def record_cells(model, cells, seed, as_installed=False):
    """Those with the same weights at once. It is the last that is asked of the model, see `rounded`."""
    recorded = RecordedCells(as_installed)
    kinds = list(dict.fromkeys(cell.weights for cell in cells))
    for weights in kinds:
        chosen = [cell for cell in cells if cell.weights == weights]
        progress(f"running {len(chosen)} cells" + (f" with weights of {weights}" if weights else ""))
        recorded.record(model, chosen, seed, is_last=weights == kinds[-1])
    return recorded
