"""The bench of clips runs, on clips small enough for a test, and its clips are what it says."""

import json
import os
import subprocess
import sys
from pathlib import Path

import av
import pytest

from tests.bench.clips import RATE, decode_all, repeat_scene, write_scene

ROOT = Path(__file__).parents[2]


def test_a_scene_is_repeated_without_a_gap(tmp_path: Path) -> None:
    scene, clip = tmp_path / "scene.mp4", tmp_path / "clip.mp4"
    write_scene(scene, 1, (112, 64))
    repeat_scene(scene, clip, 3)
    assert decode_all(scene) == RATE and decode_all(clip) == 3 * RATE
    with av.open(str(clip)) as container:
        times = [frame.time for frame in container.decode(video=0)]
    assert times == pytest.approx([index / RATE for index in range(3 * RATE)], abs=1e-3)


def test_the_bench_prints_its_table_and_one_line_of_json() -> None:
    command = [sys.executable, "-m", "tests.bench.clips", "--minutes", "0.05", "--long-minutes", "0.2", "--runs", "1"]
    command += ["--scene-seconds", "1", "--size", "112", "64", "--tower-frames", "4", "--tower-size", "56", "56"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True, timeout=300)
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["clips"]["scenes"] == [3, 12]
    assert {"plain", "sampled", "sparse"} <= result["seconds"].keys()
    assert result["ratios"]["sampled_over_plain"] > 0 and result["ratios"]["everything_over_sparse"] > 0
    assert "sampled_over_plain" in done.stdout and result["machine"]["av"] == av.__version__
    if sys.platform == "linux":
        assert result["tower"][0]["frames"] == 4 and result["tower"][0]["features_bytes"] == 2 * 4 * 256 * 4
