"""Convolutions against Keras: plain, depthwise and separable."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kt_translate.graph.tensor import Layout, Tensor
from tests.layers.harness import assert_signature, bind, check_layer, rejects

NAMES = (
    "Conv1D",
    "Conv2D",
    "Conv3D",
    "DepthwiseConv1D",
    "DepthwiseConv2D",
    "SeparableConv1D",
    "SeparableConv2D",
)
SIGHT = [{}, {"symbolic": True}, {"symbolic": True, "unknown": True}, {"open_shape": True}]

CASES: list[tuple[str, dict[str, Any], tuple[int, ...]]] = [
    ("Conv1D", {"filters": 5, "kernel_size": 2}, (3, 8, 4)),
    ("Conv1D", {"filters": 6, "kernel_size": 3, "padding": "same", "groups": 2}, (2, 8, 4)),
    ("Conv1D", {"filters": 6, "kernel_size": 2, "padding": "same", "dilation_rate": 3}, (2, 8, 4)),
    ("Conv1D", {"filters": 6, "kernel_size": 4, "padding": "same", "strides": 3}, (2, 8, 4)),
    (
        "Conv1D",
        {"filters": 6, "kernel_size": 2, "padding": "causal", "dilation_rate": 4},
        (2, 9, 4),
    ),
    ("Conv1D", {"filters": 6, "kernel_size": 5, "padding": "causal", "strides": 2}, (2, 9, 4)),
    ("Conv1D", {"filters": 6, "kernel_size": 1, "padding": "causal"}, (2, 9, 4)),
    ("Conv2D", {"filters": 5, "kernel_size": 3}, (2, 6, 7, 4)),
    ("Conv2D", {"filters": 5, "kernel_size": 3, "strides": 2}, (2, 6, 7, 4)),
    ("Conv2D", {"filters": 5, "kernel_size": 3, "padding": "same"}, (2, 6, 7, 4)),
    (
        "Conv2D",
        {"filters": 5, "kernel_size": 2, "padding": "SAME", "use_bias": False},
        (2, 6, 7, 4),
    ),
    ("Conv2D", {"filters": 5, "kernel_size": 3, "padding": "same", "strides": 2}, (2, 6, 6, 4)),
    ("Conv2D", {"filters": 5, "kernel_size": 3, "padding": "same", "strides": 2}, (2, 7, 7, 4)),
    (
        "Conv2D",
        {"filters": 5, "kernel_size": (3, 5), "padding": "same", "strides": (2, 3)},
        (2, 13, 10, 4),
    ),
    ("Conv2D", {"filters": 5, "kernel_size": 1, "padding": "same", "strides": 2}, (2, 6, 7, 4)),
    (
        "Conv2D",
        {"filters": 5, "kernel_size": (2, 3), "padding": "same", "dilation_rate": (2, 3)},
        (2, 9, 10, 4),
    ),
    (
        "Conv2D",
        {"filters": 6, "kernel_size": 2, "groups": 2, "strides": 2, "padding": "same"},
        (2, 7, 5, 4),
    ),
    ("Conv2D", {"filters": 8, "kernel_size": 2, "groups": 4}, (2, 7, 5, 4)),
    ("Conv2D", {"filters": 5, "kernel_size": 7, "strides": 2, "padding": "same"}, (1, 16, 16, 3)),
    ("Conv3D", {"filters": 5, "kernel_size": 2}, (2, 4, 5, 3, 4)),
    (
        "Conv3D",
        {"filters": 5, "kernel_size": (2, 3, 4), "strides": (2, 2, 1), "padding": "same"},
        (2, 5, 6, 4, 3),
    ),
    (
        "Conv3D",
        {"filters": 4, "kernel_size": 3, "padding": "same", "dilation_rate": 2},
        (1, 5, 6, 4, 3),
    ),
    ("DepthwiseConv1D", {"kernel_size": 3, "depth_multiplier": 2, "padding": "same"}, (2, 8, 4)),
    (
        "DepthwiseConv1D",
        {"kernel_size": 3, "strides": 2, "dilation_rate": 2, "padding": "same"},
        (2, 9, 4),
    ),
    ("DepthwiseConv2D", {"kernel_size": 3}, (2, 6, 7, 4)),
    (
        "DepthwiseConv2D",
        {"kernel_size": 3, "strides": 2, "padding": "same", "use_bias": False},
        (2, 6, 6, 4),
    ),
    (
        "DepthwiseConv2D",
        {"kernel_size": 3, "strides": 2, "padding": "same", "depth_multiplier": 3},
        (2, 7, 6, 2),
    ),
    (
        "DepthwiseConv2D",
        {"kernel_size": 2, "strides": 2, "dilation_rate": 2, "padding": "same"},
        (2, 9, 10, 2),
    ),
    ("SeparableConv1D", {"filters": 5, "kernel_size": 3, "padding": "same"}, (2, 8, 4)),
    (
        "SeparableConv1D",
        {"filters": 5, "kernel_size": 2, "strides": 3, "padding": "same"},
        (2, 8, 4),
    ),
    ("SeparableConv2D", {"filters": 5, "kernel_size": 3}, (2, 6, 7, 4)),
    (
        "SeparableConv2D",
        {"filters": 5, "kernel_size": 3, "padding": "same", "use_bias": False},
        (2, 6, 7, 4),
    ),
    (
        "SeparableConv2D",
        {"filters": 5, "kernel_size": 3, "strides": 2, "padding": "same", "depth_multiplier": 2},
        (2, 6, 7, 4),
    ),
    (
        "SeparableConv2D",
        {"filters": 5, "kernel_size": 2, "dilation_rate": 2, "padding": "same"},
        (2, 6, 7, 4),
    ),
]


@pytest.mark.parametrize("name", NAMES)
def test_signature(name: str) -> None:
    assert_signature(name)


@pytest.mark.parametrize("sight", SIGHT, ids=str)
@pytest.mark.parametrize(("name", "kwargs", "shape"), CASES, ids=str)
def test_same_as_keras(
    name: str, kwargs: dict[str, Any], shape: tuple[int, ...], sight: dict[str, bool]
) -> None:
    check_layer(name, kwargs, shape, **sight)


@pytest.mark.parametrize(
    ("name", "kwargs", "shape"),
    [
        (
            "Conv1D",
            {"filters": 4, "kernel_size": 3, "padding": "causal", "dilation_rate": 2},
            (2, 9, 3),
        ),
        ("Conv1D", {"filters": 4, "kernel_size": 3, "padding": "same", "strides": 2}, (2, 9, 3)),
        ("Conv1D", {"filters": 4, "kernel_size": 3, "padding": "valid", "strides": 2}, (2, 9, 3)),
        ("Conv2D", {"filters": 4, "kernel_size": 3, "padding": "same", "strides": 2}, (2, 8, 9, 3)),
        (
            "Conv2D",
            {"filters": 4, "kernel_size": 3, "padding": "valid", "strides": 2},
            (2, 8, 9, 3),
        ),
        (
            "Conv3D",
            {"filters": 4, "kernel_size": 2, "padding": "same", "strides": 2},
            (2, 4, 5, 6, 3),
        ),
        ("DepthwiseConv2D", {"kernel_size": 3, "padding": "same", "strides": 2}, (2, 8, 9, 3)),
        (
            "SeparableConv2D",
            {"filters": 4, "kernel_size": 3, "padding": "same", "strides": 2},
            (2, 8, 9, 3),
        ),
        ("SeparableConv1D", {"filters": 4, "kernel_size": 3, "padding": "valid"}, (2, 8, 3)),
    ],
)
def test_padding_given_by_a_parameter(
    name: str, kwargs: dict[str, Any], shape: tuple[int, ...]
) -> None:
    check_layer(name, kwargs, shape, symbolic=True, texts=True)


@pytest.mark.parametrize(
    "name", ["Conv1D", "Conv2D", "DepthwiseConv1D", "DepthwiseConv2D", "SeparableConv2D"]
)
@pytest.mark.parametrize("strides", [1, 2])
def test_channels_first(name: str, strides: int) -> None:
    kwargs = {
        "kernel_size": 3,
        "strides": strides,
        "padding": "same",
        "data_format": "channels_first",
    }
    if not name.startswith("Depthwise"):
        kwargs["filters"] = 5
    # TensorFlow computes it in float32 only, without gradients; and where the last axis is as
    # long as there are filters, Keras adds the bias along that one.
    check_layer(
        name,
        kwargs,
        (2, 4, 11, 13)[: 3 if "1D" in name else 4],
        dtype="float32",
        tolerance=1e-5,
        gradients=False,
    )


@pytest.mark.parametrize("sight", SIGHT, ids=str)
def test_depthwise_strides_of_two_sizes(sight: dict[str, bool]) -> None:
    """TensorFlow has it in float32 only, and no gradient for it."""
    kwargs = {"kernel_size": 3, "strides": (2, 1), "padding": "same"}
    check_layer(
        "DepthwiseConv2D",
        kwargs,
        (2, 7, 6, 2),
        dtype="float32",
        tolerance=1e-5,
        gradients=False,
        **sight,
    )


@settings(max_examples=40, deadline=None)
@given(
    name=st.sampled_from([n for n in NAMES if "3D" not in n]),
    sizes=st.tuples(st.integers(3, 10), st.integers(3, 10)),
    kernel=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    strides=st.integers(1, 4),
    dilation=st.integers(1, 3),
    padding=st.sampled_from(["same", "valid"]),
    sight=st.sampled_from(SIGHT),
)
def test_any_setting(
    name: str,
    sizes: Any,
    kernel: Any,
    strides: int,
    dilation: int,
    padding: str,
    sight: dict[str, bool],
) -> None:
    rank = 1 if "1D" in name else 2
    assume(padding == "same" or all(n > (k - 1) * dilation for n, k in zip(sizes, kernel)))
    assume(strides == 1 or dilation == 1 or name.startswith(("Depthwise", "Separable")))
    kwargs = {
        "kernel_size": kernel[:rank],
        "strides": strides,
        "dilation_rate": dilation,
        "padding": padding,
    }
    if not name.startswith("Depthwise"):
        kwargs["filters"] = 3
    check_layer(name, kwargs, (2, *sizes[:rank], 2), **sight)


@pytest.mark.parametrize(
    ("kwargs", "shape", "module", "forward"),
    [
        (
            {"padding": "same"},
            (1, 8, 8, 3),
            "nn.Conv2d(3, 4, kernel_size=3, padding=1)",
            ["module(x0)"],
        ),
        ({"strides": 2}, (1, 8, 8, 3), "nn.Conv2d(3, 4, kernel_size=3, stride=2)", ["module(x0)"]),
        (
            {"padding": "same", "strides": 2},
            (1, 9, 9, 3),
            "nn.Conv2d(3, 4, kernel_size=3, stride=2, padding=1)",
            ["module(x0)"],
        ),
        (
            {"padding": "same", "strides": 2},
            (1, 8, 9, 3),
            "nn.Conv2d(3, 4, kernel_size=3, stride=2)",
            ['v0 = F.pad(x0, (1, 1, 0, 1))  # "same" padding for stride 2 on 8 x 9', "module(v0)"],
        ),
    ],
)
def test_text(
    kwargs: dict[str, Any], shape: tuple[int, ...], module: str, forward: list[str]
) -> None:
    got = check_layer("Conv2D", {"filters": 4, "kernel_size": 3, **kwargs}, shape)
    assert (got.module, got.forward) == (module, forward)


def test_text_of_symbols() -> None:
    got = check_layer(
        "Conv2D",
        {"filters": 4, "kernel_size": 3, "padding": "same", "strides": 2},
        (1, 8, 8, 3),
        open_shape=True,
    )
    assert got.module == "SameConv2d(3, 4, kernel_size=3, stride=2)"


@pytest.mark.parametrize("name", ["Conv2D", "SeparableConv2D"])
def test_a_layer_that_is_called_twice(name: str) -> None:
    """What is padded on one input but not on the other is not written into the module."""
    rule = bind(name, {"filters": 4, "kernel_size": 3, "strides": 2, "padding": "same"})
    odd, even, larger = (Tensor((None, n, n, 3), layout=Layout.FIRST) for n in (9, 8, 11))
    rule.outputs(odd)
    rule.outputs(larger)
    assert "padding=1" in str(rule.module(odd))
    rule.outputs(even)
    same = "SameConv2d(3, 4, kernel_size=3, stride=2)"
    separable = "SeparableConv2d(3, 4, kernel_size=3, stride=2, padding='same')"
    for tensor in (odd, even, larger):
        assert str(rule.module(tensor)) == (same if name == "Conv2D" else separable)


def test_first_keras() -> None:
    old = bind(
        "Convolution2D",
        {"args": (8, 3, 5), "border_mode": "same", "subsample": (2, 2), "dim_ordering": "tf"},
    )
    new = bind(
        "Conv2D", {"filters": 8, "kernel_size": (3, 5), "padding": "same", "strides": (2, 2)}
    )
    assert (old.kernel_size, old.padding, old.strides) == (
        new.kernel_size,
        new.padding,
        new.strides,
    )
    assert bind("Convolution1D", {"nb_filter": 8, "filter_length": 3}).kernel_size == 3


@pytest.mark.parametrize(
    ("name", "kwargs", "shape", "code"),
    [
        ("Conv2D", {"filters": 4, "kernel_size": 3, "padding": "causal"}, (1, 8, 8, 3), "KT203"),
        ("Conv2D", {"filters": 4, "kernel_size": 3, "padding": "full"}, (1, 8, 8, 3), "KT203"),
        ("Conv2D", {"filters": 4, "kernel_size": 3, "data_format": "NHWC"}, (1, 8, 8, 3), "KT203"),
        ("Conv2D", {"filters": 4, "kernel_size": (3, 3, 3)}, (1, 8, 8, 3), "KT203"),
        (
            "Conv2D",
            {"filters": 4, "kernel_size": 3, "strides": 2, "dilation_rate": 2},
            (1, 8, 8, 3),
            "KT204",
        ),
        ("Conv2D", {"filters": 4, "kernel_size": 0}, (1, 8, 8, 3), "KT204"),
        ("Conv2D", {"filters": 4, "kernel_size": 3, "groups": 3}, (1, 8, 8, 3), "KT204"),
        ("Conv2D", {"filters": 4, "kernel_size": 3, "groups": 2}, (1, 8, 8, 3), "KT204"),
        ("Conv2D", {"filters": 4, "kernel_size": 3}, (1, 8, 3), "KT204"),
        ("Conv2D", {"filters": 4, "kernel_size": 9}, (1, 8, 8, 3), "KT204"),
        (
            "SeparableConv1D",
            {"filters": 4, "kernel_size": 3, "padding": "causal"},
            (1, 8, 3),
            "KT203",
        ),
    ],
)
def test_what_keras_refuses(
    name: str, kwargs: dict[str, Any], shape: tuple[int, ...], code: str
) -> None:
    assert (
        name in rejects(name, kwargs, shape, code=code)
        or code == "KT203"
        or kwargs["kernel_size"] == 9
    )
