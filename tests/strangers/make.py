"""Make the ten drawings of strangers: `python tests/strangers/make.py`, which needs matplotlib and LibreOffice Draw.

Five are drawn as people draw with a plotting library, five as with an office program: the programs' own canvases,
line styles and palettes, nothing chosen for the model. Each drawing stands beside its facts; the pictures go to
`drawings` and the facts to `expected.json`, so the test needs neither program.
"""

import io
import json
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
from matplotlib import patches
from matplotlib.figure import Figure
from PIL import Image

HERE = Path(__file__).parent
PALETTE = 256
Thing = tuple[str, str, str]  # shape, colour, place
Facts = tuple[str, tuple[Thing, ...]]  # background, things

OFFICE_XML = """<?xml version="1.0" encoding="UTF-8"?>
<office:document office:version="1.3" office:mimetype="application/vnd.oasis.opendocument.graphics"
  xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"
  xmlns:style="urn:oasis:names:tc:opendocument:xmlns:style:1.0"
  xmlns:draw="urn:oasis:names:tc:opendocument:xmlns:drawing:1.0"
  xmlns:svg="urn:oasis:names:tc:opendocument:xmlns:svg-compatible:1.0"
  xmlns:fo="urn:oasis:names:tc:opendocument:xmlns:xsl-fo-compatible:1.0">
 <office:styles/>
 <office:automatic-styles>
  <style:page-layout style:name="page"><style:page-layout-properties
    fo:page-width="{width}cm" fo:page-height="{height}cm" style:print-orientation="landscape"/></style:page-layout>
  <style:style style:name="paper" style:family="drawing-page"><style:drawing-page-properties
    draw:background-size="full" {paper}/></style:style>
{styles}
 </office:automatic-styles>
 <office:master-styles>
  <style:master-page style:name="Default" style:page-layout-name="page" draw:style-name="paper"/>
 </office:master-styles>
 <office:body><office:drawing>
  <draw:page draw:name="page1" draw:style-name="paper" draw:master-page-name="Default">
{shapes}
  </draw:page>
 </office:drawing></office:body>
</office:document>
"""
# What a shape looks like in LibreOffice before anybody changes it.
FILL, LINE = "#729fcf", "#3465a4"
A4, SCREEN_4_3, SCREEN_16_9 = (29.7, 21.0), (28.0, 21.0), (28.0, 15.75)
Shape = tuple[str, str, str, tuple[float, float, float, float]]  # preset, fill, line, (left, top, width, height) in cm


def red_circle() -> Figure:
    """A circle in the middle of the default figure."""
    figure, axes = plt.subplots()
    axes.add_patch(patches.Circle((0.5, 0.5), 0.3, color="red"))
    axes.set_aspect("equal")
    axes.axis("off")
    return figure


def blue_squares() -> Figure:
    """Two squares side by side."""
    figure, axes = plt.subplots()
    axes.add_patch(patches.Rectangle((1, 3.5), 3, 3, color="blue"))
    axes.add_patch(patches.Rectangle((8, 3.5), 3, 3, color="blue"))
    axes.set(xlim=(0, 12), ylim=(0, 10), aspect="equal")
    axes.axis("off")
    return figure


def green_star() -> Figure:
    """One large marker."""
    figure, axes = plt.subplots()
    axes.scatter([0], [0], s=20000, marker="*", color="green")
    axes.axis("off")
    return figure


def triangle_above_circle() -> Figure:
    """Two patches with the black edges that tutorials give them, on a square figure."""
    figure, axes = plt.subplots(figsize=(5, 5))
    axes.add_patch(patches.Polygon([(3.5, 6), (6.5, 6), (5, 9)], facecolor="yellow", edgecolor="black"))
    axes.add_patch(patches.Circle((5, 2.5), 1.5, facecolor="purple", edgecolor="black"))
    axes.set(xlim=(0, 10), ylim=(0, 10))
    axes.axis("off")
    return figure


def hexagons_in_the_dark() -> Figure:
    """A row of markers in a colour of the default cycle, in the dark style."""
    with plt.style.context("dark_background"):
        figure, axes = plt.subplots(figsize=(8, 6))
        axes.scatter([1, 2, 3], [1, 1, 1], s=9000, marker="h", color="tab:orange")
        axes.set(xlim=(0.5, 3.5))
        axes.axis("off")
    return figure


def page(size: tuple[float, float], shapes: list[Shape], paper: str = "") -> str:
    """A drawing as a flat ODG document."""
    styles, drawn = [], []
    for index, (preset, fill, line, (left, top, width, height)) in enumerate(shapes):
        stroke = (
            f'draw:stroke="solid" svg:stroke-width="0cm" svg:stroke-color="{line}"' if line else 'draw:stroke="none"'
        )
        styles.append(
            f'  <style:style style:name="gr{index}" style:family="graphic"><style:graphic-properties {stroke}'
            f' draw:fill="solid" draw:fill-color="{fill}"/></style:style>'
        )
        drawn.append(
            f'   <draw:custom-shape draw:style-name="gr{index}" svg:x="{left}cm" svg:y="{top}cm" svg:width="{width}cm"'
            f' svg:height="{height}cm"><draw:enhanced-geometry draw:type="{preset}"/></draw:custom-shape>'
        )
    filled = f'draw:fill="solid" draw:fill-color="{paper}"' if paper else 'draw:fill="none"'
    return OFFICE_XML.format(
        width=size[0], height=size[1], paper=filled, styles="\n".join(styles), shapes="\n".join(drawn)
    )


