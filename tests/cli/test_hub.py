"""`qwenvl models pull|rm` against a hub on this machine; in a process of its own, as the address is read once."""

import io
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from model.errors import ModelNotFound
from model.loading import resolve
from qwenvl_cli.commands.hub import _check_room, _told
from qwenvl_cli.console import Screen
from qwenvl_cli.errors import CliError
from tests.cli.harness import Result, cli
from tests.cli.hub_server import COMMIT, Hub, serving
from tests.cli.test_process import surroundings
from tests.tiny import make_checkpoint

MAIN = "from qwenvl_cli.__main__ import main\nmain()"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A hub with a checkpoint, two that are none, and one behind terms."""
    folder = make_checkpoint(tmp_path_factory.mktemp("tiny") / "tiny", shards=2)
    tiny = {path.name: path.read_bytes() for path in folder.iterdir()}
    more = {"README.md": b"---\nlicense: mit\n---\n", "model.bin": b"x" * 9, "figure.png": b"y" * 9}
    other = {"config.json": b'{"model_type": "bert"}', "model.safetensors": b"z"}
    bare = {"config.json": tiny["config.json"]}
    torn = {**tiny, "model-00002-of-00002.safetensors": b"not weights"}
    names = {"me/tiny": {**tiny, **more}, "me/bert": other, "me/bare": bare, "me/torn": torn, "me/gated": tiny}
    with serving(Hub(names, gated=frozenset({"me/gated"}))) as running:
        yield running


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, of this process too."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


def pull(hub: Hub, cache: Path, *argv: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run `qwenvl models pull` with this hub and cache."""
    env = surroundings(HF_ENDPOINT=hub.url, HF_HUB_CACHE=str(cache), HF_HUB_DISABLE_TELEMETRY="1", **more)
    line = [sys.executable, "-c", MAIN, "models", "pull", *argv]
    return subprocess.run(line, env=env, capture_output=True, text=True, timeout=100)


def test_a_checkpoint_comes_and_can_be_used(hub: Hub, cache: Path) -> None:
    """What is needed and no more; stdout is its folder; a second time nothing is downloaded."""
    done = pull(hub, cache, "me/tiny")
    assert done.returncode == 0, done.stderr
    folder = Path(done.stdout.strip())
    assert folder == resolve("me/tiny") == cache / "models--me--tiny" / "snapshots" / COMMIT
    assert {"README.md", "config.json", "tokenizer.json"} < {path.name for path in folder.iterdir()}
    assert not {"model.bin", "figure.png"} & {path.name for path in folder.iterdir()}
    assert "files to download, " in done.stderr and "use it with --model me/tiny\n" in done.stderr
    assert cli("models", "verify", "me/tiny").exit_code == 0
    given = dict(hub.given)
    again = pull(hub, cache, "me/tiny", "--quiet")
    assert (again.returncode, again.stdout, again.stderr) == (0, done.stdout, "")
    assert hub.given == given


def test_what_is_there_in_part_is_told_and_completed(hub: Hub, cache: Path) -> None:
    """After a download that was interrupted; a file that nobody needs may be missing."""
    assert pull(hub, cache, "me/tiny").returncode == 0
    folder = cache / "models--me--tiny" / "snapshots" / COMMIT
    (folder / "README.md").unlink()
    assert resolve("me/tiny") == folder
    (folder / "model-00001-of-00002.safetensors").unlink()
    with pytest.raises(ModelNotFound) as caught:
        resolve("me/tiny")
    assert caught.value.message == "me/tiny is only in part in the local Hugging Face cache"
    assert "'qwenvl models pull me/tiny'" in caught.value.hint
    assert pull(hub, cache, "me/tiny").returncode == 0
    assert cli("models", "verify", "me/tiny").exit_code == 0


@pytest.mark.parametrize(
    ("argv", "code", "cause", "remedy"),
    [
        (["me/nothing"], 5, "me/nothing is not on the hub, or is private", "check the spelling"),
        (["me/gated"], 5, "me/gated asks you to accept its terms", "do so on its page, then: hf auth login"),
        (["me/tiny", "--revision", "v9"], 5, "me/tiny has no such revision", "leave --revision out"),
        (["me/bert"], 2, "me/bert is no Qwen2.5-VL checkpoint", "its config.json names another kind"),
        (["me/bare"], 5, "me/bare has no weights in safetensors", "name a repository that has"),
        (["me/torn"], 5, "me/torn came, but", "look into"),
        (["bundled"], 2, "the bundled model comes and goes with this program", "name a hub id"),
        (["tiny"], 2, "'tiny' is no hub id", "one looks like Qwen/"),
        (["me/a--b.."], 2, "'me/a--b..' is no hub id", "one looks like Qwen/"),
    ],
)  # fmt: skip
def test_what_cannot_be_had_is_told(hub: Hub, cache: Path, argv: list[str], code: int, cause: str, remedy: str) -> None:
    """One line of cause, one of remedy."""
    done = pull(hub, cache, *argv)
    assert (done.returncode, done.stdout) == (code, "")
    assert f"error: {cause}" in done.stderr and f"\nhint: {remedy}" in done.stderr and "Traceback" not in done.stderr
    assert not list(cache.rglob("*bert*/**/*.safetensors"))


