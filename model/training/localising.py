"""The task and the towers of the ablation of positions (`ablate_positions`): the same tower, told where in three ways.

The towers. `rope` is the product's VisionTower as it stands: rotary positions of row and column in every block. The
others are the same blocks without rotation, with learned vectors added to the patch embeddings: `row_column` adds one
of a table of rows and one of a table of columns, `learned_1d` one of a table over the raster index (row * width +
column), and the control `none` nothing. Weights that two towers share begin equal. Tables are trained on 16 x 16
patches. What another grid takes from them is a choice, and all that are made in practice are measured (`FILLS`):

- clamped: every index beyond the table takes the table's last row. A raster index below the end of the table takes the
  row it finds there, although it lies elsewhere in a picture of another width;
- untrained: an index beyond the table takes a row as initialisation made it, which no picture has touched;
- interpolated: the table is taken for a plane of 16 x 16 (the raster), or for lines of 16 (rows, columns), and resized
  to the grid by bicubic interpolation, as ViT, DeiT and DINO do. Distances between patches shrink or stretch with it,
  so that its answers are also read `rescaled`, as shares of the picture.

The task. A picture holds a black thing (the landmark) and some of other colours, one each; for a colour that is asked
for, find the centre. Colours can be read from single patches, so that what is hard is place. All towers are read by the
same small reader (`Reader`): a colour picks the merged token that holds the thing's centre, and that token tells how
far the centre lies from its own middle (`refine`). To know which token holds the centre of a thing that spreads over
several, patches must know how they lie to each other. What is left is the place of the token itself, and here is the
question of fairness: rotary positions are relative, so that no reader of features alone can get an absolute place out
of them (RESULTS.md: labels of place on the tower do not learn), while a decoder with M-RoPE gets it from its own
positions, whatever the tower says. So place is taken from three sources, none of which is learned by the reader for
one shape only, and each is an answer of its own:

- coordinates: the reader knows every token's row and column, as the product's decoder does. It is idealised: a decoder
  trained at one size would have to extrapolate too, and one could not tell its failure from the tower's;
- landmark: the reader is told only where the landmark is; every token tells how far it lies from that. All of the place
  has to come through the tower, and relative and absolute positions can both tell it;
- features: the reader is told nothing; every token tells its absolute place. Rotary positions cannot.

At other shapes the things lie in a frame of at most 224 x 224 pixels somewhere in the picture, so that sizes and
distances are those of training and only the indices of rows, columns and tokens are new.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from model.attention import Backend
from model.config import PreprocessConfig, VisionConfig
from model.positions import Grid, patch_positions, vision_plan
from model.preprocess import prepare
from model.training import colours
from model.training.paint import paint, pixels, room_of
from model.training.placing import Box, Wish, apart, extent, shape_figure
from model.training.sample import CELL, RGB, Size
from model.training.things import Figure, shapes
from model.training.worn import wear_more
from model.vision import VisionTower

SIDE = 16  # patches a side of the pictures trained on
PATCH = 14
FRAME = SIDE * PATCH
VARIANTS = ("rope", "row_column", "learned_1d", "none")
FILLS = ("clamped", "untrained", "interpolated")
SOURCES = ("coordinates", "landmark", "features")
LONGEST, MOST = 64, 1024  # patches along a side, and in a picture, that untrained rows are made for
DEVIATION = 0.02  # of fresh weights

LANDMARK = "black"
GROUNDS = tuple(name for name in colours.NAMES if LANDMARK in colours.contrasting(name))
LANDMARK_SIDE, THING_SIDE = (34.0, 56.0), (34.0, 100.0)  # pixels, of the longer side before turning
TRIES = 30


# The towers


def resized(plane: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize a plane of positions (h, w, D) to `size` by bicubic interpolation -> (h', w', D)."""
    channels = plane.float().permute(2, 0, 1)[None]  # (1, D, h, w)
    return F.interpolate(channels, size, mode="bicubic", align_corners=False)[0].permute(1, 2, 0)


