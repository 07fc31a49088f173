"""Tracing a model: the attempts of torch.export one after the other, until one holds for every size of the axes that it
leaves free."""

import contextlib
import dataclasses

import torch
from torch._subclasses.fake_tensor import FakeTensor

from reference.decided import of_masks, truths_of
from reference.exporting import collect, export
from reference.found_rows import rows_everywhere
from reference.messages import Failure
from reference.recording import call_model
from reference.refusals import DependsOnData, is_about_data, refusal_of
from reference.traced_sizes import AnySizes, free_in, is_same


SEED = 0  # of runs whose numbers are not kept


def attempts(inputs, axes):
    """Axes to ask for, one after the other: all, those of ids and masks, those of the batch, none."""
    of_texts = {n: [a for a in free if a == 0 or not inputs[n].is_floating_point()] for n, free in axes.items()}
    batch_alone = {name: [axis for axis in free if axis == 0] for name, free in axes.items()}
    tried = []
    for one in (axes, of_texts, batch_alone, {}):
        if one not in tried:
            tried.append(one)
    return tried


def sound(attempt, model, inputs, asked, attentions, judge, *truths):
    """The Attempt if it is right, or a lenient one that is, and that has more free axes, each of which was seen to be free;
    None where neither is right."""

    def fixed_in(one):
        free = free_in(one.program, inputs)
        return {(name, axis) for name, axes in asked.items() for axis in axes if axis not in free[name]}

    best = attempt if judge.is_right(attempt) else None
    fixed = fixed_in(best) if best else {(name, axis) for name, axes in asked.items() for axis in axes}
    if fixed and not any(isinstance(tensor, FakeTensor) for tensor in inputs.values()):
        with contextlib.suppress(Exception):  # whatever this one fails of, there is the other
            lenient = export(model, inputs, asked, attentions, *truths, is_lenient=True)
            freed = fixed - fixed_in(lenient)
            if freed and judge.is_right(lenient) and freed <= judge.varied(lenient):
                return lenient
    return best


def without_blamed(asked, judge, attempt):
    """The axes less those that an Attempt fixes, as far as the judge can tell; None where that is none, or all."""
    blamed = judge.blamed(attempt)
    left = {name: [axis for axis in free if (name, axis) not in blamed] for name, free in asked.items()}
    return left if blamed and any(left.values()) else None


def exported_as_it_is(model, inputs, attentions, *truths):
    """An Attempt without free axes; None where there is none."""
    try:
        return export(model, inputs, {}, attentions, *truths)
    except Exception:  # that of the first attempt is told
        return None


def trace(model, inputs, axes, attentions=True, judge=None):
    """Traced, with as many free axes as torch.export can keep and as the judge, one of traced_sizes, finds free indeed.
    Failure when it cannot trace the model at all."""
    judge = judge or AnySizes()
    try:
        return traced_as_told(model, inputs, axes, attentions, judge)
    except DependsOnData as refusal:
        for spare in (0, 1):
            with contextlib.suppress(Failure), rows_everywhere(model, spare):
                traced = traced_as_told(model, inputs, axes, attentions, judge)
                return dataclasses.replace(traced, has_found=True)
        traced = traced_as_decided(model, inputs, axes, attentions, judge)
        if traced is None:
            raise refusal from None
        return traced


def traced_as_decided(model, inputs, axes, attentions, judge):
    """With the truths that the model asks as they are; None where that is no way to trace it."""
    truths, unpadded = truths_asked(model, inputs, attentions), without_padding(inputs)
    if not truths:
        return None
    masks = of_masks(truths, truths_asked(model, unpadded, attentions) if unpadded else {})
    with contextlib.suppress(Failure):
        traced = traced_as_told(model, inputs, axes, attentions, judge, truths, masks) if masks else None
        if traced and is_same(model, traced.program.module(check_guards=False), unpadded, attentions, SEED):
            return dataclasses.replace(traced, masks_applied=tuple(sorted(masks)))
    with contextlib.suppress(Failure):
        return traced_as_told(model, inputs, axes, attentions, judge, truths)
    return None


def without_padding(inputs):
    """The inputs with masks that hide nothing; nothing where they are so already."""
    masks = {name: torch.ones_like(tensor) for name, tensor in inputs.items() if name.endswith("attention_mask")}
    return {**inputs, **masks} if any(not torch.equal(mask, inputs[name]) for name, mask in masks.items()) else {}


def truths_asked(model, inputs, attentions):
    """What the model asks of itself when it is run, and is told; nothing where it cannot be run."""
    try:
        return truths_of(lambda: call_model(model, inputs, torch.float32, SEED, attentions))
    except Failure:
        return {}


def traced_as_told(model, inputs, axes, attentions, judge, *truths):
    """truths: arguments of `decided`, if anything is."""
    failure, fixed, tried = None, None, []
    waiting = attempts(inputs, axes)
    while waiting:
        asked = waiting.pop(0)
        if asked in tried:
            continue
        tried.append(asked)
        try:
            attempt = fixed if fixed and not asked else export(model, inputs, asked, attentions, *truths)
        except (Failure, MemoryError):
            raise
        except Exception as error:  # torch's own kinds, the model's, and those of its Python
            failure = failure or refusal_of(model, error)
            if is_about_data(error) and fixed is None and asked:
                fixed = exported_as_it_is(model, inputs, attentions, *truths)  # numbers that are made of sizes are known then
            if is_about_data(error) and fixed is None:
                break
            continue
        found = sound(attempt, model, inputs, asked, attentions, judge, *truths)
        if found or not asked:
            return collect(found or attempt, axes)
        if (left := without_blamed(asked, judge, attempt)) is not None:
            waiting.insert(0, left)
    raise failure
