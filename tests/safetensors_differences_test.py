"""Reads odd safetensors files with the reference library and with `crossload inspect`, and compares what they say.

    python tests/safetensors_differences_test.py PROGRAM

Some 470 files: hand-made ones for every rule of the header, and random ones, legal and broken, from a fixed seed. Where
both read a file they must give the same names, types, shapes and metadata. Where one refuses what the other reads, the
file must be in DIFFERENCES, which docs/checkpoints.md lists with the reasons; a difference that is gone must leave it.
"""

import json
import random
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

from safetensors import safe_open

VALUE = b"\0\0\x80?"

# Only the library reads these, by rule.
NO_VARIABLE = "a type that no TensorFlow variable has"
JSON_LIMITS = "a name with NUL, or a number over 63 bits, which our JSON does not hold"
NO_WRITER = "a form of the fields that the library's derived parser takes by the way, and nobody writes"
TOO_LARGE = "a shape without elements whose other sizes overflow 63 bits"
# Only we read these.
MORE = "what means nothing to either: deeper nesting in unknown fields, -0 for 0"
FORGOTTEN = "a tensor that a later one with its name replaces: it is not looked at"

DIFFERENCES = {
    **{f"dtype_{name}": NO_VARIABLE for name in "F8_E5M2 F8_E4M3 F8_E8M0 F8_E4M3FNUZ F8_E5M2FNUZ F4".split()},
    "unknown_big_integer": JSON_LIMITS,
    "name_nul": JSON_LIMITS,
    "size_of_64_bits": JSON_LIMITS,
    "info_as_list": NO_WRITER,
    "dtype_as_object": NO_WRITER,
    "empty_of_huge_sizes": TOO_LARGE,
    "unknown_deep": MORE,
    "offset_minus_zero": MORE,
    "tensor_twice_first_broken": FORGOTTEN,
}


def info(dtype="F32", shape="[1]", begin=0, end=4, more=""):
    return f'{{"dtype":"{dtype}",{more}"shape":{shape},"data_offsets":[{begin},{end}]}}'


def file_of(header, data=VALUE):
    header = header.encode() if isinstance(header, str) else header
    return struct.pack("<Q", len(header)) + header + data


def one(**fields):
    return file_of('{"a":' + info(**fields) + "}")


def with_metadata(text):
    return file_of('{"__metadata__":' + text + ',"a":' + info() + "}")


