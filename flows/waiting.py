"""A Prefect run that is suspended until a person has answered."""

from uuid import UUID

from prefect.client.orchestration import get_client

from gpo.decision import Decision


async def resume(decision: Decision) -> str | None:
    """Resume the run that waits with the answer that is kept; why that was not possible, else None.

    A run that does not wait, because it ended with the command that started it, needs nothing.
    """
    if decision.flow_run is None:
        return None
    answer = {
        "decision": "promote" if decision.status == "promoted" else "reject",
        "why": decision.why or "",
        "who": decision.who or "",
    }
    try:
        async with get_client() as client:
            run = await client.read_flow_run(UUID(decision.flow_run))
            if run.state is None or not run.state.is_paused():
                return None
            result = await client.resume_flow_run(run.id, run_input=answer)
    except Exception as error:  # noqa: BLE001 - the server may be away, or another that does not know the run
        return f"{type(error).__name__}: {error}"
    return None if result.status.value == "ACCEPT" else f"the server answered {result.status.value}"
