"""QwenVL: the whole network. Media to features, prompt to cache (prefill), token to logits (step)."""

from collections.abc import Callable, Sequence
from contextlib import closing
from math import prod
from warnings import warn

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from model.attention import Backend
from model.cache import KVCache
from model.config import ModelConfig
from model.errors import PromptError
from model.graph import CannotRecord, Stepper, recorder, whole_buckets
from model.language import LAST, LanguageModel, padded_mask
from model.linear import Linear
from model.native import native_stepper
from model.positions import mrope_positions
from model.preprocess import MediaTensors, patch_chunks
from model.vision import VisionTower


class QwenVL(nn.Module):
    """The vision tower and the decoder; submodule names follow the published weights.

    With tied embeddings there is no `lm_head`: the embedding matrix is the head. `static` says whether decoding takes
    steps that can be recorded (model/graph.py); None leaves it to the device, and native steps (model/native.py) to the
    kernels.
    """

    static: bool | None = None
    _stepper: Stepper | None = None  # with the memory and the recordings of the last answer, for the next one

    def __init__(self, config: ModelConfig, backend: Backend | None = None) -> None:
        super().__init__()
        self.config = config
        self.backend = backend or Backend("sdpa", "default")
        self.visual = VisionTower(config.vision)
        self.model = LanguageModel(config.text)
        tied = config.text.tie_word_embeddings
        self.lm_head = None if tied else Linear(config.text.hidden_size, config.text.vocab_size, bias=False)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.model.norm.weight.device

    @property
    def dtype(self) -> torch.dtype:
        """What activations are computed in."""
        return self.model.norm.weight.dtype

    def new_cache(self, batch: int, capacity: int) -> KVCache:
        """Make an empty cache for `batch` rows of at least `capacity` positions; it decides how they are decoded.

        Where steps are recorded, it takes the memory of the last one of its size that was dropped.
        """
        if not self._steps_statically():
            return KVCache(self.config.text, batch, capacity, self.device, self.dtype)
        rows = whole_buckets(capacity)
        if self._stepper is None or not self._stepper.serves(batch, rows, self.backend):
            self._stepper = None  # first, so that its memory is free for the new one's
            memory = KVCache(self.config.text, batch, rows, self.device, self.dtype)
            self._stepper = Stepper(self.model, self.head, self.backend, recorder(self.device), memory)
        return self._stepper.lend()

    @property
    def head(self) -> Callable[[Tensor], Tensor]:
        """(..., D) -> (..., V): the head, or the embedding that is tied to it."""
        tied: Callable[[Tensor], Tensor] = self.model.embed_tokens.logits
        return tied if self.lm_head is None else self.lm_head

    def _steps_statically(self) -> bool:
        """Say whether steps are recorded: on CUDA, but for the backend that is there to be read and compared with."""
        if self.static is not None:
            return self.static
        return self.device.type == "cuda" and self.backend.name != "eager"

    def encode_media(self, media: Sequence[MediaTensors]) -> Tensor:
        """Encode pictures and clips, packed chunk by chunk -> (M, D) in the order given.

        The memory for patches and activations is that of one chunk, however long a clip is.
        """
        vision = self.config.vision
        tokens = sum(prod(medium.grid) for medium in media) // vision.merge_unit
        features = torch.empty(tokens, vision.out_hidden_size, dtype=self.dtype, device=self.device)  # (M, D)
        done = 0
        with closing(patch_chunks(media, self.device)) as chunks:
            for chunk in chunks:
                piece = self.visual(chunk.patches, chunk.grids, self.backend)
                features[done : done + len(piece)] = piece
                done += len(piece)
        return features

    def embed(self, input_ids: Tensor, features: Tensor | None = None) -> Tensor:
        """Embed ids (B, S) and put `features` (M, D) where the placeholders stand -> (B, S, D)."""
        embeds: Tensor = self.model.embed_tokens(input_ids)
        if features is None:
            return embeds
        config = self.config
        holders = (input_ids == config.image_token_id) | (input_ids == config.video_token_id)  # (B, S)
        if int(holders.sum()) != features.shape[0]:
            raise PromptError(f"{int(holders.sum())} placeholders for {features.shape[0]} vision tokens")
        return embeds.masked_scatter(holders[..., None], features.to(embeds.dtype))

    def logits(self, hidden: Tensor) -> Tensor:
        """(..., D) -> (..., V)."""
        return self.head(hidden)

    def positions(
        self, input_ids: Tensor, media: Sequence[MediaTensors], pad: Sequence[int] | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return M-RoPE positions (3, B, S) and the next position of each row (B,).

        `pad` counts padding at the left of each row; media are taken in order, row by row.
        """
        rows, following, used = [], [], 0
        for index, ids in enumerate(input_ids.tolist()):
            left = pad[index] if pad else 0
            places, after, taken = mrope_positions(ids[left:], media[used:], self.config)
            rows.append(F.pad(places, (left, 0)))  # (3, S)
            following.append(after)
            used += taken
        if used != len(media):
            raise PromptError(f"{len(media)} media given, but the prompt has places for {used}")
        return torch.stack(rows, dim=1).to(self.device), torch.tensor(following, device=self.device)

    def forward(
        self,
        input_ids: Tensor,
        media: Sequence[MediaTensors] = (),
        *,
        features: Tensor | None = None,
        positions: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor:
        """Score whole sequences without a cache: ids (B, S) -> logits (B, S, V).

        `features` (M, D) spares encoding the media again; `positions` (3, B, S) and `mask` (B, 1, S, S) override what
        follows from the ids (used by training, where several questions share one picture).
        """
        if features is None and media:
            features = self.encode_media(media)
        if positions is None:
            positions, _ = self.positions(input_ids, media)
        hidden = self.model(self.embed(input_ids, features), positions, self.backend, mask=mask)
        return self.logits(hidden)

    def prefill(
        self,
        input_ids: Tensor,
        media: Sequence[MediaTensors],
        cache: KVCache,
        *,
        pad: Sequence[int] | None = None,
        features: Tensor | None = None,
    ) -> Tensor:
        """Run the prompt (B, S) into a cache, behind what it holds -> logits (B, V) of the last position.

        Rows may be padded at the left by `pad` positions where the cache is empty. Sets the cache's next positions from
        the M-RoPE maximum, once all is done: a prompt that fails leaves the cache as it was.
        """
        if features is None and media:
            features = self.encode_media(media)
        positions, following = self.positions(input_ids, media, pad)
        positions = positions + cache.next_position[None, :, None]  # (3, B, S)
        mask = None
        if pad and any(pad):
            cache.visible = torch.ones(len(pad), cache.capacity, dtype=torch.bool, device=self.device)
            for row, left in enumerate(pad):
                cache.visible[row, :left] = False
            mask = padded_mask(cache.visible[:, : input_ids.shape[1]], input_ids.shape[1])
        hidden = self.model(self.embed(input_ids, features), positions, self.backend, cache, mask, LAST)
        cache.next_position = cache.next_position + following
        if self.static is None and cache.stepper is None and self.backend.name != "eager":
            cache.stepper = native_stepper(self.model, self.lm_head or self.model.embed_tokens, cache)
        return self.logits(hidden[:, -1])

    def step(self, ids: Tensor, cache: KVCache) -> Tensor:
        """Decode one token per row: ids (B,) -> logits (B, V), to be read before the next step.

        Raises GenerationError where the cache is full.
        """
        cache.make_sure_of_room()
        if cache.stepper is not None:
            try:
                return cache.stepper(ids, cache)
            except CannotRecord as error:
                cache.stepper, self.static, self._stepper = None, False, None
                warn(f"decoding goes on without CUDA graphs: {error}", RuntimeWarning, stacklevel=2)
        positions = cache.next_position.expand(3, -1)[..., None]  # (3, B, 1)
        mask = None if cache.visible is None else cache.visible[:, None, None, : cache.length + 1]
        hidden = self.model(self.model.embed_tokens(ids[:, None]), positions, self.backend, cache, mask)
        cache.next_position = cache.next_position + 1
        return self.logits(hidden[:, -1])
