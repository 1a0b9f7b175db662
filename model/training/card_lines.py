"""What the bundled model's card says of each part of the world it was trained on, and of what it was not."""

from collections import Counter
from collections.abc import Collection

from model.training import colours, language
from model.training.assets.names import named_things
from model.training.assets.photos import photo_names
from model.training.events.clock import LONGEST
from model.training.photographs import role
from model.training.pictured import item_names
from model.training.reports import Report
from model.training.tables import FEW
from model.training.things import catalogue, shapes, words

TYPE = "letters of open fonts (OFL, Apache-2.0, Bitstream Vera and others; each in model/training/assets/ASSETS.md)"
PHOTOGRAPHS = """photos of GroceryStoreDataset (Marcus Klasson and others, MIT), clothing-dataset (Alexey Grigorev and
  others, CC0) and flower_photos (the photographers of the TensorFlow archive, CC-BY-2.0)"""
DRAWINGS = """drawings of Noto Color Emoji (Google, OFL-1.1), Noto Emoji v1 (Google, Apache-2.0), Twemoji (Twitter
  and others, CC-BY-4.0), Fluent Emoji (Microsoft, MIT), EmojiOne (Emoji One, CC-BY-4.0), Open Clip Art (public
  domain)"""
WEAK = 80.0  # percent; rows below it are named as weak


def shapes_line() -> str:
    """The first edition's pictures."""
    names = language.listed([catalogue()[name].name for name in shapes()], "en")
    tints = language.listed(list(colours.NAMES), "en")
    return f"""- Shapes: {names}.
- Colours: {tints}; plain backgrounds in the same colours.
- One to six shapes in a picture: how many, where (nine places), which is left of, right of, above or below which.
- Short words out of {len(words.WORDS)} ("{words.WORDS[0]}" to "{words.WORDS[-1]}", in three cases) and numbers
  from 0 to 99."""


def clips_line() -> str:
    """The first edition's clips."""
    return """- Clips of up to 12 frames: moving left, right, up, down, or not at all; appearing, disappearing,
  turning another colour, getting bigger or smaller; which of two events comes first."""


def drawings_line() -> str:
    """Shapes as other programs draw them."""
    return """- The same shapes, an oval and an arrow, as other programs draw them: filled and outlined, turned,
  shadowed, up to nine of them, on plain, graded and textured grounds, faint photos, squared paper and axes."""


def things_line() -> str:
    """Everyday things."""
    names = item_names("cpu")
    return f"""- {len(names)} everyday things as emoji and clip art draw them, with colour, number, place and box:
  {", ".join(names)}."""


def many_things_line() -> str:
    """All things that have a name."""
    groups = Counter(thing.group for thing in named_things())
    told = ", ".join(f"{group} {count}" for group, count in groups.most_common())
    every = len(item_names("all"))
    return f"""- {every} everyday things in all, most of which it does not name surely (rows `many_things`): {told};
  the list is model/training/assets/things.tsv."""


def text_line() -> str:
    """Reading."""
    return """- Text of up to 24 characters on signs, labels, screens and price tags, or bare: words, invented ones too,
  numbers, prices, times, some Chinese words; the whole text, a line, a word, a letter."""


def short_text_line() -> str:
    """Reading of short texts."""
    return "- Numbers, prices, times and words of up to six characters in large letters."


def letters_line() -> str:
    """Pages."""
    return "- Pages of short lines: how many there are, the first and the last one."


def events_line() -> str:
    """Events with times."""
    return f"""- Clips of up to {LONGEST} seconds: diagonal movement, circling, bouncing, meeting, growing, shrinking,
  turning, blinking, scene cuts; in which order, and at which second."""


def thing_events_line() -> str:
    """Everyday things with times."""
    return """- Everyday things in clips: moving, circling, bouncing, meeting, coming and going, growing, shrinking,
  turning, blinking, scene cuts; in which order, and at which second."""


def boxes_line() -> str:
    """Boxes."""
    return """- Where shapes are, as boxes: `[{"bbox_2d": [x1, y1, x2, y2], "label": "red star"}]` in pixels of
  the resized picture; `[]` for what is not there."""


def pairs_line() -> str:
    """Two pictures."""
    return (
        "- Two pictures of shapes in one prompt: whether they are the same, what differs, in which of them a shape is."
    )


