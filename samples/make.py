"""Make the sample pictures and clips: `python samples/make.py [FOLDER]`.

Drawn with plain Pillow at sizes a camera or a screen would have, not with the world that the bundled model was trained
in, so that they also show how the product's own resizing behaves. What the model answers about them stands in
expected.json, which tests/cli/test_samples.py checks.
"""

import math
import sys
from fractions import Fraction
from pathlib import Path

import av
from PIL import Image, ImageDraw, ImageFont

WHITE, BLACK, GRAY = (250, 250, 250), (20, 20, 20), (140, 140, 140)
RED, GREEN, BLUE, YELLOW, PURPLE = (214, 40, 40), (46, 160, 67), (38, 84, 214), (250, 214, 40), (128, 48, 168)
Point = tuple[float, float]
Colour = tuple[int, int, int]


def star(centre: Point, radius: float) -> list[Point]:
    """Corners of a five-pointed star, its first point up."""
    corners = []
    for index in range(10):
        reach = radius if index % 2 == 0 else radius * 0.42
        angle = math.pi * index / 5 - math.pi / 2
        corners.append((centre[0] + reach * math.cos(angle), centre[1] + reach * math.sin(angle)))
    return corners


def regular(centre: Point, radius: float, corners: int) -> list[Point]:
    """Corners of a regular polygon, the first one up."""
    angles = [2 * math.pi * index / corners - math.pi / 2 for index in range(corners)]
    return [(centre[0] + radius * math.cos(a), centre[1] + radius * math.sin(a)) for a in angles]


def disc(pen: ImageDraw.ImageDraw, centre: Point, radius: float, colour: Colour) -> None:
    """Fill a circle."""
    pen.ellipse([centre[0] - radius, centre[1] - radius, centre[0] + radius, centre[1] + radius], fill=colour)


def canvas(size: tuple[int, int], colour: Colour) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """A blank picture and a pen for it."""
    picture = Image.new("RGB", size, colour)
    return picture, ImageDraw.Draw(picture)


def two_shapes() -> Image.Image:
    """A red circle on the left and a blue star on the right, on white."""
    picture, pen = canvas((800, 600), WHITE)
    disc(pen, (180, 300), 110, RED)
    pen.polygon(star((620, 300), 130), fill=BLUE)
    return picture


def four_triangles() -> Image.Image:
    """Four green triangles on black."""
    picture, pen = canvas((600, 600), BLACK)
    for centre in ((150, 170), (450, 150), (160, 440), (450, 450)):
        pen.polygon(regular(centre, 70, 3), fill=GREEN)
    return picture


def hexagon_square() -> Image.Image:
    """A yellow hexagon above a purple square, on gray."""
    picture, pen = canvas((480, 720), GRAY)
    pen.polygon(regular((240, 150), 105, 6), fill=YELLOW)
    pen.rectangle([155, 480, 325, 650], fill=PURPLE)
    return picture


def three_circles() -> Image.Image:
    """Three yellow circles on black."""
    picture, pen = canvas((600, 600), BLACK)
    for centre in ((150, 170), (450, 150), (160, 440)):
        disc(pen, centre, 85, YELLOW)
    return picture


def squared_paper() -> Image.Image:
    """A blue circle, only its outline, on the left and a red arrow on the right, on squared paper."""
    picture, pen = canvas((720, 480), (252, 252, 248))
    for at in range(0, 720, 30):
        pen.line([at, 0, at, 480], fill=(205, 214, 226), width=2)
        pen.line([0, at, 720, at], fill=(205, 214, 226), width=2)
    pen.ellipse([70, 140, 270, 340], outline=BLUE, width=10)
    pen.polygon([(430, 215), (560, 215), (560, 170), (650, 240), (560, 310), (560, 265), (430, 265)], fill=RED)
    return picture


