"""Boxes in an answer, read back from whatever a network wrote around them; no torch.

Published checkpoints answer `[{"bbox_2d": [x1, y1, x2, y2], "label": "red star"}]`, in pixels of the resized picture.
"""

import json
import re
from dataclasses import dataclass

from model.geometry import Box

_NUMBER = r"\s*(-?\d+(?:\.\d+)?)\s*"
_BOX = re.compile(rf"[\[(]{_NUMBER},{_NUMBER}(?:,|\)\s*,?\s*\(){_NUMBER},{_NUMBER}[\])]")
_LABEL = re.compile(r"""["']?label["']?\s*[:：]\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)')""", re.DOTALL)


@dataclass(frozen=True)
class Found:
    """One box of an answer."""

    label: str
    box: Box


def read(answer: str) -> list[Found] | None:
    """The boxes of an answer, whatever stands around them and even if it breaks off; None where it holds no list.

    >>> read('```json\\n[{"bbox_2d": [4, 8, 40, 60], "label": "star"}, {"bbox_2d": [4,')
    [Found(label='star', box=(4.0, 8.0, 40.0, 60.0))]
    """
    boxes = list(_BOX.finditer(answer))
    if not boxes:
        return [] if re.search(r"\[\s*\]", answer) else None
    found = []
    for index, match in enumerate(boxes):
        before = boxes[index - 1].end() if index else 0
        after = boxes[index + 1].start() if index + 1 < len(boxes) else len(answer)
        x1, y1, x2, y2 = (float(value) for value in match.groups())
        box = (min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2))
        found.append(Found(_label(answer[before : match.start()], answer[match.end() : after]), box))
    return found


def _label(before: str, after: str) -> str:
    """The label within the same braces as a box, which may stand on either side of it."""
    sides = (after.split("}")[0], before.rsplit("{", 1)[-1] if "{" in before else "")
    for side in sides:
        if match := _LABEL.search(side):
            return _unescaped(match.group(1)) if match.group(1) is not None else match.group(2)
    return ""


def _unescaped(text: str) -> str:
    """What a JSON string says; itself where it is none."""
    try:
        return str(json.loads(f'"{text}"', strict=False))
    except ValueError:
        return text