def test_a_hub_that_cannot_be_reached_is_told(hub: Hub, cache: Path) -> None:
    """No network, or a variable that forbids it."""
    nowhere = Hub({}, url="http://127.0.0.1:9")
    for done in (pull(nowhere, cache, "me/tiny"), pull(hub, cache, "me/tiny", HF_HUB_OFFLINE="1")):
        assert (done.returncode, done.stdout) == (1, "")
        assert "error: the hub could not be reached for me/tiny\nhint: check the network, and HF_" in done.stderr


def test_a_download_that_breaks_off_is_told_and_goes_on(hub: Hub, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No bug of this program: files that came whole are kept, and the command given again asks for the others."""
    for broken, why in (("half", "Consistency check failed: file should be of size"), ("500", "Server error '500")):
        monkeypatch.setattr(hub, "broken", broken)
        done = pull(hub, cache, "me/tiny")
        assert (done.returncode, done.stdout) == (1, "")
        *_, cause, remedy = done.stderr.splitlines()
        assert cause.startswith(f"error: the download of me/tiny broke off: {why}")
        assert remedy == "hint: files that came whole are kept; go on with: qwenvl models pull me/tiny"
    monkeypatch.setattr(hub, "broken", "")
    hub.given.clear()
    assert pull(hub, cache, "me/tiny").returncode == 0
    assert sorted(hub.given) == ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    assert cli("models", "verify", "me/tiny").exit_code == 0


def test_a_disk_that_is_full_is_no_broken_download() -> None:
    """What the system says of it is told as it is; the compiled downloader has errors of its own."""
    with pytest.raises(OSError, match="No space left"), _told("me/tiny"):
        raise OSError(28, "No space left on device")
    with pytest.raises(CliError, match=r"^the download of me/tiny broke off: CAS service error$"), _told("me/tiny"):
        raise RuntimeError("CAS service error\nand more")


def test_what_does_not_fit_is_not_begun(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The free space is that of the disk on which the cache will be."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "not" / "yet"))
    size, silent = 1 << 60, Screen(io.BytesIO(), io.StringIO(), io.StringIO(), {})
    file = SimpleNamespace(filename="model.safetensors", will_download=True, file_size=size)
    with pytest.raises(CliError, match=r"me/big needs 1152921\.5 TB, and .*not/yet has .* free"):
        _check_room(silent, "me/big", [file])
    file.will_download = False
    _check_room(silent, "me/big", [file])


def removed(*argv: object, tty: bool = False) -> Result:
    return cli("models", "rm", *argv, stdin_tty=tty)


def test_a_checkpoint_is_deleted_once_agreed(hub: Hub, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked at a terminal, demanded by a flag elsewhere."""
    assert pull(hub, cache, "me/tiny").returncode == 0
    refused = removed("me/tiny")
    assert refused.exit_code == 2 and "hint: add --yes to delete without a question\n" in refused.stderr
    asked: list[str] = []

    def confirm(text: str, err: bool) -> bool:
        asked.append(text)
        return len(asked) > 1

    monkeypatch.setattr("typer.confirm", confirm)
    no = removed("me/tiny", tty=True)
    assert (no.exit_code, "nothing was deleted\n" in no.stderr) == (1, True) and resolve("me/tiny").is_dir()
    yes = removed("me/tiny", tty=True)
    assert yes.exit_code == 0 and "me/tiny is deleted, " in yes.stderr
    assert asked[0].startswith("Delete me/tiny (") and str(cache) in asked[0]
    assert not (cache / "models--me--tiny").exists()
    gone = removed("me/tiny", "--yes")
    assert gone.exit_code == 5 and "error: me/tiny is not in the local Hugging Face cache\n" in gone.stderr


def test_what_is_not_ours_is_not_deleted(cache: Path, tmp_path: Path) -> None:
    """Another kind of model, a folder, the bundled model."""
    snapshot = cache / "models--me--bert" / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").write_text('{"model_type": "bert"}')
    (cache / "models--me--bert" / "refs").mkdir()
    (cache / "models--me--bert" / "refs" / "main").write_text(COMMIT)
    for name, message in (
        ("me/bert", "me/bert is no Qwen2.5-VL checkpoint\nhint: delete it with: hf cache rm model/me/bert"),
        (tmp_path, f"{tmp_path} is a folder, not a hub id"),
        ("bundled", "the bundled model comes and goes with this program"),
    ):
        result = removed(name, "--yes")
        assert result.exit_code == 2 and message in result.stderr
    assert (snapshot / "config.json").exists()
