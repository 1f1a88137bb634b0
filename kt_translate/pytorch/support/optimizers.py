"""Keras's optimizers where PyTorch's compute something else, and what Keras does around them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn


class KerasOptimizer(torch.optim.Optimizer):
    """What Keras's optimizers have in common.

    Weight decay shrinks the weights by ``lr * weight_decay`` and never enters the gradient, and
    steps are counted for all parameters together.
    """

    def __init__(self, params: Iterable[Any], **settings: Any) -> None:
        super().__init__(params, {**settings, "steps": 0})

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            group["steps"] += 1
            for p in group["params"]:
                if p.grad is not None:
                    if group["weight_decay"]:
                        p.mul_(1 - group["lr"] * float32(group["weight_decay"]))
                    self.update(p, p.grad, self.state[p], group)
        return loss

    def squared(self, p: Tensor) -> Tensor:
        assert p.grad is not None
        return p.grad.square()

    def update(self, p: Tensor, grad: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        raise NotImplementedError


def float32(setting: float) -> float:
    """A setting as Keras uses it: rounded to float32, even where the weights are float64."""
    return float(np.float32(setting))


class KerasSGD(KerasOptimizer):
    """Momentum as Keras has it: the learning rate is part of the velocity.

    PyTorch multiplies by the rate afterwards, so that a change of the rate acts on past gradients
    too. As long as the rate stays the same, both are equal.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(
            params, lr=lr, momentum=momentum, nesterov=nesterov, weight_decay=weight_decay
        )

    def update(self, p: Tensor, grad: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        if not state:
            state["velocity"] = torch.zeros_like(p)
        momentum = float32(group["momentum"])
        velocity = state["velocity"].mul_(momentum).sub_(grad, alpha=group["lr"])
        if group["nesterov"]:
            p.add_(velocity, alpha=momentum).sub_(grad, alpha=group["lr"])
        else:
            p.add_(velocity)


class KerasAdam(KerasOptimizer):
    """Adam with Keras's epsilon, which is added before the bias correction, not after it."""

    def __init__(
        self,
        params: Iterable[Any],
        lr: float,
        betas: tuple[float, float],
        eps: float,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
    ) -> None:
        super().__init__(
            params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, amsgrad=amsgrad
        )

    def update(self, p: Tensor, grad: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        if not state:
            state["exp_avg"], state["exp_avg_sq"] = torch.zeros_like(p), torch.zeros_like(p)
            if group["amsgrad"]:
                state["max_exp_avg_sq"] = torch.zeros_like(p)
        (beta1, beta2), steps = group["betas"], group["steps"]
        mean = state["exp_avg"].lerp_(grad, 1 - beta1)
        square = state["exp_avg_sq"].lerp_(self.squared(p), 1 - beta2)
        if group["amsgrad"]:
            largest = state["max_exp_avg_sq"]
            square = torch.maximum(largest, square, out=largest)
        correction1, correction2 = 1 - float32(beta1) ** steps, 1 - float32(beta2) ** steps
        rate = group["lr"] * correction2**0.5 / correction1
        p.addcdiv_(mean, square.sqrt() + group["eps"], value=-rate)


class KerasRMSprop(KerasOptimizer):
    """RMSprop with Keras's epsilon, inside the square root, and the rate inside the momentum."""

    def __init__(
        self,
        params: Iterable[Any],
        lr: float,
        rho: float,
        eps: float,
        momentum: float = 0.0,
        centered: bool = False,
        weight_decay: float = 0.0,
    ) -> None:
        settings = {"rho": rho, "eps": eps, "momentum": momentum, "centered": centered}
        super().__init__(params, lr=lr, weight_decay=weight_decay, **settings)

    def update(self, p: Tensor, grad: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        if not state:
            state["square_avg"] = torch.zeros_like(p)
            if group["centered"]:
                state["grad_avg"] = torch.zeros_like(p)
            if group["momentum"] > 0:
                state["momentum_buffer"] = torch.zeros_like(p)
        variance = state["square_avg"].lerp_(self.squared(p), 1 - group["rho"])
        if group["centered"]:
            variance = variance - state["grad_avg"].lerp_(grad, 1 - group["rho"]).square()
        increment = group["lr"] * grad / (variance + group["eps"]).sqrt()
        if group["momentum"] > 0:
            increment = state["momentum_buffer"].mul_(group["momentum"]).add_(increment)
        p.sub_(increment)


class KerasAdagrad(KerasOptimizer):
    """Adagrad with Keras's epsilon, inside the square root."""

    def __init__(
        self,
        params: Iterable[Any],
        lr: float,
        initial_accumulator_value: float,
        eps: float,
        weight_decay: float = 0.0,
    ) -> None:
        settings = {"initial_accumulator_value": initial_accumulator_value, "eps": eps}
        super().__init__(params, lr=lr, weight_decay=weight_decay, **settings)

    def update(self, p: Tensor, grad: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        if not state:
            state["sum"] = torch.full_like(p, float32(group["initial_accumulator_value"]))
        state["sum"].add_(self.squared(p))
        p.addcdiv_(grad, (state["sum"] + group["eps"]).sqrt(), value=-group["lr"])


class KerasAdadelta(KerasOptimizer):
    """Adadelta, whose weight decay in Keras is not part of the gradient."""

    def __init__(
        self, params: Iterable[Any], lr: float, rho: float, eps: float, weight_decay: float = 0.0
    ) -> None:
        super().__init__(params, lr=lr, rho=rho, eps=eps, weight_decay=weight_decay)

    def update(self, p: Tensor, grad: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        if not state:
            state["square_avg"], state["acc_delta"] = torch.zeros_like(p), torch.zeros_like(p)
        rho, eps = group["rho"], group["eps"]
        squared = self.squared(p)
        square_avg = state["square_avg"].lerp_(squared, 1 - rho)
        ratio = (state["acc_delta"] + eps) / (square_avg + eps)
        state["acc_delta"].lerp_(ratio * squared, 1 - rho)
        p.addcmul_(grad, ratio.sqrt(), value=-group["lr"])


class KerasAdamax(KerasOptimizer):
    """Adamax with Keras's epsilon, added to the infinity norm and not to each gradient in it."""

    def __init__(
        self,
        params: Iterable[Any],
        lr: float,
        betas: tuple[float, float],
        eps: float,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def update(self, p: Tensor, grad: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        if not state:
            state["exp_avg"], state["exp_inf"] = torch.zeros_like(p), torch.zeros_like(p)
        beta1, beta2 = group["betas"]
        mean = state["exp_avg"].lerp_(grad, 1 - beta1)
        norm = state["exp_inf"].mul_(beta2)
        torch.maximum(norm, grad.abs(), out=norm)
        correction = 1 - float32(beta1) ** group["steps"]
        p.addcdiv_(mean, norm + group["eps"], value=-group["lr"] / correction)


class KerasNadam(KerasOptimizer):
    """Nadam whose momentum grows as in Keras: faster than PyTorch's does by default.

    PyTorch raises 0.96 to ``momentum_decay * step``, Keras to the step.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float,
        betas: tuple[float, float],
        eps: float,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def update(self, p: Tensor, grad: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        if not state:
            state["exp_avg"], state["exp_avg_sq"] = torch.zeros_like(p), torch.zeros_like(p)
            state["mu_product"] = 1.0
        steps = group["steps"]
        state["mu_product"] *= group["betas"][0] * (1 - 0.5 * 0.96**steps)
        product = state["mu_product"]
        beta1, beta2, decay = map(float32, (*group["betas"], 0.96))
        mean = state["exp_avg"].lerp_(grad, 1 - beta1)
        square = state["exp_avg_sq"].lerp_(self.squared(p), 1 - beta2)
        momentum = beta1 * (1 - 0.5 * decay**steps)
        next_momentum = beta1 * (1 - 0.5 * decay ** (steps + 1))
        direction = mean * (next_momentum / (1 - product * next_momentum))
        direction.add_(grad, alpha=(1 - momentum) / (1 - product))
        scale = (square / (1 - beta2**steps)).sqrt() + group["eps"]
        p.addcdiv_(direction, scale, value=-group["lr"])


class KerasLion(KerasOptimizer):
    """Lion, which PyTorch does not have: steps of one size, by the sign of the momentum."""

    def __init__(
        self,
        params: Iterable[Any],
        lr: float,
        betas: tuple[float, float],
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, lr=lr, betas=betas, weight_decay=weight_decay)

    def update(self, p: Tensor, grad: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        if not state:
            state["exp_avg"] = torch.zeros_like(p)
        beta1, beta2 = map(float32, group["betas"])
        p.sub_(torch.lerp(state["exp_avg"], grad, 1 - beta1).sign(), alpha=group["lr"])
        state["exp_avg"].lerp_(grad, 1 - beta2)


def clip_each_gradient(optimizer: torch.optim.Optimizer, norm: float) -> torch.optim.Optimizer:
    """Let ``optimizer`` first clip the norm of each parameter's gradient, Keras's ``clipnorm``.

    PyTorch's ``clip_grad_norm_`` clips the norm of all gradients together.
    """

    def clip(optimizer: torch.optim.Optimizer, *_: Any) -> None:
        for group in optimizer.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    p.grad.mul_(norm / p.grad.norm().clamp(min=norm))

    optimizer.register_step_pre_hook(clip)
    return optimizer


def clip_all_gradients(optimizer: torch.optim.Optimizer, norm: float) -> torch.optim.Optimizer:
    """Let ``optimizer`` first clip the norm of all gradients together, Keras's ``global_clipnorm``.

    PyTorch's ``clip_grad_norm_`` adds 1e-6 to that norm.
    """

    def clip(optimizer: torch.optim.Optimizer, *_: Any) -> None:
        params = [p for group in optimizer.param_groups for p in group["params"]]
        gradients = [p.grad for p in params if p.grad is not None]
        total = torch.stack([gradient.norm() for gradient in gradients]).norm()
        for gradient in gradients:
            gradient.mul_(norm / total.clamp(min=norm))

    optimizer.register_step_pre_hook(clip)
    return optimizer


def clip_gradient_values(optimizer: torch.optim.Optimizer, value: float) -> torch.optim.Optimizer:
    """Let ``optimizer`` first clip every entry of the gradients, Keras's ``clipvalue``."""

    def clip(optimizer: torch.optim.Optimizer, *_: Any) -> None:
        for group in optimizer.param_groups:
            nn.utils.clip_grad_value_(group["params"], value)

    optimizer.register_step_pre_hook(clip)
    return optimizer
