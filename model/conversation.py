"""A conversation: what was said stays in the KV cache, so that a turn costs only what is new in it."""

from collections.abc import Generator, Sequence

import torch
from torch import Tensor

from model.cache import KVCache
from model.generate import Finished, GenerateOptions, Run, TextPiece, told
from model.loading import LoadedModel
from model.preprocess import MediaTensors
from model.prompt import build_prompt, check_context, further_turn, simple_messages


class Conversation:
    """Turns about pictures and clips, which may come with any of them.

    A model that was taught single questions (GenerationDefaults.single_turn) is asked each by itself, about the media
    that came last, whose features are kept; `remembers` says which it is. `taken` counts the turns whose media were
    read: not those that failed or were stopped before.
    """

    def __init__(self, loaded: LoadedModel, options: GenerateOptions, system: str | None = None) -> None:
        self.loaded, self.options, self.system = loaded, options, system
        self.remembers = not loaded.generation.single_turn
        self.taken = 0
        self._ids: list[int] = []  # all that was said; the cache holds a beginning of it
        self._cache: KVCache | None = None
        self._media: Sequence[MediaTensors] = ()  # of a model that does not remember
        self._features: Tensor | None = None  # (M, D), theirs

    def ask(self, text: str, media: Sequence[MediaTensors] = ()) -> Generator[TextPiece | Finished]:
        """Say one turn, its media before its text: the answer as it comes, then one Finished.

        The answer may be left before its end: what came of it has been said. Raises PromptError where the context is
        full, and leaves the conversation as it was.
        """
        if not self.remembers:
            yield from self._by_itself(text, media or self._media, None if media else self._features)
            return
        run = self._further(text, media)
        held = run.cache.length if run.cache else 0
        try:
            yield from told(run)
        finally:
            row = run.rows[0]
            if run.cache and run.cache.length > held:  # the prompt has been read
                self._cache, self._ids = run.cache, row.prompt + self._without_placeholders(row.tokens)
                self.taken += 1

    def _without_placeholders(self, tokens: list[int]) -> list[int]:
        """An answer without a placeholder of media at its cut end: read with the next turn, it would ask for one."""
        config = self.loaded.config
        if tokens and tokens[-1] in (config.image_token_id, config.video_token_id):
            return tokens[:-1]
        return tokens

    def _further(self, text: str, media: Sequence[MediaTensors]) -> Run:
        """The run of a turn behind all that was said."""
        loaded, options = self.loaded, self.options
        messages = simple_messages(len(media), text, self.system)
        if self._ids:
            ids = self._ids + further_turn(messages[-1], media, loaded.tokenizer, loaded.config)
        else:
            ids = build_prompt(messages, media, loaded.tokenizer, loaded.config)
        check_context(ids, options.max_tokens, loaded.config)
        return Run(loaded, [ids], media, options, cache=self._roomy(len(ids) + options.max_tokens))

    @torch.inference_mode()
    def _roomy(self, positions: int) -> KVCache:
        """The cache, moved to a larger one where it has no room for so many positions."""
        if self._cache is not None and self._cache.capacity >= positions:
            return self._cache
        most = self.loaded.config.text.max_position_embeddings
        grown = self.loaded.model.new_cache(1, positions if self._cache is None else min(most, 2 * positions))
        if self._cache is not None:
            grown.take_over(self._cache)
        return grown

    def _by_itself(
        self, text: str, media: Sequence[MediaTensors], features: Tensor | None
    ) -> Generator[TextPiece | Finished]:
        """Ask a question alone, and keep its media where they have been encoded."""
        loaded = self.loaded
        messages = simple_messages(len(media), text, self.system)
        ids = build_prompt(messages, media, loaded.tokenizer, loaded.config)
        run = Run(loaded, [ids], media, self.options, features=features)
        try:
            yield from told(run)
        finally:
            if run.features is not None:
                self._media, self._features = media, run.features
                self.taken += 1
