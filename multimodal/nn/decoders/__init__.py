"""Caption decoders: one contract, four networks."""

from multimodal.nn.decoders.attention import AttentionDecoder
from multimodal.nn.decoders.contract import CaptionDecoder
from multimodal.nn.decoders.show_attend_tell import ShowAttendTellDecoder
from multimodal.nn.decoders.show_tell import ShowTellDecoder
from multimodal.nn.decoders.table import DECODERS, DecoderName
from multimodal.nn.decoders.up_down import UpDownDecoder

__all__ = [
    "DECODERS",
    "AttentionDecoder",
    "CaptionDecoder",
    "DecoderName",
    "ShowAttendTellDecoder",
    "ShowTellDecoder",
    "UpDownDecoder",
]
