"""The command line: arguments, messages, exit status.

0: translated whole; 1: something was not translated, or ``--check`` found an output out of date;
2: wrong usage, or a source that cannot be read or parsed; 3: an error of our own.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from kt_translate.config import ConfigError, Dims, parse_shape
from kt_translate.diagnostics import CODES, explain
from kt_translate.files import OutputError, check_writable, write_atomically
from kt_translate.session import Outcome, Session
from kt_translate.targets import Request, Target, UsageError, plan
from kt_translate.version import __version__

_EPILOG = """exit status: 0 translated whole; 1 something was not translated (the output is written
all the same), or --check found it out of date; 2 wrong usage or a source that cannot be read
(nothing is written); 3 an error of our own"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    gc.set_threshold(100_000, 50, 50)  # a short run makes much and throws away little
    try:
        return _main(_parser().parse_intermixed_args(argv))
    except (UsageError, ConfigError, OutputError) as error:
        _say(str(error))
        return 2
    except KeyboardInterrupt:
        _say("interrupted")
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="kt-translate",
        description="Translate Keras source to PyTorch source. The source is read, never run.",
        epilog=_EPILOG,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add(
        "sources",
        nargs="*",
        metavar="SOURCE",
        help="a .py file, a notebook, - for standard input, or several and folders",
    )
    add(
        "-o",
        "--output",
        type=Path,
        metavar="OUT",
        help="the file to write (a folder for several sources)",
    )
    tests = parser.add_mutually_exclusive_group()
    tests.add_argument(
        "--test", type=Path, metavar="FILE", help="where the parity test goes (default: beside OUT)"
    )
    tests.add_argument("--no-test", action="store_true", help="write no parity test")
    add("--report", type=Path, metavar="FILE", help="write what was translated, and how, as JSON")
    add(
        "--format",
        choices=("text", "json", "github", "sarif"),
        default="text",
        help="format of the messages",
    )
    add(
        "--input-shape",
        action="append",
        default=[],
        metavar="[NAME=]28,28,1",
        help="shape of an input without its batch axis; NAME is a model or model.input",
    )
    add(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="value of a variable, as a Python literal",
    )
    add("--check", action="store_true", help="write nothing; exit 1 if OUT is out of date")
    add("--diff", action="store_true", help="write nothing; show what would change in OUT")
    add("--force", action="store_true", help="overwrite an OUT that was edited by hand")
    volume = parser.add_mutually_exclusive_group()
    volume.add_argument("-q", "--quiet", action="store_true", help="errors alone")
    volume.add_argument(
        "-v", "--verbose", action="store_true", help="all notes in full, and tracebacks"
    )
    add("--explain", metavar="CODE", help="say what a code such as KT203 means")
    add("--hook", action="store_true", help=argparse.SUPPRESS)
    add("--version", action="version", version=f"kt-translate {__version__}")
    return parser


def _main(args: argparse.Namespace) -> int:
    if args.explain is not None:
        return _explain(args.explain)
    if not args.sources and not args.hook:
        raise UsageError("no SOURCE is given; --help shows how it is used")
    out = None if args.output in (None, Path("-")) else args.output
    targets = plan(Request(tuple(args.sources), out, args.test, not args.no_test, args.hook))
    if (args.check or args.diff) and any(target.out is None for target in targets):
        raise UsageError("--check and --diff compare with an output: give -o OUT")
    session = Session(
        input_shapes=_input_shapes(args.input_shape),
        settings=_settings(args.set),
        form=args.format,
        level="quiet" if args.quiet else "verbose" if args.verbose else "normal",
        check=args.check,
        diff=args.diff,
        force=args.force,
        hook=args.hook,
    )
    several = len(targets) > 1 or _is_folder(args.sources)
    _check_outputs(targets, args, several=several)
    outcomes = session.run(targets, out if several and not args.hook else None)
    session.finish()
    if args.report is not None and not (args.check or args.diff):
        _write_report(args.report, outcomes, several=several)
    return max((outcome.status for outcome in outcomes), default=0)


def _explain(code: str) -> int:
    if code.upper() not in CODES:
        raise UsageError(f"there is no code {code}; the codes are {', '.join(CODES)}")
    print(explain(code.upper()), end="")
    return 0


def _is_folder(sources: Sequence[str]) -> bool:
    return any(os.path.isdir(source) for source in sources)


def _check_outputs(targets: Sequence[Target], args: argparse.Namespace, *, several: bool) -> None:
    """Refuse outputs that cannot be written before any work is done."""
    if args.report is not None:
        taken = [
            path
            for target in targets
            for path in (target.path, target.out, target.test)
            if path is not None
        ]
        if any(
            path.resolve() == args.report.resolve()
            for path in taken
            if path.is_file() or not path.exists()
        ):
            raise UsageError(f"--report {args.report} is the source or another output")
        check_writable(args.report)
    if not several and not (args.check or args.diff or args.hook):
        for path in (targets[0].out, targets[0].test):
            if path is not None:
                check_writable(path)


def _input_shapes(words: Sequence[str]) -> dict[str, Dims]:
    shapes: dict[str, Dims] = {}
    for word in words:
        name, found, shape = word.rpartition("=")
        if found and not name.strip():
            raise UsageError(f"--input-shape {word}: the NAME before = is missing")
        try:
            shapes[name.strip()] = parse_shape(shape)
        except ConfigError as error:
            raise UsageError(f"--input-shape {error}") from None
    return shapes


def _settings(words: Sequence[str]) -> dict[str, str]:
    from ast import literal_eval

    settings: dict[str, str] = {}
    for word in words:
        name, found, value = (part.strip() for part in word.partition("="))
        if not found or not all(part.isidentifier() for part in name.split(".")):
            raise UsageError(f"--set {word}: write NAME=VALUE")
        try:
            literal_eval(value)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            raise UsageError(
                f"--set {word}: {value!r} is not a Python literal "
                f"(text needs quotes: --set '{name}=\"{value}\"')"
            ) from None
        settings[name] = value
    return settings


def _write_report(path: Path, outcomes: Sequence[Outcome], *, several: bool) -> None:
    reports = [outcome.report for outcome in outcomes if outcome.report is not None]
    if not reports:
        return
    import json

    document = {"schema": 1, "sources": reports} if several else reports[0]
    write_atomically(path, json.dumps(document, indent=2) + "\n")


def _say(message: str) -> None:
    print(f"kt-translate: {message}", file=sys.stderr)
