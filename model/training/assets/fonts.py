"""Cuts open fonts down to what training writes: Latin letters and signs, and common Chinese in one of them."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from model.training.assets.fetch import Source, unpacked
from model.training.assets.names import named_things

LATIN = "".join(map(chr, range(32, 127))) + "¡¢£¥©®°±·¿×÷ÀÁÂÄÅÆÇÈÉÊËÍÎÑÓÔÖØÚÜßàáâäåæçèéêëíîïñóôöøùúûü–—‘’“”•…€™←↑→↓"
CHINESE_SIGNS = "，。、；：？！“”‘’（）《》【】—…·￥％"
DEBIAN = "usr/share/fonts"


@dataclass(frozen=True)
class Face:
    """One font file of a package; `capitals` where it has no small letters of its own."""

    name: str
    kind: str
    source: Source
    file: str
    capitals: bool = False

    def wanted(self) -> str:
        """What training writes with it; a face whose small letters look like capitals is given none."""
        if self.capitals:
            return "".join(char for char in LATIN if not char.islower())
        return LATIN + common_chinese() if self.kind == "chinese" else LATIN


def _debian(package: str, licence: str, author: str) -> Source:
    return Source("debian", package, "", licence, author)


DEJAVU = _debian("fonts-dejavu-core", "Bitstream Vera", "Bitstream and the DejaVu authors")
LIBERATION = _debian("fonts-liberation", "GPL-2 with font exception", "Red Hat")
NOTO = _debian("fonts-noto-core", "OFL-1.1", "Google")
LATO = _debian("fonts-lato", "OFL-1.1", "Lukasz Dziedzic")
INTER = _debian("fonts-inter", "OFL-1.1", "The Inter Project Authors")
COMIC = _debian("fonts-comic-neue", "OFL-1.1", "Craig Rozynski")
HACK = _debian("fonts-hack", "MIT and Bitstream Vera", "Chris Simpkins")
DANCING = _debian("fonts-dancingscript", "OFL-1.1", "Pablo Impallari")
BREIP = _debian("fonts-breip", "OFL-1.0", "Adam Breipohl")
HUMOR = _debian("fonts-humor-sans", "OFL-1.1", "Michael Ciuffo")
WENQUANYI = _debian("fonts-wqy-microhei", "Apache-2.0 or GPL-3 with font exception", "The WenQuanYi Project")

FACES = (
    Face("DejaVu Sans", "sans", DEJAVU, "truetype/dejavu/DejaVuSans.ttf"),
    Face("DejaVu Sans Bold", "sans", DEJAVU, "truetype/dejavu/DejaVuSans-Bold.ttf"),
    Face("DejaVu Serif", "serif", DEJAVU, "truetype/dejavu/DejaVuSerif.ttf"),
    Face("DejaVu Sans Mono", "mono", DEJAVU, "truetype/dejavu/DejaVuSansMono.ttf"),
    Face("Liberation Sans", "sans", LIBERATION, "truetype/liberation/LiberationSans-Regular.ttf"),
    Face("Liberation Sans Bold", "sans", LIBERATION, "truetype/liberation/LiberationSans-Bold.ttf"),
    Face("Liberation Sans Narrow", "sans", LIBERATION, "truetype/liberation/LiberationSansNarrow-Bold.ttf"),
    Face("Liberation Serif", "serif", LIBERATION, "truetype/liberation/LiberationSerif-Regular.ttf"),
    Face("Liberation Serif Bold Italic", "serif", LIBERATION, "truetype/liberation/LiberationSerif-BoldItalic.ttf"),
    Face("Liberation Mono", "mono", LIBERATION, "truetype/liberation/LiberationMono-Regular.ttf"),
    Face("Noto Sans", "sans", NOTO, "truetype/noto/NotoSans-Regular.ttf"),
    Face("Noto Serif Bold", "serif", NOTO, "truetype/noto/NotoSerif-Bold.ttf"),
    Face("Lato", "sans", LATO, "truetype/lato/Lato-Regular.ttf"),
    Face("Lato Black", "sans", LATO, "truetype/lato/Lato-Black.ttf"),
    Face("Lato Italic", "sans", LATO, "truetype/lato/Lato-Italic.ttf"),
    Face("Inter", "sans", INTER, "opentype/inter/Inter-Medium.otf"),
    Face("Inter Bold", "sans", INTER, "opentype/inter/Inter-Bold.otf"),
    Face("Comic Neue Bold", "hand", COMIC, "opentype/comic-neue/ComicNeue-Bold.otf"),
    Face("Hack", "mono", HACK, "truetype/hack/Hack-Regular.ttf"),
    Face("Dancing Script Bold", "hand", DANCING, "opentype/dancingscript/DancingScript-Bold.otf"),
    Face("Breip", "hand", BREIP, "truetype/breip/Breip.ttf"),
    Face("Humor Sans", "hand", HUMOR, "truetype/humor-sans/Humor-Sans.ttf", capitals=True),
    Face("WenQuanYi Micro Hei", "chinese", WENQUANYI, "truetype/wqy/wqy-microhei.ttc"),
)


def common_chinese() -> str:
    """The 3,755 characters of the first level of GB 2312, which are those of everyday writing, and some signs."""
    codes = (bytes((row, column)) for row in range(0xB0, 0xD8) for column in range(0xA1, 0xFF))
    level = "".join(code.decode("gb2312", errors="ignore") for code in codes)
    names = "".join(thing.zh for thing in named_things())
    return "".join(sorted(set(level + names + CHINESE_SIGNS)))


def subset(source: Path, target: Path, wanted: str) -> str:
    """Write a font with only the wanted characters; return those it really has."""
    from fontTools.subset import Options, Subsetter
    from fontTools.ttLib import TTFont

    font = TTFont(source, fontNumber=0, recalcTimestamp=False)
    has = font.getBestCmap()
    kept = "".join(char for char in wanted if ord(char) in has)
    options = Options()
    options.hinting = False
    options.layout_features = ["kern", "liga", "mark", "mkmk", "calt"]
    options.drop_tables += ["FFTM", "TTFA"]  # notes of font editors
    options.name_IDs = [0, 1, 2, 4, 6, 13, 14]
    shrunk = Subsetter(options)
    shrunk.populate(text=kept)
    shrunk.subset(font)
    font.save(target)
    return kept


def pack_fonts(out: Path, cache: Path, say: Callable[[str], None]) -> None:
    """Subset every face into `out`/fonts and write what each is and can write."""
    folder = out / "fonts"
    folder.mkdir(parents=True, exist_ok=True)
    known = []
    for face in FACES:
        suffix = ".otf" if face.file.endswith(".otf") else ".ttf"
        file = face.name.replace(" ", "") + suffix
        chars = subset(unpacked(face.source, cache) / DEBIAN / face.file, folder / file, face.wanted())
        known.append({"name": face.name, "kind": face.kind, "file": file, "chars": chars})
    (folder / "fonts.json").write_text(json.dumps(known, ensure_ascii=False), encoding="utf-8")
    say(f"fonts: {len(known)} faces, {sum(path.stat().st_size for path in folder.iterdir()) / 1e6:.1f} MB")
