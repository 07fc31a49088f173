#!/usr/bin/env python3
"""Converts checkpoints like those that people report trouble with, and lets PyTorch and Transformers 4.57 judge.

    tests/acceptance/cases.py build/crossload [--only WORD]

Each case is a small checkpoint of the real classes, changed into what people have. CASES says what must come of it: the
exit code, and words of the error or of the notes. Those of `everywhere` are saved as pytorch_model.bin, model.safetensors
and shards, the others in one of them. A checkpoint that converts is compared with PyTorch by the program itself in one
container; from the others the same tf_model.h5 must come, byte for byte. What was written is then loaded here by the
class of Transformers 4.57, whose result must be PyTorch's. FOREIGN are folders that hold no checkpoint at all.

Needs build/crossload (make build) and .venv (make setup). Two conversions run at a time.
"""

import argparse
import concurrent.futures
import dataclasses
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

os.environ.update(TF_USE_LEGACY_KERAS="1", HF_HUB_OFFLINE="1", TF_CPP_MIN_LOG_LEVEL="3")

import numpy as np
import tensorflow as tf
import torch
import transformers as hf
from safetensors.torch import save_file

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))
sys.dont_write_bytecode = True

from tiny.fork_server import forked_python, run_tool

hf.logging.set_verbosity_error()

CONTAINERS = ("safetensors", "bin", "shards")
TEXT = dict(vocab_size=64, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24,
            max_position_embeddings=40)


@dataclasses.dataclass
class Case:
    model: object  # of PyTorch, or what makes it
    exit: int = 0
    says: tuple = ()  # words of the error, or of the notes
    flags: tuple = ()
    weights: object = None  # changes the state dict
    config: object = None  # changes the fields of config.json
    beside: object = None  # writes more files into the folder
    wrap: object = None  # what is saved in place of the state dict; .bin alone
    everywhere: bool = False
    container: str = "bin"
    loads_as: object = None  # the PyTorch class, where it is not the model's own, or the file has other numbers
    without_pooler: bool = False
    missing: tuple = ()  # what Transformers 4.57 misses in tf_model.h5, by right


def made(model_class, config, scale=0.2, seed=1):
    """A model whose every parameter is random: one that is lost or exchanged shows."""
    model = model_class(config)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            noise = torch.randn(parameter.shape, generator=generator) * scale
            parameter.copy_(noise + 1 if parameter.ndim == 1 and float(parameter.abs().sum()) else noise)
        for name, parameter in model.named_parameters():
            if name.endswith(("weight_g", "original0")):
                parameter.abs_()
    return model.eval()


def renamed(*pairs):
    def change(state):
        for old, new in pairs:
            state = {name.replace(old, new): tensor for name, tensor in state.items()}
        return state

    return change


def without(*words):
    return lambda state: {name: t for name, t in state.items() if not any(word in name for word in words)}


def with_more(**tensors):
    return lambda state: {**state, **{name.replace("__", "."): tensor for name, tensor in tensors.items()}}


def in_front(prefix):
    return lambda state: {prefix + name: tensor for name, tensor in state.items()}


def spoilt(name, row, value):
    def change(state):
        state[name] = state[name].clone()
        state[name][row] = value
        return state

    return change


def fields(**changes):
    return lambda config: {k: v for k, v in {**config, **changes}.items() if v is not None}


def in_turn(*changes):
    def change(value):
        for one in changes:
            value = one(value)
        return value

    return change


def bert(head=hf.BertModel, **more):
    return lambda: made(head, hf.BertConfig(**TEXT, **more))


def roberta(head):
    return lambda: made(head, hf.RobertaConfig(**TEXT, pad_token_id=1))


def wav2vec2(head=hf.Wav2Vec2ForCTC):
    sizes = {**TEXT, "vocab_size": 20}
    sizes.pop("max_position_embeddings")
    convolutions = dict(conv_dim=(8, 8), conv_stride=(4, 2), conv_kernel=(8, 3), num_feat_extract_layers=2)
    positions = dict(num_conv_pos_embeddings=8, num_conv_pos_embedding_groups=2)
    return lambda: made(head, hf.Wav2Vec2Config(**sizes, **convolutions, **positions))


def t5(**more):
    sizes = dict(vocab_size=64, d_model=16, d_kv=8, d_ff=24, num_layers=2, num_heads=2, decoder_start_token_id=0)
    return lambda: made(hf.T5ForConditionalGeneration, hf.T5Config(**{**sizes, **more}))


