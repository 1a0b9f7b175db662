"""Scenes of everyday things: drawings from the packed assets pasted in clear places, labelled token by token."""

import random
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from model.training import colours, labels
from model.training.assets.pack import AssetSplit, NamedThing, Scope, pack
from model.training.drawing.plan import inside
from model.training.edges import edge_maps
from model.training.grounds import ground
from model.training.paint import THING_NEEDS, room_of
from model.training.placing import PLACES, SMALLEST, Box, clear_of_lines, extent, place_of, settle
from model.training.sample import Facts, Sample, Size, Split
from model.training.thing_questions import MASS, taught
from model.training.things import Figure
from model.training.world import randomness
from model.training.worn import Bend, bending, wear_more

PLAIN = 0.7  # share of its visible pixels that the main colour of a thing must own to be asked for
UNLIKE = 0.5  # times the common size, from where on things are drawn in pictures of large and small ones
LARGEST = {1: 0.95, 2: 0.58, 3: 0.5, 4: 0.44, 5: 0.38, 6: 0.36}
OPAQUE = 128
TURN = 12.0  # degrees
BENT = 0.15  # share of the pictures that are seen in perspective or cropped, where nothing is lost by it
FAINT, SEEN = 48, 0.2  # of 255, between a pixel and the ground; share of a thing's pixels that must differ by more
EXAMINED: dict[str, AssetSplit] = {  # by part
    "held_things": "held",
    "unseen_things": "unseen",
    "held_many": "held",
    "unseen_many": "unseen",
}
ITEM: dict[Scope, str] = {"cpu": "item", "all": "any_item"}  # the label that says which thing of a scope


@dataclass(frozen=True)
class Piece:
    """One drawing to be placed: which thing, its pixels (h, w, 4), and the colour that most of it has, or ""."""

    thing: NamedThing
    pixels: NDArray[np.uint8]
    tint: str


@cache
def item_names(scope: Scope) -> tuple[str, ...]:
    """Names of the things of a scope, each once, as classes of its label in `ITEM`."""
    return tuple(dict.fromkeys(thing.name for thing in taught(scope)))


@cache
def choice(split: AssetSplit, scope: Scope) -> tuple[NamedThing, ...]:
    """The things of a scope of which a split has drawings."""
    return pack().things(split, scope)


def recoloured(image: Image.Image, hue: int, strength: float) -> Image.Image:
    """Turn the hues of an RGBA picture by `hue` of 256 and weaken or strengthen its colours."""
    high, saturation, value = image.convert("RGB").convert("HSV").split()
    high = high.point([(at + hue) % 256 for at in range(256)])
    saturation = saturation.point([min(255, int(at * strength)) for at in range(256)])
    changed = Image.merge("HSV", (high, saturation, value)).convert("RGB")
    changed.putalpha(image.getchannel("A"))
    return changed


def varied(rng: random.Random, image: Image.Image) -> tuple[Image.Image, bool]:
    """Stretch a drawing and, now and then, recolour it; and whether its colours are still its own.

    A thing has few drawings and each is met thousands of times: what is to be learned is the form, not the drawing.
    """
    if rng.random() < 0.5:
        wide, high = (max(1, round(side * rng.uniform(0.78, 1.0))) for side in image.size)
        image = image.resize((wide, high), Image.Resampling.BILINEAR)
    if rng.random() < 0.25:
        return recoloured(image, rng.randrange(256) if rng.random() < 0.6 else 0, rng.uniform(0.0, 1.3)), False
    return image, True


def piece(rng: random.Random, thing: NamedThing, split: AssetSplit, vary: bool) -> Piece:
    """Pick one drawing of a thing, sometimes mirrored, sometimes a little turned; see `varied` for the rest."""
    style, code = rng.choice(pack().drawings(thing, split))
    image, own = Image.fromarray(pack().image(style, code, split), "RGBA"), True
    if vary:
        image, own = varied(rng, image)
    if rng.random() < 0.5:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if rng.random() < 0.4:
        image = image.rotate(rng.uniform(-TURN, TURN), Image.Resampling.BILINEAR, expand=True)
    shares = pack().colours(style, code, split)
    tint = shares[0][0] if own and shares and shares[0][1] >= PLAIN else ""
    return Piece(thing, np.asarray(image), tint)


