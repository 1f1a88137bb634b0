"""Random tensors: shape, type and distribution; the numbers are not Keras's."""

from __future__ import annotations

import pytest
import torch

from kt_translate.graph.tensor import Tensor
from tests.ops.harness import translate, written


def sample(text: str, *shape: int) -> torch.Tensor:
    made = translate(text, Tensor((None, *shape[1:])))
    torch.manual_seed(0)
    return made.run({"x": torch.randn(shape)})


@pytest.mark.parametrize(
    ("text", "mean", "deviation"),
    [
        ("tf.random.normal((200, 300))", 0, 1),
        ("tf.random.normal([200, 300], mean=2.0, stddev=0.5)", 2, 0.5),
        ("keras.random.normal((200, 300), 1.0, 2.0, seed=3)", 1, 2),
        ("K.random_normal(shape=(200, 300), mean=1., stddev=3.)", 1, 3),
        ("tf.random.uniform((200, 300))", 0.5, 12**-0.5),
        ("tf.random.uniform((200, 300), -1, 3)", 1, 4 * 12**-0.5),
        ("keras.random.uniform((200, 300), minval=-1.0)", 0, 2 * 12**-0.5),
        ("K.random_uniform((200, 300), 0.0, 2.0)", 1, 2 * 12**-0.5),
        ("keras.random.truncated_normal((200, 300))", 0, 0.8796),
        ("tf.random.truncated_normal((200, 300), stddev=2.0)", 0, 2 * 0.8796),
        ("keras.random.randint((200, 300), 0, 5)", 2, 2**0.5),
        ("tf.random.uniform((200, 300), 0, 5, dtype=tf.int32)", 2, 2**0.5),
        ("K.random_bernoulli((200, 300), 0.3)", 0.3, 0.4583),
        ("keras.random.gamma((200, 300), 2.0)", 2, 2**0.5),
        ("keras.random.binomial((200, 300), 10.0, 0.5)", 5, 2.5**0.5),
        ("tf.random.poisson((200, 300), 4.0)", 4, 2),
        ("tf.random.gamma((200, 300), 2.0, beta=2.0)", 1, 0.5**0.5),
        ("keras.random.beta((200, 300), 2.0, 2.0)", 0.5, 0.05**0.5),
    ],
)
def test_distributions(text: str, mean: float, deviation: float) -> None:
    value = sample(text, 2, 3).double()
    assert value.shape == (200, 300)
    assert value.mean().item() == pytest.approx(mean, abs=0.03)
    assert value.std().item() == pytest.approx(deviation, rel=0.03)


@pytest.mark.parametrize(
    "text",
    [
        "tf.random.normal(tf.shape(x))",
        "K.random_normal(shape=(K.shape(x)[0], K.int_shape(x)[1]))",
        "keras.random.normal(ops.shape(x))",
        "keras.random.normal(shape=(ops.shape(x)[0], 4))",
    ],
)
def test_like_another(text: str) -> None:
    assert written(text, (None, 4)) == "v0_0 = torch.randn_like(x); v0_0"


def test_in_part_like_another() -> None:
    code = written("tf.random.normal((tf.shape(x)[0], 7))", (None, 4))
    assert code.endswith("torch.randn(v0_0, 7, dtype=x.dtype, device=x.device); v1_0")
    assert sample("tf.random.normal((tf.shape(x)[0], 7))", 3, 4).shape == (3, 7)
    assert sample("tf.random.uniform((tf.shape(x)[0], 7), maxval=2.0)", 3, 4).shape == (3, 7)


def test_sampling() -> None:
    code = "x + K.exp(0.5 * x) * K.random_normal(shape=K.shape(x), mean=0., stddev=0.1)"
    assert "torch.randn_like(x) * 0.1" in written(code, (None, 4))


def test_random_flips() -> None:
    made = translate("tf.image.random_flip_left_right(x)", Tensor((None, 4, 5, 3)))
    x = torch.randn(200, 4, 5, 3)
    y = made.run({"x": x})
    kept = (y == x).flatten(1).all(1)
    turned = (y == x.flip(2)).flatten(1).all(1)
    assert bool((kept | turned).all())
    assert 60 < int(kept.sum()) < 140


def test_choosing() -> None:
    value = sample("tf.random.categorical(x, 5)", 3, 4)
    assert value.shape == (3, 5)
    assert value.max() < 4
    value = sample("keras.random.shuffle(x)", 6, 2)
    assert value.shape == (6, 2)
