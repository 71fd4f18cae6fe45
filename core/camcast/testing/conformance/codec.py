"""The kit for codecs.

class TestFlags(CodecConformance):
    kind = "flags"
"""

from __future__ import annotations

from typing import ClassVar

import pytest

from camcast.kinds import CodecKind
from camcast.testing.conformance.base import Conformance
from camcast.testing.conformance.codec_rules import RULES, CodecBench
from camcast.testing.conformance.samples import Sample, sample_of


class CodecConformance(Conformance[CodecKind]):
    """Subclass it and name the `kind`. Where no installed encoder makes the codec, give a `sample` of a second."""

    rules = RULES
    sample: ClassVar[Sample | None] = None

    @pytest.fixture
    def bench(self) -> CodecBench:
        host = self.host()
        kind = host.codecs[self.kind]
        if "sample" not in self.memo:
            self.memo["sample"] = self.sample or sample_of(host, kind)
        return CodecBench(host, kind, self.memo["sample"])
