"""Statements written for Keras 1 and 2, as tf_keras takes them."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from typing import Any

from kt_translate.layers.layer import REGISTRY, RuleError
from kt_translate.layers.legacy import merge_call, modernize
from kt_translate.source.names import canonical, of_version_1

_KERAS = ("keras", "tf_keras")
_VERSION_1 = "tf_keras.api._v1.keras"  # where tf_keras keeps what is `tf.compat.v1.keras`
_NOW = {"keras", "keras.backend"}  # modules that are where they were
_NOW |= {
    f"keras.{name}"
    for name in [
        "activations",
        "applications",
        "callbacks",
        "constraints",
        "initializers",
        "layers",
        "losses",
        "metrics",
        "models",
        "ops",
        "optimizers",
        "optimizers.schedules",
        "random",
        "regularizers",
        "saving",
        "utils",
    ]
}
_MODEL = {"input": "inputs", "output": "outputs"}
_OPTIMIZER = {"lr": "learning_rate"}
_MERGERS = {"keras.layers.merge", "keras.legacy.layers.merge"}


def modern(
    node: ast.stmt, flavour: str, version_1: AbstractSet[str] = frozenset()
) -> Iterator[ast.stmt]:
    """The statement for today's Keras 3 or, if it is older, for tf_keras.

    ``version_1`` are the source's names of ``tensorflow.compat.v1``.
    """
    found = _Old(flavour, version_1).visit(node)
    for statement in found if isinstance(found, list) else [found]:
        yield ast.fix_missing_locations(statement)


def names_of_version_1(statements: Iterable[ast.stmt]) -> set[str]:
    """The names by which statements import ``tensorflow.compat.v1``."""
    found = set()
    for node in statements:
        for alias in node.names if isinstance(node, (ast.Import, ast.ImportFrom)) else ():
            base = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
            named = alias.asname or (alias.name if base else None)
            if named and f"{base}{alias.name}" == "tensorflow.compat.v1":
                found.add(named)
    return found


def _imports(node: ast.Import | ast.ImportFrom, keras: str) -> Iterator[ast.stmt]:
    """The imports, from where the names are now."""
    for alias in node.names:
        base = "" if isinstance(node, ast.Import) else f"{node.module}."
        below = of_version_1(f"{base}{alias.name}")
        if below is not None and keras == "tf_keras" and (base or alias.asname):
            parts = below.split(".") if below else []
            yield from _import_from(_VERSION_1, parts, alias.asname or alias.name)
            continue
        if isinstance(node, ast.Import):
            path = canonical(alias.name)
            if path.split(".")[0] not in _KERAS:
                yield ast.Import([alias])
            elif alias.asname is None and alias.name.startswith("tensorflow."):
                yield ast.Import([ast.alias("tensorflow")])
            elif alias.asname is None:
                name = alias.name.split(".")[0]
                yield ast.Import([ast.alias(keras, None if keras == name else name)])
            else:
                yield from _import(path.split("."), alias.asname, keras)
            continue
        full = f"{node.module or ''}.{alias.name}"
        path = canonical(full)
        if path.split(".")[0] not in _KERAS or node.level or alias.name == "*":
            level, module = node.level, node.module
            if path.split(".")[0] in _KERAS and not node.level:
                module = keras + canonical(str(node.module))[len("keras") :]
            yield ast.ImportFrom(module, [alias], level)
        elif keras == "keras" and _is_now(str(node.module).removeprefix("tensorflow.")):
            yield ast.ImportFrom(node.module, [alias], 0)
        else:
            yield from _import(path.split("."), alias.asname or alias.name, keras)


def _is_now(module: str) -> bool:
    return module in _NOW or f"{module}.".startswith("keras.src.")


def _import(parts: list[str], name: str, keras: str) -> Iterator[ast.stmt]:
    """``from keras.layers import Dense as name``."""
    if parts[-1] in ("np_utils", "vis_utils"):
        parts = parts[:-1]
    yield from _import_from(keras, parts[1:], name)


def _import_from(root: str, parts: list[str], name: str) -> Iterator[ast.stmt]:
    if not parts:
        yield ast.Import([ast.alias(root, name)])
        return
    own = _renamed(parts[-1])
    if parts == ["Layer"] and root == "tf_keras":
        parts = ["layers", "Layer"]  # Keras 3 alone has it beside Model
    alias = ast.alias(own, name if name != own else None)
    yield ast.ImportFrom(".".join([root, *parts[:-1]]), [alias], 0)


def _renamed(name: str) -> str:
    """The name by which tf_keras has a layer."""
    try:
        name = modernize(name, [], {}, "1")[0]
    except RuleError:
        return name
    return REGISTRY[name].__name__ if name in REGISTRY else name


class _Old(ast.NodeTransformer):
    """Calls with the arguments that tf_keras knows."""

    def __init__(self, flavour: str, version_1: AbstractSet[str]) -> None:
        self.flavour = flavour
        self.version_1 = version_1

    def visit_Import(self, node: ast.Import) -> Any:
        return list(_imports(node, "keras" if self.flavour == "3" else "tf_keras"))

    def visit_ImportFrom(self, node: ast.ImportFrom) -> Any:
        return list(_imports(node, "keras" if self.flavour == "3" else "tf_keras"))

    def visit_Attribute(self, node: ast.Attribute) -> Any:
        self.generic_visit(node)
        module = ast.unparse(node.value) if node.attr == "keras" else ""
        if module in self.version_1 or module.endswith(".compat.v1"):
            return ast.parse(f"__import__('{_VERSION_1}', fromlist=['keras'])", mode="eval").body
        if node.attr == "keras" and isinstance(node.value, ast.Name):
            return ast.parse("__import__('tf_keras')", mode="eval").body
        node.attr = _renamed(node.attr) if node.attr[:1].isupper() else node.attr
        if node.attr == "image_dim_ordering":
            node.attr = "image_data_format"
        return node

    def visit_Call(self, node: ast.Call) -> Any:
        self.generic_visit(node)
        name = (
            node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        )
        args: list[Any] = [_value(arg) for arg in node.args]
        kwargs = {k.arg: _value(k.value) for k in node.keywords if k.arg is not None}
        rest = [k for k in node.keywords if k.arg is None]
        if any(isinstance(arg, ast.Starred) for arg in node.args):
            return node
        try:
            if name == "merge":
                return _merged(args, kwargs)
            if name in REGISTRY or modernize(name, [], {}, self.flavour)[0] != name:
                name, args, kwargs = modernize(name, args, kwargs, self.flavour)
                kwargs = _as_declared(name, kwargs) if self.flavour == "1" else kwargs
        except RuleError:
            return node
        old = _MODEL if name == "Model" else _OPTIMIZER if {"lr", "decay"} & kwargs.keys() else {}
        node.args = [_node(arg) for arg in args]
        node.keywords = [*(ast.keyword(old.get(k, k), _node(v)) for k, v in kwargs.items()), *rest]
        return node


def _as_declared(name: str, kwargs: dict[str, Any]) -> dict[str, Any]:
    rule = REGISTRY.get(name)
    if rule is None:
        return kwargs
    return {rule.renamed.get(k, k) if k != "alpha" else k: v for k, v in kwargs.items()}


def _merged(args: list[Any], kwargs: dict[str, Any]) -> ast.expr:
    inputs, layer, settings = merge_call(args, kwargs)
    made = ", ".join(f"{k}={ast.unparse(_node(v))}" for k, v in settings.items())
    text = f"__import__('tf_keras').layers.{layer}({made})({ast.unparse(_node(inputs))})"
    return ast.parse(text, mode="eval").body


def _value(node: ast.expr) -> Any:
    """A literal's value; any other expression stays a node."""
    try:
        value = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError):
        return node
    return value if isinstance(value, (str, int, float, bool, tuple, list, type(None))) else node


def _node(value: Any) -> ast.expr:
    if isinstance(value, ast.expr):
        return value
    if isinstance(value, tuple):
        return ast.Tuple([_node(v) for v in value], ast.Load())
    if isinstance(value, list):
        return ast.List([_node(v) for v in value], ast.Load())
    return ast.parse(repr(value), mode="eval").body
