"""Train the bundled model: `python -m model.training.train --out runs/small --plan cpu --minutes 100`.

One command on a CPU or a GPU, sized to it (`sizing`). The plan is measured in minutes or steps; a run that was stopped
goes on from its last checkpoint when the same command is given again. Logs a JSON object a line to OUT/log.jsonl.
Several processes share a run: `torchrun --nproc-per-node 2 -m model.training.train ...` (`together`).
"""

import argparse
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from model.config import model_config, preprocess_config
from model.layers import RMSNorm, SwiGLU
from model.training.assets.blobs import AssetsMissing
from model.training.batches import Batch, BatchSource, stream
from model.training.data import WIDE, Plan, Shares
from model.training.edges import EDGES
from model.training.events.tokens import TOLD
from model.training.export import PREPROCESSOR, TOKENIZER, VIDEO_PREPROCESSOR
from model.training.feeding import Fed, fed
from model.training.lettering.marks import SLOTS
from model.training.log import Log
from model.training.modeling import PLANS, losses
from model.training.parts import parts
from model.training.pictured import ITEM
from model.training.sizing import PlanError, chosen, settle
from model.training.state import CHECKPOINT, OtherParts, OtherVocabulary, Run, save, start
from model.training.together import Group, joined, meet, own_device

# Dense labels that weigh more than the others: what is misseen is miscounted, and named, read or placed wrongly.
SHARPER = {
    "thing": 3.0,
    "colour": 2.0,
    "drawn": 3.0,
    **dict.fromkeys(ITEM.values(), 4.0),
    "rank": 2.0,
    "decoder_rank": 3.0,
    **dict.fromkeys(SLOTS, 4.0),
    **dict.fromkeys((f"to_{name}" for name in EDGES), 2.0),
    **dict.fromkeys((f"decoder_{name}" for name in (*EDGES, *TOLD)), 3.0),
}
HEADS_FASTER = 3.0  # their learning rate while they learn alone: one layer each, on features that stand still
ATTENTION = ([SDPBackend.MATH], [SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH])
NAMING = 0.3  # of each loss on what a thing is called, for the whole of a run
POINTING = 0.3  # weight of each pointer's loss and of that on numbers, for the whole of a run


def progress(run: Run, args: argparse.Namespace) -> float:
    """How much of the plan is done, 0..1, by minutes or by steps, whichever is further."""
    by_time = run.elapsed / (args.minutes * 60) if args.minutes else 0.0
    by_step = run.step / args.steps if args.steps else 0.0
    return min(1.0, max(by_time, by_step))


def curriculum(run: Run, args: argparse.Namespace) -> float:
    """How far the difficulty has risen, 0..1; trained weights begin at its end."""
    return 1.0 if args.init else progress(run, args)


def plan_of(run: Run, args: argparse.Namespace) -> Plan:
    """What is drawn. A run draws other samples than those before it whose weights it goes on from, of the same seed."""
    seed = args.seed + len(run.before)
    return Plan(seed, args.batch, args.questions, args.parts, args.tower_parts, rungs=args.rungs)


def guide(source: BatchSource, run: Run, args: argparse.Namespace) -> None:
    """Tell who draws the batches how hard they shall be, and how many shall teach the tower alone."""
    source.progress.fill_(curriculum(run, args))
    since_heads = progress(run, args) - args.heads_first
    source.tower_share.fill_(1.0 if 0 <= since_heads < args.tower_first else args.tower_share)


def rate_factor(step: int, done: float, young: bool) -> float:
    """Learning rate: warm-up over 200 steps, constant, then linear decay to a fiftieth.

    The decay takes the second half of a plan, and the whole of one that goes on from trained weights.
    """
    return min(1.0, (step + 1) / 200) * max(0.02, min(1.0, (1.0 - done) / (0.5 if young else 1.0)))


def dense_weight(done: float, young: bool) -> float:
    """Weight of a dense label: 1 while the tower is young (0.3 where it was trained before), falling to 0.12."""
    return max(0.12, (1.0 if young else 0.3) * (1.0 - 1.6 * done))


