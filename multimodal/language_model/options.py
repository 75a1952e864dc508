"""Options of a language model's call, and of `multimodal write`."""

from dataclasses import dataclass

from multimodal.inference.options import Options, Range, option


@dataclass(frozen=True, kw_only=True)
class WritingOptions(Options):
    """Options of text sampling.

    Args:
        temperature: Sampling temperature: below 1 probable words become more probable, above 1
            rare ones; 0 always takes the most probable word.
        top_k: Sample from this many of the most probable words; 0 samples from all.
        top_p: Sample from the fewest words that together have this probability; 1 samples from all.
        seed: Repeats the texts of the same prompts; a new one each time unless given.
        max_length: Maximum number of words, or characters, after a prompt; by default 60 words or
            400 characters.
        batch_size: Number of texts that are written in parallel.
    """

    temperature: float = option(
        1.0,
        "below 1 probable words become more probable, above 1 rare ones; 0 always takes the most "
        "probable word",
        within=Range(0),
        metavar="T",
    )
    top_k: int = option(
        0, "sample from the N most probable words only; 0 samples from all", within=Range(0)
    )
    top_p: float = option(
        1.0,
        "sample from the fewest words that together have this probability",
        within=Range(0, 1, above=True),
        metavar="P",
    )
    seed: int | None = option(
        None, "repeats a text (default: a new one each time)", within=Range(0, 2**63 - 1)
    )
    max_length: int | None = option(
        None,
        "maximum length of the text after the prompt (default: 60 words, or 400 characters)",
        within=Range(1),
    )
