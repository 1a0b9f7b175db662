"""A model's name to a model ready to answer: `bundled`, a folder, or a hub id that the local cache holds.

Nothing here needs torch until `load` is called, so that media can be decoded while torch is still being imported.
"""

from __future__ import annotations

import os
import re
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from model.checkpoint import digest, read_config, stored_format
from model.config import (
    GenerationDefaults,
    ModelConfig,
    PreprocessConfig,
    generation_defaults,
    preprocess_config,
)
from model.errors import BackendUnavailable, ConfigError, ModelNotFound
from model.reading import NEEDED, read_json
from model.tokenizer import (
    END_OF_TEXT,
    IM_END,
    IMAGE_PAD,
    VIDEO_PAD,
    VISION_END,
    VISION_START,
    Tokenizer,
)

if TYPE_CHECKING:
    from model.qwen import QwenVL

BUNDLED = "bundled"
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
EXAMPLE = "Qwen/Qwen2.5-VL-3B-Instruct"


@dataclass
class LoadedModel:
    """A model on its device, with everything that belongs to it."""

    model: QwenVL
    tokenizer: Tokenizer
    config: ModelConfig
    preprocess: PreprocessConfig
    generation: GenerationDefaults
    id: str
    digest: str
    device: str
    dtype: str
    quantize: str = "none"


def resolve(name: str, *, offline: bool = False) -> Path:
    """Find the folder of a model on this machine; raise ModelNotFound, with what to do, when there is none.

    A folder that exists is always taken as a folder, and a name that looks like a path is never taken as a hub id.
    `offline` only changes the advice: the look-up itself never uses the network.
    """
    if name == BUNDLED:
        return _bundled()
    path = Path(name).expanduser()
    if name and path.is_dir():
        return path
    if name and path.exists():
        raise ModelNotFound(f"{name} is a file, not the folder of a model", "give the folder that holds config.json")
    if _looks_like_path(name):
        raise ModelNotFound(f"no such folder: {name}", "check the spelling, or give a hub id such as " + EXAMPLE)
    if not HUB_ID.fullmatch(name):
        hint = f"give 'bundled', a folder, or a hub id such as {EXAMPLE}"
        raise ModelNotFound(f"{name!r} is neither a folder nor a hub id", hint)
    return _cached(name, offline)


def _bundled() -> Path:
    folder = Path(__file__).parent / "small"
    if not (folder / "config.json").exists():
        hint = f"install the package again, or give --model a folder or a hub id such as {EXAMPLE}"
        raise ModelNotFound("the bundled model is not part of this installation", hint)
    return folder


def _looks_like_path(name: str) -> bool:
    separators = {os.sep, "/"} | ({os.altsep} if os.altsep else set())
    many = sum(name.count(separator) for separator in separators) > 1
    return not name or name.startswith((".", "~", *separators)) or many or Path(name).is_absolute()


def _cached(name: str, offline: bool) -> Path:
    """Look a hub id up in the local Hugging Face cache."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(name, local_files_only=True, allow_patterns=list(NEEDED)))
    except HFValidationError as error:
        raise ModelNotFound(f"{name!r} is not a valid hub id", f"a hub id looks like {EXAMPLE}") from error
    except LocalEntryNotFoundError as error:
        when = "once you are online, run" if offline else "run"
        hint = f"{when} 'qwenvl models pull {name}', or give the folder of a model"
        # By its name: the library tells the two apart since its version 2.
        part = type(error).__name__ == "IncompleteSnapshotError"
        what = "only in part in" if part else "not in"
        raise ModelNotFound(f"{name} is {what} the local Hugging Face cache", hint) from error


def read_preprocess(folder: Path) -> PreprocessConfig:
    """Read how media become patches: preprocessor_config.json, or its place in the newer processor_config.json."""
    joint = folder / "processor_config.json"
    if not (folder / "preprocessor_config.json").exists() and joint.exists():
        parts = read_json(joint)
        if isinstance(parts.get("image_processor"), dict):
            return preprocess_config(parts["image_processor"], parts.get("video_processor"))
    video = folder / "video_preprocessor_config.json"
    image = read_json(folder / "preprocessor_config.json")
    return preprocess_config(image, read_json(video) if video.exists() else None)


def read_generation(folder: Path, tokenizer: Tokenizer) -> GenerationDefaults:
    """Read generation_config.json; a folder that names no end of an answer gets ChatML's."""
    file = folder / "generation_config.json"
    read = generation_defaults(read_json(file) if file.exists() else {})
    if read.eos_token_ids:
        return read
    ends = (tokenizer.token_id(IM_END), tokenizer.token_id(END_OF_TEXT))
    return replace(read, eos_token_ids=ends)


