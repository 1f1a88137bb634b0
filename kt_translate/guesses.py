"""Likely values for parameters of which nothing in the file tells, and those that its own checks let pass."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import lru_cache
from itertools import chain
from typing import Any

from kt_translate.evaluate.interpreter import Interpreter
from kt_translate.evaluate.records import holding
from kt_translate.evaluate.values import Class, Function
from kt_translate.graph.nodes import Param
from kt_translate.graph.region import Node
from kt_translate.graph.sym import Sym, Symbol, known, substitute
from kt_translate.graph.tensor import Layout, Tensor
from kt_translate.shapes import SHAPES, as_said, is_shape, is_tensor_name, is_tuple, likely_shape
from kt_translate.source.names import SUBMODULES
from kt_translate.source.syntax import Source

_GUESSES: list[tuple[str, Any]] = [
    (r"seed", 1),
    (r"dilation", 2),
    (r"class|label|categor|n_out|num_out", 10),
    (r"^(img|image)_?(rows|cols|h|w|height|width|size|dim)$|^(rows|cols|height|width)$", 224),
    (r"vocab|word|token|max_features", 1000),
    (r"len|steps|seq", 20),
    (r"activ|_act$", "relu"),
    (r"_init$|initiali[sz]er", "glorot_uniform"),
    (r"eps(ilon)?$|std(dev)?$|_range$", 0.02),
    (r"name|prefix", "model"),
    (r"dir(ectory)?$|folder", "out"),
    (r"(^|_)(drop|rate|alpha|momentum|ratio|decay)|dropout|^lr$|^reg|regular|l2", 0.1),
    (r"optim", "adam"),
    (r"weights|path|file|loss|metric|callback|pool$|pooling$", None),
    (r"^(use|is|include|with|has)_|_?(norm|bias)$|^trainable|^training", False),
    (r"kernel", 3),
    (r"stride|depth|block|layers|repeat|heads|skip|stack", 2),
    (r"pad", "same"),
]
_LISTS: list[tuple[str, Any]] = [  # where a number is taken for each of several layers or stages
    (r"depth|stage|block|repeat", (2, 2, 2)),
    (r"dilation", (1, 2, 4)),
    (r"filter|width|channel|unit|hidden|neuron|layers|dims$", (16, 32, 64, 128)),
]
_SIZE = re.compile(r"dim(s|ension)?$|units|width|filters|channels|features|hidden|size$")
_THROUGH = r"\bin (?:(?:enumerate|reversed|zip)\()?(?:\w+\[['\"])?"  # what a loop goes through
ROLES = {2: ("features",), 3: ("length", "features"), 4: ("height", "width", "channels")}


def guess(name: str, text: str, kinds: str) -> Any:
    """A likely value for a parameter that nothing in the file tells; ``kinds``: where the layers are made."""
    if settings := _settings(name, text, kinds):
        return holding({s: guess(f"{name}.{s}", text, kinds) for s in settings})
    n = re.escape(name)
    copied = re.search(
        rf"^\s*(\w+)\s*=\s*(?:(?:dict|copy|deepcopy)\()?{n}(?:\.copy\(\))?\)?\s*$", text, re.M
    )
    held = rf"(?:{n}|{copied[1]})" if copied else n
    if keys := _keys(held, text):
        return _table(held, keys, text, kinds)
    if keys := _keys(items := _items(held, text), text):
        return [_table(items, keys, text, kinds) for _ in range(2)]
    lower = name.rpartition(".")[2].lower()
    listed = next((value for pattern, value in _LISTS if re.search(pattern, lower)), None)
    if listed and _is_list(name, text):
        return listed
    if parts := _unpacked_shapes(name, text):
        return tuple(guess(part, text, kinds) for part in parts)
    if rows := re.search(rf"\bfor \(?(\w+(?:, \w+)+)\)? in {n}\s*[:\])]", text):
        return [tuple(guess(part, text, kinds) for part in rows[1].split(", "))]
    if re.search(rf"{_THROUGH}{n}\b", text) and "shape" not in lower:
        return (2, 2)
    if (used := _as_it_is_used(lower, kinds)) is not None:
        return used
    called = names_of(name, text)
    if any(is_tuple(known_as, text) for known_as in called):
        return as_said(called, text, likely_shape(text, kinds))
    flag = any(re.search(rf"\bif\b[ (]*(?:not )?{re.escape(n)}[ )]*:", text) for n in called)
    flag = flag and not _SIZE.search(lower)
    turns = re.search(rf"\brange\((?:\d, *)?{n}\)", text)
    other = flag or (2 if turns else 16)
    return next((value for pattern, value in _GUESSES if re.search(pattern, lower)), other)


def _as_it_is_used(name: str, code: str) -> Any:
    """What the code has by default for a parameter of this name, a word or a dict; else what its use tells.

    That is a class of Keras's layers, the arguments of one, or a key of a table.
    """
    called = re.escape(name)
    said = re.search(rf"\b{called}(?:: [\w.\[\], ]+)?\s*=\s*({_WORD}|{{[^{{}}]*}})", _heads(code))
    with suppress(SyntaxError, ValueError):
        if said is not None:
            return ast.literal_eval(said[1])
    n = rf"(?:\w+\.)*{called}\b"
    if re.search(rf"\bgetattr\(\s*[\w.]*\blayers\s*,\s*{n}", code):
        return "ReLU"
    if re.search(rf"\*\*{n}\s*[,)]", code):
        return {}
    for table in re.findall(rf"(?<![.\w])(\w+)\[\s*{n}\s*\]", code):
        if first := re.search(rf"^{table}\s*=\s*{{\s*({_WORD})\s*:", code, re.MULTILINE):
            return first[1][1:-1]
    return None


_WORD = r"'\w+'|\"\w+\""


@lru_cache(maxsize=64)
def _heads(code: str) -> str:
    """The parameters of all functions."""
    found = re.findall(r"^\s*def \w+(\(.*?\)).*?:$", code, re.DOTALL | re.MULTILINE)
    return "\n".join(found)


def code_about(ev: Interpreter, function: Function) -> str:
    """Where the parameters of a function are used: those of a constructor in its class and what that extends."""
    source = function.source or ev.source
    if function.name != "__init__" or function.owner is None:
        code, star = source.code(function.node), function.node.params.star_kwarg
        handed = () if star is None else _handed_on(ev, star.name.value, code, {function.name})
        return "\n".join([code, *handed])
    classes = [c for c in function.owner.mro() if isinstance(c, Class)]
    code = "\n".join((c.source or ev.source).code(c.node) for c in classes)
    return re.sub(r"\bself\.", "", code)


def _handed_on(ev: Interpreter, star: str, code: str, seen: set[str]) -> Iterator[str]:
    """The code of the functions to which code hands on its ``**params``, under that name."""
    for name in re.findall(rf"\b(\w+)\((?:[^()]|\([^()]*\))*\*\*{star}\b", code):
        function = ev.module.names.get(name)
        if isinstance(function, Function) and name not in seen:
            seen.add(name)
            own = function.node.params.star_kwarg
            text = ev.source.code(function.node)
            text = text if own is None else re.sub(rf"\b{own.name.value}\b", star, text)
            yield from (text, *_handed_on(ev, star, text, seen))


def guesser(ev: Interpreter, function: Function, text: str) -> tuple[Callable[[str], Any], str]:
    """What guesses the parameters of a function by the code about it, and where the layers are made."""
    kinds = text if re.search(r"[A-Z]\w+\dD\b|LSTM|GRU|RNN", text) else ev.source.text
    alone = _stands_alone(ev, function, text)

    def guessing(name: str) -> Any:
        return guess(name, text, text if alone and "shape" not in name.lower() else kinds)

    return guessing, kinds


def _stands_alone(ev: Interpreter, function: Function, text: str) -> bool:
    """Whether the code about a function makes its layers itself: nothing of the source's own is named in it."""
    named = [ev.module.names.get(word) for word in set(re.findall(r"\w+", text))]
    own = (function, function.owner)
    return "Dense(" in text and not any(
        isinstance(v, (Function, Class)) and v not in own for v in named
    )


