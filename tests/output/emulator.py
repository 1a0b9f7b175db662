"""A terminal in memory: enough of one (lines, scrolling, cursor up, erasing, wide characters) to see what users see."""

import re

from qwenvl_cli.console import cell_width

_TOKEN = re.compile(r"\x1b\[([?0-9;]*)([A-Za-z])|(\r)|(\n)|([^\x1b\r\n])")


class Emulator:
    """Feed it output; `history` are the lines that scrolled away, `screen` those still shown."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.history: list[str] = []
        self.rows: list[list[str]] = [[]]
        self.row = self.column = 0
        self.cursor_shown = True

    @property
    def lines(self) -> list[str]:
        """All lines ever shown and not erased, without trailing blanks."""
        shown = [*self.history, *("".join(row).rstrip() for row in self.rows)]
        while shown and not shown[-1]:
            shown.pop()
        return shown

    def feed(self, output: str) -> None:
        """Take what a program wrote."""
        end = 0
        for match in _TOKEN.finditer(output):
            assert match.start() == end, f"unknown sequence {output[end : end + 10]!r}"
            end = match.end()
            arguments, command, carriage, newline, char = match.groups()
            if command:
                self._control(command, arguments)
            elif carriage:
                self.column = 0
            elif newline:
                self._down()
                self.column = 0
            elif char:
                self._put(char)
        assert end == len(output)

    def _control(self, command: str, arguments: str) -> None:
        if command == "A":
            assert self.row >= int(arguments or 1), "the cursor would leave the screen"
            self.row -= int(arguments or 1)
        elif command == "K":
            assert arguments == "2"
            self.rows[self.row] = []
        elif command in "hl":
            assert arguments == "?25"
            self.cursor_shown = command == "h"
        else:
            assert command == "m", command

    def _put(self, char: str) -> None:
        wide = cell_width(char)
        if self.column + wide > self.width:
            self._down()
            self.column = 0
        row = self.rows[self.row]
        row.extend(" " * (self.column - len(row)))
        row[self.column : self.column + max(wide, 1)] = [char] + [""] * (wide - 1)
        self.column += wide

    def _down(self) -> None:
        self.row += 1
        if self.row == len(self.rows):
            self.rows.append([])
        if len(self.rows) > self.height:
            self.history.append("".join(self.rows.pop(0)).rstrip())
            self.row -= 1
