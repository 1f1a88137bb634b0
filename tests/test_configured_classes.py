"""Classes that take an object of settings, whose class the source names, and make their layers by factories."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.test_subclasses import Both, _double, numbers

__all__ = ["_double"]

SOURCE = """
import functools
from dataclasses import dataclass
from typing import Tuple


def act_layer_factory(act_layer: str):
    if act_layer in {"linear", "relu", "tanh"}:
        return lambda **kwargs: layers.Activation(act_layer, **kwargs)
    if act_layer == "relu6":
        return lambda **kwargs: layers.ReLU(max_value=6, **kwargs)
    else:
        raise ValueError(f"Unknown activation: {act_layer}.")


def norm_layer_factory(norm_layer: str):
    if norm_layer == "":
        return lambda **kwargs: layers.Activation("linear", **kwargs)
    elif norm_layer == "batch_norm":
        norm_class = layers.BatchNormalization
        norm_args = {"momentum": 0.9, "epsilon": 1e-5}
        return lambda **kwargs: norm_class(**norm_args, **kwargs)
    elif norm_layer == "layer_norm":
        norm_class = layers.LayerNormalization
        norm_args = {"epsilon": 1e-2}
        return lambda **kwargs: norm_class(**norm_args, **kwargs)
    else:
        raise ValueError(f"Unknown normalization layer: {norm_layer}")


def serializable(cls):
    initializer = cls.__init__
    cfg_class = cls.cfg_class

    @functools.wraps(initializer)
    def wrapped_init(self, *args, **kwargs):
        cfg = args[0] if args and isinstance(args[0], cfg_class) else kwargs.pop("cfg", None)
        if isinstance(cfg, dict):
            initializer(self, cfg_class(**cfg), *args, **kwargs)
        elif isinstance(cfg, cfg_class):
            if len(args) > 0:
                initializer(self, *args, **kwargs)
            else:
                initializer(self, cfg, *args, **kwargs)
        else:
            raise ValueError("Must pass `cfg`")

    cls.__init__ = wrapped_init
    return cls


@dataclass
class ModelConfig:
    name: str
    url: str


@dataclass
class MixConfig(ModelConfig):
    nb_classes: int = 10
    embed_dim: int = 24
    patch_size: Tuple[int, int] = (4, 4)
    depth: int = 3
    norm_layer: str = "batch_norm"
    act_layer: str = "tanh"


class MLP(layers.Layer):
    def __init__(self, units: int, rate: float, act_layer: str, **kwargs):
        super().__init__(**kwargs)
        act_layer = act_layer_factory(act_layer)
        self.fc1 = layers.Dense(units, name="fc1")
        self.act = act_layer()
        self.drop1 = layers.Dropout(rate)

    def call(self, x, training=False):
        return self.drop1(self.act(self.fc1(x)), training=training)


class Block(layers.Layer):
    def __init__(self, cfg: MixConfig, **kwargs):
        super().__init__(**kwargs)
        self.conv1 = layers.DepthwiseConv2D(3, padding="same", name="dw")
        self.act1 = act_layer_factory(cfg.act_layer)()
        self.bn1 = norm_layer_factory(cfg.norm_layer)(name="bn")
        self.conv2 = layers.Conv2D(cfg.embed_dim, 1, name="pw")

    def call(self, x, training=False):
        residual = x
        x = self.bn1(self.act1(self.conv1(x)), training=training)
        return self.conv2(x + residual)


