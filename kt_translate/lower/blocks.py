"""The statements of an ``__init__`` that has loops and conditions, and the sizes that they hand on.

A size that a loop carries is written as a token first. When the whole text stands, the tokens that nothing reads are
dropped, those that can share a variable do, and the rest get names.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from kt_translate.diagnostics import RuleError
from kt_translate.graph.operators import NEGATED

_ASSIGNED = re.compile(r"\s*(κ\d+κ) = (.*)")
_GIVEN = re.compile(
    r"\s*(κ\d+κ)(?:: list\[int\])?(?: = |\.append\(|(?=\[))(.*)"
)  # lists, parts of arrays
_MODULE = re.compile(r"self\.(\w+) = ")
_TOKEN = re.compile(r"κ\d+κ")
_TURNING = re.compile(r"\bfor ([\w, ()]+?) in ")
_ADDED_TO = re.compile(r"\s+(κ\d+κ)\.append\(")  # a list of sizes, in the turns of a loop


@dataclass
class Block:
    """Statements, each with its place in the order in which the source makes things."""

    entries: list[tuple[int, Callable[[], list[str]]]] = field(default_factory=list)
    by_attribute: bool = False  # the layers are known by their attributes, not by their order

    def add(self, order: int, lines: list[str]) -> None:
        self.add_later(order, lambda: lines)

    def add_later(self, order: int, lines: Callable[[], list[str]]) -> None:
        """Statements that are not complete yet: layers made in them are called further on."""
        self.entries.append((order, lines))

    def lines(self) -> list[str]:
        ordered = [lines() for _, lines in sorted(self.entries, key=lambda e: e[0])]
        placed = _loops_first(ordered)
        if not self.by_attribute and placed != ordered:
            raise RuleError("KT302", "a layer is made before the loop that tells its size")
        sized = _sizes_first(_modules_first(placed))
        return joined_conditions([line for lines in sized for line in lines])


def _loops_first(statements: list[list[str]]) -> list[list[str]]:
    """The statements, with a loop before those that read what its turns hand on."""
    given = {
        m[1]: i
        for i, s in enumerate(statements)
        if len(s) > 1
        for ln in s
        if (m := _ASSIGNED.match(ln) or _ADDED_TO.match(ln))
    }
    late = {
        at
        for at, lines in enumerate(statements)
        if any(given.get(name, at) > at for name in _TOKEN.findall("\n".join(lines)))
    }
    if not late:
        return statements
    last = max(
        given[n] for at in late for n in _TOKEN.findall("\n".join(statements[at])) if n in given
    )
    before = [s for at, s in enumerate(statements[: last + 1]) if at not in late]
    return [*before, *(statements[at] for at in sorted(late)), *statements[last + 1 :]]


def _modules_first(statements: list[list[str]]) -> list[list[str]]:
    """The statements, with a module that others before it read a size of made there, and registered where it was."""
    found = list(statements)
    for at, lines in enumerate(statements):
        name = match[1] if len(lines) == 1 and (match := _MODULE.match(lines[0])) else None
        reads = re.compile(rf"\bself\.{name}(?=\.)")
        early = [i for i in range(at) if name and any(map(reads.search, statements[i]))]
        if not early:
            continue
        own, read = re.compile(rf"(?<![\w.]){name}\b"), early[0]
        local = f"{name}_" if any(own.search(ln) for s in statements for ln in s) else name
        for i in early:
            found[i] = [reads.sub(str(local), line) for line in found[i]]
        found[read] = [lines[0].replace(f"self.{name}", str(local), 1), *found[read]]
        found[at] = [f"self.{name} = {local}"]
    return found


def _sizes_first(statements: list[list[str]]) -> list[list[str]]:
    """The statements, with a size that gets its name late where one before reads it: ``Conv2D(1)(block(x))``."""
    found = [(m[1], i) for i, s in enumerate(statements) for ln in s if (m := _GIVEN.match(ln))]
    once = Counter(name for name, _ in found)
    given = {name: i for name, i in found if once[name] == 1 and len(statements[i]) == 1}
    done: dict[int, None] = {}

    def place(at: int) -> None:
        for found in _TOKEN.findall("\n".join(statements[at])):
            if (size := given.get(found, at)) > at and size not in done:
                place(size)
        done[at] = None

    for at in range(len(statements)):
        if at not in done:
            place(at)
    return [statements[at] for at in done]


def joined_conditions(lines: list[str]) -> list[str]:
    """Statements where conditions that ask the same one after the other are one condition."""
    heads = [i for i, line in enumerate(lines) if line and not line.startswith((" ", "#"))]
    dropped: set[int] = set()
    for before, head, after in zip([None, *heads], heads, [*heads[1:], None]):
        if before is None or lines[head] != lines[before] or not lines[head].startswith("if "):
            continue
        alone = after is None or not lines[after].startswith(("elif ", "else:"))
        given = {m[1] for line in lines[before:head] if (m := re.match(r"\s+(\w+) = ", line))}
        if alone and not given & set(re.findall(r"\w+", lines[head])):
            dropped.add(head)
    return [line for i, line in enumerate(lines) if i not in dropped]


def indented(lines: list[str]) -> list[str]:
    return [f"    {line}" for line in lines]


def token(number: int) -> str:
    return f"κ{number}κ"


def with_names(
    lines: list[str],
    kept: str,
    name_of: Callable[[str], str],
    parameters: set[str],
    globals_: set[str],
) -> tuple[list[str], dict[str, str]]:
    """The statements with names for tokens. ``kept``: other text that reads tokens. Also gives token -> name."""
    lines = _without_dead(lines, kept)
    shared = True
    while shared:
        shared = False
        for i, line in enumerate(lines):
            match = _ASSIGNED.fullmatch(line)
            if (
                match
                and _TOKEN.fullmatch(match[2])
                and match[1] != match[2]
                and _may_share(lines, i, match[1], match[2], kept)
            ):
                lines = [other.replace(match[1], match[2]) for other in lines]
                kept = kept.replace(match[1], match[2])
                lines = [other for other in lines if not self_assigned(other)]
                shared = True
                break
    names = _names(lines, kept, name_of, parameters, globals_)
    named = [_TOKEN.sub(lambda m: names[m[0]], line) for line in lines]
    return [line for line in named if not self_assigned(line)], names


def with_attributes(lines: list[str], kept: dict[str, str]) -> list[str]:
    """The statements, and those that keep variables for ``forward``: name -> attribute.

    What only a branch assigns is kept there; all else in the end, when it has its last value.
    """
    end = []
    for name, attribute in kept.items():
        keep = f"self.{attribute} = {name}"
        places = [i for i, line in enumerate(lines) if line.lstrip().startswith(f"{name} = ")]
        if not places or not _depth(lines[places[0]]):
            end.append(keep)
            continue
        for i in reversed(places):
            lines = [*lines[: i + 1], " " * _depth(lines[i]) + keep, *lines[i + 1 :]]
    return lines + end


def _names(
    lines: list[str],
    kept: str,
    name_of: Callable[[str], str],
    parameters: set[str],
    globals_: set[str],
) -> dict[str, str]:
    """A name for each token; one that nothing reads any more passes its name on. None has that of a loop's variable."""
    names: dict[str, str] = {}
    turning = {
        name for found in _TURNING.findall("\n".join(lines)) for name in re.findall(r"\w+", found)
    }
    holders: dict[str, str] = {}
    for i, line in enumerate(lines):
        for found in _TOKEN.findall(line):
            if found in names:
                continue
            base, n = name_of(found), 0
            name = base
            while name in globals_ | turning or not _is_free(
                name, holders, lines, i, kept, parameters
            ):
                n += 1
                name = f"{base}_{n}"
            names[found] = name
            holders[name] = found
    return names


