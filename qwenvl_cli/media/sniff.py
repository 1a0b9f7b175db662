"""What a file is, by its first bytes and never by its name. Only formats named here are handed to a decoder.

The closed list is also a fence: play lists, scripts and other text that ffmpeg would follow to further files are not
media to this program.
"""

import os
from typing import BinaryIO, Literal

Sniffed = Literal["image", "video", "animation"]

HEAD_BYTES = 4096
_AVIF = {b"avif", b"avis"}
_HEIF = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1", b"miaf"}
_MP4_BOXES = {b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"styp", b"moof", b"sidx"}
# What may stand at the top of a HEIC or AVIF, motion photos among them.
_PICTURE_BOXES = _MP4_BOXES | {b"meta", b"meco", b"uuid", b"mpvd", b"mfra", b"emsg", b"prft", b"pdin", b"ssix"}
_IMAGES = (
    b"\xff\xd8\xff",
    b"BM",
    b"II*\x00",
    b"MM\x00*",
    b"II+\x00",
    b"MM\x00+",
    b"8BPS",
    b"qoif",
    b"DDS ",
    b"icns",
    b"\x00\x00\x01\x00",
    b"\x00\x00\x00\x0cjP  ",
    b"\xff\x4f\xff\x51",
)
_VIDEOS = (
    b"\x1a\x45\xdf\xa3",
    b"OggS",
    b"FLV\x01",
    b"\x30\x26\xb2\x75\x8e\x66\xcf\x11",
    b"\x00\x00\x01\xba",
    b"\x00\x00\x01\xb3",
    b"\x00\x00\x00\x01",
    b"\x00\x00\x01\x67",
    b"DKIF",
    b"YUV4MPEG2",
    b"\x06\x0e\x2b\x34",
    b".RMF",
    b"nut/multimedia container",
    b"ID3",
    b"fLaC",
    b"\xff\xfb",
    b"\xff\xf1",
)
_NETPBM = (b"1", b"2", b"3", b"4", b"5", b"6", b"7", b"f", b"F")


def is_heif(head: bytes) -> bool:
    """Tell whether these are the first bytes of a HEIC/HEIF picture (and not of an AVIF, which is its cousin)."""
    return _brand_family(head) == "heif"


def is_cut_off(handle: BinaryIO) -> bool:
    """Tell whether a file of the ISO family (HEIC, AVIF) ends before its boxes do; others are taken to be whole.

    Some decoders fill what is missing with grey and say nothing. What phones and programs append is no box and counts
    for nothing.
    """
    end = handle.seek(0, os.SEEK_END)
    at = 0
    while at < end:
        handle.seek(at)
        head = handle.read(16)
        if head[4:8] not in _PICTURE_BOXES or (at == 0 and head[4:8] != b"ftyp"):
            break
        size = int.from_bytes(head[:4], "big")
        size = int.from_bytes(head[8:16], "big") if size == 1 else size
        if size == 0:  # the last box reaches to the end of the file
            break
        at += max(size, 8)
    handle.seek(0)
    return at > end


def sniff(first_bytes: bytes) -> Sniffed | None:
    """Say what the first bytes (4096 are enough) begin: a picture, a moving picture, a clip, or None of these.

    "animation" is a picture format whose header announces more than one frame; the decoder has the last word, since a
    GIF tells only at its end whether it moves.

    >>> sniff(b"\\xff\\xd8\\xff\\xe0" + bytes(20)), sniff(b"GIF89a"), sniff(b"\\x1a\\x45\\xdf\\xa3"), sniff(b"hello")
    ('image', 'animation', 'video', None)
    """
    head = first_bytes
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "animation"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "animation" if b"acTL" in head.partition(b"IDAT")[0] else "image"
    if head.startswith(b"RIFF"):
        return _sniff_riff(head)
    family = _brand_family(head)
    if family:
        return "animation" if family == "avis" else "image"
    if head[4:8] in _MP4_BOXES or head.startswith(_VIDEOS) or _is_transport_stream(head):
        return "video"
    if head.startswith(_IMAGES) or _is_netpbm(head):
        return "image"
    return None


def _is_netpbm(head: bytes) -> bool:
    return head[:1] == b"P" and head[1:2] in _NETPBM and head[2:3].isspace()


def _sniff_riff(head: bytes) -> Sniffed | None:
    form = head[8:12]
    if form == b"WEBP":
        moving = head[12:16] == b"VP8X" and len(head) > 20 and bool(head[20] & 2)
        return "animation" if moving else "image"
    return "video" if form in (b"AVI ", b"AVIX", b"WAVE") else None


def _brand_family(head: bytes) -> Literal["avif", "avis", "heif"] | None:
    """Return which picture format an ISO file holds; None for clips, even those that list `mif1` among their brands."""
    if head[4:8] != b"ftyp" or len(head) < 12 or head[8:12] not in _AVIF | _HEIF:
        return None
    end = min(int.from_bytes(head[:4], "big"), len(head))
    brands = {head[8:12]} | {head[at : at + 4] for at in range(16, end - 3, 4)}
    if brands & _AVIF:
        return "avis" if b"avis" in brands else "avif"
    return "heif"


def _is_transport_stream(head: bytes) -> bool:
    """Recognise MPEG-TS by its sync byte every 188 bytes, or every 192 after a 4-byte stamp (m2ts)."""
    for offset, step in ((0, 188), (4, 192)):
        marks = head[offset::step][:4]
        if len(marks) >= 3 and set(marks) == {0x47}:
            return True
    return False