def hand_made():
    a = '"a":' + info()
    cases = {
        "plain": file_of("{" + a + "}"),
        "nothing": file_of("{}", b""),
        "metadata_twice": file_of('{"__metadata__":{"a":"1"},"__metadata__":{"a":"2"},' + a + "}"),
        "metadata_escaped": file_of('{"__met\\u0061data__":{"a":"1"},' + a + "}"),
        "metadata_escaped_twice": file_of('{"__met\\u0061data__":{},"__metadata__":{},' + a + "}"),
        "tensor_twice": file_of("{" + a + "," + a + "}"),
        "tensor_twice_escaped": file_of('{"\\u0061":' + info("I32") + "," + a + "}"),
        "tensor_twice_last_counts": file_of('{"a":' + info("I32") + "," + a + "}"),
        "tensor_twice_first_broken": file_of('{"a":' + info("F31") + "," + a + "}"),
        "tensor_twice_gap": file_of('{"a":' + info() + ',"a":' + info(begin=4, end=8) + "}", VALUE * 2),
        "dtype_twice": one(more='"dtype":"F32",'),
        "shape_twice": one(more='"shape":[1],'),
        "offsets_twice": one(more='"data_offsets":[0,4],'),
        "field_escaped_twice": one(more='"sh\\u0061pe":[1],'),
        "unknown_field": one(more='"x":{"dtype":[1,{"dtype":2,"dtype":3}]},'),
        "unknown_twice": one(more='"x":1,"x":2,'),
        "unknown_1e999": one(more='"x":1e999,'),
        "unknown_nan": one(more='"x":NaN,'),
        "unknown_infinity": one(more='"x":-Infinity,'),
        "unknown_big_integer": one(more='"x":123456789012345678901234567890,'),
        "unknown_deep": one(more='"x":' + "[" * 200 + "]" * 200 + ","),
        "unknown_less_deep": one(more='"x":' + "[" * 100 + "]" * 100 + ","),
        "space_behind": file_of("{" + a + "} \n\t\r"),
        "space_in_front": file_of(" \n{" + a + "}"),
        "space_inside": file_of('{ \n"a" : { "dtype" :"F32","shape":[ 1 ],"data_offsets":[0,\t4]}}'),
        "nul_behind": file_of("{" + a + "}\0\0"),
        "text_behind": file_of("{" + a + "} x"),
        "byte_order_mark": file_of("\ufeff{" + a + "}"),
        "a_list": file_of("[]", b""),
        "blanks_alone": file_of("   ", b""),
        "no_header": file_of("", b""),
        "scalar": one(shape="[]"),
        "empty": file_of('{"a":' + info(shape="[0]", end=0) + "}", b""),
        "empty_at_the_end": file_of('{"a":' + info() + ',"b":' + info(shape="[3,0]", begin=4) + "}"),
        "empty_at_the_begin": file_of('{"a":' + info() + ',"b":' + info(shape="[3,0]", end=0) + "}"),
        "empty_in_between": file_of(
            '{"a":' + info() + ',"e":' + info(shape="[0]", begin=4) + ',"b":' + info(begin=4, end=8) + "}", VALUE * 2
        ),
        "empty_inside": file_of('{"a":' + info() + ',"b":' + info(shape="[0]", begin=2, end=2) + "}"),
        "empty_behind": file_of('{"a":' + info() + ',"b":' + info(shape="[0]", begin=8, end=8) + "}"),
        "unaligned": file_of('{"u":' + info("U8", end=1) + ',"a":' + info(begin=1, end=5) + "}", b"\1" + VALUE),
        "offset_float": one(begin="0.0"),
        "offset_minus_zero": one(begin="-0"),
        "offset_negative": one(begin=-4, end=0),
        "offsets_three": one(end="4,4"),
        "offsets_reversed": one(begin=4, end=0),
        "shape_float": one(shape="[1.0]"),
        "shape_exponent": one(shape="[1e0]"),
        "shape_negative": one(shape="[-1]"),
        "shape_bool": one(shape="[true]"),
        "shape_text": one(shape='["1"]'),
        "shape_null": one(shape="null"),
        "shape_too_large": one(shape="[2]"),
        "shape_overflow": one(shape="[4294967296,4294967296]"),
        "empty_overflow": file_of('{"a":' + info(shape="[4294967296,4294967296,0]", end=0) + "}", b""),
        "empty_of_huge_sizes": file_of('{"a":' + info(shape="[0,4294967296,4294967296]", end=0) + "}", b""),
        "size_of_64_bits": file_of('{"a":' + info(shape="[18446744073709551615,0]", end=0) + "}", b""),
        "size_of_63_bits": file_of('{"a":' + info(shape="[9223372036854775807,0]", end=0) + "}", b""),
        "rank_100": one(shape="[" + ",".join(["1"] * 100) + "]"),
        "info_null": file_of('{"b":null,' + a + "}"),
        "info_text": file_of('{"b":"x",' + a + "}"),
        "info_as_list": file_of('{"a":["F32",[1],[0,4]]}'),
        "info_without_shape": file_of('{"a":{"dtype":"F32","data_offsets":[0,4]}}'),
        "dtype_as_object": file_of('{"a":{"dtype":{"F32":null},"shape":[1],"data_offsets":[0,4]}}'),
        "dtype_lower_case": one(dtype="f32"),
        "dtype_unknown": one(dtype="F31"),
        "dtype_null": file_of('{"a":{"dtype":null,"shape":[1],"data_offsets":[0,4]}}'),
        "dtype_F4": file_of('{"a":' + info("F4", "[2]", end=1) + "}", b"\1"),
        "bool_of_2": file_of('{"a":' + info("BOOL", end=1) + "}", b"\2"),
        "gap": file_of('{"a":' + info(begin=4, end=8) + "}", VALUE * 2),
        "bytes_behind": file_of("{" + a + "}", VALUE + b"\0"),
        "cut_off": file_of("{" + a + "}", VALUE[:3]),
        "overlap": file_of('{"b":' + info() + "," + a + "}"),
        "longer_than_the_file": struct.pack("<Q", 1000) + b"{}",
        "length_alone": struct.pack("<Q", 2),
        "seven_bytes": b"\0" * 7,
    }
    for size, names in {1: "U8 I8 F8_E5M2 F8_E4M3 F8_E8M0 F8_E4M3FNUZ F8_E5M2FNUZ BOOL", 2: "I16 U16 F16 BF16",
                        4: "I32 U32", 8: "F64 I64 U64 C64"}.items():
        for name in names.split():
            cases[f"dtype_{name}"] = file_of('{"a":' + info(name, end=size) + "}", b"\1" * size)
    names = {"empty": "", "nul": "a\\u0000b", "control": "a\\u001bb\\n", "raw_control": "a\nb", "delete": "a\x7f",
             "unicode": "\u00e9\U0001f600", "escaped_unicode": "\\u00e9\\ud83d\\ude00", "lone_surrogate": "\\ud83d",
             "slash": "a\\/b", "nan": "NaN", "c1": "\\u009b1m", "quote": 'a\\"b', "bad_escape": "\\x41"}
    for what, name in names.items():
        cases[f"name_{what}"] = file_of(f'{{"{name}":' + info() + "}")
    for what, name in {"bad_utf8": b"\xff", "overlong": b"\xc0\xaf", "surrogate_bytes": b"\xed\xa0\x80"}.items():
        cases[f"name_{what}"] = file_of(b'{"' + name + b'":' + info().encode() + b"}")
    for text in ("null", "{}", '{"a":null}', '{"a":1}', '{"a":{}}', '"x"', "[]", '{"a":"1","a":"2"}', "7", "true",
                 '{"format":"pt"}', '{"":""}'):
        cases[f"metadata_{text}"] = with_metadata(text)
    for count in range(9):
        cases[f"padding_{count}"] = file_of("{" + a + "}" + " " * count)
    return cases


