#!/usr/bin/env python3
"""Converts folders of sentence-transformers, and lets SentenceTransformer.encode judge their SavedModels.

    tests/acceptance/sentences.py build/crossload [--only WORD]

Tiny models of every base architecture below, with every pooling mode alone and several at once, with and without Dense
(with bias, without, other activations), LayerNorm and Normalize: sentences of many lengths, in one padded batch, are
encoded by PyTorch, and by the signature sentence_embedding in stock TensorFlow. One folder of each architecture, and
each older layout, is also compared module by module by the program itself. What is not supported, or wrong, must be
refused by the exit code and words that REFUSED says.

Needs build/crossload (make build) and .venv (make setup).
"""

import argparse
import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

os.environ.update(HF_HUB_OFFLINE="1", TF_CPP_MIN_LOG_LEVEL="3", TOKENIZERS_PARALLELISM="false")

import numpy as np
import tensorflow as tf
import tokenizers
import torch
import transformers as hf
from sentence_transformers import SentenceTransformer
from sentence_transformers.models import Dense, LayerNorm, Normalize, Pooling, Transformer

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))
sys.dont_write_bytecode = True

from tiny.fork_server import forked_python, run_tool  # noqa: E402

hf.logging.set_verbosity_error()

WORDS = [f"w{i}" for i in range(90)]
SENTENCES = [" ".join(WORDS[(7 * n + 3 * i) % 90] for i in range(length)) for n, length in enumerate((1, 2, 3, 5, 8, 13, 21, 30))]
MODES = (*Pooling.POOLING_MODES, ("cls", "max", "mean"), ("lasttoken", "weightedmean", "mean_sqrt_len_tokens"))
SMALL = dict(vocab_size=96, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=24,
             max_position_embeddings=48)
BASES = {
    "bert": lambda: hf.BertModel(hf.BertConfig(**SMALL)),
    "roberta": lambda: hf.RobertaModel(hf.RobertaConfig(**SMALL, pad_token_id=0)),
    "distilbert": lambda: hf.DistilBertModel(
        hf.DistilBertConfig(vocab_size=96, dim=16, n_layers=1, n_heads=2, hidden_dim=24, max_position_embeddings=48)),
    "xlm-roberta": lambda: hf.XLMRobertaModel(hf.XLMRobertaConfig(**SMALL, pad_token_id=0)),
    "t5": lambda: hf.T5EncoderModel(
        hf.T5Config(vocab_size=96, d_model=16, d_kv=8, d_ff=24, num_layers=1, num_heads=2, pad_token_id=0)),
    "electra": lambda: hf.ElectraModel(hf.ElectraConfig(**SMALL, embedding_size=12)),
}
# Of a width, the modules after the pooling.
TAILS = {
    "": lambda width: [],
    "dense": lambda width: [Dense(width, 12)],
    "dense without bias, identity": lambda width: [Dense(width, 20, bias=False, activation_function=torch.nn.Identity())],
    "layer norm": lambda width: [LayerNorm(width)],
    "two denses": lambda width: [Dense(width, 10, activation_function=torch.nn.ReLU()),
                                 Dense(10, 6, activation_function=torch.nn.GELU())],
}


def made_base(name, folder):
    """A checkpoint of random weights with a tokenizer of words."""
    torch.manual_seed(len(name))
    model = BASES[name]().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape) * 0.2)
    model.save_pretrained(folder)
    vocabulary = {word: i for i, word in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS])}
    words = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocabulary, unk_token="[UNK]"))
    words.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    words.post_processor = tokenizers.processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    special = dict(pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]")
    names = ["input_ids", "attention_mask"] + (["token_type_ids"] if name in ("bert", "electra") else [])
    tokenizer = hf.PreTrainedTokenizerFast(tokenizer_object=words, model_input_names=names, **special)
    tokenizer.save_pretrained(folder)


def made(base, mode, tail, normalize):
    """The SentenceTransformer, random in every parameter."""
    transformer = Transformer(str(base))
    width = transformer.get_word_embedding_dimension()
    pooling = Pooling(width, pooling_mode=mode)
    after = TAILS[tail](pooling.get_sentence_embedding_dimension()) + ([Normalize()] if normalize else [])
    torch.manual_seed(3)
    with torch.no_grad():
        for module in after:
            for parameter in module.parameters():
                parameter.copy_(torch.randn(parameter.shape) * 0.4)
    return SentenceTransformer(modules=[transformer, pooling, *after], device="cpu")


def edit(path, change):
    document = json.loads(path.read_text())
    path.write_text(json.dumps(change(document) or document))


