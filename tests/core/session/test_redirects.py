"""Whether a session follows its server to another address."""

from __future__ import annotations

from camcast.session.redirects import MAX_HOPS, Redirects, refusal


def test_redirects_within_the_rules() -> None:
    assert refusal("a://h:1/x", "a://h:2/y", (), 0) is None
    assert refusal("a://h/x", "a://k/y", ("K",), 0) is None
    assert refusal("a://h/x", "a://k/y", (), 0) == 'k is another host; allow it by "allow_redirect_hosts": ["k"]'
    assert refusal("a://h/x", "a://b.k.com/y", ("*.K.com",), 0) is None
    assert refusal("a://h/x", "a://k.com/y", ("*.k.com",), 0) is not None
    assert refusal("a://h/x", "a://bk.com/y", ("*.k.com", "*"), 0) is not None
    assert refusal("as://h/x", "a://h/y", (), 0) == "it leads from as to a"
    assert refusal("a://h/x", "a:///y", (), 0) == "the address has no host"
    assert refusal("a://h/x", "a://h:port/y", (), 0) == "the address is not a valid URL"
    assert refusal("a://h/x", "a://h/y", (), MAX_HOPS) == "it would be redirect number 6 in a row"


class Place:
    """A session's redirects, and what they tell."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.redirects = Redirects(("k",), lambda code, text: self.notes.append(f"{code}: {text}"))

    def follow(self, old: str, new: str, *, stable: bool = False) -> bool:
        return self.redirects.follow(f"a://{old}/key", f"a://{new}/key", f"a://{old}/***", stable=stable)


def test_one_that_is_followed_is_not_told() -> None:
    place = Place()
    assert place.follow("h", "k")
    assert place.notes == []


def test_no_more_than_so_many_in_a_row() -> None:
    place = Place()
    assert [place.follow("h", "k") for _ in range(MAX_HOPS + 1)] == [True] * MAX_HOPS + [False]
    assert "it would be redirect number 6 in a row" in place.notes[0]
    assert not place.follow("h", "k")


def test_a_row_ends_where_media_flows() -> None:
    place = Place()
    for _ in range(3 * MAX_HOPS):
        assert place.follow("h", "k", stable=True)


def test_one_server_is_not_told_of_without_end_and_the_next_one_is_told_again() -> None:
    place = Place()
    for number in range(100):
        assert not place.follow("h", f"evil{number}")
    assert len(place.notes) == MAX_HOPS
    assert place.notes[0] == (
        "redirect_refused: a://h/*** asks to move elsewhere, not followed: "
        'evil0 is another host; allow it by "allow_redirect_hosts": ["evil0"]'
    )
    assert not place.follow("k", "evil")
    assert len(place.notes) == MAX_HOPS + 1
