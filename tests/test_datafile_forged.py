"""Files that lie about themselves, or would take all memory: each is refused unread."""

from __future__ import annotations

import io
import os
import struct
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest

from common import datafile, memory
from common.errors import UserError
from tests.datafiles import X, Y, refusal, saved


def npy(x: np.ndarray) -> bytes:
    np.save(content := io.BytesIO(), x)
    return content.getvalue()


def archive(path: Path, *members: tuple[str, bytes], how: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", how) as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about a name that is there twice
        for name, content in members:
            file.writestr(name, content)
    return path


def header(shape: str, descr: str = "'<f8'", rest: bytes = b"") -> bytes:
    """An array that says of itself what it likes."""
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + rest


FORGED = {
    "negative": (header("(-3, 4)"), "damaged one (an array of shape (-3, 4) of float64)"),
    "huge": (header("(1000000000, 1000000000)"),
        "received a damaged one: shape (1000000000, 1000000000) of float64 under 'x'"),
    "astronomical": (header(f"({10**300},)"), "of float64 under 'x' in 384 bytes"),
    "no shape": (header("'three'"), "damaged"),
    "no type": (header("(3, 4)", "'nonsense'"), "damaged"),
    "code": (header("(3, 4)", "__import__('os')"), "damaged"),
    "nested": (header("(3, 4)", "[" * 3000 + "]" * 3000), "damaged"),
    "empty text": (header(f"({10**15},)", "'<U0'"), "damaged"),
    "objects": (header("(3, 4)", "'|O'"), "saved without pickle; received objects under 'x'"),
    "nothing": (b"", "received no array under 'x'"),
    "text": (b"hello", "received no array under 'x'"),
    "torn": (npy(X)[:200],
        "received a damaged one: shape (30, 4) of float64 under 'x' in 200 bytes"),
}  # fmt: skip


@pytest.mark.parametrize("kind", FORGED)
def test_an_array_that_lies_about_itself_is_refused_unread(tmp_path: Path, kind: str) -> None:
    content, said = FORGED[kind]
    message = refusal(archive(tmp_path / "forged.npz", ("x.npy", content), ("y.npy", npy(Y))))
    assert said in message
    assert "allow_pickle" not in message.partition("; for a file that you trust")[0], (
        "which is advice for programs"
    )


def test_a_long_header_is_refused_without_numpys_advice_to_trust_the_file(tmp_path: Path) -> None:
    names = np.zeros(3, [(f"a rather long name of a field, number {i}", "f8") for i in range(400)])
    assert "trust" not in refusal(saved(tmp_path, x=names, y=Y))


def test_a_small_archive_of_large_arrays_is_refused_before_it_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "bomb.npz"
    np.savez_compressed(path, x=np.zeros((100_000, 20)), y=np.arange(100_000) % 2)
    assert path.stat().st_size < 300_000
    monkeypatch.setattr(memory, "available", lambda: 50_000_000)
    monkeypatch.setattr(np, "load", lambda *_, **__: pytest.fail("it is read"))
    assert "received arrays that need about 118 MB of the 50 MB that there are" in refusal(path)


def test_an_archive_whose_list_of_members_is_huge_is_refused(tmp_path: Path) -> None:
    members = [(f"{i:0200}.npy", b"") for i in range(5000)]
    path = archive(
        tmp_path / "many.npz",
        ("x.npy", npy(X)),
        ("y.npy", npy(Y)),
        *members,
        how=zipfile.ZIP_STORED,
    )
    assert "its directory is larger than 1 MB" in refusal(path)


@pytest.mark.parametrize("second", ["x.npy", "x"])
def test_an_array_that_is_there_twice_is_refused(tmp_path: Path, second: str) -> None:
    members = [("x.npy", npy(X)), (second, npy(2 * X)), ("y.npy", npy(Y))]
    assert "received 'x' twice" in refusal(archive(tmp_path / "twice.npz", *members))


def test_an_encrypted_archive_is_refused(tmp_path: Path) -> None:
    path = archive(tmp_path / "secret.npz", ("x.npy", npy(X)), ("y.npy", npy(Y)))
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    assert "received 'x' with a password" in refusal(path)


@pytest.mark.parametrize("how", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_an_archive_that_is_packed_in_another_way_is_refused_unread(
    tmp_path: Path, how: int
) -> None:
    path = archive(
        tmp_path / "odd.npz", ("x.npy", npy(X)), ("y.npy", npy(Y)), ("z.npy", bytes(10**8)), how=how
    )
    assert "received 'x' in another way; save it again" in refusal(path)


def test_what_is_no_regular_file_is_refused_unread(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.npz")
    for path in (tmp_path / "fifo.npz", Path("/dev/zero"), Path("/dev/tty")):
        with pytest.raises(
            UserError,
            match=r"--data must name a readable \.npz file; received .*(pipe or a device|No such)",
        ):
            datafile.content_of(str(path))


def test_the_memory_there_is_counts_this_processs_own_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    free = memory.available()
    assert 0 < free < 2**50
    monkeypatch.setattr(memory.resource, "getrlimit", lambda _: (2**33, 2**33))
    assert memory.available() < 2**33
