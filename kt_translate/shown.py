"""What docstrings show their classes and functions called with: it tells samples where the file calls them nowhere."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator

from kt_translate.evaluate.general import docstring_of
from kt_translate.evaluate.interpreter import Interpreter
from kt_translate.evaluate.modules import aside
from kt_translate.evaluate.values import Class, Function, Scope
from kt_translate.source.syntax import Source, SourceError

_FENCED = re.compile(r"^([ \t]*)```(?:py\w*)?[ \t]*\n(.*?)^[ \t]*```", re.MULTILINE | re.DOTALL)
_PROMPT = re.compile(r"^[ \t]*(?:>>>|\.\.\.)(?: |$)(.*)$", re.MULTILINE)
_QUALIFIED = re.compile(r"\b(?:\w+\.)+(\w+)(?=\()")


def run_examples(ev: Interpreter) -> None:
    """Run the examples of what the module defines and never calls. Nothing of them is the module's, and none can fail."""
    before = {id(tensors) for uses in ev.class_plans.values() for _, _, tensors in uses}
    for value in list(ev.module.names.values()):
        if not isinstance(value, (Class, Function)) or value.source not in (None, ev.main):
            continue
        if ev.made.get(id(value.node)) if isinstance(value, Class) else value.calls:
            continue
        if ev.settings or ev.input_shapes.get(value.name, ev.input_shapes.get("")) is not None:
            continue  # what is said by hand goes before
        for text in _examples(docstring_of(value)):
            _run(ev, _unqualified(ev, text), value.line)
    for _, _, tensors in (use for uses in ev.class_plans.values() for use in uses):
        if id(tensors) not in before:
            for tensor in tensors:
                tensor.facts["guessed"] = True  # of sizes that are an example's


def _examples(docstring: str) -> Iterator[str]:
    """The code in a docstring: between fences, or after prompts."""
    yield from (textwrap.dedent(match[2]) for match in _FENCED.finditer(docstring))
    if prompted := [match[1] for match in _PROMPT.finditer(docstring)]:
        yield "\n".join(prompted)


def _unqualified(ev: Interpreter, text: str) -> str:
    """The code with the module's own classes and functions called by their bare names."""

    def bare(match: re.Match[str]) -> str:
        own = isinstance(ev.module.names.get(match[1]), (Class, Function))
        return match[1] if own else match[0]

    return _QUALIFIED.sub(bare, text)


def _run(ev: Interpreter, text: str, line: int) -> None:
    try:
        source = Source(text, ev.main.name, ev.main.path)
    except SourceError:
        return
    scope = Scope("function", {}, ev.module)
    ev.line = line
    with aside(ev, source):
        for statement in source.module.body:
            ev.run_guarded(statement, scope)
