"""The models of ``keras.applications``, read from the source of the installed Keras."""

from __future__ import annotations

import importlib.util
import re
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kt_translate.evaluate import modules
from kt_translate.evaluate.general import file_of
from kt_translate.evaluate.values import Array, External, Function, ModelValue, Unknown
from kt_translate.graph.region import CURRENT, Region, derived
from kt_translate.graph.sym import known
from kt_translate.graph.tensor import Layout, Tensor, tensors_in
from kt_translate.pytorch.expr import Expr, as_expr
from kt_translate.source.names import SUBMODULES

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter

ROOT = "keras.applications."
_PACKAGES = ("keras", "tf_keras")
_FOLDERS = ("src/applications", "applications")


@lru_cache(maxsize=1)
def installed() -> Path | None:
    """The folder of the applications of the Keras that is installed, which is looked up and not imported."""
    for package in _PACKAGES:
        try:
            spec = importlib.util.find_spec(package)
        except (ImportError, ValueError):
            continue
        for place in (spec.submodule_search_locations or ()) if spec is not None else ():
            for folder in _FOLDERS:
                if (Path(place) / folder / "vgg16.py").is_file():
                    return Path(place) / folder
    return None


@lru_cache(maxsize=4)
def names(folder: Path) -> dict[str, Path]:
    """The functions of the applications that give models, each with its file."""
    found = {}
    for file in sorted(folder.glob("*.py")):
        if not file.name.endswith("_test.py"):
            text = file.read_text(encoding="utf-8")
            found.update(dict.fromkeys(re.findall(r"^def ([A-Z]\w+)\(", text, re.MULTILINE), file))
    return found


def resolve(ev: Interpreter, path: str) -> Any:
    """What a path of `keras.applications` stands for; None where it cannot be read."""
    *inner, name = path.removeprefix(ROOT).split(".")
    place = folder(ev)
    if place is None:
        return None
    file = place / f"{inner[-1]}.py" if inner else None
    if file is None or not file.is_file():
        file = names(place).get(name)  # in a module of another name once: resnet50, mobilenetv2
    module = modules.load(ev, file, f"keras/applications/{file.name}") if file is not None else None
    return modules.member(ev, module, name) if module is not None else None


def folder(ev: Interpreter) -> Path | None:
    """The applications beside the source, where it is one of them itself, else those installed."""
    own = ev.main.path
    if (
        own is not None
        and own.parent.name == "applications"
        and (own.parent / "vgg16.py").is_file()
    ):
        return own.parent
    return installed()


