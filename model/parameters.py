"""The name and shape of every parameter, without building the network, and how stored names become ours. No torch."""

from dataclasses import dataclass

from model.config import ModelConfig

Shape = tuple[int, ...]
GROUP = 64  # inputs of a quantised linear layer come in whole groups; one of int4 shares a scale
# Inputs up to which a layer is narrow: its few bytes are not worth an answer. Of 800 answers of the bundled model eight
# bits changed 5, activations rounded by row as well 14, and four bits of the decoder's weights 24.
NARROW = 1024
FLOATS = ("BF16", "F16", "F32", "F64")


@dataclass(frozen=True)
class Stored:
    """How a tensor may stand in a file."""

    shape: Shape
    dtypes: tuple[str, ...] = FLOATS


# Stored prefix -> ours; the first that fits counts, so longer ones stand first.
PREFIXES = (
    ("model.visual.", "visual."),
    ("model.language_model.", "model."),
    ("visual.", "visual."),
    ("model.", "model."),
    ("lm_head.", "lm_head."),
)


def our_name(stored: str) -> str:
    """Translate a stored name by the table of prefixes; a name that fits none stays as it is.

    >>> our_name("model.language_model.norm.weight"), our_name("model.norm.weight")
    ('model.norm.weight', 'model.norm.weight')
    """
    for prefix, ours in PREFIXES:
        if stored.startswith(prefix):
            return ours + stored[len(prefix) :]
    return stored


def expected_shapes(config: ModelConfig) -> dict[str, Shape]:
    """Name every parameter of the network with its shape, in the order of the file."""
    vision, text = config.vision, config.text
    patch = (vision.in_channels, vision.temporal_patch_size, vision.patch_size, vision.patch_size)
    merged = vision.hidden_size * vision.merge_unit
    shapes: dict[str, Shape] = {"visual.patch_embed.proj.weight": (vision.hidden_size, *patch)}
    for index in range(vision.depth):
        shapes |= {f"visual.blocks.{index}.{name}": shape for name, shape in _vision_block(config).items()}
    shapes["visual.merger.ln_q.weight"] = (vision.hidden_size,)
    shapes |= _linear("visual.merger.mlp.0", merged, merged) | _linear(
        "visual.merger.mlp.2", merged, vision.out_hidden_size
    )
    shapes["model.embed_tokens.weight"] = (text.vocab_size, text.hidden_size)
    for index in range(text.num_hidden_layers):
        shapes |= {f"model.layers.{index}.{name}": shape for name, shape in _decoder_layer(config).items()}
    shapes["model.norm.weight"] = (text.hidden_size,)
    if not text.tie_word_embeddings:
        shapes["lm_head.weight"] = (text.vocab_size, text.hidden_size)
    return shapes


def expected_storage(config: ModelConfig, quantize: str = "none") -> dict[str, Stored]:
    """Name every tensor of a folder, plain or written by `models quantize`, with its shape and dtypes."""
    plain = expected_shapes(config)
    if quantize == "none":
        return {name: Stored(shape) for name, shape in plain.items()}
    found: dict[str, Stored] = {}
    for name, shape in plain.items():
        if not packs(name, shape, config):
            found[name] = Stored(shape)
            continue
        rows, width = shape[0], padded(shape[1])
        if quantize == "int4" and in_four_bits(name.removesuffix(".weight"), shape[1]):
            found[name] = Stored((rows, width // 2), ("U8",))
            found[f"{name}_scale"] = Stored((rows, width // GROUP), ("BF16",))
        else:
            found[name] = Stored((rows, width), ("I8",))
            found[f"{name}_scale"] = Stored((rows,), ("F32",))
    return found


# Linear layer -> the norm whose result it reads and nothing else does.
NORMS = {
    "attn.qkv": "norm1",
    "self_attn.q_proj": "input_layernorm",
    "self_attn.k_proj": "input_layernorm",
    "self_attn.v_proj": "input_layernorm",
}


def norm_before(name: str) -> str:
    """Name the norm before a linear layer; empty where there is none.

    >>> norm_before("model.layers.3.self_attn.k_proj"), norm_before("visual.blocks.0.mlp.up_proj")
    ('model.layers.3.input_layernorm', 'visual.blocks.0.norm2')
    """
    gated = "norm2" if name.startswith("visual.") else "post_attention_layernorm"
    for layer, norm in (NORMS | {"mlp.gate_proj": gated, "mlp.up_proj": gated}).items():
        if name.endswith("." + layer):
            return name.removesuffix(layer) + norm
    return ""


def padded(inputs: int) -> int:
    """Round the inputs of a quantised layer up to whole groups.

    >>> padded(3420)
    3456
    """
    return -(-inputs // GROUP) * GROUP


def narrow(inputs: int) -> bool:
    """Say whether a linear layer of so many inputs is narrow."""
    return inputs <= NARROW


def in_four_bits(layer: str, inputs: int) -> bool:
    """Say whether int4 keeps a linear layer so: the wide ones of the decoder, whose weights are read for every token.

    Keys and values are not: they are few, shared by several heads, and more than a quarter of what rounding costs
    (tests/bench/RESULTS.md). The head, where a token is chosen, and the tower, bound by arithmetic, take int8.

    >>> [in_four_bits(f"model.layers.0.self_attn.{name}", 2048) for name in ("q_proj", "v_proj")]
    [True, False]
    >>> in_four_bits("lm_head", 2048), in_four_bits("model.layers.0.self_attn.q_proj", 256)
    (False, False)
    """
    return layer.startswith("model.layers.") and not layer.endswith((".k_proj", ".v_proj")) and not narrow(inputs)


def packs(name: str, shape: Shape, config: ModelConfig) -> bool:
    """Say whether quantising packs this parameter: every matrix but an embedding that is not also the head."""
    if name == "model.embed_tokens.weight":
        return config.text.tie_word_embeddings
    return len(shape) == 2


def _linear(name: str, inputs: int, outputs: int, bias: bool = True) -> dict[str, Shape]:
    weight: dict[str, Shape] = {f"{name}.weight": (outputs, inputs)}
    return weight | {f"{name}.bias": (outputs,)} if bias else weight


def _vision_block(config: ModelConfig) -> dict[str, Shape]:
    wide, inner = config.vision.hidden_size, config.vision.intermediate_size
    return {
        "norm1.weight": (wide,),
        "norm2.weight": (wide,),
        **_linear("attn.qkv", wide, 3 * wide),
        **_linear("attn.proj", wide, wide),
        **_linear("mlp.gate_proj", wide, inner),
        **_linear("mlp.up_proj", wide, inner),
        **_linear("mlp.down_proj", inner, wide),
    }


def _decoder_layer(config: ModelConfig) -> dict[str, Shape]:
    text = config.text
    wide, inner = text.hidden_size, text.intermediate_size
    queries, keys = text.num_attention_heads * text.head_dim, text.num_key_value_heads * text.head_dim
    return {
        "input_layernorm.weight": (wide,),
        "post_attention_layernorm.weight": (wide,),
        **_linear("self_attn.q_proj", wide, queries),
        **_linear("self_attn.k_proj", wide, keys),
        **_linear("self_attn.v_proj", wide, keys),
        **_linear("self_attn.o_proj", queries, wide, bias=False),
        **_linear("mlp.gate_proj", wide, inner, bias=False),
        **_linear("mlp.up_proj", wide, inner, bias=False),
        **_linear("mlp.down_proj", inner, wide, bias=False),
    }
