"""Loops over the texts of a batch and their tokens, computed at once, see without_loops.py."""

import torch


def mask_of_phrases(special_tokens):
    """The function of the DETRs that are led by texts: words attend to their own phrase, and count their places in it.
    A phrase ends with a special token, and begins after the one before, be it in the row before."""

    def masked(input_ids):
        batch, length = input_ids.shape
        is_special = torch.isin(input_ids, torch.tensor(special_tokens))
        places = torch.arange(length)
        ends = torch.where(is_special, places, length)
        ends = ends.flip(1).cummin(1).values.flip(1)
        whole = torch.where(is_special.flatten(), torch.arange(batch * length), -1).cummax(0).values
        before = torch.nn.functional.pad(whole[:-1], (1, 0), value=-1).view(batch, length)
        starts = torch.where(before < 0, 0, before % length)  # one before the phrase, but for the first of all
        is_inside = (ends > 0) & (ends < length - 1) & (places > starts)
        is_one = (ends.unsqueeze(1) == ends.unsqueeze(2)) & is_inside.unsqueeze(1) & is_inside.unsqueeze(2)
        return is_one | torch.eye(length, dtype=torch.bool), torch.where(is_inside, places - starts - 1, 0)

    return masked


def with_ends(
    input_ids,
    attention_mask=None,
    pad_token_id=0,
    bos_token_id=255,
    eos_token_id=0,
    add_bos_token=True,
    add_eos_token=True,
):
    """What CLVP does with its texts: a token before each, and one after it, where padding begins."""
    pad = torch.nn.functional.pad
    if add_bos_token:
        input_ids = pad(input_ids, (1, 0), value=bos_token_id)
    for _ in range(add_bos_token + add_eos_token if attention_mask is not None else 0):
        attention_mask = pad(attention_mask, (1, 0), value=1)
    if not add_eos_token:
        return input_ids, attention_mask
    is_over = pad((input_ids == pad_token_id).cumsum(1) > 0, (0, 1), value=True)
    is_end = is_over & ~pad(is_over[:, :-1], (1, 0), value=False)
    moved = torch.where(is_over, pad(input_ids, (1, 0)), pad(input_ids, (0, 1)))
    return torch.where(is_end, eos_token_id, moved), attention_mask


def finished(model, speech_ids):
    """What CLVP does with what its decoder chose: from the first stop on there is one code, and others for the last three."""
    one, *last = model.config.decoder_config.decoder_fixing_codes
    speech_ids = speech_ids[:, 1:]
    length = speech_ids.shape[1]
    has_stopped = (speech_ids == model.speech_decoder_model.config.eos_token_id).cumsum(1) > 0
    codes = torch.nn.functional.pad(torch.tensor(last), (length - len(last), 0))
    is_last = has_stopped[:, -1:] & (torch.arange(length) >= length - len(last))
    return torch.where(is_last, codes, torch.where(has_stopped, one, speech_ids))


PHRASES = mask_of_phrases([101, 102, 1012, 1029])  # [CLS], [SEP], "." and "?" of BERT
