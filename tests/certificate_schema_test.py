"""Certificates that the program made against docs/certificate.schema.json, by the library jsonschema.

    tests/certificate_schema_test.py build/crossload

The program judges by a validator of its own (src/verify/json_schema.cc). Here both judge more than a thousand certificates, each
with one thing changed, and must say the same of all.
"""

import concurrent.futures
import copy
import json
import os
import pathlib
import struct
import subprocess
import sys
import tempfile
import unittest

import jsonschema

ROOT = pathlib.Path(__file__).resolve().parent.parent
GOLDEN = ROOT / "tests" / "goldens" / "bert_small.safetensors"
SCHEMA = json.loads((ROOT / "docs" / "certificate.schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
PROGRAM = None  # set by main

BAD_CERTIFICATE = 3

# What docs/certificate.schema.json describes beside what the conversions below have in their certificates.
FUNCTION = {"name": "__call__", "inputs": ["input_ids"], "training": False, "ran": True, "verdict": "agrees",
            "finding": None, "compared": 2, "worst": "__call__.pooler_output", "max_error": 1e-6}
CELL = {"name": "length_1", "what": "one token", "inputs": {"input_ids": [2, 1]}, "tensors": 66, "verdict": "agrees",
        "worst": "encoder", "max_error": 1e-6}
ROUNDING = {"tensor": "encoder", "max_error": 2e-5, "tf_to_float64": 1e-5, "pt_to_float64": 3e-5, "noise": "Infinity"}
CALLER = {"path": "bert.encoder", "class": "BertEncoder", "source": "modeling_bert.py:600"}


def run(*arguments, expect=0):
    done = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == expect, f"{arguments}: {done.returncode}, wanted {expect}\n{done.stdout}{done.stderr}"
    return done


def golden_with(stage, value, path):
    """A copy of the golden whose stage begins with another number, in both of PyTorch's runs."""
    data = bytearray(GOLDEN.read_bytes())
    (length,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + length])
    for form, name in (("<f", f"stage.{stage}"), ("<d", f"stage64.{stage}")):
        struct.pack_into(form, data, 8 + length + header[name]["data_offsets"][0], value)
    path.write_bytes(data)
    return path


def make_certificates(folder):
    """One of every kind, by name."""
    made = {}
    run("pt-to-tf", "--model-name", GOLDEN, "--output", folder / "live")
    made["live"] = folder / "live" / "crossload.json"
    run("pt-to-tf", "--model-name", GOLDEN, "--reference", GOLDEN, "--formats", "h5", "--output", folder / "agrees")
    made["agrees"] = folder / "agrees" / "crossload.json"
    run("pt-to-tf", "--model-name", GOLDEN, "--no-verify", "--formats", "h5", "--output", folder / "h5")
    made["not verified"] = folder / "h5" / "crossload.json"
    for name, options in (("litert", ("--reference", GOLDEN)), ("litert int8", ("--reference", GOLDEN, "--litert", "int8")),
                          ("litert not verified", ("--no-verify",))):
        run("pt-to-tf", "--model-name", GOLDEN, "--formats", "litert", "--output", folder / name, *options)
        made[name] = folder / name / "crossload.json"
    for name, value in (("disagrees", 1234.5), ("infinite", float("inf"))):
        wrong = golden_with("encoder.layer.0.intermediate.dense", value, folder / f"{name}.safetensors")
        made[name] = folder / f"{name}.json"
        run("pt-to-tf", "--model-name", GOLDEN, "--reference", wrong, "--formats", "h5", "--output", folder / "none",
            "--json", made[name], expect=1)
    made["compare"] = folder / "compare.json"
    run("compare", folder / "agrees", "--reference", GOLDEN, "--json", made["compare"])
    made["compare without a checkpoint"] = folder / "bare.json"
    bare = golden_without_weights(folder / "trace.safetensors")
    run("compare", folder / "agrees", "--reference", bare, "--json", made["compare without a checkpoint"])
    return made


def golden_without_weights(path):
    data = GOLDEN.read_bytes()
    (length,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + length])
    tensors, body = {}, b""
    for name, entry in header.items():
        if name == "__metadata__":
            tensors[name] = entry
        elif not name.startswith("weight."):
            begin, end = entry["data_offsets"]
            tensors[name] = {**entry, "data_offsets": [len(body), len(body) + end - begin]}
            body += data[8 + length + begin : 8 + length + end]
    text = json.dumps(tensors).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)
    return path


