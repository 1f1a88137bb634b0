"""What Keras's applications do to pictures before their models."""

from __future__ import annotations

from torch import Tensor


def imagenet_caffe(x: Tensor) -> Tensor:
    """Pictures (..., 3, H, W) as VGG and ResNet take them: RGB to BGR, less ImageNet's mean."""
    mean = x.new_tensor([103.939, 116.779, 123.68])
    return x.flip(-3) - mean.view(3, 1, 1)


def imagenet_torch(x: Tensor) -> Tensor:
    """Pictures (..., 3, H, W) as DenseNet takes them: in units of ImageNet's deviation."""
    mean, deviation = x.new_tensor([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]])
    return (x / 255.0 - mean.view(3, 1, 1)) / deviation.view(3, 1, 1)
