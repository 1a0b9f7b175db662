"""Markdown on a terminal as it is written: finished blocks are printed for good, only the last one is redrawn."""

import time
from collections.abc import Iterable
from typing import ClassVar

from markdown_it import MarkdownIt
from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.markdown import Markdown, MarkdownElement, Paragraph, TableElement
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from qwenvl_cli.console import Cleaner, Screen, clean
from qwenvl_cli.output.blocks import BlockSplitter
from qwenvl_cli.output.wrapping import break_points
from qwenvl_cli.results import Record

REDRAW_S = 1 / 12
TAB = 8  # columns
DRAWING_SHARE = 0.1  # of the time, at most: a long block costs more to draw, and is drawn less often


class WideParagraph(Paragraph):
    """A paragraph whose lines may break between wide characters, not only at spaces."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        self.text.expand_tabs(TAB)
        lines = self.text.divide(break_points(self.text.plain, options.max_width))
        for line in lines:
            line.rstrip()
            line.justify = self.justify
            line.no_wrap, line.overflow = True, "crop"
            yield line


class WholeTable(TableElement):
    """A table whose cells go on below where they are too wide, instead of being cut."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for table in super().__rich_console__(console, options):
            for column in table.columns if isinstance(table, Table) else ():
                column.overflow = "fold"
            yield table


class Answer(Markdown):
    """Markdown of an answer: line breaks are kept as written, tags are shown as text, addresses are spelt out."""

    elements: ClassVar[dict[str, type[MarkdownElement]]] = {
        **Markdown.elements,
        "paragraph_open": WideParagraph,
        "table_open": WholeTable,
    }

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


class Block:
    """One block of Markdown without blank lines around it; with `last`, only so many of its last lines."""

    def __init__(self, markup: str, last: int | None = None) -> None:
        self._content, self._last = Answer(markup), last

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        lines = console.render_lines(self._content, options.update(height=None), pad=False)
        shown = [number for number, line in enumerate(lines) if any(segment.text.strip() for segment in line)]
        if not shown:
            return
        lines = lines[shown[0] : shown[-1] + 1]
        for number, line in enumerate(lines[-self._last :] if self._last else lines):
            if number:
                yield Segment.line()
            yield from line
        if not self._last:
            yield Segment.line()


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
        self._next_draw = 0.0

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
        if self._splitter.tail.strip() and (finished or time.monotonic() >= self._next_draw):
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
            self._console.print(Block(block), end="")
            self._printed = True

    def _draw(self) -> None:
        began = time.monotonic()
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
        # Redrawing must not leave the screen: of a block taller than that, only the tail is shown until it is finished.
        self._live.update(Block(self._splitter.tail, last=max(1, self._console.height - 1)), refresh=True)
        ended = time.monotonic()
        self._next_draw = ended + max(REDRAW_S, (ended - began) / DRAWING_SHARE)

    def _clear(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None
