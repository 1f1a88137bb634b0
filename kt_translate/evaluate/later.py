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
            loop = again.match(text)
            if loop and not read.search(loop[1]):
                return False
            if not text.startswith("for ") and "\n" not in text and again.search(text):
                continue  # a comprehension's own
            if read.search(text):
                return True
            if bound.match(text):
                return False
    return False
