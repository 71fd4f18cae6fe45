"""Types for a kind's options that are read as the configuration's own keys are.

    @attrs.frozen(kw_only=True)
    class RadioOptions:
        timeout: PositiveSeconds = 5.0
        \"\"\"A transmitter that is silent for so long is given up.\"\"\"

takes `"timeout": 2`, "500ms" and "5 min", says in the JSON Schema in what it may be given, and is a `float` in Python.
"""

from camcast.config.rules import Bytes, BytesOrNever, Kbps, PositiveSeconds, Seconds, SecondsOrNever

__all__ = ["Bytes", "BytesOrNever", "Kbps", "PositiveSeconds", "Seconds", "SecondsOrNever"]