def wished(rng: random.Random, split: AssetSplit, scope: Scope, difficulty: float, vary: bool) -> list[Piece]:
    """Which things a picture shows: one, several different ones, or several of one kind among others."""
    every = choice(split, scope)
    if rng.random() < 0.8 * (1 - difficulty) + 0.25 * difficulty:
        return [piece(rng, rng.choice(every), split, vary)]
    thing, many = rng.choice(every), rng.choice((2, 2, 3, 3, 4, 5, 6))
    if rng.random() < 0.35 and thing.article != MASS:
        first = piece(rng, thing, split, vary)
        same = [first if rng.random() < 0.7 else piece(rng, thing, split, vary) for _ in range(many)]
        others = rng.sample(every, rng.choice((0, 0, 1)) if many < 5 else 0)
        return same + [piece(rng, other, split, vary) for other in others if other.name != thing.name]
    chosen = rng.sample(every, rng.choice((2, 2, 3, 3, 4)))
    return [piece(rng, thing, split, vary) for thing in {thing.name: thing for thing in chosen}.values()]


def drowns(one: Piece, name: str) -> bool:
    """Whether hardly any of a drawing differs from a ground of that colour, as pale ones on white."""
    seen = one.pixels[::3, ::3]
    visible = seen[seen[..., 3] >= OPAQUE][:, :3].astype(np.int16)
    away = np.abs(visible - np.array(colours.ANCHORS[name][0], dtype=np.int16)).max(axis=1, initial=0)
    return float((away > FAINT).mean()) < SEEN if len(away) else True


def contrast(rng: random.Random, pieces: list[Piece]) -> str:
    """A background in which no thing drowns."""
    for _ in range(12):
        name = colours.background(rng)
        apart = (name != piece.tint and frozenset((name, piece.tint)) not in colours.ALIKE for piece in pieces)
        if all(apart) and not any(drowns(piece, name) for piece in pieces):
            return name
    return "white" if all(piece.tint != "white" for piece in pieces) else "gray"


def placed(rng: random.Random, pieces: list[Piece], size: Size, difficulty: float) -> list[tuple[Piece, Figure]]:
    """Give every piece a size and one of the nine places, row by row; what finds no room is left out."""
    taken: list[Box] = []
    free = list(PLACES)
    found = []
    top = LARGEST[min(6, len(pieces))]
    common = rng.uniform(max(0.24, top * (0.85 - 0.45 * difficulty)), top)
    least = UNLIKE if rng.random() < 0.5 * difficulty else 0.85
    for one in pieces:
        height, width = one.pixels.shape[:2]
        side = max(SMALLEST, common * rng.uniform(least, 1.1) * min(size)) / max(height, width)
        figure = Figure(one.thing.name, one.tint, (0, 0, 0), 0, 0, width * side, height * side)
        put = settle(rng, figure, taken, size, free)
        if put is not None:
            found.append((one, put))
            taken.append(extent(put))
            free.remove(place_of(put.x, put.y, size))
    return sorted(found, key=lambda pair: place_of(pair[1].x, pair[1].y, size))


def paste(canvas: NDArray[np.float32], owners: NDArray[np.uint8], one: Piece, figure: Figure, owner: int) -> None:
    """Lay a drawing over the canvas (H, W, 3) and mark its visible pixels in `owners` (H, W)."""
    width, height = max(1, round(figure.width)), max(1, round(figure.height))
    left, top = round(figure.x - width / 2), round(figure.y - height / 2)
    scaled = Image.fromarray(one.pixels, "RGBA").resize((width, height), Image.Resampling.LANCZOS)
    rgba = np.asarray(scaled, dtype=np.float32)
    # What the rounding pushes over the border is cut off.
    x, y = max(0, left), max(0, top)
    part = rgba[y - top : canvas.shape[0] - top, x - left : canvas.shape[1] - left]
    area = (slice(y, y + part.shape[0]), slice(x, x + part.shape[1]))
    alpha = part[..., 3:] / 255
    canvas[area] = canvas[area] * (1 - alpha) + part[..., :3] * alpha
    owners[area][part[..., 3] >= OPAQUE] = owner


def visible_box(owned: NDArray[np.bool_]) -> list[float] | None:
    """The box of what can be seen of a thing, whose drawing may have clear margins; None of nothing."""
    rows, columns = np.flatnonzero(owned.any(1)), np.flatnonzero(owned.any(0))
    if not len(rows):
        return None
    return [float(side) for side in (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)]


def thing_labels(owner_pixels: NDArray[np.uint8], facts: Facts, scope: Scope) -> dict[str, labels.Map]:
    """Dense labels of a picture from who owns each pixel (H, W) and its facts."""
    things = facts["things"]
    who = labels.owners(np.stack([owner_pixels, owner_pixels]), len(things))
    classes = {name: number + 1 for number, name in enumerate(item_names(scope))}
    table = np.zeros((5, len(things) + 1), dtype=np.int64)
    for fact in things:
        x, y = (fact["box"][0] + fact["box"][2]) / 2, (fact["box"][1] + fact["box"][3]) / 2
        alike = sum(other["thing"] == fact["thing"] for other in things)
        tint, centre = labels.colour_class(fact["colour"]), labels.centre_classes(x, y)
        table[:, fact["id"] + 1] = (classes[fact["thing"]], tint, min(alike, labels.MOST), *centre)
    maps = {name: table[row][who] for row, name in enumerate((ITEM[scope], "colour", "alike", "column", "row"))}
    maps |= labels.offsets(maps["column"], maps["row"])
    maps |= {"owner": who, "anchor": labels.anchors(who, maps["across"], maps["down"])}
    return maps | edge_maps(who, facts)


