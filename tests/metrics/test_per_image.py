import copy
import pickle
import subprocess
import sys

import pytest
import torch

from multimodal.metrics.captions import CaptionScores
from multimodal.metrics.per_image import PerImageMetric
from multimodal.metrics.rouge import rouge_l

WORDS = ["a", "dog"]


class RougeL(PerImageMetric):
    def update(self, image_ids, candidates, references):
        self.keep(image_ids, candidates, references)

    def compute(self):
        return rouge_l(*self.kept())


def test_an_image_counts_once_and_its_first_caption_stays():
    metric = RougeL()
    metric.update([1, 2], [WORDS, ["x"]], [[WORDS], [WORDS]])
    metric.update([2, 1], [WORDS, ["x"]], [[WORDS], [WORDS]])
    assert metric.compute() == 0.5


def test_reset_forgets_all_images():
    metric = RougeL()
    metric.update([1], [["x"]], [[WORDS]])
    assert metric.compute() == 0.0
    metric.reset()
    metric.update([2], [WORDS], [[WORDS]])
    assert metric.compute() == 1.0


def test_rows_come_in_the_order_of_image_ids():
    metric = RougeL()
    metric.update(["b", 10, "a", 9], [["p"], ["q"], ["r"], ["s"]], [[WORDS]] * 4)
    assert metric.kept()[0] == [["s"], ["q"], ["r"], ["p"]]


def test_a_metric_can_be_moved_copied_and_pickled():
    metric = RougeL()
    metric.update([1], [WORDS], [[WORDS]])
    module = torch.nn.ModuleDict({"rouge_l": metric}).to(torch.float64).to("cpu").half()
    assert module["rouge_l"].compute() == 1.0
    assert copy.deepcopy(metric).compute() == 1.0
    assert pickle.loads(pickle.dumps(metric)).compute() == 1.0
    assert metric.clone().compute() == 1.0
    assert metric.state_dict() == {}


def test_a_copy_keeps_its_own_images():
    metric = RougeL()
    other = metric.clone()
    metric.update([1], [WORDS], [[WORDS]])
    other.update([2], [["x"]], [[WORDS]])
    assert (metric.compute(), other.compute()) == (1.0, 0.0)


def test_calling_a_metric_updates_it():
    metric = RougeL()
    assert metric([1], [WORDS], [[WORDS]]) is None
    assert metric.compute() == 1.0


def test_columns_of_another_length_are_refused():
    with pytest.raises(ValueError, match="got 2 ids and columns of 1, 2"):
        RougeL().update([1, 2], [WORDS], [[WORDS], [WORDS]])


@pytest.mark.filterwarnings("ignore:The ``compute`` method")
def test_a_metric_without_images_says_so():
    with pytest.raises(ValueError, match="RougeL has nothing to score: call `update` before"):
        RougeL().compute()


def test_images_of_all_processes_are_gathered_and_repeated_ones_dropped(monkeypatch):
    mine, other = RougeL(), RougeL()
    mine.update([1, 2], [WORDS, WORDS], [[WORDS], [WORDS]])
    other.update([2, 3], [["padding"], ["x"]], [[WORDS], [WORDS]])

    def all_gather_object(parts, own):
        assert own is mine._entries
        parts[:] = [own, other._entries]

    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 2)
    monkeypatch.setattr(torch.distributed, "all_gather_object", all_gather_object)
    assert mine.compute() == pytest.approx(2 / 3)
    assert sorted(mine._entries) == [1, 2]


PROCESS = """
import sys
import torch.distributed as dist
from multimodal.metrics.captions import CaptionScores
rank, file = int(sys.argv[1]), sys.argv[2]
dist.init_process_group("gloo", init_method=f"file://{file}", rank=rank, world_size=2)
metric = CaptionScores(with_meteor=False)
for image in ([0, 2, 4], [1, 3, 0])[rank]:
    words = ["a", "dog", "number", str(image)]
    metric.update([image], [words[image % 3 :]], [[words, ["one", "dog"]]])
print(metric.compute())
dist.destroy_process_group()
"""


@pytest.mark.slow
def test_two_processes_compute_what_one_does(tmp_path):
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PROCESS, str(rank), str(tmp_path / "store")],
            stdout=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    printed = [process.communicate(timeout=300)[0].strip() for process in processes]
    metric = CaptionScores(with_meteor=False)
    for image in range(5):
        words = ["a", "dog", "number", str(image)]
        metric.update([image], [words[image % 3 :]], [[words, ["one", "dog"]]])
    assert printed == [str(metric.compute())] * 2
