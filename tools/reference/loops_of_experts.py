"""Loops over the experts of a mixture, each with the rows that are its own, see without_loops.py."""

import torch


def mixed(layer, hidden_states, topk_ids, topk_weight):
    """DeepSeek-V2's mixture of experts. hidden_states: [rows, width], topk_ids and topk_weight: [rows, experts of each]."""
    experts = topk_ids.flatten()
    rows = hidden_states.repeat_interleave(topk_ids.shape[1], 0)
    found = torch.zeros_like(rows)
    for number, expert in enumerate(layer.experts):
        is_of_it = experts == number
        found[is_of_it] = expert(rows[is_of_it])
    weighted = found.view(*topk_ids.shape, -1).type(topk_weight.dtype) * topk_weight.unsqueeze(-1)
    return weighted.sum(1).type(found.dtype)


def products_of_groups(token_states, expert_weights, tokens_per_expert):
    """Aria's experts: the rows are in the order of the experts, each with its own matrix. token_states: [rows, in],
    expert_weights: [experts, in, out], tokens_per_expert: [experts]."""
    ends = tokens_per_expert.cumsum(0)
    experts = torch.searchsorted(ends, torch.arange(token_states.shape[0]), right=True)
    found = token_states.new_zeros(token_states.shape[0], expert_weights.shape[-1])
    for number, weight in enumerate(expert_weights):
        is_of_it = experts == number
        found[is_of_it] = token_states[is_of_it] @ weight
    return found
