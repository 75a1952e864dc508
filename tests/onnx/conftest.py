import jaxtyping
import pytest

from multimodal.onnx import write_onnx
from multimodal.saving import read_model


@pytest.fixture(autouse=True, scope="module")
def unchecked_shapes():
    """A check that compares sizes while a network is traced would make them constants."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.fixture(scope="module")
def graphs(tmp_path_factory):
    """Writes the graphs of a tiny model, each once, and returns their folder."""
    written = {}

    def write(tiny):
        if tiny not in written:
            folder = tmp_path_factory.mktemp(tiny.__name__)
            tiny.save(folder / "best.ckpt")
            write_onnx(read_model(folder / "best.ckpt"), folder / "graphs")
            written[tiny] = folder / "graphs"
        return written[tiny]

    return write
