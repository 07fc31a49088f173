"""Inputs of text models: ids with their masks and types, embeddings in their place, a decoder's side."""

import torch
import transformers

from reference.files import holds_any
from reference.messages import summary
from reference.models import field_of

TEXTS = ["Hi there!", "I am a batch with more than one row and different input lengths."]
TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "vocab.txt", "vocab.json", "*.model")
NO_LIMIT = 1 << 20


def pad_id(config):
    pad = field_of(config, "pad_token_id", 0)
    return pad if isinstance(pad, int) and pad >= 0 else 0


def start_id(config):
    """The id that a decoder starts with."""
    known = (field_of(config, name) for name in ("decoder_start_token_id", "bos_token_id", "pad_token_id"))
    return next((one for one in known if isinstance(one, int) and one >= 0), 0)


def text_limit(model):
    """How many positions a text may have."""
    limit = field_of(model.config, "max_position_embeddings", NO_LIMIT)
    for path, module in model.named_modules():  # of RoBERTa and its kin: positions are counted after the padding's
        rows = getattr(module, "weight", None)
        if path.endswith("position_embeddings") and rows is not None and getattr(module, "padding_idx", None) is not None:
            limit = min(limit, len(rows) - module.padding_idx - 1)
    return limit if limit > 0 else NO_LIMIT


def decoder_limit(model):
    return field_of(model.config, "max_target_positions", field_of(model.config, "max_position_embeddings", NO_LIMIT))


def usual_ids(config):
    """The ids that are not special, as far as the configuration says."""
    vocabulary = field_of(config, "decoder_vocab_size", field_of(config, "vocab_size", 2))
    special = set()
    for part in (config, getattr(config, "text_config", None)):
        fields = part.to_dict() if hasattr(part, "to_dict") else {}
        special.update(v for k, v in fields.items() if k.endswith("_token_id") and isinstance(v, int))
    return [i for i in range(vocabulary) if i not in special] or list(range(vocabulary))


def kept(lengths, side, length=None):
    """[batch, length] of 0 and 1: so many positions of each row, padding after them or (left) before them."""
    length = length or max(max(lengths), 1)
    positions, counts = torch.arange(length), torch.tensor(lengths).unsqueeze(-1)
    return (positions >= length - counts if side == "left" else positions < counts).long()


def random_ids(mask, config, generator, first=None, last=None):
    """Ids at the kept positions, special ones only where asked for: the first kept one and the last one of each row."""
    usual = torch.tensor(usual_ids(config))
    ids = usual[torch.randint(0, len(usual), mask.shape, generator=generator)]
    for row, keep in zip(ids, mask):
        at = keep.nonzero().flatten()
        if first is not None and len(at) > 2:
            row[at[0]] = first
        if last is not None and len(at):
            row[at[-1]] = last
    return ids.masked_fill(mask == 0, pad_id(config))


def text_ids(mask, config, generator):
    """As a tokenizer ends them: models that pool where the text ends need exactly one such id in each row."""
    vocabulary = field_of(config, "vocab_size", 2)
    ends = [field_of(config, name) for name in ("bos_token_id", "eos_token_id")]
    bos, eos = (one if isinstance(one, int) and 0 <= one < vocabulary else None for one in ends)
    return random_ids(mask, config, generator, first=bos if eos is not None and bos != eos else None, last=eos)


def token_types(mask, config, generator):
    kinds = field_of(config, "type_vocab_size", 0)
    return torch.randint(0, max(1, kinds), mask.shape, generator=generator) * mask


def boxes(mask, config, generator):
    """Where each word stands on the page: left, top, right and bottom; zeros where there is padding."""
    places = min(1001, field_of(config, "max_2d_position_embeddings", 1024))
    corners = torch.randint(0, places, (*mask.shape, 2, 2), generator=generator).sort(-2).values
    return corners.flatten(-2) * mask.unsqueeze(-1)


def shift_right(ids, config):
    """What a decoder reads that is to say the ids."""
    start = torch.full_like(ids[..., :1], start_id(config))
    return torch.cat([start, ids[..., :-1]], -1)


def embeddings(model, mask, generator, width):
    """Such as stand for ids: rows of the model's own table where its width is right."""
    table = model.get_input_embeddings()
    if isinstance(getattr(table, "weight", None), torch.Tensor) and table.weight.shape[-1] == width:
        rows = torch.randint(0, len(table.weight), mask.shape, generator=generator)
        return table.weight.detach().float()[rows]
    return torch.randn(*mask.shape, width, generator=generator)


def positions(mask, limit, generator):
    """Other ones in each row, none twice where there are enough, the last one that there is among them."""
    length = mask.shape[-1]
    if limit == NO_LIMIT or limit < length:
        return torch.arange(length).flip(0).expand(mask.shape).clone()
    rows = (
        torch.stack([torch.randperm(limit - 1, generator=generator)[:length] for _ in mask]) if limit > length else None
    )
    if rows is None:
        return torch.stack([torch.randperm(limit, generator=generator) for _ in mask])
    rows[:, 0] = limit - 1
    return rows


def tokenized(path, config, limit, texts):
    """(input_ids, attention_mask) of the texts by the tokenizer in the folder, and a note when it cannot be used."""
    if not path or not path.is_dir() or not holds_any(path, TOKENIZER_FILES):
        return None, None
    try:
        load = transformers.AutoTokenizer.from_pretrained
        tokenizer = load(str(path), local_files_only=True, trust_remote_code=False)
        if tokenizer.pad_token is None:
            tokenizer.pad_token = tokenizer.eos_token
        inputs = tokenizer(texts, padding=True, truncation=True, max_length=limit, return_tensors="pt")
        ids = inputs["input_ids"]
        largest, vocabulary = int(ids.max()), field_of(config, "vocab_size")
        if vocabulary and largest >= vocabulary:
            raise ValueError(f"it makes the id {largest}, and vocab_size is {vocabulary}")
        mask = inputs["attention_mask"] if "attention_mask" in inputs else torch.ones_like(ids)
        return (ids, mask), None
    except MemoryError:
        raise
    except Exception as error:
        return None, f"the tokenizer cannot be used ({summary(error)}), so the ids were generated"
