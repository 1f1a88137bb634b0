"""What is computed at once, what the code looks like, and what is refused."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from kt_translate.graph.sym import Sym, Symbol
from kt_translate.graph.tensor import Layout, Tensor
from kt_translate.layers.layer import RuleError
from kt_translate.ops.values import as_tensor, broadcast, promoted
from tests.ops.harness import check, evaluate, rejects, translate, written

PLAIN: list[tuple[str, Any]] = [
    ("tf.sqrt(4.0)", 2.0),
    ("ops.prod((2, 3))", 6),
    ("tf.cast(3, tf.float32)", 3.0),
    ("tf.cast(3.7, 'int32')", 3),
    ("ops.maximum(2, 3)", 3),
    ("K.epsilon()", 1e-7),
    ("K.floatx()", "float32"),
    ("ops.add(2, 3)", 5),
    ("tf.math.log(1.0)", 0.0),
    ("ops.where(True, 2, 3)", 2),
    ("ops.clip(5, 0, 3)", 3),
    ("K.int_shape(x)", (None, 4, 6)),
    ("ops.ndim(x)", 3),
    ("tf.rank(x)", 3),
    ("ops.shape(x)[1:]", (4, 6)),
    ("tf.reduce_prod(tf.shape(x)[1:])", 24),
    ("ops.size(x[0])", 24),
    ("x.dtype", "float32"),
    ("x is None", False),
    ("x == None", False),
    ("ops.is_tensor(x)", True),
]

CODE: list[tuple[str, list[tuple[Any, ...]], str]] = [
    ("ops.mean(x, axis=-1, keepdims=True)", [(None, 4)], "x.mean(dim=-1, keepdim=True)"),
    ("K.sum(x)", [(None, 4)], "x.sum()"),
    ("tf.reduce_max(x, axis=[1, 2])", [(None, 4, 5, 3)], "x.amax(dim=(1, 2))"),
    ("K.std(x, axis=1)", [(None, 4)], "x.std(dim=1, correction=0)"),
    ("ops.clip(x, 0.0, 1.0)", [(None, 4)], "x.clamp(min=0.0, max=1.0)"),
    ("tf.maximum(x, 0.1)", [(None, 4)], "x.clamp(min=0.1)"),
    ("x ** 2", [(None, 4)], "x ** 2"),
    ("-x", [(None, 4)], "-x"),
    ("ops.where(x > 0, x, 0.0)", [(None, 4)], "torch.where(v0_0, x, 0.0)"),
    ("tf.reshape(x, [-1, 8])", [(None, 4)], "x.reshape(-1, 8)"),
    ("tf.expand_dims(x, 1)", [(None, 4)], "x.unsqueeze(1)"),
    ("tf.transpose(x, [0, 2, 1])", [(None, 4, 5)], "x.transpose(1, 2)"),
    ("K.transpose(x)", [(None, 4)], "x.T"),
    ("tf.concat([x, y], -1)", [(None, 4), (None, 3)], "torch.cat([x, y], dim=-1)"),
    ("tf.stack([x, y], axis=1)", [(None, 4), (None, 4)], "torch.stack([x, y], dim=1)"),
    ("K.flatten(x)", [(None, 4)], "x.flatten()"),
    ("tf.stop_gradient(x)", [(None, 4)], "x.detach()"),
    ("x[:, -1]", [(None, 4, 5)], "x[:, -1]"),
    ("x[..., tf.newaxis]", [(None, 4)], "x[..., None]"),
    ("tf.gather(x, y)", [(7, 4), Tensor((None,), "int32")], "x[y]"),
    ("tf.zeros_like(x)", [(None, 4)], "torch.zeros_like(x)"),
    ("tf.range(5)", [(None, 4)], "torch.arange(5, device=device)"),
    ("tf.pad(x, [[0, 0], [1, 2]])", [(None, 4)], "F.pad(x, (1, 2))"),
    ("x * tf.constant([0.1, 0.2])", [(None, 2)], "x * x.new_tensor([0.1, 0.2])"),
    ("tf.split(x, [1, 3], 1)[0]", [(None, 4)], "x.split([1, 3], dim=1)"),
    ("tf.cast(x, tf.float32)", [(None, 4)], "x"),
]


@pytest.mark.parametrize(("text", "expected"), PLAIN, ids=lambda v: str(v))
def test_what_is_known_is_computed(text: str, expected: Any) -> None:
    result, _, log = evaluate(text, [Tensor((None, 4, 6))])
    assert result == expected
    assert type(result) is type(expected) or isinstance(result, tuple)
    assert not log.diagnostics


@pytest.mark.parametrize(("text", "shapes", "expected"), CODE, ids=lambda v: str(v))
def test_code_reads_as_torch_does(text: str, shapes: Any, expected: str) -> None:
    last = written(text, *shapes).split("; ")
    assert expected in {part.partition(" = ")[2] or part for part in last} | {last[-1]}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ops.mean(x, axis=(1, 2))", "x.mean(dim=(2, 3))"),
        ("ops.concatenate([x, x], axis=-1)", "torch.cat([x, x], dim=1)"),
        ("x[..., 0]", "x[:, 0]"),
        ("x[:, 1:, :-1]", "x[:, :, 1:, :-1]"),
        ("tf.transpose(x, [0, 3, 1, 2])", "x"),
        ("tf.pad(x, [[0, 0], [1, 1], [2, 2], [0, 0]])", "F.pad(x, (2, 2, 1, 1))"),
        ("x - [0.1, 0.2, 0.3]", "x - x.new_tensor([0.1, 0.2, 0.3])[:, None, None]"),
        ("tf.reduce_sum(x, -1)", "x.sum(dim=1)"),
    ],
)
def test_pictures_stay_channels_first(text: str, expected: str) -> None:
    code = written(text, (None, 8, 9, 3), layout=Layout.FIRST)
    assert code.split("; ")[0] == f"v0_0 = {expected}"


def test_sizes_are_read_at_run_time_only_where_they_are_open() -> None:
    code = written("tf.reshape(x, [tf.shape(x)[0], tf.shape(x)[1], 2, 3])", (None, 4, 6))
    assert code == "v0_0 = x.shape[0]; v1_0 = x.reshape(v0_0, 4, 2, 3); v1_0"


def test_a_symbol_stays_in_the_code() -> None:
    width = Sym.of(Symbol("width", 6, "dim"))
    scaled = translate("x / tf.sqrt(tf.cast(tf.shape(x)[-1], tf.float32))", Tensor((None, width)))
    assert scaled.code == "v0_0 = x / math.sqrt(width); v0_0"
    halves = translate("tf.split(x, 2, axis=-1)", Tensor((None, width)))
    assert [str(t.shape[1]) for t in halves.result] == ["width // 2"] * 2
    rest = translate("tf.reshape(x, (-1, 4, 5 * x.shape[-1]))", Tensor((None, 20, width)))
    assert str(rest.result.shape[2]) == "5 * width"


@pytest.mark.parametrize(
    ("text", "shapes"),
    [
        ("ops.mean(x, axis=3)", [(None, 4)]),
        ("x + y", [(None, 4), (None, 3)]),
        ("x[0, 0, 0]", [(None, 4)]),
        ("tf.concat([x, y], 1)", [(None, 4), (None, 4, 2)]),
        ("tf.squeeze(x, 1)", [(None, 4)]),
        ("tf.transpose(x, [0, 0])", [(None, 4)]),
        ("tf.split(x, 3, axis=1)", [(None, 4)]),
        ("tf.unstack(x, axis=1)", [(None, None)]),
        ("tf.reshape(x, y)", [(None, 4), Tensor((2,), "int32")]),
        ("ops.pad(x, 1, mode='wrap')", [(None, 4)]),
        ("ops.mean(x, nonsense=1)", [(None, 4)]),
    ],
)
def test_what_cannot_be_is_refused(text: str, shapes: Any) -> None:
    assert rejects(text, *shapes)


def test_ties_hand_the_gradient_on_as_in_keras() -> None:
    x, y = np.array([1.0, 2.0, 3.0]), np.array([1.0, 3.0, 3.0])
    for text in (
        "ops.maximum(x, y)",
        "tf.minimum(x, y)",
        "tf.reduce_max(x)",
        "ops.clip(x, 1.0, 3.0)",
    ):
        check(text, x, y)
    check("ops.max(x, axis=1)", np.array([[1.0, 1.0, 0.0], [2.0, 0.0, 2.0]]))
    check("tf.maximum(x, 0.0)", np.array([0.0, 1.0, -1.0]))


@pytest.mark.parametrize(
    "dtypes",
    [
        ("float32", "int32"),
        ("int64", "float32"),
        ("bool", "int32"),
        ("uint8", "int8"),
        ("uint8", "int32"),
        ("uint32", "int32"),
        ("uint64", "int8"),
        ("uint16", "uint8"),
        ("float16", "float32"),
        ("float16", "bfloat16"),
        ("bool", "bool"),
        ("int32", "int"),
        ("uint8", "int"),
        ("bool", "int"),
        ("int32", "float"),
        ("float16", "float"),
    ],
)
def test_types_are_promoted_as_keras_does(dtypes: tuple[str, str]) -> None:
    theirs = [{"int": int, "float": float}.get(d, d) for d in dtypes]
    assert promoted(*dtypes) == keras.backend.result_type(*theirs)


def test_shapes_broadcast() -> None:
    assert broadcast((None, 1, 3), (4, 3)) == (None, 4, 3)
    with pytest.raises(RuleError):
        broadcast((2, 3), (2, 4))
    with pytest.raises(RuleError):
        as_tensor([[1, 2], [3]])
