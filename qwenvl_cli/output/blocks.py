"""Cut a stream of Markdown into blocks that are finished and the one that still grows.

Blocks end at a blank line; a fence ends where it closes, a list where something that is no part of it begins.
"""

import re

_FENCE = re.compile(r"^[ \t>]*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)*(`{3,}|~{3,})(.*)$")
_LIST = re.compile(r"^ {0,3}(?:[-*+]|\d{1,9}[.)])(?:[ \t]|$)")
_HEADING = re.compile(r"^ {0,3}#{1,6}(?:[ \t]|$)")


class BlockSplitter:
    """Feed pieces with `push`, which returns the blocks they finish; `tail` is the block still growing."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._partial = ""
        self._fence = ""
        self._in_list = False

    @property
    def tail(self) -> str:
        """The unfinished block, its last line perhaps cut in a word."""
        return "\n".join([*self._lines, self._partial]).strip("\n")

    def push(self, text: str) -> list[str]:
        """Take more text and return the blocks that are now finished."""
        *lines, self._partial = (self._partial + text).split("\n")
        done = [block for line in lines for block in self._line(line.rstrip("\r"))]
        if self._ends_before_partial():
            done += self._close()
        return [block for block in done if block.strip()]

    def flush(self) -> list[str]:
        """Return what is left at the end of the stream."""
        block, self._partial, self._lines = self.tail, "", []
        self._fence, self._in_list = "", False
        return [block] if block.strip() else []

    def _ends_before_partial(self) -> bool:
        """Say whether a finished list is followed by a line that cannot belong to it, though it is not whole yet."""
        waiting = self._in_list and not self._fence and bool(self._lines) and not self._lines[-1].strip()
        return waiting and bool(re.match(r"[^\s\d*+-]", self._partial))

    def _line(self, line: str) -> list[str]:
        if self._fence:
            return self._inside_fence(line)
        if not line.strip():
            if self._in_list:
                self._lines.append("")
                return []
            return self._close()
        done = []
        after_blank = bool(self._lines) and not self._lines[-1].strip()
        if self._in_list and after_blank and not (_LIST.match(line) or line[:1] in " \t"):
            done = self._close()
        return done + self._content(line)

    def _content(self, line: str) -> list[str]:
        if _HEADING.match(line) and not self._in_list:
            done = self._close()
            self._lines.append(line)
            return done + self._close()
        if not self._lines:
            self._in_list = bool(_LIST.match(line))
        elif _LIST.match(line):
            self._in_list = True
        self._lines.append(line)
        fence = _FENCE.match(line)
        if fence and not (fence[1][0] == "`" and "`" in fence[2]):
            self._fence = fence[1]
        return []

    def _inside_fence(self, line: str) -> list[str]:
        self._lines.append(line)
        bare = line.strip(" \t>")
        if len(bare) >= len(self._fence) and set(bare) == {self._fence[0]}:
            self._fence = ""
            if not self._in_list:
                return self._close()
        return []

    def _close(self) -> list[str]:
        block, self._lines, self._in_list = "\n".join(self._lines).strip("\n"), [], False
        return [block]
