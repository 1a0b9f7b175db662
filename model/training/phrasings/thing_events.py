"""How people ask what everyday things do: the wordings of clips of shapes that fit, and none that speaks of shapes."""

import re

from model.training.phrasings import HELD, Table, chinese, clips, events

OF_THINGS = {key: f"{key}_of_things" for key in ("event_what", "event_is", "meet_is", "meets")}
SHAPE = re.compile(r"\b(shape|figure)|图形")


def fitting(wordings: tuple[str, ...], held: int) -> tuple[str, ...]:
    """Those without shapes; the last, which are kept from training, stay the last, with things for shapes."""
    known, kept = wordings[:-held], wordings[-held:]
    said = [text.replace("shape", "thing").replace("图形", "东西") for text in kept]
    return (*(text for text in known if not SHAPE.search(text)), *said)


ENGLISH: Table = {OF_THINGS[key]: fitting((clips.ENGLISH | events.ENGLISH)[key], HELD["en"]) for key in OF_THINGS}
CHINESE: Table = {OF_THINGS[key]: fitting((chinese.CHINESE | events.CHINESE)[key], HELD["zh"]) for key in OF_THINGS}
