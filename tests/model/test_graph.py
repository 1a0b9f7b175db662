"""Steps that can be recorded equal ordinary ones, run as they are, replayed from a recording, or after one failed."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from model import graph, kernels
from model.attention import Backend
from model.cache import KVCache
from model.errors import GenerationError
from model.generate import Finished, GenerateOptions, generate, generate_batch
from model.graph import CudaGraphs, Recorder, Work
from model.loading import LoadedModel, load
from model.preprocess import MediaTensors
from model.qwen import QwenVL
from tests.model.tape import TapeRecorder
from tests.model.test_generate import ask, clip, picture
from tests.model.test_language import medium, network, prompt
from tests.tiny import make_checkpoint

STEPS = 40


@pytest.fixture(autouse=True)
def torch_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tape hears the operations of torch only; where steps are recorded, the native kernels do not serve."""
    monkeypatch.setattr(kernels, "available", lambda: False)


@pytest.fixture
def small_buckets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph, "BUCKET", 16)


class Broken(TapeRecorder):
    """Records no more after some recordings."""

    def __init__(self, good: int = 0, stage: str = "record") -> None:
        super().__init__()
        self.good, self.stage = good, stage

    def warm_up(self, work: Work) -> None:
        if self.stage == "warm up" and self.warmed == self.good:
            raise torch.OutOfMemoryError("CUDA out of memory.\nSee the documentation")
        super().warm_up(work)

    def record(self, work: Work) -> Work:
        if self.recorded == self.good:
            work()  # part of it may have run before it failed
            raise RuntimeError("operation not permitted when stream is capturing\nCUDA kernel errors might ...")
        return super().record(work)


def use(monkeypatch: pytest.MonkeyPatch, recorder: Recorder | None) -> None:
    monkeypatch.setattr("model.qwen.recorder", lambda device: recorder)


def decoded(
    model: QwenVL,
    ids: Tensor,
    media: list[MediaTensors],
    pad: list[int] | None,
    static: bool,
    steps: int = STEPS,
    anew: bool = True,
) -> Tensor:
    """Prefill, then decode the same random tokens, whatever the scores -> logits (steps + 1, B, V).

    Memory and recordings of an earlier answer are taken over unless all is to be made `anew`.
    """
    model.static = static
    if anew:
        model._stepper = None
    tokens = torch.randint(0, 256, (steps, len(ids)), generator=torch.Generator().manual_seed(6))
    cache = model.new_cache(len(ids), ids.shape[1] + steps)
    assert (cache.stepper is not None) == static
    with torch.inference_mode():
        # What fresh memory holds must not matter.
        cache.keys.fill_(float("nan"))
        cache.values.fill_(float("nan"))
        rows = [model.prefill(ids, media, cache, pad=pad)]
        for token in tokens:
            rows.append(model.step(token, cache).clone())
    assert cache.length == ids.shape[1] + steps
    return torch.stack(rows)


def text(rows: int, length: int) -> Tensor:
    return torch.randint(0, 256, (rows, length), generator=torch.Generator().manual_seed(length))


def padded_case(model: QwenVL) -> tuple[Tensor, list[MediaTensors], list[int]]:
    """Rows of different lengths, with a picture, nothing, and a clip with a picture."""
    rows = [[medium("image", 1, 3, 2)], [], [medium("video", 5, 1, 2), medium("image", 1, 1, 1)]]
    prompts = [prompt(model, *media) for media in rows]
    longest = max(ids.shape[1] for ids in prompts)
    pad = [longest - ids.shape[1] for ids in prompts]
    ids = torch.cat([torch.nn.functional.pad(ids, (left, 0)) for ids, left in zip(prompts, pad, strict=True)])
    return ids, [item for media in rows for item in media], pad


CASES: dict[str, Callable[[QwenVL], tuple[Tensor, list[MediaTensors], list[int] | None]]] = {
    "text": lambda model: (text(1, 9), [], None),
    "one token": lambda model: (text(1, 1), [], None),
    "whole bucket": lambda model: (text(1, 16), [], None),
    "rows": lambda model: (text(3, 11), [], None),
    "picture": lambda model: (prompt(model, item := medium("image", 1, 5, 2)), [item], None),
    "clip": lambda model: (prompt(model, item := medium("video", 12, 1, 2, fps=1.0)), [item], None),
    "padded": padded_case,
}