def lengthened(table: Tensor, spare: Tensor, length: int, fill: str) -> Tensor:
    """Take the first `length` rows of a table (n, D) -> (length, D); beyond it the last one, or untrained ones."""
    if fill == "clamped":
        return table[torch.arange(length, device=table.device).clamp(max=len(table) - 1)]
    return torch.cat((table, spare))[:length]


class RowColumn(nn.Module):
    """A learned vector a row plus one a column."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.embed_rows = nn.Parameter(torch.empty(SIDE, width))
        self.embed_columns = nn.Parameter(torch.empty(SIDE, width))
        self.register_buffer("spare", torch.empty(2, LONGEST - SIDE, width))
        self.spare: Tensor

    def forward(self, size: tuple[int, int], fill: str) -> Tensor:
        """The plane of positions of a grid, (h, w, D)."""
        if fill == "interpolated":
            rows = resized(self.embed_rows[:, None], (size[0], 1))[:, 0]  # (h, D)
            columns = resized(self.embed_columns[:, None], (size[1], 1))[:, 0]  # (w, D)
        else:
            rows = lengthened(self.embed_rows, self.spare[0], size[0], fill)
            columns = lengthened(self.embed_columns, self.spare[1], size[1], fill)
        return rows[:, None] + columns[None]


class Raster(nn.Module):
    """A learned vector for every number of a patch, counted row by row."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.embed_raster = nn.Parameter(torch.empty(SIDE * SIDE, width))
        self.register_buffer("spare", torch.empty(MOST - SIDE * SIDE, width))
        self.spare: Tensor

    def forward(self, size: tuple[int, int], fill: str) -> Tensor:
        """The plane of positions of a grid, (h, w, D)."""
        if fill == "interpolated":
            return resized(self.embed_raster.view(SIDE, SIDE, -1), size)
        return lengthened(self.embed_raster, self.spare, size[0] * size[1], fill).view(*size, -1)


class TableTower(VisionTower):
    """The product's tower without rotation, its patch embeddings given learned positions or (`places` None) none."""

    def __init__(self, config: VisionConfig, places: nn.Module | None) -> None:
        super().__init__(config)
        self.places = places

    def forward(self, patches: Tensor, grids: Sequence[Grid], backend: Backend, fill: str = "clamped") -> Tensor:
        """(P, C*2*14*14) with the grids of G media -> (M, D_out), as VisionTower but for the positions."""
        config = self.config
        plan = vision_plan(grids, config.window_tokens, config.spatial_merge_size)
        x = self.patch_embed(patches)
        if self.places is not None:
            planes = {grid: self.places(grid[1:], fill) for grid in set(grids)}
            at = {grid: patch_positions(grid, config.spatial_merge_size).unbind(1) for grid in planes}
            x = x + torch.cat([planes[grid][at[grid]] for grid in grids])
        x = x.unflatten(0, (-1, config.merge_unit))[plan.order].flatten(0, 1)  # (P, D) in window order
        still = (x.new_ones(1, 1, config.head_dim).float(), x.new_zeros(1, 1, config.head_dim).float())
        for index, block in enumerate(self.blocks):
            full = index in config.fullatt_block_indexes
            x = block(x, still, plan.frames if full else plan.windows, backend)
        merged: Tensor = self.merger(x)
        return merged[plan.restore]


def make_tower(variant: str, config: VisionConfig) -> VisionTower:
    """Lay out one tower; `initialise` gives it its weights."""
    if variant == "rope":
        return VisionTower(config)
    places = {"row_column": RowColumn, "learned_1d": Raster}.get(variant)
    return TableTower(config, places(config.hidden_size) if places else None)


