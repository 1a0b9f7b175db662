"""What decoding sets up stays for the next answer: memory and recordings are lent to one cache after the other."""

import weakref

import pytest
import torch

from model.generate import GenerateOptions, generate, generate_batch
from model.loading import LoadedModel
from tests.model.tape import TapeRecorder
from tests.model.test_generate import ask, picture
from tests.model.test_graph import STEPS, decoded, loaded, small_buckets, text, torch_only, use
from tests.model.test_language import network

__all__ = ["loaded", "small_buckets", "torch_only"]  # fixtures


@pytest.mark.usefixtures("small_buckets")
def test_recordings_serve_the_answers_to_come(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of another length, behind another prompt, padded or not: what one answer recorded, the next ones replay."""
    recorder = TapeRecorder()
    use(monkeypatch, recorder)
    model = network()
    first, second = text(3, 20), text(3, 11)
    ordinary = [decoded(model, ids, [], pad, static=False) for ids, pad in ((first, None), (second, [4, 0, 2]))]
    for _ in range(2):  # 60 positions are 4 buckets, of which 20 to 60 and 11 to 51 pass through the same three
        for ids, pad, wanted in ((first, None, ordinary[0]), (second, [4, 0, 2], ordinary[1])):
            torch.testing.assert_close(decoded(model, ids, [], pad, True, anew=False), wanted, atol=1e-5, rtol=0)
    made = (recorder.warmed, recorder.recorded)
    assert made == (4, 4) and recorder.replayed == 4 * STEPS - 4


@torch.inference_mode()
def test_memory_is_lent_to_one_cache_at_a_time() -> None:
    model = network()
    model.static = True
    one, other = model.new_cache(1, 21), model.new_cache(1, 21)
    assert one.keys.data_ptr() != other.keys.data_ptr(), "the first is still in use"
    place = other.keys.data_ptr()
    other.advance(3)
    del other
    again = model.new_cache(1, 8)
    assert again.keys.data_ptr() == place and again.length == 0 and again.capacity == 256
    del again
    wider = model.new_cache(2, 8)  # perhaps at the same place: what was given back may be taken for it
    assert wider.keys.shape[1] == len(wider.next_position) == 2 and wider.keys.data_ptr() != one.keys.data_ptr()
    del wider
    assert model.new_cache(1, 300).capacity == 512
    kept = model.new_cache(1, 8)
    assert kept.capacity == 512
    del kept
    with torch.inference_mode(False):
        assert not model.new_cache(1, 8).keys.is_inference(), (
            "what the other mode made cannot be written to in this one"
        )


def test_a_network_that_is_dropped_is_gone_at_once() -> None:
    """No ring of references keeps the weights until the garbage collector comes by."""
    model = network()
    model.static = True
    model.new_cache(1, 8)
    there = weakref.ref(model)
    del model
    assert there() is None


@pytest.mark.usefixtures("small_buckets")
def test_the_next_answer_replays_what_the_last_one_recorded(
    loaded: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of an answer keeps its cache: the memory is there for the next one, and for the next group."""
    recorder = TapeRecorder()
    use(monkeypatch, recorder)
    monkeypatch.setattr(loaded.model, "static", True)
    monkeypatch.setattr(loaded.model, "_stepper", None)
    options = GenerateOptions(max_tokens=STEPS)
    requests = [ask("what is it?", picture(loaded, 56, 84))] * 2
    for answer in (lambda: generate(loaded, *requests[0], options), lambda: generate_batch(loaded, requests, options)):
        before, counts = recorder.recorded, list[int]()
        for _ in range(3):
            list(answer())  # type: ignore[call-overload]
            counts.append(recorder.recorded)
        assert before < counts[0] <= counts[1] == counts[2] <= counts[0] + 1  # a bucket's second step may come later
