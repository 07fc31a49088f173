"""Writing a traced model: the program file, which the graph, its constants and the names of its weights make up."""

import functools
import json

import torch
import transformers

from reference import decided, traced_graph
from reference.bare import StoredShapes, check_has_keys
from reference.chosen import read_inputs
from reference.exporting import place_of
from reference.files import write_trace
from reference.held import described as described_held
from reference.held import guiding_inputs, hold, release
from reference.inputs import InputMaker
from reference.messages import UNKNOWN_CLASS, Failure, progress
from reference.models import require_unused
from reference.recording import outputs_of
from reference.refusals import DependsOnData
from reference.sentences import CLASS, transformer_folder
from reference.taken_apart import known_operations
from reference.traced_checkpoint import StoredTensors
from reference.traced_inputs import (
    choose_traced_inputs,
    free_axes,
    near_sizes,
    ordered,
    other_sizes,
    program_signature,
    takes_attentions,
)
from reference.traced_parameters import Parameters, check_complete
from reference.traced_sizes import OtherSizes, free_in
from reference.traced_symbols import Symbols
from reference.tracing import trace

VERSION = "1"
FOUND = (
    "the model asks whether an expert has rows, a mask hides anything, or texts have as many tokens of images as there are "
    "features of these: the graph goes on as if it were so"
)


def input_placeholders(traced, inputs):
    """{input: its node}, in the order of forward."""
    specs = [spec for spec in traced.program.graph_signature.input_specs if spec.kind.name == "USER_INPUT"]
    nodes = {node.name: node for node in traced.program.graph.nodes if node.op == "placeholder"}
    if len(specs) != len(inputs):
        raise Failure(UNKNOWN_CLASS, f"torch.export made {len(specs)} inputs of {len(inputs)}")
    return {name: nodes[spec.arg.name] for name, spec in zip(inputs, specs)}


def needed_nodes(traced):
    kept = [*traced.outputs.values(), *(node for _, nodes in traced.stages for node in nodes)]
    kept += [decision.node for decision in traced.decisions]
    return traced_graph.reached(kept)


def describe_program(model, traced, inputs, cells, parameters, held=()):
    """The JSON of a program file. The program is right for the sizes of the inputs and of the cells."""
    placeholders = input_placeholders(traced, inputs)
    symbols = Symbols(placeholders)
    described = traced_graph.described_inputs(placeholders, symbols)
    name = type(model).__name__
    return {
        "class": name,
        "model_type": getattr(getattr(model, "config", None), "model_type", ""),
        "source": place_of(type(model)),
        "versions": {"torch": torch.__version__.partition("+")[0], "transformers": transformers.__version__},
        "inputs": described,
        "frozen": traced_graph.frozen_axes(described, traced.asked),
        "held": described_held(dict(held)),
        "checks": [decided.described(decision, name) for decision in traced.decisions],
        "ranges": symbols.ranges(traced.program, described, cells),
        "parameters": parameters.described,
        "aside": parameters.aside,
        "nodes": parameters.nodes + traced_graph.described_nodes(traced.program.graph, needed_nodes(traced), symbols),
        "outputs": [{"name": name, "node": node.name} for name, node in traced.outputs.items() if node is not None],
        "stages": [traced_graph.described_stage(stage, nodes) for stage, nodes in traced.stages],
    }


def write_program(path, program, tensors):
    text = json.dumps(program, separators=(",", ":"), allow_nan=False)
    write_trace(path, tensors, {"crossload_program": VERSION, "program": text})


