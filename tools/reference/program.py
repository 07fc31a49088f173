"""The command line."""

import argparse
import contextlib
import json
import signal
import sys
import traceback
from pathlib import Path

from reference import libraries
from reference.cache import Origin, is_up_to_date
from reference.files import class_of, read_config, read_header, read_json
from reference.messages import BAD_INPUT, ENVIRONMENT, USAGE, Failure, Terminal, failing, progress, summary, without_progress
from reference.recipes import read_recipes, read_signatures

GRIDS = ("none", "quick", "full")
SENTENCES = "SentenceTransformer"  # a folder of sentence-transformers, see sentences.py


class Parser(argparse.ArgumentParser):
    def error(self, message):
        raise Failure(USAGE, f"{message}; see --help")


def parse_arguments(description):
    parser = Parser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    task = parser.add_mutually_exclusive_group(required=True)
    task.add_argument("--model", type=Path, help="record the checkpoint in this folder, or the one in this golden")
    task.add_argument(
        "--python-class",
        metavar="PACKAGE.MODULE:FUNCTION",
        help="with --program: trace the module that the function returns with its example inputs, (torch.nn.Module, "
        "{name: tensor}); with --checkpoint alone: save them",
    )
    task.add_argument(
        "--batch",
        type=Path,
        metavar="FILE.jsonl",
        help="record many, one JSON object a line: model, "
        "output, and if wanted model_class, signature (the object, or its file), inputs, grid, seed",
    )
    task.add_argument(
        "--recipes",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="make the goldens of these files of recipes, but those that are there and up to date",
    )
    task.add_argument("--again", type=Path, help="make this golden again, from the recipe that it holds")
    add = parser.add_argument
    add("--output", type=Path, help="the trace to write (with --model, --again)")
    add(
        "--program",
        type=Path,
        metavar="FILE",
        help="with --model or --python-class: trace the model with torch.export, write its graph here, and record it as it was traced",
    )
    add(
        "--operations",
        type=Path,
        metavar="FILE.json",
        help="with --program: the names of ATen's operations that its reader knows; others are taken apart where PyTorch "
        "says how (default: none is taken apart)",
    )
    add("--checkpoint", type=Path, metavar="FOLDER", help="of --python-class: its weights and inputs, as they were saved")
    add("--no-weights", action="store_true", help="trace --model from its config.json alone; with --program-only")
    add("--program-only", action="store_true", help="write the --program, and record nothing")
    add("--output-dir", type=Path, help="the folder for the goldens (with --recipes)")
    add("--only", metavar="NAME,NAME", help="of the recipes, make these only; * stands for anything")
    add(
        "--signatures",
        type=Path,
        metavar="FILE",
        help="with --recipes: the signatures of the TensorFlow models, JSON {recipe: signature}; default: none, so "
        "that there are no cells",
    )
    add("--seed-offset", type=int, default=0, help="with --recipes: added to the seed of each (default 0)")
    add("--weight-scale", type=float, help="with --recipes: the scale of random weights (default 0.25)")
    add("--model-class", metavar="CLASS", help="PyTorch class; default: the one that config.json names, or AutoModel")
    add("--signature", type=Path, help="JSON file of the inputs that the TensorFlow model takes; default: forward's")
    add(
        "--inputs",
        type=Path,
        help=".safetensors or .npz file with all inputs, named as PyTorch names them, or as in "
        "a trace; default: two texts, ...",
    )
    add("--trust-remote-code", action="store_true", help="run code of the checkpoint's own, which config.json names under auto_map")
    add("--weights", choices=("float16", "bfloat16"), help="round the weights to this type first")
    add("--grid", choices=GRIDS, default="none", help="further inputs to run (default none)")
    add("--seed", type=int, default=0, help="of random inputs (default 0)")
    add("--threads", type=int, default=1, help="of PyTorch (default 1)")
    add("--traceback", action="store_true", help="on failure, also show where it came from")
    args = parser.parse_args()
    check_targets(args, parser)
    if args.threads < 1 or args.seed < 0:
        parser.error("--threads must be at least 1 and --seed at least 0")
    return args


def check_targets(args, parser):
    if args.batch:
        return
    if args.program_only and not args.program:
        parser.error("--program-only needs --program: where to write it")
    if args.no_weights and not (args.program_only and args.model):
        parser.error("--no-weights needs --program-only and --model: without weights nothing can be recorded")
    if args.operations and not args.program:
        parser.error("--operations needs --program: what is traced")
    if args.program and not (args.model or args.python_class):
        parser.error("--program needs --model: what to trace")
    if args.python_class and not (args.program or args.checkpoint):
        parser.error("--python-class needs --program: where to write what is traced")
    if args.checkpoint and not (args.python_class and args.checkpoint.is_dir()):
        parser.error("--checkpoint is the folder of a --python-class, and has to be there")
    if args.checkpoint and not args.program:
        return
    if args.program and (args.signature or args.program.is_dir()):
        parser.error("--signature has no part in --program" if args.signature else f"--program {args.program}: is a folder")
    target, word = (args.output_dir, "--output-dir") if args.recipes else (args.output, "--output")
    if args.program_only:
        target, word = args.program, "--program"
    if target is None:
        parser.error(f"{word} is needed: where to write")
    folder = target if args.recipes else target.parent
    if not folder.is_dir():
        parser.error(f"{word} {target}: {folder} is no folder; make it first")
    if not args.recipes and target.is_dir():
        parser.error(f"{word} {target}: is a folder; name a file")


