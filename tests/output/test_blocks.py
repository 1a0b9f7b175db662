"""Cutting a stream of Markdown: the pieces' sizes change nothing, and no block is cut in its middle."""

import random

import pytest

from qwenvl_cli.output.blocks import BlockSplitter

CASES = {
    "paragraphs": ("one\ntwo\n\n\nthree", ["one\ntwo", "three"]),
    "heading": ("# Title\ntext\n## Next\n\nmore\n", ["# Title", "text", "## Next", "more"]),
    "fence": ("```python\na = 1\n\nb = 2\n```\nafter", ["```python\na = 1\n\nb = 2\n```", "after"]),
    "tilde fence holds backticks": ("~~~\n```\n\nx\n~~~\ny", ["~~~\n```\n\nx\n~~~", "y"]),
    "longer fence": ("````\n```\n\n````\nz", ["````\n```\n\n````", "z"]),
    "unclosed fence": ("```\na\n\nb", ["```\na\n\nb"]),
    "inline backticks are no fence": ("```not a fence``` here\n\nnext", ["```not a fence``` here", "next"]),
    "tight list": ("- a\n- b\n\nafter", ["- a\n- b", "after"]),
    "loose list": ("1. a\n\n2. b\n\n   more of b\n\nafter", ["1. a\n\n2. b\n\n   more of b", "after"]),
    "fence in list": ("- a\n\n  ```\n  x\n\n  y\n  ```\n- b\n\nend", ["- a\n\n  ```\n  x\n\n  y\n  ```\n- b", "end"]),
    "table": ("| a | b |\n|---|---|\n| 1 | 2 |\n\nend", ["| a | b |\n|---|---|\n| 1 | 2 |", "end"]),
    "crlf": ("one\r\n\r\ntwo", ["one", "two"]),
    "chinese": ("第一段。\n\n- 苹果\n- 梨\n\n最后。", ["第一段。", "- 苹果\n- 梨", "最后。"]),
    "nothing": ("\n\n \n", []),
}


def blocks(pieces: list[str]) -> list[str]:
    """Return all blocks of a stream."""
    splitter = BlockSplitter()
    return [block for piece in pieces for block in splitter.push(piece)] + splitter.flush()


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_blocks(case: tuple[str, list[str]]) -> None:
    """At once, character by character, and in random pieces."""
    text, expected = case
    assert blocks([text]) == expected
    assert blocks(list(text)) == expected
    chance = random.Random(7)
    for _ in range(50):
        cuts = sorted(chance.sample(range(len(text) + 1), min(3, len(text))))
        parts = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
        assert blocks(parts) == expected


def test_nothing_is_lost_of_any_text() -> None:
    """The blocks hold the same lines as the text, blank ones aside."""
    chance = random.Random(3)
    bits = ["- a\n", "\n", "```\n", "text ", "1. x\n", "# h\n", "  in\n", "|a|\n", "~~~\n", "\n\n", "中文\n"]
    for _ in range(400):
        text = "".join(chance.choices(bits, k=12))
        lines = [line.rstrip() for block in blocks(list(text)) for line in block.split("\n") if line.strip()]
        assert lines == [line.rstrip() for line in text.split("\n") if line.strip()]


def test_finished_blocks_come_as_soon_as_they_are_finished() -> None:
    """A paragraph at its blank line, a fence at its end; a list waits for what follows."""
    splitter = BlockSplitter()
    assert splitter.push("one") == [] and splitter.tail == "one"
    assert splitter.push("\n\n") == ["one"] and splitter.tail == ""
    assert splitter.push("```\nx\n```\n") == ["```\nx\n```"]
    assert splitter.push("- a\n\n") == []
    assert splitter.push("T") == ["- a"] and splitter.tail == "T"