def initialise(tower: VisionTower, reader: nn.Module, seed: int) -> None:
    """Fresh weights as in `modeling.build`; what all variants have is drawn first, and so is equal in all of them."""
    generator = torch.Generator().manual_seed(seed)
    own = dict(tower.places.named_parameters()) if isinstance(tower, TableTower) and tower.places else {}
    mine = {id(parameter) for parameter in own.values()}
    shared = [*tower.named_parameters(), *reader.named_parameters()]
    for name, parameter in shared:
        if parameter.dim() > 1 and id(parameter) not in mine:
            branch = name.endswith(("down_proj.weight", "attn.proj.weight"))
            scale = (2 * tower.config.depth) ** -0.5 if branch else 1.0
            nn.init.normal_(parameter, std=DEVIATION * scale, generator=generator)
        elif name.endswith("bias"):
            nn.init.zeros_(parameter)
    if isinstance(tower, TableTower) and tower.places:
        for table in (*own.values(), *tower.places.buffers()):
            nn.init.normal_(table, std=DEVIATION, generator=generator)


# The task


@dataclass(frozen=True)
class Scene:
    """One picture (1, H, W, 3), the centre of its landmark, and (index of the colour, x, y) of the other things."""

    frame: NDArray[np.uint8]
    landmark: tuple[float, float]
    things: tuple[tuple[int, float, float], ...]


def palette(rng: random.Random, ground: str, count: int) -> list[str]:
    """The landmark's colour and `count` more, all clearly different from each other and from the background."""
    chosen = [LANDMARK]
    while len(chosen) <= count:
        free = [
            name
            for name in colours.contrasting(ground)
            if all(name != other and frozenset((name, other)) not in colours.ALIKE for other in chosen)
        ]
        if not free:
            break
        chosen.append(rng.choice(free))
    return chosen


def put(rng: random.Random, figure: Figure, frame: Box, taken: Sequence[Box]) -> Figure | None:
    """Place a figure anywhere in the frame where it is whole and touches nothing; None when there is no room."""
    box = extent(replace(figure, x=0, y=0))
    low_x, low_y, high_x, high_y = frame[0] - box[0], frame[1] - box[1], frame[2] - box[2], frame[3] - box[3]
    if low_x > high_x or low_y > high_y:
        return None
    for _ in range(TRIES):
        placed = replace(figure, x=rng.uniform(low_x, high_x), y=rng.uniform(low_y, high_y))
        if all(apart(extent(placed), other) for other in taken):
            return placed
    return None


def frame_in(rng: random.Random, size: Size) -> Box:
    """Where the things of a picture may lie: as much as a picture of training, anywhere in it."""
    height, width = min(size[0], FRAME), min(size[1], FRAME)
    left, top = rng.uniform(0, size[1] - width), rng.uniform(0, size[0] - height)
    return left, top, left + width, top + height


def draw_scene(rng: random.Random, size: Size) -> Scene:
    """Draw one picture of (height, width); a thing that finds no room is left out, but one there always is."""
    figures: list[Figure] = []
    while len(figures) < 2:
        figures = []
        ground, frame = rng.choice(GROUNDS), frame_in(rng, size)
        for name in palette(rng, ground, rng.randint(2, 4)):
            side = rng.uniform(*(LANDMARK_SIDE if name == LANDMARK else THING_SIDE))
            wish = Wish(rng.choice(shapes()), name)
            # Without outline: a black line would look like the landmark.
            figure = replace(shape_figure(rng, wish, side / FRAME, (FRAME, FRAME)), outline=None)
            placed = put(rng, figure, frame, [extent(other) for other in figures])
            if placed is None and name == LANDMARK:
                break
            figures += [placed] if placed else []
    shade: RGB = colours.shade(rng, ground)
    drawn = wear_more(rng, pixels(paint(figures, shade, size, 2))[None], 1.0, room=room_of(figures))
    things = tuple((colours.NAMES.index(figure.colour), figure.x, figure.y) for figure in figures[1:])
    return Scene(np.ascontiguousarray(drawn), (figures[0].x, figures[0].y), things)


@dataclass(frozen=True)
class Pictures:
    """A batch of B pictures of one size with N things in all; places are (x, y) in pixels."""

    patches: Tensor  # (P, C*2*14*14)
    grids: tuple[Grid, ...]
    landmarks: Tensor  # (B, 2)
    owners: Tensor  # (N,), the picture of each thing
    colours: Tensor  # (N,)
    centres: Tensor  # (N, 2)