@pytest.mark.usefixtures("small_buckets")
@pytest.mark.parametrize(
    ("case", "heads"),
    [*((case, (4, 2)) for case in CASES), ("rows", (4, 4)), ("clip", (4, 1)), ("padded", (4, 4))],
    ids=str,
)
def test_static_steps_equal_ordinary_ones(case: str, heads: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """As they are, and replayed, over several buckets."""
    model = network(num_attention_heads=heads[0], num_key_value_heads=heads[1])
    ids, media, pad = CASES[case](model)
    ordinary = decoded(model, ids, media, pad, static=False)
    assert ordinary.std() > 0.1
    torch.testing.assert_close(decoded(model, ids, media, pad, static=True), ordinary, atol=1e-5, rtol=0)
    recorder = TapeRecorder()
    use(monkeypatch, recorder)
    torch.testing.assert_close(decoded(model, ids, media, pad, static=True), ordinary, atol=1e-5, rtol=0)
    assert recorder.recorded >= 2 and recorder.warmed + recorder.replayed == STEPS
    assert recorder.warmed - recorder.recorded in (0, 1), "the last bucket may end before it is recorded"


def test_buckets_of_the_size_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    """256 positions are passed in the middle; two recordings serve all steps."""
    recorder = TapeRecorder()
    use(monkeypatch, recorder)
    model, ids = network(), text(2, 240)
    ordinary = decoded(model, ids, [], [7, 0], static=False)
    torch.testing.assert_close(decoded(model, ids, [], [7, 0], static=True), ordinary, atol=1e-5, rtol=0)
    assert (recorder.warmed, recorder.recorded, recorder.replayed) == (2, 2, STEPS - 2)


@pytest.mark.usefixtures("small_buckets")
def test_tied_heads_and_the_eager_backend_may_be_asked_for() -> None:
    model = network(tie_word_embeddings=True)
    model.backend = Backend("eager", "test")
    ids, media, pad = padded_case(model)
    ordinary = decoded(model, ids, media, pad, static=False)
    # The scores of this head reach 30.
    torch.testing.assert_close(decoded(model, ids, media, pad, static=True), ordinary, atol=1e-5, rtol=1e-5)


@pytest.mark.usefixtures("small_buckets")
@torch.inference_mode()
def test_until_the_cache_is_full() -> None:
    """A capacity is used to its last position, and not beyond."""
    model, ids = network(), text(1, 5)
    model.static = True
    asked = model.new_cache(1, 21)
    assert asked.capacity == 32, "what is asked for is rounded up to whole buckets"
    caches = [asked, KVCache(model.config.text, 1, 32, model.device, model.dtype)]
    for cache in caches:
        model.prefill(ids, [], cache)
    for position in range(5, 32):
        token = torch.tensor([position])
        static, ordinary = (model.step(token, cache) for cache in caches)
        torch.testing.assert_close(static, ordinary, atol=1e-5, rtol=0)
        assert caches[0].next_position.tolist() == caches[1].next_position.tolist()
    torch.testing.assert_close(caches[0].keys, caches[1].keys, atol=1e-5, rtol=0)
    for cache in caches:
        with pytest.raises(GenerationError, match="full at 32"):
            model.step(token, cache)


@pytest.mark.usefixtures("small_buckets")
@torch.inference_mode()
def test_a_cache_may_be_filled_in_between(monkeypatch: pytest.MonkeyPatch) -> None:
    """After positions that came by another way, decoding goes on behind them."""
    use(monkeypatch, TapeRecorder())
    model, ids = network(), text(1, 12)
    rows = []
    for static in (False, True):
        model.static = static
        cache = model.new_cache(1, 60)
        model.prefill(ids[:, :4], [], cache)
        for position in range(4, 8):
            model.step(ids[:, position], cache)
        positions = (cache.next_position[:, None] + torch.arange(3)).expand(3, 1, -1)
        model.model(model.embed(ids[:, 8:11]), positions, model.backend, cache)
        cache.next_position = cache.next_position + 3
        rows.append(torch.stack([model.step(ids[:, 11], cache).clone() for _ in range(9)]))
    torch.testing.assert_close(rows[1], rows[0], atol=1e-5, rtol=0)


def test_a_tape_notices_what_a_graph_would_freeze() -> None:
    """The stand-in for CUDA graphs is worth its name: numbers are frozen, and values may not be read."""
    place, out = torch.zeros(1, dtype=torch.long), torch.zeros(4)
    taken = 0

    def by_number() -> None:
        out.narrow(0, taken, 1).fill_(1.0)
        place.add_(1)

    def by_tensor() -> None:
        out.index_fill_(0, place, 1.0)
        place.add_(1)

    for work, expected in ((by_number, [1, 0, 0, 0]), (by_tensor, [1, 1, 1, 0])):
        place.zero_(), out.zero_()
        replay = TapeRecorder().record(work)
        assert out.sum() == 0 and place.item() == 0
        for taken in range(3):  # noqa: B007
            replay()
        assert out.tolist() == expected
    for illegal in (lambda: place.item(), lambda: torch.tensor([1]), lambda: place.nonzero()):
        with pytest.raises(RuntimeError, match="not permitted"):
            TapeRecorder().record(illegal)  # type: ignore[arg-type]


@pytest.mark.usefixtures("small_buckets")
@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (Broken(), "not permitted when stream is capturing$"),
        (Broken(good=1), "not permitted when stream is capturing$"),
        (Broken(stage="warm up"), "CUDA out of memory.$"),
        (Broken(good=1, stage="warm up"), "CUDA out of memory.$"),
    ],
    ids=["first recording", "second recording", "first warm-up", "second warm-up"],
)
def test_decoding_goes_on_where_recording_fails(broken: Broken, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason is told once, no score is lost, and it is not tried again."""
    use(monkeypatch, broken)
    model = network()
    ids, media, pad = padded_case(model)
    ordinary = decoded(model, ids, media, pad, static=False)
    with pytest.warns(RuntimeWarning, match=f"without CUDA graphs: .*{reason}") as told:
        torch.testing.assert_close(decoded(model, ids, media, pad, static=True), ordinary, atol=1e-5, rtol=0)
    assert len(told) == 1
    assert model.static is False and model.new_cache(1, 8).stepper is None


def test_the_cpu_decodes_as_ever_unless_asked() -> None:
    cache = network().new_cache(1, 21)
    assert cache.stepper is None and cache.capacity == 21
    assert graph.recorder(torch.device("cpu")) is None


@pytest.mark.parametrize(("name", "chosen"), [("sdpa", True), ("varlen", True), ("eager", False)])
def test_cuda_records_with_every_backend_but_eager(name: str, chosen: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    model = network()
    model.backend = Backend(name, "test")
    made: list[torch.device] = []
    monkeypatch.setattr("model.qwen.recorder", made.append)
    monkeypatch.setattr(QwenVL, "device", torch.device("cuda", 0))
    monkeypatch.setattr("model.qwen.KVCache", lambda config, batch, capacity, device, dtype: Plain())
    monkeypatch.setattr("model.qwen.Stepper", Lender)
    assert (model.new_cache(1, 21).stepper is not None) == chosen
    assert made == ([torch.device("cuda", 0)] if chosen else [])


class Plain:
    """A cache without memory."""

    stepper: object = None


class Lender:
    """A stepper without memory."""

    def __init__(self, *parts: object) -> None:
        self.memory = parts[-1]

    def lend(self) -> Plain:
        assert isinstance(self.memory, Plain)
        self.memory.stepper = self
        return self.memory


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    return load(make_checkpoint(tmp_path_factory.mktemp("checkpoint"), seed=5), device="cpu")


@pytest.mark.usefixtures("small_buckets")
@pytest.mark.parametrize("recorder", [None, TapeRecorder()], ids=["run", "replayed"])
def test_answers_are_the_same(
    recorder: TapeRecorder | None, loaded: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, recorder)
    requests = [
        ask("what is it?", picture(loaded, 56, 84)),
        ask("hello"),
        ask("图中有什么？", clip(loaded), picture(loaded, 140, 28, 3)),
    ]
    options = GenerateOptions(max_tokens=STEPS, logprobs=True)
    told: dict[bool, list[Finished]] = {}
    for static in (False, True):
        monkeypatch.setattr(loaded.model, "static", static)
        ends = [list(generate(loaded, *request, options))[-1] for request in requests]
        told[static] = [end for end in ends if isinstance(end, Finished)]
        told[static] += generate_batch(loaded, requests, options)
    for ours, ordinary in zip(told[True], told[False], strict=True):
        assert (ours.text, ours.finish_reason) == (ordinary.text, ordinary.finish_reason)
        assert [one.id for one in ours.logprobs] == [one.id for one in ordinary.logprobs]
        assert ours.mean_probability == pytest.approx(ordinary.mean_probability, abs=1e-5)
    assert len({end.text for end in told[True]}) >= len(requests)
    assert recorder is None or recorder.replayed > STEPS


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_graphs_equal_ordinary_steps_on_a_gpu(dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    replays: list[int] = []

    class Counted(CudaGraphs):
        def record(self, work: Work) -> Work:
            replay = super().record(work)

            def counted() -> None:
                replays.append(1)
                replay()

            return counted

    monkeypatch.setattr("model.graph.CudaGraphs", Counted)
    model = network().to("cuda", dtype)
    ids = text(2, 240).to("cuda")
    with torch.device("cuda"):
        ordinary, static = (decoded_on_gpu(model, ids, static=choice) for choice in (False, True))
    close = {torch.float32: 1e-4, torch.bfloat16: 0.1}[dtype]
    torch.testing.assert_close(static, ordinary, atol=close, rtol=0)
    assert len(replays) == STEPS - 2


@torch.inference_mode()
def decoded_on_gpu(model: QwenVL, ids: Tensor, static: bool) -> Tensor:
    model.static = static
    cache = model.new_cache(len(ids), ids.shape[1] + STEPS)
    rows = [model.prefill(ids, [], cache, pad=[7, 0])]
    for step in range(STEPS):
        rows.append(model.step(ids[:, step], cache).clone())
    return torch.stack(rows).float()
