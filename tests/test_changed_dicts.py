"""Dicts and lists of settings that the source changes: in loops that are kept, in conditions, and by hand."""

from __future__ import annotations

import keras
import pytest

from tests.model_harness import Pair, float64

__all__ = ["float64"]

IMPORTS = "import copy\nimport math\nimport keras\nfrom keras import layers\n"
BLOCK = (
    "def block(x, rate=0.0, filters_in=4, filters_out=4, kernel=3, strides=1, expand=1, name=''):\n"
    "    start = x\n"
    "    if expand != 1:\n"
    "        x = layers.Conv2D(filters_in * expand, 1, name=name + 'expand')(x)\n"
    "    x = layers.DepthwiseConv2D(kernel, strides, padding='same', name=name + 'depth')(x)\n"
    "    x = layers.Conv2D(filters_out, 1, name=name + 'project')(x)\n"
    "    if strides == 1 and filters_in == filters_out:\n"
    "        x = layers.Dropout(rate)(x)\n"
    "        x = layers.add([x, start])\n"
    "    return x\n"
)
ROWS = (
    "[{'repeats': 1, 'filters_in': 8, 'filters_out': 4, 'kernel': 3, 'strides': 1, 'expand': 1},\n"
    " {'repeats': 2, 'filters_in': 4, 'filters_out': 6, 'kernel': 3, 'strides': 2, 'expand': 2},\n"
    " {'repeats': 2, 'filters_in': 6, 'filters_out': 8, 'kernel': 5, 'strides': 1, 'expand': 2}]\n"
)
OTHER_ROWS = ROWS.replace("'filters_out': 6", "'filters_out': 5").replace(
    "'filters_in': 6", "'filters_in': 5"
)
LOOP = (
    "    x = start = keras.Input(shape)\n"
    "    x = layers.Conv2D(scaled(8), 3, strides=2, padding='same')(x)\n"
    "    b = 0\n"
    "    for i, args in enumerate(rows):\n"
    "        args['filters_in'] = scaled(args['filters_in'])\n"
    "        args['filters_out'] = scaled(args['filters_out'])\n"
    "        for j in range(math.ceil(depth * args.pop('repeats'))):\n"
    "            if j > 0:\n"
    "                args['strides'] = 1\n"
    "                args['filters_in'] = args['filters_out']\n"
    "            x = block(x, 0.05 * b, name=f'block{i}{chr(j + 97)}_', **args)\n"
    "            b += 1\n"
    "    return keras.Model(start, layers.Dense(3)(layers.GlobalAveragePooling2D()(x)))\n"
)
SCALED = "    def scaled(n):\n        return int(n * width)\n"


def test_a_table_that_the_loop_changes(float64: None) -> None:
    """As EfficientNet's builders do: a copy of the module's table, one dict for each stage."""
    text = IMPORTS + f"ROWS = {ROWS}" + BLOCK
    text += "def build(shape=(16, 16, 2), width=1.0, depth=1.0):\n" + SCALED
    text += "    rows = copy.deepcopy(ROWS)\n" + LOOP
    keras.utils.clear_session()
    pair = Pair(text)
    assert pair.errors == []
    assert "KT301" not in {d.code for d in pair.log.diagnostics}
    assert "in enumerate(ROWS):" in pair.done.code
    pair.check("build", "build()")
    other = "(17, 12, 1), 1.5, 2.2"
    pair.check("build", f"build({other})", other)


def test_a_table_among_the_parameters(float64: None) -> None:
    text = IMPORTS + BLOCK
    text += f"def build(shape=(16, 16, 2), width=1.0, depth=1.0, rows={ROWS}):\n" + SCALED
    text += "    rows = copy.deepcopy(rows)\n" + LOOP
    keras.utils.clear_session()
    pair = Pair(text)
    assert pair.errors == []
    pair.check("build", "build()")
    other = f"(17, 12, 1), 1.5, 1.0, {OTHER_ROWS}"
    pair.check("build", f"build({other})", other)
    with pytest.raises(NotImplementedError, match="rows"):
        pair.torch.Build(rows=[{"repeats": 1, "filters_in": 8, "filters_out": 4, "rate": 0.5}])


