"""Write captions for images with a trained captioner.

Images are opened, resized and searched for captions as in the evaluation of the model. A caption
comes with its score, the next best captions and an attention map for each word.

References:
    Xu et al. 2015, "Show, Attend and Tell", section 4 and figure 3: attention maps, word by word.
"""

import math
from typing import Any, ClassVar

import torch
from jaxtyping import UInt8
from torch import Tensor
from typing_extensions import override

from multimodal.attribution.evidence import Evidence
from multimodal.captioning.evidence import caption_evidence
from multimodal.captioning.model import Captioner, CaptionerSettings
from multimodal.captioning.options import CaptionOptions
from multimodal.captioning.result import Alternative, Caption
from multimodal.data.transforms import EvalTransform
from multimodal.decoding import Hypotheses, beam_search
from multimodal.inference.devices import Precision, arithmetic
from multimodal.inference.inputs import IMAGE_NAME, ImageInput, Picture, is_one, read_image, view
from multimodal.inference.predictor import Predictor, check_sizes
from multimodal.inference.rebuilding import read_transform, read_vocabulary, rebuild
from multimodal.saving.checkpoint import SavedModel
from multimodal.text import Vocabulary, detokenize


class CaptionPredictor(Predictor[Picture, ImageInput, Caption]):
    """Write captions for images; see `Predictor` for calls and `CaptionOptions` for their keywords.

    Args:
        model: A trained captioner.
        vocabulary: Its words.
        transform: The transform it was evaluated with.
        device, precision: As for `Predictor`.

    Raises:
        ValueError: If model and vocabulary do not belong together, or the device does not exist.

    Example:
        >>> from multimodal.data.transforms import TransformSettings
        >>> from multimodal.nn.encoders import EncoderSettings
        >>> small = EncoderSettings(channels=[8, 8], strides=[4, 4])
        >>> settings = CaptionerSettings(small, embedding_dim=8, hidden_dim=8, attention_dim=8)
        >>> words = Vocabulary.build([["a", "red", "ring"]])
        >>> transform = EvalTransform(TransformSettings(size=64))
        >>> predictor = CaptionPredictor(Captioner(settings, len(words)), words, transform)
        >>> caption = predictor(torch.zeros(3, 60, 80), max_length=4)
        >>> set(caption.tokens) <= {"a", "red", "ring"}
        True
    """

    task: ClassVar[str] = "captioning"
    input_name: ClassVar[str] = IMAGE_NAME
    Options = CaptionOptions
    model: Captioner

    def __init__(
        self,
        model: Captioner,
        vocabulary: Vocabulary,
        transform: EvalTransform,
        *,
        device: str | torch.device = "auto",
        precision: Precision = "float32",
    ) -> None:
        check_sizes(tokens=(model.embedding.num_embeddings, len(vocabulary)))
        super().__init__(model, device=device, precision=precision)
        self.vocabulary = vocabulary
        self.transform = transform

    @override
    @classmethod
    def build(cls, saved: SavedModel, source: str) -> dict[str, Any]:
        vocabulary = read_vocabulary(saved, source)
        model = rebuild(
            lambda: Captioner(CaptionerSettings.for_loading(saved.settings), len(vocabulary)),
            saved,
            source,
        )
        transform = read_transform(saved, source)
        return {"model": model, "vocabulary": vocabulary, "transform": transform}

    @override
    def is_single(self, inputs: object) -> bool:
        return is_one(inputs)

    @override
    def read(self, given: Picture, number: int | None) -> ImageInput:
        return read_image(given, self.transform, number)

    def seen(self, picture: Picture) -> UInt8[Tensor, "3 height width"]:
        """Return the part of a picture that the model receives; attention maps lie over it."""
        return view(picture, self.transform)

    @override
    @torch.inference_mode()
    def predict(self, items: list[ImageInput], options: CaptionOptions) -> list[Caption]:
        images = torch.stack([image.pixels for image in items])
        with arithmetic(self.device, self.precision):
            grid = self.model.encoder.feature_map(images.to(self.device))
            features = grid.flatten(2).transpose(1, 2)  # (batch, regions, feature)
            start = self.model.begin(features)
            captions = beam_search(
                self.model.step,
                *start,
                beam_size=options.beam_size,
                n_best=min(options.n_best, options.beam_size),
                max_length=options.max_length,
                min_length=1,
                length_penalty=options.length_penalty,
                no_repeat_ngram=options.no_repeat_ngram,
            )
        weights = _attention(captions, *grid.shape[2:])
        parts = zip(captions.tokens.tolist(), captions.scores.tolist(), weights, items, strict=True)
        return [self._caption(*each) for each in parts]

    def _caption(
        self, tokens: list[list[int]], scores: list[float], weights: Tensor, image: ImageInput
    ) -> Caption:
        words = [self.vocabulary.decode(row) for row in tokens]
        texts = [detokenize(row) for row in words]
        # Where there are fewer captions than `n_best`, the others are empty, of score -inf.
        others = [
            Alternative(text, score)
            for text, score in zip(texts[1:], scores[1:], strict=True)
            if score > -math.inf
        ]
        grids = weights[: len(words[0])].tolist()
        return Caption(
            text=texts[0],
            tokens=tuple(words[0]),
            score=scores[0],
            alternatives=tuple(others),
            attention=tuple(tuple(map(tuple, grid)) for grid in grids),
            picture=image,
        )

    def evidence(self, picture: Picture, question: str = "") -> Evidence:
        """Return the prediction with its scores, for `multimodal.explain`."""
        return caption_evidence(self, picture, question)


def _attention(captions: Hypotheses, rows: int, columns: int) -> Tensor:
    """Return each best caption's attention ``(batch, time, rows, columns)``."""
    batch, _, time = captions.tokens.shape
    if captions.attention is None:  # a decoder without attention
        return torch.full((batch, time, rows, columns), 1 / (rows * columns))
    return captions.attention[:, 0].float().cpu().reshape(batch, time, rows, columns)
