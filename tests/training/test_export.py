"""A checkpoint becomes a folder that the product loads, and a card that tells what was measured."""

import json
from pathlib import Path
from typing import Any

import pytest
import tokenizers
import torch

from model.loading import load
from model.tokenizer import Tokenizer
from model.training import card_lines, export
from model.training.metrics import low_confidence
from model.training.modeling import build, small_config


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    config = small_config("tiny", Tokenizer.from_file(export.TOKENIZER))
    state = build(config).state_dict()
    average = {name: value + 1.0 for name, value in state.items()}
    path = tmp_path_factory.mktemp("run") / "checkpoint.pt"
    args: dict[str, Any] = {"seed": 7, "plan": "tiny", "minutes": 0.0, "out": "runs/x"}
    torch.save({"model": state, "average": average, "config": config, "step": 3, "samples": 96, "args": args}, path)
    return path


def test_an_exported_folder_loads_and_answers(checkpoint: Path, tmp_path: Path) -> None:
    folder = tmp_path / "small"
    measured = export.export(checkpoint, folder, samples=1, averaged=False)
    assert measured is not None and measured["skills"]["default"]["n"] == 1
    loaded = load(folder, device="cpu")
    assert loaded.generation.single_turn
    assert loaded.generation.low_confidence == low_confidence(measured["calibration"]) == 1.0  # it is never right
    stored = torch.load(checkpoint, weights_only=True)["model"]
    for name, value in loaded.model.state_dict().items():
        assert torch.equal(value.float(), stored[name].to(torch.bfloat16).float()), name
    assert loaded.preprocess.video_max_frames == 12
    assert loaded.preprocess.max_pixels == export.PREPROCESSOR["max_pixels"]
    assert not list(tmp_path.glob(".export-*"))


def test_the_bundled_models_line_of_low_confidence_is_its_curves() -> None:
    small = Path(export.SMALL)
    measured = json.loads((small / "evaluation.json").read_text(encoding="utf-8"))
    generation = json.loads((small / "generation_config.json").read_text(encoding="utf-8"))
    assert generation["low_confidence"] == low_confidence(measured["calibration"])


def test_the_average_is_exported_unless_the_last_weights_are_asked_for(checkpoint: Path, tmp_path: Path) -> None:
    export.export(checkpoint, tmp_path / "mean", samples=0)
    export.export(checkpoint, tmp_path / "last", samples=0, averaged=False)
    mean, last = (load(tmp_path / name, device="cpu").model.state_dict() for name in ("mean", "last"))
    assert torch.allclose(mean["model.norm.weight"].float(), last["model.norm.weight"].float() + 1.0)


