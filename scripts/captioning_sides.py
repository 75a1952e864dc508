"""The two sides of the captioning benchmark, ready to run: the tutorial's decoder and ours.

Random features and sentences, models with weights that can be copied from one side to the other,
training steps and beam searches as functions without arguments, and the arithmetic that training
cannot do without.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from tutorial_decoder import TutorialDecoder

from multimodal.captioning.model import Captioner, CaptionerSettings
from multimodal.decoding import Hypotheses, beam_search
from multimodal.nn.decoders import DecoderName
from multimodal.nn.encoders import EncoderSettings
from multimodal.nn.losses import cross_entropy_in_place
from multimodal.text import BOS_ID, EOS_ID, PAD_ID, UNK_ID

BEAM, LONGEST = 5, 20


@dataclass(frozen=True)
class Sizes:
    """How large everything is; by default what the promises are about.

    Args:
        vocab: Words.
        width: Of regions, word vectors, states and attention.
        regions: Regions of an image.
        images: Images in a batch of ours, captions in one of the tutorial's.
        captions: Captions of an image, ours only: the tutorial takes one image a caption.
        mean_length: Words to predict in a caption: from two thirds to five thirds of it.
    """

    vocab: int = 10_000
    width: int = 512
    regions: int = 49
    images: int = 32
    captions: int = 5
    mean_length: int = 12


class Batch(NamedTuple):
    """Random features and captions; the words of a caption follow its ``<bos>``."""

    features: Tensor  # (images, regions, width)
    tokens: Tensor  # (images, captions, time + 1)
    mask: Tensor  # (images, captions, time): of the words to predict


def make_batch(sizes: Sizes, device: torch.device) -> Batch:
    """Draw a batch, the same at every call."""
    seed = torch.Generator().manual_seed(0)
    shortest, longest = round(sizes.mean_length * 2 / 3), round(sizes.mean_length * 5 / 3)
    shape = (sizes.images, sizes.captions)
    # The smaller of two uniform numbers is a third on average.
    share = torch.rand((2, *shape), generator=seed).amin(0)
    lengths = (shortest + (longest - shortest) * share).round()
    mask = torch.arange(int(lengths.max())) < lengths.unsqueeze(-1)
    words = torch.randint(UNK_ID + 1, sizes.vocab, mask.shape, generator=seed)
    tokens = torch.cat([torch.full((*shape, 1), BOS_ID), words.where(mask, PAD_ID)], dim=-1)
    features = torch.randn(sizes.images, sizes.regions, sizes.width, generator=seed)
    return Batch(features.to(device), tokens.to(device), mask.to(device))


def make_tutorial(sizes: Sizes, *, dropout: float = 0.5) -> TutorialDecoder:
    """Build the tutorial's decoder, always with the same weights."""
    torch.manual_seed(0)
    width = sizes.width
    return TutorialDecoder(
        sizes.vocab,
        region_dim=width,
        embedding_dim=width,
        hidden_dim=width,
        attention_dim=width,
        dropout=dropout,
    )


def make_captioner(sizes: Sizes) -> Captioner:
    """Build ours as it is by default: attention after the LSTM, tied word vectors, dropout."""
    return _captioner(sizes, "attention", tied=True, dropout=CaptionerSettings().dropout)


def make_twin(tutorial: TutorialDecoder, sizes: Sizes) -> Captioner:
    """Build our show_attend_tell with the tutorial's weights: the same mathematics."""
    twin = _captioner(sizes, "show_attend_tell", tied=False, dropout=0.0)
    ours, theirs = twin.decoder, tutorial
    pairs = [
        (twin.output, theirs.output),
        (ours.attention.query, theirs.attention_hidden),
        (ours.attention.key, theirs.attention_region),
        (ours.attention.score, theirs.attention_score),
        (ours.gate, theirs.gate),
        (ours.initial_hidden, theirs.initial_hidden),
        (ours.initial_cell, theirs.initial_cell),
        (ours.cell, theirs.cell),
    ]
    for mine, other in pairs:
        mine.load_state_dict(other.state_dict())
    # Ours scales word vectors to unit variance when it reads them.
    with torch.no_grad():
        twin.embedding.weight.copy_(theirs.embedding.weight / sizes.width**0.5)
    return twin


def train_tutorial(decoder: TutorialDecoder, batch: Batch) -> Callable[[], None]:
    """Return the tutorial's training step; its batch has one caption an image."""
    optimizer = torch.optim.Adam(decoder.parameters())
    tokens, lengths = batch.tokens.flatten(0, 1), batch.mask.flatten(0, 1).sum(dim=1)

    def step() -> None:
        optimizer.zero_grad()
        decoder.loss(batch.features, tokens, lengths).backward()
        optimizer.step()

    return step