def older_layout(folder):
    """The transformer in a folder of its own, as before sentence-transformers 2."""
    (folder / "0_Transformer").mkdir()
    kept = {"modules.json", "config_sentence_transformers.json", "README.md"}
    for file in [file for file in folder.iterdir() if file.is_file() and file.name not in kept]:
        file.rename(folder / "0_Transformer" / file.name)
    edit(folder / "modules.json", lambda modules: modules[0].update(path="0_Transformer"))


def older_names(folder):
    """Flags for pooling modes, weights of modules in pytorch_model.bin."""
    def flags(config):
        mode = config.pop("pooling_mode")
        modes = [mode] if isinstance(mode, str) else mode
        names = {"cls": "cls_token", "max": "max_tokens", "mean": "mean_tokens", "lasttoken": "lasttoken",
                 "mean_sqrt_len_tokens": "mean_sqrt_len_tokens", "weightedmean": "weightedmean_tokens"}
        config["word_embedding_dimension"] = config.pop("embedding_dimension")
        return {**config, **{f"pooling_mode_{flag}": mode in modes for mode, flag in names.items()}}

    edit(folder / "1_Pooling" / "config.json", flags)
    edit(folder / "modules.json", lambda modules: [
        {**module, "type": f"sentence_transformers.models.{module['type'].rpartition('.')[2]}"} for module in modules])
    for file in folder.glob("[1-9]_*/model.safetensors"):
        from safetensors.torch import load_file

        torch.save(load_file(file), file.with_name("pytorch_model.bin"))
        file.unlink()


def run(crossload, folder, output, *flags):
    command = [crossload, "pt-to-tf", "--model-name", folder, "--output", output, "--new-weights", *flags]
    return subprocess.run(list(map(str, command)), capture_output=True, text=True)


def distance(model, output):
    """The largest one between the embeddings of both frameworks, beyond what float32 explains of large numbers."""
    expected = model.encode(SENTENCES, batch_size=3, convert_to_numpy=True)
    loaded = tf.saved_model.load(str(output / "saved_model"))
    signature = loaded.signatures["sentence_embedding"]
    made_inputs = model.tokenizer(SENTENCES, padding=True, return_tensors="np")
    names = signature.structured_input_signature[1]
    length = made_inputs["input_ids"].shape
    inputs = {name: tf.constant(made_inputs[name] if name in made_inputs else np.zeros(length), tf.int32) for name in names}
    got = signature(**inputs)
    if set(got) != {"sentence_embedding"}:
        return f"returns {sorted(got)}"
    if "sentence_embedding" in loaded.signatures["serving_default"].structured_outputs:
        return "serving_default is not v4's"
    got = got["sentence_embedding"].numpy()
    if got.shape != expected.shape:
        return f"is {got.shape}, wanted {expected.shape}"
    apart = np.abs(got - expected)
    if not np.all(apart <= 1e-5 + 1.3e-6 * np.abs(expected)):
        return f"is {apart.max():.2e} apart"
    return float(apart.max())


def cases():
    """(base, mode, tail, normalize, change, is_compared): of BERT every mode with and without Dense and Normalize; of others
    every mode, the rest in turn."""
    yield from (("bert", mode, tail, normalize, None, False) for mode, tail, normalize in itertools.product(MODES, ("", "dense"), (False, True)))
    for shift, base in enumerate(name for name in BASES if name != "bert"):
        for i, mode in enumerate(MODES):
            yield base, mode, list(TAILS)[(i + shift) % len(TAILS)], bool((i + shift) % 2), None, False
    for i, base in enumerate(BASES):
        yield base, MODES[-1 - i % 2], "dense" if i % 2 else "layer norm", True, None, True
    for change in (older_layout, older_names):
        yield "bert", ("cls", "mean"), "two denses", True, change, True


def says(of, **fields):
    return lambda folder: edit(folder / of / "config.json", lambda config: config.update(fields))


def module_type(index, name):
    return lambda folder: edit(folder / "modules.json", lambda modules: modules[index].update(type=name))


