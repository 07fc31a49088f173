"""Loops over the experts of a mixture, or the adapters of languages, each with the rows that are its own, see
without_loops.py."""

import functools

import torch


def each_by_its_own(numbers, rows, functions, width):
    """What the functions make of the rows, each of those that have its number. numbers: [rows], rows: [rows, any...]; they
    return `width` numbers for the last axis."""
    found = rows.new_zeros(*rows.shape[:-1], width)
    for number, function in enumerate(functions):
        is_of_it = numbers == number
        found[is_of_it] = function(rows[is_of_it])
    return found


def adapted(output, lang_ids, hidden_states):
    """What X-MOD does at the end of a layer: each text goes through the adapter of its language. lang_ids: [batch]."""
    residual = hidden_states
    if output.adapter_layer_norm is not None:
        hidden_states = output.adapter_layer_norm(hidden_states)
    elif output.adapter_reuse_layer_norm:
        hidden_states = output.LayerNorm(hidden_states)
    if output.ln_before_adapter:
        residual = hidden_states
    found = each_by_its_own(lang_ids, hidden_states, output.adapter_modules.values(), hidden_states.shape[-1])
    return output.dropout(found) + residual


def mixed(layer, hidden_states, topk_ids, topk_weight):
    """DeepSeek-V2's mixture of experts. hidden_states: [rows, width], topk_ids and topk_weight: [rows, experts of each]."""
    rows = hidden_states.repeat_interleave(topk_ids.shape[1], 0)
    found = each_by_its_own(topk_ids.flatten(), rows, layer.experts, rows.shape[-1])
    weighted = found.view(*topk_ids.shape, -1).type(topk_weight.dtype) * topk_weight.unsqueeze(-1)
    return weighted.sum(1).type(found.dtype)


def products_of_groups(token_states, expert_weights, tokens_per_expert):
    """Aria's experts: the rows are in the order of the experts, each with its own matrix. token_states: [rows, in],
    expert_weights: [experts, in, out], tokens_per_expert: [experts]."""
    experts = torch.searchsorted(tokens_per_expert.cumsum(0), torch.arange(token_states.shape[0]), right=True)
    products = [functools.partial(torch.matmul, other=weight) for weight in expert_weights]
    return each_by_its_own(experts, token_states, products, expert_weights.shape[-1])