def gathered(function: Function, source: Source) -> str | None:
    """The name of a function's ``**params``, where it reads settings off them by their keys."""
    star = function.node.params.star_kwarg
    if star is None:
        return None
    name = star.name.value
    code = (function.source or source).code(function.node)
    read = set(re.findall(rf"(?<![.\w]){name}(?:\[|\.get\()\s*['\"](\w+)['\"]", code))
    return name if read - SUBMODULES.keys() else None  # these are Keras's, handed on


def keys_read(name: str, text: str) -> list[str]:
    """The keys by which the source reads a parameter that is a dict."""
    return _keys(re.escape(name), text)


def unpacked_into(name: str, code: str) -> int | None:
    """Into how many names a class takes apart what its constructor is given."""
    parts = rf"^\s*\(?(\w+(?:\s*,\s*\w+)+)\)?\s*=\s*_?{re.escape(name)}\s*$"
    found = re.search(parts, code, re.MULTILINE)
    return found[1].count(",") + 1 if found else None


_OF_OBJECTS = re.compile(  # what tensors, layers, models and modules have
    r"^_|shape|dtype|^(ndim|rank|T|name|trainable|weights|inputs?|outputs?|layers?|models?|get"
    r"|history|backend|utils|ops|nn|keras)$"
)


def _settings(name: str, text: str, whole: str) -> list[str]:
    """The attributes of a parameter of which nothing but settings are read, ``config.units``, here or by others."""
    found = attributes_read(name, text)
    found = list(dict.fromkeys([*found, *(attributes_read(name, whole) if found else ())]))
    return [] if any(map(_OF_OBJECTS.search, found)) else found


