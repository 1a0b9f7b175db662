"""Plans fit what may be bundled, and a run is sized to its machine: by default only, and once for its whole length."""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from model.tokenizer import Tokenizer
from model.training import pictured, sizing, train
from model.training.assets import pack as packs
from model.training.assets.blobs import AssetsMissing
from model.training.data import CPU, PARTS, RUNGS, WIDE, Shares, dense_classes, held_out
from model.training.export import SMALL, TOKENIZER, command_of, shown
from model.training.modeling import PLANS, build, small_config
from model.training.parts import parts
from tests.training.test_train import run

MOST, MOST_BYTES = 16e6, 32e6  # parameters of the bundled model, and what they take in bfloat16
WIDENED = 9472  # rows of the vocabulary in which every name of a thing is one token
NO_PACKS = {"things", "any_photos", "any_films", "thing_events", "thing_pairs"}


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder where no assets were packed, which training looks into."""
    monkeypatch.setenv(packs.VARIABLE, str(tmp_path / "bare"))
    packs.pack.cache_clear()
    yield tmp_path / "bare"
    packs.pack.cache_clear()


def settled(*words: object) -> argparse.Namespace:
    """The arguments of a command as its run takes them."""
    args = train.parser().parse_args([*map(str, words)])
    assert sizing.settle(args) == ""
    return args


@pytest.mark.parametrize("rows", [None, WIDENED], ids=["bundled vocabulary", "widened"])
@pytest.mark.parametrize("plan", PLANS)
def test_every_plan_may_be_bundled(plan: str, rows: int | None) -> None:
    config = small_config(plan, Tokenizer.from_file(TOKENIZER))
    config["vocab_size"] = rows or config["vocab_size"]
    with torch.device("meta"):
        weights = build(config).to(torch.bfloat16).state_dict().values()
    assert sum(weight.numel() for weight in weights) < MOST
    assert sum(weight.numel() * weight.element_size() for weight in weights) < MOST_BYTES


def test_plans_grow_with_their_machines_and_widths_fit_their_heads() -> None:
    tokenizer = Tokenizer.from_file(TOKENIZER)
    sizes = {plan: sum(p.numel() for p in build(small_config(plan, tokenizer)).parameters()) for plan in PLANS}
    assert sizes["tiny"] < sizes["cpu"] < sizes["gpu"]
    for plan in ("cpu", "gpu"):
        sides = PLANS[plan]
        assert sides["vw"] == 64 * sides["vh"] and sides["dw"] == 64 * sides["dh"] and sides["dh"] % sides["dk"] == 0


def test_the_bundled_weights_are_within_the_bounds() -> None:
    files = sorted(SMALL.glob("*.safetensors"))
    held = 0
    for file in files:
        with file.open("rb") as opened:
            header = json.loads(opened.read(int.from_bytes(opened.read(8), "little")))
        held += sum(torch.Size(entry["shape"]).numel() for name, entry in header.items() if name != "__metadata__")
    assert 1e6 < held < MOST
    assert sum(file.stat().st_size for file in files) < MOST_BYTES


def test_a_run_is_sized_to_its_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sizing, "cores", lambda: 16)
    names = ("plan", "batch", "showings", "rungs", "workers", "parts")
    found = {
        device: [getattr(settled("--out", tmp_path, "--device", device), name) for name in names]
        for device in ("cuda", "cpu")
    }
    assert found["cuda"] == ["gpu", 128, 3, 2, 15, WIDE]
    assert found["cpu"] == ["cpu", 16, 1, RUNGS, 4, CPU]
    given = settled(
        "--out", tmp_path, "--device", "cuda", "--plan", "cpu", "--batch", 9, "--workers", 0, "--showings", 2
    )
    assert [getattr(given, name) for name in names] == ["cpu", 9, 2, 2, 0, CPU]


def test_cores_are_shared_by_the_processes_of_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LOCAL_WORLD_SIZE", raising=False)
    alone = sizing.cores()
    assert alone >= 1
    monkeypatch.setenv("LOCAL_WORLD_SIZE", str(2 * alone))
    assert sizing.cores() == 1  # never none
    assert [sizing.befitting("cpu", cores)["workers"] for cores in (1, 2, 8, 16)] == [1, 1, 2, 4]
    assert [sizing.befitting("cuda", cores)["workers"] for cores in (1, 2, 16)] == [1, 1, 15]


@pytest.mark.parametrize("mix", sizing.MIXES.values(), ids=list(sizing.MIXES))
def test_a_mix_by_default_can_be_taught_at_once(mix: Shares) -> None:
    assert sum(share for _, share in mix) == pytest.approx(1.0, abs=0.011)
    assert all(share > 0 for _, share in mix) and len(dict(mix)) == len(mix)
    dense_classes(mix)
    assert sizing.MIXES.keys() == PLANS.keys()


def test_the_mix_of_a_cpu_covers_shapes_things_text_clips_and_boxes() -> None:
    assert {"shapes", "drawings", "things", "short_text", "clips", "events", "boxes"} <= {name for name, _ in CPU}
    assert "many_things" not in dict(CPU)


def test_parts_that_need_packs_say_so(bare: Path) -> None:
    """What says that it needs none draws without; the others cannot."""
    pictured.choice.cache_clear()
    for name, part in parts().items():
        drawn = held_out(8, name)
        if part.packed:
            assert sizing.undrawable(((name, 1.0),)) == [name] and not sizing.undrawable(((name, 0.0),))
            with pytest.raises(AssetsMissing):
                [args.make() for args in drawn]
        else:
            assert not sizing.undrawable(((name, 1.0),))
            assert all(args.make().questions for args in drawn), name


def test_a_mix_by_default_does_without_what_has_no_packs(tmp_path: Path, bare: Path) -> None:
    args = train.parser().parse_args(["--out", str(tmp_path), "--device", "cpu"])
    line = sizing.settle(args)
    assert args.parts == tuple((name, share) for name, share in CPU if name not in NO_PACKS)
    assert line.count("\n") == 1 and "photos and things" in line
    assert "things, any_photos, any_films, thing_events and thing_pairs" in line
    assert line.endswith(f"python -m model.training.assets --out {bare}\n")


@pytest.mark.parametrize("words", [("--parts", "wide"), ("--tower-parts", "shapes=1,any_photos=1")])
def test_a_part_that_was_named_is_not_left_out(
    words: tuple[str, ...], tmp_path: Path, bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["train", "--out", str(tmp_path / "run"), "--steps", "1", "--plan", "tiny", *words])
    with pytest.raises(SystemExit, match=r"no packs of .*photos.*\n.*model\.training\.assets --out"):
        train.main()
    assert not (tmp_path / "run").exists()
    assert settled("--out", tmp_path, "--parts", "shapes=1,things=0").parts == (("shapes", 1.0), ("things", 0.0))


def test_the_plan_is_said_at_the_start_and_kept(
    tmp_path: Path, bare: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sizing.MIXES, "tiny", (("shapes", 0.5), ("clips", 0.25), ("things", 0.25)))
    made = run(tmp_path, 1, "--device", "cpu")
    out, err = capsys.readouterr()
    said = "--plan tiny --batch 2 --showings 1 --rungs 8 --workers 0 --parts shapes=0.5,clips=0.25"
    assert out.splitlines()[0] == f"on cpu: {said}"
    assert err.startswith("no packs of things to draw things, which the run goes without; ") and err.count("\n") == 1
    args = made["args"]
    assert isinstance(args, dict)
    assert (args["parts"], args["showings"], args["rungs"]) == ((("shapes", 0.5), ("clips", 0.25)), 1, RUNGS)
    again = train.parser().parse_args(["--out", "x", *said.split()])
    assert {name: vars(again)[name] for name in ("plan", "batch", "parts")} == {
        name: args[name] for name in ("plan", "batch", "parts")
    }


def test_a_run_goes_on_as_it_was_whatever_befits_its_machine_now(tmp_path: Path) -> None:
    first = run(tmp_path, 1, "--parts", "shapes=1")["args"]
    again = settled("--out", tmp_path, "--device", "cuda")
    assert isinstance(first, dict)
    for name in ("plan", "batch", "showings", "parts"):
        assert getattr(again, name) == first[name], name
    assert again.rungs == 2  # of padding, no matter of what is learned
    changed = settled("--out", tmp_path, "--batch", 5, "--parts", "clips=1")
    assert (changed.plan, changed.batch, changed.parts) == ("tiny", 5, (("clips", 1.0),))
    assert settled("--out", tmp_path, "--parts", "shapes=1", "--showings", 2).showings == 2


def test_a_run_goes_on_with_the_mix_and_the_rate_it_was_begun_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = ("--parts", "shapes=1", "--tower-parts", "short_text=1")
    begun = (*parts, "--tower-share", "0.5", "--lr", "0.001", "--seed", "4")
    first = run(tmp_path, 1, *begun)["args"]
    again = run(tmp_path, 2)["args"]
    assert isinstance(first, dict) and isinstance(again, dict)
    for name in ("parts", "tower_parts", "tower_share", "lr", "seed", "questions"):
        assert again[name] == first[name], name
    given = ["train", "--out", str(tmp_path), "--steps", "3", "--parts", "boxes=1", "--tower-parts", "boxes=1"]
    monkeypatch.setattr("sys.argv", [*given, "--workers", "0"])
    with pytest.raises(SystemExit, match=r"begun with parts that have other heads: give --parts as it was begun"):
        train.main()


def test_runs_that_said_no_parts_were_of_shapes_and_clips(tmp_path: Path) -> None:
    args = {"plan": "cpu", "batch": 24, "minutes": 9.0, "out": "/a/folder/old"}
    torch.save({"args": args}, tmp_path / "checkpoint.pt")
    again = settled("--out", tmp_path, "--device", "cuda")
    assert (again.plan, again.batch, again.showings, again.parts) == ("cpu", 24, 1, PARTS)
    assert "--out runs/old" in command_of(args) and "--parts shapes=0.45,clips=0.55" in command_of(args)
    assert command_of({}) == "python -m model.training.train"  # nothing is known of it
    assert shown({"args": args}) == {"shapes", "clips"}
