"""A call that is given its time, and repeated where that may help."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Collection
from typing import TypeVar

from gpo.models.failures import Failure, judge_failure
from gpo.models.replies import UnusableReplyError, Verdict
from gpo.spec.models import ModelSpec

_FIRST_WAIT_S = 0.5
_LONGEST_WAIT_S = 8.0
LONGEST_ASKED_S = 120.0
"""A server that asks for a longer wait is not waited for."""

T = TypeVar("T")


async def call_with_retries(
    call: Callable[[], Awaitable[T]],
    spec: ModelSpec,
    secrets: Collection[str] = (),
    revive: Callable[[], Awaitable[None]] | None = None,
    *,
    hear: Callable[[Failure], None] | None = None,
    rest: Callable[[float], Awaitable[None]] = asyncio.sleep,
    again: Callable[[], Awaitable[None]] | None = None,
) -> T:
    """What the call gives, each try within `timeout_s` of the spec, whatever the server sends meanwhile.

    It is repeated `max_retries` times where it failed for the moment, after pauses that double or that the server asks
    for; once, where the failure is not known or the answer is empty. With `revive` that is awaited instead of the
    pause, and there is always one repetition. `hear` is told of each failure as it comes; after one of a
    server that is busy, the pause is a `rest`, in which others may go on. `again` is awaited before each repetition.

    Raises:
        ModelCallError: what is left of the last failure, without keys; it has no other exception behind it.
    """
    tries = 0
    while True:
        try:
            return await _in_time(call, spec.timeout_s)
        except Exception as error:  # noqa: BLE001 - every provider has its own
            failure = judge_failure(error, spec, secrets)
        tries += 1
        if hear is not None:
            hear(failure)
        allowed = max(spec.max_retries, 1 if revive else 0) if failure.repeats is None else failure.repeats
        if tries > allowed or (failure.retry_after or 0) > LONGEST_ASKED_S:
            # Out here the provider's exception is no context of this one: its words may hold the key.
            raise failure.error
        if revive is not None:
            await revive()
        elif failure.repeats is None:
            await (rest if failure.busy else asyncio.sleep)(failure.retry_after or _pause(tries))
        if again is not None:
            await again()


async def _in_time(call: Callable[[], Awaitable[T]], seconds: float) -> T:
    limit = asyncio.timeout(seconds)
    try:
        async with limit:
            return await call()
    except TimeoutError:
        if not limit.expired():
            raise
    raise UnusableReplyError(Verdict.FAILED_FOR_NOW, f"no whole answer within timeout_s, {seconds:g} s", busy=True)


def _pause(tries: int) -> float:
    # Those that failed together do not come back together.
    longest = min(_FIRST_WAIT_S * 2.0 ** min(tries - 1, 10), _LONGEST_WAIT_S)
    return longest * (1 - 0.25 * random.random())  # noqa: S311 - a pause, no secret
