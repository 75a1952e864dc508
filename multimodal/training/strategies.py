"""How much of an encoder is trained: the strategies of transfer learning, by name.

From the cheapest to the dearest: a linear classifier on what a frozen encoder sees; the head alone;
the head and the last stages; the stages one after the other, lower ones more slowly; everything at
once. Few pictures allow little of it, many allow more; the ladder (`multimodal transfer`) tries
them all.

References:
    Kornblith, Shlens and Le 2019, "Do better ImageNet models transfer better?", section 3.2 (a
    logistic regression on fixed features beside fine-tuning); Howard and Ruder 2018, "Universal
    language model fine-tuning for text classification", section 3.3 (gradual unfreezing); Yosinski
    et al. 2014, "How transferable are features in deep neural networks?" (the last stages).
"""

from typing import Literal, get_args

from multimodal.nn.encoder import ImageEncoder

Strategy = Literal["none", "linear", "head", "last_stages", "gradual", "full"]


def open_encoder(encoder: ImageEncoder, strategy: str, stages: int) -> None:
    """Open as much of an encoder as a strategy trains at its start.

    Args:
        encoder: Its stages are opened and closed; with ``none`` it is left as it is.
        strategy: ``linear``, ``head`` and ``gradual`` close it, ``last_stages`` opens the last
            ones, ``full`` opens all.
        stages: How many, for ``last_stages``.

    Raises:
        ValueError: If there is no such strategy, or the encoder has fewer stages.

    Example:
        >>> from multimodal.nn.encoders import SmallCNN
        >>> encoder = SmallCNN()
        >>> open_encoder(encoder, "last_stages", 2)
        >>> [any(p.requires_grad for p in block.parameters()) for block in encoder.blocks]
        [False, False, False, True, True]
    """
    match strategy:
        case "none":
            return
        case "linear" | "head" | "gradual":
            encoder.unfreeze(0)
        case "last_stages":
            if not 1 <= stages <= len(encoder.stages()):
                raise ValueError(
                    f"`stages` must be from 1 to {len(encoder.stages())}, the stages of "
                    f"{encoder.name}, got {stages}."
                )
            encoder.unfreeze(stages)
        case "full":
            encoder.unfreeze(-1)
        case _:
            raise ValueError(
                f"`transfer` must be one of {', '.join(get_args(Strategy))}, got {strategy!r}."
            )


def check_start(strategy: str, weights: str) -> None:
    """Refuse to train on top of a closed encoder that has learned nothing.

    Args:
        strategy: What is to be trained.
        weights: What the encoder starts from, ``none`` for nothing.

    Raises:
        ValueError: If most of it would stay random.

    Example:
        >>> check_start("full", "none")
    """
    if weights == "none" and strategy in ("linear", "head", "last_stages", "gradual"):
        raise ValueError(
            f"`transfer` {strategy} builds on what an encoder has learned, and this one starts "
            "from nothing. Set `settings.encoder.weights` to pretrained or to a file, or "
            "`transfer` to none."
        )
