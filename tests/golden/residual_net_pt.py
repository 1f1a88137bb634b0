"""PyTorch translation of residual_net.py.

A residual network for small pictures: blocks are functions, stages a loop, shortcuts a condition.

Images are channels-first: ``images.permute(0, 3, 1, 2)`` of what the Keras model takes.
"""

from __future__ import annotations

import argparse
import ast
import io
import json
import math
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import h5py
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

weight_decay = 1e-4


class ConvBn(nn.Module):
    """``conv_bn`` (residual_net.py:9): (N, in_channels, height, width) -> (N, filters, H, W)."""

    def __init__(
        self,
        in_channels: int,
        filters: int,
        kernel_size: int = 3,
        stride: int = 1,
        activation: bool = True,
    ) -> None:
        super().__init__()
        self.conv2d = like_keras(
            SameConv2d(in_channels, filters, kernel_size=kernel_size, stride=stride, bias=False),
            init={"weight": he_normal_},
            regularize={"weight": l2(weight_decay)},
        )
        self.batch_normalization = BatchNorm2d(filters, eps=1e-05, momentum=0.1)
        self.activation: nn.Module = nn.Identity()
        if activation:
            self.activation = nn.LeakyReLU(negative_slope=0.1)
        init_like_keras(self)

    def forward(self, x: Tensor) -> Tensor:
        return self.activation(self.batch_normalization(self.conv2d(x)))


class ResidualBlock(nn.Module):
    """``residual_block`` (residual_net.py:23).

    (N, in_channels, height, width) -> (N, filters, H, W).
    """

    def __init__(self, in_channels: int, filters: int, stride: int = 1) -> None:
        super().__init__()
        self.conv_bn: nn.Module = nn.Identity()
        if stride != 1 or in_channels != filters:
            self.conv_bn = ConvBn(
                in_channels, filters=filters, kernel_size=1, stride=stride, activation=False
            )
        self.conv_bn_1 = ConvBn(in_channels, filters=filters, stride=stride)
        self.conv_bn_2 = ConvBn(filters, filters=filters, activation=False)
        init_like_keras(self)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.conv_bn_2(self.conv_bn_1(x)) + self.conv_bn(x))


class Resnet(nn.Module):
    """``build_resnet`` (residual_net.py:33).

    (N, input_shape[2], input_shape[0], input_shape[1]) -> (N, num_classes).
    """

    keras_container = "functional"

    def __init__(
        self,
        input_shape: Sequence[int] = (32, 32, 3),
        num_classes: int = 10,
        widths: Sequence[int] = (8, 16, 24),
        depth: int = 2,
    ) -> None:
        super().__init__()
        self.conv_bn = ConvBn(input_shape[2], filters=widths[0])
        channels = widths[0]
        self.residual_blocks = nn.Sequential()
        for i, width in enumerate(widths):
            for j in range(depth):
                self.residual_blocks.append(
                    ResidualBlock(channels, filters=width, stride=2 if i > 0 and j == 0 else 1)
                )
                channels = width
        self.dense = nn.Linear(channels, num_classes)
        init_like_keras(self)

    def forward(self, x: Tensor) -> Tensor:
        return F.softmax(self.logits(x), dim=1)

    def logits(self, x: Tensor) -> Tensor:
        return self.dense(self.residual_blocks(self.conv_bn(x)).mean(dim=(2, 3)))

    def regularization_loss(self) -> Tensor:
        """What Keras adds to the loss in ``fit``: the penalties of its regularizers."""
        return regularization_loss(self)


def build_resnet(*args: Any, **kwargs: Any) -> Resnet:
    """The same call as in residual_net.py."""
    return Resnet(*args, **kwargs)


def make_model() -> Resnet:
    """``model`` (residual_net.py:45)."""
    return Resnet(depth=1)


# --- Training, as in model.compile (residual_net.py) ----------------------------------------------


def loss_fn(logits: Tensor, target: Tensor) -> Tensor:
    """Categorical cross-entropy of class numbers (N,), mean over the batch.

    Takes ``model.logits(x)``: Keras, too, computes this loss from what went into the softmax.
    """
    return F.cross_entropy(logits, target.flatten().long())


def make_optimizer(model: nn.Module) -> torch.optim.Optimizer:
    return KerasSGD(model.parameters(), lr=0.2, momentum=0.9, nesterov=True)


def make_scheduler(optimizer: torch.optim.Optimizer) -> Any:
    """To be stepped after every step of the optimizer."""
    return torch.optim.lr_scheduler.LambdaLR(
        optimizer,
        lambda step: warmup_cosine_decay(
            step, 0.1, steps=20, alpha=0.0, warmup_target=0.2, warmup_steps=2
        )
        / 0.2,
    )


def make_accuracy() -> MeanMetric:
    """Keras's "accuracy": what Keras finds by the shapes of output and target."""
    return MeanMetric(sparse_categorical_accuracy)


# --- What PyTorch lacks ---------------------------------------------------------------------------
# pad_same
# SameConv2d
# MeanMetric
# sparse_categorical_accuracy
# BiasedVariance
# BatchNorm2d
# KerasOptimizer
# float32
# KerasSGD
# cosine_decay
# warmup_cosine_decay

# --- Weights --------------------------------------------------------------------------------------
# Conversion
# in_order
# channels_first_rows
# linear_state
# conv_state
# grouped_conv_state
# norm_state
# KERAS_LAYERS
# fans_of
# variance_scaling_
# he_normal_
# M
# like_keras
# parameters_named
# regularization_loss
# init_like_keras
# init_kernel
# init_grouped_kernel
# open_forget_gate
# KERAS_STARTS
# l2
# load_keras_weights
# conversion_of
# keras_kinds
# keras_parts
# settled
# WeightMatching
# own_state
# convert
# fits
# level
# namesake
# next_layer
# label
# told
# convert_weights
# read_keras_layers
# snake_case
# without_number
# read_live_layer
# attribute_names
# PART_ORDER
# group_order
# read_group
# read_parts
# is_metric
# layer_configs
# read_array
# read_old_file
# read_config
# text_list
# child_named
# KerasLayer


if __name__ == "__main__":
    convert_weights({"build_resnet": build_resnet, "model": make_model})