# What is changed in a folder of BERT, mean pooling and Dense: the exit code, and words of the error.
REFUSED = {
    "word embeddings": (module_type(0, "sentence_transformers.models.WordEmbeddings"), 4, ("WordEmbeddings", "--override-model-class")),
    "CNN": (module_type(2, "sentence_transformers.models.CNN"), 4, ("CNN", "--override-model-class")),
    "LSTM": (module_type(2, "sentence_transformers.models.LSTM"), 4, ("LSTM", "--override-model-class")),
    "CLIP": (module_type(0, "sentence_transformers.models.CLIPModel"), 4, ("CLIPModel", "--override-model-class")),
    "router": (module_type(0, "sentence_transformers.models.Router"), 4, ("Router", "--override-model-class")),
    "custom code": (module_type(1, "custom_st.Pooling"), 4, ("custom_st.Pooling", "the model's own", "--override-model-class")),
    "no pooling": (module_type(1, "sentence_transformers.models.Normalize"), 4, ("no Pooling",)),
    "unknown mode": (says("1_Pooling", pooling_mode="median"), 4, ("median", "weightedmean")),
    "unknown pooling key": (says("1_Pooling", pooling_mode_median=True), 4, ("pooling_mode_median",)),
    "pooling width": (says("1_Pooling", embedding_dimension=32), 3, ("embedding_dimension is 32", "16")),
    "dense width": (says("2_Dense", in_features=8), 3, ("in_features is 8", "16")),
    "dense weights": (says("2_Dense", out_features=9), 3, ("2_Dense/model.safetensors:linear.weight", "[12, 16]", "[9, 16]")),
    "activation": (says("2_Dense", activation_function="my_code.Act"), 4, ("my_code.Act", "Tanh")),
    "token dense": (says("2_Dense", module_input_name="token_embeddings"), 4, ("module_input_name is token_embeddings",)),
    "no weights": (lambda folder: (folder / "2_Dense" / "model.safetensors").unlink(), 3, ("2_Dense", "download the folder again")),
    "no config": (lambda folder: (folder / "1_Pooling" / "config.json").unlink(), 3, ("1_Pooling/config.json", "is not there")),
    "no list": (lambda folder: (folder / "modules.json").write_text("{}"), 3, ("modules.json", "no list of modules")),
    "no JSON": (lambda folder: (folder / "modules.json").write_text("["), 3, ("modules.json",)),
    "a path outside": (lambda folder: edit(folder / "modules.json", lambda m: m[1].update(path="../other")), 3, ("leads out",)),
}


def check(crossload, case, bases, work):
    base, mode, tail, normalize, change, is_compared = case
    model = made(bases[base], mode, tail, normalize)
    folder, output = work / "model", work / "out"
    model.save(str(folder))
    if change:
        change(folder)
    ended = run(crossload, folder, output, *([] if is_compared else ["--no-verify"]), "--formats", "saved_model")
    if ended.returncode != 0:
        return f"exit {ended.returncode}: {ended.stderr}{ended.stdout}"
    if is_compared:
        stages = {stage["path"] for stage in json.loads((output / "crossload.json").read_text())["stages"]}
        wanted = {"1", "2"} | ({"2.linear", "2.activation_function"} if "dense" in tail else {"2.norm"})
        if not wanted <= stages:
            return f"did not compare {sorted(wanted - stages)}"
    return distance(model, output)


def refusal(crossload, name, folder, work):
    change, code, words = REFUSED[name]
    copy = work / "model"
    shutil.copytree(folder, copy)
    change(copy)
    ended = run(crossload, copy, work / "out")
    said = [line for line in ended.stderr.splitlines() if line.startswith("crossload: ")]  # others tell the progress
    missing = [word for word in words if word not in "".join(said)]
    if ended.returncode != code or missing or len(said) != 1:
        return f"exit {ended.returncode}, wanted {code} with {missing or words}: {ended.stderr}"
    ended = run(crossload, copy, work / "alone", "--override-model-class", "BertModel", "--no-verify")
    return "" if ended.returncode == 0 else f"the transformer alone: exit {ended.returncode}: {ended.stderr}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("crossload", type=Path)
    parser.add_argument("--only", default="", metavar="WORD", help="run what has the word in its description")
    args = parser.parse_args()
    failed, passed, worst = 0, 0, 0.0

    def tell(name, result):
        nonlocal failed, passed, worst
        if isinstance(result, str) and result:
            failed += 1
            print(f"{name}: {result}", flush=True)
        else:
            passed += 1
            worst = max(worst, result or 0.0)

    with forked_python(run_tool) as python, tempfile.TemporaryDirectory() as temporary:
        os.environ["CROSSLOAD_PYTHON"] = str(python)  # one that has imported PyTorch
        top = Path(temporary)
        bases = {name: top / "bases" / name for name in BASES}
        for name, folder in bases.items():
            made_base(name, folder)
        for number, case in enumerate(cases()):
            changed = case[4].__name__ if case[4] else ""
            name = ", ".join(filter(None, (case[0], str(case[1]), case[2], "normalize" if case[3] else "", changed,
                                           "compared" if case[5] else "")))
            if args.only in name:
                work = top / str(number)
                work.mkdir()
                tell(name, check(args.crossload, case, bases, work))
                shutil.rmtree(work)
        whole = top / "whole"
        made(bases["bert"], "mean", "dense", False).save(str(whole))
        for name in (name for name in REFUSED if args.only in name):
            work = top / "refused" / name
            work.mkdir(parents=True)
            tell(name, refusal(args.crossload, name, whole, work))
    print(f"embeddings are at most {worst:.2e} apart")
    print(f"{passed} passed, {failed} failed")
    return failed > 0 or passed == 0


if __name__ == "__main__":
    sys.exit(main())
