"""Names of what no picture of shapes shows: everyday things, people, animals; asked about so that the answer is no."""

import random

from model.training.assets.names import named_things
from model.training.sample import Lang

ASKED = 0.35  # share of the questions about a shape that is not there which ask about such a thing instead
GENERAL = (
    ("a person", "人"), ("people", "人物"), ("an animal", "动物"), ("a man", "男人"), ("a woman", "女人"),
    ("a child", "孩子"), ("a plant", "植物"), ("a vehicle", "交通工具"), ("a building", "建筑"), ("food", "食物"),
    ("a face", "人脸"), ("a street", "街道"), ("furniture", "家具"), ("water", "水"),
)  # fmt: skip


def stranger(rng: random.Random, lang: Lang) -> str:
    """One of them with its article: "a dog", "狗"; now and then a word for many things."""
    if rng.random() < 0.2:
        return rng.choice(GENERAL)[lang == "zh"]
    thing = rng.choice(named_things())
    return thing.zh if lang == "zh" else thing.alone()
