"""Transformers 5 as Transformers 4.57 means it.

Its modules return less than those of 4.57 did: layers no attentions, encoders no hidden states, T5's attention a bias
without the mask; its CLIP overwrites the towers' pooled results by their projections, and its towers have lost a level
of names. All of it can be had from what the modules inside were called with and returned, so that a trace has the same
tensors under the same names, whichever version made it, and its reader needs to know no versions.
"""

import re

import torch
import transformers

from reference.messages import BAD_INPUT, UNKNOWN_CLASS, Failure

# Return what they compute, then the attention probabilities of the attentions they call; with a True these first.
LAYERS = {
    **dict.fromkeys(("AlbertLayer", "BertLayer", "CamembertLayer", "ElectraLayer", "RobertaLayer"), False),
    **dict.fromkeys(("XLMRobertaLayer", "BartEncoderLayer", "BartDecoderLayer", "CLIPEncoderLayer"), False),
    **dict.fromkeys(("Wav2Vec2EncoderLayer", "Wav2Vec2EncoderLayerStableLayerNorm"), False),
    **dict.fromkeys(("WhisperEncoderLayer", "WhisperDecoderLayer"), False),
    "TransformerBlock": True,  # of DistilBERT
}
ALBERT_GROUP = "AlbertLayerGroup"
# Return the last hidden states, all of them, and the attention probabilities.
ENCODERS = {
    *("AlbertTransformer", "BertEncoder", "CLIPEncoder", "CamembertEncoder", "ElectraEncoder", "RobertaEncoder"),
    *("Transformer", "Wav2Vec2Encoder", "Wav2Vec2EncoderStableLayerNorm", "XLMRobertaEncoder"),
}
# Return the hidden states and attentions of their encoder, where Transformers 5 returns others: of the layers inside
# ALBERT's groups, or the last ones before Wav2Vec2's last norm.
BASE_MODELS = {"AlbertModel", "Wav2Vec2Model"}
CLIP_TOWERS = {"CLIPTextModel": "text_model", "CLIPVisionModel": "vision_model"}
CLIP_LAYERS = (r"embeddings\.", r"encoder\.", r"final_layer_norm\.", r"pre_layrnorm\.", r"post_layernorm\.")
TEXT_OF_CLIP = re.compile(r"text_model($|\.encoder($|\.)|\.final_layer_norm$)")
NOT_COMPARABLE = (
    f"transformers {transformers.__version__} attends otherwise than 4.57 from padding that only padding precedes, in "
    "CLIP's text model: at masked positions its results are not compared"
)
OF_4_WITH_RELATIVE_KEYS = {"albert", "bert", "camembert", "electra", "roberta", "xlm-roberta"}
SUMS_OF_LAYERS = {"Wav2Vec2ForSequenceClassification"}
T5_LAYERS = {"T5LayerSelfAttention", "T5LayerCrossAttention"}
T5_EMBEDDINGS = re.compile(r"(^|\.)(encoder|decoder)\.embed_tokens$")


def is_needed():
    return int(transformers.__version__.partition(".")[0]) >= 5


def name_of(module):
    """The class, for classes of Transformers' models."""
    return type(module).__name__ if type(module).__module__.startswith("transformers.models.") else ""


class Call:
    """A call of a module, and the calls that it made itself."""

    def __init__(self, module, arguments, keywords):
        self.module, self.arguments, self.keywords = module, arguments, keywords
        self.calls = []
        self.result = None  # as 4.57 would return it
        self.hidden, self.attentions = None, []  # of a layer or a group: what it returned first, its probabilities

    def argument(self, index, name):
        return self.arguments[index] if len(self.arguments) > index else self.keywords.get(name)

    def of(self, names):
        return [call for call in self.calls if name_of(call.module) in names]


