"""What the media libraries of this installation can read, for `qwenvl doctor`; nothing is imported until asked."""

from typing import Any

# Each codec's software decoders; ffmpeg's own av1 needs hardware for it.
DECODERS = {"h264": ("h264",), "hevc": ("hevc",), "vp9": ("vp9",), "av1": ("libdav1d", "libaom-av1", "libgav1")}
FORMATS = ("webp", "avif")


def clips() -> dict[str, Any]:
    """Return the versions of PyAV and of ffmpeg's libraries, and which decoders there are."""
    import av

    versions = {name: ".".join(map(str, numbers)) for name, numbers in sorted(av.library_versions.items())}
    decoders = {name: any(map(_has_decoder, choices)) for name, choices in DECODERS.items()}
    return {"av": av.__version__, "ffmpeg": av.ffmpeg_version_info, "libraries": versions, "decoders": decoders}


def _has_decoder(name: str) -> bool:
    from av.codec import Codec
    from av.codec.codec import UnknownCodecError

    try:
        return bool(Codec(name, "r").is_decoder)
    except UnknownCodecError:
        return False


def pictures() -> dict[str, Any]:
    """Return the version of Pillow and, of the formats that not every build has, the library's version or None."""
    import PIL
    from PIL import features

    formats = {name: features.version(name) if features.check(name) else None for name in FORMATS}
    return {"pillow": PIL.__version__, "formats": formats}


def heic() -> str | None:
    """Return the version of the package that reads HEIC; None where it is not installed."""
    try:
        import pillow_heif
    except ImportError:
        return None
    return str(pillow_heif.__version__)
