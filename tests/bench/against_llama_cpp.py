"""Ours against llama.cpp, text only: python -m tests.bench.against_llama_cpp --checkpoint DIR --gguf FILE.

Prefill and decode of the same random prompt in one process, in turns (A B A B ...) after a warm-up, with as many
threads on both sides; the last line is one JSON document. Without llama-cpp-python it says so and ends well.

The GGUF of a random checkpoint is made with the converter of the llama.cpp repository (which needs transformers and
sentencepiece). It takes the text half of the architecture, and knows the published vocabulary only, so the checkpoint
must have been made where that was at hand; `tiny` never is.

    python -m tests.bench.make_checkpoint 3b DIR
    python llama.cpp/convert_hf_to_gguf.py DIR --outfile model-q8_0.gguf --outtype q8_0     (or bf16, f16, f32)
    llama.cpp/build/bin/llama-quantize model-bf16.gguf model-q4_0.gguf Q4_0                 (for the 4-bit formats)

With --converter llama.cpp/convert_hf_to_gguf.py this program does the first two for the occasion. Fair pairs are bf16
with --quantize none, q8_0 with int8, q4_0 with int4. Weights must agree in shape only, since speed depends on no more.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from model.cache import KVCache
from model.config import ModelConfig
from model.loading import load
from tests.bench.make_checkpoint import SHAPES, make_checkpoint
from tests.bench.turns import CLOCKS, clock_of, facts, print_head, print_json, take_turns

MISSING = "llama-cpp-python is not installed, so there is nothing to compare with: pip install llama-cpp-python"
Clock = Callable[[], float]


class Ours:
    """This project on text alone: the steps that `generate` takes, greedily."""

    def __init__(self, folder: Path, quantize: str, ids: int, tokens: int, clock: Clock) -> None:
        self.loaded = load(folder, device="cpu", quantize=quantize)
        self.ids, self.tokens, self.clock = random_ids(self.loaded.config, ids), tokens, clock

    @torch.inference_mode()
    def prefill(self) -> float:
        """Seconds from the prompt to the first token."""
        began = self.clock()
        self._read()
        return self.clock() - began

    def _read(self) -> tuple[Tensor, KVCache]:
        network = self.loaded.model
        cache = network.new_cache(1, len(self.ids) + self.tokens)
        logits = network.prefill(torch.tensor([self.ids]), [], cache)  # (B, V)
        return logits.argmax(-1), cache

    @torch.inference_mode()
    def decode(self) -> float:
        """Seconds a token after the first."""
        token, cache = self._read()
        began = self.clock()
        for _ in range(self.tokens):
            token = self.loaded.model.step(token, cache).argmax(-1)  # (B,)
        return (self.clock() - began) / self.tokens


class LlamaCpp:
    """llama.cpp through its Python binding, greedily; nothing but tokens crosses the border."""

    def __init__(self, gguf: Path, ids: Sequence[int], tokens: int, clock: Clock) -> None:
        from llama_cpp import Llama

        threads = torch.get_num_threads()
        self.model = Llama(
            model_path=str(gguf),
            n_ctx=len(ids) + tokens,
            n_threads=threads,
            n_threads_batch=threads,
            verbose=False,
        )
        self.ids, self.tokens, self.clock = list(ids), tokens, clock

    def prefill(self) -> float:
        """Seconds from the prompt to the first token."""
        began = self.clock()
        self._read()
        return self.clock() - began

    def _read(self) -> int:
        self.model.reset()
        self.model.eval(self.ids)
        return self._choose()

    def _choose(self) -> int:
        return int(self.model.sample(temp=0.0, repeat_penalty=1.0))

    def decode(self) -> float:
        """Seconds a token after the first."""
        token = self._read()
        began = self.clock()
        for _ in range(self.tokens):
            self.model.eval([token])
            token = self._choose()
        return (self.clock() - began) / self.tokens

    def differs_from(self, config: ModelConfig) -> str:
        """Say how the GGUF is of another shape than the checkpoint; nothing when it is not."""
        text, known = config.text, self.model.metadata
        pairs = {
            "vocabulary": (text.vocab_size, self.model.n_vocab()),
            "width": (text.hidden_size, self.model.n_embd()),
            "layers": (text.num_hidden_layers, _number(known, ".block_count")),
            "inner width": (text.intermediate_size, _number(known, ".feed_forward_length")),
        }
        return ", ".join(f"{name} {theirs}, not {ours}" for name, (ours, theirs) in pairs.items() if ours != theirs)


def _number(metadata: dict[str, str], ending: str) -> int:
    return int(next((value for key, value in metadata.items() if key.endswith(ending)), "0"))


def random_ids(config: ModelConfig, count: int) -> list[int]:
    """Return a prompt of ordinary tokens: those below the control tokens."""
    most = min(config.image_token_id, config.video_token_id, config.vision_start_token_id, config.vision_end_token_id)
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, most, (count,), generator=generator).tolist()


def convert(converter: Path, folder: Path, kind: str, gguf: Path) -> Path:
    """Run llama.cpp's converter, which tells its progress on stderr, on a checkpoint."""
    command = [sys.executable, str(converter), str(folder), "--outfile", str(gguf), "--outtype", kind]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return gguf


