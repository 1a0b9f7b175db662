"""Markdown on a terminal as it is written: finished blocks are printed for good, only the last one is redrawn."""

import time
from collections.abc import Iterable
from typing import ClassVar

from markdown_it import MarkdownIt
from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.markdown import Markdown, MarkdownElement, Paragraph
from rich.segment import Segment
from rich.text import Text

from qwenvl_cli.console import Cleaner, Screen, clean
from qwenvl_cli.output.blocks import BlockSplitter
from qwenvl_cli.output.wrapping import break_points
from qwenvl_cli.results import Record

REDRAW_S = 1 / 15


class WideParagraph(Paragraph):
    """A paragraph whose lines may break between wide characters, not only at spaces."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        lines = self.text.divide(break_points(self.text.plain, options.max_width))
        for line in lines:
            line.rstrip()
            line.justify = self.justify
            line.no_wrap, line.overflow = True, "crop"
            yield line


class Answer(Markdown):
    """Markdown of an answer: line breaks are kept as written, tags are shown as text, addresses are spelt out."""

    elements: ClassVar[dict[str, type[MarkdownElement]]] = {**Markdown.elements, "paragraph_open": WideParagraph}

    def __init__(self, markup: str) -> None:
        super().__init__("", hyperlinks=False)
        self.markup = markup
        parser = MarkdownIt("commonmark", {"html": False}).enable("strikethrough").enable("table")
        parser.disable(["html_block", "html_inline"])
        self.parsed = parser.parse(markup)
        for token in self.parsed:
            for child in token.children or ():
                if child.type == "softbreak":
                    child.type = "hardbreak"


class Tail:
    """The last lines of something that is taller than the screen, so that redrawing never leaves the screen."""

    def __init__(self, content: Markdown) -> None:
        self._content = content

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        lines = console.render_lines(self._content, options.update(height=None), pad=False)
        room = max(1, console.height - 1)
        for number, line in enumerate(lines[-room:]):
            if number:
                yield Segment.line()
            yield from line


class MarkdownWriter:
    """Writes answers to a terminal that can move its cursor."""

    def __init__(self, screen: Screen) -> None:
        self._console = screen.rich()
        self._answers = 0
        self._begin()

    def _begin(self) -> None:
        self._cleaner, self._splitter = Cleaner(), BlockSplitter()
        self._live: Live | None = None
        self._printed = False
        self._drawn = 0.0

    def header(self, path: str) -> None:
        """Name the file that the next answer is about."""
        if self._answers:
            self._console.print()
        self._console.print(Text(f"== {clean(path)} ==", style="dim"), soft_wrap=True)

    def piece(self, text: str) -> None:
        """Show more text."""
        finished = self._splitter.push(self._cleaner.push(text))
        if finished:
            self._clear()
            self._print(finished)
        if self._splitter.tail.strip() and (finished or time.monotonic() - self._drawn >= REDRAW_S):
            self._draw()

    def end(self, record: Record | None = None) -> None:
        """Print the last block for good."""
        finished = self._splitter.push(self._cleaner.flush()) + self._splitter.flush()
        self._clear()
        self._print(finished)
        self._answers += 1
        self._begin()

    def fail(self, record: Record) -> None:
        """Show what came before the error."""
        self.cut()

    def cut(self) -> None:
        """Leave what is there and give the terminal back."""
        self.end()

    def _print(self, blocks: Iterable[str]) -> None:
        for block in blocks:
            if self._printed:
                self._console.print()
            self._console.print(Answer(block))
            self._printed = True

    def _draw(self) -> None:
        if self._live is None:
            if self._printed:
                self._console.print()
                self._printed = False
            self._live = Live(
                console=self._console,
                auto_refresh=False,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
                vertical_overflow="visible",
            )
            self._live.start()
        self._live.update(Tail(Answer(self._splitter.tail)), refresh=True)
        self._drawn = time.monotonic()

    def _clear(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None