def train_ours(captioner: Captioner, batch: Batch, *, bf16: bool) -> Callable[[], None]:
    """Return our training step, as the captioning task does it."""
    optimizer = torch.optim.AdamW(captioner.parameters(), fused=True)
    inputs, targets = batch.tokens[..., :-1], batch.tokens[..., 1:][batch.mask]
    device = batch.features.device.type

    def step() -> None:
        optimizer.zero_grad()
        with torch.autocast(device, torch.bfloat16, enabled=bf16):
            logits, _ = captioner(batch.features, inputs, batch.mask)
            loss, _ = cross_entropy_in_place(logits, targets)
        loss.backward()
        optimizer.step()

    return step


def let_captions_end(decoder: TutorialDecoder, captioner: Captioner | None = None) -> None:
    """Change random weights so that captions have words of their own choice, and end.

    The first cell of the LSTM counts the words (its gates are open and its candidate a constant),
    from a start that depends on the image, and only ``<eos>`` listens to it. The other words'
    vectors are stretched, so that some are likelier than others.

    Args:
        decoder: The tutorial's decoder.
        captioner: Our default one; its cell is set to count from the same start.
    """
    with torch.no_grad():
        decoder.initial_cell.weight[0] *= 5
        decoder.initial_cell.bias[0] = -1
        cell = decoder.cell
        _count([cell.weight_ih, cell.weight_hh], [cell.bias_ih, cell.bias_hh])
        decoder.output.weight *= 30
        _listen(decoder.output.weight, decoder.output.bias, gain=60)
        if captioner is None:
            return
        ours, layers = captioner.decoder, captioner.decoder.recurrent.layers
        ours.initial.weight[layers.hidden_size] = decoder.initial_cell.weight[0]
        ours.initial.bias[layers.hidden_size] = -1
        _count([layers.weight_ih_l0, layers.weight_hh_l0], [layers.bias_ih_l0, layers.bias_hh_l0])
        ours.combine.weight *= 3
        ours.combine.weight[0] = 0
        ours.combine.weight[0, 0] = 1
        ours.combine.bias[0] = 0
        captioner.embedding.weight *= 4
        _listen(captioner.embedding.weight, captioner.bias, gain=36)  # then as long as theirs


def search_tutorial(decoder: TutorialDecoder, features: Tensor) -> Callable[[], list[list[int]]]:
    """Return the tutorial's beam search, one image after the other."""
    return lambda: [
        decoder.caption(regions, beam_size=BEAM, max_length=LONGEST) for regions in features
    ]


def search_ours(captioner: Captioner, features: Tensor, *, bf16: bool) -> Callable[[], Hypotheses]:
    """Return our beam search, all images together; in bf16 the weights are, too."""
    model = copy.deepcopy(captioner).to(torch.bfloat16) if bf16 else captioner

    def search() -> Hypotheses:
        with torch.inference_mode():
            state, context = model.begin(features)
            return beam_search(model.step, state, context, beam_size=BEAM, max_length=LONGEST)

    return search


def training_flops(sizes: Sizes, words: int) -> float:
    """Count the floating point operations of our default training step.

    Those of the matrix products of real words and real images, forward and twice backward; the
    features need no gradient.
    """
    width, vocab, regions = sizes.width, sizes.vocab, sizes.regions
    lstm = 2 * width * 4 * width
    attention = width * width + 2 * regions * width
    a_word = lstm + attention + 2 * width * width + width * vocab
    an_image = 2 * regions * width * width
    return 2.0 * (3 * words * a_word + 2 * sizes.images * an_image)


def _captioner(sizes: Sizes, decoder: DecoderName, *, tied: bool, dropout: float) -> Captioner:
    torch.manual_seed(0)
    settings = CaptionerSettings(
        # Never run: the features are there. It only says how wide they are.
        encoder=EncoderSettings(channels=[sizes.width], strides=[2], coordinates=False),
        decoder=decoder,
        embedding_dim=sizes.width,
        hidden_dim=sizes.width,
        attention_dim=sizes.width,
        dropout=dropout,
        tie_embeddings=tied,
    )
    return Captioner(settings, sizes.vocab)


def _count(weights: list[nn.Parameter], biases: list[nn.Parameter]) -> None:
    """Make the first cell of an LSTM add the same amount at every step."""
    for weight, bias in zip(weights, biases, strict=True):
        weight.view(4, -1, weight.shape[1])[:, 0] = 0
        bias.view(4, -1)[:, 0] = 0
    # torch's order: input gate, forget gate, candidate, output gate.
    biases[0].view(4, -1)[:, 0] = torch.tensor([10.0, 10.0, 0.07, 10.0])


def _listen(weight: Tensor, bias: Tensor, *, gain: float) -> None:
    """Let only ``<eos>`` hear the first unit, and silence what is never said."""
    weight[:, 0] = 0
    weight[EOS_ID] = 0
    weight[EOS_ID, 0] = gain
    bias[EOS_ID] = 0
    bias[torch.tensor([PAD_ID, BOS_ID, UNK_ID])] = -1e4