def check_together(config: ModelConfig, preprocess: PreprocessConfig, tokenizer: Tokenizer) -> None:
    """Raise ConfigError when the files of a folder do not belong together."""
    hint = "the folder mixes files of different models: download it again"
    named = {
        IMAGE_PAD: config.image_token_id,
        VIDEO_PAD: config.video_token_id,
        VISION_START: config.vision_start_token_id,
        VISION_END: config.vision_end_token_id,
    }
    for token, wanted in named.items():
        if tokenizer.token_id(token) != wanted:
            raise ConfigError(
                f"{token} is {tokenizer.token_id(token)} in the tokenizer and {wanted} in config.json", hint
            )
    if tokenizer.vocab_size > config.text.vocab_size:
        raise ConfigError(
            f"the tokenizer has {tokenizer.vocab_size} tokens, the network {config.text.vocab_size}", hint
        )
    vision = config.vision
    ours = (vision.patch_size, vision.temporal_patch_size, vision.spatial_merge_size)
    theirs = (preprocess.patch_size, preprocess.temporal_patch_size, preprocess.merge_size)
    if ours != theirs:
        raise ConfigError(f"patch, time and merge sizes are {theirs} for media and {ours} for the network", hint)


def unfilled() -> AbstractContextManager[object]:
    """Leave out the random values of new layers, which the stored weights replace at once.

    On the meta device they cost no memory, but drawing them there makes torch import its compiler, sympy included:
    as long again as `import torch` takes.
    """
    from torch.overrides import TorchFunctionMode

    class Unfilled(TorchFunctionMode):
        def __torch_function__(
            self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
        ) -> Any:
            named = kwargs or {}
            if getattr(func, "__module__", None) == "torch.nn.init":
                return named["tensor"] if "tensor" in named else args[0]
            return func(*args, **named)

    return Unfilled()


def packing(folder: Path, asked: str) -> str:
    """The format to run a folder in: the one asked for, or the one it is stored in.

    Raises BackendUnavailable for an unknown format, and where another one is stored.
    """
    stored = stored_format(folder)
    if asked not in ("none", "int8", "int4"):
        raise BackendUnavailable(f"--quantize {asked} is unknown", "use none, int8 or int4")
    if "none" not in (stored, asked) and stored != asked:
        raise BackendUnavailable(
            f"the weights in {folder} are packed as {stored} already",
            "leave --quantize out, or use the full checkpoint",
        )
    return stored if asked == "none" else asked


def load(
    name: Path | str,
    *,
    device: str = "auto",
    dtype: str = "auto",
    quantize: str = "none",
    attention: str = "auto",
    offline: bool = False,
) -> LoadedModel:
    """Load a model by folder or name; every error is typed and says what to do."""
    folder = name if isinstance(name, Path) else resolve(name, offline=offline)
    config = read_config(folder)
    preprocess, tokenizer = read_preprocess(folder), Tokenizer.from_file(folder)
    check_together(config, preprocess, tokenizer)
    packed = packing(folder, quantize)

    import torch

    from model.attention import resolve_backend
    from model.devices import choose_device, choose_dtype
    from model.quantize import quantized
    from model.qwen import QwenVL
    from model.weights import load_weights, stored_dtype

    where = choose_device(device)
    kind = choose_dtype(dtype, where, stored_dtype(folder), config)
    with torch.device("meta"), unfilled():
        network = QwenVL(config, resolve_backend(attention, where, kind))
        if packed != "none":
            quantized(network, packed, kind)
    load_weights(network, folder, config, where, kind)
    return LoadedModel(
        model=network.eval(),
        tokenizer=tokenizer,
        config=config,
        preprocess=preprocess,
        generation=read_generation(folder, tokenizer),
        id=BUNDLED if folder == Path(__file__).parent / "small" else str(name),
        digest=digest(folder),
        device=str(where),
        dtype=str(kind).removeprefix("torch."),
        quantize=packed,
    )
