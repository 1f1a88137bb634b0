"""The text of a class as it grows, and how sizes are shown in it."""

from __future__ import annotations

from dataclasses import dataclass, field

from kt_translate.graph.tensor import Layout, Tensor
from kt_translate.graph.terms import shown


@dataclass
class ClassCode:
    """The text of a class, without indentation; the emitter puts it into the template."""

    name: str
    docstring: str
    container: str | None
    init: list[str] = field(default_factory=list)
    arguments: str = "x: Tensor"
    body: list[str] = field(default_factory=list)
    returns: str = "x"
    annotation: str = "Tensor"
    logits: str | None = None  # the activation of ``logits`` that forward returns
    regularized: bool = False
    constrained: bool = False
    frozen: bool = False
    modes: dict[str, list[str]] = field(
        default_factory=dict
    )  # what sets the modules that are called with training=..., by the conditions under which they are made
    parameters: list[str] = field(default_factory=list)  # as they stand in __init__
    used_parameters: list[str] = field(default_factory=list)
    instead: list[str] = field(default_factory=list)  # what is taken for arguments that are None
    guards: list[tuple[str, str]] = field(default_factory=list)  # (condition, message)
    forward_guards: list[tuple[str, str]] = field(default_factory=list)  # on the mode of the module
    factory: str | None = None
    exposed: dict[str, str] = field(
        default_factory=dict
    )  # name of a size -> the attribute that has it
    inputs: list[Tensor] = field(default_factory=list)
    outputs: list[Tensor] = field(default_factory=list)
    gap: bool = False  # something of it, or of what it calls, is not translated
    held: dict[int, str] = field(
        default_factory=dict
    )  # the attributes of modules with weights, by the id of what makes them
    attributes: bool = False  # its parts are kept under the same names as in Keras


def shown_shape(tensor: Tensor) -> list[str]:
    """The torch sizes as a comment shows them; letters for those that take long to say."""
    letters = {3: "NLC", 4: "NCHW", 5: "NCDHW"}.get(tensor.rank, "N" + "?" * tensor.rank)
    if tensor.layout is Layout.LAST:
        letters = letters[0] + letters[2:] + letters[1] if tensor.rank > 3 else letters
    elif tensor.rank == 3:
        letters = "NCL"
    said = [shown(dim) for dim in tensor.torch_shape]
    long = [text == "None" or len(text) > 16 or "κ" in text for text in said]
    picture = any(is_long and a in "DHW" for is_long, a in zip(long, letters, strict=False))
    sizes = zip(letters[1:], said[1:], long[1:], strict=False)
    return [
        "N",
        *(a if is_long or (picture and a in "DHW") else text for a, text, is_long in sizes),
    ]
