"""Where lines may break: at spaces, and between wide East Asian characters, which are written without spaces.

No line begins with closing punctuation or ends with an opening bracket (the common kinsoku rules).
"""

from qwenvl_cli.console import cell_width

_NOT_FIRST = frozenset("、。，．：；！？）」』】〉》〕］｝”’…—·%‰℃ー々ぁぃぅぇぉっゃゅょァィゥェォッャュョ,.:;!?)]}»")
_NOT_LAST = frozenset("（「『【〈《〔［｛“‘([{«")


def _wide(char: str) -> bool:
    return cell_width(char) == 2


def _may_break(left: str, right: str) -> bool:
    """Say whether a line may end between two neighbouring characters."""
    if left.isspace() or right.isspace():
        return not right.isspace()
    if right in _NOT_FIRST or left in _NOT_LAST:
        return False
    return _wide(left) or _wide(right)


def break_points(text: str, width: int) -> list[int]:
    """Return the offsets at which lines after the first begin, so that none is wider than `width` columns.

    >>> break_points("红色的苹果，两个。", 10)
    [4]
    >>> break_points("a red apple", 6)
    [6]
    """
    points: list[int] = []
    begin, last_chance, used = 0, 0, 0
    for at, char in enumerate(text):
        if char == "\n":
            points.append(at + 1)
            begin, last_chance, used = at + 1, at + 1, 0
            continue
        if at > begin and _may_break(text[at - 1], char):
            last_chance = at
        used += cell_width(char)
        if used > width and not char.isspace() and at > begin:
            begin = last_chance if last_chance > begin else at
            points.append(begin)
            used = cell_width(text[begin : at + 1])
            if used > width and begin < at:  # a wide character took the place of a narrow one
                begin, used = at, cell_width(char)
                points.append(at)
    return points
