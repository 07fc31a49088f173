"""Making a configuration tiny by one rule for all: sizes are known by the names of their fields.

Fields of the same kind get the same size in all parts of a configuration, so that what one part hands to another still
fits. Lists keep their ratios, and lists with an entry for each layer lose those of the layers that go.
"""

import copy
import dataclasses
import json
import re

import transformers

from tiny.exceptions import ARGUMENTS, FIELDS


@dataclasses.dataclass(frozen=True)
class Sizes:
    """What fields become. None: they stay as they are."""

    width: int = 32
    inner: int = 64
    heads: int = 4
    head: int = 8
    least: int = 16  # of the smallest entry of a list of widths


PROFILES = (Sizes(), Sizes(width=64, inner=128, head=16, least=32), Sizes(None, None, None, None, None))
VOCABULARY, CODEBOOK, POSITIONS, IMAGE, PATCH, FRAMES, SPECIAL = 120, 64, 64, 64, 16, 6, 100

LAYER_COUNTS = ("num_hidden_layers", "n_layer", "num_layers", "n_layers", "depth")
LAYERS = r"(^|_)(n|num)_(\w+_)?(layers?|blocks)$|(^|_)layers$|^n_layer$|^depth$|_depth$|^num_layers_\w+$"
NOT_LAYERS = r"mask|no_rope|shared|window|dense|mtp|nextn|predict|feat_extract|conv|adapter|downsample|unfreeze|fuse"
KEY_HEADS = r"(num_|n_)?(key_value_|kv_)heads?$|num_key_value_heads|n_head_kv|multi_query_group_num"
HEADS = r"(^|_)(n|num)_(\w+_)?heads?$|attention_heads$|^n_head$"
HEAD = r"^mamba_d_head$|(^|_)(v_|qk_|key_|value_|nope_|attention_|global_)*head_dim$|^d_kv$|^dim_head$|attention_head_size$|^d_head$|head_size$"
WIDTH = (
    r"(^|_)hidden_size(_\w+)?$|^d_model$|^n_embd$|^dim$|^(\w+_)?embed_dim$|^emb_dim$|^embedding_dim$|^width$|^d_embed$|"
    r"^word_embed_proj_dim$|^(\w+_)?projection_dim$|^projection_size$|^out_dim$|^output_dim$|^embedding_size$|"
    r"^(vision|text|audio|image|encoder|decoder|output|model|pooler|qformer|latent|fusion|cond)_(\w+_)?(dim|size|width)$|"
    r"^shared_dim$|^d_embedding$|^feature_dim$|^proj_dim$|^lm_dim$|^context_dim$"
)
NOT_WIDTH = r"vocab|image|patch|window|kernel|batch|ffn|intermediate|head|codebook|temporal|chunk|mel|vision_feature|num"
INNER = r"intermediate_size|ffn_dim|(^|_)d_ff$|^d_inner$|^n_inner$|ffn_hidden|mlp_dim|^inner_dim$|feedforward|mlp_hidden|ffn_size|hidden_dim$"
RANK = r"lora_rank|_rank$|^low_rank"
STATES = r"state_size$|d_state$|^ssm_state"
EXPERTS = r"(num|n)_(\w+_)?experts$|moe_num_experts|num_local_experts|n_routed_experts|expert_num$"
CHOSEN = r"experts_per_tok|per_token$|moe_top_?k|^top_k$|moe_k$|num_selected_experts|experts_top_k|router_topk"
WORDS = r"vocab(ulary)?_size(_\w+)?$|^num_embeddings$|^n_tokens$"
CODES = r"codebook_size$"  # a power of 2 in many models
CHANNELS = r"^(base_channels|num_filters|n_filters|d_latents|upsample_initial_channels?)$"
PLACES = r"^max_\w*position_embeddings$|^n_positions$|^max_(source|target)_positions$|^n_ctx$|^max_seq_len\w*$|^block_size$|^max_sequence_length$|^seq_length$"
TOKEN = r"_token_(id|index)s?$|_(id|ids)$"
FEW = r"^num_queries$|^num_query_tokens$|^num_labels$|resampler_n_latents|^num_denoising$|^num_latents$|^n_codebooks$|^num_codebooks$|^num_quantizers$"
PATCHES = r"^patch_size$"
IMAGES = r"image_size$|^img_size$|^input_size$|^pretrain_image_size$|^crop_size$|^spatial_size$|^resolution$"
WIDTHS = (
    r"^hidden_sizes$|^embed_dims?$|^(\w+_)?dims$|^conv_dim$|^tdnn_dim$|channels$|^(\w+_)?hidden_sizes$|_channel_list$|"
    r"^embed_dim_per_stage$|^stage_\w+_channels$|^encoder_hidden_dims$|^num_filters$|^out_features_dims$"
)
COUNTS = r"^depths$|^num_block_repeats$|^layer_?s?_?blocks?$|^blocks_per_stage$|^stage_num_blocks$|^layers$|stage_numb_of_layers$|_depths$|^num_blocks$|^layer_depths$"


def named(pattern, name, unless=None):
    return re.search(pattern, name) is not None and not (unless and re.search(unless, name))


