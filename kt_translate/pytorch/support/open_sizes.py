"""Models of which only the data that they are trained on tells some sizes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeVar

from torch import Tensor, nn

Made = TypeVar("Made", bound=nn.Module)


def sized_by_weights(
    make: Callable[..., Made], sizes: Mapping[str, int | None], **settings: Any
) -> Made:
    """The module that ``make`` gives. Sizes that are None it gets with the weights that it loads."""
    told = {name: size for name, size in sizes.items() if size is not None}
    make = partial(make, **settings, **told)
    if len(told) == len(sizes):
        return make()
    open_sizes = OpenSizes(make, [name for name in sizes if name not in told])
    module = make(**open_sizes.trial)
    module.open_sizes = open_sizes  # type: ignore[assignment]
    open_sizes.guard = module.register_forward_pre_hook(open_sizes.refuse)
    return module


class OpenSizes:
    """What a module was not told of its sizes."""

    guard: Any = None

    def __init__(self, make: Callable[..., nn.Module], names: list[str]) -> None:
        self.make = make
        self.trial = dict.fromkeys(names, 64)

    def refuse(self, module: nn.Module, inputs: Any) -> None:
        raise ValueError(f"{', '.join(self.trial)}: give it to the module, or load weights")

    def settle(
        self,
        module: nn.Module,
        weights: Mapping[int, tuple[Tensor, Tensor]],
        load: Callable[[nn.Module], None],
    ) -> None:
        """Give the module the sizes of the weights, and these. Its parameters stay the same objects."""
        other = self.make(**self.told_by(module, weights))
        load(other)
        for own, new in zip(module.modules(), other.modules(), strict=True):
            for name, value in vars(new).items():
                if not name.startswith("_") and name != "training":
                    setattr(own, name, value)
            for name, parameter in own.named_parameters(recurse=False):
                parameter.data = new.get_parameter(name).data.to(parameter)
            for name, buffer in own.named_buffers(recurse=False):
                own._buffers[name] = new.get_buffer(name).to(buffer)
        self.guard.remove()
        del module.open_sizes

    def grown(self, name: str) -> tuple[nn.Module, int]:
        """The module with more of a size, and how much more: twice as much where groups divide it."""
        size = self.trial[name]
        try:
            return self.make(**{**self.trial, name: size + 1}), 1
        except ValueError:
            return self.make(**{**self.trial, name: 2 * size}), size

    def told_by(
        self, module: nn.Module, weights: Mapping[int, tuple[Tensor, Tensor]]
    ) -> dict[str, int]:
        """The sizes, from the axes of the weights that grow with one of them alone."""
        state = module.state_dict(keep_vars=True)
        growth: dict[tuple[str, int], list[tuple[str, int]]] = {}
        steps: dict[str, int] = {}
        for name in self.trial:
            larger, steps[name] = self.grown(name)
            grown = larger.state_dict()
            for key in state.keys() & grown.keys():
                for axis, (before, after) in enumerate(zip(state[key].shape, grown[key].shape)):
                    if before != after:
                        growth.setdefault((key, axis), []).append((name, after - before))
        found: dict[str, int] = {}
        for (key, axis), ((name, more), *others) in growth.items():
            _, value = weights.get(id(state[key]), (None, None))
            if value is not None and not others:
                beyond = value.shape[axis] - state[key].shape[axis]
                found.setdefault(name, self.trial[name] + beyond * steps[name] // more)
        if missing := self.trial.keys() - found.keys():
            raise ValueError(f"no weight tells {', '.join(sorted(missing))}: give it to the module")
        return found
