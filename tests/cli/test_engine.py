"""The real engine behind the commands, on a tiny random checkpoint: flags reach the network, errors come back."""

import gc
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from model.loading import LoadedModel
from qwenvl_cli.engine import LocalEngine
from qwenvl_cli.environment import local_engine
from qwenvl_cli.results import LOW_CONFIDENCE_ELSEWHERE
from tests.cli.harness import Result, cli
from tests.cli.test_process import surroundings
from tests.tiny import make_checkpoint

Make = Callable[..., Path]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a tiny checkpoint."""
    return make_checkpoint(tmp_path_factory.mktemp("model") / "tiny")


def real(model: Path, *argv: object) -> Result:
    """Run a command with the real engine, on the CPU and with short answers."""
    where = ("--model", model, "--device", "cpu", "--max-tokens", 24)
    return cli(*argv, *where, make_engine=local_engine)


def test_records_of_the_real_engine(model: Path, picture: Make) -> None:
    """Counts and times are the network's; the same question gives the same answer."""
    path = picture()
    record = real(model, "describe", path, "--json", "--logprobs").json
    assert record["model"]["id"] == str(model) and len(record["model"]["digest"]) == 64
    assert (record["model"]["dtype"], record["model"]["device"]) == ("float32", "cpu")
    assert record["usage"]["completion_tokens"] == len(record["logprobs"]) <= 24
    assert record["usage"]["vision_tokens"] == record["media"][0]["tokens"]
    assert all(record["timing"][stage] > 0 for stage in ("load_s", "decode_s", "vision_s", "prefill_s", "generate_s"))
    assert 0 < record["confidence"]["min"] <= record["confidence"]["mean"] <= 1
    assert real(model, "describe", path, "--json").json["text"] == record["text"]


@pytest.mark.parametrize(("line", "warned"), [(None, True), (0.0, False), (0.04, True)])
def test_the_line_of_low_confidence_comes_with_the_model(
    model: Path, picture: Make, tmp_path: Path, line: float | None, warned: bool
) -> None:
    """A model that names none has the one of models that were not measured; an answer of random weights is below it."""
    folder = shutil.copytree(model, tmp_path / "own")
    file = folder / "generation_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"low_confidence": line}))
    record = real(folder, "describe", picture(), "--json").json
    least = LOW_CONFIDENCE_ELSEWHERE if line is None else line
    assert (record["confidence"]["mean"] < least) is warned
    assert any("low confidence" in warning for warning in record["warnings"]) is warned


def test_every_flag_reaches_the_network(model: Path, picture: Make) -> None:
    """Seeds repeat, a stop text stops, a system text is read, pixels follow the limits, attention may be chosen."""
    path = picture()
    hot = ("--json", "--temperature", 2, "--seed")
    sampled = [real(model, "describe", path, *hot, seed).json["text"] for seed in (1, 1, 2)]
    assert sampled[0] == sampled[1] != sampled[2]
    plain = real(model, "describe", path, "--json").json
    stop = next(char for char in plain["text"] if char.isalnum())
    assert real(model, "describe", path, "--json", "--stop", stop).json["text"] == plain["text"].split(stop)[0]
    longer = real(
        model, "describe", path, "--json", "--system", "Answer in one very short sentence, please, only."
    ).json
    assert longer["usage"]["prompt_tokens"] > plain["usage"]["prompt_tokens"]
    bigger = real(model, "describe", path, "--json", "--min-pixels", 200 * 200).json
    assert bigger["media"][0]["tokens"] > plain["media"][0]["tokens"]
    assert real(model, "describe", path, "--json", "--attention", "eager").json["text"] == plain["text"]
    assert (
        real(model, "ask", path, path, "What?", "--json").json["usage"]["vision_tokens"]
        == 2 * plain["media"][0]["tokens"]
    )


def test_a_model_that_is_not_there_or_not_whole(model: Path, picture: Make, tmp_path: Path) -> None:
    """Exit 5, before or after decoding; stdout stays empty."""
    path = picture()
    for name in ("/no/such/folder", "no-such-name", str(tmp_path)):
        result = real(Path(name), "describe", path)
        assert (result.exit_code, result.stdout) == (5, ""), name
        assert [line.split(":")[0] for line in result.stderr.splitlines()] == ["error", "hint"]
    torn = make_checkpoint(tmp_path / "torn")
    weights = torn / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    result = real(torn, "describe", path)
    assert (result.exit_code, result.stdout, "error: the weights in " in result.stderr) == (5, "", True)


