"""What answering several files at the same time gains: python -m tests.bench.together --model DIR --quantize int8.

The same pictures go through the engine of the command line in groups of each size, sizes taking turns after a warm-up;
medians of seconds a file, their ratio to one at a time, and how many answers are the same to the letter. The last line
is one JSON document.
"""

import argparse
from collections.abc import Sequence
from itertools import cycle, islice
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import torch

from qwenvl_cli.answering import pixel_limits
from qwenvl_cli.engine import LocalEngine, Request
from qwenvl_cli.media.source import SamplingOptions, open_media
from qwenvl_cli.options import AnswerOptions, MediaOptions, ModelOptions
from qwenvl_cli.results import Message
from tests.bench.turns import facts, print_json

SAMPLES = Path(__file__).parents[2] / "samples"
ALONE = 1


def requests_of(engine: LocalEngine, count: int, media: MediaOptions) -> list[Request]:
    """So many requests to describe a picture, the samples over and over."""
    limits, sampling = pixel_limits(engine.limits, media), SamplingOptions()
    names = islice(cycle(sorted(SAMPLES.glob("*.png"))), count)
    asked = [Message("user", (0, "Describe this image."))]
    return [(asked, [open_media(str(path), limits, sampling)]) for path in names]


def answer_all(
    engine: LocalEngine, requests: Sequence[Request], options: AnswerOptions, size: int
) -> tuple[float, list[str]]:
    """Answer in groups of a size -> seconds a request, and the texts."""
    began = perf_counter()
    texts: list[str] = []
    for start in range(0, len(requests), size):
        group = requests[start : start + size]
        texts += [done.text for done in engine.generate_batch(group, options, logprobs=False)]
    return (perf_counter() - began) / len(requests), texts


def take_turns(
    engine: LocalEngine, requests: Sequence[Request], options: AnswerOptions, sizes: Sequence[int], runs: int
) -> dict[int, dict[str, float]]:
    """Measure every size, one warm-up each, then `runs` rounds; return medians, ratios and how many are the same."""
    texts = {size: answer_all(engine, requests, options, size)[1] for size in sizes}
    rounds = [{size: answer_all(engine, requests, options, size)[0] for size in sizes} for _ in range(runs)]
    seconds = {size: median(one[size] for one in rounds) for size in sizes}
    same = {size: sum(map(str.__eq__, texts[size], texts[sizes[0]])) for size in sizes}
    return {
        size: {"seconds_each": seconds[size], "ratio": seconds[sizes[0]] / seconds[size], "same": same[size]}
        for size in sizes
    }


def main(argv: Sequence[str] | None = None) -> None:
    """Read the arguments, measure, print the table and the document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="bundled")
    parser.add_argument("--quantize", choices=("none", "int8", "int4"), default="none")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--pictures", type=int, default=16)
    parser.add_argument("--pixels", type=int, help="bring the pictures to about this many")
    parser.add_argument("--max-tokens", type=int, default=64)
    parser.add_argument("--sizes", default="2,4,8,16")
    parser.add_argument("--runs", type=int, default=5)
    given = parser.parse_args(argv)
    engine = LocalEngine(ModelOptions(model=given.model, quantize=given.quantize, device=given.device))
    requests = requests_of(engine, given.pictures, MediaOptions(min_pixels=given.pixels, max_pixels=given.pixels))
    options = AnswerOptions(max_tokens=given.max_tokens)
    sizes = [ALONE, *map(int, given.sizes.split(","))]
    rows = take_turns(engine, requests, options, sizes, given.runs)
    print(f"{'at a time':>10}{'seconds each':>16}{'ratio':>10}{'same answers':>16}")
    for size, row in rows.items():
        print(f"{size:>10}{row['seconds_each']:>16.4f}{row['ratio']:>9.2f}x{row['same']:>9.0f} of {len(requests)}")
    result: dict[str, Any] = {**vars(given), "machine": facts(torch.device(engine.describe().device)), "rows": rows}
    print_json(result)


if __name__ == "__main__":
    main()
