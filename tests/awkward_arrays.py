"""Archives of arrays that people give by mistake or on purpose, good ones and forged ones, whole
and spoilt.
"""

from __future__ import annotations

import io
import struct
import warnings
import zipfile

import numpy as np

from tests.awkward_files import Pick


def header(
    shape: object, descr: object, fortran: object = False, version: bytes = b"\x01\x00"
) -> bytes:
    """The beginning of an array that says of itself what it likes."""
    text = (
        f"{{'descr': {descr!r}, 'fortran_order': {fortran!r}, 'shape': {shape!r}, }}".encode()
        + b"\n"
    )
    return b"\x93NUMPY" + version + struct.pack("<H", len(text)) + text


def npy(x: np.ndarray) -> bytes:
    """The file of an array."""
    np.save(content := io.BytesIO(), x, allow_pickle=True)
    return content.getvalue()


GOOD = {"x": npy(np.random.default_rng(0).normal(size=(40, 3))), "y": npy(np.arange(40) % 2)}
ONES = np.ones((40, 3))
ARRAYS = [
    *(
        np.zeros((40, 3)),
        np.asfortranarray(ONES),
        ONES.astype(">f4"),
        ONES.astype(complex),
        ONES.astype(np.float16),
        np.eye(40),
    ),
    *(
        np.arange(40),
        np.ones((40, 1)),
        np.array(3.0),
        np.zeros((0, 3)),
        np.zeros((40, 0)),
        np.ones((2, 2, 2, 2)),
        ONES * np.nan,
    ),
    *(
        ONES * 1e308,
        np.array([object()] * 3),
        np.array(["a", "b"] * 20),
        np.array([b"a", b"b"] * 20),
        np.zeros(40, "M8[D]"),
    ),
    *(
        np.array(["\x1b[2J", "\0", "[/nope]", "x" * 3000] * 10),
        np.zeros(40, [("a", "f8"), ("b", "i4")]),
        np.zeros(40, "V3"),
    ),
    *(
        np.ones(40, bool),
        np.arange(40) * 10**17,
        np.full(40, 2**64 - 1, np.uint64),
        np.arange(40).reshape(40, 1) % 2,
    ),
    *(np.zeros(40, "m8[s]"), np.array(["\x1b[2J"] * 40), np.where(np.eye(40, 3), np.inf, 1.0)),
]
FORGED = [
    header(shape, descr, fortran) + rest
    for shape in [
        (-1, 3),
        (10**9, 10**9),
        (10**300,),
        (40, 3),
        (),
        "three",
        (True, 3),
        (1.5,),
        (2**63, 2),
        (0, 2**62),
    ]
    for descr in ["<f8", "|O", "<U0", "nonsense", [("a", "<f8")], "<c16", "<U1000000000", "<M8"]
    for fortran, rest in [(False, b""), (True, b"\0" * 960), ("no", b"")]
]
RAW = [
    b"",
    b"hello",
    b"\x93NUMPY",
    b"\x93NUMPY\x09\x09" + b"\0" * 90,
    GOOD["x"][:200],
    GOOD["x"] + b"more",
    b"\x80\x04N.",
]
MEMBERS = [
    "x.npy",
    "y.npy",
    "x",
    "X.npy",
    "z.npy",
    "../x.npy",
    "x\x1b[2J.npy",
    "[/nope].npy",
    "",
    "é.npy",
    "a" * 3000,
]


def npz(pick: Pick) -> bytes:
    """An archive with two good arrays, of which something is not as it should be."""
    members = [("x.npy", GOOD["x"]), ("y.npy", GOOD["y"])]
    for _ in range(pick(range(3))):
        content = pick([npy(pick(ARRAYS)), pick(FORGED), pick(RAW)])
        at = pick(range(3))
        name = pick(MEMBERS)
        members[at : at + 1] = [
            (members[at][0] if at < 2 and pick([True, True, False]) else name, content)
        ]
    how = pick([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", how) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about a name that is there twice
        for name, content in members:
            archive.writestr(zipfile.ZipInfo(name or "empty"), content, how)
    return _spoilt(bytearray(file.getvalue()), pick) if not pick(range(3)) else file.getvalue()


def _spoilt(content: bytearray, pick: Pick) -> bytes:
    """An archive of which a byte, a size or the end is not what it was."""
    end = content.rindex(b"PK\x05\x06")
    directory = content.rindex(b"PK\x01\x02")
    match pick(["byte", "size", "packed", "flags", "method", "offset", "torn", "count", "length"]):
        case "byte":
            content[pick(range(len(content)))] ^= pick([1, 128, 255])
        case "size":
            content[directory + 24 : directory + 28] = struct.pack(
                "<I", pick([0, 1, 2**31, 2**32 - 1])
            )
        case "packed":
            content[directory + 20 : directory + 24] = struct.pack(
                "<I", pick([0, 1, 2**31, 2**32 - 1])
            )
        case "flags":
            content[directory + 8] |= pick([1, 8, 64])
        case "method":
            content[directory + 10] = pick([1, 9, 12, 14, 99])
        case "offset":
            content[end + 16 : end + 20] = struct.pack("<I", pick([0, 1, 2**31, 2**32 - 1]))
        case "count":
            content[end + 8 : end + 12] = b"\xff\xff\xff\xff"
        case "length":
            content[end + 12 : end + 16] = struct.pack("<I", pick([0, 1, 2**31, 2**32 - 1]))
        case _:
            del content[pick(range(len(content))) :]
    return bytes(content)
