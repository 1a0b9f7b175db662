"""`qwenvl models pull|rm`: published checkpoints from the Hugging Face hub into its local cache, and out of it."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qwenvl_cli.commands.models import Traceback, is_qwen25_vl, models, size_text
from qwenvl_cli.console import Screen
from qwenvl_cli.environment import environment
from qwenvl_cli.errors import CliError, Interrupted, ModelMissing, UsageError
from qwenvl_cli.options import BUNDLED, OUTPUT_PANEL

__all__ = ["models"]  # with what is added to them here

if TYPE_CHECKING:
    from huggingface_hub import CachedRepoInfo, HFCacheInfo

HubId = Annotated[str, typer.Argument(metavar="HUB_ID", help="Such as Qwen/Qwen2.5-VL-3B-Instruct.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Only the result.", rich_help_panel=OUTPUT_PANEL)]
ABOUT = ("README.md", "LICENSE*")  # beside what is needed: the card and the terms


@models.command("pull")
def pull(
    context: typer.Context,
    name: HubId,
    revision: Annotated[str | None, typer.Option(metavar="REV", help="A branch, tag or commit.")] = None,
    quiet: Quiet = False,
    traceback: Traceback = False,
) -> None:
    """Download a checkpoint, or what is missing of it, into the local Hugging Face cache."""
    from model.checkpoint import inspect
    from model.reading import NEEDED

    screen = environment(context).screen
    screen.quiet = quiet
    _check_id(name)
    with _told(name):
        from huggingface_hub import snapshot_download
        from huggingface_hub.utils.tqdm import disable_progress_bars

        if quiet or not screen.smart_err:
            disable_progress_bars()
        screen.status(f"asking for {name} …")
        _check_kind(name, revision)
        wanted: dict[str, Any] = {"revision": revision, "allow_patterns": [*NEEDED, *ABOUT]}
        _check_room(screen, name, snapshot_download(name, dry_run=True, **wanted))
        folder = snapshot_download(name, **wanted)
    problems = inspect(Path(folder)).problems
    if problems:
        raise ModelMissing(f"{name} came, but {problems[0].kind}: {problems[0].what}", f"look into {folder}")
    screen.write(f"{folder}\n")
    screen.note(f"use it with --model {name}")


@models.command("rm")
def remove(
    context: typer.Context,
    name: HubId,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    quiet: Quiet = False,
    traceback: Traceback = False,
) -> None:
    """Delete a checkpoint, all its revisions, from the local Hugging Face cache."""
    screen = environment(context).screen
    screen.quiet = quiet
    _check_id(name)
    cache, repo = _find(name)
    size = size_text(repo.size_on_disk)
    if not (yes or _agreed(screen, f"Delete {name} ({size}) from {repo.repo_path}?")):
        screen.note("nothing was deleted")
        raise typer.Exit(1)
    cache.delete_revisions(*(revision.commit_hash for revision in repo.revisions)).execute()
    if repo.repo_path.exists():
        raise CliError(f"{repo.repo_path} could not be deleted whole", "check its permissions, then delete it by hand")
    screen.note(f"{name} is deleted, {size} are free")


def _agreed(screen: Screen, question: str) -> bool:
    """Ask at the terminal."""
    if not screen.stdin_tty:
        raise UsageError("standard input is no terminal to ask at", "add --yes to delete without a question")
    try:
        return bool(typer.confirm(question, err=True))
    except typer.Abort as error:
        raise Interrupted("nothing was deleted") from error


def _check_id(name: str) -> None:
    """Refuse what is here already, or is no id."""
    from model.loading import HUB_ID

    if name == BUNDLED:
        raise UsageError("the bundled model comes and goes with this program", "name a hub id, or leave it as it is")
    if os.path.isdir(name):
        raise UsageError(f"{name} is a folder, not a hub id", f"use it as it is, with --model {name}")
    if not HUB_ID.fullmatch(name):
        raise UsageError(f"{name!r} is no hub id", "one looks like Qwen/Qwen2.5-VL-3B-Instruct")


def _check_kind(name: str, revision: str | None) -> None:
    """Refuse another architecture before gigabytes of it are on the way."""
    from huggingface_hub import hf_hub_download

    config = Path(hf_hub_download(name, "config.json", revision=revision))
    if not is_qwen25_vl(config.parent):
        raise UsageError(f"{name} is no Qwen2.5-VL checkpoint", "its config.json names another kind of model")


def _check_room(screen: Screen, name: str, files: list[Any]) -> None:
    """Say how much is on its way; refuse what does not fit, and a repository without safetensors."""
    from huggingface_hub.constants import HF_HUB_CACHE

    if not any(file.filename.endswith(".safetensors") for file in files):
        raise ModelMissing(f"{name} has no weights in safetensors", "name a repository that has")
    coming = [file for file in files if file.will_download]
    size = sum(file.file_size or 0 for file in coming)
    place = Path(HF_HUB_CACHE)
    there = next(folder for folder in (place, *place.parents) if folder.exists())
    free = shutil.disk_usage(there).free
    if size > free:
        raise CliError(
            f"{name} needs {size_text(size)}, and {place} has {size_text(free)} free",
            "make room, or set HF_HUB_CACHE to a folder on another disk",
        )
    screen.note(f"{len(coming)} of {len(files)} files to download, {size_text(size)}, into {place}")


@contextmanager
def _told(name: str) -> Iterator[None]:
    """Turn what the hub's library raises into errors with a remedy.

    A download that breaks off leaves as an OSError without a number, as the HTTPError of whichever httpx that library
    uses (its own error derives from these two), or as a RuntimeError of the compiled downloader.
    """
    from huggingface_hub import errors

    broken_off: tuple[type[Exception], ...] = (RuntimeError, *errors.HfHubHTTPError.__bases__)
    kept = f"files that came whole are kept; go on with: qwenvl models pull {name}"
    try:
        yield
    except KeyboardInterrupt as error:
        raise Interrupted("interrupted", kept) from error
    except errors.GatedRepoError as error:
        raise ModelMissing(f"{name} asks you to accept its terms", "do so on its page, then: hf auth login") from error
    except errors.RevisionNotFoundError as error:
        raise ModelMissing(f"{name} has no such revision", "leave --revision out for the newest") from error
    except errors.RepositoryNotFoundError as error:
        hint = "check the spelling; for a private one: hf auth login"
        raise ModelMissing(f"{name} is not on the hub, or is private", hint) from error
    except errors.HFValidationError as error:
        raise UsageError(f"{name!r} is no hub id", "one looks like Qwen/Qwen2.5-VL-3B-Instruct") from error
    except errors.RemoteEntryNotFoundError as error:
        raise ModelMissing(f"{name} has no config.json", "name a repository with a checkpoint") from error
    except (errors.LocalEntryNotFoundError, errors.DryRunError, ConnectionError) as error:
        hint = "check the network, and HF_ENDPOINT, HF_HUB_OFFLINE and HTTPS_PROXY if they are set"
        raise CliError(f"the hub could not be reached for {name}", hint) from error
    except broken_off as error:
        if isinstance(error, OSError) and error.strerror:
            raise  # the disk's trouble, which says what it is
        why = next(iter(str(error).splitlines()), "") or type(error).__name__
        raise CliError(f"the download of {name} broke off: {why}", kept) from error


def _find(name: str) -> "tuple[HFCacheInfo, CachedRepoInfo]":
    """Find a checkpoint in the cache; one of another kind is not ours to delete."""
    from huggingface_hub import constants, scan_cache_dir
    from huggingface_hub.errors import CacheNotFound

    absent = ModelMissing(f"{name} is not in the local Hugging Face cache", "qwenvl models list shows what is")
    try:
        cache = scan_cache_dir(constants.HF_HUB_CACHE)
    except CacheNotFound as error:
        raise absent from error
    for repo in cache.repos:
        if repo.repo_type == "model" and repo.repo_id == name:
            if not any(is_qwen25_vl(revision.snapshot_path) for revision in repo.revisions):
                raise UsageError(f"{name} is no Qwen2.5-VL checkpoint", f"delete it with: hf cache rm model/{name}")
            return cache, repo
    raise absent
