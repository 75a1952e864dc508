import platform
import runpy

import pytest
import torch

from multimodal import hardware
from multimodal.hardware import Hardware, choose_hardware, tune_cpu


@pytest.fixture
def no_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


@pytest.fixture
def restored_precision():
    before = torch.get_float32_matmul_precision()
    yield
    torch.set_float32_matmul_precision(before)


def describe_cpu(tmp_path, monkeypatch, flags, vendor="GenuineIntel"):
    path = tmp_path / "cpuinfo"
    path.write_text(f"processor\t: 0\nvendor_id\t: {vendor}\nflags\t\t: fpu {flags} sse\n\n")
    monkeypatch.setattr(hardware, "_CPU_INFO", path)


def product_error():
    generator = torch.Generator().manual_seed(3)
    left = torch.randn(160, 512, generator=generator)
    right = torch.randn(512, 1000, generator=generator)
    return (left @ right - left.double() @ right.double()).abs().max()


@pytest.mark.parametrize("flag", ["avx512_bf16", "amx_bf16"])
@pytest.mark.usefixtures("no_gpu")
def test_a_processor_with_bfloat16_uses_it(tmp_path, monkeypatch, flag):
    describe_cpu(tmp_path, monkeypatch, flag)
    assert choose_hardware().precision == "bf16-mixed"
    assert flag in choose_hardware().reason


@pytest.mark.parametrize("flags", ["avx2", "avx512f avx512_vnni", ""])
@pytest.mark.usefixtures("no_gpu")
def test_a_processor_without_bfloat16_stays_in_single_precision(tmp_path, monkeypatch, flags):
    describe_cpu(tmp_path, monkeypatch, flags)
    assert choose_hardware() == Hardware(
        "cpu", 1, "32-true", "the processor does not compute in bfloat16"
    )


@pytest.mark.usefixtures("no_gpu")
def test_a_system_that_does_not_describe_its_processor_stays_in_single_precision(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(hardware, "_CPU_INFO", tmp_path / "nothing")
    assert choose_hardware().precision == "32-true"


@pytest.mark.parametrize(("supported", "precision"), [(True, "bf16-mixed"), (False, "32-true")])
def test_a_gpu_is_chosen_with_the_precision_it_has(monkeypatch, supported, precision):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "Card")
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: supported)
    chosen = choose_hardware()
    assert (chosen.accelerator, chosen.devices, chosen.precision) == ("gpu", 1, precision)
    assert str(chosen).startswith(f"Using gpu x 1 in {precision}: Card ")


def test_mps_is_chosen_in_single_precision(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert choose_hardware().accelerator == "mps"
    assert choose_hardware().precision == "32-true"


def test_the_choice_is_one_line():
    assert len(str(choose_hardware()).splitlines()) == 1


@pytest.mark.gpu
def test_the_gpu_that_is_there_is_chosen():
    assert choose_hardware().accelerator == "gpu"


@pytest.mark.parametrize("vendor", ["AuthenticAMD", "GenuineIntel"])
@pytest.mark.usefixtures("restored_precision")
def test_tuning_leaves_products_in_single_precision(tmp_path, monkeypatch, vendor):
    describe_cpu(tmp_path, monkeypatch, "avx512f", vendor)
    tune_cpu()
    assert product_error() < 1e-3


@pytest.mark.usefixtures("restored_precision")
def test_products_go_through_onednn_on_amd_only(tmp_path, monkeypatch):
    monkeypatch.setattr(hardware, "_matmul_error", lambda: 1e-4)
    describe_cpu(tmp_path, monkeypatch, "avx512f", "GenuineIntel")
    assert "matrix products through oneDNN" not in tune_cpu()
    describe_cpu(tmp_path, monkeypatch, "avx512f amx_tile", "AuthenticAMD")
    assert "matrix products through oneDNN" not in tune_cpu()
    describe_cpu(tmp_path, monkeypatch, "avx512f", "AuthenticAMD")
    assert "matrix products through oneDNN" in tune_cpu()
    assert torch.get_float32_matmul_precision() == "medium"


@pytest.mark.usefixtures("restored_precision")
def test_a_change_that_costs_precision_is_taken_back(tmp_path, monkeypatch):
    torch.set_float32_matmul_precision("highest")
    monkeypatch.setattr(hardware, "_matmul_error", lambda: 0.4)
    describe_cpu(tmp_path, monkeypatch, "avx512f", "AuthenticAMD")
    assert "matrix products through oneDNN" not in tune_cpu()
    assert torch.get_float32_matmul_precision() == "highest"


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc only")
def test_glibc_keeps_large_tensors():
    assert "large tensors kept by glibc" in tune_cpu()


@pytest.mark.usefixtures("restored_precision")
def test_another_c_library_is_left_alone(tmp_path, monkeypatch):
    describe_cpu(tmp_path, monkeypatch, "", "GenuineIntel")
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    assert tune_cpu() == ()


@pytest.mark.usefixtures("restored_precision")
def test_importing_tunes_nothing():
    torch.set_float32_matmul_precision("high")
    runpy.run_path(hardware.__file__)
    assert torch.get_float32_matmul_precision() == "high"
