"""Sparse samples are decoded from the key frames before them, and are the frames that decoding everything gives."""

from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from qwenvl_cli.media import video
from qwenvl_cli.media.items import LoadedMedia
from qwenvl_cli.media.timeline import Segment, Timeline
from tests.media.makers import load, write_clip

COUNT, SIZE = 240, (112, 56)
SLOW = [index * 0.1 + (index // 9) * 0.5 for index in range(COUNT)]
HEVC = {"preset": "ultrafast"}
CLIPS = {
    "h264-closed.mp4": {"codec": "libx264", "gop": 30, "bframes": 3},
    "h264-open.mkv": {"codec": "libx264", "options": {"x264-params": "open-gop=1:bframes=3:keyint=30:scenecut=0"}},
    "h264-open.ts": {"codec": "libx264", "options": {"x264-params": "open-gop=1:bframes=3:keyint=30:scenecut=0"}},
    "h264-variable.mp4": {"codec": "libx264", "gop": 30, "bframes": 3, "times": SLOW},
    "h264-refresh.mkv": {"codec": "libx264", "options": {"x264-params": "intra-refresh=1:keyint=30"}},
    "h264-refresh.ts": {"codec": "libx264", "options": {"x264-params": "intra-refresh=1:keyint=30"}},
    "hevc-closed.mp4": {
        "codec": "libx265",
        "options": {**HEVC, "x265-params": "log-level=none:keyint=30:open-gop=0:bframes=3:scenecut=0"},
    },
    "hevc-open.mkv": {
        "codec": "libx265",
        "options": {**HEVC, "x265-params": "log-level=none:keyint=30:open-gop=1:bframes=3:scenecut=0"},
    },
    "vp9-variable.webm": {
        "codec": "libvpx-vp9",
        "gop": 30,
        "times": SLOW,
        "options": {"deadline": "realtime", "cpu-used": "8"},
    },
    "mpeg2-open.ts": {"codec": "mpeg2video", "gop": 15, "bframes": 2, "rate": 25},
}


def picture(index: int) -> NDArray[np.uint8]:
    """A texture that moves on with every frame: a wrong reference, or a neighbour, cannot look the same."""
    texture = np.random.default_rng(1).integers(0, 256, (SIZE[1], COUNT * 2 + SIZE[0], 3), dtype=np.uint8)
    return np.ascontiguousarray(texture[:, 2 * index : 2 * index + SIZE[0]])


@pytest.fixture(scope="module")
def pictures() -> list[NDArray[np.uint8]]:
    return [picture(index) for index in range(COUNT)]


def everything_decoded(path: Path, monkeypatch: pytest.MonkeyPatch, **sampling: float) -> LoadedMedia:
    """Load with one segment from the first packet to the last."""
    with monkeypatch.context() as patch:
        patch.setattr(Timeline, "segments", lambda self, wanted: [Segment(0, len(self.marks) - 1)])
        return load(path, **sampling)


@pytest.mark.parametrize("name", CLIPS)
def test_seeking_gives_the_frames_of_decoding_everything(
    name: str, pictures: list[NDArray[np.uint8]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = CLIPS[name]
    if settings["codec"] not in av.codecs_available:
        pytest.skip(f"this PyAV has no {settings['codec']}")
    path = write_clip(tmp_path / name, pictures, size=SIZE, **settings)  # type: ignore[arg-type]
    sent: list[bool] = []
    try_decode = video._try_decode
    monkeypatch.setattr(video, "_try_decode", lambda *a: sent.append(a[1] is not None) or try_decode(*a))
    for sampling in ({"max_frames": 4}, {"max_frames": 4, "start": 2.0}):
        whole = everything_decoded(path, monkeypatch, **sampling)
        sent.clear()
        sparse = load(path, **sampling)
        assert sparse.frame_times == whole.frame_times and sparse.warnings == whole.warnings == []
        assert np.array_equal(sparse.frames, whole.frames)
        if "refresh" not in name:
            assert sum(sent) < 0.75 * COUNT, "sparse samples must not decode everything"
    assert np.abs(np.diff(whole.frames.astype(int), axis=0)).mean() > 10, "the samples must differ for this to tell"
