"""What follows in a function."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter


def read_later(ev: Interpreter, name: str) -> bool:
    """Whether what follows in the function reads the name before it binds it again."""
    read = re.compile(rf"(?<![\w.'\"]){re.escape(name)}\b(?!\s*=[^=])(?!['\"])")
    bound = re.compile(rf"{re.escape(name)}\s*=[^=]|for {re.escape(name)} in ")
    again = re.compile(rf"for\b[^:\n]*?(?<![\w.]){re.escape(name)}\b[^:\n]*?\bin\b([^:\n]*)")
    for statements, _ in reversed(ev.rest[ev.rest_of_function :]):
        for statement in statements or ():
            text = re.sub(r"^(?:#.*\n\s*)+", "", ev.source.code(statement).strip())
            loop, first = again.search(text), read.search(text)
            binds = loop and first and loop.start() < first.start() < loop.start(1)
            if loop and binds and not read.search(loop[1]):
                if loop.start() == 0 or "\n" in text:
                    return False  # a loop, or one within the statement
                continue  # a comprehension's own
            if loop and loop.start() > 0 and "\n" not in text:
                continue
            if first:
                return True
            if bound.match(text):
                return False
    return False
