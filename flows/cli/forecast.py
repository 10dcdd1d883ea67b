"""What a run is going to take, as a person reads it before the first call."""

from gpo.formatting import count, duration, money
from gpo.records import Usage
from gpo.runs.forecast import Forecast


def forecast_lines(found: Forecast) -> list[str]:
    """Calls, tokens, cost and time, each with how sure it is."""
    lines = [found.told or f"Planned: at most {count(found.steps, 'step')}."]
    lines += found.aims
    for role, calls in found.search.items():
        proof = found.proof.get(role, 0)
        # How many proposals a search asks for depends on what becomes of the others.
        whole = f"{'about' if role == 'optimizer' else 'at most'} {calls + proof:,}"
        parts = f", {calls:,} in the search and {proof:,} for the proof" if proof else ""
        lines.append(f"calls   {role}: {whole}{parts}")
    total = sum(found.usage.values(), Usage())
    lines.append(f"tokens  about {total.input_tokens:,} in, {total.output_tokens:,} out")
    if found.cost is not None:
        lines.append(f"cost    about {money(found.cost)}")
    if found.list_cost is not None:
        lines.append(
            f"cost    about {money(found.list_cost)} US dollars by list prices; a `price` in the spec goes first"
        )
    if found.seconds is not None:
        lines.append(f"time    about {duration(found.seconds)}, with as many calls at a time as the spec allows")
    elif found.least_seconds is not None:
        lines.append(f"time    at least {duration(found.least_seconds)}, by the limits of a minute")
    if found.known:
        basis = f"Tokens{' and time' if found.seconds is not None else ''} go by {count(found.known, 'kept answer')}"
        lines.append(f"{basis} of these models; what the ledger has already is not paid for again.")
    else:
        lines.append(
            "Tokens go by the length of the texts, and may be off by half; no answer of these models is kept yet."
        )
    return [*lines, "Nothing was called or written."]
