"""The grid: cells that vary padding, batch, length, optional inputs and the width of the weights.

`quick` is a small choice, whose cells vary several things at once and take about as long as the main run; `full` varies
one thing a cell. Kinds that do not apply to a model are not made: no padding without a mask, no lengths where they are
fixed.
"""

import dataclasses

from reference.calls import MASK_OF
from reference.cells import BYTES_OF_ELEMENT, WIDTHS, Cell
from reference.messages import Failure
from reference.signature import is_of_fixed_length
from reference.text import NO_LIMIT

GRIDS = ("none", "quick", "full")
LONGEST = 512  # positions in a cell
STAGES_AT_MOST = 256 << 20  # bytes of the tensors of a cell's modules; a larger cell has outputs alone
REPLACES = {
    "inputs_embeds": ("input_ids",),
    "decoder_inputs_embeds": ("decoder_input_ids",),
    "encoder_outputs": ("input_ids", "input_features"),
}
COMES_WITH = {"encoder_attention_mask": "encoder_hidden_states"}


def grid_cells(size, signature, recording, maker, plan):
    """The cells of one of GRIDS. `recording` is that of the main inputs."""
    if size == "none":
        return []
    grid = Grid(signature, recording, maker, plan)
    return grid.quick() if size == "quick" else grid.full()


