"""The image classifier: encoder, pooling of its grid, and a head.

The encoder is any of `multimodal.nn.encoders`: LeNet for digits, the small residual network for
pictures of 32 to 96 pixels, every classification network of torchvision with our head in place of
its own. The head predicts one label, several labels, a count or a real number.

References:
    LeCun et al. 1998, section II.B (pooling ``flatten``, two hidden layers); Lin, Chen and Yan
    2014, "Network in network", section 3.2 (``mean``: global average pooling); Page 2018, "How to
    train your ResNet" (``max``, and a factor on the outputs); Nelder and Wedderburn 1972,
    "Generalized linear models", section 3 (a count's logarithm, as of a Poisson distribution).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

from jaxtyping import Float, UInt8
from torch import Tensor, nn

from multimodal.nn.activations import build_activation, initialise
from multimodal.nn.dropout import Dropout
from multimodal.nn.encoder import ImageEncoder
from multimodal.nn.encoders import EncoderSettings, build_encoder
from multimodal.nn.settings import ModelSettings

Target = Literal["label", "labels", "count", "number"]
GridPooling = Literal["mean", "max", "flatten"]


@dataclass(frozen=True)
class ClassifierSettings(ModelSettings):
    """The settings of an image classifier.

    Args:
        encoder: The image encoder; its activation and initialisation are the head's, too.
        pooling: Pooling of the encoder's grid to one vector: its ``mean``, its ``max``, or
            ``flatten``, which keeps where things are and takes images of one size only.
        hidden: Widths of hidden layers between that vector and the output; none by default.
        dropout: Dropout on the vector and on each hidden layer, a probability.
        output_scale: Factor on the outputs; below 1 where the vector's numbers are large, as those
            of ``max`` are.
        mirror: Whether predictions are averaged over an image and its mirror image, in twice the
            time; not in training.
    """

    encoder: EncoderSettings = field(default_factory=EncoderSettings)
    pooling: GridPooling = "mean"
    hidden: list[int] = field(default_factory=list)
    dropout: float = 0.0
    output_scale: float = 1.0
    mirror: bool = False


class Classifier(nn.Module):
    """Image encoder, pooling and head.

    Args:
        settings: Encoder, pooling and head.
        num_outputs: Width of the output; see `num_outputs`.
        image_size: Height and width of the images; only for pooling ``flatten``.
        channels: Channels of the images: 3, or 1 of grey ones. An encoder of torchvision takes a
            grey image as a colour one.
        mean: Mean of each channel over the data, from 0 to 1, which networks of ours subtract;
            by default 0.5. Networks of torchvision subtract the mean of their own training.

    Raises:
        FileNotFoundError: If the encoder's weight file is not there.
        ValueError: If a setting is not one of its choices, or settings do not fit each other.

    Example:
        >>> import torch
        >>> settings = ClassifierSettings(EncoderSettings(channels=[8, 16], strides=[2, 2]))
        >>> classifier = Classifier(settings, 10, channels=1)
        >>> classifier(torch.zeros(2, 1, 28, 28, dtype=torch.uint8)).shape
        torch.Size([2, 10])
    """

    def __init__(
        self,
        settings: ClassifierSettings,
        num_outputs: int,
        *,
        image_size: int = 224,
        channels: int = 3,
        mean: Sequence[float] = (),
    ) -> None:
        super().__init__()
        _check(settings, channels, mean)
        self.pooling = settings.pooling
        self.mirror = settings.mirror
        self.output_scale = settings.output_scale
        self.channels = channels
        self.encoder: ImageEncoder = build_encoder(
            settings.encoder, mean=tuple(mean) or (0.5,) * channels
        )
        width = self.encoder.feature_dim
        if settings.pooling == "flatten":
            rows, columns = self.encoder.grid(image_size, image_size)
            width *= rows * columns
        self.pooled_dim = width
        self.head = _head(settings, width, num_outputs)

    def forward(
        self,
        images: UInt8[Tensor, "batch channels height width"]
        | Float[Tensor, "batch channels height width"],
    ) -> Float[Tensor, "batch outputs"]:
        """Compute the outputs for images, as bytes or as numbers from 0 to 1; see `read_out`.

        Raises:
            ValueError: If the images have another number of channels, or the encoder cannot take
                images of this size.
        """
        outputs = self._outputs(images)
        if self.mirror and not self.training:
            outputs = (outputs + self._outputs(images.flip(-1))) / 2
        return outputs

    def feature_map(
        self,
        images: UInt8[Tensor, "batch channels height width"]
        | Float[Tensor, "batch channels height width"],
    ) -> Float[Tensor, "batch feature rows columns"]:
        """Encode images (bytes, or numbers from 0 to 1) into the feature maps of `classify`."""
        channels = images.shape[1]
        if channels != self.channels:
            kinds = {1: "grey images", 3: "colour images"}
            raise ValueError(
                f"This classifier takes {kinds[self.channels]} of {self.channels} channels, got "
                f"{channels}. Convert them first."
            )
        if channels < self.encoder.image_channels:
            images = images.expand(-1, self.encoder.image_channels, -1, -1)
        return self.encoder.feature_map(images)

    def classify(
        self, features: Float[Tensor, "batch feature rows columns"]
    ) -> Float[Tensor, "batch outputs"]:
        """Compute outputs from feature maps; used by Grad-CAM."""
        outputs: Tensor = self.head(self.pool(features))
        return outputs * self.output_scale

    def pool(
        self, features: Float[Tensor, "batch feature rows columns"]
    ) -> Float[Tensor, "batch pooled"]:
        """Pool feature maps into the head's input vectors.

        Raises:
            ValueError: If the vectors are not as wide as the head's first layer, since pooling
                ``flatten`` takes images of one size only.
        """
        if self.pooling == "mean":
            return features.mean(dim=(2, 3))
        if self.pooling == "max":
            return features.amax(dim=(2, 3))
        pooled = features.flatten(1)
        if pooled.shape[1] != self.pooled_dim:
            raise ValueError(
                f"The images give vectors of {pooled.shape[1]} numbers, expected "
                f"{self.pooled_dim}: with `pooling` flatten all images have the size that the "
                "classifier was built for. Resize them, or train with `pooling` mean."
            )
        return pooled

    def parameters_by_depth(self) -> list[list[nn.Parameter]]:
        """Group all parameters from bottom to top: each stage of the encoder, the head."""
        stages = [
            [parameter for module in stage for parameter in module.parameters()]
            for stage in self.encoder.stages()
        ]
        inside = {id(parameter) for stage in stages for parameter in stage}
        loose = [p for p in self.encoder.parameters() if id(p) not in inside]  # class token
        stages[0] += loose
        return [*(stage for stage in stages if stage), list(self.head.parameters())]

    def _outputs(self, images: Tensor) -> Tensor:
        outputs: Tensor = self.classify(self.feature_map(images))
        return outputs


def num_outputs(target: str, labels: Sequence[str]) -> int:
    """Return the width of a classifier's output.

    Raises:
        ValueError: If there is no such target, or there are too few labels for it.

    Example:
        >>> num_outputs("label", ["cat", "dog"]), num_outputs("count", [])
        (2, 1)
    """
    if target not in get_args(Target):
        raise ValueError(f"`target` must be one of {', '.join(get_args(Target))}, got {target!r}.")
    if target in ("count", "number"):
        return 1
    least = 2 if target == "label" else 1
    if len(labels) < least:
        raise ValueError(
            f"A classifier needs at least {least} labels to tell apart, got {list(labels)}."
        )
    return len(labels)


def read_out(
    outputs: Float[Tensor, "batch outputs"],
    target: Target,
    *,
    centre: float = 0.0,
    scale: float = 1.0,
) -> Float[Tensor, "batch outputs"]:
    """Turn a classifier's outputs into predictions.

    Args:
        outputs: From `Classifier`.
        target: The target of its training.
        centre: Mean of the training images' numbers; for ``number``.
        scale: Their standard deviation.

    Returns:
        Probabilities of labels, which sum to 1 for ``label`` only; the expected count; the number.

    Example:
        >>> import torch
        >>> read_out(torch.tensor([[0.0, 0.0]]), "label")
        tensor([[0.5000, 0.5000]])
        >>> read_out(torch.tensor([[2.0]]), "number", centre=10.0, scale=3.0)
        tensor([[16.]])
    """
    match target:
        case "label":
            return outputs.softmax(dim=-1)
        case "labels":
            return outputs.sigmoid()
        case "count":
            return outputs.exp()
        case "number":
            return outputs * scale + centre


def _head(settings: ClassifierSettings, width: int, outputs: int) -> nn.Sequential:
    encoder, layers = settings.encoder, list[nn.Module]()
    for after in settings.hidden:
        hidden = nn.Linear(width, after)
        initialise(hidden, encoder.initialisation, encoder.activation)
        layers += [Dropout(settings.dropout), hidden, build_activation(encoder.activation)]
        width = after
    return nn.Sequential(*layers, Dropout(settings.dropout), nn.Linear(width, outputs))


def _check(settings: ClassifierSettings, channels: int, mean: Sequence[float]) -> None:
    if settings.pooling not in get_args(GridPooling):
        raise ValueError(
            f"`pooling` must be one of {', '.join(get_args(GridPooling))}, got "
            f"{settings.pooling!r}."
        )
    if any(width < 1 for width in settings.hidden):
        raise ValueError(f"`hidden` must be positive widths, got {settings.hidden}.")
    if channels not in (1, 3):
        raise ValueError(f"`channels` must be 1 (grey) or 3 (colour), got {channels}.")
    if mean and len(mean) != channels:
        raise ValueError(
            f"`mean` must have a number for each of {channels} channels, got {list(mean)}."
        )