def default_circle_and_star() -> str:
    """Two shapes as they come, on A4."""
    return page(A4, [("ellipse", FILL, LINE, (3, 7, 7, 7)), ("star5", FILL, LINE, (19.5, 7, 7, 7))])


def red_heart() -> str:
    """One shape with a thin black line, on a screen page."""
    return page(SCREEN_4_3, [("heart", "#ff0000", "#000000", (9, 5.5, 10, 10))])


def green_triangles() -> str:
    """Three equal shapes in a row, as copied and pasted, with the default line around another fill."""
    preset, fill = "isosceles-triangle", "#00a933"
    return page(A4, [(preset, fill, LINE, (left, 8, 6, 5)) for left in (2.5, 11.85, 21.2)])


def three_kinds() -> str:
    """Three shapes without a line."""
    shapes = [
        ("star5", "#ffff00", "", (2, 1.5, 6, 6)),
        ("hexagon", "#800080", "", (21, 1.5, 6.5, 5.5)),
        ("diamond", "#ff8000", "", (11.85, 13.5, 6, 6)),
    ]
    return page(A4, shapes)


def night() -> str:
    """White and yellow on a page filled with the palette's blue."""
    shapes = [("moon", "#ffff00", "", (4, 3.5, 4.5, 9)), ("star5", "#ffffff", "", (19, 5, 6, 6))]
    return page(SCREEN_16_9, shapes, paper="#2a6099")


PLOTTED: dict[str, tuple[Callable[[], Figure], Facts]] = {
    "plot_red_circle": (red_circle, ("white", (("circle", "red", "center"),))),
    "plot_blue_squares": (blue_squares, ("white", (("square", "blue", "left"), ("square", "blue", "right")))),
    "plot_green_star": (green_star, ("white", (("star", "green", "center"),))),
    "plot_triangle_above_circle": (
        triangle_above_circle,
        ("white", (("triangle", "yellow", "top"), ("circle", "purple", "bottom"))),
    ),
    "plot_hexagons_in_the_dark": (
        hexagons_in_the_dark,
        ("black", tuple(("hexagon", "orange", place) for place in ("left", "center", "right"))),
    ),
}
OFFICE: dict[str, tuple[Callable[[], str], Facts]] = {
    "office_default_circle_and_star": (
        default_circle_and_star,
        ("white", (("circle", "blue", "left"), ("star", "blue", "right"))),
    ),
    "office_red_heart": (red_heart, ("white", (("heart", "red", "center"),))),
    "office_green_triangles": (
        green_triangles,
        ("white", tuple(("triangle", "green", place) for place in ("left", "center", "right"))),
    ),
    "office_three_kinds": (
        three_kinds,
        (
            "white",
            (("star", "yellow", "top left"), ("hexagon", "purple", "top right"), ("diamond", "orange", "bottom")),
        ),
    ),
    "office_night": (night, ("blue", (("crescent", "yellow", "left"), ("star", "white", "right")))),
}


def plotted(draw: Callable[[], Figure]) -> Image.Image:
    """Save a figure as `savefig` does without arguments."""
    figure = draw()
    held = io.BytesIO()
    figure.savefig(held, format="png")
    plt.close(figure)
    return Image.open(held)


def printed(name: str, document: str) -> Image.Image:
    """Let LibreOffice turn a document into a picture."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / f"{name}.fodg"
        source.write_text(document, encoding="utf-8")
        profile = f"-env:UserInstallation={(Path(folder) / 'profile').as_uri()}"
        command = ["soffice", profile, "--headless", "--convert-to", "png", "--outdir", folder, str(source)]
        subprocess.run(command, check=True, capture_output=True)
        picture = Image.open(source.with_suffix(".png"))
        picture.load()
        return picture


def save(picture: Image.Image, path: Path) -> None:
    """Keep a picture small: few colours, which loses nothing where there are few."""
    opaque = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture.convert("RGBA")).convert("RGB")
    opaque.quantize(PALETTE, dither=Image.Dither.NONE).save(path, optimize=True)


def told(facts: Facts) -> dict[str, object]:
    """The facts as the checker reads them."""
    background, things = facts
    return {
        "background": background,
        "things": [dict(zip(("shape", "colour", "place"), thing, strict=True)) for thing in things],
    }


def main() -> None:
    """Draw everything and write the facts."""
    mpl.use("agg")
    folder = HERE / "drawings"
    folder.mkdir(exist_ok=True)
    for name, (figure, _) in PLOTTED.items():
        save(plotted(figure), folder / f"{name}.png")
    for name, (document, _) in OFFICE.items():
        save(printed(name, document()), folder / f"{name}.png")
    facts = {f"{name}.png": told(facts) for name, (_, facts) in (PLOTTED | OFFICE).items()}
    (HERE / "expected.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
