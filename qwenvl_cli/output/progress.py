"""How far a batch is, on stderr: a bar on a terminal, a line every ten seconds elsewhere, nothing with --quiet."""

import time
from collections.abc import Callable
from typing import Any, Protocol

from qwenvl_cli.console import Screen, clean, fit
from qwenvl_cli.errors import CliError
from qwenvl_cli.output.text import clock

LINE_EVERY_S = 10.0
NAME_COLUMNS = 30


class Progress(Protocol):
    """Told of each item as it begins and ends."""

    def item(self, name: str) -> None:
        """An item begins."""

    def step(self) -> None:
        """An item has ended."""

    def error(self, error: CliError) -> None:
        """Report an error without upsetting what is drawn."""

    def close(self) -> None:
        """Stop drawing."""


class Pace:
    """Counts items and works out rate and time left from this run alone."""

    def __init__(self, total: int, now: Callable[[], float]) -> None:
        self.total, self.done = total, 0
        self._now, self._began = now, now()

    def __str__(self) -> str:
        elapsed = max(self._now() - self._began, 1e-9)
        if not self.done:
            return "starting"
        rate = self.done / elapsed
        speed = f"{rate:.1f}/s" if rate >= 1 else f"{1 / rate:.1f} s each"
        return f"{speed}, {clock((self.total - self.done) / rate)} left"


class LineProgress:
    """Plain lines, not more than one per ten seconds."""

    def __init__(self, screen: Screen, total: int, now: Callable[[], float] = time.monotonic) -> None:
        self._screen, self._now = screen, now
        self._pace, self._last = Pace(total, now), now()

    def item(self, name: str) -> None:
        """Nothing: a line is written when there is news."""

    def step(self) -> None:
        """Count, and write a line if it is time."""
        self._pace.done += 1
        if self._now() - self._last >= LINE_EVERY_S:
            self._last = self._now()
            self._screen.note(f"{self._pace.done}/{self._pace.total}, {self._pace}")

    def error(self, error: CliError) -> None:
        """Report an error."""
        self._screen.error(error)

    def close(self) -> None:
        """Nothing is drawn."""


class BarProgress:
    """A bar that is redrawn in place."""

    def __init__(self, screen: Screen, total: int) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn
        from rich.progress import Progress as RichProgress

        screen.clear_status()
        self._screen, self._pace = screen, Pace(total, time.monotonic)
        columns: list[Any] = [SpinnerColumn(), BarColumn(bar_width=24), MofNCompleteColumn()]
        note = TextColumn("{task.fields[pace]}  {task.description}", markup=False)
        self._bar = RichProgress(
            *columns,
            note,
            console=screen.rich(stderr=True),
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._task = self._bar.add_task("", total=total, pace="loading the model")
        self._bar.start()

    def item(self, name: str) -> None:
        """Show the name of the item that is worked on."""
        self._bar.update(self._task, description=fit(clean(name), NAME_COLUMNS), pace=str(self._pace))

    def step(self) -> None:
        """Move the bar."""
        self._pace.done += 1
        self._bar.update(self._task, completed=self._pace.done, pace=str(self._pace))

    def error(self, error: CliError) -> None:
        """Report an error above the bar."""
        self._bar.stop()
        self._screen.error(error)
        self._bar.start()

    def close(self) -> None:
        """Take the bar away."""
        self._bar.stop()


class NoProgress(LineProgress):
    """Errors only."""

    def step(self) -> None:
        """Nothing."""


def choose_progress(screen: Screen, total: int, *, bar: bool) -> Progress:
    """Return what fits the screen."""
    if screen.quiet:
        return NoProgress(screen, total)
    return BarProgress(screen, total) if bar and screen.smart_err else LineProgress(screen, total)
