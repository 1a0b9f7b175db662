"""Clips through PyAV: sampled by presentation time, turned upright, each frame resized as it is decoded.

A clip is read twice: once for the times in its packets, which needs no decoding, and once to decode what is sampled.
"""

from __future__ import annotations

import os
import struct
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, BinaryIO

import av
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.sidedata.sidedata import Type as SideDataType
from av.stream import Disposition
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream
from numpy.typing import NDArray

from qwenvl_cli.errors import MediaError
from qwenvl_cli.media.canvas import MOST_WAITING, Canvas, check_pixels
from qwenvl_cli.media.items import LoadedMedia, PixelLimits, SamplingOptions
from qwenvl_cli.media.sampling import FramePlan, plan_frames
from qwenvl_cli.media.timeline import Mark, Segment, Timeline

# Containers with an index, where a seek is cheap and lands on a key frame; elsewhere packets are skipped undecoded.
_INDEXED = ("mov", "matroska")
_SEEK_GAP = 64
_IO_BYTES = 1 << 18
_PIXEL_ASPECTS = (0.1, 10.0)
# Titles and other tags that are not UTF-8 stop PyAV unless it is told otherwise; from 19 on it takes them as they are.
_TAGS: dict[str, Any] = {"metadata_errors": "replace"} if int(av.__version__.split(".")[0]) < 19 else {}
_COPY_AGAIN = "copy or download the clip again"


class _Bytes:
    """A file without a name: ffmpeg would take one such as `%03d.png` for a pattern, whatever the bytes say."""

    def __init__(self, handle: BinaryIO) -> None:
        self.read, self.seek, self.tell = handle.read, handle.seek, handle.tell


class _SeekMissed(Exception):
    """A seek landed after the wanted key frame, or nowhere known."""


class _StartMissed(Exception):
    """Decoding cannot really begin at a packet that is marked as a key frame."""


def load_clip(handle: BinaryIO, limits: PixelLimits, sampling: SamplingOptions) -> LoadedMedia:
    """Decode the sampled frames of a clip."""
    notes: list[str] = []
    timeline, pixel_aspect = _scan(handle, notes)
    frame_limits = sampling.frame_limits(limits)
    plan = plan_frames(
        timeline.times, timeline.duration, timeline.mean_rate, frame_limits, sampling.start, sampling.end
    )
    canvas = Canvas(len(plan.indices), limits, pixel_aspect)
    taken = _fill(canvas, handle, timeline, plan, notes)
    times = [timeline.times[index] for index in taken]
    sampled_fps = _after_losses(plan, times, notes)
    return LoadedMedia(
        path="",
        kind="video",
        frames=canvas.frames,
        width=canvas.width,
        height=canvas.height,
        duration=timeline.duration,
        frame_times=times,
        sampled_fps=sampled_fps,
        padding=canvas.padding,
        warnings=notes + canvas.notes,
        patch_size=limits.factor // 2,
    )


def _after_losses(plan: FramePlan, times: list[float], notes: list[str]) -> float:
    """Tell of sampled frames that could not be decoded, refuse a clip that lost most; return the real sampled fps."""
    lost = len(plan.indices) - len(times)
    if not lost:
        return plan.sampled_fps
    if len(times) * 2 < len(plan.indices):
        raise MediaError(f"the clip is too damaged: {lost} of {len(plan.indices)} sampled frames are lost", _COPY_AGAIN)
    notes.append(f"the clip is damaged: {lost} of {len(plan.indices)} sampled frames are lost")
    return plan.fps_of(times)


