import pytest
import torch

from multimodal.hardware import Hardware
from multimodal.inference import devices
from multimodal.inference.devices import (
    arithmetic,
    check_precision,
    find_device,
    recurrent_gradients,
)


def test_a_device_that_is_there_is_taken():
    assert find_device("cpu") == find_device(torch.device("cpu")) == torch.device("cpu")


@pytest.mark.parametrize(("accelerator", "kind"), [("gpu", "cuda"), ("mps", "mps"), ("cpu", "cpu")])
def test_auto_takes_what_the_hardware_offers(accelerator, kind, monkeypatch):
    monkeypatch.setattr(
        devices, "choose_hardware", lambda: Hardware(accelerator, 1, "32-true", "said the test")
    )
    made = []
    monkeypatch.setattr(torch, "empty", lambda *_, device: made.append(device) or torch.zeros(0))
    find_device("auto")
    assert made == [torch.device(kind)]


def test_an_unknown_kind_of_device_is_refused():
    with pytest.raises(ValueError, match=r"no kind of device called 'gpu'\. Take `auto`, `cpu`"):
        find_device("gpu")


def test_a_device_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match=r"The device 'cuda:99' is not there: .* Take `auto` or"):
        find_device("cuda:99")


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_arithmetic_is_of_the_asked_precision(precision):
    check_precision(precision)
    with arithmetic(torch.device("cpu"), precision):
        product = torch.ones(2, 2) @ torch.ones(2, 2)
    assert str(product.dtype) == f"torch.{precision}"


def test_an_unknown_precision_is_refused():
    with pytest.raises(ValueError, match="`precision` must be float32 or bfloat16, got 'half'"):
        check_precision("half")


@pytest.mark.gpu
def test_a_recurrent_network_that_is_not_trained_has_gradients_on_a_gpu():
    lstm = torch.nn.LSTM(2, 3).cuda().eval()
    steps = torch.ones(4, 1, 2, device="cuda", requires_grad=True)
    with recurrent_gradients(steps.device):
        assert torch.autograd.grad(lstm(steps)[0].sum(), steps)[0].isfinite().all()