def large_t5():
    """Its feed-forward layers reach 1e3, as those of T5 v1.1 and mT5 do."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        model = hf.T5ForConditionalGeneration(hf.T5Config(
            vocab_size=512, d_model=256, d_kv=64, d_ff=512, num_layers=6, num_heads=4, decoder_start_token_id=0,
            feed_forward_proj="gated-gelu", tie_word_embeddings=False)).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.mul_({"wo": 8, "wi_0": 2, "wi_1": 2}.get(name.split(".")[-2], 1))
    return model


def bart(head, **more):
    sizes = dict(vocab_size=64, d_model=16, max_position_embeddings=40)
    sides = {f"{side}_{name}": value for side in ("encoder", "decoder")
             for name, value in dict(layers=2, attention_heads=2, ffn_dim=24).items()}
    return lambda: made(head, hf.BartConfig(**sizes, **sides, **more))


def clip():
    text = {**TEXT, "eos_token_id": 63, "bos_token_id": 62}
    vision = dict(hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2, image_size=20,
                  patch_size=10)
    return made(hf.CLIPModel, hf.CLIPConfig(text_config=text, vision_config=vision, projection_dim=12))


def trained_clip():
    model = clip()
    model.logit_scale.data.fill_(4.6052)  # ln 100, where every trained one ends
    return model


def deberta(head):
    return lambda: made(head, hf.DebertaV2Config(
        **TEXT, type_vocab_size=0, relative_attention=True, position_buckets=8, pos_att_type=["p2c", "c2p"],
        share_att_key=True, norm_rel_ebd="layer_norm", position_biased_input=False))


def tokenizer_of_v5(folder):
    (folder / "vocab.txt").write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefghijklmnop"]))
    hf.BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(folder)
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "extra_special_tokens": ["<x>"], "is_local": True}))


def sentencepiece_alone(folder):
    from transformers.utils import sentencepiece_model_pb2_new as protocol

    model = protocol.ModelProto()
    for text, kind in [("[PAD]", 3), ("[CLS]", 3), ("[SEP]", 3), ("[UNK]", 2), *((c, 1) for c in "\u2581etaoin shrdlu.,")]:
        model.pieces.add(piece=text, type=kind, score=-len(model.pieces) / 2)
    model.trainer_spec.model_type, model.trainer_spec.unk_id = 1, 3
    model.trainer_spec.vocab_size = len(model.pieces)
    model.normalizer_spec.name = "identity"
    (folder / "spm.model").write_bytes(model.SerializeToString())
    (folder / "tokenizer_config.json").write_text('{"vocab_type": "spm"}')


def in_8_bits(state):
    changed = {}
    for name, tensor in state.items():
        changed[name] = tensor
        if "encoder" in name and tensor.ndim == 2:
            changed[name], changed[name.replace("weight", "SCB")] = tensor.mul(100).char(), tensor.abs().amax(1)
    return changed


def cross_bias(state):
    bias = state["decoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight"]
    return {**state, "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight": bias.clone()}


OLD_NORM = renamed(("parametrizations.weight.original0", "weight_g"), ("parametrizations.weight.original1", "weight_v"))
MINE = with_more(crf__transitions=torch.ones(5, 5), crf__start_transitions=torch.ones(5), loss_fct__weight=torch.ones(5))
LET_GO = ("--ignore-tensors", "crf.*=decoded outside", "--ignore-tensors", "loss_fct.weight=of training")
POOLER = ("pooler/dense/kernel:0", "pooler/dense/bias:0")

CASES = {
    # Those of the issue.
    "clip_with_trained_temperature": Case(trained_clip, says=("by float32's rounding",), everywhere=True),
    "t5_with_large_activations": Case(large_t5, says=("by float32's rounding",), everywhere=True),
    "bart_classifier": Case(bart(hf.BartForSequenceClassification, num_labels=3), everywhere=True),
    "wav2vec2_without_masked_spec_embed": Case(
        wav2vec2(), says=("note: the checkpoint lacks wav2vec2.masked_spec_embed, which is used in training alone",),
        weights=in_turn(OLD_NORM, without("masked_spec_embed")), everywhere=True),
    "wav2vec2_of_2020": Case(
        wav2vec2(), says=("has wav2vec2.masked_spec_embed by its old name, wav2vec2.mask_time_emb_vector",),
        weights=in_turn(OLD_NORM, renamed(("masked_spec_embed", "mask_time_emb_vector"))), everywhere=True),
    "bert_with_tokenizer_of_v5": Case(bert(), says=("note: the tokenizer cannot be used",), beside=tokenizer_of_v5,
                                      everywhere=True),
    "deberta_with_sentencepiece_only": Case(deberta(hf.DebertaV2ForSequenceClassification), beside=sentencepiece_alone,
                                            everywhere=True),
    "bert_of_2019_without_model_type": Case(bert(), config=fields(model_type=None), everywhere=True),
    "bert_that_names_nothing": Case(bert(), 3, ('has no "model_type"', "--override-model-class"), everywhere=True,
                                    config=fields(model_type=None, architectures=None)),
    "token_classifier_with_a_crf": Case(
        bert(hf.BertForTokenClassification, num_labels=5), 3, weights=MINE, everywhere=True,
        says=("3 unexpected: crf.start_transitions, crf.transitions, loss_fct.weight;", "--ignore-tensors")),
    "the_crf_let_go": Case(bert(hf.BertForTokenClassification, num_labels=5), weights=MINE, flags=LET_GO, everywhere=True),
    "masked_lm_wanted_as_base_model": Case(
        bert(hf.BertForMaskedLM), flags=("--override-model-class", "BertModel"), loads_as=hf.BertModel, missing=POOLER,
        says=("note: the checkpoint has no pooler",), without_pooler=True, everywhere=True),
    "checkpoint_of_lightning": Case(
        bert(hf.BertForSequenceClassification), 3, wrap=lambda s: {"epoch": 3, "state_dict": s, "optimizer_states": []},
        weights=in_front("model."), says=('"model." in front of the names is in the way',
                                          "model.bert.embeddings.LayerNorm.bias is bert.embeddings.LayerNorm.bias")),
    "names_of_lightning": Case(bert(hf.BertForSequenceClassification), 3, ('"model." in front of the names',),
                               weights=in_front("model."), everywhere=True),
    "eight_bit_weights": Case(bert(), 4, ("quantization_config is not supported", "by bitsandbytes", "dequantize()"),
                              weights=in_8_bits, config=fields(quantization_config={"quant_method": "bitsandbytes"}),
                              everywhere=True),
    # Names of the past.
    "bert_of_2018": Case(bert(hf.BertForMaskedLM), config=fields(model_type=None),
                         weights=renamed(("LayerNorm.weight", "LayerNorm.gamma"), ("LayerNorm.bias", "LayerNorm.beta"))),
    "bert_with_buffers": Case(bert(), weights=with_more(embeddings__position_ids=torch.arange(40)[None],
                                                        embeddings__token_type_ids=torch.zeros(1, 40).long())),
    "t5_of_2019": Case(t5(), config=fields(architectures=["T5WithLMHeadModel"]), container="shards",
                       weights=in_turn(cross_bias, without("lm_head", "embed_tokens"))),
    "bart_of_2020": Case(bart(hf.BartForConditionalGeneration), config=fields(architectures=["BartForMaskedLM"]),
                         weights=in_turn(without("final_logits_bias", "lm_head", "embed_tokens"),
                                         with_more(model__encoder__version=torch.ones(1)))),
    "wav2vec2_as_masked_lm": Case(wav2vec2(), config=fields(architectures=["Wav2Vec2ForMaskedLM"]), weights=OLD_NORM),
    "config_of_flax": Case(bert(hf.BertForMaskedLM), config=fields(architectures=["FlaxBertForMaskedLM"])),
    "distilbert_with_buffers": Case(
        lambda: made(hf.DistilBertForMaskedLM, hf.DistilBertConfig(
            vocab_size=64, dim=16, n_layers=2, n_heads=2, hidden_dim=24, max_position_embeddings=40)),
        weights=with_more(distilbert__embeddings__position_ids=torch.arange(40)[None]), container="safetensors"),
    "clip_with_buffers": Case(clip, weights=with_more(
        text_model__embeddings__position_ids=torch.arange(40)[None],
        vision_model__embeddings__position_ids=torch.arange(5)[None])),
    "whisper_without_its_projection": Case(
        lambda: made(hf.WhisperForConditionalGeneration, hf.WhisperConfig(
            vocab_size=64, d_model=16, encoder_layers=2, decoder_layers=2, encoder_attention_heads=2,
            decoder_attention_heads=2, encoder_ffn_dim=24, decoder_ffn_dim=24, num_mel_bins=8, max_source_positions=30,
            max_target_positions=20, pad_token_id=0, bos_token_id=1, eos_token_id=2, decoder_start_token_id=3,
            suppress_tokens=[], begin_suppress_tokens=[])), weights=without("proj_out"), container="safetensors"),
    "deberta_of_microsoft": Case(
        deberta(hf.DebertaV2Model), config=fields(architectures=None),
        weights=in_turn(in_front("deberta."), with_more(mask_predictions__dense__weight=torch.ones(2, 2),
                                                        lm_predictions__lm_head__bias=torch.ones(64)))),
    # Bases of heads, and heads that are not there.
    "roberta_wanted_as_base_model": Case(
        roberta(hf.RobertaForMaskedLM), flags=("--override-model-class", "AutoModel"), loads_as=hf.RobertaModel,
        says=("note: the checkpoint has no pooler",), missing=POOLER, without_pooler=True, container="shards"),
    "bert_wanted_with_a_head": Case(bert(), 3, ("2 missing: classifier.weight", "or BertModel for the model without"),
                                    flags=("--override-model-class", "BertForSequenceClassification")),
    "two_architectures": Case(bert(), 3, ("names 2 architectures", "--override-model-class"),
                              config=fields(architectures=["BertModel", "BertForMaskedLM"])),
    "a_class_that_tensorflow_lacks": Case(
        wav2vec2(), 4, ("no class of wav2vec2 here", "TFWav2Vec2Model", "choose one with --override-model-class"),
        config=fields(architectures=["Wav2Vec2ForPreTraining"])),
    # Trainers' wrappings.
    "of_data_parallel": Case(bert(), weights=in_front("module."), everywhere=True),
    "of_torch_compile": Case(bert(hf.BertForMaskedLM), weights=in_front("_orig_mod."), container="safetensors"),
    "without_format": Case(bert(), beside=lambda folder: save_file(
        bert()().state_dict(), folder / "model.safetensors", {"by": "me"}), container="safetensors"),
    "tied_under_one_name": Case(bert(hf.BertForMaskedLM), 3, weights=without("predictions.bias"), flags=(),
                                says=("lacks weights of BertForMaskedLM: cls.predictions.bias",)),
    "parameters_and_numbers": Case(bert(), wrap=lambda s: {
        **{name: torch.nn.Parameter(tensor) for name, tensor in s.items()}, "version": 3, "name": "x", "none": None}),
    "in_half_precision": Case(bert(), weights=lambda s: {name: tensor.half() for name, tensor in s.items()}),
    "in_double_precision": Case(bert(), weights=lambda s: {name: tensor.double() for name, tensor in s.items()}),
    # Numbers that are none: the frameworks agree, and the user is told.
    "nan_in_an_embedding": Case(
        bert(), weights=spoilt("embeddings.word_embeddings.weight", 60, float("nan")), everywhere=True, loads_as=hf.BertModel,
        says=("note: the checkpoint holds NaN or infinity in embeddings.word_embeddings.weight (16 of 1024 elements)",)),
    "nan_that_spreads": Case(
        bert(), weights=spoilt("encoder.layer.0.output.dense.weight", 3, float("nan")), container="safetensors", loads_as=hf.BertModel,
        says=("note: the checkpoint holds NaN or infinity in encoder.layer.0.output.dense.weight (24 of 384 elements)",
              "note: NaN or infinity in both frameworks, which agree and say nothing: ", "output.last_hidden_state (")),
    "infinity_in_a_bias": Case(
        bert(hf.BertForSequenceClassification), weights=spoilt("classifier.bias", 1, -float("inf")),
        loads_as=hf.BertForSequenceClassification,
        says=("in classifier.bias (1 of 2 elements)", "say nothing: output.logits (")),
    "another_prefix": Case(
        bert(hf.BertForSequenceClassification), 3, weights=renamed(("bert.", "encoder_model.")),
        says=("encoder_model.embeddings.LayerNorm.bias is bert.embeddings.LayerNorm.bias of BertForSequenceClassification",
              'name.replace("encoder_model.", "bert.", 1)')),
    "vocabulary_of_another_size": Case(bert(), 3, ("embeddings.word_embeddings.weight is [64, 16], wanted [66, 16]",),
                                       config=fields(vocab_size=66)),
    "under_model_state_dict": Case(bert(), wrap=lambda s: {"epoch": 1, "model_state_dict": s}),
    # What no model holds so.
    "pruned": Case(bert(), 4, ("torch.nn.utils.prune", "pooler.dense.weight_orig", "prune.remove"), everywhere=True,
                   weights=lambda s: {**without("pooler.dense.weight")(s), "pooler.dense.weight_orig": torch.ones(16, 16),
                                      "pooler.dense.weight_mask": torch.ones(16, 16)}),
    "heads_pruned": Case(bert(), 4, ("pruned_heads is not supported",), config=fields(pruned_heads={"0": [1]})),
    "lora_inside": Case(bert(), 4, ("an adapter (LoRA)", "merge_and_unload()"), everywhere=True,
                        weights=with_more(pooler__dense__lora_A__default__weight=torch.ones(2, 16))),
    "gptq": Case(bert(), 4, ("quantized, as pooler.dense.qweight",), everywhere=True,
                 weights=with_more(pooler__dense__qweight=torch.ones(2, 2, dtype=torch.int32))),
}

# What stands beside config.json (or, with no_config, alone), and what is said of it.
LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"
HTML = b"<!doctype html>\n<html><head><title>401</title></head></html>"
FOREIGN = {
    "pointer_bin": ({"pytorch_model.bin": LFS}, 3, "pytorch_model.bin: not a sound PyTorch file: it is a pointer of Git LFS"),
    "pointer_safetensors": ({"model.safetensors": LFS}, 3, "it is a pointer of Git LFS"),
    "pointer_config": ({"config.json": LFS, "pytorch_model.bin": b""}, 3, "config.json: not valid JSON: it is a pointer"),
    "page_bin": ({"pytorch_model.bin": HTML}, 3, "it is a web page (HTML)"),
    "page_safetensors": ({"model.safetensors": HTML}, 3, "it is a web page (HTML)"),
    "page_index": ({"model.safetensors.index.json": HTML}, 3, "it is a web page (HTML)"),
    "page_shard": ({"pytorch_model.bin.index.json": b'{"weight_map": {"a": "1.bin"}}', "1.bin": HTML}, 3, "1.bin: not"),
    "entry_not_found": ({"model.safetensors": b"Entry not found"}, 3, 'text that begins with "Entry not found"'),
    "safetensors_as_bin": ({"pytorch_model.bin": b"\2" + b"\0" * 7 + b"{}"}, 3, "it is a safetensors file; name it model"),
    "bin_as_safetensors": ({"model.safetensors": b"PK\3\4" + b"\0" * 60}, 3, "name it pytorch_model.bin"),
    "h5_as_bin": ({"pytorch_model.bin": b"\x89HDF\r\n\x1a\n" + b"\0" * 60}, 3, "it is an HDF5 file"),
    "tensorflow": ({"tf_model.h5": b"\x89HDF"}, 3, "holds TensorFlow's weights (tf_model.h5) and none of PyTorch's"),
    "tensorflow_safetensors": ({"model.safetensors": b'\x20\0\0\0\0\0\0\0{"__metadata__":{"format":"tf"}}'}, 3,
                               "its safetensors are TensorFlow's"),
    "saved_model": ({"saved_model.pb": b""}, 3, "is a SavedModel of TensorFlow"),
    "flax": ({"flax_model.msgpack": b""}, 3, "from_flax=True"),
    "variant": ({"model.fp16.safetensors": b""}, 3, 'the variant "fp16" alone'),
    "variant_shards": ({"pytorch_model.bin.index.fp16.json": b""}, 3, "a variant alone"),
    "adapter": ({"adapter_config.json": b"{}", "adapter_model.safetensors": b""}, 4, "merge_and_unload()"),
    "ckpt": ({"last.ckpt": b""}, 3, "last.ckpt, as Lightning saves it"),
    "deepspeed": ({"zero_to_fp32.py": b"", "latest": b""}, 3, "run `python zero_to_fp32.py . pytorch_model.bin`"),
    "trainer": ({"checkpoint-500/config.json": b"", "training_args.bin": b""}, 3, "give one of them, such as "),
    "hub_cache": ({"snapshots/0/config.json": b"", "blobs/0": b"", "refs/main": b""}, 3, "is a folder of the Hub's cache"),
    "gguf": ({"model-q4.gguf": b"GGUF"}, 3, "of llama.cpp (model-q4.gguf)"),
    "onnx": ({"model.onnx": b""}, 3, "of ONNX"),
    "missing_shard": ({"model.safetensors.index.json": b'{"weight_map": {"a": "model-00001-of-00001.safetensors"}}'}, 3,
                      "which is not there; download the folder again"),
}


# While from_pretrained runs, it changes for the whole process how modules are made: one thread at a time has PyTorch.
PYTORCH = threading.Lock()


class Failure(Exception):
    pass


def require(condition, what):
    if not condition:
        raise Failure(what)


def save(folder, state, container, wrap=None):
    state = {name: tensor.detach().clone().contiguous() for name, tensor in state.items()}
    if wrap is not None:
        torch.save(wrap(state), folder / "pytorch_model.bin")
    elif container == "bin":
        torch.save(state, folder / "pytorch_model.bin")
    elif container == "safetensors":
        save_file(state, folder / "model.safetensors", {"format": "pt"})
    else:
        names, weight_map = sorted(state), {}
        for number, part in enumerate((names[::2], names[1::2]), 1):
            file = f"model-{number:05}-of-00002.safetensors"
            save_file({name: state[name] for name in part}, folder / file, {"format": "pt"})
            weight_map.update(dict.fromkeys(part, file))
        index = {"metadata": {}, "weight_map": weight_map}
        (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def write(case, model, folder, container):
    """The checkpoint of the model."""
    folder.mkdir(parents=True)
    state = model.state_dict()
    if container != "bin":  # safetensors hold no tensor twice
        own = {tensor.data_ptr(): name for name, tensor in reversed(state.items())}
        state = {name: tensor for name, tensor in state.items() if own[tensor.data_ptr()] == name}
    state = case.weights(dict(state)) if case.weights else state
    config = {**json.loads(model.config.to_json_string(use_diff=False)), "architectures": [type(model).__name__]}
    (folder / "config.json").write_text(json.dumps(case.config(config) if case.config else config))
    save(folder, state, container, case.wrap)
    if case.beside:
        case.beside(folder)


def run(program, folder, output, *flags):
    words = [program, "pt-to-tf", "--model-name", str(folder), "--output", str(output), "--formats", "h5", *flags]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(words, capture_output=True, text=True, timeout=600, env=environment)
    return done.returncode, done.stdout + done.stderr


def inputs_of(model):
    ids = torch.tensor([[2, 5, 7, 11, 13, 63], [2, 9, 8, 3, 4, 63]])
    kind = model.config.model_type
    if kind == "wav2vec2":
        return {"input_values": torch.sin(torch.arange(800.0)).reshape(2, 400)}
    if kind == "whisper":
        return {"input_features": torch.sin(torch.arange(960.0)).reshape(2, 8, 60), "decoder_input_ids": ids}
    if kind == "clip":
        return {"input_ids": ids, "pixel_values": torch.sin(torch.arange(2400.0)).reshape(2, 3, 20, 20)}
    if kind == "bart" and "Classification" in type(model).__name__:
        ids[:, -1] = model.config.eos_token_id
        return {"input_ids": ids}
    return {"input_ids": ids, **({"decoder_input_ids": ids} if model.config.is_encoder_decoder else {})}


def first_output(outputs):
    name = next(name for name in ("logits", "logits_per_image", "last_hidden_state") if name in outputs)
    value = outputs[name]
    return value.detach().numpy() if isinstance(value, torch.Tensor) else value.numpy()


def judge(case, model, folder, output):
    """PyTorch's numbers of the checkpoint and those that Transformers 4.57 gives of what was written."""
    model_class = case.loads_as or type(model)
    if case.loads_as:
        more = {"add_pooling_layer": False} if case.without_pooler else {}
        model = model_class.from_pretrained(folder, **more).eval()
    inputs = inputs_of(model)
    if "precision" in folder.parent.name:
        model = model_class.from_pretrained(folder).float().eval()
    with torch.no_grad():
        expected = first_output(model(**inputs))
    tf_class = getattr(hf, "TF" + model_class.__name__)
    loaded, info = tf_class.from_pretrained(output, output_loading_info=True)
    unexpected, missing = info["unexpected_keys"], [name for name in info["missing_keys"] if "/" in name]  # no layers
    allowed = [name for name in missing if not name.endswith(case.missing)] if case.missing else missing
    require(not unexpected and not allowed, f"Transformers 4.57: missing {missing}, unexpected {unexpected}")
    got = first_output(loaded({name: tf.constant(tensor.numpy()) for name, tensor in inputs.items()}))
    finite = np.isfinite(expected)
    require(np.array_equal(got[~finite], expected[~finite], equal_nan=True), "not infinite, or NaN, where PyTorch is")
    got, expected = got[finite], expected[finite]
    limit = 1e-5 + 1e-4 * max(1.0, float(np.abs(expected).max(initial=0)))
    distance = float(np.abs(got - expected).max(initial=0))
    require(distance < limit, f"Transformers 4.57 is {distance} from PyTorch, of {np.abs(expected).max(initial=0)}")


