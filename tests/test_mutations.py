"""Mistakes of the kind that people make are caught by the generated tests, which say where they are."""

from __future__ import annotations

import pytest

from .generated import check, sample_test, translated_sample, use

# The sample, what is right, what is wrong, what the message must have.
MISTAKES = [
    ("mnist_convnet", "eps=0.001", "eps=1e-5", "batch_normalization"),
    ("mnist_convnet", "momentum=0.01", "momentum=0.1", "batch_normalization.running_"),
    (
        "mnist_convnet",
        "class BatchNorm2d(BiasedVariance, nn",
        "class BatchNorm2d(nn",
        "running_var",
    ),
    ("mnist_convnet", "stride=2, padding=1", "stride=2, padding=0", "conv2d_1"),
    ("mnist_convnet", "stride=2, padding=1", "stride=1, padding=1", "conv2d_1"),
    ("mnist_convnet", "flattened=(64, 7, 7)", "flattened=(49, 8, 8)", "dense"),
    ("mnist_convnet", ", flattened=(64, 7, 7)", "", "dense"),
    ("mnist_convnet", "softmax(self.logits(x), dim=1)", "softmax(self.logits(x), dim=0)", "dense"),
    ("mnist_convnet", "F.relu(self.conv2d(x))", "self.conv2d(x)", "conv2d"),
    ("mnist_convnet", "F.max_pool2d", "F.avg_pool2d", "max_pooling2d"),
    ("mnist_convnet", "(module, kernel).T", "(module, kernel).T[::-1]", "dense"),
    ("mnist_convnet", "kernel, (-1, -2), (0, 1)", "kernel, (-1, -2, 0, 1), (0, 1, 3, 2)", "conv2d"),
    ("mnist_convnet", "3136, num_classes)", "3136, num_classes, bias=False)", "dense"),
    ("mnist_convnet", "eps=1e-7", "eps=1e-3", "make_optimizer"),
    ("mnist_convnet", "lr=0.001", "lr=0.002", "make_optimizer"),
    ("mnist_convnet", "logits.dtype))", 'logits.dtype), reduction="sum")', "loss_fn"),
    ("residual_net", "nn.LeakyReLU(negative_slope=0.1)", "nn.LeakyReLU()", "leaky_re_lu"),
    ("residual_net", "(x)) + self.conv_bn(x))", "(x)))", "add"),
    ("residual_net", "(x)) + self.conv_bn(x))", "(x)) + x.mean())", "add"),
    ("residual_net", 'regularize={"weight": l2(weight_decay)},', "", "loss_fn"),
    ("residual_net", "weight_decay = 1e-4", "weight_decay = 2e-4", "loss_fn"),
    ("residual_net", "def regularization_loss(self)", "def penalties(self)", "loss_fn"),
    ("residual_net", "momentum=0.9, nesterov=True", "momentum=0.9", "make_optimizer"),
    ("residual_net", "warmup_steps=2", "warmup_steps=3", "make_scheduler"),
    ("residual_net", "mean(dim=(2, 3))", "amax(dim=(2, 3))", "global_average_pooling2d"),
    ("residual_net", "target.flatten().long()", "target.flip(0).flatten().long()", "loss_fn"),
    ("sentiment_lstm", "mask = tokens != 0", "mask = tokens != 1", "bidirectional"),
    ("sentiment_lstm", "x, mask=mask", "x", "bidirectional"),
    ("sentiment_lstm", "array in bias:", "array in np.roll(bias, 32, -1):", "bidirectional"),
    ("sentiment_lstm", "recurrent.T", "np.roll(recurrent.T, 32, 0)", "bidirectional"),
    ("sentiment_lstm", "torch.sigmoid(", "torch.tanh(", "score"),
    ("ticket_router", "[reset, update, new]", "[update, reset, new]", "encoder"),
    ("ticket_router", "(num_words, 24)", "(num_words, 24, padding_idx=0)", "words"),
    ("ticket_router", "both[1]", "both[0]", "encoder"),
    ("ticket_router", "title_code - body_code", "body_code - title_code", "subtract"),
    ("ticket_router", "(title_code, body_code, tags)", "(body_code, title_code, tags)", "dense"),
    ("ticket_router", "F.elu(", "F.selu(", "dense"),
    ("ticket_router", "0.2 * department", "0.5 * department", "loss_fn"),
    ("ticket_router", "rho=0.9", "rho=0.99", "make_optimizer"),
    ("segmentation_unet", 'padding="same", dilation=dilation', "padding=1", "conv2d"),
    ("segmentation_unet", "nn.GroupNorm(2,", "nn.GroupNorm(4,", "group_normalization"),
    ("segmentation_unet", "F.silu(", "F.gelu(", "activation"),
    (
        "segmentation_unet",
        "SameAvgPool2d(kernel_size=3, stride=2)",
        "nn.AvgPool2d(3, 2, 1)",
        "average_pooling2d",
    ),
    ("segmentation_unet", 'mode="bilinear"', 'mode="nearest"', "up_sampling2d"),
    (
        "segmentation_unet",
        '2, mode="bilinear"',
        '2, mode="bilinear", align_corners=True',
        "up_sampling2d",
    ),
    (
        "segmentation_unet",
        "torch.cat((x, x_2), dim=1)",
        "torch.cat((x_2, x), dim=1)",
        "separable_conv2d",
    ),
    ("segmentation_unet", "eps=1e-5", "eps=1e-7", "make_optimizer"),
    ("forecast", "eps=0.001", "eps=1e-5", "layer_normalization"),
    ("forecast", "(4, 0)", "(2, 2)", "conv1d"),
    ("forecast", "F.softmax(self.dense(y), dim=1)", "F.softmax(self.dense(y), dim=2)", "softmax"),
    ("forecast", "F.relu6(x + 3) / 6", "torch.sigmoid(x)", "lstm"),
    ("forecast", "max_value=1.0", "max_value=2.0", "make_optimizer"),
    ("forecast", "norm=1.0", "norm=0.1", "make_optimizer"),
    ("forecast", "delta=0.5", "delta=1.0", "loss_fn"),
]


@pytest.mark.parametrize(("sample", "right", "wrong", "named"), MISTAKES)
def test_mistake_is_caught(sample: str, right: str, wrong: str, named: str) -> None:
    test = sample_test(sample)
    code = translated_sample(sample).code
    assert right in code
    case = next((c for c in test.CASES if "training" in c), test.CASES[0])
    use(test, f"{sample}_wrong", code.replace(right, wrong))
    try:
        with pytest.raises((pytest.fail.Exception, AssertionError, ValueError)) as caught:
            check(test, case)
    finally:
        use(test, f"{sample}_pt", code)
    assert named in str(caught.value)
