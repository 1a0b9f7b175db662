"""Clips: python -m tests.bench.clips. Sampling against plain decoding, sparse samples against all, memory of the tower.

The clips are made for the occasion: one scene in 1080p h264, encoded once and repeated packet by packet, so that an
hour costs no more to make than ten seconds. The stages take turns after a warm-up; medians and their ratios are
printed, the last line is one JSON document. Decoding everything is timed on the shorter clip, and scaled by length
where it stands for the long one: it is the same scene again and again.
"""

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any

import av
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from model.config import PreprocessConfig
from model.loading import load, read_preprocess, resolve
from model.preprocess import prepare
from qwenvl_cli.engine import limits_of
from qwenvl_cli.media.items import LoadedMedia, SamplingOptions
from qwenvl_cli.media.source import open_media
from tests.bench.turns import facts, print_json

RATE, GROUP = 30, 250  # frames a second, frames from key frame to key frame: what x264 does by itself
SPARSE = 64
Seconds = Callable[[], float]


def texture(height: int, width: int) -> NDArray[np.uint8]:
    """Soft blotches with a little grain, larger than a frame so that the camera can pan over them."""
    random = np.random.default_rng(0)
    coarse = random.integers(64, 192, (height // 8, width // 8), dtype=np.uint8)
    soft = np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC), dtype=np.int16)
    return (soft + random.integers(-6, 7, soft.shape)).clip(0, 255).astype(np.uint8)


