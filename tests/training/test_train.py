"""The training command on the tiny plan: it stops, goes on from its checkpoint; branches see only their own."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from model import attention
from model.attention import Backend, Branched, Causal, attend
from model.config import model_config, preprocess_config
from model.tokenizer import Tokenizer
from model.training import state, train
from model.training.batches import DECIDING, IGNORE, Branch, Row, branched, collate, make_row, media_of, rung
from model.training.data import Plan, batch_samples, dense_classes, plan_batch
from model.training.export import PREPROCESSOR, TOKENIZER, VIDEO_PREPROCESSOR, write_folder
from model.training.modeling import Teachers, build, losses, small_config
from model.training.naming import name_tokens
from model.training.sample import QA
from model.training.sizing import settle
from model.training.world import make_sample


def run(out: Path, steps: int, *more: str) -> dict[str, object]:
    """Train to `steps` and return the checkpoint."""
    words = ["--out", str(out), "--plan", "tiny", "--steps", str(steps), "--batch", "2", "--questions", "2"]
    args = train.parser().parse_args([*words, "--log-every", "1", "--workers", "0", "--no-compile", *more])
    found: dict[str, object] = torch.load(train.train(args), weights_only=True)
    return found


@pytest.mark.parametrize("more", [(), ("--no-bfloat16", "--tower-first", "0")])
def test_a_run_goes_on_where_it_stopped(tmp_path: Path, more: tuple[str, ...]) -> None:
    first = run(tmp_path, 2, *more)
    second = run(tmp_path, 4, *more)
    assert (first["step"], second["step"]) == (2, 4)
    assert second["samples"] > first["samples"]  # type: ignore[operator]
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 3, 4]
    assert all(line["samples_per_s"] > 0 and line["drawn_per_s_a_worker"] > 0 for line in lines)
    assert all("thing" in line for line in lines) and "language" in lines[-1]
    name = "visual.blocks.0.attn.qkv.weight"
    assert not torch.equal(first["model"][name], second["model"][name])  # type: ignore[index]


def test_the_log_tells_losses_by_part_and_over_the_steps_that_had_them(tmp_path: Path) -> None:
    run(tmp_path, 8, "--log-every", "8", "--tower-first", "0", "--parts", "shapes=0.5,clips=0.5")
    line = json.loads((tmp_path / "log.jsonl").read_text())
    both = sorted((line["language_shapes"], line["language_clips"]))
    assert both[0] <= line["language"] <= both[1]
    assert line["motion"] > 1.0  # of clips only: near the logarithm of its 11 classes, not a share of it


def test_some_later_steps_teach_the_tower_alone(tmp_path: Path) -> None:
    mixes = ("--parts", "clips=1", "--tower-parts", "shapes=1")
    made = run(tmp_path, 8, "--tower-first", "0", "--tower-share", "0.5", *mixes)
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    alone = [line for line in lines if "language" not in line]
    assert 0 < len(alone) < 8
    assert all(("motion" in line) is ("language" in line) for line in lines)  # the tower's own mix has no clips
    assert made["questions"] < 2 * made["samples"]  # type: ignore[operator]  # of two each, where none is answered one
    assert "tower.heads.motion.weight" in made["teachers"]  # type: ignore[operator]


def test_new_heads_learn_alone_before_they_teach(tmp_path: Path) -> None:
    first = run(tmp_path, 2)
    begin = ("--init", str(tmp_path / "checkpoint.pt"), "--tower-first", "0", "--heads-first")
    alone, half = (run(tmp_path / share, 2, *begin, share) for share in ("1", "0.5"))
    network, heads = "visual.blocks.0.attn.qkv.weight", "tower.heads.thing.weight"
    assert torch.equal(alone["model"][network], first["model"][network])  # type: ignore[index]
    assert not torch.equal(alone["teachers"][heads], first["teachers"][heads])  # type: ignore[index]
    assert not torch.equal(half["model"][network], first["model"][network])  # type: ignore[index]


def test_a_run_begins_with_the_weights_of_another(tmp_path: Path) -> None:
    first = run(tmp_path / "first", 2)
    (folder := tmp_path / "exported").mkdir()
    write_folder(first, folder, TOKENIZER, averaged=True)
    for source in (tmp_path / "first" / "checkpoint.pt", folder):
        out = tmp_path / f"from-{source.name}"
        args = ["--out", str(out), "--plan", "tiny", "--init", str(source), "--steps", "0", "--minutes", "1e-9"]
        given = train.parser().parse_args(args)
        settle(given)
        start = state.start(given, torch.device("cpu"))
        wanted = first["model"] if source.is_file() else first["average"]
        name = "visual.blocks.0.attn.qkv.weight"
        assert torch.allclose(start.model.state_dict()[name], wanted[name], rtol=0.01)  # type: ignore[index]
        assert [run["step"] for run in start.before] == [2] and start.step == 0
        told = start.before[0]["args"]  # a folder tells where its weights come from, as a file does
        assert (told["plan"], told["out"]) == ("tiny", "runs/first")
        second = run(out, 1, "--init", str(source), "--tower-first", "0")
        assert second["step"] == 1 and second["before"] == start.before


def test_a_run_draws_other_samples_than_the_one_it_goes_on_from(tmp_path: Path) -> None:
    words = ["--plan", "tiny", "--steps", "1", "--batch", "2", "--no-compile", "--workers", "0"]
    first_args = train.parser().parse_args(["--out", str(tmp_path / "first"), *words])
    settle(first_args)
    first = train.plan_of(state.start(first_args, torch.device("cpu")), first_args)
    saved = train.train(first_args)
    again = train.plan_of(state.start(first_args, torch.device("cpu")), first_args)
    args = train.parser().parse_args(["--out", str(tmp_path / "second"), "--init", str(saved), *words])
    settle(args)
    second = train.plan_of(state.start(args, torch.device("cpu")), args)
    drawn = [[sample.seed for sample in plan_batch(plan, 0, 1.0)] for plan in (first, again, second)]
    assert drawn[0] == drawn[1] and not set(drawn[0]) & set(drawn[2])


def test_parts_for_a_tower_that_no_step_teaches_alone_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["--out", "x", "--steps", "1", "--tower-first", "0", "--tower-parts", "shapes=1"]
    monkeypatch.setattr("sys.argv", ["train", *words])
    with pytest.raises(SystemExit, match="--tower-share"):
        train.main()


def test_the_tokens_that_begin_a_phrase_of_an_answer_weigh_more() -> None:
    tokenizer, prepared = Tokenizer.from_file(TOKENIZER), preprocess_config(PREPROCESSOR, VIDEO_PREPROCESSOR)
    sample = make_sample(1, "image", (112, 112), 1, 1.0, 1.0)
    told = (("a cat", (0,)), ("on the left", (0,)), ("two eggs", (1, 2)))
    asked = [
        QA("caption", "en", "What?", "A cat on the left and two eggs, on a red background.", told=told),
        QA("exists", "en", "Is there a cat?", "yes"),
    ]
    config = model_config(small_config("tiny", tokenizer))
    for qa, branch in zip(asked, make_row(media_of(sample, prepared), asked, tokenizer, config).branches, strict=True):
        weighed = [(t, w) for t, w in zip(branch.targets, branch.weights, strict=True) if t != IGNORE]
        plain = len(weighed) ** -0.5
        assert {round(weight / plain, 5) for _, weight in weighed} <= {1.0, DECIDING}
        deciding = [tokenizer.decode([token]).strip() for token, weight in weighed if weight > plain]
        assert deciding == (["A", "on", "two"] if qa.told else [])


PREFIX = 2
LENGTHS = ((3, 1, 4), (1, 5, 3), (2,))  # of the branches of three rows


def rows_of(prefix: int = PREFIX) -> list[Row]:
    """Rows of a prefix and of branches whose tokens do not matter."""
    row_of = [[Branch([7] * length, [IGNORE] * length, [0.0] * length, []) for length in row] for row in LENGTHS]
    return [Row([7] * prefix, torch.empty(3, 0), 0, branches) for branches in row_of]


def alone(packed: Tensor, pattern: Branched, spans: list[tuple[int, Branch, int]]) -> list[Tensor]:
    """From packed (1, H, N, d) to each branch (1, H, P + its length, d) behind its own prefix."""
    at, found = pattern.count * pattern.prefix, []
    for row, branch, length in spans:
        own = packed[:, :, at : at + len(branch.ids)]
        found.append(torch.cat([packed[:, :, row * PREFIX : (row + 1) * PREFIX], own], dim=2))
        at += length
    assert at == packed.shape[2]
    return found


@pytest.mark.parametrize("name", ["sdpa", "eager"])
def test_branches_see_the_prefix_and_themselves(name: str) -> None:
    torch.manual_seed(0)
    pattern, spans = branched(rows_of())
    count = pattern.count * pattern.prefix + sum(length for _, _, length in spans)
    q, k, v = (torch.randn(1, heads, count, 8, requires_grad=True) for heads in (4, 2, 2))
    out, backend = attend(q, k, v, pattern, Backend(name, "test")), Backend(name, "test")
    packed = alone(out, pattern, spans)
    single = [
        attend(*triple, Causal(), backend)
        for triple in zip(*(alone(x, pattern, spans) for x in (q, k, v)), strict=True)
    ]
    weights = [torch.randn(x.shape) for x in single]
    found = []
    for several in (packed, single):
        total = torch.stack([(x * weight).sum() for x, weight in zip(several, weights, strict=True)]).sum()
        found.append([*several, *torch.autograd.grad(total, (q, k, v), retain_graph=True)])
    for one, two in zip(*found, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-5, atol=1e-6)


def test_branches_take_what_attention_gives_in_any_layout(monkeypatch: pytest.MonkeyPatch) -> None:
    """One kernel of CUDA gives its result with the heads behind the positions in memory."""
    torch.manual_seed(0)
    pattern, spans = branched(rows_of())
    count = pattern.count * pattern.prefix + sum(length for _, _, length in spans)
    q, k, v = (torch.randn(1, heads, count, 8) for heads in (4, 2, 2))
    usual, given = attend(q, k, v, pattern, Backend("sdpa", "test")), attention.F.scaled_dot_product_attention

    def scattered(*args: Tensor, **more: Any) -> Tensor:
        return given(*args, **more).transpose(1, 2).contiguous().transpose(1, 2)

    monkeypatch.setattr(attention.F, "scaled_dot_product_attention", scattered)
    assert torch.equal(attend(q, k, v, pattern, Backend("sdpa", "test")), usual)


def test_branches_stand_by_length_and_little_is_padding() -> None:
    pattern, spans = branched(rows_of())
    assert [length for _, _, length in spans] == sorted(length for _, _, length in spans)
    assert [(len(rows), length) for rows, length in zip(pattern.rows, pattern.lengths, strict=True)] == [
        (3, 2), (3, 4), (1, 6),
    ]  # fmt: skip
    assert sorted((row, len(branch.ids)) for row, branch, _ in spans) == sorted(
        (row, length) for row, lengths in enumerate(LENGTHS) for length in lengths
    )
    for length in range(1, 300):
        assert length <= rung(length) <= max(length + 1, length * 9 / 8)
        assert length <= rung(length, 2) <= max(length + 1, length * 3 / 2)
    assert {rung(length, 2) for length in range(9, 33)} == {12, 16, 24, 32}


def test_prefixes_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="prefixes of different lengths"):
        branched([*rows_of(), *rows_of(PREFIX + 1)])


@pytest.mark.parametrize("pointing", [True, False])
def test_a_packed_batch_is_scored_as_each_question_alone(pointing: bool) -> None:
    """The loss on answers is the mean over single prompts, whatever they were packed with and whether any points."""
    tokenizer = Tokenizer.from_file(TOKENIZER)
    config = small_config("tiny", tokenizer)
    torch.manual_seed(0)
    # As deep as it takes for the last layer to go on with the answers alone.
    config["num_hidden_layers"] = 4
    model, preprocess = build(config), preprocess_config(PREPROCESSOR, VIDEO_PREPROCESSOR)
    samples, asked = batch_samples(Plan(seed=3, batch=2, questions=3, parts=(("shapes", 1.0),)), 1, 1.0)
    samples, asked = samples[:2], [questions[:3] for questions in asked[:2]]
    if not pointing:
        bare = {"about": None, "other": None, "told": (), "spots": (), "numbers": ()}
        asked = [[replace(qa, **bare) for qa in questions] for questions in asked]
    batch = collate(samples, asked, tokenizer, model.config, preprocess)
    teachers = Teachers(config["hidden_size"], *dense_classes(), name_tokens(tokenizer))
    with torch.no_grad():
        found = losses(model, teachers, batch)
        assert pointing == any(name.startswith("point_") for name in found)
        each, weights = [], []
        for sample, questions in zip(samples, asked, strict=True):
            media = media_of(sample, preprocess)
            for qa in questions:
                row = make_row(media, [qa], tokenizer, model.config)
                branch = row.branches[0]
                scores = model(torch.tensor([row.prefix + branch.ids]), media)[0, len(row.prefix) :]
                targets = torch.tensor(branch.targets)
                each.append(F.cross_entropy(scores[targets >= 0], targets[targets >= 0], reduction="none"))
                weights.append(torch.tensor(branch.weights)[targets >= 0])
    told, weight = torch.cat(each), torch.cat(weights)
    torch.testing.assert_close(found["language"], (told * weight).sum() / weight.sum(), rtol=1e-5, atol=1e-6)
