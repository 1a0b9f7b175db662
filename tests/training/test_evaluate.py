"""A model is measured: what is counted, how a report is told, and where it is saved."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from model.loading import load
from model.training import card, evaluate
from model.training.assets import pack as packs
from model.training.data import held_out
from model.training.evaluate import TRAINED, examined, measured_before
from model.training.export import SMALL
from model.training.parts import parts
from model.training.reports import Outcome, report
from model.training.tables import counted, listed, table


def outcome(
    name: str, lang: str, wanted: str, answer: str, probability: float = 0.9, new: bool = False, reworded: bool = False
) -> Outcome:
    skill, _, part = name.rstrip(")").partition(" (")
    return Outcome(name, part or "shapes", skill, lang, "?", wanted, answer, probability, new, reworded, 0)


def test_the_report_counts_exact_answers() -> None:
    outcomes = [
        outcome("shape", "en", "star", "star", 0.9),
        outcome("shape", "en", "star", "ring", 0.4, new=True),
        outcome("shape", "zh", "星形", "星形", 0.7),
        outcome("count", "en", "3", " 3", 0.8),
        outcome("count", "en", "3", "4", 0.1, reworded=True),
    ]
    measured = report(outcomes)
    assert measured["skills"]["shape"] == {
        "n": 3,
        "exact": 66.7,
        "en": {"n": 2, "exact": 50.0},
        "zh": {"n": 1, "exact": 100.0},
        "new_wording": {"n": 0, "exact": 0.0},
    }
    assert measured["skills"]["count"]["new_wording"] == {"n": 1, "exact": 0.0}
    assert measured["known_wordings"] == {"n": 4, "exact": 75.0}
    assert measured["new_wordings"] == {"n": 1, "exact": 0.0}
    assert measured["new_pairs"] == {"n": 1, "exact": 0.0} and measured["seen_pairs"]["exact"] == 100.0
    assert measured["median_probability"] == {"right": 0.8, "wrong": 0.4}
    assert "| count | 1 | 100.0 | 100.0 | - | 0.0 (1) |" in table("skill", measured["skills"])


def test_names_of_photos_are_counted_by_what_they_show() -> None:
    pear = outcome("name (photos)", "en", "pear", "pear")
    outcomes = [
        replace(pear, group="grocery"),
        replace(pear, group="grocery", answer="lime"),
        replace(pear, group="unknown", wanted="I cannot tell"),
        outcome("name (things)", "en", "dog", "cat"),
    ]
    measured = report(outcomes)
    by_group = {"grocery": {"n": 2, "exact": 50.0}, "unknown": {"n": 1, "exact": 0.0}}
    assert measured["groups"] == {"name (photos)": by_group}
    assert "- name (photos): 50.0 % of 2 named right or left unnamed that show grocery" in listed(measured)


def test_answers_are_counted_by_the_ground_that_things_stand_on() -> None:
    dog = outcome("name (things)", "en", "dog", "dog")
    outcomes = [
        replace(dog, ground="plain"),
        replace(dog, ground="waves"),
        replace(dog, ground="photo", answer="cat"),
        replace(dog, ground="photo", new_wording=True),
        outcome("shape", "en", "star", "star"),
    ]
    measured = report(outcomes)
    assert measured["grounds"] == {"things": {"plain": {"n": 1, "exact": 100.0}, "other": {"n": 2, "exact": 50.0}}}
    assert "- things: 100.0 % of 1 answers exact on plain grounds, 50.0 % of 2 on others" in listed(measured)


@pytest.mark.parametrize("name", ["things", "drawings", "short_text"])
def test_an_exam_tells_the_ground_of_its_pictures(name: str) -> None:
    loaded = load(SMALL, device="cpu")
    exam = evaluate.Exam(parts()[name], held_out(3, name), each=1)
    drawn = [args.make().facts["texture"] for args in exam.samples]
    assert {found.ground for found in evaluate.ask_all(loaded, exam)} == set(drawn)


def test_totals_are_by_the_part_that_asked() -> None:
    star = outcome("shape", "en", "star", "star")
    outcomes = [
        replace(star, name="when (events)", part="events", skill="when"),
        star,
        replace(star, name="name (things)", part="things", answer="ring"),
        replace(star, name="count (things)", part="things", lang="zh"),
        replace(star, name="count (things)", part="things", new_wording=True),
        replace(star, name="order", part="clips", skill="order"),
    ]
    measured = report(outcomes)
    assert list(measured["parts"]) == ["events", "shapes", "things", "clips"]
    assert measured["parts"]["things"] == {
        "n": 2,
        "exact": 50.0,
        "en": {"n": 1, "exact": 0.0},
        "zh": {"n": 1, "exact": 100.0},
        "new_wording": {"n": 1, "exact": 100.0},
    }
    by_part, by_skill = counted(measured)
    assert by_part.startswith("| part |") and "| things | 2 | 50.0 | 0.0 | 100.0 | 100.0 (1) |" in by_part
    assert by_skill.startswith("| skill |") and "| name (things) | 1 | 0.0 |" in by_skill


def test_times_are_told_and_rows_that_wanted_no_number_are_not() -> None:
    when = outcome("when (events)", "en", "at 3 seconds", "at 3.5 seconds")
    outcomes = [
        when,
        replace(when, answer="at 4 seconds"),
        replace(when, name="length (events)", skill="length", wanted="8 seconds", answer="8 seconds"),
        outcome("count (any_films)", "en", "I cannot tell", "I cannot tell"),
    ]
    told = listed(report(outcomes))
    assert (
        "- when (events): 50.0 % of 2 times within 0.5 seconds, off by 0.75 on average, 0 answers without a number"
        in told
    )
    assert "- length (events): 100.0 % of 1 times within 0.5 seconds" in told
    assert "count (any_films): off by" not in told


def test_wrong_characters_are_told_of_rows_of_enough_texts() -> None:
    read = outcome("read", "en", "7", "a long text")
    texts = [outcome("read (text)", "en", "stop", "shop")] * 15
    told = listed(report([read, *texts]))
    assert "- read (text): 25.0 % of the characters of 15 texts wrong" in told
    assert "- read: 0.0 % of 1 texts of digits exact" in told and "- read: 1" not in told


def test_the_list_says_where_answers_are_called_uncertain() -> None:
    star = outcome("shape", "en", "star", "star", 0.995)
    told = listed(report([star, star, replace(star, probability=0.7), replace(star, answer="ring", probability=0.7)]))
    assert told.endswith("\n- called uncertain below 0.99: 50.0 % of 2 answers exact there, 100.0 % of 2 from there on")


def test_reports_of_earlier_versions_are_told(tmp_path: Path) -> None:
    """They name their parts, keep times among other numbers, and know nothing of newer rows."""
    measured = report([outcome("shape", "en", "star", "star"), outcome("count (events)", "en", "3", "3")])
    del measured["time_error"], measured["groups"]
    old = measured | {"parts": ["shapes", "events", "held_things"], "pictures": 4, "clips": 2}
    old["number_error"] |= {"when (events)": {"mean": 0.04, "no_number": 0, "n": 51}}
    (by_skill,) = counted(old)
    text = card.measured_text(old)
    assert by_skill in text and "| part |" not in text and "drawing styles that training never met" in text
    assert "- when (events): off by 0.04 on average, 0 of 51 answers without a number" in text
    (tmp_path / "evaluation.json").write_text(json.dumps(old), encoding="utf-8")
    assert measured_before(str(tmp_path)) == ("shapes", "events", "held_things")


def test_the_card_counts_by_part_before_it_counts_by_skill() -> None:
    measured = report([outcome("count (events)", "en", "3", "3")]) | {"pictures": 4, "clips": 2}
    text = card.measured_text(measured)
    assert 0 < text.index("| events | 1 | 100.0 |") < text.index("| count (events) | 1 | 100.0 |")


def measure(monkeypatch: pytest.MonkeyPatch, *words: str) -> None:
    """Run the command on next to nothing."""
    small = ("--samples", "1", "--each", "1", "--parts", "shapes", "clips", "--device", "cpu")
    monkeypatch.setattr("sys.argv", ["evaluate", *small, *words])
    evaluate.main()


def test_a_report_is_always_saved_and_never_over_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    measure(monkeypatch)
    told = capsys.readouterr().out
    assert told.startswith("| part |") and told.endswith("\nsaved in evaluation.json\n")
    measured = json.loads((tmp_path / "evaluation.json").read_text(encoding="utf-8"))
    assert list(measured["parts"]) == list(measured_before(str(tmp_path))) == ["shapes", "clips"]
    measure(monkeypatch, "--parts", "shapes")
    assert capsys.readouterr().out.endswith("\nsaved in evaluation-2.json\n")
    assert json.loads((tmp_path / "evaluation.json").read_text(encoding="utf-8")) == measured
    measure(monkeypatch, "--parts", "shapes", "--out", "mine.json")
    assert json.loads((tmp_path / "mine.json").read_text(encoding="utf-8"))["clips"] == 1


@pytest.mark.parametrize("words", [("--out", "model/evaluation.json"), ("--out", "absent/report.json"), ()])
def test_a_place_where_no_report_belongs_is_refused_before_anything_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text("{}", encoding="utf-8")
    monkeypatch.chdir(tmp_path if words else folder)
    monkeypatch.delattr(evaluate, "load")
    with pytest.raises(SystemExit):
        measure(monkeypatch, *words)
    assert "--out" in capsys.readouterr().err and [path.name for path in folder.iterdir()] == ["config.json"]


@pytest.mark.parametrize("missing", ["model", "packs"])
def test_what_is_missing_is_told_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], missing: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(packs.VARIABLE, str(tmp_path))
    packs.pack.cache_clear()
    words = ("--model", "absent") if missing == "model" else ("--parts", "things")
    with pytest.raises(SystemExit, match=r"absent.*: .+" if missing == "model" else r"training\.assets --out"):
        measure(monkeypatch, *words)
    packs.pack.cache_clear()
    assert not list(tmp_path.iterdir())


def test_a_report_without_later_rows_is_told_as_far_as_it_goes() -> None:
    measured = report([outcome("count", "en", "3", "3")])
    early = {key: measured[key] for key in ("parts", "skills", "known_wordings", "median_probability")}
    assert listed(early) == ""


def test_what_was_measured_says_which_parts_to_measure_again(tmp_path: Path) -> None:
    assert examined(("shapes", "things")) == ("shapes", "things", "held_things", "unseen_things")
    assert measured_before(str(tmp_path)) == TRAINED
    (tmp_path / "evaluation.json").write_text('{"parts": ["text"]}', encoding="utf-8")
    assert measured_before(str(tmp_path)) == ("text",)