def write_scene(path: Path, seconds: int, size: tuple[int, int]) -> None:
    """Encode a slow pan with a square that crosses the picture."""
    width, height = size
    ground = texture(height * 5 // 4, width * 5 // 4)
    side = height // 5
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"preset": "veryfast", "crf": "23"})
        stream.width, stream.height, stream.pix_fmt, stream.gop_size = width, height, "yuv420p", GROUP
        for index in range(seconds * RATE):
            down, right = (index // 2) % (height // 4), index % (width // 4)
            grey = ground[down : down + height, right : right + width].copy()
            left = 7 * index % (width - side)
            grey[side : 2 * side, left : left + side] = 220
            planes = np.full((height * 3 // 2, width), 128, np.uint8)  # yuv420p: luma, then both chroma planes
            planes[:height] = grey
            frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
            frame.pts, frame.time_base = index, Fraction(1, RATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def repeat_scene(scene: Path, path: Path, times: int) -> None:
    """Write the packets of a scene several times over, without encoding again."""
    with av.open(str(path), "w") as target:
        stream, shift = None, 0
        for _ in range(times):
            with av.open(str(scene)) as source:
                given = source.streams.video[0]
                stream = stream or target.add_stream_from_template(given)
                step = round(given.frames / RATE / given.time_base)
                for packet in source.demux(given):
                    if packet.size:
                        packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                        packet.stream = stream
                        target.mux(packet)
                shift += step


def decode_all(path: Path) -> int:
    """Decode every frame and do nothing with it, threads as in the product."""
    with av.open(str(path)) as container:
        container.streams.video[0].thread_type = "AUTO"
        return sum(1 for _ in container.decode(video=0))


def sampled(path: Path, **sampling: Any) -> LoadedMedia:
    """Load a clip as the product does for a published checkpoint."""
    return open_media(str(path), limits_of(PreprocessConfig()), SamplingOptions(**sampling))


def timed(work: Callable[[], object], clock: Seconds) -> float:
    began = clock()
    work()
    return clock() - began


def ffmpeg_seconds(path: Path, *, cpu: bool) -> float | None:
    """Let the ffmpeg program decode the clip; None where there is none."""
    program = shutil.which("ffmpeg")
    if program is None:
        return None
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), perf_counter()
    command = [program, "-nostdin", "-v", "error", "-benchmark", "-i", str(path), "-map", "0:v:0", "-f", "null", "-"]
    subprocess.run(command, check=True, capture_output=True)
    spent, after = perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime if cpu else spent


def compare(short: Path, long: Path, stretch: float, runs: int, clock_name: str) -> dict[str, Any]:
    """Time the stages in turns and print a table; `stretch` is how much longer the long clip is."""
    clock = process_time if clock_name == "cpu" else perf_counter
    decode_all(short)  # so that the file and the libraries are in memory for everyone
    columns: dict[str, list[float]] = {"plain": [], "sampled": [], "sparse": [], "ffmpeg": []}
    for _ in range(runs):
        columns["plain"].append(timed(lambda: decode_all(short), clock))
        columns["sampled"].append(timed(lambda: sampled(short, fps=2.0), clock))
        columns["sparse"].append(timed(lambda: sampled(long, max_frames=SPARSE), clock))
        if (theirs := ffmpeg_seconds(short, cpu=clock_name == "cpu")) is not None:
            columns["ffmpeg"].append(theirs)
    seconds = {name: median(values) for name, values in columns.items() if values}
    ratios = {
        "sampled_over_plain": seconds["sampled"] / seconds["plain"],
        "everything_over_sparse": seconds["plain"] * stretch / seconds["sparse"],
    }
    if "ffmpeg" in seconds:
        ratios["sampled_over_ffmpeg"] = seconds["sampled"] / seconds["ffmpeg"]
    for name, value in seconds.items():
        print(f"{name:24}{value:>10.2f} s")
    for name, value in ratios.items():
        print(f"{name:24}{value:>10.2f} x", flush=True)
    return {"clock": clock_name, "runs": runs, "seconds": seconds, "ratios": ratios}


def status_bytes(name: str) -> int:
    """Read a figure of this process in bytes: VmRSS now, VmHWM at its highest; Linux only."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return 1024 * int(next(line.split()[1] for line in lines if line.startswith(name)))


def tower_alone(frames: int, height: int, width: int) -> None:
    """Prepare a clip and send it through the tower of the bundled model; print what memory that took."""
    loaded = load("bundled", device="cpu")
    config = read_preprocess(resolve("bundled"))
    pixels = np.random.default_rng(0).integers(0, 256, (frames, height, width, 3), dtype=np.uint8)
    with torch.inference_mode():
        loaded.model.encode_media([prepare(pixels[:2], "video", 2.0, config)])
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # forget the peak that loading had
        before = status_bytes("VmRSS")
        features = loaded.model.encode_media([prepare(pixels, "video", 2.0, config)])
    own = features.numel() * features.element_size()
    print_json({"frames": frames, "features_bytes": own, "above_bytes": status_bytes("VmHWM") - before - own})


def tower_memory(frames: int, height: int, width: int) -> dict[str, Any]:
    """Measure in a fresh process what `frames` take above the model, the frames and the features themselves."""
    command = [sys.executable, "-m", "tests.bench.clips", "--alone", str(frames), str(height), str(width)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    print(
        f"tower, {frames:4} frames      {found['above_bytes'] / 2**20:>10.0f} MiB above frames and features", flush=True
    )
    return found


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0, help="the clip that is sampled at 2 frames a second")
    parser.add_argument("--long-minutes", type=float, default=60.0, help=f"the clip of which {SPARSE} frames are taken")
    parser.add_argument("--scene-seconds", type=int, default=10)
    parser.add_argument("--size", type=int, nargs=2, default=(1920, 1080), metavar=("WIDTH", "HEIGHT"))
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall", help="cpu: beside other work")
    parser.add_argument(
        "--tower-frames", type=int, nargs="*", default=(192, 768), help="clips for the memory of the tower"
    )
    parser.add_argument("--tower-size", type=int, nargs=2, default=(644, 364), metavar=("WIDTH", "HEIGHT"))
    parser.add_argument("--alone", type=int, nargs=3, help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    """Read the arguments, make the clips, measure."""
    chosen = options()
    if chosen.alone:
        tower_alone(*chosen.alone)
        return
    width, height = chosen.size
    with tempfile.TemporaryDirectory() as scratch:
        scene, short, long = (Path(scratch, name) for name in ("scene.mp4", "short.mp4", "long.mp4"))
        write_scene(scene, chosen.scene_seconds, (width, height))
        counts = [
            max(1, round(60 * minutes / chosen.scene_seconds)) for minutes in (chosen.minutes, chosen.long_minutes)
        ]
        for path, count in zip((short, long), counts, strict=True):
            repeat_scene(scene, path, count)
        print(f"{width}x{height}, {counts[0]} and {counts[1]} scenes of {chosen.scene_seconds} s, {chosen.clock} time")
        measured = compare(short, long, counts[1] / counts[0], chosen.runs, chosen.clock)
    wide, high = chosen.tower_size
    tower = [tower_memory(frames, high, wide) for frames in chosen.tower_frames if sys.platform == "linux"]
    clip = {"width": width, "height": height, "scenes": counts, "scene_seconds": chosen.scene_seconds}
    print_json(measured | {"clips": clip, "tower": tower, "machine": facts(torch.device("cpu"), av=av.__version__)})


if __name__ == "__main__":
    main()