def attributes_read(name: str, text: str) -> list[str]:
    """The attributes that are read of a parameter, or of what else it is called; none where it is called or indexed."""
    text = re.sub(r"\bself\.", "", text)
    known_as = rf"(?<![.\w])(?:{'|'.join(map(re.escape, names_of(name, text)))})"
    if "." in name or is_tensor_name(name) or re.search(rf"{known_as}(\[|\(|\.\w+\()", text):
        return []
    return re.findall(rf"{known_as}\.(\w+)", text)


def names_of(name: str, text: str) -> list[str]:
    """What a parameter is called: attributes and variables, too, that are nothing but it."""
    others = re.findall(rf"^\s*(\w+)\s*=\s*{re.escape(name)}\s*$", text, re.MULTILINE)
    return list(dict.fromkeys([name, *others]))


def _keys(path: str, text: str) -> list[str]:
    """The keys by which the source reads what ``path`` stands for, where it is a dict; not those that it asks for first."""
    read = re.findall(rf"(?<![.\w]){path}\[\s*['\"](\w+)['\"]\s*\]", text)
    asked = re.findall(rf"['\"](\w+)['\"] (?:not )?in {path}\b(?!\[)", text)
    return list(dict.fromkeys(key for key in read if key not in asked))


def _table(path: str, keys: list[str], text: str, kinds: str) -> dict[str, Any]:
    """A dict of these keys; what one stands for is used as it is, or under that name."""
    inner = {key: rf"{path}\[\s*['\"]{key}['\"]\s*\]" for key in keys}
    return {
        key: (
            _table(at, deeper, text, kinds)
            if (deeper := _keys(at, text))
            else guess(key, text, kinds)
        )
        for key, at in inner.items()
    }


def _items(path: str, text: str) -> str:
    """What stands for the items of a list: those at places, and the variables of loops over it."""
    variables = re.findall(rf"\bfor (?:\w+, )?(\w+) in (?:\w+\()?{path}\b", text)
    at_places = rf"{path}\[[^\]'\"]*\]"
    return f"(?:{'|'.join([at_places, *dict.fromkeys(variables)])})"


def _is_list(name: str, text: str) -> bool:
    """Whether a parameter has several values, of which the source takes one after the other."""
    n = re.escape(name)
    used = rf"\b{n}\[|\blen\({n}\)|{_THROUGH}{n}\b"
    said = rf"\b{n}(?:,\s*#\s*type)?:\s*(?:\w+\.)?(?:List|Sequence|Tuple|Iterable|list|tuple)\b"
    return bool(re.search(rf"{used}|{said}", text))


def _unpacked_shapes(name: str, text: str) -> list[str]:
    """The names of the several shapes that a parameter holds: ``source_shape, target_shape = shapes``."""
    found = re.search(rf"^\s*(\w+(?:\s*,\s*\w+)+)\s*=\s*{re.escape(name)}\s*$", text, re.MULTILINE)
    parts = re.split(r"\s*,\s*", found[1]) if found else []
    return parts if all("shape" in part.lower() for part in parts) else []


