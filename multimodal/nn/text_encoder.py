"""The recurrent encoder of texts, shared by answerers, sentiment classifiers and language models.

A text is read forwards, or in both directions. The two directions can meet after every layer, as in
torch's bidirectional networks, or only after the last: then each is a stack of its own, which a
language model can train, since it never reads the word that it predicts. The backward direction
starts at each text's last word, so padding changes nothing: the result equals torch's on a packed
batch, with the fused kernels of the CPU.

References:
    Schuster and Paliwal 1997, "Bidirectional recurrent neural networks"; Graves, Mohamed and Hinton
    2013, "Speech recognition with deep recurrent neural networks", section 2 (``both``); Peters et
    al. 2018, "Deep contextualized word representations", section 3.1 (``apart``); Merity, Keskar
    and Socher 2018, "Regularizing and optimizing LSTM language models" (AWD-LSTM: the dropouts);
    Gal and Ghahramani 2016 (variational dropout).
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from multimodal.nn.dropout import SequenceDropout
from multimodal.nn.embedding import Gradients
from multimodal.nn.recurrent import Cell, Recurrent, State

Directions = Literal["ahead", "both", "apart"]

# A parameter of a stack of several layers in one: how answerers were saved before.
_STACKED = re.compile(r"ahead\.0\.layers\.(\w+)_l([1-9]\d*)")


@dataclass(frozen=True)
class TextEncoderSettings:
    """Everything that shapes word vectors and the recurrent layers over them, as plain data.

    Args:
        cell: ``lstm``, ``gru`` or ``rnn``.
        directions: ``ahead``: from the first word to the last. ``both``: also from the last to the
            first, each layer reading both directions of the one below. ``apart``: both, as two
            stacks that never meet; what a language model can train.
        num_layers: Recurrent layers.
        embedding_dim: Width of a word vector.
        hidden_dim: Width of the recurrent state, of each direction.
        last_dim: Width of the last layer's state, of each direction; 0 is ``hidden_dim``. A
            language model with tied embeddings wants that of a word vector.
        embedding_dropout: Share of the vocabulary's words left out of a batch, a probability.
        input_dropout: Dropout on word vectors, the same for all words of a text, a probability.
        hidden_dropout: The same between layers.
        output_dropout: The same after the last layer.
        weight_drop: Dropout on the weights from state to state, a probability.
        gradients: Gradients of the word vectors: ``dense``, ``sparse``, or ``auto``: sparse for
            60,000 words and more. Not every optimiser takes sparse ones.
    """

    cell: Cell = "lstm"
    directions: Directions = "both"
    num_layers: int = 1
    embedding_dim: int = 300
    hidden_dim: int = 256
    last_dim: int = 0
    embedding_dropout: float = 0.0
    input_dropout: float = 0.0
    hidden_dropout: float = 0.0
    output_dropout: float = 0.0
    weight_drop: float = 0.0
    gradients: Gradients = "auto"


class TextEncoder(nn.Module):
    """Recurrent layers over word vectors, in one direction or in two.

    Args:
        settings: Recurrent layers; the caller embeds the words.
        dropout: Builds the dropout layers from a probability: `SequenceDropout`, or `Dropout` to
            drop elements independently.

    Attributes:
        output_dim: Width of the vectors: of the last layer, twice that in two directions.
        last_dim: Width of the last layer, of one direction.

    Raises:
        ValueError: If a setting is not one of its choices, or a probability is out of range.

    Example:
        >>> encoder = TextEncoder(TextEncoderSettings(embedding_dim=3, hidden_dim=4))
        >>> outputs, states = encoder(torch.zeros(1, 2, 3), torch.tensor([[True, False]]))
        >>> outputs.shape, states.shape
        (torch.Size([1, 2, 8]), torch.Size([1, 8]))
    """

    def __init__(
        self,
        settings: TextEncoderSettings,
        *,
        dropout: Callable[[float], nn.Module] = SequenceDropout,
    ) -> None:
        super().__init__()
        if settings.directions not in get_args(Directions):
            raise ValueError(
                f"`directions` must be ahead, both or apart, got {settings.directions!r}."
            )
        if settings.num_layers < 1:
            raise ValueError(f"`num_layers` must be 1 or more, got {settings.num_layers}.")
        self.last_dim = settings.last_dim or settings.hidden_dim
        self.meeting = settings.directions == "both"
        twice = settings.directions != "ahead"
        self.output_dim = 2 * self.last_dim if twice else self.last_dim
        self.ahead = nn.ModuleList(_layers(settings))
        self.back = nn.ModuleList(_layers(settings) if twice else [])
        self.input_dropout = dropout(settings.input_dropout)
        self.hidden_dropout = dropout(settings.hidden_dropout)
        self.output_dropout = dropout(settings.output_dropout)
        # torch leaves this method without types.
        self.register_load_state_dict_pre_hook(_rename_stacked_layers)  # type: ignore[no-untyped-call]

    def forward(
        self,
        vectors: Float[Tensor, "batch time embedding"],
        mask: Bool[Tensor, "batch time"],
    ) -> tuple[Float[Tensor, "batch time output"], Float[Tensor, "batch output"]]:
        """Encode whole texts, whose real words come first, from a state of zeros.

        Returns:
            The last layer's outputs, zero at the padding, and for the whole text that of each
            direction after the last word that it read. A text without words has zeros.
        """
        lengths = mask.sum(dim=1)
        stacks = [self.ahead, self.back] if self.back else [self.ahead]
        streams = [self.input_dropout(vectors)] * len(stacks)
        for depth in range(len(self.ahead)):
            if depth:
                streams = self._between(streams)
            streams = [
                _read(stack[depth], stream, lengths, backwards=stack is self.back)
                for stack, stream in zip(stacks, streams, strict=True)
            ]
        outputs = torch.where(mask.unsqueeze(-1), torch.cat(streams, dim=-1), 0)
        outputs = self.output_dropout(outputs)
        return outputs, self._ends(outputs, lengths)

    def resume(
        self, vectors: Float[Tensor, "batch time embedding"], state: State
    ) -> tuple[Float[Tensor, "batch time last"], State]:
        """Read forwards from an earlier state; not for directions that meet.

        There is no dropout after the last layer: a language model needs its outputs before dropout
        and after.

        Args:
            vectors: Word vectors, all read as real: no real word may follow padding, also in later
                calls.
            state: From `start` or an earlier call.
        """
        values, parts, after = self.input_dropout(vectors), list(state), list[Tensor]()
        for depth, layer in enumerate(self.ahead):
            assert isinstance(layer, Recurrent)
            if depth:
                values = self.hidden_dropout(values)
            first, parts = parts[: layer.num_states], parts[layer.num_states :]
            values, last = layer(values, tuple(first))
            after += last
        return values, tuple(after)

    def read_backwards(
        self, vectors: Float[Tensor, "batch time embedding"], mask: Bool[Tensor, "batch time"]
    ) -> Float[Tensor, "batch time last"]:
        """Read texts, real words first, backwards with the second of two stacks that never meet.

        Returns:
            Its outputs before dropout; those at the padding have no meaning.
        """
        lengths = mask.sum(dim=1)
        values: Tensor = self.input_dropout(vectors)
        for depth, layer in enumerate(self.back):
            values = self.hidden_dropout(values) if depth else values
            values = _read(layer, values, lengths, backwards=True)
        return values

    def start(self, batch: int) -> State:
        """Return the state before the first word: zeros, for each layer ``(batch, 1, hidden)``."""
        weight = next(self.parameters())
        return tuple(
            weight.new_zeros(batch, 1, layer.hidden_dim)
            for layer in self.ahead
            if isinstance(layer, Recurrent)
            for _ in range(layer.num_states)
        )

    def _between(self, streams: Sequence[Tensor]) -> list[Tensor]:
        if self.meeting:
            joined = self.hidden_dropout(torch.cat(list(streams), dim=-1))
            return [joined] * len(streams)
        return [self.hidden_dropout(stream) for stream in streams]

    def _ends(self, outputs: Tensor, lengths: Tensor) -> Tensor:
        batch, time, _ = outputs.shape
        last = (lengths - 1).clamp(min=0) + torch.arange(batch, device=lengths.device) * time
        ends = outputs[..., : self.last_dim].flatten(0, 1).index_select(0, last)
        return torch.cat([ends, outputs[:, 0, self.last_dim :]], dim=-1)  # (batch, output)


def parameters_by_depth(embedding: nn.Module, encoder: TextEncoder) -> list[list[nn.Parameter]]:
    """Group the parameters from bottom to top: the word vectors, then each layer's."""
    groups = [list(embedding.parameters())]
    for depth, layer in enumerate(encoder.ahead):
        backward = list(encoder.back[depth].parameters()) if encoder.back else []
        groups.append([*layer.parameters(), *backward])
    return groups


