"""The documents: write-your-own says what the code does, its examples run, every page is listed,
every link resolves.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from common import sources, task
from experiments.experiment import plans, read
from experiments.findings.thresholds import Thresholds
from experiments.settings import Settings
from tests import manual

ROOT = Path(__file__).parent.parent
WRITE_YOUR_OWN = manual.PAGE.read_text(encoding="utf-8")

# --- write your own


def test_what_is_generated_of_write_your_own_is_the_codes() -> None:
    assert manual.written(WRITE_YOUR_OWN) == WRITE_YOUR_OWN, (
        "write it again: python -m tests.manual"
    )
    assert sorted(re.findall(r"<!-- generated: (\w+) -->", WRITE_YOUR_OWN)) == sorted(manual.PARTS)


@pytest.mark.parametrize(
    "stale",
    ["| `30` |", "`slope = 0.01`", "vanishing = 0.001", "did you mean 'relu'?", "`tanh + xavier`"],
)
def test_a_part_that_went_stale_is_seen(stale: str) -> None:
    begin, end = (
        WRITE_YOUR_OWN.rsplit(stale, 1)
        if stale != "`tanh + xavier`"
        else WRITE_YOUR_OWN.split(stale, 1)
    )
    assert manual.written(f"{begin}{stale}, or so{end}") == WRITE_YOUR_OWN


def test_every_key_and_all_data_are_explained() -> None:
    assert set(manual.KEYS) == set(Settings.model_fields)
    assert tuple(manual.DATA) == sources.NAMES


@pytest.mark.parametrize("name", sources.NAMES)
def test_the_data_are_as_large_as_is_said(name: str) -> None:
    data = task.load(task.Task(source=name))
    said = manual.DATA[name]
    count = re.match(r"([\d,]+) ", said)
    if count:
        assert len(data.x_train) + len(data.x_test) == int(count[1].replace(",", ""))
    if steps := re.search(r"(\d+) steps", said):
        assert data.time == int(steps[1])
    assert ("target" in said) == (data.targets is not None)


def examples() -> Iterator[tuple[str, str, list[str]]]:
    """Each experiment of the page: what makes its data, its file, and the configurations that are
    named below it.
    """
    blocks = re.compile(
        r"(?:```python\n(?P<data>.*?)```\n\n)?"
        r"```toml\n(?P<toml>question.*?)```\n\nConfigurations: (?P<names>.*?)\.\n\n",
        re.S,
    )
    for found in blocks.finditer(WRITE_YOUR_OWN):
        yield found["data"] or "", found["toml"], re.findall(r"`(.*?)`", found["names"])


EXAMPLES = list(examples())


def test_every_experiment_of_the_page_is_tried() -> None:
    assert len(EXAMPLES) == WRITE_YOUR_OWN.count("```toml\nquestion") >= 5
    assert [bool(data) for data, *_ in EXAMPLES].count(True) == WRITE_YOUR_OWN.count("```python")


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example[1].splitlines()[0])
def test_an_example_is_an_experiment(
    example: tuple[str, str, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, toml, names = example
    monkeypatch.chdir(tmp_path)
    exec(data, {})
    (tmp_path / "mine.toml").write_text(toml)
    assert list(plans(read("mine.toml"), {"steps": 1, "seeds": 1})) == names


def test_an_experiment_runs_as_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from experiments.compare import run
    from experiments.comparing.options import Options

    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.toml").write_text(EXAMPLES[1][1])
    options = Options("mine.toml", backends=("numpy",), depth=3, width=8, steps=2, seeds=1)
    assert run(options, "command") == 0
    assert "Adam, all else the same" in capsys.readouterr().out


def test_own_thresholds_are_as_they_are_left_out(tmp_path: Path) -> None:
    (block,) = re.findall(r"```toml\n(\[thresholds\].*?)```", WRITE_YOUR_OWN, re.S)
    (tmp_path / "mine.toml").write_text(f'question = "?"\n{block}[[configuration]]\n')
    assert read(str(tmp_path / "mine.toml")).thresholds == Thresholds()


# --- every page, every link


def pages() -> list[Path]:
    """What is read: README, CONTRIBUTING and CHANGELOG, and all of docs."""
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


FENCE = re.compile(r"^(```|~~~).*?^\1", re.M | re.S)
LINK = re.compile(r"\]\(([^)\s]+)\)|<(?:a|img)[^>]+(?:href|src)=\"([^\"]+)\"")


def links(text: str) -> list[str]:
    """Where a page leads to, but for other sites."""
    found = [
        one or other for one, other in LINK.findall(re.sub(r"`[^`\n]*`", "", FENCE.sub("", text)))
    ]
    return [link for link in found if not re.match(r"[a-z]+:", link)]


def anchors(text: str) -> set[str]:
    """What may be linked to within a page: its headings as GitHub names them, and anchors of its
    own.
    """
    found: dict[str, int] = {}
    names: set[str] = set(re.findall(r'<a id="([^"]+)"', text))
    for heading in re.findall(r"^#{1,6} (.+?)\s*$", FENCE.sub("", text), re.M):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        name = "".join(letter for letter in plain if letter.isalnum() or letter in " -_").replace(
            " ", "-"
        )
        found[name] = found.get(name, -1) + 1
        names.add(f"{name}-{found[name]}" if found[name] else name)
    return names


def broken(page: Path) -> Iterator[str]:
    """The links of a page that lead nowhere."""
    for link in links(page.read_text(encoding="utf-8")):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        named = anchor and target.suffix == ".md"
        if not target.exists() or (
            named and anchor not in anchors(target.read_text(encoding="utf-8"))
        ):
            yield link


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    assert list(broken(page)) == []


@pytest.mark.parametrize(
    "link", ["nowhere.md", "there.md#no-such-heading", "#no-such-heading", "../there.md"]
)
def test_a_link_that_leads_nowhere_is_found(link: str, tmp_path: Path) -> None:
    (tmp_path / "there.md").write_text("# There, `is` it\n")
    here = tmp_path / "here.md"
    here.write_text(
        "# Here\n[a](there.md), [b](there.md#there-is-it), [c](#here), "
        f"`[d]({link})`\n```\n[e]({link})\n```\n"
    )
    assert list(broken(here)) == []
    here.write_text(f"# Here\n[f]({link})\n")
    assert list(broken(here)) == [link]


INDEX = ROOT / "docs" / "README.md"


def unlisted(index: str) -> list[str]:
    """The pages of docs that an index does not lead to."""
    listed = {(INDEX.parent / link.partition("#")[0]).resolve() for link in links(index)}
    return [
        str(page.relative_to(ROOT))
        for page in sorted((ROOT / "docs").glob("*.md"))
        if page not in listed | {INDEX}
    ]


def test_every_page_is_in_the_index() -> None:
    assert unlisted(INDEX.read_text(encoding="utf-8")) == []
    assert unlisted(INDEX.read_text(encoding="utf-8").replace("(verdicts.md", "(")) == [
        "docs/verdicts.md"
    ]


def test_the_index_is_linked_from_the_readme() -> None:
    assert "docs/README.md" in links((ROOT / "README.md").read_text(encoding="utf-8"))
