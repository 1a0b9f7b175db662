"""Asking for boxes: what an Asker does beyond answering, and the copy of the picture that shows them."""

import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, ClassVar

from qwenvl_cli.answering import Asker, Decoded
from qwenvl_cli.errors import MediaError
from qwenvl_cli.grounding import located
from qwenvl_cli.media.source import STDIN
from qwenvl_cli.options import BOXES_MAX_TOKENS
from qwenvl_cli.results import Finished, ModelInfo, Record


class Locator(Asker):
    """Asks about one picture, and reads the boxes of the answer."""

    longest: ClassVar[int] = BOXES_MAX_TOKENS

    def open(self, paths: Sequence[str]) -> Decoded:
        """Open the picture; refuse what moves."""
        decoded = super().open(paths)
        if moving := [item.path for item in decoded.media if item.kind != "image"]:
            raise MediaError(f"{moving[0]} is a clip: boxes are found in pictures", "save one of its frames first")
        return decoded

    def _record(self, decoded: Decoded, prompt: str, info: ModelInfo, done: Finished) -> Record:
        """Add the boxes, in pixels of the original; raise ConstraintError where there is no list of them."""
        record = super()._record(decoded, prompt, info, done)
        [item] = decoded.media
        height, width = item.frames.shape[1:3]
        cut = done.finish_reason == "length"
        boxes = located(done.text, (height, width), (item.height, item.width), item.padding, cut=cut)
        return replace(record, boxes=boxes)

    def _more_settings(self) -> dict[str, object]:
        return {"boxes": True}


def save_copy(image: str, stdin: BinaryIO, record: Record, target: Path) -> None:
    """Write the picture with the boxes of its record drawn in; `stdin` holds the one named '-', to be read anew."""
    from qwenvl_cli.media.image import upright
    from qwenvl_cli.output.overlay import save

    if image == STDIN:
        stdin.seek(0)
    with io.BytesIO(stdin.read()) if image == STDIN else open(image, "rb") as handle:
        save(upright(handle), record.boxes or [], target)
