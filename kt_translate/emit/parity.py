"""The parity test: the source's own model-building statements, against the translation."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kt_translate.emit.layout import by_black, laid_out
from kt_translate.emit.names import names_in
from kt_translate.emit.neighbours import Neighbours, Values
from kt_translate.emit.parity_form import Form
from kt_translate.emit.slices import slice_of
from kt_translate.graph.precision import EXACT, SINGLE_CONSTANT, SINGLE_KERNEL

_OF_THE_LARGEST = {
    EXACT: "of the largest number, in float64",
    SINGLE_CONSTANT: "of the largest number: Keras has a constant in float32 also in float64",
    SINGLE_KERNEL: "of the largest number: TensorFlow resizes in float32 also in float64",
}
# Optimizers that start with another learning rate in tf_keras than in Keras 1.
_OTHER_DEFAULTS = re.compile("adadelta|adagrad|nadam|adamax", re.IGNORECASE)


@dataclass(frozen=True)
class Facts:
    """What the test must know beside the models.

    Args:
        flavour: the Keras that the source is written for.
        values: what is known of the module's variables, as expressions.
        training: the report's entries for `compile`.
        precision: of Keras's own arithmetic in float64.
        path: the source's file.
        values_in: the same as ``values`` for another file of the project.
        module: the output's dotted name, where it is one of several that import each other.
        relative: whether they do so as modules of one package.
    """

    flavour: str = "3"
    values: dict[str, str] = field(default_factory=dict)
    training: list[dict[str, Any]] = field(default_factory=list)
    precision: float = EXACT
    path: Path | None = None
    values_in: Values = lambda path: {}
    module: str = ""
    relative: bool = False


def render(
    text: str, source: str, output: str, entries: list[dict[str, Any]], facts: Facts
) -> str | None:
    """The test's text; None where there is no model at all."""
    if not entries:
        return None
    cases, marks = _cases(text, entries, facts)
    wanted = {n for case in cases if "keras" in case for n in _names_read(case["keras"])}
    compiled = {n for case in cases if "training" in case for n in _names_read(case["keras"])}
    compiled |= {name.rpartition("_of_line_")[0] for name in compiled}
    wanted |= {bound for line, (name, bound) in marks.items() if name in wanted}
    kept = slice_of(
        text,
        wanted,
        facts.values,
        compiled,
        facts.flavour,
        {line: name for line, (name, _) in marks.items()},
        facts.path,
    )
    others = Neighbours(facts.path, facts.flavour, facts.values_in)
    others.follow(kept)
    tests = {
        "keras": ("test_every_layer", "test_gradients", "test_training_mode"),
        "training": ("test_steps_of_training",),
        "skip": ("test_is_left_out",),
    }
    form = Form(
        frozenset(t for key, names in tests.items() if any(key in c for c in cases) for t in names),
        facts.flavour,
        output.endswith(".ipynb"),
        bool(others.texts),
        facts.module,
        facts.relative,
    )
    head = [
        f'OUTPUT = Path(__file__).parent / "{output}"',
        *([f'MODULE = "{facts.module}"'] if facts.module else []),
        f"TOLERANCE = {facts.precision!r}  # {_OF_THE_LARGEST[facts.precision]}",
        "",
        "# How each model is made on either side, and the order of the axes that the translation has.",
        f"CASES = {cases!r}",
        "",
        f"# The statements of {source} that build its models.",
    ]
    statements = f"SOURCE = {_quoted(_without_weights(kept))}"
    parts = [*laid_out(head), statements, *_modules(others), "", form.body()]
    return form.top(source, output) + "\n".join(parts)


def _names_read(expression: str) -> frozenset[str]:
    return names_in(ast.parse(expression, mode="eval"))


def _without_weights(text: str) -> str:
    """Weights are random anyway, and nothing is fetched."""
    return re.sub(r"""weights\s*=\s*["']imagenet["']""", "weights=None", text)


def _modules(others: Neighbours) -> Iterator[str]:
    """The other files of the project."""
    if others.texts:
        texts = ", ".join(
            f"{name!r}: {_quoted(_without_weights(text))}"
            for name, text in sorted(others.texts.items())
        )
        yield "\n# What they need of the other files of its project, and the package that it is in."
        yield by_black(f"MODULES = {{{texts}}}\nPACKAGE = {others.package!r}").rstrip()


def _cases(
    text: str, entries: list[dict[str, Any]], facts: Facts
) -> tuple[list[dict[str, Any]], dict[int, tuple[str, str]]]:
    """The cases, with names of their own, and the lines on which variables are to be kept under another name."""
    cases: list[dict[str, Any]] = []
    marks: dict[int, tuple[str, str]] = {}
    for entry in entries:
        for made in entry["cases"]:
            case = dict(made)
            variable = str(entry["source_name"])
            if case.get("keras", "").endswith(f"_of_line_{entry['line']}"):
                if _is_at_top(text, entry["line"]):
                    marks[entry["line"]] = (case["keras"], variable)
                else:
                    case = {"name": case["name"], "skip": _LOCAL.format(**entry)}
            for part in facts.training:
                if part["model"] == entry["source_name"] and part["loss"] and part["optimizer"]:
                    names = {k: part[k] for k in ("optimizer", "scheduler", "loss", "loss_on")}
                    other = facts.flavour == "1" and _OTHER_DEFAULTS.search(text)
                    if "keras" in case and len(entry["cases"]) == 1 and not other:
                        case["training"] = names
            taken = [c["name"] for c in cases]
            if case["name"] in taken:
                case["name"] += f":{entry['line']}"
            cases.append(case)
    return cases, marks


_LOCAL = "{source_name} (line {line}) is local to a function that does more than to build it"


def _is_at_top(text: str, line: int) -> bool:
    """Whether a line is run with the module, and not in a function."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    inside = [
        n
        for n in ast.walk(ast.parse(text))
        if isinstance(n, functions) and n.lineno <= line <= (n.end_lineno or 0)
    ]
    return not inside


def _quoted(text: str) -> str:
    """The text as a literal that reads as it does."""
    text = textwrap.dedent(text).strip("\n")
    quotes = next((q for q in ('"""', "'''") if q not in text), "")
    if not quotes or re.search(r"[^\x09\x0a\x20-\x7e\xa0-\uffff]", text):
        return by_black(f"x = {text!r}").removeprefix("x = ").rstrip()
    return f"r{quotes}\n{text}\n{quotes}"