def check_messages(output, says):
    lines = [line for line in output.splitlines() if line.startswith("crossload: ")]
    for words in says:
        require(words in output, f"does not say {words!r}: {output[-800:]}")
    require(len(lines) <= 1, f"more than one line: {lines}")


def check_case(program, name, case, number, folder):
    """Gives what is to be judged: (name, case, model, checkpoint, output)."""
    containers = CONTAINERS if case.everywhere else (case.container,)
    live = containers[number % len(containers)]
    hashes, judged = {}, None
    with PYTORCH:
        model = case.model()
    for container in containers:
        checkpoint, output = folder / name / container, folder / name / f"{container}-tf"
        with PYTORCH:
            write(case, model, checkpoint, container)
        flags = case.flags if container == live or case.exit else (*case.flags, "--no-verify")
        code, text = run(program, checkpoint, output, *flags)
        require(code == case.exit, f"{container}: exit {code}, wanted {case.exit}: {text[-800:]}")
        if container == live or case.exit:
            check_messages(text, case.says)
        require(output.exists() == (code == 0), f"{container}: {output} is {'' if output.exists() else 'not '}there")
        if code == 0:
            hashes[container] = hashlib.sha256((output / "tf_model.h5").read_bytes()).hexdigest()
        if container == live:
            judged = (name, case, model, checkpoint, output)
    require(len(set(hashes.values())) <= 1, f"the containers give different tf_model.h5: {hashes}")
    if case.flags == LET_GO:
        ledger = json.loads((judged[4] / "crossload.json").read_text())["ledger"]
        reasons = {row["tensor"]: row["reason"] for row in ledger if row["fate"] == "ignored"}
        require(reasons.get("crf.transitions") == "decoded outside", f"the ledger says {reasons}")
    return judged if case.exit == 0 else None


