"""The page's files: what is served to whom, and that nothing of them comes from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import ASGIApp, Message

from camcast_http import page
from camcast_http.access import Access, Policy
from tests.plugins.served import CHANGE, READ, Client, served

FILES = sorted(path for path in page.FOLDER.iterdir() if path.is_file())


@pytest.fixture(scope="module")
def closed() -> Iterator[Client]:
    """An interface whose readers must know a token; this client does not."""
    with served(token=READ, change_token=CHANGE) as (_engine, client):
        yield client


@pytest.mark.parametrize("path", page.paths())
def test_every_file_is_served_to_whoever_can_connect(closed: Client, path: str) -> None:
    answer = closed.ask(path)
    assert answer.status == 200
    assert answer.body == (page.FOLDER / page.paths()[path]).read_bytes()
    assert answer.headers["content-type"].partition(";")[0] == page.MEDIA[f".{page.paths()[path].rpartition('.')[2]}"]
    assert answer.headers["content-security-policy"] == page.POLICY
    assert (answer.headers["x-content-type-options"], answer.headers["referrer-policy"]) == ("nosniff", "no-referrer")
    assert "set-cookie" not in answer.headers
    again = closed.ask(path, if_none_match=answer.headers["etag"])
    assert (again.status, again.body) == (304, b"")
    assert again.headers["content-security-policy"] == page.POLICY
    assert closed.ask(path, "HEAD").status == 200


def test_nothing_is_served_that_is_not_a_file_of_the_page(closed: Client) -> None:
    assert {path.name for path in FILES} == set(page.paths().values())
    for path in ("/page/", "/page/nothing.js", "/page/../page.py", "/page/%2e%2e/page.py", "/page/index.html"):
        assert closed.ask(path).status == 404, path
    assert closed.ask("/", "POST").status == 405
    assert closed.api("/overview").status == 401


def test_another_site_may_link_to_the_page_and_take_nothing_of_it(closed: Client) -> None:
    assert closed.ask("/", sec_fetch_site="cross-site").status == 200
    assert closed.ask("/page/main.js", sec_fetch_site="cross-site").status == 403
    assert closed.ask("/", host="rebound.example").status == 421


def test_the_policy_allows_nothing_from_elsewhere_and_nothing_inline() -> None:
    rules = dict(rule.strip().partition(" ")[::2] for rule in page.POLICY.split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == rules["style-src"] == rules["connect-src"] == "'self'"
    assert rules["require-trusted-types-for"] == "'script'"
    assert "unsafe" not in page.POLICY


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_file_names_another_place(path: Path) -> None:
    text = path.read_text()
    namespaces = text.replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?://|//cdn|@import|url\(", namespaces)
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function", text)
    assert len(text.splitlines()) <= 400


class _Markup(HTMLParser):
    """What the browser would do something about."""

    def __init__(self) -> None:
        super().__init__()
        self.inline: list[str] = []
        self.unlabelled: list[str] = []
        self._labels = 0

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        about = dict(attributes)
        self.inline += [name for name in about if name.startswith("on") or name == "style"]
        if tag in ("script", "style") and "src" not in about:
            self.inline.append(tag)
        self._labels += tag == "label"
        if tag in ("input", "select") and not self._labels and "aria-label" not in about:
            self.unlabelled.append(about.get("id") or tag)

    def handle_endtag(self, tag: str) -> None:
        self._labels -= tag == "label"


def test_nothing_is_inline_and_every_field_has_a_label() -> None:
    markup = _Markup()
    markup.feed((page.FOLDER / page.START).read_text())
    assert (markup.inline, markup.unlabelled) == ([], [])


async def asked(app: ASGIApp, path: str) -> tuple[int, bytes]:
    """The status and the body that an application answers."""
    sent: list[Any] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [(b"host", b"localhost")]
    about = {"method": "GET", "path": path, "root_path": "", "query_string": b"", "headers": headers}
    await app({"type": "http", **about}, receive, send)
    return sent[0]["status"], b"".join(one.get("body", b"") for one in sent[1:])


async def test_it_works_where_an_application_mounts_it() -> None:
    """Its addresses are relative, and what is open stays open below the mount."""
    inner = Access(Starlette(routes=[*page.Page().routes()]), Policy(token=READ))
    whole = Starlette(routes=[Mount("/camcast", app=inner)])
    status, text = await asked(whole, "/camcast/")
    assert (status, text) == (200, (page.FOLDER / page.START).read_bytes())
    assert not re.search(rb'(href|src)="/', text)
    assert (await asked(whole, "/camcast/page/main.js"))[0] == 200
    assert (await asked(whole, "/camcast/api/v1/status"))[0] == 401
