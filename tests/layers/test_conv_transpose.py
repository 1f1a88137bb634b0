"""Transposed convolutions against Keras."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.layers.harness import assert_signature, check_layer, rejects

NAMES = ("Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose")
SIGHT = [
    {},
    {"symbolic": True},
    {"symbolic": True, "unknown": True},
    {"open_shape": True},
    {"symbolic": True, "texts": True},
]

CASES: list[tuple[str, dict[str, Any], tuple[int, ...]]] = [
    ("Conv1DTranspose", {"filters": 5, "kernel_size": 2, "strides": 2}, (2, 8, 4)),
    ("Conv1DTranspose", {"filters": 6, "kernel_size": 7, "strides": 16}, (2, 8, 4)),
    (
        "Conv1DTranspose",
        {"filters": 6, "kernel_size": 2, "dilation_rate": 2, "use_bias": False},
        (2, 8, 4),
    ),
    (
        "Conv1DTranspose",
        {"filters": 6, "kernel_size": 3, "dilation_rate": 2, "padding": "same"},
        (2, 8, 4),
    ),
    ("Conv2DTranspose", {"filters": 5, "kernel_size": 2, "strides": 2}, (2, 5, 6, 4)),
    (
        "Conv2DTranspose",
        {"filters": 5, "kernel_size": 3, "strides": 2, "padding": "same"},
        (2, 5, 6, 4),
    ),
    (
        "Conv2DTranspose",
        {"filters": 5, "kernel_size": 4, "strides": 2, "padding": "same"},
        (2, 5, 6, 4),
    ),
    (
        "Conv2DTranspose",
        {"filters": 5, "kernel_size": 5, "strides": 2, "padding": "SAME"},
        (2, 5, 6, 4),
    ),
    (
        "Conv2DTranspose",
        {"filters": 5, "kernel_size": (2, 3), "strides": (2, 1), "padding": "same"},
        (2, 5, 6, 4),
    ),
    ("Conv2DTranspose", {"filters": 5, "kernel_size": (7, 2), "strides": (4, 3)}, (2, 3, 4, 4)),
    (
        "Conv2DTranspose",
        {"filters": 5, "kernel_size": 3, "strides": 2, "padding": "same", "output_padding": 1},
        (2, 5, 6, 4),
    ),
    (
        "Conv2DTranspose",
        {"filters": 5, "kernel_size": 3, "strides": (3, 2), "output_padding": (2, 1)},
        (2, 4, 5, 2),
    ),
    (
        "Conv2DTranspose",
        {"filters": 5, "kernel_size": 3, "strides": 1, "padding": "same"},
        (2, 5, 6, 4),
    ),
    ("Conv3DTranspose", {"filters": 5, "kernel_size": 2, "strides": 2}, (1, 3, 4, 2, 3)),
    (
        "Conv3DTranspose",
        {"filters": 3, "kernel_size": (3, 2, 4), "strides": (2, 1, 2), "padding": "same"},
        (1, 3, 4, 2, 2),
    ),
]


@pytest.mark.parametrize("name", NAMES)
def test_signature(name: str) -> None:
    assert_signature(name)


@pytest.mark.parametrize("sight", SIGHT, ids=str)
@pytest.mark.parametrize(("name", "kwargs", "shape"), CASES, ids=str)
def test_same_as_keras(
    name: str, kwargs: dict[str, Any], shape: tuple[int, ...], sight: dict[str, Any]
) -> None:
    check_layer(name, kwargs, shape, **precision(kwargs), **sight)


def precision(kwargs: dict[str, Any]) -> dict[str, Any]:
    """TensorFlow dilates in float32 only."""
    dilated = kwargs.get("dilation_rate", 1) > 1
    return {"dtype": "float32", "tolerance": 1e-5} if dilated else {}


@settings(max_examples=40, deadline=None)
@given(
    size=st.integers(1, 6),
    kernel=st.integers(1, 7),
    strides=st.integers(1, 4),
    dilation=st.integers(1, 3),
    padding=st.sampled_from(["same", "valid"]),
    output_padding=st.sampled_from([None, 0, 1, 2]),
    sight=st.sampled_from(SIGHT),
)
def test_any_setting(
    size: int,
    kernel: int,
    strides: int,
    dilation: int,
    padding: str,
    output_padding: Any,
    sight: dict[str, bool],
) -> None:
    assume(strides == 1 or dilation == 1)
    assume(output_padding is None or output_padding < strides)
    reach = (kernel - 1) * dilation + 1
    assume(padding == "valid" or output_padding is None or reach % 2 + output_padding > 0)
    kwargs = {
        "filters": 3,
        "kernel_size": kernel,
        "strides": strides,
        "dilation_rate": dilation,
        "padding": padding,
        "output_padding": output_padding,
    }
    check_layer("Conv1DTranspose", kwargs, (2, size, 2), **precision(kwargs), **sight)


def test_channels_first() -> None:
    kwargs = {
        "filters": 4,
        "kernel_size": 3,
        "strides": 2,
        "padding": "same",
        "data_format": "channels_first",
    }
    check_layer(
        "Conv2DTranspose", kwargs, (2, 3, 5, 4), dtype="float32", tolerance=1e-5, gradients=False
    )


@pytest.mark.parametrize(
    ("kernel", "module", "forward"),
    [
        (2, "nn.ConvTranspose2d(3, 4, kernel_size=2, stride=2)", "module(x0)"),
        (3, "nn.ConvTranspose2d(3, 4, kernel_size=3, stride=2)", "module(x0)[..., :-1, :-1]"),
        (4, "nn.ConvTranspose2d(3, 4, kernel_size=4, stride=2, padding=1)", "module(x0)"),
        (
            5,
            "nn.ConvTranspose2d(3, 4, kernel_size=5, stride=2, padding=1)",
            "module(x0)[..., :-1, :-1]",
        ),
    ],
)
def test_text(kernel: int, module: str, forward: str) -> None:
    got = check_layer(
        "Conv2DTranspose",
        {"filters": 4, "kernel_size": kernel, "strides": 2, "padding": "same"},
        (1, 5, 6, 3),
    )
    assert (got.module, got.forward) == (module, [forward])


def test_what_keras_refuses() -> None:
    rejects("Conv2DTranspose", {"filters": 4, "kernel_size": 3, "output_padding": 1}, code="KT204")
    rejects(
        "Conv2DTranspose",
        {"filters": 4, "kernel_size": 3, "strides": 2, "dilation_rate": 2},
        code="KT204",
    )
    rejects(
        "Conv2DTranspose",
        {"filters": 4, "kernel_size": 2, "padding": "same", "output_padding": 0},
        code="KT204",
    )
    rejects("Conv1DTranspose", {"filters": 4, "kernel_size": 3, "padding": "causal"}, code="KT203")
