"""PyTorch translation of patch_transformer.py.

A small vision transformer: layers of its own, made of Keras's.

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


class Patches(nn.Module):
    """``Patches`` (patch_transformer.py:7): (N, channels, height, width) -> (N, L, C)."""

    keras_container = "patches"
    keras_attributes = True

    def __init__(self, patch_size: int) -> None:
        super().__init__()
        self.patch_size = patch_size
        init_like_keras(self)

    def forward(self, x: Tensor) -> Tensor:
        height = x.shape[2]
        width = x.shape[3]
        channels = x.shape[1]
        x = x.permute(0, 2, 3, 1).reshape(
            -1,
            height // self.patch_size,
            self.patch_size,
            width // self.patch_size,
            self.patch_size,
            channels,
        )
        x = x.transpose(2, 3)
        return x.reshape(
            -1,
            height // self.patch_size * (width // self.patch_size),
            self.patch_size * self.patch_size * channels,
        )


class PatchEncoder(nn.Module):
    """``PatchEncoder`` (patch_transformer.py:20): (N, length, features) -> (N, length, dim)."""

    keras_container = "patch_encoder"
    keras_attributes = True

    def __init__(self, num_patches: int, dim: int, *, features: int) -> None:
        super().__init__()
        self.projection = nn.Linear(features, dim)
        self.positions = nn.Embedding(num_patches, dim)
        self.num_patches = num_patches
        init_like_keras(self)

    def forward(self, x: Tensor) -> Tensor:
        x = self.projection(x)  # (N, length, dim)
        return x + self.positions(torch.arange(self.num_patches, device=x.device))


class Block(nn.Module):
    """``Block`` (patch_transformer.py:31): (N, length, features) -> (N, length, features)."""

    keras_container = "block"
    keras_attributes = True

    def __init__(self, dim: int, num_heads: int, dropout: float = 0.1, *, features: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(features, eps=1e-06)
        self.attention = MultiHeadAttention(features, num_heads, dim // num_heads, dropout=dropout)
        self.norm2 = nn.LayerNorm(features, eps=1e-06)
        self.mlp = nn.Sequential(nn.Linear(features, 2 * dim), nn.GELU(), nn.Linear(2 * dim, dim))
        init_like_keras(self)

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm1(x)  # (N, length, features)
        x = x + self.attention(y, y)
        return x + self.mlp(self.norm2(x))


class Vit(nn.Module):
    """``build_vit`` (patch_transformer.py:47).

    (N, 3, image_size, image_size) -> (N, num_classes).
    """

    keras_container = "functional"

    def __init__(
        self,
        image_size: int = 24,
        patch_size: int = 6,
        dim: int = 20,
        num_heads: int = 4,
        depth: int = 2,
        num_classes: int = 5,
    ) -> None:
        super().__init__()
        self.patches = Patches(patch_size=patch_size)
        self.patch_encoder = PatchEncoder(
            num_patches=(image_size // patch_size) ** 2,
            dim=dim,
            features=patch_size * patch_size * 3,
        )
        self.blocks = nn.Sequential()
        for _ in range(depth):
            self.blocks.append(Block(dim=dim, num_heads=num_heads, features=dim))
        self.layer_normalization = nn.LayerNorm(dim, eps=1e-06)
        self.dense = nn.Linear(dim, num_classes)
        init_like_keras(self)

    def forward(self, x: Tensor) -> Tensor:
        x = self.blocks(self.patch_encoder(self.patches(x)))  # (N, L, dim)
        return self.dense(self.layer_normalization(x).mean(dim=1))


def build_vit(*args: Any, **kwargs: Any) -> Vit:
    """The same call as in patch_transformer.py."""
    return Vit(*args, **kwargs)


# --- Training, as in model.compile (patch_transformer.py) -----------------------------------------


def loss_fn(output: Tensor, target: Tensor) -> Tensor:
    """Categorical cross-entropy of class numbers (N,), mean over the batch."""
    return F.cross_entropy(output, target.flatten().long())


def make_optimizer(model: nn.Module) -> torch.optim.Optimizer:
    return square_each_lookup(
        KerasAdam(model.parameters(), lr=0.001, betas=(0.9, 0.999), eps=1e-7, weight_decay=0.0001),
        model,
    )


# --- What PyTorch lacks ---------------------------------------------------------------------------
# attend
# projection_state
# MultiHeadAttention
# LookupSquares
# square_each_lookup
# KerasOptimizer
# float32
# KerasAdam

# --- Weights --------------------------------------------------------------------------------------
# Conversion
# in_order
# channels_first_rows
# linear_state
# embedding_state
# norm_state
# KERAS_LAYERS
# init_like_keras
# init_kernel
# init_embedding
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
    convert_weights(
        {
            "Patches": Patches,
            "PatchEncoder": PatchEncoder,
            "Block": Block,
            "build_vit": build_vit,
            "model": Vit,
        }
    )
