"""Who has which camera, as the store tells, and the highest fencing number that was ever heard of each.

A store may go back to what it was earlier. Then a number in it is lower than one that was heard; such a record says who
had the camera once, and nothing more.
"""

from __future__ import annotations

from camcast.coordinators import ClaimNews, Holder


class Claims:
    """Records by camera. `numbers`: the highest fencing numbers, of an earlier run too."""

    def __init__(self, numbers: dict[int, int], me: Holder) -> None:
        self.numbers = numbers
        self._me = me
        self._records: dict[int, ClaimNews] = {}
        self._mine: dict[int, int] = {}
        """Cameras that the store says are this life's, with their numbers."""
        self._given: dict[int, ClaimNews] = {}
        self._holders: dict[int, Holder] = {}
        """Who had each last, as far as was ever heard: also of what a store has lost."""
        self.free_since: dict[int, float] = {}
        """When a camera was heard to be released."""
        self.alone_since: dict[int, float] = {}
        """When it was heard that a camera has ended on the member that gave it."""

    def live_as(self, me: Holder) -> None:
        """Another life begins, which has nothing yet."""
        self._me = me
        self._mine.clear()
        self._given.clear()

    def hear(self, news: ClaimNews, now: float) -> bool:
        """A record is as told. Returns whether another member has the camera now."""
        camera_id, known = news.camera_id, self.numbers.get(news.camera_id, 0)
        before = self._holder(camera_id)
        there = self._records.get(camera_id)
        self._records[camera_id] = news
        self.alone_since.pop(camera_id, None)
        if there is not None and there.giver is not None and news.giver is None and there.holder == news.holder:
            self.alone_since[camera_id] = now
        if news.holder is None:
            self.free_since.setdefault(camera_id, now)
        else:
            self.free_since.pop(camera_id, None)
            self._holders[camera_id] = news.holder
        if news.holder == self._me and news.fence >= known:
            self._mine[camera_id] = news.fence
        else:
            self._mine.pop(camera_id, None)
        if news.giver == self._me:
            self._given[camera_id] = news
        else:
            self._given.pop(camera_id, None)
        self.numbers[camera_id] = max(news.fence, known)
        return self._holder(camera_id) != before

    def taken(self, camera_id: int, fence: int) -> bool:
        """This life has it, whatever was known: it has just replaced what the store had. Returns the same as `hear`."""
        before = self._holder(camera_id)
        self._records[camera_id] = ClaimNews(camera_id, fence, self._me)
        self._mine[camera_id] = self.numbers[camera_id] = fence
        return before != self._me.name

    def _holder(self, camera_id: int) -> str | None:
        record = self._records.get(camera_id)
        return record.holder.name if record is not None and record.holder is not None else None

    def begin_anew(self) -> None:
        """All records are told once more. What is this life's stays so until then."""
        self._records.clear()
        self._given.clear()

    def heard_all(self) -> None:
        """What has not been told, the store does not have."""
        for camera_id in [one for one in self._mine if one not in self._records]:
            del self._mine[camera_id]

    def mine(self) -> tuple[tuple[int, int], ...]:
        """Cameras that this life has, with their numbers."""
        return tuple(self._mine.items())

    def is_mine(self, camera_id: int) -> bool:
        return camera_id in self._mine

    def given(self) -> tuple[ClaimNews, ...]:
        """Records of cameras that this life has given to others, and has not said to have ended yet."""
        return tuple(self._given.values())

    def is_others(self, camera_id: int, name: str) -> bool:
        """Whether another member has it under a number that is not one of the past."""
        record = self._records.get(camera_id)
        holder = record.holder if record else None
        return holder is not None and holder.name != name and not self.is_rolled_back(camera_id)

    def is_rolled_back(self, camera_id: int) -> bool:
        """Whether its record is one of the past."""
        record = self._records.get(camera_id)
        return record is not None and record.fence < self.numbers.get(camera_id, 0)

    def record(self, camera_id: int) -> ClaimNews | None:
        """What the store says of a camera."""
        return self._records.get(camera_id)

    def number(self, camera_id: int) -> int:
        """The number that a claim is to replace."""
        record = self._records.get(camera_id)
        return record.fence if record else self.numbers.get(camera_id, 0)

    def last_holder(self, camera_id: int) -> Holder | None:
        """Who had a camera last."""
        return self._holders.get(camera_id)

    def holders(self) -> dict[int, str]:
        """Names of the members that have cameras, dead ones too."""
        return {number: record.holder.name for number, record in self._records.items() if record.holder is not None}