def run(args):
    if args.model or args.python_class:
        record_one(args)
    elif args.batch:
        record_batch(args)
    elif args.again:
        make_again(args)
    else:
        make_goldens(args)


def make_again(args):
    metadata = read_header(args.again)[0]["__metadata__"]
    if "recipe" not in metadata:
        raise Failure(BAD_INPUT, f"{args.again}: holds no recipe, so it is no golden; record a model with --model")
    with failing(BAD_INPUT, f"{args.again}: its recipe is no JSON"):
        recipe, signature = json.loads(metadata["recipe"]), json.loads(metadata.get("signature", "null"))
    libraries.load(args.threads)
    from reference.goldens import make_golden

    make_golden(recipe, signature, args.output, args.threads)


def make_goldens(args):
    """Those that are not up to date; all of them, also after one that fails, and each failure is told on stderr."""
    only = list(filter(None, args.only.split(","))) if args.only else []
    recipes = read_recipes(args.recipes, only, args.seed_offset, args.weight_scale)
    signatures = read_signatures(args.signatures, recipes)
    origin = Origin(args.threads)
    goldens = []
    for recipe in recipes:
        signature = signatures.get(recipe["name"])
        output, key = args.output_dir / f"{recipe['name']}.safetensors", origin.key(recipe, signature)
        if not is_up_to_date(output, key):
            goldens.append((recipe, signature, output, args.threads, key))
    if not goldens:
        return
    libraries.load(args.threads)
    from reference.goldens import make_golden

    failures = []
    for number, golden in enumerate(goldens, 1):
        progress(f"recording {golden[0]['name']}, {number} of {len(goldens)}")
        try:
            with without_progress():
                make_golden(*golden)
        except Failure as failure:
            failures.append(failure)
            print(f"record_reference: {failure}", file=Terminal.err, flush=True)
    if failures:
        raise Failure(failures[0].code, f"{len(failures)} of {len(goldens)} goldens could not be made")


def record_one(args):
    if args.model:
        check_checkpoint(args.model, args.model_class, not args.no_weights)
    for path in filter(None, (args.inputs, args.signature, args.operations)):
        if not path.is_file():
            raise Failure(BAD_INPUT, f"{path}: no such file")
    operations = read_operations(args.operations) if args.operations else ()
    libraries.load(args.threads)
    if args.checkpoint and not args.program:
        from reference.python_class import save_python_class

        save_python_class(args.python_class, args.checkpoint)
        return
    from reference.checkpoints import Job, record_checkpoint
    from reference.own_code import own_cache

    output = None if args.program_only else args.output
    job = Job(
        model=args.checkpoint if args.python_class else args.model,
        output=output,
        model_class=args.model_class,
        inputs=args.inputs,
        signature=args.signature,
        grid=args.grid,
        seed=args.seed,
        program=args.program,
        python_class=args.python_class,
        has_weights=not args.no_weights,
        weights=args.weights,
        trusts_code=args.trust_remote_code,
        operations=operations,
    )
    with own_cache() if job.trusts_code else contextlib.nullcontext():
        record_checkpoint(job, args.threads)


def read_operations(path):
    with failing(BAD_INPUT, f"{path}: is no JSON list of names of operations"):
        names = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise ValueError("it is something else")
    return tuple(names)


def check_checkpoint(path, model_class, needs_weights=True):
    """Mistakes that are seen without torch, which takes long to import."""
    if model_class == SENTENCES:
        read_json(path / "modules.json")
        return
    config = read_config(path, needs_weights)
    if not model_class:
        class_of(config, path)


def record_batch(args):
    """All lines, also after one that fails; the first failure is the program's, and each is told on stderr."""
    with failing(BAD_INPUT, f"{args.batch}: is no file of JSON objects, one a line"):
        lines = [json.loads(line) for line in args.batch.read_text(encoding="utf-8").splitlines() if line.strip()]
    libraries.load(args.threads)
    from reference.checkpoints import job_of, record_checkpoint

    failures = []
    for number, line in enumerate(lines, 1):
        try:
            with failing(BAD_INPUT, f"{args.batch}: line {number} cannot be recorded"):
                record_checkpoint(job_of(line), args.threads)
        except Failure as failure:
            failures.append(failure)
            print(f"record_reference: line {number}: {failure}", file=Terminal.err, flush=True)
    if failures:
        raise Failure(failures[0].code, f"{args.batch}: {len(failures)} of {len(lines)} could not be recorded")


def main(description):
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that temporary files are removed
    try:
        args = parse_arguments(description)
        libraries.silence()
        run(args)
        return 0
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except Exception as error:
        if "--traceback" in sys.argv:
            traceback.print_exc(file=Terminal.err)
        failure = error if isinstance(error, Failure) else Failure(ENVIRONMENT, f"{summary(error)}; see --traceback")
        print(f"record_reference: {failure}", file=Terminal.err, flush=True)
        return failure.code