def check_foreign(program, name, files, code, says, folder):
    checkpoint = folder / name
    checkpoint.mkdir(parents=True)
    has_config = not any(file.startswith(("snapshots", "saved_model", "adapter")) for file in files)
    if has_config:
        (checkpoint / "config.json").write_text('{"model_type": "bert", "architectures": ["BertModel"]}')
    for file, content in files.items():
        path = checkpoint / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    got, text = run(program, checkpoint, folder / f"{name}-tf", "--no-verify")
    require(got == code, f"exit {got}, wanted {code}: {text[-500:]}")
    check_messages(text, (says,))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("--only", default="")
    args = parser.parse_args()
    torch.set_num_threads(1)
    faults, jobs = [], {}
    with (
        forked_python(run_tool) as python,
        tempfile.TemporaryDirectory() as root,
        concurrent.futures.ThreadPoolExecutor(2) as pool,
    ):
        os.environ["CROSSLOAD_PYTHON"] = str(python)  # one that has imported PyTorch
        root = Path(root)
        for number, (name, case) in enumerate(CASES.items()):
            if args.only in name:
                jobs[name] = pool.submit(check_case, args.program, name, case, number, root / "cases")
        for name, (files, code, says) in FOREIGN.items():
            if args.only in name:
                jobs[f"foreign: {name}"] = pool.submit(check_foreign, args.program, name, files, code, says, root / "foreign")
        for name, job in jobs.items():
            try:
                judged = job.result()
                if judged:
                    with PYTORCH:
                        judge(*judged[1:])
                print(f"ok  {name}", flush=True)
            except Exception as error:  # of PyTorch or Transformers too: the other cases go on
                faults.append(name)
                print(f"BAD {name}: {'' if isinstance(error, Failure) else type(error).__name__ + ': '}{error}", flush=True)
    print(f"{len(jobs)} cases, {len(faults)} wrong" + "".join(f"\n  {name}" for name in faults))
    return 1 if faults or not jobs else 0


if __name__ == "__main__":
    sys.exit(main())