SIZES = {"U8": 1, "I8": 1, "BOOL": 1, "I16": 2, "F16": 2, "BF16": 2, "I32": 4, "F32": 4, "F64": 8, "I64": 8}


def random_file(seed):
    """A legal file of an odd layout: the header's order is not that of the data; every third one is then broken."""
    draw = random.Random(seed)
    entries, data = [], b""
    for number in range(draw.randrange(6)):
        dtype, size = draw.choice(list(SIZES.items()))
        shape = [draw.choice([0, 1, 1, 2, 3, 5]) for _ in range(draw.randrange(4))]
        count = size
        for dimension in shape:
            count *= dimension
        fields = [("dtype", dtype), ("shape", shape), ("data_offsets", [len(data), len(data) + count])]
        fields += [("note", draw.choice([None, 1.5, "x", {"dtype": []}]))] * draw.randrange(2)
        draw.shuffle(fields)
        entries.append((draw.choice(["layer.{}", "{}", "\u00fc.{}", "a b.{}", 'q"{}', "\\{}"]).format(number), dict(fields)))
        data += bytes(draw.randrange(256) for _ in range(count))
    draw.shuffle(entries)
    if draw.randrange(2):
        values = draw.choice([None, {}, {"format": "pt"}, {"k": "v" * 20, "\u00fc": "\n"}])
        entries.insert(draw.randrange(len(entries) + 1), ("__metadata__", values))
    if entries and draw.randrange(4) == 0 and seed % 3:
        entries.append(draw.choice(entries))
    members = (json.dumps(name, ensure_ascii=bool(draw.randrange(2))) + ":" + json.dumps(value, indent=draw.choice([None, 1]))
               for name, value in entries)
    header = ("{" + ",".join(members) + "}").encode() + b" " * draw.randrange(9)
    content = bytearray(file_of(header, data))
    if seed % 3 == 0:
        where = draw.randrange(8, 8 + len(header))
        content[where] = draw.choice(b'0123456789{}[]":, aF')
    return bytes(content)


def printed(text):
    """As `inspect` shows what a terminal would obey."""
    return "".join("?" if ord(c) < 0x20 or 0x7F <= ord(c) < 0xA0 else c for c in text)


def as_pairs(dtype, shape):
    """As complex numbers are read."""
    return ("F32", [*shape, 2]) if dtype == "C64" else (dtype, shape)


def by_reference(path):
    """The lines that are expected of `inspect`, or None for a file that is refused."""
    try:
        with safe_open(str(path), "np") as file:
            lines = []
            for key, value in (file.metadata() or {}).items():
                lines.append(f"{printed(key)} = {printed(value)}")
            for name in file.keys():
                part = file.get_slice(name)
                dtype, sizes = as_pairs(part.get_dtype(), part.get_shape())
                shape = "[" + ", ".join(str(size) for size in sizes) + "]"
                lines.append(f"{printed(name)} {dtype} {shape}")
            return sorted(" ".join(line.split()) for line in lines)
    except BaseException:  # panics of the library too
        return None


def by_us(program, path):
    run = subprocess.run([program, "inspect", str(path)], capture_output=True, timeout=60)
    if run.returncode not in (0, 3, 4):
        raise SystemExit(f"{path.name}: ended with {run.returncode}: {run.stderr!r}")
    if any(c < 0x20 and c != 0x0A or c == 0x7F for c in run.stdout + run.stderr):
        raise SystemExit(f"{path.name}: control characters were printed: {run.stdout + run.stderr!r}")
    if run.returncode:
        return None
    lines = run.stdout.decode().split("\n")[1:-2]
    return sorted(" ".join(line.split()) for line in lines)


def main(program):
    cases = hand_made()
    cases.update({f"random_{seed}": random_file(seed) for seed in range(360)})
    faults, read, seen = [], 0, set()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file.safetensors"
        for name, content in cases.items():
            path.write_bytes(content)
            theirs, ours = by_reference(path), by_us(program, path)
            read += theirs is not None and ours is not None
            if theirs == ours:
                continue
            seen.add(name)
            if theirs is not None and ours is not None:
                faults.append(f"{name}: the library reads {theirs}, we read {ours}")
            elif name not in DIFFERENCES:
                faults.append(f"{name}: only {'we' if theirs is None else 'the library'} read it: {content[:300]!r}")
    faults += [f"{name}: is no difference any more" for name in DIFFERENCES if name not in seen]
    print(f"{len(cases)} files, {read} read alike, {len(seen)} known differences" if not faults else "\n".join(faults))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
