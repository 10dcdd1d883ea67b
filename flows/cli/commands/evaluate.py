"""`gpo evaluate`: the score of one instruction on one split, without Prefect."""

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.console import exit_on_error, stderr_console
from flows.cli.options import AsJson, Debug, Fresh, SpecPath
from flows.cli.panels import IMPROVE

commands = typer.Typer()


@commands.command(rich_help_panel=IMPROVE)
def evaluate(
    spec: SpecPath,
    *,
    instruction: Annotated[
        str | None, typer.Option(help="The instruction to score; by default the one the spec starts from.")
    ] = None,
    split: Annotated[str, typer.Option(help="`dev`, `train` or `test`; looking at `test` often wears it out.")] = "dev",
    fresh: Fresh = False,
    results: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write each example to a file that ends in .jsonl or .csv.")
    ] = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Score one instruction on a split, with a 95% interval and what stands behind it."""
    with exit_on_error(debug=debug, pays=True):
        from flows.cli.display.run import Display
        from flows.cli.display.score import print_score
        from flows.cli.interrupts import run_interruptibly
        from gpo.models.sharing import share_answers
        from gpo.progress import listen
        from gpo.runs.results.files import check_ending, write_results
        from gpo.runs.score import score_instruction

        if results is not None:
            check_ending(results)
        with share_answers(), Display(stderr_console()) as display, listen(display):
            measured = run_interruptibly(lambda: score_instruction(spec, instruction, split, fresh=fresh), display.tell)
        if results is not None:
            write_results(results, measured.results, compared=False)
        print_score(measured, as_json=as_json)
