"""Lays code out as black does.

The code that is written here has one statement a line and black's spaces already. What is left to do in nearly all of
it is to break long calls, which a rule does; black itself, whose import and whose work take longer than a whole
translation, is asked for the statements that need more than that.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

WIDTH = 100
_OLDEST = 7  # Python 3.7 and all that came after: what an output is for

_STRING = re.compile(r"""[A-Za-z]*(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')""")
_SIMPLE_INDEX = r"(?:-?\w*(?::-?\w*)*|\.\.\.)"
_SIMPLE_INDICES = re.compile(rf"\[{_SIMPLE_INDEX}(?:, {_SIMPLE_INDEX})*\]")
# Powers of names, attributes and numbers, which have no spaces.
_OPERAND = r"(?:[A-Za-z_][\w.]*|\d[\w.]*)"
_POWER = re.compile(
    rf"{_STRING.pattern}|(?<![\w.)\]\-+~])({_OPERAND}) \*\* (-\d[\w.]*|{_OPERAND})(?![\w.(\[])"
)
# What black writes otherwise: single quotes, spaces around other powers and the colons of slices, needless brackets.
_UNSURE = re.compile(r"'| \*\* |:(?=\S)|^for \(")
_BRACKETED = re.compile(r"(?:[^(]* = |return |if |elif |while |assert |for .* in )\((.*)\):?")
_TOKEN = re.compile(rf"{_STRING.pattern}|[()\[\]{{}},]")
_HEAD = re.compile(
    r"""(?:\w[\w.]*(?:, \w[\w.]*)*(?:: [\w.]+)? = |return |raise |\w+=|"\w*": )?(?:\w[\w.]*\(|[\[{])"""
)
_DEFINITION = re.compile(r"(def \w+\()(.*)(\)(?: -> .*)?:)")
_IMPORT = re.compile(r"(from [\w.]+ import )(.*)")
_LATER_CLAUSE = re.compile(r"(?:elif|else|except|finally|case)\b")
_CLOSING = {"(": ")", "[": "]", "{": "}"}


def laid_out(lines: Iterable[str]) -> Iterator[str]:
    """Statements of ours, one a line, and docstrings, as black leaves them."""
    within = False
    for line in lines:
        code = line.lstrip(" ")
        if within or code.startswith('"""'):
            within ^= code.count('"""') == 1
            yield line
        else:
            yield from _statement(code, line[: len(line) - len(code)])


def by_black(text: str, width: int = WIDTH) -> str:
    """Any code, laid out by black itself."""
    from black import format_str
    from black.mode import Mode, TargetVersion

    versions = {version for version in TargetVersion if version.value >= _OLDEST}
    return format_str(text, mode=Mode(versions, line_length=width))


def _statement(code: str, indent: str) -> list[str]:
    code = _STRING.sub(_in_double_quotes, code)
    if code.startswith("#"):
        return [indent + code]
    code = _POWER.sub(lambda m: f"{m[1]}**{m[2]}" if m[1] else m[0], code)
    bare = _SIMPLE_INDICES.sub("", _STRING.sub(lambda s: s[0][-1], code).partition("  # ")[0])
    bracketed = _BRACKETED.fullmatch(bare)
    if _UNSURE.search(bare) or (bracketed and len(_parts(bracketed[1]) or ()) == 1):
        return _asked(code, indent)
    return _broken(code, indent) or _asked(code, indent)


def _in_double_quotes(string: re.Match[str]) -> str:
    text = string[0]
    plain = text.startswith("'") and not re.search(r"[\"\\]", text)
    return f'"{text[1:-1]}"' if plain else text


def _broken(code: str, indent: str, end: str = "") -> list[str] | None:
    """A statement or an element within brackets, its last brackets broken if need be; None if that is not all."""
    if len(indent) + len(code) + len(end) <= WIDTH:
        return [indent + code + end]
    if definition := _DEFINITION.fullmatch(code):
        head, within, tail = definition.groups()
    elif imported := _IMPORT.fullmatch(code):
        head, within, tail = f"{imported[1]}(", imported[2], ")"
    elif opened := _HEAD.match(code):
        head, within, tail = opened[0], code[opened.end() : -1], code[-1]
        if tail != _CLOSING[head[-1]]:
            return None
    else:
        return None
    parts = _parts(within)
    if not parts or len(indent) + len(head) > WIDTH:
        return None
    return _filled(head, parts, tail + end, indent)


def _filled(head: str, parts: list[str], tail: str, indent: str) -> list[str] | None:
    """The broken brackets: arguments share a line if they fit on one, else each has its own."""
    inner = indent + " " * 4
    one_line = inner + ", ".join(parts)
    alone = len(parts) == 1
    if alone and head.startswith("def "):
        return None
    if head[-1] == "(" and not head.startswith("from ") and len(one_line) <= WIDTH:
        return [indent + head, one_line, indent + tail]
    lines = []
    for part in parts:
        broken = _broken(part, inner, "" if alone else ",")
        if broken is None:
            return None
        lines += broken
    return [indent + head, *lines, indent + tail]


def _parts(text: str) -> list[str] | None:
    """What the commas outside of all brackets part; None if the brackets around it are not one pair."""
    parts, start, depth = [], 0, 0
    for token in _TOKEN.finditer(text):
        if token[0] in _CLOSING:
            depth += 1
        elif token[0] in ")]}":
            depth -= 1
            if depth < 0:
                return None
        elif token[0] == "," and not depth:
            parts.append(text[start : token.start()])
            start = token.end() + 1
    last = text[start:]
    return [*parts, last] if last else None


def _asked(code: str, indent: str) -> list[str]:
    """A statement as black lays it out; what opens a block gets one."""
    later, opens = _LATER_CLAUSE.match(code), code.endswith(":")
    text = f"{code}\n    pass\n" if opens else code
    text = by_black(f"if 1:\n    pass\n{text}" if later else text, WIDTH - len(indent))
    lines = text.splitlines()[2 if later else 0 : -1 if opens else None]
    return [indent + line if line else line for line in lines]