def bent(bend: Bend, figures: list[Figure], size: Size) -> list[Figure] | None:
    """The figures where a bend brings them; None where one would be cut or come near the line between two places."""
    found = []
    for figure in figures:
        ((x, y),) = bend.points(np.array([[figure.x, figure.y]])).tolist()
        stays = place_of(x, y, size) == place_of(figure.x, figure.y, size)
        if not stays or not clear_of_lines(x, y, size) or not inside(bend.box(extent(figure)), size):
            return None
        found.append(replace(figure, x=x, y=y))
    return found


def shown(
    rng: random.Random, pieces: list[Piece], figures: list[Figure], paper: NDArray[np.uint8], share: float
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], list[Figure]]:
    """The picture (H, W, 3), who owns each pixel of it (H, W), and where its figures are: sometimes in perspective."""
    size = paper.shape[0], paper.shape[1]
    canvas, owners = paper.astype(np.float32), np.zeros(size, dtype=np.uint8)
    for number, (one, figure) in enumerate(zip(pieces, figures, strict=True)):
        paste(canvas, owners, one, figure, number + 1)
    picture = np.clip(canvas, 0, 255).astype(np.uint8)
    if rng.random() < share:
        moved = bent(bend := bending(rng, size), figures, size)
        if moved is not None:
            owners = bend.frames(owners[None], Image.Resampling.NEAREST)[0]
            return bend.frames(picture[None], Image.Resampling.BILINEAR)[0], owners, moved
    return picture, owners, figures


def thing_facts(
    pieces: list[Piece], figures: list[Figure], owners: NDArray[np.uint8], size: Size
) -> list[dict[str, object]]:
    """What is true of each thing."""
    return [
        {
            "id": number,
            "thing": one.thing.name,
            "colour": one.tint,
            "place": list(place_of(figure.x, figure.y, size)),
            "box": visible_box(owners == number + 1) or [round(value, 1) for value in extent(figure)],
        }
        for number, (one, figure) in enumerate(zip(pieces, figures, strict=True))
    ]


def under(
    rng: random.Random, pieces: list[Piece], size: Size, difficulty: float, split: Split
) -> tuple[Facts, NDArray[np.uint8]]:
    """A ground on which none of the pieces drowns: what is told about it, and its pixels (H, W, 3)."""
    background, tints = contrast(rng, pieces), [one.tint for one in pieces if one.tint]
    behind = ground(rng, background, colours.shade(rng, background), size, difficulty, split, tints)
    return {"background": background, "texture": behind.texture}, behind.pixels


def draw(seed: int, size: Size, difficulty: float, split: Split, scope: Scope, part: str) -> Sample:
    """Draw one picture; a part that examines draws what its name says and training never meets."""
    rng = randomness(seed, part, split)
    drawings = EXAMINED.get(part, "train")
    while not (pieces := placed(rng, wished(rng, drawings, scope, difficulty, split == "train"), size, difficulty)):
        pass
    told, paper = under(rng, [one for one, _ in pieces], size, difficulty, split)
    told |= {"drawings": drawings, "scope": scope}
    return composed(rng, seed, pieces, paper, told, difficulty, BENT * difficulty)


def composed(
    rng: random.Random, seed: int, laid: list[tuple[Piece, Figure]], paper: NDArray[np.uint8], told: Facts,
    difficulty: float, share: float = 0.0,
) -> Sample:  # fmt: skip
    """Lay pieces over a ground (H, W, 3), label and wear them; `told` are the facts about ground, drawings and scope.

    `share` of such pictures are seen in perspective.
    """
    size = paper.shape[0], paper.shape[1]
    pieces, figures = [one for one, _ in laid], [figure for _, figure in laid]
    picture, owners, figures = shown(rng, pieces, figures, paper, share)
    facts: Facts = {"kind": "image", "size": list(size), "things": thing_facts(pieces, figures, owners, size)}
    facts |= {"events": [], **told}
    worn = wear_more(rng, picture[None], difficulty, room=room_of(figures, THING_NEEDS))
    return Sample(
        seed=seed,
        kind="image",
        frames=np.ascontiguousarray(worn),
        sampled_fps=1.0,
        dense=thing_labels(owners, facts, told["scope"]),
        background=labels.colour_class(told["background"]),
        facts=facts,
    )
