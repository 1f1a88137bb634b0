"""Joins statements of a ``forward`` that read as one: a value that only the next line takes is written into it."""

from __future__ import annotations

import ast
import math
import re

MAX_WIDTH = 76
_ASSIGNED = re.compile(r"(\s*)(\w+) = (.*?)((?:  # .*)?)")
_TURNED_TWICE = re.compile(r"\.weight\.T\.m?T\b")  # Keras's kernel, transposed


def tidied(lines: list[str], returns: str) -> tuple[list[str], str]:
    """The statements and the returned expression, with the values that are used once written where they are used."""
    lines = [*lines, f"return {returns}"]
    i = 0
    while i + 1 < len(lines):
        joined = _joined(lines, i)
        if joined is None:
            i += 1
        else:
            lines[i : i + 2] = [joined]
            i = max(i - 1, 0)
    lines = [_TURNED_TWICE.sub(".weight", line) for line in _comprehended(lines)]
    return list(map(_in_one_line, lines[:-1])), lines[-1].removeprefix("return ")


def _comprehended(lines: list[str]) -> list[str]:
    """A loop that does nothing but fill a list, as a comprehension."""
    i = 0
    while i + 2 < len(lines):
        empty = re.fullmatch(r"(\s*)(\w+): list\[Tensor\] = \[\]", lines[i])
        head = re.fullmatch(r"(\s*)(for .*):", lines[i + 1])
        if empty and head and empty[1] == head[1]:
            added = re.fullmatch(rf"{head[1]}    {empty[2]}\.append\((.*)\)", lines[i + 2])
            alone = i + 3 == len(lines) or _depth(lines[i + 3]) <= len(head[1])
            if added and alone and len(lines[i + 1]) + len(added[1]) < MAX_WIDTH:
                lines[i : i + 3] = [f"{empty[1]}{empty[2]} = [{added[1]} {head[2]}]"]
        i += 1
    return lines


def _in_one_line(statement: str) -> str:
    """Without the comment on its shape where that would break the line."""
    code, _, comment = statement.partition("  # (N")
    return code if comment and len(statement) > 92 else statement


def _joined(lines: list[str], at: int) -> str | None:
    """Statement ``at`` written into the next one; None where it has to stand by itself."""
    first = _ASSIGNED.fullmatch(lines[at])
    if first is None:
        return None
    indent, name, value, _ = first.groups()
    head, mark, comment = lines[at + 1].partition("  # ")
    if not head.startswith(indent) or head[len(indent) : len(indent) + 1] == " ":
        return None
    statement = head[len(indent) :]
    if not re.match(r"(\w+ = |return |\w+\.append\()", statement):
        return None
    width = len(indent) + len(statement) - len(name) + len(value)
    if width > MAX_WIDTH and statement != f"return {name}":
        return None
    if not _dies(lines, at, name, statement):
        return None
    tree = ast.parse(statement)
    value_tree = ast.parse(value, mode="eval").body
    uses = [
        n
        for n in ast.walk(tree)
        if isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, ast.Load)
    ]
    if len(uses) != 1 or isinstance(value_tree, (ast.IfExp, ast.Lambda, ast.Tuple)):
        return None
    if id(uses[0]) in _repeated(tree):
        return None
    used = uses[0]
    before, after = statement[: used.col_offset], statement[used.end_col_offset :]
    atom = isinstance(value_tree, (ast.Call, ast.Name, ast.Attribute, ast.Subscript, ast.Constant))
    bare = used in _set_apart(tree) or (before.endswith(("return ", " = ")) and not after)
    text = value if atom or bare else f"({value})"
    joined = f"{indent}{before}{text}{after}"
    if len(joined) > MAX_WIDTH and statement != f"return {name}":
        return None
    return joined + (f"{mark}{comment}" if mark else "")


def _set_apart(tree: ast.AST) -> list[ast.expr]:
    """What stands between commas: arguments of calls, items of tuples and lists."""
    found: list[ast.expr] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            found += [*node.args, *(keyword.value for keyword in node.keywords)]
        elif isinstance(node, (ast.Tuple, ast.List)):
            found += node.elts
    return found


def _repeated(tree: ast.AST) -> set[int]:
    """The ids of what is evaluated not at all or more than once, in a comprehension or a lambda."""
    found: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Lambda):
            found |= set(map(id, ast.walk(node)))
        elif isinstance(node, (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
            once = set(map(id, ast.walk(node.generators[0].iter)))
            found |= set(map(id, ast.walk(node))) - once
    return found


def _dies(lines: list[str], at: int, name: str, statement: str) -> bool:
    """Whether nothing reads the name after the statement that follows."""
    if statement.startswith(f"{name} = ") or statement.startswith("return "):
        return True
    word = re.compile(rf"(?<![\w.]){name}\b(?!=)")
    depth = level = _depth(lines[at])
    settled: float = math.inf  # so deep, another value has the name
    for line in [*lines[at + 2 :], ""]:
        if _depth(line) >= settled:
            continue
        settled = math.inf
        while level > _depth(line):
            level -= 4
            if _read_first(lines, at, level, name, word):
                return False
        match = _ASSIGNED.fullmatch(line)
        given = match is not None and match[2] == name
        reads = word.search(match[3] if match and given else line.partition("  # ")[0])
        if reads or (match and given and len(match[1]) <= depth):
            return not reads
        if match and given:
            settled = len(match[1])
    return True


def _read_first(lines: list[str], at: int, level: int, name: str, word: re.Pattern[str]) -> bool:
    """Whether the loop around a line, whose head is so deep, reads the name before it gives it a value: in the next turn."""
    head = next(i for i in range(at, -1, -1) if _depth(lines[i]) <= level)
    if not lines[head].lstrip().startswith("for "):
        return False
    for line in lines[head + 1 : at + 1]:
        match = _ASSIGNED.fullmatch(line)
        given = match is not None and match[2] == name
        if word.search(match[3] if match and given else line.partition("  # ")[0]):
            return True
        if given and _depth(line) == level + 4:
            return False
    return False


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip())
