"""Nothing is written outside the folders that were named: seen by an audit hook in the command and
in its workers.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from tests.test_environments import small
from tests.test_streams import own

HOOK = """
import json, os, sys
said = os.open(os.environ["SAID"], os.O_WRONLY | os.O_APPEND)
CHANGES = {"os.rename": 2, "os.link": 2, "os.symlink": 2, "os.remove": 1, "os.mkdir": 1,
           "os.rmdir": 1, "os.truncate": 1, "os.chmod": 1, "os.chown": 1, "os.utime": 1,
           "shutil.rmtree": 1}
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_TRUNC
def hook(event, arguments):
    paths = []
    if event == "open" and arguments[2] & WRITES:
        paths = [arguments[0]]
    elif event in CHANGES:
        paths = arguments[:CHANGES[event]]
    for path in paths:
        if not isinstance(path, int):
            where = os.path.realpath(os.path.dirname(os.path.abspath(os.fsdecode(path))))
            full = os.path.join(where, os.path.basename(os.fsdecode(path)))
            os.write(said, (json.dumps([os.getpid(), event, full]) + "\\n").encode())
sys.addaudithook(hook)
"""


def watched(folder: Path, line: str) -> list[tuple[int, str, Path]]:
    """What a line of Bash writes: the process, the event and the path of each."""
    (folder / "hook").mkdir()
    (folder / "hook" / "sitecustomize.py").write_text(HOOK)
    (folder / "said").touch()
    for name in ("home", "temporary", "here"):
        (folder / name).mkdir()
    paths = os.pathsep.join([str(folder / "hook"), str(Path(__file__).parents[1])])
    variables = {"PYTHONPATH": paths, "SAID": str(folder / "said"), "PYTHONDONTWRITEBYTECODE": "1"}
    variables |= {
        "HOME": str(folder / "home"),
        "TMPDIR": str(folder / "temporary"),
        "XDG_CACHE_HOME": str(folder / "home"),
    }
    status, _, err = small(f"cd {folder / 'here'}; {line}", folder, **variables)
    assert (status, err) == (0, [])
    found = [json.loads(each) for each in (folder / "said").read_text().splitlines()]
    return [(number, event, Path(path)) for number, event, path in found]


def test_a_comparison_writes_into_the_folders_that_were_named_and_nowhere_else(
    tmp_path: Path,
) -> None:
    folder = tmp_path.resolve()
    (folder / "asked").mkdir()
    flags = " ".join(
        f"--{name} {folder / 'asked' / name}"
        for name in ("output", "json", "figures", "tensorboard")
    )
    written = watched(folder, f"isograd compare ../{own(folder)} {flags}")
    allowed = (folder / "asked", folder / "temporary", Path("/dev/null"))
    assert [
        one for one in written if not any(one[2].is_relative_to(place) for place in allowed)
    ] == []
    by = {number for number, _, path in written if path.suffix == ".part"}
    assert len(by) >= 2, "the command or its workers were not seen"
    assert sorted(path.name for path in (folder / "asked").iterdir()) == [
        "figures",
        "json",
        "output",
        "tensorboard",
    ]
    assert [list((folder / name).iterdir()) for name in ("home", "temporary", "here")] == [
        [],
        [],
        [],
    ]


def test_the_hook_sees_what_is_written_elsewhere_by_a_child_too(tmp_path: Path) -> None:
    code = (
        f"import subprocess, sys; subprocess.run([sys.executable, '-c', 'open(\\'{tmp_path}/x\\', "
        "\\'a\\')'])"
    )
    (tmp_path / "code.py").write_text(code)
    written = watched(tmp_path, f"{sys.executable} {tmp_path}/code.py")
    assert [path.name for _, _, path in written if path.parent == tmp_path.resolve()] == ["x"]