def is_called_on(name: str, text: str) -> bool:
    """Whether layers are called on a parameter, or a model begins with it."""
    n = re.escape(name)
    return is_tensor_name(name) and bool(
        re.search(rf"\)\(\s*\[?{n}\b|\bModel\(\s*(inputs?\s*=\s*)?{n}\b", text)
    )


def length_told(name: str, text: str) -> int | None:
    """How many indices an Embedding says that it looks up, which is called on a parameter."""
    called = rf"\binput_length\s*=\s*(\d+)[^()]*\)\(\s*{re.escape(name)}\b"
    found = re.search(called, text)
    return int(found[1]) if found else None


def by_hand(
    ev: Interpreter, function: Function, names: list[str], shape: Any, shapes: dict[str, Any]
) -> dict[str, Any]:
    """What --input-shape says of the parameters: FUNCTION=shape, or FUNCTION.parameter=shape."""
    text = ev.source.code(function.node)
    found: dict[str, Any] = {}
    for name in names:
        said = shapes.get(f"{function.name}.{name}")
        if said is None and shape is not None and not found:
            required = name not in function.defaults
            said = shape if is_shape(name, text) or (required and is_tensor_name(name)) else None
        if said is None:
            continue
        if is_shape(name, text) or not is_tensor_name(name):
            one = len(said) == 1 and not is_tuple(name, text)
            found[name] = said[0] if one else as_said([name], text, tuple(said))
        else:
            found[name] = input_of(said)
    return found


def input_of(shape: Sequence[int | None]) -> Tensor:
    return Tensor((None, *shape), "float32", Layout.FIRST if len(shape) > 2 else Layout.LAST)


def as_input(outer: Tensor, role: str, sizes: list[Param], reserved: set[str]) -> Tensor:
    """An input of its own for a tensor parameter; its sizes are parameters of the class."""
    roles = ROLES.get(outer.rank, tuple(f"size_{i}" for i in range(1, outer.rank)))
    taken = {p.symbol.name for p in sizes} | reserved
    shape: list[Any] = [None]
    for what, dim in zip(roles, outer.shape[1:], strict=True):
        sample = known(dim)
        if not isinstance(sample, int):
            shape.append(None)
            continue
        name = f"{role}_{what}" if role else f"in_{what}" if what == roles[-1] else what
        while name in taken:
            name += "_"
        taken.add(name)
        symbol = Symbol(name, sample, "dim")
        sizes.append(Param(symbol, None, "int", keyword_only=True))
        shape.append(Sym.of(symbol))
    tensor = Tensor(tuple(shape), outer.dtype, outer.layout, name=role or None)
    tensor.facts["input"] = outer.facts.get("input")
    tensor.node = Node([], [tensor])
    return tensor


# -- checks ---------------------------------------------------------------------------------------

_LIKELY = (224, 256, 128, 96, 64, 32, 16, 8, 4, 3, 2, 1, 0, 512, 1024)


def let_pass(wrong: Sym, samples: dict[str, Any], guessing: Callable[[str], Any]) -> dict[str, Any]:
    """Values for parameters by which a check of the source, that refused their samples, lets them pass; {} if none is found.

    What was left out is given what is likely for it, if that will do.
    """
    symbols = [s for s in sorted(wrong.symbols, key=lambda s: s.name) if s.name in samples]
    table: dict[Symbol, Any] = {s: samples[s.name] for s in symbols}
    likely = ({s: guessing(s.name)} for s in symbols if samples[s.name] is None)
    values = (*literals(wrong), *_LIKELY, *SHAPES)
    others = (dict.fromkeys(c, v) for c in ([s] for s in symbols) for v in values)
    all_alike = (dict.fromkeys(symbols, v) for v in values)
    for given in chain(likely, others, all_alike):
        with suppress(Exception):  # a value of another kind than is asked for
            if known(substitute(wrong, table | given)) is False:
                return {s.name: value for s, value in given.items()}
    return {}


def literals(value: Any) -> Iterator[Any]:
    """The plain values that an expression compares with."""
    if isinstance(value, Sym):
        for part in value.args[1:] if value.head in ("unary", "call") else value.args:
            yield from literals(part)
    elif isinstance(value, (list, tuple)):
        yield from value
    elif isinstance(value, (int, float, str)):
        yield value
