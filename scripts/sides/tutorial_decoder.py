"""Show, Attend and Tell the way tutorials write it: the baseline of the captioning benchmark.

Straight from the paper's equations, a word at a time: each step projects all regions anew, runs an
LSTM cell and the vocabulary layer, and writes into a tensor of zeros; the batch is sorted by length
and shrinks as captions end. Beam search takes one image at a time, gathers sentences in lists, and
its beam shrinks as they end. Correct, easy to follow, and slow.

References:
    Xu, Ba, Kiros, Cho, Courville, Salakhutdinov, Zemel and Bengio 2015, "Show, attend and tell",
    equations 1-6 (LSTM and attention), sections 3.1.2 (initial state) and 4.2.1 (gate).
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence

BOS_ID, EOS_ID = 1, 2


class TutorialDecoder(nn.Module):
    """The soft attention decoder of Show, Attend and Tell."""

    def __init__(
        self,
        vocab_size: int,
        *,
        region_dim: int,
        embedding_dim: int,
        hidden_dim: int,
        attention_dim: int,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        self.vocab_size = vocab_size
        self.attention_region = nn.Linear(region_dim, attention_dim)
        self.attention_hidden = nn.Linear(hidden_dim, attention_dim)
        self.attention_score = nn.Linear(attention_dim, 1)
        self.embedding = nn.Embedding(vocab_size, embedding_dim)
        self.initial_hidden = nn.Linear(region_dim, hidden_dim)
        self.initial_cell = nn.Linear(region_dim, hidden_dim)
        self.gate = nn.Linear(hidden_dim, region_dim)
        self.cell = nn.LSTMCell(embedding_dim + region_dim, hidden_dim)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(hidden_dim, vocab_size)

    def start(self, regions: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the hidden state and the cell before the first word, from the mean region."""
        mean = regions.mean(dim=1)
        return torch.tanh(self.initial_hidden(mean)), torch.tanh(self.initial_cell(mean))

    def attend(self, regions: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the mean region by attention ``(rows, region)``, and the weights."""
        of_regions = self.attention_region(regions)  # (rows, regions, attention)
        of_hidden = self.attention_hidden(hidden).unsqueeze(1)  # (rows, 1, attention)
        scores = self.attention_score(torch.tanh(of_regions + of_hidden)).squeeze(2)
        weights = F.softmax(scores, dim=1)
        return (regions * weights.unsqueeze(2)).sum(dim=1), weights

    def advance(
        self, words: Tensor, regions: Tensor, hidden: Tensor, cell: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Advance the LSTM by a word; also returns the attention's weights."""
        context, weights = self.attend(regions, hidden)
        context = torch.sigmoid(self.gate(hidden)) * context
        hidden, cell = self.cell(torch.cat([words, context], dim=1), (hidden, cell))
        return hidden, cell, weights

    def forward(
        self, regions: Tensor, tokens: Tensor, lengths: Tensor
    ) -> tuple[Tensor, Tensor, list[int], Tensor]:
        """Score the words of given captions (teacher forcing).

        Args:
            regions: One image a caption, ``(captions, regions, region)``.
            tokens: From ``<bos>`` on, ``(captions, time + 1)``.
            lengths: Words to predict of each caption, ``(captions,)``.

        Returns:
            Logits ``(captions, time, vocab)``, the tokens to be predicted ``(captions, time)`` and
            the lengths, all in the order of the lengths, and the attention's weights.
        """
        lengths, order = lengths.sort(dim=0, descending=True)
        regions, tokens = regions[order], tokens[order]
        steps = lengths.tolist()
        words = self.embedding(tokens)
        hidden, cell = self.start(regions)
        logits = regions.new_zeros(len(regions), max(steps), self.vocab_size)
        attention = regions.new_zeros(len(regions), max(steps), regions.shape[1])
        for time in range(max(steps)):
            rows = sum(length > time for length in steps)
            hidden, cell, weights = self.advance(
                words[:rows, time], regions[:rows], hidden[:rows], cell[:rows]
            )
            logits[:rows, time] = self.output(self.dropout(hidden))
            attention[:rows, time] = weights
        return logits, tokens[:, 1 : max(steps) + 1], steps, attention

    def loss(self, regions: Tensor, tokens: Tensor, lengths: Tensor) -> Tensor:
        """Compute the mean cross-entropy of the real words."""
        logits, targets, steps, _ = self(regions, tokens, lengths)
        predicted = pack_padded_sequence(logits, steps, batch_first=True).data
        expected = pack_padded_sequence(targets, steps, batch_first=True).data
        return F.cross_entropy(predicted, expected)

    @torch.no_grad()
    def caption(self, regions: Tensor, *, beam_size: int, max_length: int) -> list[int]:
        """Search for the best caption of one image.

        Args:
            regions: ``(regions, region)``.
            beam_size: Hypotheses kept.
            max_length: Most words, ``<eos>`` counted.

        Returns:
            The words after ``<bos>``, ``<eos>`` included where it came.
        """
        beam = beam_size
        regions = regions.unsqueeze(0).expand(beam, -1, -1)
        hidden, cell = self.start(regions)
        tokens = torch.full((beam, 1), BOS_ID, device=regions.device)
        totals = torch.zeros(beam, 1, device=regions.device)
        complete: list[list[int]] = []
        complete_totals: list[float] = []
        for time in range(max_length):
            words = self.embedding(tokens[:, -1])
            hidden, cell, _ = self.advance(words, regions, hidden, cell)
            scores = totals + F.log_softmax(self.output(hidden), dim=1)
            # Before the first word all hypotheses are the same.
            best, index = (scores[0] if time == 0 else scores.view(-1)).topk(beam)
            parents, words = index // self.vocab_size, index % self.vocab_size
            tokens = torch.cat([tokens[parents], words.unsqueeze(1)], dim=1)
            going = [row for row, word in enumerate(words.tolist()) if word != EOS_ID]
            ended = sorted(set(range(beam)) - set(going))
            complete.extend(tokens[ended].tolist())
            complete_totals.extend(best[ended].tolist())
            beam = len(going)
            if beam == 0:
                break
            tokens, totals = tokens[going], best[going].unsqueeze(1)
            hidden, cell = hidden[parents[going]], cell[parents[going]]
            regions = regions[:beam]
        if not complete:
            complete, complete_totals = tokens.tolist(), totals.squeeze(1).tolist()
        return complete[complete_totals.index(max(complete_totals))][1:]
