"""The table of the caption decoders."""

from typing import Literal

from multimodal.nn.choices import Choice
from multimodal.nn.decoders.attention import AttentionDecoder
from multimodal.nn.decoders.contract import CaptionDecoder
from multimodal.nn.decoders.show_attend_tell import ShowAttendTellDecoder
from multimodal.nn.decoders.show_tell import ShowTellDecoder
from multimodal.nn.decoders.up_down import UpDownDecoder

DecoderName = Literal["attention", "show_tell", "show_attend_tell", "up_down"]

DECODERS: dict[DecoderName, Choice[CaptionDecoder]] = {
    "attention": Choice(
        AttentionDecoder,
        ("hidden_dim", "attention_dim", "cell", "num_layers", "num_heads", "dropout"),
        "the default: attention after the LSTM, so that training never loops over the words",
    ),
    "show_tell": Choice(
        ShowTellDecoder,
        ("hidden_dim", "cell", "num_layers", "dropout"),
        "the baseline without attention: the image is the first word",
    ),
    "show_attend_tell": Choice(
        ShowAttendTellDecoder,
        ("hidden_dim", "attention_dim"),
        "attention before every word, as an input of the LSTM",
    ),
    "up_down": Choice(
        UpDownDecoder,
        ("hidden_dim", "attention_dim"),
        "one LSTM for the attention and another for the words",
    ),
}
