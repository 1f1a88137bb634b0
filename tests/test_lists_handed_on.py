"""Lists that a loop fills, on their way from function to function, and what else its last turn leaves."""

from __future__ import annotations

import pytest

from tests.model_harness import Pair, check_kept, float64

__all__ = ["float64"]

HEAD = """
import keras
from keras import layers


def encoder(x, filters, depth):
    skips = []
    for level in range(depth):
        x = layers.Conv2D(filters * 2 ** level, 3, padding='same')(x)
        skips.append(x)
        x = layers.MaxPooling2D()(x)
    return x, skips


def decoder(x, skips, filters, depth, name):
    for level in reversed(range(depth)):
        x = layers.UpSampling2D()(x)
        x = layers.Concatenate()([x, skips.pop()])
        x = layers.Conv2D(filters * 2 ** level, 3, padding='same', name=f'{name}_{level}')(x)
    return x


def halved(x, filters):
    whole = layers.Conv2D(filters, 3, padding='same')(x)
    return layers.MaxPooling2D()(whole), whole


def numbered(x, skips, filters):
    for i, skip in enumerate(skips):
        x = layers.Concatenate()([layers.UpSampling2D()(x), skip])
        x = layers.Conv2D(filters * 2 ** i, 3, padding='same')(x)
    return [x, skips]


def build(shape=(16, 16, 2), depth=3, filters=4):
    start = keras.Input(shape)
"""
WAYS = {
    "to_a_function_and_from_one": """
    x, skips = encoder(start, filters, depth)
    return keras.Model(start, decoder(x, skips, filters, depth, 'up'))
""",
    "copied_for_each": """
    x, skips = encoder(start, filters, depth)
    one = decoder(x, skips.copy(), filters, depth, 'one')
    return keras.Model(start, [one, decoder(x, list(skips), filters, depth, 'two')])
""",
    "less_its_last": """
    _, skips = encoder(start, filters, depth)
    x = skips.pop()
    return keras.Model(start, decoder(x, skips, filters, depth - 1, 'up'))
""",
    "seen_by_others": """
    x, skips = encoder(start, filters, depth)
    again, backwards = skips, skips[::-1]
    y = decoder(x, again, filters, depth, 'up')
    for skip in backwards:
        x = layers.Concatenate()([layers.UpSampling2D()(x), skip])
    return keras.Model(start, [x, y])
""",
    "beside_what_goes_on": """
    x, wholes = start, []
    for level in range(depth):
        x, whole = halved(x, filters * 2 ** level)
        wholes.append(whole)
    for level in range(depth - 1, -1, -1):
        _, x = halved(layers.Concatenate()([layers.UpSampling2D()(x), wholes[level]]), filters)
    return keras.Model(start, x)
""",
    "with_numbers": """
    x, skips = encoder(start, filters, depth)
    return keras.Model(start, numbered(x, skips[::-1], filters)[0])
""",
    "fed_by_its_last": """
    outs = [layers.Conv2D(filters, 1)(start)]
    for level in range(1, depth):
        outs.append(layers.Conv2D(filters * level, 3, padding='same')(outs[-1]))
    x = layers.Concatenate()(outs)
    for skip in reversed(outs[:-1]):
        x = layers.Concatenate()([x, skip])
        x = layers.Conv2D(3, 1)(x)
    return keras.Model(start, x)
""",
    "one_by_one": """
    x, (first, second, _) = encoder(start, filters, 3)
    return keras.Model(start, [layers.Dense(depth)(first), layers.Dense(2)(second), x])
""",
    "states_of_the_last_turn": """
    x = y = layers.Reshape((16, -1))(start)
    for level in range(depth):
        x, h, c = layers.LSTM(filters + 1, return_sequences=True, return_state=True)(x)
    for level in range(depth - 1):
        y, *_ = layers.LSTM(filters + 1, return_state=True, return_sequences=True)(
            y, initial_state=[h, c]
        )
    return keras.Model(start, [layers.Dense(3)(x), y, h])
""",
    "states_of_the_last_turn_in_a_row": """
    x = y = layers.Reshape((16, -1))(start)
    for level in range(depth):
        row = layers.LSTM(filters + 1, return_sequences=True, return_state=True)(x)
        x = row[0]
    states = row[1:]
    h, c = states
    for level in range(depth - 1):
        y = layers.LSTM(filters + 1, return_sequences=True)(y, initial_state=states)
    return keras.Model(start, [layers.Dense(3)(x), y, layers.Add()([h, c])])
""",
    "to_a_function_of_a_lambda_layer": """
    flat = layers.GlobalAveragePooling2D()(start)
    parts = [layers.Dense(filters)(flat) for _ in range(depth)]
    x = layers.Lambda(lambda each: keras.ops.stack(each, axis=1))(parts)
    return keras.Model(start, layers.Dense(3)(x))
""",
    "parts_of_channels": """
    parts = []
    wide = layers.Conv2D(filters * depth, 1)(start)
    for k in range(depth):
        part = layers.Lambda(lambda t, k=k: t[..., k * filters : (k + 1) * filters])(wide)
        parts.append(layers.Conv2D(3, 3, padding='same')(part))
    return keras.Model(start, layers.Concatenate()(parts))
""",
    "the_only_one_there_is": """
    parts = []
    for level in range(depth):
        parts.append(layers.Conv2D(filters + level, 3, padding='same')(start))
    x = layers.Concatenate()(parts) if len(parts) > 1 else parts[0]
    if len(parts) == 1:
        y = parts[-1]
    else:
        y = layers.Conv2D(2, 1)(layers.Concatenate()(parts))
    return keras.Model(start, [layers.Dense(3)(x), layers.GlobalAveragePooling2D()(y)])
""",
    "what_its_last_turn_makes_on_the_way": """
    x = start
    for units in [5, filters, 3]:
        y = layers.Conv2D(units, 3, padding='same')(x)
        x = layers.Activation('tanh')(y)
    return keras.Model(start, [x, layers.Dense(2)(y)])
""",
    "a_number_and_a_variable": """
    x = start
    for level in range(depth):
        width = filters + level
        x = layers.Conv2D(width, 3)(x)
    for n, units in enumerate([5, filters, 3]):
        x = layers.Dense(units)(x)
    return keras.Model(start, layers.Dense(2 * level + width + n, name=f'last_{units}')(x))
""",
}


@pytest.mark.parametrize("name", WAYS)
def test_what_is_handed_on(name: str, float64: None) -> None:
    check_kept(HEAD + WAYS[name], "(32, 16, 1), 4, 3")


def test_layers_of_the_last_turn_alone(float64: None) -> None:
    """Keras leaves out those of the turns before: these are as many as in the sample."""
    text = HEAD + """
    x = start
    for level in range(depth):
        x = layers.Conv2D(filters, 3, padding='same')(x)
        side = layers.Dense(2)(x)
    return keras.Model(start, side)
"""
    pair = Pair(text)
    assert pair.errors == []
    pair.check("build", "build()")
    pair.check("build", "build(filters=5)", "filters=5")
    with pytest.raises(NotImplementedError, match="depth"):
        pair.check("build", "build(depth=2)", "depth=2")


def test_a_turn_of_one_module_has_no_class_of_its_own(float64: None) -> None:
    pair = check_kept(HEAD + WAYS["to_a_function_of_a_lambda_layer"], "(32, 16, 1), 4, 3")
    assert "Stage" not in pair.done.code
