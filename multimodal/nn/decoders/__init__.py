"""Caption decoders: one contract, a file for each network and a table of them."""

from multimodal.nn.decoders.contract import CaptionDecoder
from multimodal.nn.decoders.table import DECODERS, DecoderName

__all__ = ["DECODERS", "CaptionDecoder", "DecoderName"]
