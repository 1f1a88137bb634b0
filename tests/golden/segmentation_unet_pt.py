"""PyTorch translation of segmentation_unet.py.

A U-Net with atrous convolutions: skips, bilinear upsampling, a Dice loss of its own.

Images are channels-first: ``images.permute(0, 3, 1, 2)`` of what the Keras model takes.
"""

from __future__ import annotations

import argparse
import ast
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ConvBlock(nn.Module):
    """``conv_block`` (segmentation_unet.py:12).

    (N, in_channels, height, width) -> (N, filters, height, width).
    """

    def __init__(self, in_channels: int, filters: int, dilation: int = 1) -> None:
        super().__init__()
        self.conv2d = nn.Conv2d(
            in_channels, filters, kernel_size=3, padding="same", dilation=dilation
        )
        self.group_normalization = nn.GroupNorm(2, filters, eps=0.001)
        init_like_keras(self)

    def forward(self, x: Tensor) -> Tensor:
        return F.silu(self.group_normalization(self.conv2d(x)))


class Unet(nn.Module):
    """``build_unet`` (segmentation_unet.py:18): (N, 3, height, width) -> (N, 1, height, width)."""

    keras_container = "functional"

    def __init__(self, height: int = 32, width: int = 48, filters: int = 4) -> None:
        super().__init__()
        self.conv_block = ConvBlock(3, filters=filters)
        self.average_pooling2d = SameAvgPool2d(kernel_size=3, stride=2)
        self.conv_block_1 = ConvBlock(filters, filters=filters * 2)
        self.average_pooling2d_1 = SameAvgPool2d(kernel_size=3, stride=2)
        self.conv_block_2 = ConvBlock(filters * 2, filters=filters * 4, dilation=2)
        self.separable_conv2d = SeparableConv2d(6 * filters, filters * 2, kernel_size=3, padding=1)
        self.separable_conv2d_1 = SeparableConv2d(3 * filters, filters, kernel_size=3, padding=1)
        self.mask = nn.ConvTranspose2d(filters, 1, kernel_size=3, padding=1)
        init_like_keras(self)

    def forward(self, x: Tensor) -> Tensor:
        return torch.sigmoid(self.logits(x))

    def logits(self, x: Tensor) -> Tensor:
        x = self.conv_block(x)  # (N, filters, height, width)
        x_2 = self.conv_block_1(self.average_pooling2d(x))  # (N, filters * 2, H, W)
        x_3 = self.conv_block_2(self.average_pooling2d_1(x_2))  # (N, filters * 4, H, W)
        x_3 = F.interpolate(x_3, scale_factor=2, mode="bilinear")
        x_2 = F.relu(self.separable_conv2d(torch.cat((x_2, x_3), dim=1)))  # (N, filters * 2, H, W)
        x_2 = F.interpolate(x_2, scale_factor=2, mode="bilinear")
        return self.mask(F.relu(self.separable_conv2d_1(torch.cat((x, x_2), dim=1))))


def build_unet(*args: Any, **kwargs: Any) -> Unet:
    """The same call as in segmentation_unet.py."""
    return Unet(*args, **kwargs)


# --- Training, as in model.compile (segmentation_unet.py) -----------------------------------------


def loss_fn(output: Tensor, target: Tensor) -> Tensor:
    """``dice_loss`` of the source, of the batch."""
    target = target.reshape(output.shape).to(output.dtype)
    x = (2 * (target * output).sum()) + 1
    return 1 - (x / ((target.sum() + output.sum()) + 1))


def make_optimizer(model: nn.Module) -> torch.optim.Optimizer:
    return KerasAdam(model.parameters(), lr=0.001, betas=(0.9, 0.999), eps=1e-5)


# --- What PyTorch lacks ---------------------------------------------------------------------------
# pad_same
# separable_state
# SeparableConv2d
# KerasOptimizer
# float32
# KerasAdam
# SameAvgPool2d

# --- Weights --------------------------------------------------------------------------------------
# Conversion
# in_order
# channels_first_rows
# conv_state
# grouped_conv_state
# norm_state
# KERAS_LAYERS
# init_like_keras
# init_kernel
# init_grouped_kernel
# KERAS_STARTS
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
    convert_weights({"build_unet": build_unet, "model": Unet})