class Grid:
    def __init__(self, signature, recording, maker, plan):
        self.signature, self.recording, self.maker = signature, recording, maker
        self.plan = dataclasses.replace(plan, texts=(), lengths=(9, 5))
        self.names = signature.names()
        config = maker.config
        self.has_text = "input_ids" in self.names
        self.has_mask = self.has_text and "attention_mask" in self.names
        self.has_decoder = "decoder_input_ids" in self.names
        self.has_own_length = self.has_decoder and not plan.decoder_shifts
        self.has_images = "pixel_values" in self.names
        self.has_sounds = "input_values" in self.names and not is_of_fixed_length("input_values", config)
        self.cells = []

    def add(self, name, what, names=None, **changes):
        """A cell of made inputs, by a plan with these changes. Every cell has numbers of its own."""
        plan = dataclasses.replace(self.plan, **changes)
        cell = Cell(name, what, {})
        try:
            cell.inputs = self.maker.make(names or self.names, plan, salt=1 + len(self.cells))
            self.cells.append(cell)
        except Failure as failure:  # as of images whose sizes are held
            self.maker.notes.append(f"the cell {name} was left out: {failure}")
        return cell

    def quick(self):
        if self.has_text:
            side = {"side": "left"} if self.has_mask else {}
            where = " on the left" if side else ""
            self.add(
                "padding_left" if side else "batch_3",
                f"three texts of odd lengths, padding{where}",
                lengths=(7, 3, 5),
                decoder_lengths=(3, 5, 1),
                images=3,
                **side,
            )
            self.add("length_1", "one text of one position", lengths=(1,), decoder_lengths=(1,), images=1)
            if self.has_mask:
                self.add("masked_row", "two texts, of the second nothing is kept", lengths=(5, 0))
            self.optional_inputs_at_once()
        else:
            self.add(
                "batch_3",
                "three of each, of odd lengths",
                decoder_lengths=(3, 5, 1),
                images=3,
                sounds=(9.3, 3.0, 6.1),
                shares=(0.2, 0.9, 0.5),
            )
        self.narrow_weights("bfloat16")
        return self.cells

    def full(self):
        if self.has_text:
            self.paddings()
            self.lengths()
        self.batches()
        if self.has_own_length:
            self.decoder_lengths()
        if self.has_sounds:
            self.sound_lengths()
        self.each_optional_input()
        for weights in WIDTHS:
            self.narrow_weights(weights)
        return self.cells

    def paddings(self):
        self.add("padding_none", "two texts of the same length", lengths=(9, 9), decoder_lengths=(4, 4))
        if not self.has_mask:
            return
        self.add("padding_left", "two texts, padding on the left", side="left", lengths=(9, 4))
        self.add("padding_right", "two texts, padding on the right", lengths=(4, 9))
        self.add("masked_row", "two texts, of the second nothing is kept", lengths=(9, 0))

    def lengths(self):
        self.add("length_1", "texts of one position", lengths=(1, 1))
        self.add("length_odd", "texts of odd lengths", lengths=(13, 7))
        limit, why = self.maker.limit, "the most that it takes"
        if limit == NO_LIMIT:
            farthest = getattr(self.maker.config, "relative_attention_max_distance", None)
            if not farthest:
                return
            limit, why = farthest + 32, "farther than its relative positions tell apart"
        length = min(limit, LONGEST)
        if length < limit:
            why = f"of the {limit} that it takes"
        cell = self.add(
            "length_max",
            f"one text of {length} positions, {why}",
            lengths=(length,),
            decoder_lengths=self.plan.decoder_lengths[:1],
            images=1,
        )
        size = self.bytes_of_stages(length)
        if size > STAGES_AT_MOST:
            cell.leave_stages_out(size)

    def bytes_of_stages(self, length):
        """About, for one row of so many positions, by those of the main run."""
        mask = self.recording.inputs.get("attention_mask", self.recording.inputs.get("input_ids"))
        ours, rows = mask.shape[-1], mask.numel()
        elements = 0
        for name, tensor in self.recording.tensors.items():
            if name.startswith("stage."):
                growth = length / rows
                is_attention = tensor.dim() == 4 and tensor.shape[-2:] == (ours, ours)
                elements += tensor.numel() * growth * (length / ours if is_attention else 1)
        return int(elements * BYTES_OF_ELEMENT)

    def batches(self):
        self.add(
            "batch_1", "a batch of one", lengths=(7,), decoder_lengths=(4,), images=1, sounds=(11.0,), shares=(0.5,)
        )
        self.add(
            "batch_3",
            "a batch of three",
            lengths=(9, 4, 7),
            decoder_lengths=(5, 2, 3),
            images=3,
            sounds=(15.0, 8.4, 11.2),
            shares=(0.2, 0.9, 0.5),
        )
        if self.has_text and self.has_images:
            self.add("more_texts_than_images", "three texts and two images", lengths=(9, 4, 7), images=2)

    def decoder_lengths(self):
        self.add("decoder_length_1", "decoders of one position", decoder_lengths=(1, 1))
        self.add("decoder_length_odd", "decoders of odd lengths", decoder_lengths=(7, 3))
        if "decoder_attention_mask" in self.names:
            self.add("decoder_padding_none", "decoders of the same length", decoder_lengths=(4, 4))
            self.add("decoder_padding_left", "decoders padded on the left", decoder_side="left")
            self.add("decoder_masked_row", "two decoders, of the second nothing is kept", decoder_lengths=(5, 0))

    def sound_lengths(self):
        self.add("length_short", "sounds of a few frames", sounds=(4.0, 3.0))
        self.add("length_odd", "sounds of odd lengths", sounds=(13.37, 7.0))
        self.add("padding_none", "sounds of the same length", sounds=(12.0, 12.0))
        self.add("padding_right", "one sound is half as long as the other", sounds=(20.0, 10.0))

    def each_optional_input(self):
        """Each that serving lacks on, each that it has off."""
        for name in self.signature.optional():
            self.with_inputs([name])
            if name in COMES_WITH:
                self.with_inputs([COMES_WITH[name], name])
        called = [set(names) for names in self.signature.calls]
        for name in (name for name in self.names if name not in MASK_OF):  # those that make rows are no options
            names = [other for other in self.names if other != name]
            if set(names) not in called:
                inputs = {one: self.recording.inputs[one] for one in names if one in self.recording.inputs}
                self.cells.append(
                    Cell(f"without:{name}", f"the main inputs without {name}", inputs, is_generated=False)
                )

    def optional_inputs_at_once(self):
        """All that serving lacks, in one cell each for the ids' replacements and the rest."""
        optional = self.signature.optional()
        of_encoder = [name for name in optional if name == "encoder_outputs"]  # in place of all that it takes
        replacing = [name for name in optional if name in REPLACES and name not in of_encoder]
        for names in (replacing, of_encoder, [name for name in optional if name not in REPLACES]):
            if names:
                self.with_inputs(names)

    def with_inputs(self, added):
        if any(COMES_WITH.get(name, name) not in (*added, *self.names) for name in added):
            return
        replaced = {other for name in added for other in REPLACES.get(name, ()) if other in self.names}
        names = [name for name in self.names if name not in replaced] + list(added)
        instead = f" in place of {' and '.join(sorted(replaced))}" if replaced else ""
        self.add(f"with:{'+'.join(added)}", f"{' and '.join(added)}{instead}", names)

    def narrow_weights(self, weights):
        what = f"the main inputs, the weights rounded to {weights}"
        self.cells.append(Cell(f"weights_{weights}", what, self.recording.inputs, weights, is_generated=False))
