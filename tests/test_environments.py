"""Where a command may find itself: without a home, a name, a working folder, memory or a
package.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

import pytest

from common.errors import install_command
from experiments import entry
from experiments.versions import ROOT
from tests.test_streams import own, shell

NOBODY = (
    "setpriv --reuid 54321 --clear-groups --inh-caps +dac_read_search --ambient-caps "
    "+dac_read_search env -u HOME -u XDG_CACHE_HOME -u USER -u LOGNAME"
)
"""A user without a name or a home, who may read all, since Python may lie in the home of root."""

BLOCK = """
import os, sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name == os.environ.get("ABSENT"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Block())
"""


TOLD = re.compile(r"^\d+ runs? on | gone\b")
"""What is said of the work and its progress."""


def small(line: str, folder: Path, **variables: str) -> tuple[int, str, list[str]]:
    """The exit status of a line of Bash, its output, and its lines on standard error that tell no
    progress.
    """
    done = shell(line, folder, **variables)
    return (
        done.returncode,
        done.stdout,
        [line for line in done.stderr.splitlines() if not TOLD.search(line)],
    )


@pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("setpriv"), reason="needs root and setpriv"
)
def test_a_user_without_home_and_name_and_with_few_open_files_gets_a_report(tmp_path: Path) -> None:
    folder = tmp_path / "theirs"
    folder.mkdir()
    folder.chmod(0o777)
    for each in folder.parents:
        if not each.stat().st_mode & 0o001:
            each.chmod(0o711)
    (folder / "temporary").mkdir(mode=0o777)
    os.chmod(folder / "temporary", 0o777)
    python = f'{NOBODY} "{sys.executable}" -m experiments.compare'
    line = f"ulimit -n 64; {python} {own(folder)}"
    status, out, err = small(line, folder, TMPDIR=str(folder / "temporary"))
    assert err == []
    assert status == 0
    assert "\nNo framework was compared with the definition.\n" in out
    assert sorted(path.name for path in folder.iterdir()) == ["one.toml", "results", "temporary"]
    assert list((folder / "temporary").iterdir()) == []
    folder.chmod(0o555)
    status, out, err = small(f"{python} {own(folder)} --output other", folder)
    assert (status, len(err)) == (2, 1)
    assert err[0].startswith(
        "error: --output must be a folder that can be written to; received 'other': Permission "
        "denied"
    )


@pytest.mark.parametrize(
    ("line", "status", "said"),
    [
        ("isograd compare {own} --output gone/there", 2, "the working folder is no more"),
        ("isograd report", 2, "a folder must hold finished runs"),
        ("isograd migrate activation", 0, ""),
    ],
)
def test_a_working_folder_that_is_no_more_is_one_line(
    tmp_path: Path, line: str, status: int, said: str
) -> None:
    arguments = own(tmp_path).replace("one.toml", "")
    found, _, err = small(
        f"mkdir gone; cd gone; rmdir ../gone; {line.format(own=arguments)}", tmp_path
    )
    assert found == status
    assert len(err) == bool(said)
    assert said in "".join(err)


@pytest.mark.parametrize("flag", ["compare", "report"])
def test_without_docstrings_the_page_is_refused_before_anything_is_run(
    tmp_path: Path, flag: str
) -> None:
    status, out, err = small(f"isograd {flag}", tmp_path, PYTHONOPTIMIZE="2")
    assert (status, out) == (2, "")
    assert err == [
        (
            "error: the page needs the docstrings that python -OO leaves out; use python -O, or "
            "PYTHONOPTIMIZE=1"
        )
    ]
    assert list(tmp_path.iterdir()) == []


def test_the_migration_pages_need_no_docstrings_of_this_process(tmp_path: Path) -> None:
    plain = small("isograd migrate clipping", tmp_path)
    assert plain == small("isograd migrate clipping", tmp_path, PYTHONOPTIMIZE="2")
    assert "Trap" in plain[1] or "norm" in plain[1]


@pytest.mark.parametrize("name", ["compare", "report"])
def test_too_little_address_space_is_one_line(tmp_path: Path, name: str) -> None:
    kibibytes = entry.LEAST // 1024 - 1
    status, out, err = small(f"ulimit -v {kibibytes}; isograd {name}", tmp_path)
    assert (status, out) == (1, "")
    assert err == [
        (
            "error: there is not enough memory; lower --width, --depth or --batch-size, or raise "
            "the limit (ulimit -v)"
        )
    ]


@pytest.mark.parametrize(
    ("package", "line"),
    [
        ("tyro", "compare --list"),
        ("rich", "migrate"),
        ("polars", "compare"),
        ("jinja2", "report"),
        ("altair", "bench --chart x.svg"),
    ],
)
def test_a_package_that_is_not_installed_is_named_with_its_cure_before_anything_is_run(
    tmp_path: Path, package: str, line: str
) -> None:
    (tmp_path / "sitecustomize.py").write_text(BLOCK)
    paths = os.pathsep.join([str(tmp_path), str(ROOT)])
    status, out, err = small(
        f"isograd {line}", tmp_path, PYTHONPATH=paths, ABSENT=package, PYTHONDONTWRITEBYTECODE="1"
    )
    assert (status, out) == (1, "")
    assert err == [f"error: {package} is not installed; install with: {install_command()}"]
    assert [path.name for path in tmp_path.iterdir()] == ["sitecustomize.py"]


def test_what_is_not_needed_is_not_asked_for(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(BLOCK)
    paths = os.pathsep.join([str(tmp_path), str(ROOT)])
    assert small("isograd compare --list", tmp_path, PYTHONPATH=paths, ABSENT="altair")[0] == 0
    assert small("isograd migrate", tmp_path, PYTHONPATH=paths, ABSENT="polars")[0] == 0