READ_AFTERWARDS = (
    "    for row in rows:\n"
    "        row['a'] += n\n"
    "        x = layers.Dense(row['a'])(x)\n"
    "        x = layers.Dense(row['b'])(x)\n"
)
TABLE = "[{'a': 3, 'b': 4}, {'a': 5, 'b': 3}, {'a': 5, 'b': 6}]"
BUILDERS = {
    "read_afterwards": (
        f"ROWS = {TABLE}\n"
        "def build(n=2):\n"
        "    rows = copy.deepcopy(ROWS)\n"
        "    x = start = keras.Input((3,))\n"
        f"{READ_AFTERWARDS}"
        "    x = layers.Dense(rows[1]['a'])(x)\n",
        "4",
    ),
    "another_name": (
        f"ROWS = {TABLE}\n"
        "def build(n=2):\n"
        "    rows = copy.deepcopy(ROWS)\n"
        "    first = rows[0]\n"
        "    x = start = keras.Input((3,))\n"
        f"{READ_AFTERWARDS}"
        "    x = layers.Dense(first['a'])(x)\n",
        "4",
    ),
    "of_a_parameter": (
        f"def build(n=2, rows={TABLE}):\n"
        "    rows = copy.deepcopy(rows)\n"
        "    x = start = keras.Input((3,))\n"
        f"{READ_AFTERWARDS}"
        "    for row in rows:\n"
        "        x = layers.Dense(row['a'])(x)\n",
        "4",
    ),
    "deleted": (
        "def build(sizes={'a': 3, 'b': 4}):\n"
        "    sizes = dict(sizes)\n"
        "    del sizes['a']\n"
        "    x = start = keras.Input((3,))\n"
        "    x = layers.Dense(sizes.get('a', 9))(x)\n"
        "    x = layers.Dense(sizes['b'])(x)\n",
        "",
    ),
    "deleted_of_a_list": (
        "def build(n=5):\n"
        "    sizes = [n, 2 * n, 3]\n"
        "    del sizes[0]\n"
        "    x = start = keras.Input((3,))\n"
        "    x = layers.Dense(sizes[0])(x)\n"
        "    x = layers.Dense(len(sizes))(x)\n",
        "4",
    ),
    "an_item_by_its_name": (
        f"def build(n=2, rows={TABLE}):\n"
        "    rows = copy.deepcopy(rows)\n"
        "    first = rows[0]\n"
        "    first['a'] = first['a'] + n\n"
        "    x = start = keras.Input((3,))\n"
        "    x = layers.Dense(rows[0]['a'])(x)\n"
        "    x = layers.Dense(rows[1].get('b', 7))(x)\n",
        "3, [{'a': 7, 'b': 1}, {'a': 1, 'b': 2}, {'a': 8, 'b': 5}]",
    ),
    "a_copy": (
        "def build(n=2, sizes={'a': 3, 'b': 4}):\n"
        "    own = sizes.copy()\n"
        "    own['a'] = n\n"
        "    x = start = keras.Input((3,))\n"
        "    x = layers.Dense(own['a'])(x)\n"
        "    x = layers.Dense(sizes['a'])(x)\n",
        "5, {'a': 2, 'b': 1}",
    ),
    "in_a_condition": (
        "def build(wide=True, n=4):\n"
        "    sizes = {'a': n, 'b': 3}\n"
        "    if wide:\n"
        "        sizes['a'] = 2 * n\n"
        "    else:\n"
        "        sizes['b'] = n\n"
        "    x = start = keras.Input((3,))\n"
        "    x = layers.Dense(sizes['a'])(x)\n"
        "    x = layers.Dense(sizes['b'])(x)\n",
        "False, 5",
    ),
    "a_key_in_one_branch": (
        "def build(wide=True, n=4):\n"
        "    sizes = {'a': n}\n"
        "    if wide:\n"
        "        sizes['b'] = 2 * n\n"
        "    x = start = keras.Input((3,))\n"
        "    x = layers.Dense(sizes.get('b', 3))(x)\n"
        "    x = layers.Dense(len(sizes))(x)\n",
        "True, 5",
    ),
    "carried": (
        "def build(depth=3, n=4):\n"
        "    state = {'units': n, 'rate': 0.0}\n"
        "    x = start = keras.Input((3,))\n"
        "    for i in range(depth):\n"
        "        x = layers.Dense(state['units'], activation='relu')(x)\n"
        "        x = layers.Dropout(state['rate'])(x)\n"
        "        state['units'] += i + 1\n"
        "        state['rate'] += 0.1\n"
        "    x = layers.Dense(state['units'])(x)\n",
        "5, 3",
    ),
    "a_tensor_carried": (
        "def build(depth=3, n=4):\n"
        "    at = {}\n"
        "    at['x'] = start = keras.Input((3,))\n"
        "    for i in range(depth):\n"
        "        at['x'] = layers.Dense(n + i, activation='relu')(at['x'])\n"
        "    x = layers.Dense(2)(at['x'])\n",
        "5, 3",
    ),
    "a_parameter_changed_by_a_function": (
        "def tweak(sizes, n):\n"
        "    sizes['a'] += n\n"
        "    return 2 * sizes['a']\n"
        "def build(n=3, sizes={'a': 3, 'b': 4}):\n"
        "    sizes = dict(sizes)\n"
        "    x = start = keras.Input((3,))\n"
        "    x = layers.Dense(tweak(sizes, n))(x)\n"
        "    x = layers.Dense(sizes['a'])(x)\n",
        "5, {'a': 2, 'b': 1}",
    ),
    "a_parameter_changed_by_a_function_on_tensors": (
        "def dense(x, sizes):\n"
        "    sizes['a'] = sizes['a'] + 1\n"
        "    x = layers.Dense(sizes['a'])(x)\n"
        "    return layers.Dense(sizes['b'])(x)\n"
        "def build(sizes={'a': 3, 'b': 4}):\n"
        "    sizes = copy.copy(sizes)\n"
        "    x = start = keras.Input((3,))\n"
        "    x = dense(dense(x, sizes), sizes)\n",
        "{'a': 2, 'b': 1}",
    ),
    "a_parameter_changed_by_a_method": (
        "class Holder:\n"
        "    def __init__(self, sizes):\n"
        "        self.sizes = sizes\n"
        "    def tweak(self):\n"
        "        self.sizes['a'] += 5\n"
        "def build(sizes={'a': 3, 'b': 4}):\n"
        "    sizes = copy.copy(sizes)\n"
        "    x = start = keras.Input((3,))\n"
        "    holder = Holder(sizes)\n"
        "    holder.tweak()\n"
        "    x = layers.Dense(holder.sizes['a'])(x)\n"
        "    x = layers.Dense(sizes['a'])(x)\n",
        "{'a': 2, 'b': 1}",
    ),
    "a_parameter_by_another_list": (
        "def build(n=3, sizes=(4, 5)):\n"
        "    sizes = list(sizes)\n"
        "    both = [sizes, sizes]\n"
        "    both[0].append(n)\n"
        "    x = start = keras.Input((3,))\n"
        "    for size in sizes:\n"
        "        x = layers.Dense(size)(x)\n",
        "4, (2, 3)",
    ),
    "changed_by_a_function": (
        "def widen(sizes, by):\n"
        "    if by > 1:\n"
        "        sizes['a'] *= by\n"
        "        return True\n"
        "    return False\n"
        "def build(by=2):\n"
        "    sizes = {'a': 3}\n"
        "    wider = widen(sizes, by)\n"
        "    x = start = keras.Input((3,))\n"
        "    x = layers.Dense(sizes['a'])(x)\n"
        "    x = layers.Dense(4 if wider else 5)(x)\n",
        "1",
    ),
}


