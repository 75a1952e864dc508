import contextlib
import os
import pickle
import struct
import subprocess

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multimodal.data.readers.array_pickle import load_arrays

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text(), PLAIN, max_size=4), st.integers(2, 4))
def test_plain_data_is_loaded_unchanged(data, protocol):
    assert load_arrays(pickle.dumps(data, protocol), "x") == data


@pytest.mark.parametrize("protocol", [2, 3, 4])
@pytest.mark.parametrize("shape", [(7,), (5, 4), (2, 3, 4)])
def test_arrays_of_bytes_are_loaded_unchanged(protocol, shape):
    array = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    loaded = load_arrays(pickle.dumps({"data": array}, protocol), "x")["data"]
    np.testing.assert_array_equal(loaded, array)
    assert loaded.dtype == np.uint8


def test_python_2_wrote_texts_as_bytes():
    # {'data': array([[1, 2]], uint8), 'labels': [3]}, as Python 2 and numpy 1 wrote it.
    batch = (
        b"\x80\x02}(U\x04datacnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85"
        b"U\x01b\x87R(K\x01K\x01K\x02\x86cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNN"
        b"J\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89U\x02\x01\x02tbU\x06labels](K\x03eu."
    )
    loaded = load_arrays(batch, "data_batch_1")
    assert loaded["data"].tolist() == [[1, 2]]
    assert loaded["labels"] == [3]


class Hostile:
    """Runs a command where it is unpickled."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("protocol", range(6))
def test_a_hostile_pickle_is_refused_and_not_run(tmp_path, protocol):
    trace = tmp_path / "trace"
    command = f"echo > {trace}"
    hostile = {"data": Hostile(os.system, command), "labels": [1]}
    data = pickle.dumps(hostile, protocol)
    with pytest.raises(ValueError, match=r"data_batch_1 wants to .*, which no such file needs; it"):
        load_arrays(data, "data_batch_1")
    assert not trace.exists()
    pickle.loads(data)  # so that the test would notice
    assert trace.exists()


@pytest.mark.parametrize(
    "function",
    [eval, getattr, __import__, subprocess.Popen, np.load, np.frombuffer, pickle.loads, bytearray],
)
def test_nothing_but_arrays_is_known(function):
    with pytest.raises(ValueError, match=r"wants to load .* may be hostile and was not opened"):
        load_arrays(pickle.dumps({"data": function}), "x")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"(S'id'\nios\nsystem\n.", "run the instruction INST"),
        (b"\x80\x02cos\nsystem\n(S'id'\no.", "run the instruction OBJ"),
        (b"\x80\x02]\x82\x01.", "run the instruction EXT1"),
        (b"Pabc\n.", "run the instruction PERSID"),
        (b"\x80\x04cnumpy\nndarray\n)\x81.", "run the instruction NEWOBJ"),
        (b"\x80\x05\x96\xff\xff\xff\xff\x00\x00\x00\x00.", "x cannot be unpickled"),
        (b"\x80\x02]r\xff\xff\xff\x7f.", "use memo entry 2,147,483,647"),
        (b"\x80\x02cnumpy\ndtype\n}U\x01aK\x01sb.", "change what builds arrays"),
        (b"\x80\x02c_codecs\nencode\nX\x01\x00\x00\x00aX\x04\x00\x00\x00rot0\x86R.", "encode some"),
        (b"\x80\x02c__builtin__\neval\n.", "load __builtin__.eval"),
        (b"\x80\x02cnumpy\nndarray\n}U\x01aK\x01sb.", "x cannot be unpickled"),
    ],
)
def test_tricks_of_the_format_are_refused(data, message):
    with pytest.raises(ValueError, match=message):
        load_arrays(data, "x")


def test_a_type_that_would_read_bytes_as_objects_is_refused():
    array = np.array([object], dtype=object)
    with pytest.raises(ValueError, match=r"wants to load (builtins|__builtin__)\.object"):
        load_arrays(pickle.dumps({"data": array}, 2), "x")


@pytest.mark.parametrize("dtype", [np.int64, np.float32, bool, "S3"])
def test_arrays_of_something_else_are_refused(dtype):
    with pytest.raises(ValueError, match="x holds an array that is not of bytes; is it another"):
        load_arrays(pickle.dumps({"data": np.zeros(3, dtype)}, 2), "x")


def test_an_array_of_another_size_than_it_claims_is_refused():
    data = pickle.dumps({"data": np.zeros((2, 77), np.uint8)}, 2)
    assert data.count(b"K\x02KM") == 1
    with pytest.raises(ValueError, match=r"x: an array claims 3 x 77 bytes and has 154; copy or"):
        load_arrays(data.replace(b"K\x02KM", b"K\x03KM"), "x")


@pytest.mark.parametrize("data", [b"", b"no pickle", struct.pack("<200B", *range(200))])
def test_a_file_that_is_no_pickle_is_named(data):
    with pytest.raises(ValueError, match=r"x (cannot be unpickled|wants to run)"):
        load_arrays(data, "x")


@given(st.integers(0, 400), st.integers(0, 255))
def test_a_damaged_pickle_is_at_worst_an_error(index, value):
    data = bytearray(pickle.dumps({"data": np.zeros((9, 9), np.uint8), "labels": [*range(9)]}, 2))
    data[index % len(data)] = value
    with contextlib.suppress(ValueError):
        assert isinstance(load_arrays(bytes(data), "x"), dict)


def test_a_pickle_of_something_else_is_refused():
    with pytest.raises(ValueError, match="x must hold a dictionary, got list"):
        load_arrays(pickle.dumps([1]), "x")
