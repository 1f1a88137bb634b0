"""Names for the generated code: attributes, variables, classes."""

from __future__ import annotations

import keyword
import re
from typing import Any

from kt_translate.graph.sym import Sym

_RESERVED = {  # nn.Module's own, and what the outputs have beside
    *[
        "self",
        "T",
        "forward",
        "logits",
        "training",
        "train",
        "eval",
        "type",
        "to",
        "half",
        "float",
        "double",
        "bfloat16",
        "cpu",
        "cuda",
        "ipu",
        "xpu",
        "mtia",
    ],
    *[
        "apply",
        "compile",
        "children",
        "modules",
        "parameters",
        "buffers",
        "state_dict",
        "zero_grad",
        "share_memory",
    ],
    *[
        "register_buffer",
        "register_parameter",
        "register_module",
        "add_module",
        "extra_repr",
        "to_empty",
    ],
    *["named_children", "named_modules", "named_parameters", "named_buffers", "load_state_dict"],
    *["get_parameter", "get_buffer", "get_submodule", "set_submodule", "requires_grad_"],
}


def attribute_name(value: Any, kind: str) -> str:
    """A Python name from a layer's name: text of a literal, the literal parts of a symbolic one, or its kind."""
    text = (
        value
        if isinstance(value, str)
        else "_".join(_literals(value)) if isinstance(value, Sym) else ""
    )
    text = re.sub(r"\W+", "_", text)
    text = re.sub(r"__+", "_", text).strip("_")
    text = text or kind
    if text[0].isdigit():
        digits, rest = re.match(r"(\d[\d_]*?)(?:_(?=[^\d_])|(?=[^\d_])|$)(.*)", text).groups()  # type: ignore[union-attr]
        text = f"{rest}_{digits}" if rest else f"{kind}_{digits}"
    return unreserved(text)


def unreserved(name: str) -> str:
    """The name, as an nn.Module can have it for an attribute."""
    return f"{name}_" if keyword.iskeyword(name) or name in _RESERVED else name


def _literals(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, Sym) and value.head == "+":
        return [t for a in value.args for t in _literals(a)]
    return []


VERBS = ("build", "make", "create", "get", "define", "construct")


def class_name(text: str) -> str:
    """build_resnet -> Resnet, make_generator_model -> GeneratorModel, model -> Model."""
    words = [w for w in re.split(r"[_\W]+", text) if w]
    if len(words) > 1 and words[0] in VERBS:
        words = words[1:]
    name = "".join(w[:1].upper() + w[1:] for w in words) or "Model"
    return f"Model{name}" if name[0].isdigit() else name


class Names:
    """Hands out names, each once."""

    def __init__(self, taken: set[str] | None = None) -> None:
        self.taken = set(taken or ())

    def fresh(self, name: str) -> str:
        candidate, n = name, 0
        while candidate in self.taken:
            n += 1
            candidate = f"{name}_{n}"
        self.taken.add(candidate)
        return candidate
