"""How many calls of a model may be in flight, and which of the waiting goes next."""

import asyncio
import heapq
import itertools


class Limiter:
    """At most `slots` at once; of those who wait, the lowest priority number goes first, then the longest wait.

    Calls for the same example of many candidates thereby go out one after the other, and a server that caches
    prompt prefixes reads the example once.
    """

    def __init__(self, slots: int) -> None:
        self._free = slots
        self._order = itertools.count()
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []

    async def acquire(self, priority: int = 0) -> None:
        """Wait for a slot, and hold it until `release`."""
        if self._free > 0:
            self._free -= 1
            return
        turn = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (priority, next(self._order), turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.release()
            raise

    def release(self) -> None:
        """Give a slot to whoever waits for one."""
        while self._waiting:
            turn = heapq.heappop(self._waiting)[2]
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
