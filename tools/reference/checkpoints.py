"""Recording a checkpoint: the main run, and the cells beside it."""

import dataclasses
import json
from pathlib import Path

from reference.cells import call_cells, record_cells, round_weights
from reference.chosen import choose_inputs
from reference.files import class_of, read_config, write_trace
from reference.grid import GRIDS, grid_cells
from reference.inputs import InputMaker
from reference.messages import USAGE, Failure, progress
from reference.models import load_model, require_unused
from reference.not_taken import not_taken
from reference.recording import outputs_of, record_model
from reference.sentences import CLASS, load_sentences, transformer_folder
from reference.signature import read_signature, signature_of


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
    weights: str = None  # "float16" or "bfloat16": what is recorded is of the weights as these hold them


def job_of(line):
    """From an object of a batch file: the names of a Job's fields, paths as strings."""
    line = dict(line)
    for name in ("model", "output", "inputs"):
        line[name] = Path(line[name]) if line.get(name) else None
    if isinstance(line.get("signature"), str):
        line["signature"] = Path(line["signature"])
    return Job(**{name: value for name, value in line.items() if value is not None})


def reasons_of(*recordings):
    """Why tensors cannot be compared, once each."""
    entries = [entry for recording in recordings for entry in recording.not_comparable]
    return list(dict.fromkeys(entry["reason"] for entry in entries))


def load_job(job):
    """What load_model returns."""
    progress(f"loading {job.model}")
    if job.model_class == CLASS:
        return load_sentences(job.model, job.seed)
    fields = read_config(job.model)
    return load_model(job.model, job.model_class or class_of(fields, job.model), fields, job.seed)


def record_checkpoint(job, threads):
    if job.grid not in GRIDS:
        raise Failure(USAGE, f"grid {job.grid}: there are {', '.join(GRIDS)}")
    model, config, missing, mended = load_job(job)
    signature = read_signature(job.signature) or signature_of(model, job.model)
    with_tokenizer = transformer_folder(job.model) if job.model_class == CLASS else job.model
    maker = InputMaker(model, signature, with_tokenizer, job.seed)
    inputs, plan = choose_inputs(job.model, job.inputs, model, signature, maker)
    notes = mended + require_unused(model, missing, job.model, lambda: outputs_of(model, inputs, job.seed))
    exact = {}
    if job.weights:
        exact = {f"exact.{name}": tensor for name, tensor in outputs_of(model, inputs, job.seed).items()}
        round_weights(model, job.weights)
    main, metadata = record_model(model, inputs, config, job.seed, threads)
    metadata["not_taken"] = json.dumps(not_taken(model, signature, maker, plan, job.seed))
    cells = call_cells(signature, main.inputs, maker, plan) + grid_cells(job.grid, signature, main, maker, plan)
    recorded = record_cells(model, cells, job.seed)
    metadata["cells"] = json.dumps(recorded.described())
    if not main.attentions:
        notes.append("attentions are not among the outputs: PyTorch cannot return them for these inputs")
    metadata["notes"] = json.dumps([*notes, *maker.notes, *recorded.notes, *reasons_of(main, *recorded.recordings)])
    if job.weights:
        metadata["weights"] = job.weights
    progress("writing")
    write_trace(job.output, {**main.all_tensors(), **recorded.tensors(), **exact}, metadata)