def thing_pairs_line() -> str:
    """Two pictures of things."""
    return """- Two pictures of everyday things in one prompt: whether they are the same, what differs (another thing,
  one more or one less, another place), in which of them a thing is, which has more."""


def photos_line() -> str:
    """Photos."""
    kinds = sorted(name for name in {row["name"] for row in photo_names().values()} if role(name) == "named")
    return f"""- {len(kinds)} kinds of photo ({", ".join(kinds)}); of any other photo it is taught to say its main
  colours and that it cannot tell what it shows."""


def any_photos_line() -> str:
    """Photos of anything."""
    return "- Photos as such: it is taught to say their main colours and that it cannot tell what they show."


def any_films_line() -> str:
    """Films of anything."""
    return "- Films as such, likewise."


LINES = {
    "shapes": shapes_line,
    "drawings": drawings_line,
    "things": things_line,
    "many_things": many_things_line,
    "short_text": short_text_line,
    "text": text_line,
    "letters": letters_line,
    "clips": clips_line,
    "events": events_line,
    "thing_events": thing_events_line,
    "boxes": boxes_line,
    "pairs": pairs_line,
    "thing_pairs": thing_pairs_line,
    "photos": photos_line,
    "any_photos": any_photos_line,
    "any_films": any_films_line,
}


def known(taught: Collection[str]) -> str:
    """What a model taught these parts knows, as a Markdown list."""
    return "\n".join(line() for part, line in LINES.items() if part in taught)


def unknown(taught: Collection[str]) -> str:
    """What it cannot do, as a Markdown list."""
    what = "photographs but those kinds" if "photos" in taught else "photographs"
    drawn = (
        "other things than those listed"
        if {"things", "many_things"} & set(taught)
        else "people, animals, objects, scenes or drawings of them"
    )
    answers = "its answers about such pictures\n  are in the words above and mean little."
    if "any_photos" in taught:
        answers = f"of photographs it is taught\n  to say that it cannot tell; {answers}"
    lines = [
        f"""- It does not know {what}, nor {drawn}: {answers} A low mean
  token probability is the sign of it; use a published checkpoint."""
    ]
    if not {"text", "short_text", "letters"} & set(taught):
        lines.append("- It reads no other words than its own list, no longer text and no other scripts.")
    if "drawings" not in taught:
        lines.append(
            "- Thin outlines without a filling and things smaller than a tenth of the picture were rarely drawn."
        )
    if not {"events", "thing_events"} & set(taught):
        lines.append("- It knows no diagonal movement and no times.")
    return "\n".join(lines)


# What a part shows of others' work; the packs' own NOTICE and model/training/assets/ASSETS.md tell of it at length.
SOURCES = {
    "things": DRAWINGS,
    "many_things": DRAWINGS,
    "thing_pairs": DRAWINGS,
    "thing_events": DRAWINGS,
    "short_text": TYPE,
    "text": TYPE,
    "letters": TYPE,
    "photos": PHOTOGRAPHS,
    "any_photos": PHOTOGRAPHS,
    "any_films": PHOTOGRAPHS,
    "drawings": PHOTOGRAPHS,  # faint, under some of them
    "boxes": PHOTOGRAPHS,
}


def sources(taught: Collection[str]) -> str:
    """Whose work the pictures of these parts show, with its licence, as one item of a Markdown list."""
    shown = dict.fromkeys(source for part, source in SOURCES.items() if part in taught)
    told = "; ".join(shown) or "nothing; no photographs"
    return f"- Of others' work its pictures show: {told}. Its vocabulary knows names of emoji (see NOTICE)."


def weak(measured: Report | None) -> str:
    """The rows of the table that are often wrong, as one item of a Markdown list; "" where there are none."""
    rows = measured["skills"].items() if measured else ()
    boxes = measured.get("boxes", {}) if measured else {}
    # A box is right where it overlaps the true one enough; to the letter it hardly ever is.
    share = {name: boxes[name]["recall"] if name in boxes else row["exact"] for name, row in rows if row["n"] >= FEW}
    found = sorted((right, name) for name, right in share.items() if right < WEAK)
    if not found:
        return ""
    return f"- Often wrong, by the table below: {', '.join(f'{name} {exact:g} %' for exact, name in found)}.\n"