def test_the_tokenizer_of_the_weights_goes_with_them(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other.json"
    other.write_bytes(export.TOKENIZER.read_bytes() + b"\n")
    monkeypatch.setattr("sys.argv", ["export", str(checkpoint), "--out", str(tmp_path / "small"), "--samples", "0",
                                     "--tokenizer", str(other)])  # fmt: skip
    export.main()
    assert (tmp_path / "small" / "tokenizer.json").read_bytes() == other.read_bytes()


def test_weights_with_the_tokenizer_of_others_replace_nothing(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, other = tmp_path / "small", tmp_path / "other.json"
    export.export(checkpoint, folder, samples=0)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    wider = tokenizers.Tokenizer.from_file(str(export.TOKENIZER))
    wider.add_tokens([f"<{number}>" for number in range(100)])
    wider.save(str(other))
    monkeypatch.setattr("sys.argv", ["export", str(checkpoint), "--out", str(folder), "--samples", "0",
                                     "--tokenizer", str(other)])  # fmt: skip
    with pytest.raises(SystemExit, match="give --tokenizer"):
        export.main()
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert not list(tmp_path.glob(".export-*"))


def test_weights_that_lack_a_layer_replace_nothing_and_are_not_blamed_on_the_tokenizer(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = torch.load(checkpoint, weights_only=True)
    state["average"].popitem()
    torch.save(state, tmp_path / "cut.pt")
    monkeypatch.setattr("sys.argv", ["export", str(tmp_path / "cut.pt"), "--out", str(tmp_path / "small")])
    with pytest.raises(SystemExit, match="do not fit") as refused:
        export.main()
    assert "--tokenizer" not in str(refused.value)
    assert not list((tmp_path / "small").iterdir())


def test_weights_are_cut_into_parts_that_fit(tmp_path: Path, checkpoint: Path) -> None:
    folder = tmp_path / "small"
    export.export(checkpoint, folder, samples=0)
    (folder / "model.safetensors").unlink()
    state = torch.load(checkpoint, weights_only=True)["model"]
    files = export.write_weights(state, folder, limit=200_000)
    assert len(files) > 2
    index = json.loads((folder / "model.safetensors.index.json").read_text(encoding="utf-8"))
    assert set(index["weight_map"].values()) == {file.name for file in files}
    load(folder, device="cpu")


def test_a_new_export_leaves_no_old_parts(checkpoint: Path, tmp_path: Path) -> None:
    folder = tmp_path / "small"
    folder.mkdir()
    (folder / "model-00001-of-00002.safetensors").write_bytes(b"old")
    (folder / "model.safetensors.index.json").write_text("{}", encoding="utf-8")
    (folder / "__init__.py").write_text("", encoding="utf-8")
    export.export(checkpoint, folder, samples=0)
    assert sorted(path.name for path in folder.iterdir()) == [
        "CARD.md",
        "__init__.py",
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "preprocessor_config.json",
        "tokenizer.json",
        "training.json",
        "video_preprocessor_config.json",
    ]
    card = (folder / "CARD.md").read_text(encoding="utf-8")
    assert "--plan tiny" in card and "Seed 7" in card and "Not measured." in card
    digest = export.digest_of([folder / "model.safetensors"])["model.safetensors"]
    assert digest in card


def test_no_part_is_larger_than_its_limit_and_nothing_is_lost() -> None:
    state = {f"t{i}": torch.zeros(10 + i, dtype=torch.bfloat16) for i in range(9)}
    split = export.parts(state, limit=40)
    assert [list(part) for part in split] == [[f"t{i}"] for i in range(9)]
    assert [len(part) for part in export.parts(state, limit=60)] == [2, 2, 2, 1, 1, 1]


def test_the_card_tells_of_the_parts_that_were_taught() -> None:
    old, wide = ("shapes", "clips"), ("shapes", "clips", "text", "events", "thing_events", "boxes", "drawings")
    assert "bbox_2d" not in card_lines.known(old) and "bbox_2d" in card_lines.known(wide)
    assert "no times" in card_lines.unknown(old) and "no times" not in card_lines.unknown(wide)
    assert "other words" in card_lines.unknown(old) and "other words" not in card_lines.unknown(wide)
    assert "871 everyday things" in card_lines.known(("many_things",)) and "other things than" in card_lines.unknown(
        ("many_things",)
    )
    assert "banana" in card_lines.known(("photos",)) and "hoodie" not in card_lines.known(("photos",))
    for part in wide:
        assert card_lines.known([part]).startswith("- ")


def test_the_card_names_whose_work_was_shown_and_no_other() -> None:
    assert "no photographs" in card_lines.sources(("shapes", "clips")) and "Noto" not in card_lines.sources(("shapes",))
    assert card_lines.sources(("drawings", "boxes")).count("flower_photos") == 1  # under the drawings
    told = card_lines.sources(("things", "short_text", "text", "photos"))
    assert all(name in told for name in ("Twemoji", "CC-BY-4.0", "clothing-dataset")) and told.count("open fonts") == 1
    assert card_lines.sources(("things", "many_things")).count("Twemoji") == 1


def test_a_part_without_a_share_is_not_taught(checkpoint: Path, tmp_path: Path) -> None:
    state = torch.load(checkpoint, weights_only=True)
    state["args"]["parts"] = (("shapes", 1.0), ("boxes", 0.0))
    earlier = {"args": state["args"] | {"parts": (("shapes", 0.5), ("things", 0.5))}, "elapsed": 60.0}
    state["before"] = [earlier | {"step": 1, "samples": 2, "questions": 3}]
    torch.save(state, tmp_path / "checkpoint.pt")
    export.export(tmp_path / "checkpoint.pt", tmp_path / "small", samples=0)
    card = (tmp_path / "small" / "CARD.md").read_text(encoding="utf-8")
    assert "- Shapes:" in card and "bbox_2d" not in card
    assert "Twemoji" in card and "everyday things" not in card  # shown by an earlier run, and not taught since


def test_weak_rows_are_named_and_rows_of_few_questions_are_not() -> None:
    rows = {"good": (95.0, 99), "bad": (41.5, 99), "worse": (7.0, 99), "rare": (0.0, 3)}
    measured = {"skills": {name: {"exact": exact, "n": n} for name, (exact, n) in rows.items()}}
    assert card_lines.weak(measured) == "- Often wrong, by the table below: worse 7 %, bad 41.5 %.\n"
    found = {"skills": {"locate": {"exact": 9.0, "n": 99}, "locate_all": {"exact": 9.0, "n": 99}}}
    recall = {"locate": {"recall": 94.0}, "locate_all": {"recall": 70.0}}
    assert card_lines.weak(found | {"boxes": recall}) == "- Often wrong, by the table below: locate_all 70 %.\n"
    assert card_lines.weak(None) == "" and card_lines.weak({"skills": {"good": {"exact": 95.0, "n": 99}}}) == ""
