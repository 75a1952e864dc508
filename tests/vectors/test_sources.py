import gzip
import zipfile

import pytest

from multimodal.vectors.sources import content_digest, open_source

TEXT = b"dog 0.1 0.2\ncat 0.3 0.4\n"


def read(path):
    with open_source(path) as stream:
        return stream.read()


def zipped(path, **members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.txt", content)
    return path


def test_a_plain_and_a_gzipped_file_give_the_same_bytes_under_any_name(tmp_path):
    plain, packed = tmp_path / "plain.gz", tmp_path / "packed.txt"
    plain.write_bytes(TEXT)
    packed.write_bytes(gzip.compress(TEXT))
    assert read(plain) == read(packed) == TEXT


def test_an_archive_with_a_single_file_needs_no_name(tmp_path):
    path = zipped(tmp_path / "one.zip", small=TEXT)
    with zipfile.ZipFile(path, "a") as archive:
        archive.mkdir("folder")
        archive.writestr("__MACOSX/._small.txt", b"shadow")
    assert read(path) == read(path / "small.txt") == TEXT


def test_a_member_is_named_by_a_path_that_goes_on(tmp_path):
    path = zipped(tmp_path / "two.zip", a=b"a 1", b=b"b 2")
    assert read(path / "b.txt") == b"b 2"


def test_an_archive_with_several_files_asks_for_one(tmp_path):
    path = zipped(tmp_path / "two.zip", a=b"a 1", b=b"b 2")
    with pytest.raises(ValueError, match=r"two\.zip holds 2 files\. Name one: .*two\.zip/a\.txt, "):
        read(path)


def test_an_empty_archive_has_no_file_to_name(tmp_path):
    path = zipped(tmp_path / "none.zip", a=b"")
    with zipfile.ZipFile(path, "w") as archive:
        archive.mkdir("folder")
    with pytest.raises(ValueError, match=r"holds 0 files\. Name one: nothing\."):
        read(path)


def test_a_missing_member_is_refused_with_the_existing_ones(tmp_path):
    path = zipped(tmp_path / "two.zip", a=b"a 1", b=b"b 2")
    with pytest.raises(FileNotFoundError, match=r"No member 'c\.txt' in .*; there is .*a\.txt, "):
        read(path / "c.txt")


def test_a_path_into_a_plain_file_is_refused(tmp_path):
    (tmp_path / "plain.txt").write_bytes(TEXT)
    with pytest.raises(ValueError, match=r"plain\.txt is not a zip archive, so that "):
        read(tmp_path / "plain.txt" / "member.txt")


def test_an_encrypted_member_is_refused(tmp_path):
    path = zipped(tmp_path / "one.zip", small=TEXT)
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1  # the flag, in the directory
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"small\.txt is encrypted\. Unpack it first"):
        read(path)


@pytest.mark.parametrize("keep", [0.3, 0.9])
def test_a_gzipped_file_that_is_cut_short_is_damaged(tmp_path, keep):
    packed = gzip.compress(b"".join(b"word%d 0.%d\n" % (n, n * 7919) for n in range(2000)))
    path = tmp_path / "cut.gz"
    path.write_bytes(packed[: int(len(packed) * keep)])
    with pytest.raises(ValueError, match=r"cut\.gz cannot be unpacked \(.*Copy or download it"):
        read(path)


def test_an_archive_that_is_cut_short_or_has_a_wrong_checksum_is_damaged(tmp_path):
    path = zipped(tmp_path / "one.zip", small=TEXT * 100)
    data = bytearray(path.read_bytes())
    path.write_bytes(data[:-30])
    with pytest.raises(ValueError, match="cannot be unpacked"):
        read(path)
    data[60] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(ValueError, match="cannot be unpacked"):
        read(path)


def test_an_unknown_compression_method_is_refused(tmp_path):
    path = zipped(tmp_path / "one.zip", small=TEXT)
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 10] = 99
    path.write_bytes(data)
    with pytest.raises(ValueError, match="cannot be unpacked"):
        read(path)


def test_missing_files_and_folders_have_their_own_messages(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"No file of word vectors at .*none\.txt"):
        read(tmp_path / "none.txt")
    with pytest.raises(FileNotFoundError, match=r"is a folder\. Name the file of word vectors"):
        read(tmp_path)


def test_the_digest_follows_the_content_and_the_member(tmp_path):
    first, second, other = (tmp_path / name for name in ("a/x.txt", "b/y.txt", "c/x.txt"))
    for path, content in ((first, TEXT), (second, TEXT), (other, TEXT + b"a")):
        path.parent.mkdir()
        path.write_bytes(content)
    assert content_digest(first) == content_digest(second) != content_digest(other)
    archive = zipped(tmp_path / "two.zip", a=b"a 1", b=b"b 2")
    assert content_digest(archive / "a.txt") != content_digest(archive / "b.txt")