def compare(ours: Ours, theirs: LlamaCpp, runs: int) -> dict[str, Any]:
    """Print the table and return what was measured."""
    print(f"{ours.loaded.dtype}, ours quantised: {ours.loaded.quantize}, {len(ours.ids)} tokens of prompt")
    print_head("llama.cpp")
    stages = {
        "prefill": (Ours.prefill, LlamaCpp.prefill),
        "decode, a token": (Ours.decode, LlamaCpp.decode),
    }
    rows = take_turns(stages, ours, theirs, runs)
    count = len(ours.ids)
    for side in ("ours", "theirs"):
        read, written = count / rows["prefill"][f"{side}_s"], 1 / rows["decode, a token"][f"{side}_s"]
        print(f"{side}: {read:.1f} tokens/s of prompt, {written:.1f} tokens/s of answer")
    return {"dtype": ours.loaded.dtype, "quantize": ours.loaded.quantize, "prompt_tokens": count, "stages": rows}


def arguments_of(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", choices=SHAPES, default="small")
    parser.add_argument("--checkpoint", type=Path, help="folder of make_checkpoint; made for the occasion when missing")
    parser.add_argument("--gguf", type=Path, help="the same architecture for llama.cpp")
    parser.add_argument("--converter", type=Path, help="convert_hf_to_gguf.py, where no --gguf is given")
    parser.add_argument("--type", choices=("q8_0", "bf16", "f16", "f32"), default="q8_0", help="what it converts to")
    parser.add_argument("--quantize", choices=("none", "int8", "int4"), default="int8", help="our side")
    parser.add_argument("--prompt", type=int, default=256, help="tokens of prompt")
    parser.add_argument("--tokens", type=int, default=24, help="tokens to decode")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--clock", choices=CLOCKS, default="wall", help="cpu: processor seconds, beside other work")
    arguments = parser.parse_args(argv)
    if find_spec("llama_cpp") is not None and not arguments.gguf and not arguments.converter:
        parser.error("give --gguf FILE, or --converter llama.cpp/convert_hf_to_gguf.py to make one")
    return arguments


def main(argv: Sequence[str] | None = None) -> None:
    """Read the arguments, make what is missing, measure."""
    arguments = arguments_of(argv)
    if find_spec("llama_cpp") is None:
        print(MISSING)
        return
    with tempfile.TemporaryDirectory() as scratch:
        there = Path(scratch)
        folder = arguments.checkpoint or make_checkpoint(arguments.shape, there / arguments.shape)
        gguf = arguments.gguf or convert(arguments.converter, folder, arguments.type, there / "model.gguf")
        clock = clock_of(arguments.clock, torch.device("cpu"))
        ours = Ours(folder, arguments.quantize, arguments.prompt, arguments.tokens, clock)
        theirs = LlamaCpp(gguf, ours.ids, arguments.tokens, clock)
        if different := theirs.differs_from(ours.loaded.config):
            raise SystemExit(f"{gguf} is of another shape than {folder}: {different}")
        result = compare(ours, theirs, arguments.runs)
        known = facts(torch.device("cpu"), llama_cpp_python=version("llama-cpp-python"))
        print_json({"clock": arguments.clock, "runs": arguments.runs, "gguf": gguf.name} | result | {"machine": known})


if __name__ == "__main__":
    main()