def _layers(settings: TextEncoderSettings) -> list[Recurrent]:
    count = settings.num_layers
    outputs = [settings.hidden_dim] * (count - 1) + [settings.last_dim or settings.hidden_dim]
    ways = 2 if settings.directions == "both" else 1
    inputs = [settings.embedding_dim, *(ways * width for width in outputs[:-1])]
    return [
        Recurrent(width, hidden, cell=settings.cell, weight_drop=settings.weight_drop)
        for width, hidden in zip(inputs, outputs, strict=True)
    ]


def _read(layer: nn.Module, inputs: Tensor, lengths: Tensor, *, backwards: bool) -> Tensor:
    assert isinstance(layer, Recurrent)
    zeros = inputs.new_zeros(len(inputs), 1, layer.hidden_dim)
    return layer.read(inputs, (zeros,) * layer.num_states, lengths, backwards=backwards)


def _rename_stacked_layers(
    module: nn.Module,  # noqa: ARG001 - a hook's form
    weights: dict[str, Any],
    prefix: str,
    *_: object,
) -> None:
    """Read weights that were saved when several layers in one direction were one torch network."""
    for name in list(weights):
        stacked = _STACKED.fullmatch(name.removeprefix(prefix))
        if stacked and name.startswith(prefix):
            kind, depth = stacked.groups()
            weights[f"{prefix}ahead.{depth}.layers.{kind}_l0"] = weights.pop(name)