def _is_free(
    name: str, holders: dict[str, str], lines: list[str], at: int, kept: str, parameters: set[str]
) -> bool:
    if _depth(lines[at]) and (name in holders or name in parameters):
        return False
    after = lines[at + 1 :]
    if name in holders:
        return holders[name] not in kept and not any(holders[name] in line for line in after)
    if name in parameters:
        word = re.compile(rf"(?<![\w.]){name}\b(?!=)")
        return not any(map(word.search, after)) and f"θ{name}" not in kept
    return True


def self_assigned(line: str) -> bool:
    """``x = x``: a statement that does nothing."""
    left, equals, right = line.strip().partition(" = ")
    return bool(equals) and left == right


def _without_dead(lines: list[str], kept: str) -> list[str]:
    """Drop assignments to tokens that nothing reads, and loops and branches that are left empty by that."""
    assigned = [m.groups() for m in map(_GIVEN.fullmatch, lines) if m]
    others = [line for line in lines if not _GIVEN.fullmatch(line)]
    headers = [line for line in others if _opens(line)]
    read = set(_TOKEN.findall("\n".join([kept, *(ln for ln in others if not _opens(ln))])))
    grown = True
    while grown:
        before = len(read)
        for name, value in assigned:
            if name in read:
                read |= set(_TOKEN.findall(value))
        if read or len(others) > len(headers):
            read |= set(_TOKEN.findall("\n".join(headers)))
        grown = len(read) > before
    left = [ln for ln in lines if not ((m := _GIVEN.fullmatch(ln)) and m[1] not in read)]
    while True:
        pruned = _without_empty(left)
        if len(pruned) == len(left):
            return left
        left = pruned


