"""Two pictures in one prompt: puts them together and asks what differs, in which of them a thing is, which has more."""

import random
from collections.abc import Callable, Sequence

import numpy as np

from model.training.asking import Ask
from model.training.picture_questions import YES, Maker
from model.training.sample import Facts, Lang, Sample

WHICH: dict[Lang, tuple[str, ...]] = {
    "en": ("the first", "the second", "both", "neither"),
    "zh": ("第一张", "第二张", "两张都有", "两张都没有"),
}
AS_MANY: dict[Lang, str] = {"en": "both have the same number", "zh": "一样多"}
NOTHING: dict[Lang, str] = {"en": "nothing", "zh": "没有不同"}
SKILLS = {"caption": 1.2, "same": 1.5, "where": 2.0, "more": 2.0, "difference": 2.5}
Ids = tuple[int, ...]
Named = tuple[str, Ids, Ids]  # a name, and the things of either picture that it fits
Names = Callable[[Facts, random.Random, Lang], list[Named]]
Change = Callable[[Facts, Lang], Ask]


def joined(seed: int, how: str, samples: Sequence[Sample]) -> Sample:
    """Two pictures of one size as one sample without questions; ids of the second's things follow on the first's.

    `how` says what became of the first: "same", "other" for unrelated ones, or any other word for a change.
    """
    number, pictures = 0, list[Facts]()
    for sample in samples:
        for name in ("owner", "anchor"):
            sample.dense[name] = np.where(sample.dense[name] > 0, sample.dense[name] + number, 0)
        things = [fact | {"id": fact["id"] + number} for fact in sample.facts["things"]]
        pictures.append(sample.facts | {"things": things})
        number += len(things)
    first = samples[0]
    together = {"kind": "image", "size": first.facts["size"], "how": how, "pictures": pictures}
    return Sample(
        seed=seed,
        kind="image",
        frames=np.concatenate([sample.frames for sample in samples]),
        sampled_fps=1.0,
        dense={name: np.concatenate([sample.dense[name] for sample in samples]) for name in first.dense},
        background=first.background,
        facts=together | {"things": [fact for facts in pictures for fact in facts["things"]]},
    )


def caption(one: str, two: str, lang: Lang) -> str:
    """Both captions, each with the number of its picture before it."""
    return f"First: {one} Second: {two}" if lang == "en" else f"第一张：{one}第二张：{two}"


def captions_of(single: Maker) -> Maker:
    """The maker of the caption of both pictures, from that of one."""

    def captions(facts: Facts, rng: random.Random, lang: Lang) -> list[Ask]:
        """The caption of both, told phrase by phrase which things each is about."""
        (one,), (two,) = (single(picture, rng, lang) for picture in facts["pictures"])
        return [Ask("caption", "pair", caption(one.answer, two.answer, lang), told=one.told + two.told)]

    return captions


def same(facts: Facts, rng: random.Random, lang: Lang) -> list[Ask]:
    """Whether both pictures show the same."""
    return [Ask("same", "pair_same", YES["is"][lang][facts["how"] == "same"])]


def where_of(names: Names) -> Maker:
    """The maker of questions in which picture a thing is."""

    def where(facts: Facts, rng: random.Random, lang: Lang) -> list[Ask]:
        """In which picture: the first, the second, both, neither."""
        found = []
        for name, one, two in names(facts, rng, lang):
            which = 2 if one and two else 0 if one else 1 if two else 3
            found.append(Ask("where", "pair_where", WHICH[lang][which], {"a": name}, (*one, *two)))
        return found

    return where


def more_of(names: Names) -> Maker:
    """The maker of questions which picture has more of something."""

    def more(facts: Facts, rng: random.Random, lang: Lang) -> list[Ask]:
        """Which has more, or that there are as many in both."""
        found = []
        for name, one, two in names(facts, rng, lang):
            answer = AS_MANY[lang] if len(one) == len(two) else WHICH[lang][len(two) > len(one)]
            found.append(Ask("more", "pair_more", answer, {"ns": name}, one, two))
        return found

    return more


def difference_of(change: Change) -> Maker:
    """The maker of the question what differs; of two unrelated pictures it is not asked."""

    def difference(facts: Facts, rng: random.Random, lang: Lang) -> list[Ask]:
        """What one change made different."""
        if facts["how"] == "other":
            return []
        if facts["how"] == "same":
            return [Ask("difference", "pair_difference", NOTHING[lang])]
        return [change(facts, lang)]

    return difference


def fitting(facts: Facts, fact: Facts, *keys: str) -> tuple[Ids, Ids]:
    """The things in each picture that are like `fact` under `keys`."""
    one, two = (
        tuple(sorted(other["id"] for other in picture["things"] if all(other[key] == fact[key] for key in keys)))
        for picture in facts["pictures"]
    )
    return one, two


def all_of(facts: Facts) -> tuple[Ids, Ids]:
    """All things of each picture."""
    return fitting(facts, {})


def lost(facts: Facts) -> Facts:
    """The one thing that only the fuller of two pictures has, which differ in nothing else."""
    one, two = (picture["things"] for picture in facts["pictures"])
    full, other = (one, two) if len(one) > len(two) else (two, one)
    left = [fact["place"] for fact in other]
    (found,) = (fact for fact in full if fact["place"] not in left)
    return dict(found)


def one_more(noun: str, first: bool, lang: Lang) -> str:
    """That one of the pictures has one thing of a kind more: "the first has one more dog"."""
    which = WHICH[lang][not first]
    return f"{which} has one more {noun}" if lang == "en" else f"{which}多一个{noun}"
