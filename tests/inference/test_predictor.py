"""The generic predictor, with a model that adds one to a number."""

import inspect
from dataclasses import dataclass
from typing import ClassVar

import pytest
import torch
from torch import nn

from multimodal.inference.options import Options, Range, option
from multimodal.inference.predictor import Predictor


@dataclass(frozen=True, kw_only=True)
class AddOptions(Options):
    times: int = option(1, "how often", within=Range(0))


class Adder(Predictor[int, int, int]):
    task = "adding"
    input_name = "a number"
    Options = AddOptions
    stream_defaults: ClassVar = {"times": 2}

    def __init__(self, model=None, **changes):
        super().__init__(model or nn.Identity(), **changes)
        self.batches = []

    @classmethod
    def build(cls, saved, source):
        return {"model": nn.Linear(1, saved)}

    def is_single(self, inputs):
        return isinstance(inputs, int)

    def read(self, given, number):
        if given < 0:
            raise ValueError(f"number {number} is negative")
        return given

    def predict(self, items, options):
        self.batches.append(items)
        return [item + options.times for item in items]


@pytest.fixture
def adder():
    return Adder(device="cpu")


def test_one_input_gets_one_result_and_many_get_a_list(adder):
    assert adder(1) == 2
    assert adder([1]) == [2]
    assert adder(iter([1, 2])) == [2, 3]
    assert adder([]) == []


def test_keywords_become_options(adder):
    assert adder(1, times=5) == 6


def test_an_unknown_keyword_is_refused_and_the_closest_named(adder):
    for call in (adder, adder.stream):
        with pytest.raises(
            TypeError, match=r"`time`\. Did you mean `times`\? The options are batch"
        ):
            call([1], time=5)


def test_options_are_keywords_only(adder):
    with pytest.raises(TypeError):
        adder(1, 5)


def test_a_stream_may_have_other_defaults(adder):
    assert list(adder.stream([1])) == [3]
    assert list(adder.stream([1], times=1)) == [2]


def test_options_of_a_stream_are_checked_before_the_first_input_is_read(adder):
    with pytest.raises(ValueError, match="`times` must be 0 or more, got -1"):
        adder.stream(iter([1]), times=-1)


def test_inputs_are_predicted_in_batches_of_those_that_can_be_used(adder):
    found = list(adder.stream([1, -1, 2, 3, -2, -3, 4], batch_size=2))
    assert adder.batches == [[1], [2, 3], [4]]
    assert [str(each) for each in found] == [
        *("3", "number 1 is negative", "4", "5"),
        *("number 4 is negative", "number 5 is negative", "6"),
    ]


def test_a_call_raises_the_first_error(adder):
    with pytest.raises(ValueError, match="number 1 is negative"):
        adder([1, -1, -2])
    with pytest.raises(ValueError, match="number None is negative"):
        adder(-1)


@pytest.mark.parametrize("inputs", [None, 1.5, b"12"], ids=["None", "a float", "bytes"])
def test_an_input_of_the_wrong_type_is_refused(inputs, adder):
    with pytest.raises(TypeError, match=r"^A predictor takes a number or a sequence of them, got "):
        adder(inputs)


def test_the_parts_of_a_saved_model_reach_the_constructor():
    adder = Adder.from_saved.__func__.__wrapped__(Adder, 3, "best.ckpt", device="cpu")
    assert adder.model.out_features == 3
    assert not adder.model.training


def test_an_unknown_precision_or_device_is_refused():
    build = inspect.unwrap(Predictor.__init__)
    with pytest.raises(ValueError, match="`precision` must be float32 or bfloat16, got 'half'"):
        build(object.__new__(Adder), nn.Identity(), precision="half")
    with pytest.raises(ValueError, match="no kind of device called 'abacus'"):
        Adder(device="abacus")


def test_the_model_is_set_to_evaluation_on_the_device():
    adder = Adder(nn.Dropout(0.5).train(), device=torch.device("cpu"))
    assert not adder.model.training
    assert (adder.device.type, adder.precision) == ("cpu", "float32")