def loss_weight(name: str, dense: float) -> float:
    """Weight of a loss in the sum, `dense` being that of a dense label."""
    return (
        1.0
        if name == "language"
        else POINTING
        if name.startswith(("point_", "number"))
        else NAMING
        if name.startswith("named_")
        else dense * SHARPER.get(name, 1.0)
    )


@contextmanager
def arithmetic(device: torch.device, bfloat16: bool) -> Iterator[None]:
    """Precision and attention of the forward pass.

    On a CPU plain matrix products beat the fused kernel, whose backward pass with a mask is slow: a tenth of a step.
    On a GPU cuDNN is left out, which plans anew for every shape of picture and length of question.
    """
    with torch.autocast(device.type, torch.bfloat16, enabled=bfloat16), sdpa_kernel(ATTENTION[device.type == "cuda"]):
        yield


def train_step(run: Run, batch: Batch, done: float, args: argparse.Namespace) -> dict[str, Tensor]:
    """Forward, backward, update; return the losses."""
    heads_alone = done < args.heads_first
    run.model.requires_grad_(not heads_alone)
    with arithmetic(batch.ids.device, args.bfloat16):
        found = losses(run.model, run.teachers, batch)
    dense = dense_weight(done, not args.init)
    total = torch.stack([loss * loss_weight(name, dense) for name, loss in found.items()]).sum()
    total.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_([*run.model.parameters(), *run.teachers.parameters()], 1.0)
    rate = args.lr * (HEADS_FASTER if heads_alone else 1.0) * rate_factor(run.step, done, not args.init)
    for optimizer in run.optimizers:
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    run.step += 1
    update_average(run)
    return {name: loss.detach() for name, loss in found.items()}


def count_shown(run: Run, given: Fed, processes: int) -> None:
    """Count what a step was shown for the first time.

    What the other processes of a run were shown is counted as if it were as much, until all meet again.
    """
    if given.fresh:
        run.samples += given.batch.samples * processes
        run.questions += given.batch.questions * processes


def update_average(run: Run) -> None:
    """Let the averaged weights follow the trained ones, over about the last 500 steps."""
    keep = min(0.998, run.step / (run.step + 10))
    with torch.no_grad():
        current = run.model.state_dict()
        torch._foreach_lerp_(list(run.average.values()), [current[name] for name in run.average], 1.0 - keep)


def compile_elementwise(model: nn.Module) -> None:
    """Fuse the passes inside norms and feed-forwards, a sixth of a step on a CPU.

    Whole blocks gain little more and would be compiled anew for every shape of picture.
    """
    for module in model.modules():
        if isinstance(module, RMSNorm | SwiGLU):
            module.compile(dynamic=True)


def train(args: argparse.Namespace) -> Path:
    """Run the plan to its end (or go on with it) and return the checkpoint's path."""
    with joined(args.meet_every) as group:
        args.processes = group.size  # for the card's command
        lacking = settle(args)
        if group.leads:
            print(chosen(args), flush=True)
            print(lacking, end="", file=sys.stderr)
        train_in(group, args)
        path = Path(args.out) / CHECKPOINT
        if group.leads:
            print(f"saved {path}")
    return path


def source_of(run: Run, args: argparse.Namespace) -> BatchSource:
    """Where the batches of a run come from."""
    preprocess = preprocess_config(PREPROCESSOR, VIDEO_PREPROCESSOR)
    width = torch.bfloat16 if args.bfloat16 else torch.float32  # the first product of the network rounds to it anyway
    return BatchSource(plan_of(run, args), str(TOKENIZER), model_config(run.config), preprocess, width)


def train_in(group: Group, args: argparse.Namespace) -> None:
    """Take one process's part in a run; the first of them writes its log and its checkpoints."""
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    device = own_device(args.device)
    run = start(args, device)
    if args.compile:
        compile_elementwise(run.model)
    source = source_of(run, args)
    guide(source, run, args)
    numbers = range(run.step * group.size + group.rank, (args.steps or 1 << 40) * group.size, group.size)
    log, saved = Log(out / "log.jsonl", args.log_every, group.size), time.monotonic()
    for given in fed(stream(source, numbers, args.workers), device, args.showings):
        begin, done = time.monotonic(), progress(run, args)
        if done >= 1.0 and group.meets(run.step):
            break
        values = train_step(run, given.batch, done, args)
        count_shown(run, given, group.size)
        run.elapsed += time.monotonic() - begin + given.waited
        if group.meets(run.step):
            meet(run, group)
        guide(source, run, args)
        if not group.leads:
            continue
        log.add(run, values, given, done)
        if time.monotonic() - saved > args.save_every * 60 and group.meets(run.step):
            save(run, args)
            saved = time.monotonic()
    meet(run, group)
    if group.leads:
        save(run, args)


