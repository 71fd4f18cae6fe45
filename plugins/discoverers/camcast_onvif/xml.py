"""XML that devices send, read within bounds: size, depth and number of elements, without DTD and entities. Pure.

Elements are found by their local names: devices mix up namespaces and prefixes, and what is looked for here has one
meaning in each answer.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from xml.etree.ElementTree import Element, ParseError, TreeBuilder

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from camcast.redaction import excerpt

MAX_BYTES = 512 * 1024
"""Of one document. A camera with a dozen profiles sends 60 KiB."""
MAX_DEPTH = 40
MAX_ELEMENTS = 20_000
MAX_TEXT = 200
"""Characters that are kept of a camera's words."""


class BadXml(ValueError):
    """It is no XML, or more of it than is taken. The text says which, and nothing of the document."""


class _Bounded(TreeBuilder):
    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most
        self._depth = self._count = 0

    def start(self, tag: str, attrs: dict[str, str], /) -> Element:
        self._depth += 1
        self._count += 1
        if self._depth > MAX_DEPTH:
            raise BadXml(f"its XML is nested deeper than {MAX_DEPTH} elements")
        if self._count > self._most:
            raise BadXml(f"its XML has more than {self._most} elements")
        return super().start(tag, attrs)

    def end(self, tag: str, /) -> Element:
        self._depth -= 1
        return super().end(tag)


def read(data: bytes, most_bytes: int = MAX_BYTES, most_elements: int = MAX_ELEMENTS) -> Element:
    """The root. Raises `BadXml`."""
    if len(data) > most_bytes:
        raise BadXml(f"its XML is longer than {most_bytes // 1024} KiB")
    parser = DefusedXMLParser(target=_Bounded(most_elements), forbid_dtd=True)
    try:
        parser.feed(data)
        root: Element = parser.close()
    except DefusedXmlException as error:
        raise BadXml(f"its XML holds what no device needs to send ({type(error).__name__})") from None
    except (ParseError, LookupError, UnicodeError, ValueError) as error:
        if isinstance(error, BadXml):
            raise
        raise BadXml("it sent no XML, or damaged XML") from None
    return root


def local(element: Element) -> str:
    """The name without its namespace."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def every(element: Element, name: str) -> Iterator[Element]:
    """All elements below that are called so, in their order."""
    return (one for one in element.iter() if one is not element and local(one) == name)


def beside(element: Element, name: str) -> list[Element]:
    """The first element below that is called so, and its siblings of that name. None lies within another, so who looks
    through each of them passes over everything once."""
    return next((found for one in element.iter() if (found := [child for child in one if local(child) == name])), [])


def firsts(element: Element, names: Collection[str]) -> dict[str, Element]:
    """The first element of each of these names below, found by one walk."""
    found: dict[str, Element] = {}
    for one in element.iter():
        if one is not element and (name := local(one)) in names:
            found.setdefault(name, one)
    return found


def first(element: Element | None, *names: str) -> Element | None:
    """The first element on this way down: a `names[1]` somewhere below a `names[0]` …"""
    for name in names:
        if element is None:
            return None
        element = next(every(element, name), None)
    return element


def shown(text: str, secrets: Collection[str] = ()) -> str:
    """A device's words, printable and short, without these; the rest of one may be in another of its texts."""
    return excerpt(text, secrets, MAX_TEXT)


def text(element: Element | None, *names: str, secrets: Collection[str] = ()) -> str:
    """Its words as they may be shown; "" where it is not there."""
    found = first(element, *names) if names else element
    return shown(found.text.strip(), secrets) if found is not None and found.text else ""


def raw(element: Element | None, *names: str) -> str:
    """The same as it stands, for what is looked at and not shown: URLs and tokens, of bounded length."""
    found = first(element, *names) if names else element
    return found.text.strip()[:2048] if found is not None and found.text else ""


def number(element: Element | None, *names: str) -> float:
    """What it says as a number of everyday size; 0 where it is none."""
    try:
        value = float(raw(element, *names)[:16])
    except ValueError:
        return 0.0
    return value if 0 <= value < 1e9 else 0.0