def call(ev: Interpreter, path: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """A call of a function of the applications."""
    from kt_translate.evaluate import calls

    name = path.split(".")[-1]
    kwargs = {k: v for k, v in kwargs.items() if v != External(SUBMODULES.get(k, ""))}
    if name == "preprocess_input":
        return _preprocessed(ev, path, *args, **kwargs)
    if name == "get_submodules_from_kwargs" and args and isinstance(args[0], dict):
        return tuple(args[0].get(n, External(p)) for n, p in SUBMODULES.items())
    if name == "decode_predictions":
        return Unknown("the names of predicted classes", ev.line)
    found = resolve(ev, path)
    if found is None and folder(ev) is None:
        ev.note("KT108", f"{name} is made from Keras's own source, and Keras is not installed here")
    if not isinstance(found, Function):
        return Unknown(f"the result of {path}", ev.line)
    public = any("keras_export" in text for text in found.decorators)
    if not public or not name[:1].isupper() or _is_application(ev.main.path) or ev.inlining:
        return calls.call_function(ev, found, args, kwargs)
    bound = calls.bind_arguments(ev, found, args, kwargs)
    if isinstance(known(bound.get("weights")), str):
        ev.note(
            "KT402",
            f"{name}(weights={known(bound['weights'])!r}): the class starts with fresh weights",
        )
    return (
        _in_place(ev, found, bound) if _reaches_in(ev.main.text) else _as_a_class(ev, found, bound)
    )


def _is_application(path: Path | None) -> bool:
    return path is not None and path.parent.name == "applications"


# -- a model within the user's --------------------------------------------------------------------

_ALL_LAYERS = re.compile(r"for (\w+) in [\w.]+\.layers\s*:\s*\1\.trainable\s*=\s*(?:True|False)\b")
_INSIDE = re.compile(r"\.get_layer\(|^(?!\s*(?:from|import)\b).*\.layers\b(?!\s*\.)", re.MULTILINE)


@lru_cache(maxsize=4)
def _reaches_in(text: str) -> bool:
    """Whether the source picks single layers out of models: then they are not hidden in classes."""
    return bool(_INSIDE.search(_ALL_LAYERS.sub("", text)))


def _in_place(ev: Interpreter, function: Function, bound: dict[str, Any]) -> Any:
    """The application with every layer in the region at hand."""
    ev.inlining += 1
    try:
        model = ev.run_body(function, bound)
    finally:
        ev.inlining -= 1
    if isinstance(model, ModelValue):
        model.called = function.name
        ev.models[:] = [m for m in ev.models if m is not model]
    return model


def _as_a_class(ev: Interpreter, function: Function, bound: dict[str, Any]) -> Any:
    """The application as one class, called on an input of its own or on the user's tensor."""
    from kt_translate.evaluate import model_calls, models

    given = bound.get("input_tensor")
    inner_bound = dict(bound)
    CURRENT.append(Region())
    try:
        if isinstance(given, Tensor):
            shape = [given.shape[1:]]
            inner_bound["input_tensor"] = models.make_input(ev, shape, {"dtype": given.dtype})
        inner = ev.run_body(function, inner_bound)
    finally:
        CURRENT.pop()
    if not isinstance(inner, ModelValue) or len(tensors_in(inner.inputs)) != 1:
        return inner
    ev.models[:] = [m for m in ev.models if m is not inner]
    plan = models.plan_of(inner)
    plan.name = inner.called = function.name
    plan.file, plan.line, plan.made = file_of(ev, function), function.line, ev.main_line
    source = tensors_in(inner.inputs)[0]
    x = (
        given
        if isinstance(given, Tensor)
        else models.make_input(ev, [source.shape[1:]], {"dtype": source.dtype})
    )
    outputs = model_calls.call_model(ev, inner, [x], {})
    inputs = source_inputs(x) if isinstance(given, Tensor) else x
    model = replace(
        inner, inputs=inputs, outputs=outputs, region=CURRENT[-1], maker=(function, bound)
    )
    ev.models.append(model)
    return model


def source_inputs(x: Tensor) -> Any:
    """The input tensors that ``x`` is computed from."""
    found: dict[int, Tensor] = {}
    stack, seen = [x], {id(x)}
    while stack:
        tensor = stack.pop()
        before = list(tensor.node.uses()) if tensor.node is not None else []
        if not before:
            found[id(tensor)] = tensor
        stack += [t for t in before if id(t) not in seen]
        seen |= set(map(id, before))
    inputs = list(found.values())
    return inputs[0] if len(inputs) == 1 else inputs


# -- pictures -------------------------------------------------------------------------------------

_MODES = {
    "vgg16": "caffe",
    "vgg19": "caffe",
    "resnet": "caffe",
    "resnet50": "caffe",
    "imagenet_utils": "caffe",
    "densenet": "torch",
    "mobilenet_v3": "none",
    "efficientnet": "none",
    "efficientnet_v2": "none",
    "convnext": "none",
}


def _preprocessed(
    ev: Interpreter, path: str, x: Any = None, data_format: Any = None, mode: Any = None
) -> Any:
    """``preprocess_input(x)``: on data it leaves data, on tensors it becomes part of the model."""
    mode = known(mode) if mode is not None else _MODES.get(path.split(".")[-2], "tf")
    if isinstance(x, Array):
        return Array(x.shape, "float32")
    if not isinstance(x, Tensor):
        return Unknown("pictures made ready", ev.line)
    if mode == "none":
        return x
    dtype = x.dtype if x.dtype.startswith("float") else "float32"

    def floating(e: Expr) -> Expr:
        return e if x.dtype == dtype else e.float()

    if mode == "tf":
        return derived(
            lambda e: Expr.binary("-", Expr.binary("/", floating(e), as_expr(127.5)), as_expr(1.0)),
            [x],
            x.shape,
            dtype,
            x.layout,
            Layout.KEEP,
            label="preprocess_input",
        )
    function = Expr(f"imagenet_{mode}")
    return derived(
        lambda e: function(floating(e)),
        [x],
        x.shape,
        dtype,
        Layout.FIRST,
        Layout.FIRST,
        label="preprocess_input",
    )
