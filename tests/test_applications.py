"""The models of ``keras.applications``: by themselves, and within a user's model."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kt_translate.diagnostics import Log
from kt_translate.evaluate import applications
from kt_translate.pipeline import Options, translate


@pytest.fixture(autouse=True)
def _float64() -> Iterator[None]:
    import keras

    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    yield
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float32")


def loaded(code: str, path: Path) -> Any:
    path.write_text(code)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def compare(ours: Any, load: Any, theirs: Any, modes: tuple[bool, ...] = (False,)) -> None:
    """Random weights and statistics on both sides, and one batch in each mode of training."""
    import torch

    rng = np.random.default_rng(1)
    for weight in theirs.weights:
        fan = np.prod(weight.shape[:-1]) if len(weight.shape) > 1 else 10
        value = rng.normal(size=weight.shape, scale=fan**-0.5)
        weight.assign(np.abs(value) + 0.5 if "variance" in weight.path else value)
    ours = ours.double()
    load(ours, theirs)
    pictures = rng.normal(size=(2, *theirs.inputs[0].shape[1:]), scale=20.0)
    for training in modes:
        ours.train(training)
        wanted = np.asarray(theirs(pictures, training=training))
        got = ours(torch.tensor(np.moveaxis(pictures, -1, 1))).detach().numpy()
        wanted = np.moveaxis(wanted, -1, 1) if wanted.ndim == 4 else wanted
        assert np.abs(got - wanted).max() <= 1e-9 * np.abs(wanted).max()


@pytest.mark.parametrize(
    ("file", "name", "arguments"),
    [
        ("mobilenet_v3", "MobileNetV3Small", {"input_shape": (33, 40, 3), "classes": 5}),
        (
            "mobilenet_v3",
            "MobileNetV3Small",
            {"input_shape": (40, 33, 3), "include_top": False, "pooling": "max", "alpha": 0.75},
        ),
        (
            "resnet_v2",
            "ResNet50V2",
            {"input_shape": (35, 32, 3), "include_top": False, "pooling": "avg"},
        ),
        ("efficientnet", "EfficientNetB1", {"input_shape": (40, 33, 3), "classes": 5}),
        (
            "efficientnet_v2",
            "EfficientNetV2B0",
            {"input_shape": (33, 40, 3), "include_top": False, "pooling": "max"},
        ),
    ],
)
def test_an_application_by_itself(
    file: str, name: str, arguments: dict[str, Any], tmp_path: Path
) -> None:
    from keras import applications as theirs

    folder = applications.installed()
    assert folder is not None
    path = folder / f"{file}.py"
    done = translate(path.read_text(), path.name, Options(path=path, want_test=False), Log())
    assert not done.log.has_errors
    module = loaded(done.code, tmp_path / f"app_{file}.py")
    arguments = {**arguments, "weights": None}
    compare(
        getattr(module, name)(**arguments),
        module.load_keras_weights,
        getattr(theirs, name)(**arguments),
    )


SOURCES = {
    "frozen": """
import keras
from keras import layers
base = keras.applications.VGG16(weights="imagenet", include_top=False, input_shape=(33, 32, 3))
base.trainable = False
model = keras.Sequential([base, layers.Flatten(), layers.Dense(3)])
""",
    "on_own_tensor": """
from tensorflow.keras.applications.resnet50 import ResNet50, preprocess_input
from tensorflow.keras.layers import Dense, GlobalAveragePooling2D, Input
from tensorflow.keras.models import Model
def build(n):
    inputs = Input((32, 40, 3))
    base = ResNet50(weights=None, include_top=False, input_tensor=preprocess_input(inputs))
    for layer in base.layers:
        layer.trainable = False
    return Model(base.input, Dense(n)(GlobalAveragePooling2D()(base.output)))
model = build(3)
""",
    "single_layers": """
from keras import applications, layers, Model
base = applications.vgg16.VGG16(weights=None, include_top=False, input_shape=(32, 33, 3))
for layer in base.layers[:-4]:
    layer.trainable = False
model = Model(base.input, layers.Conv2D(4, 1)(base.get_layer("block4_pool").output))
""",
    "of_any_size": """
from keras import Input, Model, layers
from keras.applications import MobileNetV2
def build(size=64, classes=3):
    x = inputs = Input((size, size, 3))
    x = MobileNetV2(input_shape=(size, size, 3), alpha=0.35, include_top=False, weights=None)(x)
    return Model(inputs, layers.Dense(classes)(layers.Flatten()(x)))
model = build(35)
""",
    "torch_mode": """
import keras
inputs = keras.Input((33, 32, 3))
x = keras.applications.densenet.preprocess_input(inputs)
model = keras.Model(inputs, keras.layers.Conv2D(2, 3)(x))
""",
}


@pytest.mark.parametrize("name", SOURCES)
def test_an_application_in_a_model(name: str, tmp_path: Path) -> None:
    text = SOURCES[name]
    done = translate(text, f"{name}.py", Options(want_test=False), Log())
    assert not done.log.has_errors
    theirs: dict[str, Any] = {"__name__": "model"}
    exec(text.replace('"imagenet"', "None"), theirs)
    module = loaded(done.code, tmp_path / f"in_{name}.py")
    entry = next(m for m in done.models if m["source_name"] == "model")
    ours = getattr(module, entry["factory"])()
    model = theirs["model"]
    compare(ours, module.load_keras_weights, model, (False, True))
    frozen = sum(not p.requires_grad for p in ours.parameters())
    parts = model._flatten_layers()
    assert frozen == sum(len(la._trainable_variables) for la in parts if not la.trainable)


def messages(text: str) -> list[str]:
    done = translate(text, "model.py", Options(want_test=False), Log())
    return [f"{d.code} {d.place.line}" for d in done.log.diagnostics]


def test_weights_are_left_to_the_loader() -> None:
    assert messages(SOURCES["frozen"]) == ["KT402 4", "KT208 4"]  # base is a part of model


def test_without_keras_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(applications, "installed", lambda: None)
    assert "KT108 4" in messages(SOURCES["frozen"])


def test_layers_are_in_the_order_of_keras() -> None:
    """The last layers of a model with branches are those that Keras has last."""
    text = """
from keras import applications
base = applications.InceptionV3(weights=None, include_top=False, input_shape=(75, 75, 3))
names = [layer.name for layer in base.layers]
"""
    from keras.applications import InceptionV3

    from kt_translate.evaluate.interpreter import Interpreter
    from kt_translate.layers import catalogue
    from kt_translate.source.syntax import Source

    catalogue.load()
    ev = Interpreter(Source(text, "model.py"), Log(), {})
    ev.run_module()
    theirs = [
        layer.name
        for layer in InceptionV3(weights=None, include_top=False, input_shape=(75, 75, 3)).layers
    ]
    ours = ev.module.names["names"]
    assert len(ours) == len(theirs)
    named = {i for i, name in enumerate(theirs) if name.startswith("mixed")}
    assert {
        i for i, name in enumerate(ours) if isinstance(name, str) and name.startswith("mixed")
    } == named
