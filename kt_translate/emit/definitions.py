"""The lines of the definitions in an output: classes, functions that make modules, what ``compile`` says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from textwrap import dedent

from kt_translate.lower.class_code import ClassCode


@dataclass(frozen=True)
class FactoryCode:
    """A function of the output that makes modules; without ``returns`` one that says that it cannot."""

    name: str
    parameters: list[str]
    returns: str | None
    annotation: str
    docstring: str
    body: list[str] = field(default_factory=list)  # what is made before


def function(
    name: str,
    parameters: Sequence[str],
    returns: str,
    body: Iterable[str],
    docstring: str | None = None,
) -> list[str]:
    """The lines of a function."""
    head = f"def {name}({', '.join(parameters)}) -> {returns}:"
    said = [] if docstring is None else quoted(docstring)
    return [head, *_inner([*said, *body])]


def quoted(docstring: str) -> list[str]:
    """The lines of a docstring; the text has no triple quotes."""
    first, *rest = map(str.rstrip, docstring.splitlines())
    if not rest:
        return [f'"""{first}"""']
    return [f'"""{first}', *dedent("\n".join(rest)).split("\n"), '"""']


def class_lines(code: ClassCode, source: str) -> list[str]:
    """A module, and the function by which the source's own call makes it."""
    parts = [quoted(code.docstring)]
    if code.container:
        attributes = [f'keras_container = "{code.container}"']
        parts.append(attributes + ["keras_attributes = True"] * code.attributes)
    parts += _methods(code)
    inner = [line for part in parts for line in ["", *part]][1:]
    lines = [f"class {code.name}(nn.Module):", *_inner(inner)]
    if code.factory and code.factory != code.name:
        call = [f"return {code.name}(*args, **kwargs)"]
        same = f"The same call as in {source}."
        parameters = ["*args: Any", "**kwargs: Any"]
        lines += ["", "", *function(code.factory, parameters, code.name, call, same)]
    return lines


def factory_lines(factory: FactoryCode) -> list[str]:
    """A function that makes a module."""
    name, parameters, made = factory.name, factory.parameters, factory.annotation
    if factory.returns:
        body = [*factory.body, f"return {factory.returns}"]
        return function(name, parameters, made, body, factory.docstring)
    return function(name, parameters, made, [f'raise NotImplementedError("{factory.docstring}")'])


def _methods(code: ClassCode) -> Iterator[list[str]]:
    yield function("__init__", ["self", *code.parameters], "None", _init(code))
    if code.modes:
        body = ["super().train(mode)"]
        body += [f"self.{name}.{'train' if on else 'eval'}()" for name, on in code.modes]
        said = "What the source calls with ``training=`` stays in that mode."
        parameters = ["self", "mode: bool = True"]
        yield function("train", parameters, code.name, [*body, "return self"], said)
    arguments = ["self", code.arguments]
    body = [*_guards(code.forward_guards), *code.body, f"return {code.returns}"]
    if code.logits:
        yield function("forward", arguments, code.annotation, [f"return {code.logits}"])
        yield function("logits", arguments, "Tensor", body)
    else:
        yield function("forward", arguments, code.annotation, body)
    if code.regularized:
        call = ["return regularization_loss(self)"]
        said = "What Keras adds to the loss in ``fit``: the penalties of its regularizers."
        yield function("regularization_loss", ["self"], "Tensor", call, said)
    if any("constrain={" in line for line in code.init):
        call = ["apply_constraints(self)"]
        said = "To be called after every step of the optimizer."
        yield function("apply_constraints", ["self"], "None", call, said)


def _init(code: ClassCode) -> Iterator[str]:
    yield "super().__init__()"
    yield from _guards(code.guards)
    yield from code.init
    if code.init:
        yield "init_like_keras(self)"
    if code.frozen:
        yield "like_keras(self, trainable=False)"
    if code.modes:
        yield "self.train()"


def _guards(guards: Iterable[tuple[str, str]]) -> Iterator[str]:
    for condition, message in guards:
        yield f"if {condition}:"
        yield f"    raise NotImplementedError({message})"


def _inner(lines: Iterable[str]) -> list[str]:
    return [f"    {line}" if line else "" for line in lines]