@pytest.mark.parametrize("name", BUILDERS)
def test_changes(name: str, float64: None) -> None:
    text, other = BUILDERS[name]
    keras.utils.clear_session()
    pair = Pair(IMPORTS + text + "    return keras.Model(start, x)\n")
    assert pair.errors == []
    pair.check("build", "build()")
    pair.check("build", f"build({other})", other)


MERGED = {
    "an update of a copy": "cfg = dict(USUAL)\n    cfg.update(params)",
    "an update with what may be None": "cfg = USUAL.copy()\n    cfg.update(params or {})",
    "stars": "cfg = {**USUAL, **params}",
}


@pytest.mark.parametrize("name", MERGED)
@pytest.mark.usefixtures("float64")
def test_settings_that_replace_usual_ones(name: str) -> None:
    text = (
        "import keras\nfrom keras import layers\n\n"
        "USUAL = dict(units=4, activation='tanh')\n\n\n"
        "def build(params, width=3):\n"
        f"    {MERGED[name]}\n"
        "    i = keras.Input((width,))\n"
        "    x = layers.Dense(cfg['units'], activation=cfg['activation'])(i)\n"
        "    return keras.Model(i, layers.Dense(2)(x))\n\n\n"
        "model = build({'units': 5})\n"
    )
    pair = Pair(text)
    assert not pair.errors
    pair.check("model", "model")
    for given in ("{}", "{'units': 3}", "{'activation': 'relu'}, 5"):
        pair.check("build", f"build({given})", given)
    with pytest.raises(NotImplementedError):
        pair.torch.build({"rate": 1})
