"""Cameras that a reload takes to another process, where they come to share an address with others. Pure.

An address at which somebody listens is in one process, and so are all that share it. Where a camera comes to listen at
one that another process has, it begins anew there, as a whole: it cannot run in two.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Hashable, Mapping, Sequence

import attrs

from camcast.workers.neighbours import Group


@attrs.frozen
class Spread:
    """How cameras are spread over processes."""

    groups: Sequence[Group] = ()
    """Which are to be in one process, as it is wanted."""
    home: Hashable = None
    where: Mapping[int, Hashable] = attrs.field(factory=dict)
    """In which process each runs now."""

    def moving(self, staying: Collection[int]) -> dict[int, str]:
        """Which cameras have to begin anew in another process, each with the reason. `staying`: those that would go
        on where they are."""
        found: dict[int, str] = {}
        for group in self.groups:
            here = {number: self.where[number] for number in sorted(group.cameras) if number in staying}
            if here and len(group.cameras) > 1:
                # As few as may be, and of as many here as there the first.
                place = self.home if group.needs.at_home else Counter(here.values()).most_common(1)[0][0]
                for number, where in here.items():
                    if where != place:
                        others = ", ".join(map(str, sorted(group.cameras - {number})))
                        found[number] = f"has an address in common with camera {others}, and so its process"
        return found

    def fellows(self, camera_id: int) -> set[int]:
        """Cameras that are to be in the same process, for an address."""
        return {number for one in self.groups if camera_id in one.cameras for number in one.cameras}
