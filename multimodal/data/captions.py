"""The data set of captioning: whole batches by index, images or cached features, captions as ids.

A request is an (epoch, index) pair and everything random about an item is a function of (seed,
epoch, index), so that any worker, and any resumed run, makes the same batch of the same requests.
"""

import logging
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.utils.data import Dataset

from multimodal.data.batches import CaptionBatch, collate_captions
from multimodal.data.buckets import seed_for
from multimodal.data.examples import CaptionExample
from multimodal.data.features import FeatureCache
from multimodal.data.images import ImageError, load_image
from multimodal.data.scenes import Scene, render_scene
from multimodal.data.transforms import EvalTransform, TrainTransform
from multimodal.text import Vocabulary, tokenize

Request = tuple[int, int]
_LOGGER = logging.getLogger(__name__)
_DRAWN_BYTES = 1 << 30


class CaptionDataset(Dataset[CaptionBatch]):
    """Images with their captions, a whole batch a call.

    Args:
        examples: What to read.
        vocabulary: Numbers the words.
        transform: What is done to each image; a `TrainTransform` draws from f(seed, epoch, index).
        image_size: Width and height at which scenes are drawn.
        captions_per_image: How many of an image's captions a batch holds, drawn anew each epoch; 0
            is all of them, in order.
        max_words: Longer captions are cut, with one warning.
        skip_bad_images: Whether an unreadable image is left out and named in the batch, instead of
            stopping with its error.
        seed: Seed of all that is random.
        cache: Encoded images, in the order of ``examples``.
        cached_until: Epoch from which images are read again, for the encoder is open then; -1 is
            never.
    """

    def __init__(
        self,
        examples: Sequence[CaptionExample],
        vocabulary: Vocabulary,
        *,
        transform: EvalTransform | TrainTransform,
        image_size: int,
        captions_per_image: int = 0,
        max_words: int = 50,
        skip_bad_images: bool = False,
        seed: int = 0,
        cache: FeatureCache | None = None,
        cached_until: int = -1,
    ) -> None:
        self.examples = list(examples)
        self.transform = transform
        self.image_size = image_size
        self.captions_per_image = captions_per_image
        self.skip_bad_images = skip_bad_images
        self.seed = seed
        self.cache = cache
        self.cached_until = cached_until
        texts = [_tokenize_all(example) for example in self.examples]
        self._captions = [
            [vocabulary.encode(words[:max_words]) for words in captions] for captions in texts
        ]
        cut = sum(len(words) > max_words for captions in texts for words in captions)
        if cut:
            _LOGGER.warning("%d captions are longer than %d words and were cut.", cut, max_words)
        self._drawn = self._room_for_drawings()

    def __len__(self) -> int:
        return len(self.examples)

    @property
    def lengths(self) -> list[int]:
        """Words of each image's longest caption: what batches are bucketed by."""
        return [max(map(len, captions)) for captions in self._captions]

    def __getitem__(self, request: Request) -> CaptionBatch:
        """Return a batch of one."""
        return self.__getitems__([request])

    def __getitems__(self, requests: Sequence[Request]) -> CaptionBatch:
        """Build the batch of these requests.

        Args:
            requests: (epoch, index) pairs.

        Returns:
            The batch; without the unreadable images if these are skipped.

        Raises:
            ImageError: If an image cannot be read and such are not skipped, or none of the batch
                can.
        """
        epoch = requests[0][0]
        images: Tensor | None = None
        features: Tensor | None = None
        skipped: list[str] = []
        if self.cache is not None and not 0 <= self.cached_until <= epoch:
            good = [request for request in requests if self.cache.valid[request[1]]]
            skipped = [str(self.examples[i].image) for _, i in requests if not self.cache.valid[i]]
            if not good:
                raise _nothing_left(len(requests), skipped)
            features = self.cache.read([index for _, index in good], self._view(requests[0]))
        else:
            good, images, skipped = self._read_images(requests)
        tokens, mask = collate_captions([self._choose(*request) for request in good])
        return CaptionBatch(
            indices=torch.tensor([index for _, index in good]),
            images=images,
            features=features,
            tokens=tokens,
            mask=mask,
            examples=tuple(self.examples[index] for _, index in good),
            skipped=tuple(skipped),
        )

    def _view(self, first: Request) -> str:
        """Training draws one of the cached views for each batch; evaluation sees the plain one."""
        if self.cache is None or not isinstance(self.transform, TrainTransform):
            return "plain"
        return self.cache.views[seed_for(self.seed, *first, 2) % len(self.cache.views)]

    def _read_images(self, requests: Sequence[Request]) -> tuple[list[Request], Tensor, list[str]]:
        good, images, skipped = [], [], []
        for epoch, index in requests:
            try:
                images.append(self._image(epoch, index))
            except (ImageError, FileNotFoundError) as error:
                if not self.skip_bad_images:
                    raise
                skipped.append(str(error))
                continue
            good.append((epoch, index))
        if not good:
            raise _nothing_left(len(requests), skipped)
        return good, torch.stack(images), skipped

    def _image(self, epoch: int, index: int) -> Tensor:
        source = self.examples[index].image
        image = self._draw(index, source) if isinstance(source, Scene) else load_image(source)
        if isinstance(self.transform, TrainTransform):
            generator = torch.Generator().manual_seed(seed_for(self.seed, epoch, index))
            return self.transform(image, generator)
        return self.transform(image)

    def _draw(self, index: int, scene: Scene) -> Tensor:
        if self._drawn is None:
            return _to_tensor(scene, self.image_size)
        pictures, done = self._drawn
        if not done[index]:
            pictures[index] = _to_tensor(scene, self.image_size)
            done[index] = True
        return pictures[index]

    def _room_for_drawings(self) -> tuple[Tensor, list[bool]] | None:
        """Scenes are drawn once and kept, if they fit into a gigabyte together."""
        size = (len(self.examples), 3, self.image_size, self.image_size)
        scenes = all(isinstance(example.image, Scene) for example in self.examples)
        if not scenes or not self.examples or torch.Size(size).numel() > _DRAWN_BYTES:
            return None
        return torch.empty(size, dtype=torch.uint8), [False] * len(self.examples)

    def _choose(self, epoch: int, index: int) -> list[list[int]]:
        captions = self._captions[index]
        if not 0 < self.captions_per_image < len(captions):
            return captions
        generator = torch.Generator().manual_seed(seed_for(self.seed, epoch, index, 1))
        order = torch.randperm(len(captions), generator=generator).tolist()
        return [captions[i] for i in order[: self.captions_per_image]]


def _nothing_left(number: int, skipped: list[str]) -> ImageError:
    return ImageError(
        f"None of the {number} images of a batch can be read; the first: {skipped[0]}"
    )


def _tokenize_all(example: CaptionExample) -> list[list[str]]:
    kept = [words for words in map(tokenize, example.captions) if words]
    if not kept:
        raise ValueError(
            f"Image {example.image_id!r} has no caption with a word in it: {example.captions[:1]}. "
            "Give it one, or remove the image."
        )
    return kept


def _to_tensor(scene: Scene, size: int) -> Tensor:
    return torch.from_numpy(render_scene(scene, size)).permute(2, 0, 1).contiguous()
