"""The command line of tools/convert_litert.py."""

import argparse
import json
import os
import sys
from pathlib import Path

from reference.messages import ENVIRONMENT, USAGE, Failure, Terminal, failing

TYPES = ("float32", "float16", "int8")


class Parser(argparse.ArgumentParser):
    def error(self, message):
        raise Failure(USAGE, message)


def parse(arguments, description):
    parser = Parser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True, parser_class=Parser)
    convert = commands.add_parser("convert")
    convert.add_argument("--saved-model", type=Path, required=True)
    convert.add_argument("--signatures", required=True, help="of the SavedModel, separated by commas")
    convert.add_argument("--type", choices=TYPES, default="float32", help="of the weights")
    convert.add_argument("--output", type=Path, required=True)
    convert.add_argument("--report", type=Path, required=True)
    run = commands.add_parser("run")
    run.add_argument("--model", type=Path, required=True)
    run.add_argument("--trace", type=Path, required=True)
    run.add_argument("--stages", type=Path, help='JSON: {"nodes": [...], "stages": {path: node}} of serving_default')
    run.add_argument("--output", type=Path, required=True)
    run.add_argument("--threads", type=int, default=1)
    return parser.parse_args(arguments)


def write_json(path, document):
    with failing(ENVIRONMENT, f"{path}: cannot be written"):
        path.write_text(json.dumps(document), encoding="utf-8")


def silence():
    """Libraries write to both streams, from C++ too: from here on only Terminal's reach ours."""
    Terminal.out = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    Terminal.err = os.fdopen(os.dup(sys.stderr.fileno()), "w")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.dup2(nowhere, sys.stderr.fileno())


def main(description):
    try:
        options = parse(sys.argv[1:], description)
        silence()
        if options.command == "convert":
            from litert.conversion import convert

            write_json(options.report, convert(options.saved_model, options.signatures.split(","), options.type, options.output))
        else:
            from litert.running import run

            known = json.loads(options.stages.read_text(encoding="utf-8")) if options.stages else None
            run(options.model, options.trace, known, options.threads, options.output)
    except Failure as failure:
        print(failure, file=Terminal.err, flush=True)
        return failure.code
    return 0
