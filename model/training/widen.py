"""Gives trained weights a wider vocabulary: `python -m model.training.widen CHECKPOINT.pt --out WIDER.pt`.

It adds the names of things to a tokenizer (`vocabulary.with_names`), writes that, and carries the embeddings over:
what both vocabularies hold keeps its row, and a new token begins as the mean of the tokens that it is made of. A name
that is new as a whole begins as its kind of word does on average, apart from others as the tower's own label tells
things apart, so that what is seen already lies near what it is called. Or new tokens are as other weights of the wider
vocabulary have learnt them (`--words`), where the two are to be averaged.

Training reads the tokenizer of the bundled model, so that is the one written: the bundled folder loads again when
weights of the wider vocabulary are exported into it.
"""

import argparse
import shutil
import tempfile
from pathlib import Path
from typing import Any

import tokenizers
import torch
from torch import Tensor

from model.tokenizer import IMAGE_PAD, VIDEO_PAD, VISION_END, VISION_START, Tokenizer
from model.training.export import TOKENIZER
from model.training.naming import name_tokens
from model.training.state import read_state, write_checkpoint
from model.training.vocabulary import with_names, write

EMBEDDINGS = "model.embed_tokens.weight"
NORM, HEAD = "tower.norm.weight", "tower.heads.any_item.weight"
MEDIA = {
    "image_token_id": IMAGE_PAD,
    "video_token_id": VIDEO_PAD,
    "vision_start_token_id": VISION_START,
    "vision_end_token_id": VISION_END,
}


def carried(rows: Tensor, old: tokenizers.Tokenizer, new: tokenizers.Tokenizer, height: int) -> Tensor:
    """Rows (V, D) of the old vocabulary -> (height, D) of the new one."""
    before = old.get_vocab()
    made = rows.mean(dim=0).expand(height, -1).clone()
    for token, number in new.get_vocab().items():
        pieces = [before[token]] if token in before else [piece.id for piece in old.model.tokenize(token)]
        made[number] = rows[pieces].mean(dim=0)
    return made


def told_apart(rows: Tensor, names: Tensor, seen: Tensor, first_new: set[int]) -> None:
    """Let the names (3, C, L) that are one new token lie apart in `rows` as `seen` (C, D) does, in place."""
    single = (names >= 0).sum(dim=-1) == 1
    apart = torch.nn.functional.normalize(seen - seen.mean(dim=0), dim=-1)
    for form, alone in zip(names[..., 0], single, strict=True):
        old = alone & torch.tensor([token not in first_new for token in form.tolist()])
        known = rows[form[old]] if old.any() else rows
        middle, far = known.mean(dim=0), (known - known.mean(dim=0)).norm(dim=-1).mean()
        rows[form[alone & ~old]] = middle + far * apart[alone & ~old]


def widened(state: dict[str, Any], old: Path, new: Path, words: dict[str, Any] | None = None) -> dict[str, Any]:
    """The checkpoint of the same network for the vocabulary of `new`; its optimizers have no meaning any more.

    `words` is a checkpoint of that vocabulary whose averaged weights say what new tokens are.
    """
    before, after = (tokenizers.Tokenizer.from_file(str(path)) for path in (old, new))
    reader = Tokenizer.from_file(new)
    height = -(-reader.vocab_size // 64) * 64
    names, known = name_tokens(reader), before.get_vocab()
    fresh = {number for token, number in after.get_vocab().items() if token not in known}
    seen = state["teachers"].get(HEAD)
    made = {key: value for key, value in state.items() if key != "optimizers"}
    for kind in ("model", "average"):
        rows = carried(state[kind][EMBEDDINGS].float(), before, after, height)
        if words is not None:
            known_there = torch.tensor(sorted(fresh))
            rows[known_there] = words["average"][EMBEDDINGS][known_there].float()
        elif seen is not None:
            told_apart(rows, names, (seen * state["teachers"][NORM])[1:], fresh)
        made[kind] = {**state[kind], EMBEDDINGS: rows}
    places = {key: reader.token_id(text) for key, text in MEDIA.items()}
    return {**made, "config": {**state["config"], "vocab_size": height, **places}}


def main() -> None:
    """Read the checkpoint, widen, write it and the tokenizer."""
    made = argparse.ArgumentParser(prog="python -m model.training.widen", description=__doc__)
    made.add_argument("checkpoint", type=Path, help="or an exported folder")
    made.add_argument("--out", type=Path, required=True, help="the checkpoint to write")
    made.add_argument("--from", dest="old", type=Path, default=TOKENIZER, help="the tokenizer that it was trained with")
    made.add_argument("--tokenizer", type=Path, default=TOKENIZER, help="where to write the wider one")
    made.add_argument("--words", type=Path, help="a checkpoint of the wider vocabulary, to take new tokens from")
    args = made.parse_args()
    state = read_state(args.checkpoint)
    wider = with_names(tokenizers.Tokenizer.from_file(str(args.old)))
    words = read_state(args.words) if args.words else None
    if words is not None and words["config"]["vocab_size"] < wider.get_vocab_size():
        raise SystemExit(f"{args.words} holds a smaller vocabulary: give --words weights that were widened")
    kept = args.out.with_suffix(".tokenizer.json")
    shutil.copyfile(args.old, kept)
    with tempfile.TemporaryDirectory(dir=args.tokenizer.parent, prefix=".widen-") as folder:
        made_first = Path(folder) / args.tokenizer.name
        write(wider, made_first)
        write_checkpoint(args.out, widened(state, kept, made_first, words))
        made_first.replace(args.tokenizer)  # last: weights of either vocabulary lie beside the one that they need
    print(f"saved {args.out}; {kept} is the tokenizer as it was")


if __name__ == "__main__":
    main()
