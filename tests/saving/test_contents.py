import hashlib
import json

from hypothesis import given
from hypothesis import strategies as st

from multimodal.saving.contents import checksum

plain = st.dictionaries(
    st.text(),
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False),
)


def test_the_sum_is_that_of_the_file_and_of_the_sorted_json_after_it(tmp_path):
    path = tmp_path / "weights"
    path.write_bytes(b"abc")
    expected = hashlib.sha256(b'abc{"a":[1,2.5],"b":"\\u00e9"}').hexdigest()
    assert checksum({"b": "é", "a": [1, 2.5], "sha256": "x"}, path) == expected


@given(plain)
def test_a_configuration_read_back_from_json_has_the_same_sum(tmp_path_factory, config):
    path = tmp_path_factory.getbasetemp() / "weights"
    path.write_bytes(b"abc")
    assert checksum(json.loads(json.dumps(config)), path) == checksum(config, path)
