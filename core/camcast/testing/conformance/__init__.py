"""The conformance kit: subclass one of these in a test of your plugin, and pytest checks every rule of its contract.

Needs pytest and hypothesis. Each rule is one test, by name; `rules` lists them with what they promise.
"""

from __future__ import annotations

from camcast.testing.conformance.attempt import Bounds
from camcast.testing.conformance.codec import CodecConformance
from camcast.testing.conformance.coordinator import CoordinatorConformance
from camcast.testing.conformance.discoverer import DiscovererConformance
from camcast.testing.conformance.encoder import EncoderConformance
from camcast.testing.conformance.hooks import ResolverConformance, WatcherConformance
from camcast.testing.conformance.listening import DatagramSourceConformance, ListeningSourceConformance
from camcast.testing.conformance.rule import Rule, RuleBroken, Rules
from camcast.testing.conformance.samples import Sample
from camcast.testing.conformance.service import ServiceConformance
from camcast.testing.conformance.source import SourceConformance
from camcast.testing.conformance.transport import TransportConformance

__all__ = [
    "Bounds",
    "CodecConformance",
    "CoordinatorConformance",
    "DatagramSourceConformance",
    "DiscovererConformance",
    "EncoderConformance",
    "ListeningSourceConformance",
    "ResolverConformance",
    "Rule",
    "RuleBroken",
    "Rules",
    "Sample",
    "ServiceConformance",
    "SourceConformance",
    "TransportConformance",
    "WatcherConformance",
]
