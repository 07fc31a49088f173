"""Why a model cannot be traced, and where in it: the module and the line of its source."""

import os
import re

import torch

from reference.messages import UNKNOWN_CLASS, Failure, summary

OURS = os.path.dirname(os.path.abspath(__file__))
TORCH = os.path.dirname(torch.__file__)
DATA = re.compile(r"data.dependent|GuardOnDataDependent|DynamicOutputShape|unbacked|\.item\(\)|\bu\d+\b", re.IGNORECASE)
FRAME = re.compile(r'File "([^"]+)", line (\d+), in ')
INSTEAD = "such a model is converted by a class of its own only"


def chain(error):
    """The exception and those that led to it."""
    seen = []
    while error is not None and error not in seen:
        seen.append(error)
        error = error.__cause__ or error.__context__
    return seen


def is_about_data(error):
    """Whether what is computed depends on the numbers in the inputs."""
    return any(DATA.search(f"{type(one).__name__} {str(one)[:2000]}") for one in chain(error))


def is_of_a_model(file):
    return not file.startswith((OURS, TORCH, "<"))


def is_of_a_layer(file):
    """Whether PyTorch's own layers are there, some of which look at numbers, as nn.Transformer at its masks; or their
    functions, which refuse some."""
    return file.startswith((os.path.join(TORCH, "nn", "modules", ""), os.path.join(TORCH, "nn", "functional.py")))


def frames_of(error):
    """Those of the model's own source, outermost first."""
    frames, traceback = [], error.__traceback__
    while traceback is not None:
        frame = traceback.tb_frame
        if is_of_a_model(frame.f_code.co_filename):
            frames.append((frame, traceback.tb_lineno))
        traceback = traceback.tb_next
    return frames


def owner_of(frame):
    """What a method is of: its first argument, whatever that is called; None of what takes none."""
    code = frame.f_code
    return frame.f_locals.get(code.co_varnames[0]) if code.co_argcount else None


def where(model, error):
    """", in <module> at <file>:<line>", as far as it is known."""
    paths = {id(module): path for path, module in model.named_modules()}
    for one in chain(error):
        frames = [found for found in frames_of(one) if "modeling" in found[0].f_code.co_filename] or frames_of(one)
        inside = [path for frame, _ in frames if (path := paths.get(id(owner_of(frame)))) is not None]
        if inside:
            frame, line = frames[-1]
            return at(inside[-1], f"{os.path.basename(frame.f_code.co_filename)}:{line}")
    return ""


def at(path, source):
    module = f"in {path}" if path else "in the model's own forward"
    return f"{module} at {source}" if source else module


class DependsOnData(Failure):
    """What is computed depends on the numbers in the inputs."""


def refusal_of(model, error):
    """The Failure that says why torch.export could not trace the model."""
    place = where(model, error)
    kind = DependsOnData if is_about_data(error) else Failure
    if kind is DependsOnData:
        what = "what is computed depends on the numbers in the inputs"
    else:
        what = f"torch.export cannot trace it ({summary(error)})"
    return kind(UNKNOWN_CLASS, f"{type(model).__name__}: {place + ': ' if place else ''}{what}; {INSTEAD}")


def source_of_node(node):
    """file:line of the model's source that made a node, or ""."""
    found = [(file, line) for file, line in FRAME.findall(node.meta.get("stack_trace") or "") if is_of_a_model(file)]
    return f"{os.path.basename(found[-1][0])}:{found[-1][1]}" if found else ""
