"""Random tensors: their shapes and distributions are Keras's, their numbers cannot be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kt_translate.graph.region import derived
from kt_translate.graph.tensor import Layout, Tensor
from kt_translate.layers.layer import OMIT, RuleError, is_plain
from kt_translate.ops.arguments import (
    Sizes,
    axis_of,
    dtype_expr,
    dtype_name,
    elementwise,
    is_float,
    op,
    tensor,
)
from kt_translate.pytorch.expr import Expr, as_expr, torch


class _New:
    """A tensor to be filled: as large as another one, or of a shape; its type and device are the model's."""

    def __init__(self, shape: Any, dtype: Any = None) -> None:
        self.sizes = Sizes.of(shape)
        self.name = dtype_name(dtype)
        self.like = self.sizes.like()
        self.source = self.like or self.sizes.source()
        if self.like is not None and self.name != self.like.dtype:
            self.like = self.source = None

    def make(
        self, function: str, *args: Any, finish: Callable[..., Any] | None = None, **kwargs: Any
    ) -> Tensor:
        """``torch.<function>``, or its form with ``_like``; then ``finish`` of that."""
        done = finish or (lambda e: e)
        if self.like is not None:
            x = self.like
            whole: Expr = getattr(torch, f"{function}_like")
            return derived(
                lambda e: done(whole(e, *args, **kwargs)),
                [x],
                x.shape,
                x.dtype,
                x.layout,
                Layout.KEEP,
            )
        call: Expr = getattr(torch, function)
        if self.source is not None and is_float(self.name):
            inputs = [*self.sizes.inputs, self.source]
            return derived(
                lambda *es: done(
                    call(
                        *args,
                        *self._shape(es[:-1], args),
                        **kwargs,
                        dtype=es[-1].dtype,
                        device=es[-1].device,
                    )
                ),
                inputs,
                self.sizes.shape,
                self.name,
                wants=Layout.KEEP,
            )
        dtype = OMIT if self.name == "float32" else dtype_expr(self.name)
        return derived(
            lambda *es, device: done(
                call(*args, *self._shape(es, args), **kwargs, dtype=dtype, device=device)
            ),
            self.sizes.inputs,
            self.sizes.shape,
            self.name,
            wants=Layout.KEEP,
            device=True,
        )

    def _shape(self, es: tuple[Expr, ...], args: tuple[Any, ...]) -> list[Any]:
        sizes = self.sizes.exprs(es)
        return [tuple(sizes)] if args or not sizes else sizes


def _with(number: Any, default: float) -> bool:
    return not (is_plain(number) and not isinstance(number, Tensor) and number == default)


def _scaled(made: Callable[..., Tensor], scale: Any, shift: Any) -> Tensor:
    """``made * scale + shift``, either of them a number or a tensor."""
    extra = [v for v in (scale, shift) if isinstance(v, Tensor)]

    def finish(e: Expr, given: tuple[Expr, ...]) -> Expr:
        rest = iter(given)
        by = next(rest) if isinstance(scale, Tensor) else as_expr(scale)
        if _with(scale, 1):
            e = e * by
        to = next(rest) if isinstance(shift, Tensor) else as_expr(shift)
        return e + to if _with(shift, 0) else e

    if not extra:
        return made(finish=lambda e: finish(e, ()))
    x = made()
    return derived(
        lambda e, *given: finish(e, given), [x, *extra], x.shape, x.dtype, x.layout, x.layout
    )


# -- normal and uniform ---------------------------------------------------------------------------


@op(
    "keras.random.normal",
    "tf.random.normal",
    "tf.random_normal",
    "keras.backend.random_normal",
    "tf.random.stateless_normal",
    std="stddev",
)
def normal(
    shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = None, seed: Any = None
) -> Tensor:
    new = _New(shape, dtype)
    return _scaled(lambda **k: new.make("randn", **k), stddev, mean)


@op(
    "keras.random.truncated_normal",
    "tf.random.truncated_normal",
    "tf.truncated_normal",
    "keras.backend.truncated_normal",
)
def truncated_normal(
    shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = None, seed: Any = None
) -> Tensor:
    new = _New(shape, dtype)
    new.like = None
    fill = Expr("torch.nn.init.trunc_normal_")

    def made(finish: Callable[[Expr], Expr] = lambda e: e) -> Tensor:
        return new.make("empty", finish=lambda e: finish(fill(e)))

    return _scaled(made, stddev, mean)


@op("keras.random.uniform", "keras.backend.random_uniform")
def uniform(
    shape: Any, minval: Any = 0.0, maxval: Any = 1.0, dtype: Any = None, seed: Any = None
) -> Tensor:
    if not is_float(dtype_name(dtype)):
        return randint(shape, minval, maxval, dtype)
    new = _New(shape, dtype)
    if isinstance(minval, Tensor) or isinstance(maxval, Tensor):
        raise RuleError("KT203", "random numbers between tensors are not supported")
    return _scaled(lambda **k: new.make("rand", **k), maxval - minval, minval)