def shortened(certificate):
    """With the first two entries of each list, and each kind of entry of the ledger: enough to change one by one."""
    result = {name: value[:2] if isinstance(value, list) else value for name, value in certificate.items()}
    result["ledger"] = list({entry["fate"]: entry for entry in certificate["ledger"]}.values())
    return result


def with_everything(certificate):
    """A certificate that has every member there is."""
    full = copy.deepcopy(certificate)
    full.update(rounding=[ROUNDING], functions=[FUNCTION], cells=[CELL], notes=["no tokenizer"],
                verdict="agrees by rounding", binding_faults=[{"variable": "v", "tensor": "t", "fault": "f"}],
                configuration_differences=["eps is 1 in the artifact, 2 in PyTorch"])
    full["settings"].update(grid="quick")
    full["tolerances"].update(relative=1.3e-6, noise_multiple=4, strict=False)
    for entry in full["stages"] + full["outputs"]:
        entry["verdict"] = "rounding"
    full["stages"][1] = {"path": "encoder", "agrees": False, "shape_mismatch": "[1] and [2]", "verdict": "disagrees"}
    first = full["first_divergence"]
    first.update(caller=CALLER, tensorflow_class="TFBertIntermediate", tensorflow_source="modeling_tf_bert.cc:143",
                 hint="the activation")
    full["further_divergences"] = [{**first, "caller": None, "tensorflow_source": None, "at": []}]
    full["ledger"] += [{"tensor": "t", "fate": "tied", "to": "u"}, {"tensor": "t", "fate": "ignored", "reason": "r"}]
    return full


def places(value, path=()):
    """Every value in a document with the keys that lead to it; of lists, all elements."""
    yield path, value
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, member in items:
        yield from places(member, path + (key,))


def changed(document, path, value):
    result = copy.deepcopy(document)
    at = result
    for key in path[:-1]:
        at = at[key]
    if value is KeyError:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return result


def mutations(document):
    """The document with one thing changed, at every place that the schema tells apart."""
    others = [None, True, -1, 0.5, "", "Infinity", [0]]
    seen = set()
    for path, value in places(document):
        kind = tuple("*" if isinstance(key, int) else key for key in path), type(value)
        if kind[0][:2] in (("stages", "*"), ("ledger", "*"), ("further_divergences", "*")):
            pass  # their elements differ in what they have
        elif kind in seen:
            continue
        seen.add(kind)
        if path:
            yield path + ("removed",), changed(document, path, KeyError)
            for other in others:
                yield path + (str(other),), changed(document, path, other)
        if isinstance(value, dict):
            yield path + ("added",), changed(document, path + ("unknown",), 1)


class CertificateSchemaTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory(prefix="crossload-test-")
        cls.folder = pathlib.Path(cls.temporary.name)
        cls.files = make_certificates(cls.folder)
        cls.documents = {name: json.loads(path.read_text()) for name, path in cls.files.items()}

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    def test_the_schema_is_one(self):
        jsonschema.Draft202012Validator.check_schema(SCHEMA)

    def test_every_object_says_what_it_may_hold(self):
        for path, value in places(SCHEMA):
            if isinstance(value, dict) and value.get("type") == "object":
                self.assertIn("additionalProperties", value, path)
                if value["additionalProperties"] is False:
                    self.assertTrue(value["required"], path)

    def test_real_certificates_meet_it(self):
        for name, document in self.documents.items():
            with self.subTest(name):
                VALIDATOR.validate(document)

    def test_the_certificates_are_of_every_kind(self):
        verdicts = {name: document["verdict"] for name, document in self.documents.items()}
        self.assertEqual(verdicts["agrees"], "agrees")
        self.assertGreater(len(self.documents["live"]["functions"]), 1)
        self.assertEqual(verdicts["not verified"], "not verified")
        self.assertEqual(verdicts["disagrees"], "disagrees")
        self.assertEqual(self.documents["infinite"]["first_divergence"]["max_error"], "Infinity")
        self.assertEqual(self.documents["compare without a checkpoint"]["ledger"], [])
        self.assertNotIn("crossload.json", [entry["file"] for entry in self.documents["compare"]["written"]])

    def test_what_is_in_model_tflite_is_told_by_its_certificate(self):
        float32, int8 = self.documents["litert"]["litert"], self.documents["litert int8"]["litert"]
        self.assertTrue(float32["stages"])
        self.assertFalse(int8["stages"])
        self.assertEqual(self.documents["litert"]["read_back"], [])
        self.assertNotIn("verdict", self.documents["litert not verified"]["litert"])

    def test_the_program_takes_them(self):
        for name in ("agrees", "compare", "compare without a checkpoint"):
            done = run("verify-certificate", self.folder / "agrees", "--certificate", self.files[name])
            self.assertIn("VERIFIED, ", done.stdout.splitlines()[-1])
        run("verify-certificate", self.folder / "h5", "--checkpoint", GOLDEN)

    def test_the_program_replays_them(self):
        golden = ("--checkpoint", GOLDEN, "--replay", "--reference", GOLDEN)
        live = ("--checkpoint", GOLDEN, "--replay")
        for name, arguments in (("agrees", golden), ("live", live)):
            done = run("verify-certificate", self.folder / name, *arguments)
            self.assertIn("the certificate says: agrees", done.stdout)
            self.assertIn("replay: numbers: ", done.stdout)
        # "agrees" was made without a SavedModel's functions, "live" with them: a golden has run them all.
        done = run("verify-certificate", self.folder / "live", *golden)
        self.assertIn("replay: coverage: the same ", done.stdout)

    def test_exit_codes(self):
        done = run("verify-certificate", self.folder / "h5", "--certificate", self.files["live"], expect=1)
        self.assertIn("NOT VERIFIED", done.stdout.splitlines()[-1])
        run("verify-certificate", self.folder / "nowhere", expect=2)
        run("verify-certificate", self.folder / "agrees", "--replay", expect=2)
        run("verify-certificate", self.folder / "agrees", "--certificate", self.folder / "trace.safetensors",
            expect=BAD_CERTIFICATE)

    def test_what_is_removed_wrong_or_unknown_fails(self):
        for name, document in self.documents.items():
            for field in ("certificate_sha256", "verdict", "written", "ledger", "settings"):
                self.assertFalse(VALIDATOR.is_valid(changed(document, (field,), KeyError)), (name, field))
                self.assertFalse(VALIDATOR.is_valid(changed(document, (field,), 1)), (name, field))
            self.assertFalse(VALIDATOR.is_valid({**document, "unknown": 1}), name)
        for field in ("stages", "outputs", "coverage", "tolerances", "inputs"):
            self.assertFalse(VALIDATOR.is_valid(changed(self.documents["agrees"], (field,), KeyError)), field)
            self.assertFalse(
                VALIDATOR.is_valid({**self.documents["not verified"], field: self.documents["agrees"][field]}), field)

    def test_the_program_judges_as_the_library_does(self):
        full = with_everything(shortened(self.documents["disagrees"]))
        litert = self.documents["litert int8"]["litert"]
        full["litert"] = {name: value[:1] if isinstance(value, list) else value for name, value in litert.items()}
        full["litert"].update(operators={"ADD": 2}, made_of={"ADD": {"AddV2": 2}}, max_error=0.1, findings=["off"])
        full["litert"]["outputs"][0].update(cell="length_1", rows=4, changed=1)
        VALIDATOR.validate(full)
        cases = list(mutations(full)) + list(mutations(shortened(self.documents["not verified"])))
        empty = self.folder / "empty"
        empty.mkdir()

        def judged(number, document):
            file = self.folder / f"case-{number}.json"
            file.write_text(json.dumps(document))
            done = subprocess.run([PROGRAM, "verify-certificate", empty, "--certificate", file], capture_output=True,
                                  text=True)
            file.unlink()
            return done

        kinds = {True: 0, False: 0}
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            for (what, document), done in zip(cases, pool.map(judged, range(len(cases)), (c[1] for c in cases))):
                valid = VALIDATOR.is_valid(document)
                kinds[valid] += 1
                self.assertIn(done.returncode, (1, BAD_CERTIFICATE), done.stderr)
                self.assertEqual(done.returncode != BAD_CERTIFICATE, valid, f"{what}: {done.stdout}{done.stderr}")
        print(f"{len(cases)} changed certificates: {kinds[True]} valid, {kinds[False]} not", file=sys.stderr)
        self.assertGreater(kinds[True], 100)
        self.assertGreater(kinds[False], 1000)


if __name__ == "__main__":
    PROGRAM = os.path.abspath(sys.argv.pop(1))
    unittest.main()
