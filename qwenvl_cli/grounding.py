"""Where things are: how boxes are asked for, and how those of an answer become pixels of the original picture.

The network sees a resized picture and answers in its pixels, as the published checkpoints were taught; users want
those of the file, as it is shown (upright).
"""

import re

from model.boxes import read
from model.geometry import NO_PADDING, Padding, Size, scale_box
from qwenvl_cli.errors import ConstraintError, UsageError
from qwenvl_cli.options import read_text_option
from qwenvl_cli.results import LocatedBox

# The wording that the published checkpoints were taught; the language of the answer's labels follows it.
ENGLISH = "Locate {what} and output the bbox coordinates in JSON format."
CHINESE = "定位{what}，以JSON格式输出其bbox坐标。"
_CJK = re.compile("[\u3400-\u9fff]")
_SHOWN = 80  # characters of an answer that an error quotes


def question(what: str) -> str:
    """Ask for the boxes of something, or of what a text '@FILE' names, in its language.

    >>> question("the red star")
    'Locate the red star and output the bbox coordinates in JSON format.'
    """
    named = (read_text_option(what) or "").strip().rstrip(".。")
    if not named:
        raise UsageError("what to look for is empty", 'name it, such as "the red apple"')
    return (CHINESE if _CJK.search(named) else ENGLISH).format(what=named)


def located(
    answer: str, seen: Size, original: Size, padding: Padding = NO_PADDING, *, cut: bool = False
) -> list[LocatedBox]:
    """Return the boxes of an answer about a picture seen at (height, width), in whole pixels of the original.

    What has no area there is left out, and so is what was said before. Raises ConstraintError where the answer, which
    may have been `cut` at its longest, holds no list of boxes.

    >>> located('[{"bbox_2d": [14, 28, 56, 84], "label": "star"}]', (112, 56), (224, 112))
    [LocatedBox(bbox=(28, 56, 112, 168), label='star')]
    """
    found = read(answer)
    if found is None:
        text = " ".join(answer.split())
        shown = text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
        remedy = "it was cut: give it more --max-tokens" if cut else "name the thing in other words"
        raise ConstraintError(f"the answer holds no list of boxes: {shown!r}", remedy)
    boxes: dict[LocatedBox, None] = {}
    for one in found:
        left, top, right, bottom = map(round, scale_box(one.box, seen, original, padding))
        if left < right and top < bottom:
            boxes[LocatedBox((left, top, right, bottom), one.label)] = None
    return list(boxes)
