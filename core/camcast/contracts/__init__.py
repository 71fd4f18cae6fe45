"""What the core and a running plugin owe each other. Plugins implement the protocols; the core makes the contexts.

Everything here runs on the engine's event loop unless a docstring says otherwise. A plugin whose library
blocks brings its own thread and hands over through `Handover`.
"""

from camcast.codec_kind import CodecParser, Decoder
from camcast.contracts.encoder import Encoder, EncoderSettings
from camcast.contracts.lent import Handover, Resolver
from camcast.contracts.offered import (
    HasPort,
    TakesTagParts,
    TellsFindings,
    TellsImpaired,
    TellsUnsent,
    findings,
    impaired,
    unsent,
)
from camcast.contracts.push import PushCounts, PushHandle
from camcast.contracts.reported import PathReport, TellsPath, path_report
from camcast.contracts.source import MediaSink, Source, SourceContext
from camcast.contracts.transport import Delivery, Segment, Transport, TransportContext, TransportEvents

__all__ = [
    "CodecParser",
    "Decoder",
    "Delivery",
    "Encoder",
    "EncoderSettings",
    "Handover",
    "HasPort",
    "MediaSink",
    "PathReport",
    "PushCounts",
    "PushHandle",
    "Resolver",
    "Segment",
    "Source",
    "SourceContext",
    "TakesTagParts",
    "TellsFindings",
    "TellsImpaired",
    "TellsPath",
    "TellsUnsent",
    "Transport",
    "TransportContext",
    "TransportEvents",
    "findings",
    "impaired",
    "path_report",
    "unsent",
]
