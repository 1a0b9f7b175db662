"""Run qwenvl on the samples and draw the terminal of it: `python samples/picture_of_a_run.py` writes terminal.svg."""

import io
import re
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).parents[1]
RUNS = (
    ["describe", "samples/two_shapes.png"],
    ["ask", "samples/changing_circle.mp4", "What happens to the circle?"],
    ["ask", "samples/open_sign.png", "What does the sign say?"],
    ["ask", "samples/two_shapes.png", "星形是什么颜色？"],
)


def main() -> None:
    """Record the commands, their answers and their timing lines as they came."""
    console = Console(record=True, width=96, file=io.StringIO())
    for words in RUNS:
        done = subprocess.run([sys.executable, "-m", "qwenvl_cli", *words], cwd=ROOT, capture_output=True, text=True)
        shown = " ".join(f'"{word}"' if " " in word or not word.isascii() else word for word in words)
        console.print(Text(f"$ qwenvl {shown}", style="bold"))
        console.print(Text(done.stdout.rstrip()))
        console.print(Text(done.stderr.rstrip(), style="dim"))
    drawn = re.sub(r"@font-face \{.*?\}", "", console.export_svg(title="qwenvl"), flags=re.DOTALL)  # no fonts from afar
    (Path(__file__).parent / "terminal.svg").write_text(drawn, encoding="utf-8")


if __name__ == "__main__":
    main()