def shares(text: str) -> Shares:
    """Read "shapes=0.45,clips=0.55", or "wide" for all that training may see.

    argparse turns the error of an unknown part or of a wrong number into its message.
    """
    if text == "wide":
        return WIDE
    found = tuple((name, float(share)) for name, _, share in (item.partition("=") for item in text.split(",")))
    if unknown := [name for name, _ in found if name not in parts()]:
        raise argparse.ArgumentTypeError(f"no part is called {unknown[0]}; there are {', '.join(parts())}")
    return found


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    made = argparse.ArgumentParser(prog="python -m model.training.train", description=__doc__)
    made.add_argument("--out", required=True, help="folder of the run: checkpoint and log")
    made.add_argument("--plan", choices=sorted(PLANS), help="size of a fresh network, and its mix (default by device)")
    made.add_argument("--init", help="begin with the weights of this checkpoint or exported folder")
    made.add_argument(
        "--parts",
        type=shares,
        help="parts and their shares, as in shapes=0.45,clips=0.55, or wide (default by plan, of what has its packs)",
    )
    made.add_argument(
        "--tower-parts",
        type=shares,
        help="the same for the steps that teach the tower alone, where they differ",
    )
    made.add_argument("--minutes", type=float, default=0.0, help="length of the plan in minutes of training")
    made.add_argument("--steps", type=int, default=0, help="length of the plan in steps")
    made.add_argument("--batch", type=int, help="pictures a step (default by device)")
    made.add_argument("--questions", type=int, help="questions asked about each picture or clip (6)")
    made.add_argument(
        "--rungs",
        type=int,
        help="lengths, between a power of two and the next, that questions are padded to; few spare the host work "
        "(default by device)",
    )
    made.add_argument("--lr", type=float, help="highest rate of learning (0.002)")
    made.add_argument(
        "--heads-first",
        type=float,
        help="share of the plan that teaches the heads of dense labels alone, which an exported folder has not (0)",
    )
    made.add_argument(
        "--tower-first", type=float, help="share of the plan that teaches the tower alone, by dense labels (0.2)"
    )
    made.add_argument("--tower-share", type=float, help="share of the later steps that do so (0)")
    made.add_argument("--seed", type=int, help="(1)")
    add_running(made)
    return made


def add_running(made: argparse.ArgumentParser) -> None:
    """Add the arguments that say how a run is made on its machine."""
    made.add_argument("--device", default="")
    made.add_argument("--workers", type=int, help="processes that draw (default by device and cores)")
    made.add_argument(
        "--showings",
        type=int,
        help="times that a batch is shown at most, again only while no new one is ready (default by device)",
    )
    made.add_argument("--no-bfloat16", dest="bfloat16", action="store_false")
    made.add_argument("--no-compile", dest="compile", action="store_false")
    made.add_argument(
        "--meet-every", type=int, default=20, help="steps after which several processes take the mean of their weights"
    )
    made.add_argument("--log-every", type=int, default=50)
    made.add_argument("--save-every", type=float, default=5.0, help="minutes between checkpoints")


def main() -> None:
    """Parse the command line and train."""
    args = parser().parse_args()
    if not args.minutes and not args.steps:
        raise SystemExit("give the plan a length: --minutes or --steps")
    try:
        train(args)
    except OtherVocabulary as error:
        raise SystemExit(f"{error}: carry them over with python -m model.training.widen") from error
    except PlanError as error:
        raise SystemExit(str(error)) from error
    except OtherParts as error:
        raise SystemExit(f"{error}: give --parts as it was begun, or another --out and this one as --init") from error
    except AssetsMissing as error:
        raise SystemExit(f"{error}\n{error.hint}") from error


if __name__ == "__main__":
    main()
