"""Fits the embeddings of names anew: `python -m model.training.refit CHECKPOINT.pt --out REFIT.pt`.

Each of some thousand tokens that are a name is met some dozens of times in a run, in steps that move everything else as
well, so its row never settles: what the last layer gives told more things apart than the answers named. Here the
network stands still. Its last states where a name is said are collected from fresh pictures, and the rows of names
alone are fitted to all of them at once (last-layer retraining, arXiv 2204.02937), held near where training left them.
"""

import argparse
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from model.config import preprocess_config
from model.qwen import QwenVL
from model.tokenizer import Tokenizer
from model.training.assets.names import named_things
from model.training.average import LEFT
from model.training.batches import Batch, BatchSource, stream
from model.training.data import Plan, Shares
from model.training.export import PREPROCESSOR, TOKENIZER, VIDEO_PREPROCESSOR
from model.training.modeling import build
from model.training.naming import name_forms
from model.training.state import OtherVocabulary, read_state, reader_for, write_checkpoint
from model.training.train import shares
from model.training.widen import EMBEDDINGS

NAMED: Shares = (
    ("many_things", 0.48), ("things", 0.28), ("thing_events", 0.04), ("boxes", 0.05), ("drawings", 0.05),
    ("short_text", 0.04), ("shapes", 0.03), ("events", 0.03),
)  # fmt: skip
AT_ONCE = 4096  # states whose logits are held at a time
FITTING = 30  # iterations of L-BFGS
# People's pictures show common things more often than rare ones: where all came alike, a house was called a hut.
COUNTED: Shares = (("things", 12.0),)
OTHER = -1  # something else than a name is said


@dataclass(frozen=True)
class Said:
    """Last states (N, D) of answers; which name each says, as a place among the rows fitted, or OTHER; its weight."""

    states: Tensor
    names: Tensor
    weights: Tensor


def rows_of_names(tokenizer: Tokenizer) -> Tensor:
    """The tokens (R,), in order, that are a name as a whole, in any of its forms.

    Plurals belong to them: names fitted without them were said in their place ("two fire").
    """
    forms = [form for thing in named_things() for form in (*name_forms(thing.name), f" {thing.plural}")]
    return torch.tensor(sorted({tokens[0] for tokens in map(tokenizer.encode, forms) if len(tokens) == 1}))


@torch.no_grad()
def answers_of(model: QwenVL, batch: Batch) -> tuple[Tensor, Tensor]:
    """The last states (N, D) that the answers of a batch are read from, and their tokens (N,)."""
    answers = torch.nonzero(batch.targets >= 0)[:, 0]
    embedded = model.embed(batch.ids, model.visual(batch.patches, batch.grids, model.backend))
    hidden = model.model(embedded, batch.positions, model.backend, mask=batch.branches, wanted=answers)
    return hidden[0].float(), batch.targets[answers]


def collect(model: QwenVL, batches: Iterable[Batch], rows: Tensor, counted: Mapping[str, float]) -> Said:
    """What the network gives where it says one of the names `rows` (R,), and as often where it says something else.

    A picture of a part in `counted` counts so many times.
    """
    place = torch.full((model.config.text.vocab_size,), OTHER)
    place[rows] = torch.arange(len(rows))
    states, names, weights = [], [], []
    for batch in batches:
        given, tokens = answers_of(model, batch)
        which = place[tokens]
        named, other = torch.nonzero(which != OTHER)[:, 0], torch.nonzero(which == OTHER)[:, 0]
        kept = torch.cat([named, other[torch.randperm(len(other))[: len(named)]]])
        states.append(given[kept])
        names.append(which[kept])
        weights.append(torch.full((len(kept),), counted.get(batch.part, 1.0)))
    return Said(torch.cat(states), torch.cat(names), torch.cat(weights))


def loss_of(rows: Tensor, states: Tensor, names: Tensor, weights: Tensor, rest: Tensor) -> Tensor:
    """rows (R, D), states (N, D), names, weights, rest (N,) -> the weighed sum of the losses of what is said.

    `rest` is the logarithm of the sum over all tokens that are no name; where none is said, no name shall outdo it.
    """
    logits = states @ rows.T  # (N, R)
    said = torch.where(names == OTHER, rest, logits.gather(1, names.clamp(min=0)[:, None])[:, 0])
    return ((torch.logaddexp(torch.logsumexp(logits, dim=-1), rest) - said) * weights).sum()


