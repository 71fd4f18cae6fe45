"""The kit for encoders.

class TestSignaller(EncoderConformance):
    kind = "signaller"
"""

from __future__ import annotations

import pytest

from camcast.kinds import EncoderKind
from camcast.testing.conformance.base import Conformance
from camcast.testing.conformance.encoder_rules import RULES, EncoderBench


class EncoderConformance(Conformance[EncoderKind]):
    """Subclass it and name the `kind`; `options` are the encoder's own, a quick preset for example."""

    rules = RULES

    @pytest.fixture
    def bench(self) -> EncoderBench:
        host = self.host()
        return EncoderBench(host, host.encoders[self.kind], self.options, self.memo)