@serializable
class Mixer(keras.Model):
    cfg_class = MixConfig

    def __init__(self, cfg: MixConfig, *args, **kwargs):
        kwargs["name"] = kwargs.get("name", cfg.name)
        super().__init__(*args, **kwargs)
        self.cfg = cfg
        act_layer = act_layer_factory(cfg.act_layer)
        conv = layers.Conv2D(cfg.embed_dim, cfg.patch_size, strides=cfg.patch_size)
        self.stem = keras.Sequential([conv, act_layer()])
        self.blocks = [Block(cfg, name=f"block_{j}") for j in range(cfg.depth)]
        self.pool = layers.GlobalAveragePooling2D()
        self.head = layers.Dense(cfg.nb_classes) if cfg.nb_classes > 0 else layers.Activation("linear")

    def features(self, x, training=False, return_features=False):
        features = {}
        x = self.stem(x, training=training)
        features["stem"] = x
        for j, block in enumerate(self.blocks):
            x = block(x, training=training)
            features[f"block_{j}"] = x
        x = self.pool(x)
        features["features"] = x
        return (x, features) if return_features else x

    def call(self, x, training=False, return_features=False):
        features = {}
        x = self.features(x, training, return_features)
        if return_features:
            x, features = x
        x = self.head(x)
        features["logits"] = x
        return (x, features) if return_features else x


class Taps(keras.Model):
    def __init__(self, cfg: MixConfig, **kwargs):
        super().__init__(**kwargs)
        self.layers_ = [layers.Dense(cfg.nb_classes + j, "tanh") for j in range(cfg.depth)]

    def call(self, x):
        taps = {}
        for j, layer in enumerate(self.layers_):
            x = layer(x)
            taps[f"tap_{j}"] = x
        taps["last"] = 2 * x
        return layers.Concatenate()([taps["tap_0"], taps["last"]])
"""


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Both:
    return Both(Path(tmp_path_factory.mktemp("configured")), SOURCE)


def test_nothing_is_fixed_but_the_length_of_a_dict_that_is_read(source: Both) -> None:
    assert [d.code for d in source.log.diagnostics if d.severity == "error"] == []
    fixed = [d for d in source.log.diagnostics if d.code == "KT301"]
    assert all("cfg.depth" in d.message for d in fixed)
    assert "self.blocks = nn.ModuleList(" in source.made.code


@pytest.mark.parametrize("act", ["relu", "relu6"])
def test_a_word_that_a_factory_compares(source: Both, act: str) -> None:
    args = f"7, 0.1, {act!r}"
    source.agree("MLP", args, args, numbers(2, 6, 9))


@pytest.mark.parametrize("norm", ["", "batch_norm", "layer_norm"])
def test_what_branches_leave_to_the_functions_that_they_return(source: Both, norm: str) -> None:
    args = f"MixConfig('a', 'b', embed_dim=6, norm_layer={norm!r})"
    source.agree("Block", args, args, numbers(2, 5, 4, 6))


@pytest.mark.parametrize(
    "changes", ["", "depth=1, embed_dim=5", "depth=4, act_layer='relu', norm_layer='layer_norm'"]
)
def test_a_wrapped_constructor(source: Both, changes: str) -> None:
    args = f"MixConfig('a', 'b', {changes})"
    source.agree("Mixer", f"cfg={args}", args, numbers(2, 9, 8, 3))


def test_a_dict_that_the_turns_fill_and_something_reads(source: Both) -> None:
    source.agree("Taps", "MixConfig('a', 'b')", "MixConfig('a', 'b')", numbers(2, 5))
    with pytest.raises(NotImplementedError, match="depth"):
        _made(source, "MixConfig('a', 'b', depth=2)")


def _made(source: Both, config: str) -> Any:
    return eval(f"{source.entry('Taps')['factory']}({config})", vars(source.out))


def test_an_object_that_leads_back_to_itself(tmp_path: Path) -> None:
    text = """
class Net:
    def __init__(self, units=8, rate=0.2):
        self.width = None
        self.config = locals()

    def build(self, config):
        inputs = keras.Input((self.width,))
        x = layers.Dense(config["units"])(inputs)
        return keras.Model(inputs, layers.Dropout(config["rate"])(x))


net = Net(units=3)
net.width = 5
model = net.build(net.config)
"""
    for asked in ("", "net.config.pop('self', None)\n"):
        both = Both(tmp_path, text.replace("model =", f"{asked}model ="))
        both.agree("model", None, "", numbers(2, 5))  # type: ignore[arg-type]