def _opens(line: str) -> bool:
    heads = ("for ", "if ", "elif ", "else:")
    return line.rstrip().endswith(":") and line.lstrip().startswith(heads)


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip())


def _without_empty(lines: list[str]) -> list[str]:
    """Without what opens nothing; of a branch that others follow, what they hold for is said."""
    out: list[str] = []
    left = [*lines, ""]
    for i, line in enumerate(lines):
        after, depth = left[i + 1], _depth(line)
        if not _opens(line) or (after and _depth(after) > depth):
            out.append(line)
        elif _depth(after) == depth and after.lstrip() == "else:" and " if " in f" {line}":
            test = line.strip().removeprefix("if ").removesuffix(":")
            left[i + 1] = lines[i + 1] = f"{' ' * depth}if {_denied(test)}:"
        elif _depth(after) == depth and after.lstrip().startswith(("elif ", "else:")):
            out += [line, f"{' ' * depth}    pass"]
    return out


def _denied(test: str) -> str:
    """The text of a condition that holds where this one does not."""
    if compared := re.fullmatch(r"(\S+) (==|!=|is not|is|not in|in) (\S+)", test):
        return f"{compared[1]} {NEGATED[compared[2]]} {compared[3]}"
    return f"not {test}" if re.fullmatch(r"[\w.]+", test) else f"not ({test})"


def _may_share(lines: list[str], at: int, new: str, old: str, kept: str) -> bool:
    """Whether ``new = old`` can be one variable: the old size is not read again before it takes another value."""
    home = next((i for i, ln in enumerate(lines) if _assigns(ln, old)), None)
    depth = _depth(lines[at])
    back = next(
        (i for i, ln in enumerate(lines) if i > at and _assigns(ln, old) and _depth(ln) <= depth),
        None,
    )
    if home is None or (old in kept and back is None):
        return False
    if back is None:
        if any(new in line for line in lines[home + 1 : at]):
            return False  # what it was before is read while the old size lives
        after = lines[at + 1 :]
        alike = not any(_assigns(ln, new) for ln in after)  # as long as both are read
        return depth <= _depth(lines[home]) and (alike or not any(old in ln for ln in after))
    if any(old in line for line in lines[at + 1 : back]):
        return False
    if _assigns(lines[back], old, new):
        return not any(_assigns(ln, new) for ln in lines[back + 1 :])
    later = [lines[back], *lines[back + 1 :], *lines[_loop_around(lines, at) : at]]
    return new not in kept and not any(new in line for line in later)


def _loop_around(lines: list[str], at: int) -> int:
    """The first line of the loop's body that the line stands in, which follows it on the next turn; else the line."""
    depth = _depth(lines[at])
    for i in range(at - 1, -1, -1):
        if _depth(lines[i]) < depth:
            depth = _depth(lines[i])
            if lines[i].lstrip().startswith("for "):
                return i + 1
    return at


def _assigns(line: str, name: str, value: str | None = None) -> bool:
    match = _ASSIGNED.fullmatch(line)
    return match is not None and match[1] == name and value in (None, match[2])
