"""Boxes are read back from whatever a model says."""

import pytest

from model.boxes import Found, read

STAR = '[{"bbox_2d": [12, 20, 104, 88], "label": "red star"}]'
FOUND = [Found("red star", (12.0, 20.0, 104.0, 88.0))]


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (STAR, FOUND),
        (f"```json\n{STAR}\n```", FOUND),
        (f"Here it is: {STAR[:-1]}", FOUND),  # breaks off
        ("[{'bbox_2d': [12,20,104,88], 'label': 'red star'}]", FOUND),
        ('{"label": "red star", "bbox_2d": [12, 20, 104, 88]}', FOUND),
        ('[{"bbox_2d": [104.0, 88, 12, 20], "label": "red star"}]', FOUND),  # corners the other way round
        ("(12,20),(104,88)", [Found("", (12.0, 20.0, 104.0, 88.0))]),
        ("[12, 20, 104, 88]", [Found("", (12.0, 20.0, 104.0, 88.0))]),
        ('[{"bbox_2d": [12, 20, 104, 88], "label": "red star"}, {"bbox_2d": [4, 8', FOUND),
        ("[]", []),
        ("There is none: [ ]", []),
        ("I see no box.", None),
        ("", None),
        ('[{"bbox_2d": [12, 20, 104], "label": "red star"}]', None),
    ],
)
def test_answers_are_read_whatever_stands_around_them(answer: str, found: list[Found] | None) -> None:
    assert read(answer) == found


def test_labels_stay_with_their_boxes() -> None:
    labels_last = '[{"bbox_2d": [0, 0, 4, 4], "label": "a"}, {"bbox_2d": [8, 8, 12, 12], "label": "b"}]'
    labels_first = '[{"label": "a", "bbox_2d": [0, 0, 4, 4]}, {"label": "b", "bbox_2d": [8, 8, 12, 12]}]'
    bare = '[{"bbox_2d": [0, 0, 4, 4]}, {"bbox_2d": [8, 8, 12, 12], "label": "b"}]'
    assert [one.label for one in read(labels_last) or []] == ["a", "b"]
    assert [one.label for one in read(labels_first) or []] == ["a", "b"]
    assert [one.label for one in read(bare) or []] == ["", "b"]


@pytest.mark.parametrize(
    ("written", "label"),
    [
        (r'"a \"big\" sale"', 'a "big" sale'),
        (r'"红\u8272\n"', "红色\n"),
        (r'"C:\dir"', r"C:\dir"),  # no escape that JSON knows
        ('"two\nlines"', "two\nlines"),
        (r"'it\'s'", r"it\'s"),
    ],
)
def test_labels_are_what_their_strings_say(written: str, label: str) -> None:
    assert [one.label for one in read(f'[{{"bbox_2d": [0, 0, 4, 4], "label": {written}}}]') or []] == [label]
