"""The tensors to try a class on that the source never calls, and what a model takes that waits for its input."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from itertools import repeat
from typing import Any

from kt_translate.evaluate import recurrent
from kt_translate.evaluate.interpreter import Interpreter
from kt_translate.evaluate.open_sizes import open_input
from kt_translate.evaluate.values import Class, Function, Instance, ModelValue, map_tensors
from kt_translate.graph.sym import UNKNOWN, Sym, Symbol
from kt_translate.graph.tensor import Layout, Tensor, tensors_in

# To try where the source does not tell: rows of features first, then pictures, sequences, volumes.
RANKS = (2, 4, 3, 5)
MIXED: tuple[tuple[int, ...], ...] = (
    (2, 3),
    (3, 2),
    (4, 2),
    (2, 4),
    (3, 3, 2),
)  # a sequence of indices and what goes with it
NOT_TENSORS = ("self", "training", "train")
_SEQUENCES = re.compile(
    r"(Attention|1D|LSTM|GRU|RNN)\(|sequence|seq_len|\b(query|key|value)\b.*=.*inputs\b"
)
_LENGTHS = re.compile(r"_len(gth)?s?$")  # of sequences, a number each
_OVER_HEADS = re.compile(  # what makes a mask for attention of several heads
    r"\[\s*:\s*,\s*(?:\w+\.)?(?:newaxis|None)\s*,\s*(?:\w+\.)?(?:newaxis|None)\s*,\s*:\s*\]"
)


def likely_inputs(
    ev: Interpreter,
    cls: Class,
    instance: Instance,
    shape: Any,
    sizes_of: Callable[[int], tuple[Any, ...]],
) -> Iterator[dict[str, Any]]:
    """Arguments of ``call`` to try, the likeliest first; ``sizes_of``: those of a tensor of so many axes."""
    names, code, whole = _taken_by(cls)
    text = _without_comments(code)
    if isinstance(shape, dict):  # of each argument
        yield {name: _input(tuple(said)) for name, said in shape.items()}
        return
    shapes = [tuple(shape)] if shape is not None else []
    if shape is None:
        models = [
            v for v in (*instance.args, *instance.kwargs.values()) if isinstance(v, ModelValue)
        ]
        shapes += filter(None, map(_shape_for, models))
        for model in (m for m in models if len(tensors_in(m.inputs)) > 1 and len(names) == 1):
            yield {names[0]: map_tensors(replace, model.inputs)}  # handed on to that model
    if len(names) == 2 and (start := recurrent.states_of_cell(ev, instance)) is not None:
        yield {names[0]: _input(sizes_of(2)), names[1]: start}
    likeliest = 3 if _of_sequences(cls) else _told_rank(cls, names[0]) if len(names) == 1 else None
    likely = sorted(RANKS, key=lambda rank: rank != likeliest)
    found_ranks = _indexed(text, names) if shape is None else []
    if len(names) == 1 and _may_be_one(text, names[0]):
        told_alone = [max(found_ranks)] if found_ranks else likely
        yield from ({names[0]: _input(sizes)} for sizes in shapes or map(sizes_of, told_alone))
    if found_ranks:
        each = map(sizes_of, found_ranks)
        yield {name: _structure(_as_given(code, name), name, each) for name in names}
    if shape is None and (told := _expanded(text, names)):
        for rank in (3, 2, 4, 5):  # of what goes with them
            each = map(sizes_of, [known_rank or rank for known_rank in told])
            yield {name: _structure(text, name, each) for name in names}
    tries = shapes or list(map(sizes_of, likely))
    masks = [name for name in names if "mask" in name.lower()] if _OVER_HEADS.search(whole) else []
    for sizes in tries:
        if masks and len(sizes) < 3:
            yield {n: _input(sizes_of(4) if n in masks else sizes) for n in names}
        found = {name: _structure(_as_given(code, name), name, repeat(sizes)) for name in names}
        yield found
    for ranks in MIXED if shape is None else ():
        if len(ranks) == len(tensors_in(list(found.values()))):
            each = map(sizes_of, ranks)
            yield {name: _structure(_as_given(code, name), name, each) for name in names}
    for count in _counts(cls, names[0]) if shape is None and len(names) == 1 else ():
        alike = [(rank,) * count for rank in (3, *(r for r in RANKS if r != 3))]
        for ranks in [*alike, *MIXED]:
            if len(ranks) == count and count != len(tensors_in(found)):
                yield {names[0]: [_input(sizes_of(rank)) for rank in ranks]}


def _taken_by(cls: Class) -> tuple[list[str], str, str]:
    """The arguments that ``call`` has to be given, its code, and the text of the file."""
    call = cls.lookup("call")
    if not isinstance(call, Function):
        return ["inputs"], "", ""
    params = call.node.params
    every = [*params.posonly_params, *params.params, *params.kwonly_params][1:]
    needed = (p.name.value for p in every if p.default is None)
    names = [name for name in needed if name not in NOT_TENSORS]
    names = names or [p.name.value for p in every[:1]] or ["*0"]
    if cls.source is None:
        return names, "", ""
    return names, cls.source.code(call.node), cls.source.text


def _shape_for(model: ModelValue) -> tuple[Any, ...] | None:
    """What a model takes that is among the arguments; None where that is several tensors, or not told."""
    if model.deferred:
        return likely_input(model.deferred)
    inputs = tensors_in(model.inputs)
    return inputs[0].shape[1:] if len(inputs) == 1 else None


def looked_up(
    cls: Class, given: dict[str, Any], sizes_of: Callable[[int], tuple[Any, ...]]
) -> Iterator[dict[str, Any]]:
    """The arguments once more where they hold indices: these are rows, and what goes with them are sequences of vectors
    where the class speaks of sequences.
    """
    beside = 3 if _SEQUENCES.search(code_of(cls)) else None

    def likelier(name: str, tensor: Tensor) -> Tensor:
        is_index = tensor.dtype.startswith("int")
        rank = 2 if is_index else None if "mask" in name.lower() else beside
        if rank is None or rank == tensor.rank:
            return tensor
        return replace(_input(sizes_of(rank)), dtype=tensor.dtype)

    found = {n: map_tensors(partial(likelier, n), value) for n, value in given.items()}
    if any(a is not b for a, b in zip(*(tensors_in(list(v.values())) for v in (found, given)))):
        yield found


def _counts(cls: Class, name: str) -> list[int]:
    """How many tensors a class wants in a list, as its checks and what it takes apart tell."""
    text = code_of(cls)
    said = rf"(?:{re.escape(name)}|inputs?|input_shapes?|shapes?)"
    unpacked = re.findall(rf"^\s*\[?(\w+(?:\s*,\s*\w+)+)\]?\s*=\s*{said}\s*$", text, re.MULTILINE)
    checked = re.findall(rf"\blen\({said}\)\s*(?:!=|<|==|>=)\s*(\d)\b", text)
    counts = [names.count(",") + 1 for names in unpacked] + [int(n) for n in checked]
    any_number = (
        rf"\bisinstance\(\s*{said}\s*,\s*\(?\s*(?:list|tuple)\b|\b{said}\[-?\d\]\["
        rf"|\bfor \w+(?:, \w+)* in (?:enumerate\()?{said}\b|\blen\({re.escape(name)}\)"
    )
    if not counts and re.search(any_number, text):
        counts = [2, 3]
    return [n for n in dict.fromkeys(counts) if 1 < n < 6]


def code_of(cls: Class) -> str:
    """The code of a class without its docstrings and comments."""
    code = cls.source.code(cls.node) if cls.source is not None else ""
    return _without_comments(re.sub(r'""".*?"""', "", code.partition(":")[2], flags=re.DOTALL))


def _without_comments(code: str) -> str:
    return re.sub(r"(^|\s)#.*", "", code)


def _of_sequences(cls: Class) -> bool:
    """Whether the class speaks of sequences of vectors: not of indices that it looks up."""
    text = code_of(cls)
    return "Embedding(" not in text and bool(_SEQUENCES.search(text))


def _told_rank(cls: Class, name: str) -> int | None:
    """How many axes an input has whose sizes are asked for one by one: three or more, or it is not told.

    What is made rows of at first, ``reshape(x, [-1, width])``, is a picture in a file that has layers for these.
    """
    n = re.escape(name)
    if re.search(rf"\breshape\(\s*{n}\s*,\s*[\[(]\s*-1\s*,[^,\])]+[\])]", code_of(cls)):
        return 4 if re.search(r"\w2D\b", cls.source.text if cls.source else "") else 3
    shape = rf"\b(?:input_shape|{re.escape(name)}\.shape|shape\({re.escape(name)}\))"
    places = [int(n) for n in re.findall(rf"{shape}\[(-?\d)\](?!\[)", code_of(cls))]
    last = max(places, default=0)
    return last + 1 + (-1 in places) if last > 1 else None


def _indexed(text: str, names: list[str]) -> list[int]:
    """The ranks of the inputs, rows where nothing tells, by how ``call`` indexes them: ``words[:, :, 0]``."""
    parts = [part for name in names for part in _parts(text, name) or [name]]
    found = {
        part: max(
            (
                key.count(",") + 1
                for key in re.findall(rf"\b{re.escape(part)}\[([^\[\]]*)\]", text)
                if "..." not in key
            ),
            default=0,
        )
        for part in parts
    }
    return [max(rank, 2) for rank in found.values()] if max(found.values(), default=0) > 2 else []


def _may_be_one(text: str, name: str) -> bool:
    """Whether ``call`` takes an input apart only where it is a list: then it is one, as a rule."""
    n = re.escape(name)
    asked = re.search(rf"(?<!not )\bisinstance\(\s*{n}\s*,\s*\(?\s*(?:list|tuple)\b", text)
    return asked is not None and bool(_parts(text, name))


def _expanded(text: str, names: list[str]) -> list[int]:
    """The ranks of the inputs, 0 where nothing tells, by where ``call`` gives them another axis, the last of all."""
    parts = [part for name in names for part in _parts(text, name) or [name]]
    patterns = (rf"\bexpand_dims\(\s*{re.escape(p)}\s*,\s*(?:axis=)?([2-4])\s*\)" for p in parts)
    found = [re.search(pattern, text) for pattern in patterns]
    ranks = [int(m[1]) if m else 0 for m in found]
    return ranks if any(ranks) and not all(ranks) else []


def _parts(text: str, name: str) -> list[str]:
    """The names into which ``call`` takes an input apart."""
    unpacked = re.search(
        rf"^\s*\(?\[?(\w+(?:\s*,\s*\w+)+),?\]?\)?\s*=\s*{re.escape(name)}\s*$", text, re.MULTILINE
    )
    return re.split(r"\s*,\s*", unpacked[1]) if unpacked else []


@lru_cache(maxsize=64)
def _as_given(code: str, name: str) -> str:
    """The code of a function as far as a parameter is what the caller gives: to the end of what binds its name anew."""
    lines = textwrap.dedent(code).splitlines()
    for statement in (s for f in ast.parse("\n".join(lines)).body for s in getattr(f, "body", ())):
        targets = statement.targets if isinstance(statement, ast.Assign) else []
        if any(isinstance(n, ast.Name) and n.id == name for t in targets for n in ast.walk(t)):
            return _without_comments("\n".join(lines[: statement.end_lineno]))
    return _without_comments(code)


def _structure(text: str, name: str, sizes: Iterator[tuple[Any, ...]]) -> Any:
    """An input, or a list or dict of them as ``call`` takes it apart; ``sizes`` of one after the other."""
    said = re.escape(name)
    keys = re.findall(rf"\b{said}\[\s*(['\"])(\w+)\1\s*\]", text)
    if keys:
        return {k: _input(next(sizes)) for k in dict.fromkeys(k for _, k in keys)}
    if parts := _parts(text, name):
        return [_input(() if _LENGTHS.search(part) else next(sizes)) for part in parts]
    places = {int(n) for n in re.findall(rf"\b{said}\[(\d)\]", text)}
    if places == set(range(len(places))) and len(places) > 1:
        return [_input(next(sizes)) for _ in places]
    return _input(next(sizes))


def _input(sizes: tuple[Any, ...]) -> Tensor:
    dims = tuple(
        Sym.of(Symbol(f"size_{i}", UNKNOWN, "global")) if d is UNKNOWN else d
        for i, d in enumerate(sizes)
    )
    layout = Layout.FIRST if len(dims) >= 3 else Layout.LAST
    tensor = Tensor((None, *dims), "float32", layout)
    rank = len(dims) + 1
    if sizes and sizes in (others(rank), fitting(rank)):
        tensor.facts["guessed"] = True
    return tensor


def unknown(rank: int) -> tuple[Any, ...]:
    return (UNKNOWN,) * (rank - 1)


def others(rank: int) -> tuple[int, ...]:
    """Sizes for a class that hangs on what they are: other ones than its parameters are guessed to be."""
    return {2: (24,), 3: (20, 24), 4: (32, 32, 3), 5: (16, 16, 16, 1)}.get(rank, (24,))


def fitting(rank: int) -> tuple[int, ...]:
    """The same where they have to be what its parameters are."""
    return {2: (16,), 3: (20, 16), 4: (32, 32, 16), 5: (16, 16, 16, 16)}.get(rank, (16,))


def likely_input(layers: Sequence[Any]) -> tuple[Any, ...] | None:
    """The shape that a Sequential's first layers tell, where nothing else does.

    Colour pictures of any size; rows, or sequences of any length, whose width the weights tell. What is flattened
    may have any shape: the weights tell its size.
    """
    kinds = [_kind(layer) for layer in layers]
    axes = 2
    for kind, layer in zip(kinds, layers):
        axes = max(axes, *_indexed_by(layer))
        if kind == "Flatten" and _told_flat(kinds):
            return (None, None)
        if kind in ("Flatten", "Reshape", "Permute"):
            return None
        if kind == "Embedding":
            return (None,)
        if kind == "Dense":
            return (*[None] * (axes - 2), Sym.of(open_input("in_features")))
        if kind in ("LSTM", "GRU", "SimpleRNN", "RNN"):
            return (None, Sym.of(open_input("input_size")))
        if kind.endswith("Conv1D"):
            return (None, Sym.of(open_input("in_channels")))
        if _PICTURES.search(kind):
            break
    if not any(map(_PICTURES.search, kinds)):
        return None
    if _told_flat(kinds):
        return (None, None, Sym.of(open_input("in_channels")))
    told = not any(kind in ("Flatten", "Reshape", "Permute", "Dense") for kind in kinds)
    return (None, None, 3) if told else None


def _indexed_by(layer: Any) -> list[int]:
    """The number of axes that a Lambda indexes of its input."""
    function = getattr(layer, "function", None)
    if not isinstance(function, Function) or function.source is None:
        return [0]
    names = [param.name.value for param in function.node.params.params[:1]]
    return [0, *_indexed(function.source.code(function.node), names)]


def _told_flat(kinds: list[str]) -> bool:
    """Whether the weights tell the size of what is flattened first, before anything takes it apart."""
    apart = [kind for kind in kinds if kind in ("Flatten", "Reshape", "Permute", "Dense")]
    return apart[:2] == ["Flatten", "Dense"]


def _kind(layer: Any) -> str:
    rule = getattr(layer, "rule", layer)
    inner = getattr(rule, "layer", None)
    return type(rule).__name__ if inner is None else _kind(inner)


_PICTURES = re.compile(
    r"2D(Transpose)?$|^(Center|Random)(Crop|Flip|Rotation|Zoom|Translation|Contrast|Brightness|Hue"
    r"|Height|Width|Shear|ColorJitter)$|^Resizing$"
)
