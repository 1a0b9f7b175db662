"""The ablation of positions: towers that differ in nothing else, the same pictures, tables read as is said of them."""

import json
import math
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from model import vision
from model.config import PreprocessConfig
from model.positions import patch_positions
from model.training import ablate_positions, localising
from model.training.ablate_positions import SDPA, main, make_learner, parser, tower_config, treatments
from model.training.localising import SIDE, SOURCES, VARIANTS, Raster, RowColumn, TableTower, draw_batch, draw_scene
from model.training.placing import apart

CPU = torch.device("cpu")
SMALL = ["--width", "32", "--depth", "2", "--batch", "2", "--pictures", "3", "--log-every", "1"]


def arguments(*more: str) -> Any:
    return parser().parse_args(["--out", "unused", "--steps", "2", *SMALL, *more])


def pictures(size: tuple[int, int] = (224, 224), count: int = 2) -> localising.Pictures:
    return draw_batch("test", count, size, PreprocessConfig(), CPU)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    out = tmp_path_factory.mktemp("positions")
    return out, main(["--out", str(out), "--steps", "3", *SMALL])


def ramp(length: int) -> Tensor:
    return torch.arange(float(length))[:, None]


# The run


def test_the_report_has_every_cell(finished: tuple[Path, dict[str, Any]]) -> None:
    out, report = finished
    assert json.loads((out / "report.json").read_text()) == report
    assert list(report["shapes"]) == ["16x16", "16x20", "12x20", "20x16", "24x24", "8x32"]
    for shape, towers in report["shapes"].items():
        assert list(towers) == list(VARIANTS)
        for variant, tested in towers.items():
            assert list(tested) == list(treatments(variant))
            for cells in tested.values():
                assert list(cells) == list(SOURCES)
                for cell in cells.values():
                    assert 0 <= cell["localised"] <= 1 and cell["error_px"] > 0 and cell["things"] >= 3
                    assert (cell["things_beyond"] == 0) == (cell["localised_beyond"] is None)
                    assert shape != "16x16" or cell["things_beyond"] == 0
    assert (report["steps"], report["samples"]) == (3, 6) and report["seconds"] > 0


def test_the_tables_show_what_was_measured(finished: tuple[Path, dict[str, Any]]) -> None:
    out, report = finished
    text = (out / "report.md").read_text()
    assert report["command"] in text and "3 steps, 6 pictures" in text
    rows = [line for line in text.splitlines() if line.startswith("| ") and "16x16" not in line]
    assert len(rows) == 3 * (1 + 4 + 4 + 1) - 2
    assert all(row.count("|") == 8 for row in rows)
    cell = report["shapes"]["16x20"]["row_column"]["interpolated"]["landmark"]
    row = [row for row in rows if row.startswith("| learned rows + columns, interpolated |")][1]
    beyond = "" if cell["localised_beyond"] is None else f" ({100 * cell['localised_beyond']:.0f})"
    assert row.split("|")[3].strip() == f"{100 * cell['localised']:.0f}{beyond}, {cell['error_px']:.0f} px"


