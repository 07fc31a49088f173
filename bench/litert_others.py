"""model.tflite by converters of others, from a BERT of PyTorch: run by bench/litert.py in an environment that has one.

    litert_others.py litert-torch CHECKPOINT FOLDER LENGTH    FOLDER/float32.tflite, float16.tflite, int8.tflite
    litert_others.py onnx2tf CHECKPOINT FOLDER LENGTH         the same

Prints a line of JSON: for each type what it is ("sizes": "open" or "fixed"), or why it is not there.
"""

import json
import pathlib
import shutil
import subprocess
import sys

import torch
import transformers


class LastHiddenState(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, input_ids, attention_mask, token_type_ids):
        return self.model(input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids)[0]


def load(checkpoint, length):
    model = transformers.AutoModel.from_pretrained(checkpoint, attn_implementation="eager", dtype=torch.float32).eval()
    example = torch.ones([2, length], dtype=torch.int32)
    return LastHiddenState(model).eval(), (example, example.clone(), torch.zeros_like(example))


def why(error):
    return f"{type(error).__name__}: {(str(error).strip().splitlines() or [''])[0][:160]}"


def by_litert_torch(checkpoint, folder, length):
    import litert_torch

    model, example = load(checkpoint, length)
    names = ("input_ids", "attention_mask", "token_type_ids")
    sizes = {0: torch.export.Dim("batch", min=1, max=64), 1: torch.export.Dim("length", min=1, max=512)}
    try:
        converted = litert_torch.convert(model, example, dynamic_shapes={name: dict(sizes) for name in names})
        made = {"sizes": "open"}
    except Exception as error:
        fixed = tuple(one[:1] for one in example)
        converted = litert_torch.convert(model, fixed)
        made = {"sizes": "fixed", "note": "with open sizes: " + why(error)}
    converted.export(str(folder / "float32.tflite"))
    result = {"float32": made}
    for name, quantize in (("float16", to_float16), ("int8", to_int8)):
        try:
            quantize(folder / "float32.tflite", folder / f"{name}.tflite")
            result[name] = dict(made)
        except Exception as error:
            result[name] = {"failure": why(error)}
    return result


def to_int8(source, target):
    from ai_edge_quantizer import quantizer, recipe

    one = quantizer.Quantizer(str(source), quantization_recipe=recipe.dynamic_wi8_afp32())
    one.quantize().export_model(str(target), overwrite=True)


def to_float16(source, target):
    from ai_edge_quantizer import qtyping, quantizer

    one = quantizer.Quantizer(str(source))
    one.update_quantization_recipe(
        regex=".*",
        operation_name=qtyping.TFLOperationName.ALL_SUPPORTED,
        op_config=qtyping.OpQuantizationConfig(
            weight_tensor_config=qtyping.TensorQuantizationConfig(num_bits=16, dtype=qtyping.TensorDataType.FLOAT),
            compute_precision=qtyping.ComputePrecision.FLOAT,
            explicit_dequantize=True,
        ),
        algorithm_key="float_casting",
    )
    one.quantize().export_model(str(target), overwrite=True)


def by_onnx2tf(checkpoint, folder, length):
    model, example = load(checkpoint, length)
    names = ["input_ids", "attention_mask", "token_type_ids"]
    example = tuple(one[:1] for one in example)
    onnx_file = folder / "model.onnx"
    torch.onnx.export(model, example, str(onnx_file), input_names=names, output_names=["last_hidden_state"], dynamo=True,
                      external_data=False)
    out = folder / "onnx2tf"
    shutil.rmtree(out, ignore_errors=True)
    command = [sys.executable, "-m", "onnx2tf", "-i", onnx_file, "-o", out, "-odrqt", "-n", "-kat", *names]
    done = subprocess.run(command, capture_output=True, text=True)
    result = {}
    for name, suffix in (("float32", "float32"), ("float16", "float16"), ("int8", "dynamic_range_quant")):
        found = sorted(out.glob(f"*_{suffix}.tflite"))
        if found:
            shutil.copyfile(found[0], folder / f"{name}.tflite")
            result[name] = {"sizes": "fixed"}
        else:
            last = (done.stderr.strip() or done.stdout.strip() or "wrote nothing").splitlines()[-1][:160]
            result[name] = {"failure": last}
    return result


def main():
    converter, checkpoint, folder, length = sys.argv[1:]
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    make = {"litert-torch": by_litert_torch, "onnx2tf": by_onnx2tf}[converter]
    result = make(checkpoint, folder, int(length))
    print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
