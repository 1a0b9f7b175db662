"""The errors this package raises on purpose: each carries one line of cause and one line of remedy."""


class ModelError(Exception):
    """Base of all errors raised by `model`; `message` says what is wrong, `hint` what to do about it."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class ConfigError(ModelError):
    """A config.json (or a neighbour of it) is missing a key or asks for something this network does not do."""


class WeightsError(ModelError):
    """Weights are missing, unexpected, misshapen, truncated or unreadable."""


class ModelNotFound(ModelError):
    """A model name resolves to nothing on this machine."""


class PromptError(ModelError):
    """Messages and media do not fit together, or do not fit the context."""


class BackendUnavailable(ModelError):
    """A device, dtype or attention backend was asked for that this machine cannot run."""


class GenerationError(ModelError):
    """The network produced something that is not an answer, such as non-finite logits."""