@op("tf.random.uniform", "tf.random_uniform", "tf.random.stateless_uniform")
def tf_uniform(
    shape: Any, minval: Any = 0, maxval: Any = None, dtype: Any = None, seed: Any = None
) -> Tensor:
    return uniform(shape, minval, 1 if maxval is None else maxval, dtype)


@op("keras.random.randint")
def randint(shape: Any, minval: Any, maxval: Any, dtype: Any = "int32", seed: Any = None) -> Tensor:
    new = _New(shape, dtype)
    new.like = None
    return new.make("randint", minval, maxval)


@op("keras.backend.random_bernoulli", "keras.backend.random_binomial")
def random_bernoulli(shape: Any, p: Any = 0.0, dtype: Any = None, seed: Any = None) -> Tensor:
    new = _New(shape, dtype)
    return new.make("rand", finish=lambda e: _chance(e, p))


def _chance(e: Expr, p: Any) -> Expr:
    return e.le(p).to(Expr("torch.get_default_dtype()"))


@op("keras.random.gamma")
def gamma(shape: Any, alpha: Any, dtype: Any = None, seed: Any = None) -> Tensor:
    new = _New(shape, dtype)
    new.like = None
    fill = Expr("torch.distributions").Gamma
    return new.make("ones", finish=lambda e: fill(e * alpha, 1.0).sample())


@op("keras.random.beta")
def beta(shape: Any, alpha: Any, beta: Any, dtype: Any = None, seed: Any = None) -> Tensor:
    new = _New(shape, dtype)
    new.like = None
    fill = Expr("torch.distributions").Beta

    def made(e: Expr) -> Expr:
        return fill(e * alpha, beta).sample()

    return new.make("ones", finish=made)


# -- choosing -------------------------------------------------------------------------------------


@op("keras.random.categorical", "tf.random.categorical", "tf.multinomial")
def categorical(logits: Any, num_samples: Any, dtype: Any = None, seed: Any = None) -> Tensor:
    x = tensor(logits, "the logits")
    return derived(
        lambda e: torch.multinomial(e.softmax(-1), num_samples, replacement=True),
        [x],
        (x.shape[0], num_samples),
        "int64",
    )


@op("keras.random.shuffle", "tf.random.shuffle", "tf.random_shuffle", value="x")
def shuffle(x: Any, axis: Any = 0, seed: Any = None) -> Tensor:
    x = tensor(x, "what is shuffled")
    at = x.dim(axis_of(axis, x.rank))
    return elementwise(
        x,
        lambda e: e.index_select(at, torch.randperm(e.shape[at], device=e.device)),
    )


@op("keras.random.SeedGenerator", "keras.random.split", "tf.random.set_seed", "tf.set_random_seed")
def seed(seed: Any = None, name: Any = None) -> None:
    """The random numbers of PyTorch come from its own generator."""


# -- pictures -------------------------------------------------------------------------------------


def _flipped_by_chance(dim: int, *paths: str) -> None:
    def flip(image: Any, seed: Any = None) -> Tensor:
        x = tensor(image, "the pictures")
        if x.rank != 4:
            raise RuleError("KT203", "random flips of one picture are not supported")
        return derived(
            lambda e: torch.where(
                torch.rand(e.shape[0], 1, 1, 1, device=e.device).lt(0.5), e.flip(dim), e
            ),
            [x],
            x.shape,
            x.dtype,
            Layout.FIRST,
            Layout.FIRST,
        )

    op(*paths)(flip)


_flipped_by_chance(3, "tf.image.random_flip_left_right")
_flipped_by_chance(2, "tf.image.random_flip_up_down")


# -- counts ---------------------------------------------------------------------------------------


@op("keras.random.binomial", "tf.random.stateless_binomial", probs="probabilities")
def binomial(
    shape: Any, counts: Any, probabilities: Any, dtype: Any = None, seed: Any = None
) -> Tensor:
    new = _New(shape, dtype)
    new.like = None
    return new.make(
        "ones", finish=lambda e: torch.binomial(e * counts, torch.full_like(e, probabilities))
    )


@op("tf.random.poisson", "tf.random_poisson")
def poisson(shape: Any, lam: Any, dtype: Any = None, seed: Any = None) -> Tensor:
    new = _New(shape, dtype)
    new.like = None
    return new.make("ones", finish=lambda e: torch.poisson(e * lam))


@op("tf.random.gamma", "tf.random_gamma")
def tf_gamma(
    shape: Any, alpha: Any, beta: Any = None, dtype: Any = None, seed: Any = None
) -> Tensor:
    new = _New(shape, dtype)
    new.like = None
    rate = 1.0 if beta is None else beta
    fill = Expr("torch.distributions").Gamma
    return new.make("ones", finish=lambda e: fill(e * alpha, rate).sample())
