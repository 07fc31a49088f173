"""Recording a checkpoint: the main run, and the cells beside it."""

import dataclasses
import inspect
import json
from pathlib import Path

import torch

from reference.bare import load_bare
from reference.cells import call_cells, record_cells, round_weights, within_memory
from reference.chosen import choose_inputs
from reference.dropped_axes import restore_axes
from reference.files import class_of, read_config, write_trace
from reference.grid import GRIDS, grid_cells
from reference.inputs import InputMaker
from reference.messages import USAGE, Failure, progress
from reference.models import load_model, require_unused
from reference.not_taken import not_taken
from reference.python_class import load_python_class
from reference.recording import outputs_of, record_model
from reference.sentences import CLASS, load_sentences, transformer_folder
from reference.signature import read_signature, signature_of
from reference.traced_program import Tracing


@dataclasses.dataclass
class Job:
    """What to record."""

    model: Path
    output: Path
    model_class: str = None
    inputs: Path = None
    signature: object = None  # a path, or the object itself
    grid: str = "none"
    seed: int = 0
    program: Path = None  # the model is traced, and the program file written here
    has_weights: bool = True  # else it is traced from its configuration alone, and not recorded
    python_class: str = None  # a module that is no checkpoint: package.module:function; `model`, if any, has its weights
    trusts_code: bool = False  # code of the checkpoint's own may be run
    operations: tuple = ()  # that the program's reader knows; others are taken apart
    weights: str = None  # "float16" or "bfloat16": what is recorded is of the weights as these hold them


def job_of(line):
    """From an object of a batch file: the names of a Job's fields, paths as strings."""
    line = dict(line)
    for name in ("model", "output", "inputs", "program"):
        line[name] = Path(line[name]) if line.get(name) else None
    if isinstance(line.get("signature"), str):
        line["signature"] = Path(line["signature"])
    return Job(**{name: value for name, value in line.items() if value is not None})


def reasons_of(*recordings):
    """Why tensors cannot be compared, once each."""
    entries = [entry for recording in recordings for entry in recording.not_comparable]
    return list(dict.fromkeys(entry["reason"] for entry in entries))


def load_job(job):
    """The Loaded model."""
    progress(f"loading {job.model}")
    if job.model_class == CLASS:
        return load_sentences(job.model, job.seed, job.trusts_code)
    fields = read_config(job.model)
    return load_model(job.model, job.model_class or class_of(fields, job.model), fields, job.seed, job.trusts_code)


def record_checkpoint(job, threads):
    if job.grid not in GRIDS:
        raise Failure(USAGE, f"grid {job.grid}: there are {', '.join(GRIDS)}")
    if job.program:
        record_traced(job, threads)
        return
    loaded = load_job(job)
    model = loaded.model
    signature = read_signature(job.signature) or signature_of(model, job.model)
    with_tokenizer = transformer_folder(job.model) if job.model_class == CLASS else job.model
    maker = InputMaker(model, signature, with_tokenizer, job.seed)
    inputs, plan = choose_inputs(job.model, job.inputs, model, signature, maker)
    notes = loaded.notes + require_unused(model, loaded.missing, job.model, lambda: outputs_of(model, inputs, job.seed))
    exact = round_as_asked(job, model, inputs)
    main, metadata = record_model(model, inputs, loaded.config, job.seed, threads)
    metadata["not_taken"] = json.dumps(not_taken(model, signature, maker, plan, job.seed))
    cells = call_cells(signature, main.inputs, maker, plan) + grid_cells(job.grid, signature, main, maker, plan)
    finish(job, main, metadata, record_cells(model, within_memory(cells, main), job.seed), notes + maker.notes, exact)


def round_as_asked(job, model, inputs):
    """The outputs of the weights before they are rounded; none where they are not."""
    if not job.weights:
        return {}
    exact = {f"exact.{name}": tensor for name, tensor in outputs_of(model, inputs, job.seed).items()}
    round_weights(model, job.weights)
    return exact


def finish(job, main, metadata, recorded, notes, exact=None):
    """Writes the trace; `exact`: what the weights gave before they were rounded."""
    metadata["cells"] = json.dumps(recorded.described())
    if job.weights:
        metadata["weights"] = job.weights
    if not main.attentions:
        what = "hidden states and attentions" if main.attentions is None else "attentions"
        notes.append(f"{what} are not among the outputs: PyTorch cannot return them for these inputs")
    metadata["notes"] = json.dumps([*notes, *recorded.notes, *reasons_of(main, *recorded.recordings)])
    progress("writing")
    write_trace(job.output, {**main.all_tensors(), **recorded.tensors(), **(exact or {})}, metadata)


def record_traced(job, threads):
    """Writes the program, says so, and records what it is to agree with: the main run and other sizes of its inputs."""
    if not job.has_weights:
        trace_bare(job)
        return
    tracing = Tracing(job, *load_traced(job))
    tracing.write()
    progress("program")
    if job.output is None:
        return
    model, signature, maker = tracing.loaded.model, tracing.signature(), tracing.maker
    exact = round_as_asked(job, model, tracing.inputs)
    main, metadata = record_model(model, tracing.inputs, tracing.loaded.config, job.seed, threads, as_installed=True)
    cells = tracing.cells
    if maker:
        of_grid = grid_cells(job.grid, signature, main, maker, tracing.plan)
        cells += [cell for cell in of_grid if fits(cell.inputs, signature) and tracing.takes_the_way_of(cell)]
    left_out = not_taken(model, signature, maker, tracing.plan, job.seed) if maker else []
    recorded = record_cells(model, within_memory(cells, main), job.seed, as_installed=True)
    recorded.notes += restore_axes(tracing.program, recorded)
    what = "which changes what is returned; the traced graph is without it"
    finish(job, main, metadata, recorded, [*tracing.notes(), *(f"PyTorch's forward also takes {n}, {what}" for n in left_out)], exact)


def fits(inputs, signature):
    """Whether the sizes are such as the signature fixes."""
    return all(
        wanted in (-1, size)
        for name, tensor in inputs.items()
        for size, wanted in zip(tensor.shape, signature.find(name).shape)
    )


def trace_bare(job):
    """Writes the program of a configuration without weights."""
    progress(f"making {job.model} without weights")
    fields = read_config(job.model, needs_weights=False)
    loaded, fakes = load_bare(job.model, job.model_class or class_of(fields, job.model), fields, job.trusts_code)
    tell(loaded.model)
    Tracing(job, loaded, fakes=fakes).write()
    progress("program")


def tell(model):
    """Tells a model to compute what can be traced."""
    accepted = inspect.signature(model.forward).parameters.values()
    takes_any = any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in accepted)
    for part in configs_of(model):
        if hasattr(part, "use_cache") or takes_any and part is model.config:
            part.use_cache = False
        part._experts_implementation = "batched_mm"  # the others choose their way by the numbers
    for module in model.modules():
        for name, buffer in module.named_buffers(recurse=False):
            if isinstance(buffer, torch.nn.Parameter):  # which torch.export would count twice
                module._buffers[name] = buffer.detach()


def configs_of(model):
    """All configurations that the modules hold."""
    held = (getattr(module, "config", None) for module in model.modules())
    return {id(one): one for one in held if hasattr(one, "__dict__")}.values()  # Idefics calls a number so


def load_traced(job):
    """The Loaded model, told to compute what can be traced; its inputs, if it is the user's own."""
    loaded, inputs = load_python_class(job.python_class, job.model) if job.python_class else (load_job(job), None)
    tell(loaded.model)
    return loaded, inputs