def open_sign() -> Image.Image:
    """A green sign that says "OPEN" in white, on white."""
    picture, pen = canvas((640, 480), WHITE)
    pen.rounded_rectangle([60, 110, 580, 370], radius=36, fill=GREEN)
    pen.text((320, 240), "OPEN", fill=WHITE, font=ImageFont.load_default(170), anchor="mm")
    return picture


def price_sign() -> Image.Image:
    """A red label that says "$4.50" in white, on white."""
    picture, pen = canvas((600, 400), WHITE)
    pen.rounded_rectangle([50, 70, 550, 330], radius=30, fill=RED)
    pen.text((300, 200), "$4.50", fill=WHITE, font=ImageFont.load_default(158), anchor="mm")
    return picture


def house() -> Image.Image:
    """A house with a red roof, a door and two windows, on white."""
    picture, pen = canvas((600, 600), WHITE)
    pen.rectangle([150, 280, 450, 500], fill=(214, 170, 120))
    pen.polygon([(120, 280), (300, 120), (480, 280)], fill=(190, 50, 40))
    pen.rectangle([270, 390, 330, 500], fill=(110, 70, 40))
    for left in (180, 360):
        pen.rectangle([left, 320, left + 60, 380], fill=(130, 190, 240))
    return picture


def moving_square() -> list[Image.Image]:
    """A red square that moves from the left to the right, on white, in four seconds."""
    frames = []
    for index in range(40):
        picture, pen = canvas((480, 360), WHITE)
        x = 40 + 320 * index / 39
        pen.rectangle([x, 130, x + 100, 230], fill=RED)
        frames.append(picture)
    return frames


def changing_circle() -> list[Image.Image]:
    """A circle that is blue for two seconds and then yellow, on black."""
    frames = []
    for index in range(40):
        picture, pen = canvas((360, 360), BLACK)
        disc(pen, (180, 180), 115, BLUE if index < 20 else YELLOW)
        frames.append(picture)
    return frames


def rising_triangle() -> list[Image.Image]:
    """A green triangle that moves up and to the right, on white, in four seconds."""
    frames = []
    for index in range(40):
        picture, pen = canvas((420, 420), WHITE)
        x, y = 60 + 230 * index / 39, 290 - 230 * index / 39
        pen.polygon([(x, y + 70), (x + 35, y), (x + 70, y + 70)], fill=GREEN)
        frames.append(picture)
    return frames


def appearing_house() -> list[Image.Image]:
    """Nothing but white for three seconds, then a house for three more."""
    shown = house().resize((420, 420), Image.Resampling.LANCZOS)
    return [canvas(shown.size, WHITE)[0]] * 30 + [shown] * 30


PICTURES = {
    "two_shapes.png": two_shapes,
    "four_triangles.png": four_triangles,
    "hexagon_square.jpg": hexagon_square,
    "three_circles.png": three_circles,
    "squared_paper.png": squared_paper,
    "open_sign.png": open_sign,
    "price_sign.png": price_sign,
    "house.png": house,
}
CLIPS = {
    "moving_square.mp4": moving_square,
    "changing_circle.mp4": changing_circle,
    "rising_triangle.mp4": rising_triangle,
    "appearing_house.mp4": appearing_house,
}


def write_clip(path: Path, frames: list[Image.Image], rate: int = 10) -> None:
    """Encode frames as MPEG-4 part 2, which every build of the codec library can write."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=Fraction(rate))
        stream.width, stream.height = frames[0].size
        stream.pix_fmt = "yuv420p"
        stream.bit_rate = 400_000
        for picture in frames:
            container.mux(stream.encode(av.VideoFrame.from_image(picture)))
        container.mux(stream.encode(None))


def main(folder: Path) -> None:
    """Write every sample into `folder`."""
    for name, draw in PICTURES.items():
        draw().save(folder / name, **({"quality": 90} if name.endswith(".jpg") else {"optimize": True}))
    for name, film in CLIPS.items():
        write_clip(folder / name, film())


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
