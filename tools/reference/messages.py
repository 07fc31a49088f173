"""What the recorder says: progress on stdout, a failure as one line on stderr with an exit code."""

import contextlib
import os
import sys

USAGE, BAD_INPUT, UNKNOWN_CLASS, ENVIRONMENT = 2, 3, 4, 5


class Failure(Exception):
    """Ends the program with one line on stderr and an exit code."""

    def __init__(self, code, message):
        super().__init__(" ".join(message.split()))
        self.code = code


class Terminal:
    """This program's own streams; those of the libraries lead nowhere."""

    out, err = sys.stdout, sys.stderr


def progress(text):
    print(f"progress: {text}", file=Terminal.out, flush=True)


@contextlib.contextmanager
def without_progress():
    """For what is one step of many."""
    out = Terminal.out
    with open(os.devnull, "w") as Terminal.out:
        try:
            yield
        finally:
            Terminal.out = out


def summary(error):
    """An exception of a library as a part of one line: its first line, with the second where that ends in a colon."""
    lines = str(error).strip().splitlines()
    said = " ".join(lines[: 2 if lines and lines[0].endswith(":") else 1])
    return f"{type(error).__name__}: {said[:400]}" if said else type(error).__name__


@contextlib.contextmanager
def failing(code, what, hint=""):
    """Turns the exceptions of libraries into a Failure that says what could not be done."""
    try:
        yield
    except (Failure, MemoryError):
        raise
    except Exception as error:
        raise Failure(code, f"{what} ({summary(error)}){hint and '; ' + hint}") from error


def listing(names, limit=8):
    names = sorted(names)
    return ", ".join(names[:limit]) + (f" and {len(names) - limit} more" if len(names) > limit else "")