@contextmanager
def _opened(handle: BinaryIO) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Open the clip at its video stream."""
    handle.seek(0)
    try:
        container = av.open(_Bytes(handle), mode="r", buffer_size=_IO_BYTES, **_TAGS)
    except av.FFmpegError as error:
        raise MediaError(
            "the clip cannot be opened: its header or index is missing or damaged",
            f"{_COPY_AGAIN}; a recording that was cut off needs its recorder's repair tool",
        ) from error
    with container:
        moving = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
        if not moving:
            raise MediaError("there is sound but no video in this file", "give a clip that has a picture track")
        stream = next((s for s in moving if s.disposition & Disposition.default), moving[0])
        if stream.codec_context is None:
            raise MediaError("the clip uses a codec that is unknown here", "convert it to MP4 (H.264) first")
        check_pixels(stream.codec_context.width, stream.codec_context.height)
        yield container, stream


def _scan(handle: BinaryIO, notes: list[str]) -> tuple[Timeline, float]:
    """Read the packets without decoding; return the timeline and the width of a pixel over its height."""
    marks: list[Mark] = []
    with _opened(handle) as (container, stream):
        try:
            for packet in container.demux(stream):
                if packet.size:
                    shown = not (packet.is_discard or packet.is_corrupt)
                    marks.append(Mark(packet.pts, packet.dts, packet.is_keyframe, shown, packet.duration or 0))
        except av.FFmpegError:
            notes.append("the clip is damaged: it is read up to the damage")
        rate = float(stream.average_rate or stream.guessed_rate or 0)
        # An edit list that trims a clip leaves the count of its header; the index, where PyAV has it, is trimmed.
        expected = min(stream.frames, len(getattr(stream, "index_entries", ())) or stream.frames)
        timeline = Timeline(marks, float(stream.time_base or 0) or 1.0, rate)
        aspect = float(stream.sample_aspect_ratio or stream.codec_context.sample_aspect_ratio or 1)
    if not any(mark.shown for mark in marks):
        raise MediaError("the clip holds no frames", _COPY_AGAIN)
    if len(marks) < expected:
        notes.append(f"the clip is cut off: {len(marks)} of {expected} frames are there")
    return timeline, aspect if _PIXEL_ASPECTS[0] <= aspect <= _PIXEL_ASPECTS[1] else 1.0


def _fill(canvas: Canvas, handle: BinaryIO, timeline: Timeline, plan: FramePlan, notes: list[str]) -> list[int]:
    """Decode the planned frames onto the canvas; return the indices of those that could be had."""
    wanted = {timeline.order[index] for index in plan.indices} if timeline.exact else None
    converter, taken, orientation, damaged = VideoReformatter(), list[int](), 0, 0
    last: VideoFrame | None = None
    # Decoding is spread over the cores by ffmpeg; a single thread that resizes could not keep up with it.
    with ThreadPoolExecutor(min(os.cpu_count() or 1, MOST_WAITING), "qwenvl-resize") as threads:
        for slot, frame in _pick(_frames(handle, timeline, wanted), timeline, plan):
            # One matrix holds for the whole clip, and asking a frame for it ties the frame into a reference cycle.
            orientation = orientation or _orientation(frame)
            if frame is last:
                canvas.repeat()
            else:
                canvas.add(_pixels(frame, converter), orientation, threads)
                damaged += frame.is_corrupt
            last = frame
            taken.append(plan.indices[slot])
    if damaged:
        notes.append(f"the clip is damaged: {damaged} of {len(taken)} sampled frames may look wrong")
    return taken


def _pick(frames: Iterator[VideoFrame], timeline: Timeline, plan: FramePlan) -> Iterator[tuple[int, VideoFrame]]:
    """Give (slot of the plan, frame). The next frame stands in for one that is lost, if no other slot wants it."""
    order, exact = timeline.order, timeline.exact
    wanted = [timeline.marks[order[index]].ticks for index in plan.indices] if exact else plan.indices
    slot = 0
    for count, frame in enumerate(frames):
        at = frame.pts if exact else count
        while at is not None and slot < len(wanted) and wanted[slot] <= at:
            if wanted[slot] == at or slot + 1 == len(wanted) or at < wanted[slot + 1]:
                yield slot, frame
            slot += 1
        if slot == len(wanted):
            return


def _frames(handle: BinaryIO, timeline: Timeline, wanted: set[int] | None) -> Iterator[VideoFrame]:
    """Decode what the frames at the `wanted` file positions (None: all) need, in order.

    Frames come twice when the clip's word on key frames proves unreliable and reading starts over.
    """
    segments = timeline.segments(wanted or ())
    try:
        try:
            yield from _decode(handle, timeline, segments, wanted, seeking=True)
        except _SeekMissed:
            yield from _decode(handle, timeline, segments, wanted, seeking=False)
    except _StartMissed:
        yield from _decode(handle, timeline, [Segment(0, segments[-1].last)], wanted, seeking=False)


def _decode(
    handle: BinaryIO, timeline: Timeline, segments: list[Segment], wanted: set[int] | None, *, seeking: bool
) -> Iterator[VideoFrame]:
    with _opened(handle) as (container, stream):
        stream.thread_type = "AUTO"
        indexed = seeking and any(name in container.format.name for name in _INDEXED)
        position = -1
        for segment in segments:
            if indexed and segment.first - position > _SEEK_GAP:
                packets = _after_seek(container, stream, timeline, segment.first)
            else:
                packets = _numbered(container, stream, position + 1)
            frames = _decode_segment(stream.codec_context, packets, segment, wanted)
            if segment.first and wanted is not None:
                frames = _complete(frames, _ticks_within(timeline, segment, wanted))
            yield from frames
            position = segment.last


def _decode_segment(
    decoder: VideoCodecContext,
    packets: Iterator[tuple[int, Packet[VideoStream]]],
    segment: Segment,
    wanted: set[int] | None,
) -> Iterator[VideoFrame]:
    """Decode the packets of a segment; those before it are read past."""
    decoder.flush_buffers()
    for position, packet in packets:
        if position >= segment.first:
            # A frame that nobody wants and no other frame builds on costs a third of the work for nothing.
            decoder.skip_frame = "DEFAULT" if wanted is None or position in wanted else "NONREF"
            yield from _try_decode(decoder, packet)
        if position >= segment.last:
            break
    yield from _try_decode(decoder, None)


def _ticks_within(timeline: Timeline, segment: Segment, wanted: set[int]) -> list[int]:
    """Return when the wanted frames of a segment are shown, in order."""
    return sorted(timeline.marks[at].ticks for at in range(segment.first, segment.last + 1) if at in wanted)


def _complete(frames: Iterable[VideoFrame], ticks: list[int]) -> Iterator[VideoFrame]:
    """Pass on the frames of a segment that begins inside a clip; raise where one due at `ticks` is missing or damaged.

    Some key frames are so in name only: where a clip refreshes its picture bit by bit, a decoder shows nothing until
    the whole picture is there.
    """
    due = deque(ticks)
    for frame in frames:
        shown = frame.pts is not None and bool(due) and frame.pts >= due[0]
        if shown and (frame.pts != due.popleft() or frame.is_corrupt):
            raise _StartMissed
        yield frame
    if due:
        raise _StartMissed


def _numbered(
    container: InputContainer, stream: VideoStream, position: int
) -> Iterator[tuple[int, Packet[VideoStream]]]:
    """Give packets with their file position, `position` being that of the next one; damage ends the file."""
    try:
        for packet in container.demux(stream):
            if packet.size:
                yield position, packet
                position += 1
    except av.FFmpegError:
        return


def _after_seek(
    container: InputContainer, stream: VideoStream, timeline: Timeline, first: int
) -> Iterator[tuple[int, Packet[VideoStream]]]:
    """Seek to the key frame at file position `first`; the position is known again by the time of the packet found."""
    try:
        container.seek(timeline.marks[first].ticks, stream=stream)
    except av.FFmpegError as error:
        raise _SeekMissed from error
    shift: int | None = None
    for count, packet in _numbered(container, stream, 0):
        if shift is None:
            found = timeline.position_of(packet.pts)
            if found is None or found > first:
                raise _SeekMissed
            shift = found - count
        yield count + shift, packet


def _try_decode(decoder: VideoCodecContext, packet: Packet[VideoStream] | None) -> list[VideoFrame]:
    """Decode a packet, or with None what the decoder still holds; a packet that cannot be decoded gives nothing."""
    try:
        return decoder.decode(packet)
    except av.FFmpegError:
        return []


def _pixels(frame: VideoFrame, converter: VideoReformatter) -> NDArray[np.uint8]:
    """Convert a frame of any pixel format and depth to (H, W, 3) RGB, or (H, W, 4) where it has an alpha channel."""
    layout = "rgba" if any(part.is_alpha for part in frame.format.components) else "rgb24"
    return np.asarray(converter.reformat(frame, format=layout).to_ndarray(), dtype=np.uint8)


def _orientation(frame: VideoFrame) -> int:
    """Return the EXIF number of the turn that the clip's display matrix asks for.

    The matrix (a b u, c d v, x y w) takes a point to (a x + c y, b x + d y), y down; the signs of its larger pair are
    one of the eight turns.
    """
    side_data: Any = frame.side_data  # PyAV before 19 declares it as something else
    try:
        matrix = side_data[SideDataType.DISPLAYMATRIX]
    except KeyError:
        return 1
    a, b, _, c, d = struct.unpack("=9i", bytes(matrix))[:5]
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return {(False, False): 1, (True, False): 2, (True, True): 3, (False, True): 4}[a < 0, d < 0]
    return {(False, False): 5, (True, False): 6, (True, True): 7, (False, True): 8}[c < 0, b < 0]