class Meaning:
    """Hooks for one run of a model. Every module that is hooked must report what it returned to `leave`. With
    `as_installed` all stays what the installed version says."""

    def __init__(self, model, as_installed=False):
        self.model = model
        self.is_needed = is_needed() and not as_installed
        self.stack = []
        self.replaced = {}  # by identity: (what a module returned, or a member of it; what 4.57 would)

    def path(self, path):
        """The path in 4.57 of the module at this path, None for one that 4.57 has under another path too."""
        if not self.is_needed:
            return path
        tower = CLIP_TOWERS.get(name_of(self.model))
        if tower:
            return f"{tower}.{path}" if path else tower
        if name_of(self.model).startswith("T5") and T5_EMBEDDINGS.search(path):
            return T5_EMBEDDINGS.sub(r"\1shared", path)
        return path

    def hooks(self):
        if not self.is_needed:
            return []
        return [module.register_forward_pre_hook(self.enter, with_kwargs=True) for module in self.model.modules()]

    def enter(self, module, arguments, keywords):
        call = Call(module, arguments, keywords)
        if self.stack:
            self.stack[-1].calls.append(call)
        self.stack.append(call)

    def leave(self, result):
        """The result of the call that returns now, as 4.57 would return it."""
        if not self.is_needed:
            return result
        call = self.stack.pop()
        call.result = self.convert(call, result)
        call.calls = []
        return call.result

    def outputs(self, result):
        """What the model returned."""
        if isinstance(result, dict):
            return {name: self.in_4(member) for name, member in result.items()}
        if isinstance(result, tuple) and not hasattr(result, "_fields"):
            return tuple(map(self.in_4, result))
        return self.in_4(result)

    def in_4(self, value):
        return self.replaced.get(id(value), (None, value))[1]

    def replace(self, value, wanted):
        self.replaced[id(value)] = (value, wanted)  # the value is kept, or another could get its identity
        return wanted

    def convert(self, call, result):
        name = name_of(call.module)
        if name in LAYERS and isinstance(result, torch.Tensor):
            return self.layer(call, result, LAYERS[name])
        if name == ALBERT_GROUP and isinstance(result, torch.Tensor):
            return self.albert_group(call, result)
        if name in ENCODERS and call.of({*LAYERS, ALBERT_GROUP}):
            return self.encoder(call, result)
        if name in BASE_MODELS and call.of(ENCODERS):
            return self.base_model(call, result)
        if name in CLIP_TOWERS:
            return self.replace(result, dict(result))  # it will be overwritten
        if name == "T5Attention":
            return self.t5_attention(call, result)
        if name in T5_LAYERS:
            return (result[0], *call.of({"T5Attention"})[0].result[1:])
        if name == "T5Block":
            return (result[0], *(tensor for layer in call.of(T5_LAYERS) for tensor in layer.result[1:]))
        return result

    def layer(self, call, result, attentions_first):
        attentions = [inner.result[1] for inner in call.calls if name_of(inner.module).endswith("Attention")]
        call.hidden, call.attentions = result, attentions
        return (*attentions, result) if attentions_first else (result, *attentions)

    def albert_group(self, call, result):
        layers = call.of(LAYERS)
        call.hidden, call.attentions = result, [layer.attentions[0] for layer in layers]
        return result, tuple(layer.hidden for layer in layers), tuple(call.attentions)

    def encoder(self, call, result):
        last = result[0]
        layers = call.of({*LAYERS, ALBERT_GROUP})
        hidden = (*(layer.argument(0, "hidden_states") for layer in layers), last)
        if name_of(layers[0].module) == ALBERT_GROUP:
            kinds = [[probabilities for group in layers for probabilities in group.attentions]]
        else:
            kinds = zip(*(layer.attentions for layer in layers))  # those of self-attention, then of cross-attention
        return (last, hidden, *map(tuple, kinds))

    def base_model(self, call, result):
        encoded = call.of(ENCODERS)[0].result
        wanted = dict(result)
        for name, members in zip(("hidden_states", "attentions"), encoded[1:]):
            if name in wanted:
                wanted[name] = self.replace(wanted[name], members)
        return wanted

    @staticmethod
    def t5_attention(call, result):
        """In 4.57 the bias has the mask in it, so that it is one for each text."""
        attended, bias, *weights = result
        hidden, mask = call.argument(0, "hidden_states"), call.argument(1, "mask")
        bias = bias if mask is None else bias + mask[..., : bias.shape[-1]]
        return (attended, bias.expand(hidden.shape[0], -1, -1, -1), *weights)


def check_config(fields, class_name, path):
    """Failure for what Transformers 5 computes otherwise than 4.57 for the same weights, without a word."""
    what = changed_in_5(fields, class_name) if is_needed() else None
    if what:
        hint = "run another Python, with transformers 4.57 (`pip install 'transformers<5'`)"
        raise Failure(UNKNOWN_CLASS, f"{path}: transformers {transformers.__version__} {what}; {hint}")


