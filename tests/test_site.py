"""The documentation as a site: what is gathered, and that its references hold what the program says and has.

That the site can be built, with no link that leads nowhere, is seen by `make docs`, which the tests' command runs too.
"""

from __future__ import annotations

import re
from pathlib import Path

import attrs
import pytest
from tools.site import commands, figures, happenings, http_api, keys, messages, python_api
from tools.site.__main__ import MADE, ROOT, gather
from tools.site.links import Site

import camcast.events
from camcast.config.schema import json_schema
from camcast.host import PluginHost
from camcast_http.operations import OPERATIONS
from camcast_prometheus.families import SESSION_FIELDS
from tests.cli.test_forty_mistakes import MISTAKES

TROUBLES = re.findall(r"^### `(.+)`$", (ROOT / "docs/troubleshooting.md").read_text(), re.MULTILINE)


@pytest.fixture(scope="module")
def found() -> dict[str, re.Pattern[str]]:
    """Every message that says something by itself, with what finds it in a text."""
    return {one.text: one.pattern for one in messages.messages() if one.words >= 2}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_what_is_said_of_a_mistake_is_among_all_messages(mistake: str, found: dict[str, re.Pattern[str]]) -> None:
    for line in MISTAKES[mistake].said:
        # An example of a URL with a password is hidden like one.
        said = line.replace("***@", "user:password@")
        matched = [found_ for pattern in found.values() if (found_ := pattern.search(said))]
        assert matched, line
        # What only happens to stand in it is not what was said.
        longest = max(len(one.group()) for one in matched)
        assert longest >= 16, (line, longest)


@pytest.mark.parametrize("text", TROUBLES)
def test_what_troubleshooting_quotes_is_what_the_program_says(text: str, found: dict[str, re.Pattern[str]]) -> None:
    """A text may be put together of several; what is quoted holds one of them whole, or is a part of one."""
    assert any(text in one or (len(one) > 0.6 * len(text) and pattern.search(text)) for one, pattern in found.items())


def test_a_message_is_found_by_what_was_said_and_by_nothing_else() -> None:
    one = messages.Message("Servers", "cannot look up …: …; check the name", "NetworkError", "x.py")
    assert one.pattern.search("network: cannot look up a.example: no such name; check the name and the server")
    assert not one.pattern.search("cannot look up a.example")


def test_every_page_is_gathered_and_its_links_lead_to_pages_and_files_there(tmp_path: Path) -> None:
    gather(tmp_path)
    gather(tmp_path)
    pages = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.md")}
    written = {str(path.relative_to(ROOT / "docs")) for path in (ROOT / "docs").rglob("*.md")}
    assert pages >= {*written, *MADE, "index.md", "examples.md", "security.md"}
    looked = 0
    for page in pages:
        for link in re.findall(r"\]\((?!\w+:|#)([^)#\s]+)", (tmp_path / page).read_text()):
            assert ((tmp_path / page).parent / link).exists(), f"{page}: {link}"
            looked += 1
    assert looked > 100


def test_a_folder_that_holds_anything_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.md").write_text("mine")
    with pytest.raises(ValueError, match="holds something else"):
        gather(tmp_path)
    assert (tmp_path / "mine.md").read_text() == "mine"


def test_a_link_that_leads_nowhere_names_its_page(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.md").write_text("See [there](gone.md#part).")
    with pytest.raises(ValueError, match=r"docs/a\.md: the link to gone\.md leads nowhere"):
        Site(tmp_path, tmp_path / "site", {"docs/a.md": "a.md"}).write("docs/a.md")


def test_what_stands_behind_a_fences_language_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("<!-- bench -->\n```python run\nx = 1\n```\n")
    Site(tmp_path, tmp_path / "site", {"a.md": "a.md"}).write("a.md")
    assert (tmp_path / "site" / "a.md").read_text() == "```python\nx = 1\n```\n"


def test_every_key_has_its_line_and_says_what_it_is_for() -> None:
    page = keys.page()
    for name, block in json_schema(PluginHost())["$defs"].items():
        for key, value in block["properties"].items():
            (line, *_) = [
                one for one in page.partition(f"## {name}\n")[2].splitlines() if one.startswith(f"| `{key}` |")
            ]
            assert value["description"].replace("|", "\\|").strip() in line


def test_every_command_event_figure_operation_and_name_is_there() -> None:
    assert {"run", "check", "push", "status", "schema"} <= set(re.findall(r"^## `camcast (\w+)", commands.page(), re.M))
    told = happenings.page()
    for kind in (camcast.events.Note, camcast.events.DropEpisode, camcast.events.Moved):
        assert f"## {kind.__name__}\n" in told
        assert all(f"`{field.name}`" in told for field in attrs.fields(kind))
    assert all(f"| `{field}` |" in figures.page() for field in SESSION_FIELDS)
    api = http_api.page()
    assert all(f"## {one.method.upper()} /api/v1{one.path}\n" in api for one in OPERATIONS)
    names = python_api.page()
    classes = [name for name in camcast.__all__ if name[0].isupper()]
    assert [name for name in classes if f".{name}\n" not in names and f"## {name}\n" not in names] == []