def test_the_same_seed_gives_the_same_numbers_stopped_or_not(
    finished: tuple[Path, dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["--out", str(tmp_path), "--steps", "3", "--save-every", "0", *SMALL]
    step = ablate_positions.train_step
    taken: list[int] = []

    def stopping(*args: Any) -> dict[str, float]:
        if len(taken) == 2 * len(VARIANTS) + 1:  # in the middle of the third step
            raise KeyboardInterrupt
        taken.append(1)
        return step(*args)

    with monkeypatch.context() as patched:
        patched.setattr(ablate_positions, "train_step", stopping)
        with pytest.raises(KeyboardInterrupt):
            main(words)
    assert main(words)["shapes"] == finished[1]["shapes"]
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    first = [json.loads(line) for line in (finished[0] / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 3]
    assert all([line[v] for line in lines] == [line[v] for line in first] for v in VARIANTS)
    with pytest.raises(SystemExit, match="holds another run"):
        main([*words, "--seed", "2"])


def test_another_seed_gives_other_numbers(
    finished: tuple[Path, dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ablate_positions, "SHAPES", ("16x16",))
    words = ["--out", str(tmp_path), "--steps", "3", "--variants", "rope", "--seed", "2"]
    report = main([*words, *SMALL])
    assert list(report["parameters"]) == ["rope"]
    assert report["shapes"]["16x16"]["rope"] != finished[1]["shapes"]["16x16"]["rope"]


def test_a_run_needs_a_length_and_known_variants(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="--minutes or --steps"):
        main(["--out", str(tmp_path)])
    with pytest.raises(SystemExit):
        main(["--out", str(tmp_path), "--steps", "1", "--variants", "rope,sine"])


def test_all_towers_train_on_the_same_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[int, list[Tensor]] = {}
    step = ablate_positions.train_step

    def watched(learner: Any, batch: localising.Pictures, *rest: Any) -> dict[str, float]:
        seen.setdefault(id(learner), []).append(batch.patches)
        return step(learner, batch, *rest)

    monkeypatch.setattr(ablate_positions, "train_step", watched)
    monkeypatch.setattr(ablate_positions, "SHAPES", ("16x16",))
    main(["--out", str(tmp_path), "--steps", "2", *SMALL])
    first, *others = seen.values()
    assert len(others) == 3 and len(first) == 2 and not torch.equal(first[0], first[1])
    assert all(torch.equal(a, b) for other in others for a, b in zip(first, other, strict=True))


def test_losses_fall() -> None:
    learner, batch = make_learner("row_column", arguments(), CPU), pictures()
    losses = [ablate_positions.train_step(learner, batch, 5e-3, True) for _ in range(40)]
    assert sum(losses[-1].values()) < 0.5 * sum(losses[0].values())
    assert all(losses[-1][name] < losses[0][name] for name in losses[0])


# The towers


def test_towers_differ_in_their_tables_only() -> None:
    learners = {variant: make_learner(variant, arguments(), CPU) for variant in VARIANTS}
    states = {name: learner.tower.state_dict() for name, learner in learners.items()}
    for variant, state in states.items():
        assert all(torch.equal(state[name], value) for name, value in states["rope"].items()), variant
        assert all(
            torch.equal(a, b)
            for a, b in zip(learners[variant].reader.parameters(), learners["rope"].reader.parameters(), strict=True)
        )
    count = {name: sum(p.numel() for p in learner.tower.parameters()) for name, learner in learners.items()}
    assert count["rope"] == count["none"]
    assert count["row_column"] - count["none"] == 2 * SIDE * 32
    assert count["learned_1d"] - count["none"] == SIDE * SIDE * 32


def test_without_tables_the_tower_is_the_products_without_rotation(monkeypatch: pytest.MonkeyPatch) -> None:
    plain, product = (make_learner(variant, arguments(), CPU).tower for variant in ("none", "rope"))
    batch = pictures((224, 280))
    table = vision.vision_table
    assert not torch.allclose(plain(batch.patches, batch.grids, SDPA), product(batch.patches, batch.grids, SDPA))
    monkeypatch.setattr(vision, "vision_table", lambda places, width: table(torch.zeros_like(places), width))
    turned = product(batch.patches, batch.grids, SDPA)
    torch.testing.assert_close(plain(batch.patches, batch.grids, SDPA), turned)


@pytest.mark.parametrize("grid", [(1, 16, 16), (1, 16, 20), (1, 8, 32)])
def test_tables_are_added_where_the_patches_stand(grid: tuple[int, int, int]) -> None:
    tower = make_learner("learned_1d", arguments(), CPU).tower
    assert isinstance(tower, TableTower) and isinstance(tower.places, Raster)
    added: list[Tensor] = []
    tower.patch_embed.register_forward_hook(lambda module, given, out: torch.zeros_like(out))
    tower.blocks[0].register_forward_pre_hook(lambda module, given: added.append(given[0]))
    tower(torch.zeros(grid[1] * grid[2], 1176), (grid,), SDPA, "untrained")
    rows = torch.cat((tower.places.embed_raster, tower.places.spare))
    plan = vision.vision_plan((grid,), 4)
    wanted = rows[plan.positions[:, 0] * grid[2] + plan.positions[:, 1]]
    torch.testing.assert_close(added[0], wanted)


# Indices that the tables have not


def spelled(table: RowColumn | Raster) -> None:
    """Let rows say their index, columns a hundred times theirs; untrained ones are negative."""
    with torch.no_grad():
        for number, parameter in enumerate(table.parameters()):
            parameter.copy_(ramp(len(parameter)) * 100**number)
        table.spare.fill_(-1)


@pytest.mark.parametrize(
    ("fill", "column"), [("clamped", [14, 15, 15, 15, 15, 15]), ("untrained", [14, 15, -0.01, -0.01, -0.01, -0.01])]
)
def test_columns_beyond_the_table(fill: str, column: Sequence[float]) -> None:
    spelled(table := RowColumn(1))
    plane = table((12, 20), fill)[..., 0]
    assert plane[3, 14:].tolist() == pytest.approx([3 + 100 * x for x in column])
    assert plane[11, 0] == 11


def test_a_raster_index_means_another_place_in_another_width() -> None:
    spelled(table := Raster(1))
    assert table((16, 16), "clamped").flatten().tolist() == list(range(256))
    wide = table((16, 20), "clamped")[..., 0]
    assert wide[1].tolist() == list(range(20, 40))  # what stood at row 1, column 4 stands at column 0
    assert wide[12, 15] == wide[15, 19] == 255
    assert table((16, 20), "untrained")[13, 0, 0] == -1
    assert table((12, 20), "untrained").max() == 239


def cubic(x: float, a: float = -0.75) -> float:
    """A line of 16 whose values are their indices, read at `x` by cubic convolution (Keys 1981, torch's a = -3/4)."""
    left = math.floor(x)
    read = 0.0
    for tap in range(left - 1, left + 3):
        d = abs(x - tap)
        near, far = (a + 2) * d**3 - (a + 3) * d**2 + 1, a * d**3 - 5 * a * d**2 + 8 * a * d - 4 * a
        read += (near if d <= 1 else far) * min(15, max(0, tap))
    return read


def test_interpolation_of_a_line_on_worked_numbers() -> None:
    spelled(table := RowColumn(1))
    columns = table((16, 20), "interpolated")[0, :, 0].detach() / 100
    # Sample i of 20 lies at (i + 1/2) * 16/20 - 1/2 of 16: the first at -0.1, number 10 at 7.9, number 12 at 9.5.
    assert columns.tolist() == pytest.approx([cubic((i + 0.5) * 0.8 - 0.5) for i in range(20)], abs=1e-4)
    assert columns[12].item() == pytest.approx(9.5, abs=1e-4)
    assert columns[10].item() == pytest.approx(7.9, abs=0.05)
    torch.testing.assert_close(table((16, 16), "interpolated"), table((16, 16), "clamped"))


def test_a_raster_is_interpolated_as_a_plane() -> None:
    spelled(table := Raster(1))
    wide = table((24, 20), "interpolated")[..., 0].detach()
    # Row i lies at (i + 1/2) * 16/24 - 1/2, column j at (j + 1/2) * 16/20 - 1/2, and the index is 16 * row + column.
    for i, j in ((0, 0), (4, 4), (10, 3), (15, 16), (23, 19)):
        wanted = 16 * cubic((i + 0.5) * 2 / 3 - 0.5) + cubic((j + 0.5) * 0.8 - 0.5)
        assert wide[i, j].item() == pytest.approx(wanted, abs=1e-3)


# The task


@pytest.mark.parametrize("size", [(224, 224), (224, 280), (168, 280), (336, 336), (112, 448)])
def test_scenes_tell_the_truth(size: tuple[int, int]) -> None:
    for seed in range(12):
        scene = draw_scene(random.Random(seed), size)
        assert scene.frame.shape == (1, *size, 3) and 1 <= len(scene.things) <= 4
        assert len({colour for colour, _, _ in scene.things}) == len(scene.things)
        points = [scene.landmark, *((x, y) for _, x, y in scene.things)]
        for x, y in points:
            assert 0 <= x < size[1] and 0 <= y < size[0]
        xs, ys = zip(*points, strict=True)
        assert max(xs) - min(xs) < 224 and max(ys) - min(ys) < 224
        boxes = [(x - 2, y - 2, x + 2, y + 2) for x, y in points]
        assert all(apart(a, b) for i, a in enumerate(boxes) for b in boxes[:i])


def test_a_reader_that_knows_all_finds_every_centre() -> None:
    batch = pictures((224, 280), 6)
    own, right = localising.middles(batch.grids[0], CPU), localising.holders(batch)
    assert ((own[right] - batch.centres).abs() <= 14).all() and own[1].tolist() == [42, 14]
    scores = torch.nn.functional.one_hot(right, 80).float() * 100
    told = torch.zeros(6, 80, 3, 2)
    told[batch.owners, right, 0] = (batch.centres - own[right]) / 28
    told[:, :, 1], told[:, :, 2] = (batch.landmarks[:, None] - own) / 28, own / 28
    assert all(loss < 1e-6 for loss in localising.reader_losses(scores, told, batch).values())
    for places in localising.estimates(scores, told, batch, torch.ones(2)).values():
        torch.testing.assert_close(places, batch.centres, atol=1e-3, rtol=0)
    # Told as of a picture 16 patches wide, what tokens tell of place is right once it is stretched to 20.
    told[:, :, 1:, 0] *= 0.8
    stretched = localising.estimates(scores, told, batch, torch.tensor([1.25, 1.0]))
    for places in stretched.values():
        torch.testing.assert_close(places, batch.centres, atol=1e-3, rtol=0)


def test_a_thing_counts_when_it_is_found_within_half_a_token_across_and_down() -> None:
    errors = torch.tensor([[14.0, 0.0], [-3.0, 14.5], [10.0, -10.0], [3.0, 4.0]])
    centres = torch.tensor([[10.0, 10.0], [230.0, 5.0], [5.0, 224.0], [223.0, 223.0]])
    cell = ablate_positions.summary(errors, centres)
    assert cell["localised"] == 0.75 and cell["things_beyond"] == 2 and cell["localised_beyond"] == 0.5
    assert cell["error_px"] == round((14 + (9 + 14.5**2) ** 0.5 + 200**0.5 + 5) / 4, 2)


def test_the_merged_tokens_come_in_the_readers_order() -> None:
    first = patch_positions((1, 16, 20)).view(-1, 4, 2)[:, 0]  # the first patch of each merged token
    own = localising.middles((1, 16, 20), CPU)
    assert torch.equal(first.flip(1) * 14 + 14, own.long())


def test_towers_have_the_shape_of_the_recipe() -> None:
    config = tower_config(96, 4)
    assert (config.head_dim, config.fullatt_block_indexes, config.intermediate_size) == (32, (1, 3), 256)
