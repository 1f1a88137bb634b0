"""Attention of several heads as functions."""

from __future__ import annotations

from typing import Any

from kt_translate.graph.region import derived
from kt_translate.graph.tensor import Tensor
from kt_translate.layers.decisions import decided
from kt_translate.layers.layer import RuleError, Shape, unless
from kt_translate.ops.arguments import op, tensor
from kt_translate.ops.values import several
from kt_translate.pytorch.expr import OMIT, Expr, F, as_expr


@op("keras.ops.dot_product_attention")
def dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    bias: Any = None,
    mask: Any = None,
    scale: Any = None,
    is_causal: Any = False,
    flash_attention: Any = None,
    attn_logits_soft_cap: Any = None,
) -> Tensor:
    """Keras has the heads (N, L, H, D) after the sequence, PyTorch before it."""
    q, k, v = tensor(query, "the query"), tensor(key, "the key"), tensor(value, "the value")
    if attn_logits_soft_cap is not None:
        raise RuleError("KT203", "attn_logits_soft_cap is not supported")
    causal = bool(decided(is_causal, "is_causal"))
    extra = [t for t in (bias, mask) if isinstance(t, Tensor)]
    if causal and extra:
        raise RuleError("KT203", "causal attention with a mask or a bias is not supported")
    grouped = q.shape[2] != k.shape[2]

    def render(q: Expr, k: Expr, v: Expr, *given: Expr) -> Expr:
        added: Any = OMIT
        if len(given) == 2:
            added = given[0].masked_fill(Expr.unary("~", given[1]), Expr("-math.inf"))
        elif given:
            added = given[0]
        return F.scaled_dot_product_attention(
            q.transpose(1, 2),
            k.transpose(1, 2),
            v.transpose(1, 2),
            attn_mask=added,
            is_causal=unless(causal, False),
            scale=unless(scale, None),
            enable_gqa=unless(grouped, False),
        ).transpose(1, 2)

    return derived(render, [q, k, v, *extra], (*q.shape[:-1], v.shape[-1]), q.dtype)


ATTEND = "MultiHeadAttention._compute_attention"


@op(ATTEND)
def compute_attention(
    query: Any,
    key: Any,
    value: Any,
    attention_mask: Any = None,
    dropout: Any = 0.0,
    training: Any = None,
    return_attention_scores: Any = False,
) -> tuple[Tensor, Tensor | None]:
    """What Keras's MultiHeadAttention does between its projections, of heads (N, L, H, D)."""
    heads = [tensor(query, "the query"), tensor(key, "the key"), tensor(value, "the value")]
    q, k, v = heads
    if q.rank != 4:
        raise RuleError("KT203", f"attention of heads takes sequences, not {q.rank} axes")
    masks = [attention_mask] if isinstance(attention_mask, Tensor) else []
    scored = bool(decided(return_attention_scores, "return_attention_scores"))
    function = Expr("attend_with_scores" if scored else "attend")

    def attended(*given: Expr) -> Expr:
        return function(
            *(e.transpose(1, 2) for e in given[:3]),
            mask=given[3].bool() if masks else None,
            causal=False,
            dropout=dropout,
            training=Expr("self.training") if training is None else as_expr(training),
        )

    shape = (*q.shape[:-1], v.shape[-1])
    if not scored:
        made = derived(lambda *e: attended(*e).transpose(1, 2), [*heads, *masks], shape, q.dtype)
        return made, None
    inner = (shape[0], shape[2], shape[1], shape[3])
    shapes: list[Shape] = [inner, (q.shape[0], q.shape[2], q.shape[1], k.shape[1])]
    result, scores = several(attended, [*heads, *masks], shapes, q.dtype)
    return derived(lambda e: e.transpose(1, 2), [result], shape, q.dtype), scores