def changed_in_5(fields, class_name):
    kind = fields.get("position_embedding_type") or "absolute"
    if kind != "absolute" and fields.get("model_type") in OF_4_WITH_RELATIVE_KEYS:
        return f"no longer has position_embedding_type {kind}"
    if class_name in SUMS_OF_LAYERS and fields.get("use_weighted_layer_sum") and fields.get("do_stable_layer_norm"):
        return (
            "adds up the encoder's layers otherwise than 4.57 where use_weighted_layer_sum and do_stable_layer_norm are "
            "true: the last one before the encoder's last norm, so that the same weights give other results"
        )
    return None


def mask_of_clip(model, inputs):
    """The mask of texts for CLIP of Transformers 5, or None."""
    mask = inputs.get("attention_mask")
    is_concerned = is_needed() and name_of(model) in ("CLIPModel", "CLIPTextModel")
    return mask if is_concerned and mask is not None and mask.dim() == 2 else None


def check_inputs(model, inputs):
    """Failure for inputs of which 5 makes other results than 4.57, pooled ones too."""
    mask = mask_of_clip(model, inputs)
    if mask is not None and not bool(mask.any(-1).all()):
        what = f"transformers {transformers.__version__} attends otherwise than 4.57 in CLIP's text model"
        hint = "leave the text out, or run another Python, with transformers 4.57"
        raise Failure(BAD_INPUT, f"a text of which nothing is kept cannot be compared: {what}; {hint}")


def not_comparable(model, inputs, calls, output_masks):
    """Tensors of the trace that hold other things than in 4.57 where the mask excludes positions. CLIP's
    texts read what precedes them. Where all of that is padding, 4.57 gives other weights to it than 5."""
    mask = mask_of_clip(model, inputs)
    if mask is None or bool(mask[:, 0].all()):
        return []
    after = [call for call in calls if TEXT_OF_CLIP.match(call["path"])]
    names = [f"stage.{name}" for call in after if call["mask"] == "attention_mask" for name in call["tensors"]]
    names += [f"output.{name}" for name, of in output_masks.items() if of == "attention_mask"]
    return [{"tensors": names, "positions": "excluded", "reason": NOT_COMPARABLE}] if names else []


def renaming(model_class):
    """An argument of from_pretrained, by which Transformers 4 reads towers of CLIP that 5 has saved."""
    tower = CLIP_TOWERS.get(model_class.__name__)
    if is_needed() or not tower:
        return {}
    return {"key_mapping": {rf"^(?={'|'.join(CLIP_LAYERS)})": f"{tower}."}}


def adapt(config):
    """Gives the configuration of a T5 that 5 has saved the meaning that it has in 4: tied is what scales there."""
    scaled = getattr(config, "scale_decoder_outputs", None)
    if not is_needed() and getattr(config, "model_type", "") == "t5" and isinstance(scaled, bool):
        config.tie_word_embeddings = scaled


def mend(model, missing, stored):
    """Gives weights that one version shares although nothing is tied, and the other does not, the values that the
    version which saved them meant. Takes those that are found from `missing`; returns sentences for the user."""
    if getattr(model.config, "tie_word_embeddings", True):
        return []
    state = model.state_dict()
    notes = []
    for key in sorted(missing & state.keys()):
        other = shared_elsewhere(key, hasattr(model.config, "scale_decoder_outputs"))
        if other in state and other not in missing:
            state[key].copy_(state[other])
            missing.remove(key)
            notes.append(f"the checkpoint lacks {key}; it has the values of {other}, as where it was saved")
    heads = [key for key in state if key.endswith(".decoder.bias")]
    saved = stored() if heads and not is_needed() else {}
    for key in heads:
        if key in saved:  # saved by 5, which computes with this one
            state[key].copy_(saved[key]())
    return notes


def shared_elsewhere(key, is_t5_of_5):
    """The key of the parameter that the other version has in the place of this one even where nothing is tied, or
    None."""
    if is_t5_of_5 and key == "lm_head.weight":
        return "shared.weight"
    if key.endswith(".decoder.bias"):  # of a head for masked language models
        return key.removesuffix("decoder.bias") + "bias"
    embeddings = re.fullmatch(r"(.*\.)?(encoder|decoder)\.embed_tokens\.weight", key)
    return f"{embeddings[1] or ''}shared.weight" if embeddings else None
