"""`gpo explain` and `gpo presets`: what a method shows the optimizer model, and the methods by name."""

import asyncio
from typing import Annotated

import typer

from flows.cli.console import exit_on_error
from flows.cli.options import AsJson, Debug, Seed, SpecPath
from flows.cli.panels import INSPECT

commands = typer.Typer()


@commands.command(rich_help_panel=INSPECT)
def explain(
    spec: SpecPath,
    step: Annotated[
        int | None, typer.Option(help="Which step; by default the last one of a run, else the second.")
    ] = None,
    seed: Seed = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Show what the optimizer model is shown in a step, and which option put each part there. Calls no model.

    Where proposals have cases and ways of asking of their own (the default), the first proposal of the step is shown.

    Before a run, brackets stand for what only a run can tell.

    Example: `gpo explain tickets.yaml --step 3`
    """
    with exit_on_error(debug=debug):
        from flows.cli.display.explanation import print_explanation
        from gpo.runs.explain import explain as explain_step
        from gpo.runs.job import load_job

        print_explanation(asyncio.run(explain_step(load_job(spec, seed), step)), as_json=as_json)


@commands.command(rich_help_panel=INSPECT)
def presets(as_json: AsJson = False, debug: Debug = False) -> None:
    """List the methods that `optimizer` can start from: the default, published ones, and points near others."""
    with exit_on_error(debug=debug):
        from flows.cli.display.presets import print_presets

        print_presets(as_json=as_json)