def draw_batch(name: str, count: int, size: Size, config: PreprocessConfig, device: torch.device) -> Pictures:
    """Draw a batch that is a function of its name, such as "train/1/250"."""
    scenes = [draw_scene(random.Random(f"positions/{name}/{index}"), size) for index in range(count)]
    media = [prepare(scene.frame, "image", 1.0, config) for scene in scenes]
    things = [(owner, *thing) for owner, scene in enumerate(scenes) for thing in scene.things]
    owners, names, x, y = zip(*things, strict=True)
    return Pictures(
        patches=torch.cat([medium.patches for medium in media]).to(device),
        grids=tuple(medium.grid for medium in media),
        landmarks=torch.tensor([scene.landmark for scene in scenes], device=device),
        owners=torch.tensor(owners, device=device),
        colours=torch.tensor(names, device=device),
        centres=torch.tensor([x, y], device=device).T.contiguous(),
    )


def middles(grid: Grid, device: torch.device) -> Tensor:
    """Where the merged tokens of a grid have their middles, (M, 2) as (x, y) in pixels."""
    rows, columns = grid[1] * PATCH // CELL, grid[2] * PATCH // CELL
    y, x = torch.meshgrid(torch.arange(rows, device=device), torch.arange(columns, device=device), indexing="ij")
    return (torch.stack((x, y), dim=-1).flatten(0, 1) + 0.5) * CELL


def holders(pictures: Pictures) -> Tensor:
    """Number of the merged token that holds the centre of each thing, (N,)."""
    across = pictures.grids[0][2] * PATCH // CELL
    column, row = (pictures.centres / CELL).long().unbind(1)
    return row * across + column


class Reader(nn.Module):
    """Asks the merged tokens of a picture: which of you holds the centre of this colour, and what do you know of place?

    It has no positions. Every token tells, in cells, how far the centre of its thing lies from its own middle
    (`refine`), how far the landmark does, and where it stands in the picture.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.wanted = nn.Embedding(len(colours.NAMES), width)
        self.key = nn.Linear(width, width)
        self.inner = nn.Linear(width, 2 * width)
        self.tells = nn.Linear(2 * width, 6)

    def forward(self, features: Tensor, pictures: Pictures) -> tuple[Tensor, Tensor]:
        """features (B*M, D) -> how well each token suits each thing (N, M), and what tokens tell (B, M, 3, 2)."""
        normed = self.norm(features.float()).unflatten(0, (len(pictures.grids), -1))  # (B, M, D)
        keys = self.key(normed)[pictures.owners]  # (N, M, D)
        scores = (keys @ self.wanted(pictures.colours)[:, :, None])[:, :, 0]
        told = self.tells(F.gelu(self.inner(normed)))
        return scores, told.unflatten(-1, (3, 2))


def reader_losses(scores: Tensor, told: Tensor, pictures: Pictures) -> dict[str, Tensor]:
    """Losses of a reader's output: the pick, the refinement where it is due, the other two at every token."""
    own = middles(pictures.grids[0], scores.device)
    right = holders(pictures)
    refine = (pictures.centres - own[right]) / CELL
    away = (pictures.landmarks[:, None] - own) / CELL  # (B, M, 2)
    return {
        "pick": F.cross_entropy(scores, right),
        "refine": F.smooth_l1_loss(told[pictures.owners, right, 0], refine),
        "landmark": F.smooth_l1_loss(told[:, :, 1], away),
        "features": F.smooth_l1_loss(told[:, :, 2], (own / CELL).expand_as(away)),
    }


def estimates(scores: Tensor, told: Tensor, pictures: Pictures, stretch: Tensor) -> dict[str, Tensor]:
    """By each source of place, the centre of each thing (N, 2) in pixels; `stretch` (2,) scales what tokens tell."""
    own = middles(pictures.grids[0], scores.device)
    picked = scores.argmax(dim=1)
    refine, away, place = (told[pictures.owners, picked] * CELL).unbind(1)  # 3 x (N, 2)
    landmark = pictures.landmarks[pictures.owners]
    found = (own[picked], landmark - away * stretch, place * stretch)
    return {source: at + refine for source, at in zip(SOURCES, found, strict=True)}
