"""What training adds to the network: its small shape, the dense-label heads on the tokens of media, and the losses.

The heads are the largest lever found for teaching a small tower to see (every merged token is told what it shows);
they are thrown away at export.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from model.attention import Backend
from model.config import ModelConfig, model_config
from model.language import EVERY
from model.qwen import QwenVL
from model.tokenizer import IMAGE_PAD, VIDEO_PAD, VISION_END, VISION_START, Tokenizer
from model.training.batches import Batch
from model.training.naming import Namer, name_table, of_all
from model.training.pointing import Pointer
from model.training.sample import NUMBERS

# Tower width, blocks, feed-forward, heads; decoder width, layers, feed-forward, heads, key/value heads. What is bundled
# may have 16 M parameters, the embeddings of the names of things among them (`widen`).
PLANS: dict[str, dict[str, int]] = {
    "tiny": {"vw": 32, "vd": 2, "vf": 48, "vh": 2, "dw": 64, "dd": 2, "df": 96, "dh": 2, "dk": 1},
    "cpu": {"vw": 192, "vd": 6, "vf": 512, "vh": 3, "dw": 256, "dd": 5, "df": 704, "dh": 4, "dk": 2},
    "gpu": {"vw": 256, "vd": 7, "vf": 704, "vh": 4, "dw": 320, "dd": 5, "df": 832, "dh": 5, "dk": 1},
}


# Where things are named: by the tower, in the middle of the decoder by tokens of media and by those that ask, and late.
NAMED = ("tower", "shown", "meant", "said")


def small_config(plan: str | Mapping[str, int], tokenizer: Tokenizer) -> dict[str, Any]:
    """Return config.json of a small network, of a plan or of such sizes, in the published flat form.

    rope_theta is 100 because prompts are short: with the published million, the frequencies that follow the column
    would hardly turn over the few columns of a small picture.
    """
    p = PLANS[plan] if isinstance(plan, str) else plan
    half = p["dw"] // p["dh"] // 2
    side = half * 3 // 8
    return {
        "architectures": ["Qwen2_5_VLForConditionalGeneration"],
        "model_type": "qwen2_5_vl",
        "hidden_act": "silu",
        "vocab_size": -(-tokenizer.vocab_size // 64) * 64,
        "hidden_size": p["dw"],
        "intermediate_size": p["df"],
        "num_hidden_layers": p["dd"],
        "num_attention_heads": p["dh"],
        "num_key_value_heads": p["dk"],
        "max_position_embeddings": 4096,
        "rms_norm_eps": 1e-6,
        "rope_theta": 100.0,
        "rope_scaling": {"type": "mrope", "mrope_section": [half - 2 * side, side, side]},
        "tie_word_embeddings": True,
        "torch_dtype": "bfloat16",
        "use_sliding_window": False,
        "image_token_id": tokenizer.token_id(IMAGE_PAD),
        "video_token_id": tokenizer.token_id(VIDEO_PAD),
        "vision_start_token_id": tokenizer.token_id(VISION_START),
        "vision_end_token_id": tokenizer.token_id(VISION_END),
        "vision_config": {
            "depth": p["vd"],
            "hidden_act": "silu",
            "hidden_size": p["vw"],
            "intermediate_size": p["vf"],
            "num_heads": p["vh"],
            "out_hidden_size": p["dw"],
            "fullatt_block_indexes": list(range(p["vd"]))[2::3] if p["vd"] > 2 else [p["vd"] - 1],
            "in_channels": 3,
            "patch_size": 14,
            "spatial_merge_size": 2,
            "temporal_patch_size": 2,
            "window_size": 112,
            "tokens_per_second": 2,
        },
    }


def build(config: dict[str, Any]) -> QwenVL:
    """Make a network with fresh weights: normal with deviation 0.02, outputs of residual branches scaled down."""
    parsed: ModelConfig = model_config(config)
    model = QwenVL(parsed, Backend("sdpa", "training"))
    depth = {"visual": parsed.vision.depth, "model": parsed.text.num_hidden_layers}
    for name, parameter in model.named_parameters():
        if parameter.dim() > 1:
            branch = name.endswith(("o_proj.weight", "down_proj.weight", "attn.proj.weight"))
            scale = (2 * depth[name.split(".")[0]]) ** -0.5 if branch else 1.0
            nn.init.normal_(parameter, std=0.02 * scale)
        elif name.endswith("bias"):
            nn.init.zeros_(parameter)
    return model


class DenseHeads(nn.Module):
    """One linear head a label on features of tokens; used only in training."""

    def __init__(self, width: int, classes: dict[str, int]) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.heads = nn.ModuleDict({name: nn.Linear(width, count) for name, count in classes.items()})

    def forward(self, features: Tensor, labels: dict[str, Tensor]) -> dict[str, Tensor]:
        """features (M, D), labels name -> (M,) -> mean loss per label; tokens that show nothing weigh a fifth."""
        normed = self.norm(features.float())
        losses = {}
        for name, head in self.heads.items():
            if name not in labels:  # a label of pictures only, or of clips only
                continue
            target = labels[name]
            each = F.cross_entropy(head(normed).float(), target, reduction="none")
            weight = torch.where(target > 0, 1.0, 0.2)
            losses[name] = (each * weight).sum() / weight.sum()
        return losses


class Teachers(nn.Module):
    """The heads on the merger's output, on the middle of the decoder, where frames and questions have met, and late.

    `names` (3, C, L) are the tokens of what things are called (`naming.name_tokens`).
    """

    names: Tensor

    def __init__(self, width: int, tower: dict[str, int], decoder: dict[str, int], names: Tensor) -> None:
        super().__init__()
        self.register_buffer("names", names, persistent=False)
        self.tower = DenseHeads(width, tower)
        self.decoder = DenseHeads(width, decoder)
        self.pointer = Pointer(width)
        self.late = DenseHeads(width, {"number": NUMBERS})
        self.namers = nn.ModuleDict({place: Namer(width) for place in NAMED})


def answer_loss(logits: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """logits (N, V), targets and weights (N,) -> the weighted mean loss of an answer token."""
    each = F.cross_entropy(logits, targets, reduction="none")
    return (each * weights).sum() / weights.sum()


@contextmanager
def listening(model: QwenVL, *layers: int) -> Iterator[list[Tensor]]:
    """Collect what some layers of the decoder give, in their order, while inside; a layer may be named twice."""
    heard: list[Tensor] = []
    hooks = [model.model.layers[at].register_forward_hook(lambda *given: heard.append(given[-1])) for at in layers]
    yield heard
    for hook in hooks:
        hook.remove()


def number_loss(heads: DenseHeads, asking: Tensor, numbers: Tensor) -> dict[str, Tensor]:
    """Asking tokens (B, A, D), numbers (B, A) -> the loss of telling a number as a whole where its figures are read."""
    known = numbers > 0
    if not known.any():
        return {}
    found: dict[str, Tensor] = heads(asking[known], {"number": numbers[known]})
    return found


def naming_losses(
    teachers: Teachers, embeddings: Tensor, given: dict[str, tuple[Tensor, Tensor | None]]
) -> dict[str, Tensor]:
    """Features (..., D) and classes (...) of tokens at places of NAMED -> the loss of naming those that have any."""
    known = {
        place: (features[named], classes[named])
        for place, (features, classes) in given.items()
        if classes is not None and (named := classes > 0).any()
    }
    table = name_table(teachers.names, embeddings) if known else None
    return {f"named_{place}": teachers.namers[place](*pair, table) for place, pair in known.items()}


def at(hidden: Tensor, places: Tensor) -> Tensor:
    """hidden (1, N, D) at `places` (B, A) -> (B, A, D)."""
    return hidden[0].index_select(0, places.flatten()).view(*places.shape, hidden.shape[-1])  # A may be 0


def losses(model: QwenVL, teachers: Teachers, batch: Batch) -> dict[str, Tensor]:
    """Return the dense losses of one batch and, unless it teaches only the tower, the loss on answers."""
    features = model.visual(batch.patches, batch.grids, model.backend)
    found: dict[str, Tensor] = teachers.tower(features, batch.dense)
    things, embeddings = of_all(batch.dense), model.model.embed_tokens.weight
    found |= naming_losses(teachers, embeddings, {"tower": (features, things)})
    if batch.tower_only:
        return found
    depth = len(model.model.layers)
    ears, answers = (depth // 2, max(depth // 2, depth - 2)), torch.nonzero(batch.targets >= 0)[:, 0]
    heard_last = ears[1] == depth - 1  # of a tiny network; else the last layer goes on with the answers alone
    with listening(model, *ears) as heard:
        hidden = model.model(
            model.embed(batch.ids, features), batch.positions, model.backend, mask=batch.branches,
            wanted=EVERY if heard_last else answers,
        )  # fmt: skip
    middle, late = heard
    shown = at(middle, batch.media)  # (B, M, D)
    told = {f"decoder_{name}": loss for name, loss in teachers.decoder(shown.flatten(0, 1), batch.dense).items()}
    given = batch.pointers
    asking = at(middle, given.columns)  # (B, A, D)
    pointed = teachers.pointer(asking, shown, given)
    asking_late = at(late, given.columns)
    asked = {"meant": (asking, given.things), "said": (asking_late, given.things)}
    told |= naming_losses(teachers, embeddings, {"shown": (shown.flatten(0, 1), things), **asked})
    told |= number_loss(teachers.late, asking_late, given.numbers)
    logits = model.logits(at(hidden, answers[None])[0] if heard_last else hidden[0]).float()  # (answer tokens, V)
    language = answer_loss(logits, batch.targets[answers], batch.weights[answers])
    return {"language": language, **found, **told, **{f"point_{name}": loss for name, loss in pointed.items()}}