class Tracing:
    """From a loaded model to its program. `given`: the inputs of a module of the user's own, whose weights travel with
    the program unless there is a checkpoint of it; `fakes`: of a model without weights."""

    def __init__(self, job, loaded, given=None, fakes=None):
        self.job, self.loaded, self.fakes = job, loaded, fakes
        self.maker, self.plan, self.stored, self.unused = None, None, None, []
        if given is None:
            self.from_checkpoint()
        else:
            self.inputs = ordered(loaded.model, read_inputs(job.inputs) if job.inputs else given)
            self.stored = StoredTensors(job.model) if job.model else None
        self.free = self.free_axes()
        self.program, self.cells, self.held, self.refusals, self.decides = None, [], {}, [], None

    def free_axes(self):
        """As the model says, or as trials show."""
        known = self.loaded.sizes
        return known.free(self.inputs) if known else free_axes(self.loaded.model, self.inputs, self.job.seed)

    def choose_inputs(self, has_images=True):
        """has_images: whether texts may speak of images."""
        job, model = self.job, self.loaded.model
        folder = transformer_folder(job.model) if job.model_class == CLASS else job.model

        def maker(signature):
            return InputMaker(model, signature, folder, job.seed)

        self.inputs, self.maker, self.plan = choose_traced_inputs(job, model, maker, has_images)
        return folder

    def from_checkpoint(self):
        job, model = self.job, self.loaded.model
        folder = self.choose_inputs()
        results = functools.partial(outputs_of, model, self.inputs, job.seed)
        self.unused = require_unused(model, self.loaded.missing, job.model, results)
        self.stored = StoredShapes(folder, model) if self.fakes else StoredTensors(folder)

    def write(self):
        progress("tracing")
        model, inputs, seed = self.loaded.model, self.inputs, self.job.seed
        attentions = takes_attentions(model, inputs, seed)
        known = self.loaded.sizes
        other, near = (known.other, known.near) if known else (other_sizes, near_sizes)
        cells = [functools.partial(sizes, inputs) for sizes in (other, near)]
        judge = OtherSizes(model, inputs, *cells, attentions, seed)
        given = self.fakes.inputs(inputs) if self.fakes else inputs
        try:
            with known_operations(self.job.operations):
                traced = trace(model, given, self.free, attentions, judge)
        except Failure as refusal:
            is_held = isinstance(refusal, DependsOnData) and not self.fakes and self.hold()
            if not is_held and not self.leave_images(refusal):
                raise
            return self.write()
        if traced.has_found:
            self.refusals.append(FOUND)
        self.decides = traced.program.module(check_guards=False) if traced.decisions and not self.fakes else None
        self.refusals += [decided.note(decision) for decision in traced.decisions]
        self.refusals += [decided.note_of_mask(place) for place in traced.masks_applied]
        self.cells = other(inputs, free_in(traced.program, inputs))
        unexpected = self.loaded.unexpected
        parameters = Parameters(model, traced, needed_nodes(traced), self.stored, unexpected, self.fakes)
        self.program = describe_program(model, traced, inputs, self.cells, parameters, self.held)
        if self.fakes:
            check_has_keys(parameters, self.job.model)
        else:
            check_complete(parameters, self.job.model)
        write_program(self.job.program, self.program, parameters.tensors)

    def takes_the_way_of(self, cell):
        """Whether the truths that are decided are so for a cell's inputs too; a note where they are not."""
        if not self.decides:
            return True
        try:
            with torch.no_grad():
                self.decides(**cell.inputs)
        except RuntimeError as error:
            if decided.MARK not in str(error):
                return True
            what = f"{str(error).partition(decided.MARK)[2].splitlines()[0]} for the inputs of the example, and not for its own"
            self.refusals.append(f"the cell {cell.name} was left out: {what}")
            return False
        return True

    def hold(self):
        """Makes constants of the inputs by which the model takes its way; False where there are none."""
        self.held = guiding_inputs(self.inputs)
        if not self.held:
            return False
        hold(self.loaded.model, self.held)
        if self.maker:
            self.maker.held = self.held
        self.inputs = {name: tensor for name, tensor in self.inputs.items() if name not in self.held}
        self.free = self.free_axes()
        return True

    def leave_images(self, refusal):
        """Lets the texts speak of no images, where the model cannot be traced with them; False where they do not."""
        if not getattr(self.plan, "speaks_of_images", False):
            return False
        release(self.loaded.model)
        self.refusals.append(f"the images in the texts were left out: {refusal}")
        self.held = {}
        self.choose_inputs(has_images=False)
        self.free = self.free_axes()
        return True

    def signature(self):
        return program_signature(self.program["inputs"])

    def notes(self):
        return [*self.loaded.notes, *self.refusals, *self.unused, *(self.maker.notes if self.maker else [])]