def fitted(said: Said, head: Tensor, rows: Tensor, keep: float, iterations: int = FITTING) -> Tensor:
    """The rows (R, D) of `head` (V, D) under which what was said is likeliest, all other rows as they are.

    `keep` is what the square of a row's move costs, in nats: the fewer times a name was said, the less it moves.
    """
    others = torch.ones(len(head), dtype=torch.bool)
    others[rows] = False
    rest = [torch.logsumexp(part @ head[others].T, dim=-1) for part in torch.split(said.states, AT_ONCE)]
    taken = (torch.split(part, AT_ONCE) for part in (said.states, said.names, said.weights))
    parts = list(zip(*taken, rest, strict=True))
    made = head[rows].clone().requires_grad_()
    solver = torch.optim.LBFGS([made], max_iter=iterations, history_size=8, line_search_fn="strong_wolfe")

    def closure() -> float:
        solver.zero_grad()
        total = 0.0
        for loss in chain([keep * (made - head[rows]).square().sum()], (loss_of(made, *part) for part in parts)):
            loss.backward()  # type: ignore[no-untyped-call]
            total += loss.item()
        return total

    solver.step(closure)  # type: ignore[no-untyped-call]
    return made.detach()


def told_right(said: Said, head: Tensor, rows: Tensor) -> float:
    """Of a hundred names that were said, how many are the likeliest token."""
    named = said.names != OTHER
    likeliest = torch.cat([(part @ head.T).argmax(dim=-1) for part in torch.split(said.states[named], AT_ONCE)])
    return 100 * float((likeliest == rows[said.names[named]]).float().mean())


def seen(config: dict[str, Any], weights: dict[str, Tensor], rows: Tensor, args: argparse.Namespace) -> Said:
    """What the network of these weights gives for fresh pictures of the asked parts, as hard as they come."""
    model = build(config).eval()
    model.load_state_dict(weights)
    plan = Plan(args.seed, args.batch, args.questions, args.parts)
    preprocess = preprocess_config(PREPROCESSOR, VIDEO_PREPROCESSOR)
    source = BatchSource(plan, str(args.tokenizer), model.config, preprocess)
    source.progress.fill_(1.0)
    torch.manual_seed(args.seed)  # which other words are kept
    return collect(model, stream(source, range(args.steps), args.workers), rows, dict(args.count))


def refitted(state: dict[str, Any], args: argparse.Namespace) -> dict[str, Any]:
    """The checkpoint with other rows for names, in its averaged weights, which are also its last ones from now on."""
    weights = dict(state["average"])
    rows = rows_of_names(reader_for(state["config"], args.tokenizer))
    said = seen(state["config"], weights, rows, args)
    before = weights[EMBEDDINGS].float()
    weights[EMBEDDINGS] = before.index_copy(0, rows, fitted(said, before, rows, args.keep))
    right = [round(told_right(said, head, rows), 1) for head in (before, weights[EMBEDDINGS])]
    told = {"names": int((said.names != OTHER).sum()), "right": right, "keep": args.keep}
    kept = {key: value for key, value in state.items() if key not in LEFT}
    return {**kept, "model": weights, "average": weights, "refit": told}


def one_or_more(text: str) -> int:
    """Read a whole number; argparse turns the error of another into its message."""
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def main() -> None:
    """Read the checkpoint, collect, fit, write."""
    parser = argparse.ArgumentParser(prog="python -m model.training.refit", description=__doc__)
    parser.add_argument("checkpoint", type=Path, help="or an exported folder")
    parser.add_argument("--out", type=Path, required=True, help="the checkpoint to write")
    parser.add_argument(
        "--tokenizer", type=Path, default=TOKENIZER, help="of the checkpoint, where the bundled one is another"
    )
    parser.add_argument("--parts", type=shares, default=NAMED, help="what is drawn, and in which shares")
    parser.add_argument(
        "--count", type=shares, default=COUNTED, help="how many times a picture of a part counts, as in things=12"
    )
    parser.add_argument("--steps", type=one_or_more, default=500, help="batches to collect from")
    parser.add_argument("--batch", type=one_or_more, default=16)
    parser.add_argument("--questions", type=one_or_more, default=6, help="about each picture")
    parser.add_argument("--keep", type=float, default=60.0, help="what the square of a row's move costs, in nats")
    parser.add_argument("--workers", type=int, default=1, help="processes that draw")
    parser.add_argument("--seed", type=int, default=1000, help="of the pictures; others than those of the training")
    args = parser.parse_args()
    try:
        made = refitted(read_state(args.checkpoint), args)
    except OtherVocabulary as error:
        raise SystemExit(f"{error}: give --tokenizer the one that they were trained with") from error
    write_checkpoint(args.out, made)
    print(
        "saved {}: {names} names said, of a hundred right before and after: {right}".format(args.out, **made["refit"])
    )


if __name__ == "__main__":
    main()