class Shrinker:
    def __init__(self, sizes, layers=2):
        self.sizes, self.layers, self.tokens = sizes, layers, {}

    def number(self, name, value, config):
        """What a field becomes."""
        sizes = self.sizes
        if named(LAYERS, name, NOT_LAYERS):
            return min(value, self.layers_of(config))
        if named(WORDS, name):
            return min(value, VOCABULARY)
        if named(CODES, name):
            return min(value, CODEBOOK)
        if named(TOKEN, name):
            return self.token(value)
        if named(EXPERTS, name):
            return min(value, 4)
        if named(CHOSEN, name):
            return min(value, 2)
        if name in ("n_group", "topk_group", "n_groups", "num_expert_group", "num_expert_groups"):
            return min(value, 1) if name != "n_groups" else min(value, 2)
        if named(PLACES, name):
            return min(value, POSITIONS)
        if named(FEW, name):
            return min(value, 8)
        if named(PATCHES, name):
            return min(value, PATCH) if sizes.width is None or value < 14 else PATCH
        if named(IMAGES, name):
            return min(value, IMAGE)
        if named(r"^num_frames$|^frames_per_clip$", name):
            return min(value, FRAMES)
        if name == "first_k_dense_replace":
            return min(value, 1)
        if named(r"sliding_window|^window_length$|attention_window|local_attention|attention_chunk_size", name):
            return min(value, 8)
        return value if sizes.width is None else self.width(name, value, config)

    def width(self, name, value, config):
        sizes = self.sizes
        if named(r"mamba_(n|num)_heads$", name) or (name == "num_heads" and hasattr(config, "time_step_rank")):
            expand = getattr(config, "mamba_expand", getattr(config, "expand", None)) or 2
            return int(expand * sizes.width) // sizes.head
        if named(KEY_HEADS, name):
            is_whole = value == getattr(config, "num_attention_heads", None)
            return 1 if value == 1 else sizes.heads if value < 0 or is_whole else 2
        if named(HEADS, name):
            return min(value, sizes.heads)
        if named(r"qk_head_dim", name):
            return 2 * sizes.head
        if named(r"rope_head_dim|" + HEAD, name) and value > 2:
            return sizes.head
        if name in ("query_pre_attn_scalar", "rotary_dim"):
            return min(value, sizes.head)
        if named(RANK, name):
            return min(value, 8)
        if named(STATES, name):
            return min(value, 8)
        if named(INNER, name) and value > sizes.width:
            return sizes.inner
        if named(WIDTH, name, NOT_WIDTH) and value > 8 or named(CHANNELS, name) and value > sizes.width:
            return sizes.width
        return value

    def layers_of(self, config):
        """As many as there are kinds of layers, or are to be returned by a backbone, and two at least."""
        kinds = getattr(config, "layer_types", None) or getattr(config, "layers_block_type", None) or ()
        return max(self.layers, min(4, len(dict.fromkeys(map(str, kinds)))), min(4, returned_stages(config)))

    def token(self, value):
        if not isinstance(value, int) or value < SPECIAL:
            return value
        return self.tokens.setdefault(value, SPECIAL + len(self.tokens) % (VOCABULARY - SPECIAL))

    def entries(self, name, values, config, before):
        """What a list becomes. before: how many layers there were."""
        numbers = all(isinstance(one, int) and not isinstance(one, bool) for one in values)
        if before and len(values) == before and before > 4:
            values = [values[place] for place in self.chosen_layers(values, config)]
            if not numbers or not named(COUNTS + "|" + HEADS, name):
                return values
        if named(r"pinpoints$", name):
            return [[min(one, IMAGE) for one in sizes] for sizes in values]
        if not numbers:
            return values
        if named(TOKEN, name):
            return [self.token(one) for one in values]
        if named(COUNTS, name):
            return [min(one, 1 if len(values) > 2 else 2) for one in values]
        if self.sizes.width is None:
            return values
        if named(IMAGES, name):
            return [min(one, IMAGE) for one in values]
        if named(HEADS + r"|heads_per_stage$", name) and min(values) > 0:
            return [max(1, one // min(values)) for one in values]
        if named(WIDTHS, name) and min(values) > 3:
            factor = max(1, min(values) // self.sizes.least)
            return [max(8, one // factor // 8 * 8) for one in values]
        return values

    def chosen_layers(self, values, config):
        """Of a list with an entry for each layer, places: the first of every kind, then those that follow."""
        kinds = getattr(config, "layer_types", None) or getattr(config, "layers_block_type", None)
        count = self.layers_of(config)
        kinds = kinds if kinds and len(kinds) == len(values) else values
        seen, first = [], []
        for place, kind in enumerate(kinds):
            if str(kind) not in seen:
                seen.append(str(kind))
                first.append(place)
        rest = [place for place in range(len(values)) if place not in first]
        return sorted((first + rest)[:count])

    def chosen_overrides(self, overrides, config, before):
        """{layer: fields} of a configuration whose layers differ: those of the layers that stay, in the same proportion to
        what most layers have."""
        places = self.chosen_layers(range(before), config) if before > 4 else range(self.layers_of(config))

        def number(name, value):
            usual = getattr(config, name, None)
            if not is_number(name, value) or not is_number(name, usual) or usual < 1:
                return value
            return max(1, value * self.number(name, usual, config) // usual)

        kept = {new: overrides[old] for new, old in enumerate(places) if old in overrides}
        return {layer: {n: number(n, v) for n, v in fields.items()} for layer, fields in kept.items()}

    def nested(self, name, fields, config):
        """A dict of a configuration, as of rotary embeddings, or with an entry for some layers."""
        if fields and all(str(key).isdigit() for key in fields):
            fields = {key: value for key, value in fields.items() if int(key) < self.layers_of(config)} or fields
        found = dict(fields)
        half = self.sizes.head // 2 if self.sizes.head else None
        for key, value in fields.items():
            if isinstance(value, dict):
                found[key] = self.nested(key, value, config)
            elif half and isinstance(value, list) and str(key).endswith("_factor"):
                found[key] = value[:half]
            elif half and key == "mrope_section":
                found[key] = [half - 2 * (half // 4), half // 4, half // 4] if len(value) == 3 else value
            elif isinstance(value, int) and not isinstance(value, bool) and named(PLACES, str(key)):
                found[key] = min(value, POSITIONS)
        return found

    def shrink(self, config, depth=0):
        before = next((n for key in LAYER_COUNTS if isinstance(n := getattr(config, key, None), int)), None)
        overrides = taken_overrides(config)
        kept = None if overrides is None else self.chosen_overrides(overrides, config, before)
        fields = dict(vars(config))
        lists = {n: self.entries(n, list(v), config, before) for n, v in fields.items() if is_list(n, v)}
        numbers = {n: self.number(n, v, config) for n, v in fields.items() if is_number(n, v)}
        for name, value in fields.items():
            if isinstance(value, transformers.PretrainedConfig) and depth < 4:
                self.shrink(value, depth + 1)
            elif isinstance(value, dict) and not name.startswith("_") and name not in ("id2label", "label2id"):
                assign(config, name, self.nested(name, value, config))
        for name, value in {**lists, **numbers}.items():
            if value != fields[name]:
                is_tuple = isinstance(fields[name], tuple) and not named(WIDTHS, name)  # these are lists, as from a file
                assign(config, name, tuple(value) if is_tuple else value)
        rename_stages(config, before)
        for name, value in FIELDS.get(getattr(config, "model_type", ""), {}).items():
            assign_exception(config, name, value)
        if kept is not None:
            config.per_layer_config = kept


def taken_overrides(config):
    """{layer: fields} of a configuration whose layers differ, which has them no more afterwards; None of all others."""
    spec = vars(config).get("_heterogeneity_spec")
    if spec is None:
        return None
    config.per_layer_config = None
    return spec.per_layer_overrides


def rename_stages(config, before):
    """Of a backbone, whose stages are its layers: the last ones are what it returns, as many as before."""
    names = getattr(config, "stage_names", None)
    if names and before and len(names) == before + 1:
        layers = next(n for key in LAYER_COUNTS if isinstance(n := getattr(config, key, None), int))
        returned = min(layers, max(1, returned_stages(config)))
        config.stage_names = list(names[: layers + 1])
        config._out_features = config.stage_names[-returned:]
        config._out_indices = list(range(layers + 1 - returned, layers + 1))


def returned_stages(config):
    """How many stages a backbone returns whose stages are its layers; 0 of all other models."""
    is_flat = getattr(config, "stage_names", None) and not hasattr(config, "depths")
    return len(config.out_indices or ()) if is_flat else 0


def is_list(name, value):
    return isinstance(value, (list, tuple)) and len(value) > 0 and not name.startswith("_")


def is_number(name, value):
    return isinstance(value, int) and not isinstance(value, bool) and not name.startswith("_")


def assign(config, name, value):
    """Sets a field, as far as the configuration lets it."""
    try:
        setattr(config, name, value)
    except (AttributeError, TypeError, ValueError, NotImplementedError):
        pass


def assign_exception(config, name, value):
    """Sets a field to what exceptions.py says of it."""
    part = getattr(config, name, None)
    if not isinstance(value, dict):
        if value is not None or hasattr(config, name):
            assign(config, name, value)
    elif "model_type" in value:
        assign(config, name, made(value))
    elif isinstance(part, transformers.PretrainedConfig):
        for inner, one in value.items():
            assign_exception(part, inner, one)
    else:
        assign(config, name, dict(value))


def made(value):
    """A configuration of a dict that has a model_type."""
    fields = {name: one for name, one in value.items() if name != "model_type"}
    return transformers.CONFIG_MAPPING[value["model_type"]](**fields)


def tiny_config(model_type, sizes, is_read_again=True):
    """The configuration of a model type, made tiny. is_read_again: as it will be when it is read from its file."""
    config = transformers.CONFIG_MAPPING[model_type](**copy.deepcopy(ARGUMENTS.get(model_type, {})))
    Shrinker(sizes).shrink(config)
    return type(config).from_dict(json.loads(config.to_json_string())) if is_read_again else config