def test_the_search_for_garbage_rests_only_while_loading(model: Path, picture: Make, tmp_path: Path) -> None:
    """It is on again after a model was loaded, and after one could not be; who had turned it off finds it off."""
    path, seen = picture(), []
    torn = make_checkpoint(tmp_path / "torn")
    (torn / "model.safetensors").write_bytes(b"")
    read = LocalEngine._read

    def watched(engine: LocalEngine) -> LoadedModel:
        seen.append(gc.isenabled())
        return read(engine)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LocalEngine, "_read", watched)
        assert real(model, "describe", path).exit_code == 0 and gc.isenabled()
        assert real(torn, "describe", path).exit_code == 5 and gc.isenabled()
        gc.disable()
        try:
            assert real(model, "describe", path).exit_code == 0 and not gc.isenabled()
        finally:
            gc.enable()
    assert seen == [False] * 3


def test_a_device_that_is_not_there_is_usage(model: Path, picture: Make) -> None:
    """cuda:63 exists nowhere this test runs."""
    result = cli("describe", picture(), "--model", model, "--device", "cuda:63", make_engine=local_engine)
    assert (result.exit_code, result.stdout) == (2, "")


def test_models_show_and_verify(model: Path, tmp_path: Path) -> None:
    """Without torch; problems are listed and end with 5."""
    shown = cli("models", "show", model, "--json").json
    assert (shown["language"]["layers"], shown["vision"]["layers"], shown["problems"]) == (3, 4, [])
    assert shown["parameters"] * 4 == shown["bytes"]
    card = tmp_path / "carded"
    shutil.copytree(model, card)
    (card / "README.md").write_text("---\nlicense: \x1b]0;title\x07\x1b[31mfree\n---\n")
    told = cli("models", "show", card).stdout
    assert " free\n" in told and "\x1b" not in told  # what was downloaded does not steer the terminal
    assert "parameters: " in cli("models", "show", model).stdout
    whole = cli("models", "verify", model)
    assert (whole.exit_code, whole.stdout.split()[-1]) == (0, "model.safetensors")
    torn = make_checkpoint(tmp_path / "torn", shards=2)
    (torn / "model-00002-of-00002.safetensors").unlink()
    result = cli("models", "verify", torn)
    assert result.exit_code == 5
    assert "shard not on disk: model-00002-of-00002.safetensors\n" in result.stderr
    assert f"error: {torn} has " in result.stderr
    assert cli("models", "show", "no/such").exit_code == 5


def test_models_list_finds_the_architecture_in_the_cache(model: Path, tmp_path: Path) -> None:
    """And leaves out everything else that the cache holds."""
    cache = tmp_path / "hub"
    for name, text in (("models--Qwen--Tiny", (model / "config.json").read_text()), ("models--x--y", "{}")):
        snapshot = cache / name / "snapshots" / ("a" * 40)
        snapshot.mkdir(parents=True)
        (snapshot / "config.json").write_text(text)
        (cache / name / "refs").mkdir()
        (cache / name / "refs" / "main").write_text("a" * 40)
    code = "import sys\nfrom qwenvl_cli.__main__ import main\nmain()"
    env = surroundings(HF_HUB_CACHE=str(cache))
    done = subprocess.run([sys.executable, "-c", code, "models", "list"], env=env, capture_output=True, text=True)
    assert (done.returncode, done.stderr.replace("no models on this machine\n", "")) == (0, "")
    assert [line.split()[0] for line in done.stdout.splitlines() if not line.startswith("bundled")] == ["Qwen/Tiny"]


def test_torch_loads_beside_decoding_without_harm(model: Path, picture: Make) -> None:
    """Both import numpy and their own C extensions at the same time: tried in a fresh process."""
    code = "from qwenvl_cli.__main__ import main\nmain()"
    argv = [
        "describe",
        picture("a.png"),
        picture("b.png"),
        "--model",
        model,
        "--max-tokens",
        "2",
        "-q",
        "--device",
        "cpu",
    ]
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, argv)], env=surroundings(), capture_output=True, text=True
    )
    assert (done.returncode, done.stderr, done.stdout.count("== ")) == (0, "", 2)
