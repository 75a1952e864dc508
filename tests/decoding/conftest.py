from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn.functional import one_hot

MEMORY = 4


class TableModel:
    """A language model that is a table of logits (images, time, memory, vocab).

    Its state is a clock and a memory of all words written, so that a hypothesis given another's
    state is detected; the tables are its context. It attends to the cell of its memory.
    """

    def __init__(self, tables: Tensor) -> None:
        self.tables = tables
        self.state = (torch.zeros(len(tables), 2, dtype=torch.long, device=tables.device),)
        self.context = (tables,)
        self.start = self.step, self.state, self.context
        self.calls: list[tuple[int, int]] = []

    def step(self, tokens, state, context):
        self.calls.append(tuple(tokens.shape))
        clock, memory = state[0].unbind(-1)
        memory = (3 * memory + tokens) % MEMORY
        row = torch.arange(len(tokens), device=tokens.device).unsqueeze(1)
        logits = context[0][row, clock.clamp(max=context[0].shape[1] - 1), memory]
        attention = one_hot(memory, MEMORY).float()
        return logits, (torch.stack([clock + 1, memory], dim=-1),), attention

    def next_log_probs(self, image: int, words: list[int]) -> list[float]:
        memory = self.memory(words)
        table = self.tables[image, min(len(words), self.tables.shape[1] - 1), memory]
        return table.float().log_softmax(-1).tolist()

    def memory(self, words: list[int]) -> int:
        memory = 0
        for token in [1, *words]:
            memory = (3 * memory + token) % MEMORY
        return memory


@pytest.fixture(scope="session")
def table_model() -> Callable[[Tensor], TableModel]:
    return TableModel


@pytest.fixture(scope="session")
def random_model() -> Callable[..., TableModel]:
    def build(seed: int, images: int, vocab: int, time: int = 6, scale: float = 1.5) -> TableModel:
        generator = torch.Generator().manual_seed(seed)
        return TableModel(scale * torch.randn(images, time, MEMORY, vocab, generator=generator))

    return build


@pytest.fixture(scope="session")
def constant_model() -> Callable[..., TableModel]:
    """Build a model of one image that gives the same logits at every step."""

    def build(logits: list[float]) -> TableModel:
        return TableModel(torch.tensor(logits).expand(1, 1, MEMORY, len(logits)))

    return build
