"""What may go wrong, what happens then, and the tests that show it; `docs/reliability.md` is made of it.

`python -m tests.support.fault_matrix` writes the page anew. `tests/test_reliability.py` compares the two, and looks for
every test that is named here.
"""

from typing import NamedTuple

from tests.support.paths import ROOT

PAGE = ROOT / "docs" / "reliability.md"

SCORES = "tests/gpo/runs/test_faults.py"
LIMITS = "tests/gpo/runs/test_fault_limits.py"
PAYING = "tests/gpo/runs/test_checks_before_paying.py"
SEARCH = "tests/runs_whole/test_faults_of_optimize.py"
RESUME = "tests/runs_whole/test_resume.py"
SIGNALS = "tests/flows/cli/test_interrupts.py"
COMMAND = "tests/flows/cli/test_optimize.py"
LEDGER = "tests/gpo/models/test_ledger.py"
CLAIMS = "tests/gpo/models/test_claims.py"
DATABASE = "tests/gpo/database/test_engine.py"
SHUT = "tests/flows/stack/test_server_security.py"
EMBEDDED = "tests/gpo/models/local/test_servers.py"
ENDPOINT = "tests/gpo/prompts/test_server.py"
LOADER = "tests/gpo/prompts/test_loader.py"
INDEX = "tests/gpo/search/test_trajectory.py"
YAML = "tests/gpo/spec/test_strict_yaml.py"
GUARD = "tests/gpo/serving/test_http_guard.py"
SERVICES = "tests/services/test_services_database.py"
LEAKS = "tests/gpo/data/test_leaks.py"
WORKERS = "tests/gpo/models/target/test_workers.py"
SLOTS = "tests/gpo/models/test_slots.py"
CHUNKS = "tests/gpo/runs/spread/test_chunks.py"
EXECUTION = "tests/gpo/runs/spread/test_check.py"
DASK = "tests/services/test_services_dask.py"


class Fault(NamedTuple):
    """What goes wrong, what happens then, and where that is seen: files with the tests in them."""

    fault: str
    outcome: str
    seen: tuple[tuple[str, str], ...]


class Kind(NamedTuple):
    """Faults of one kind."""

    title: str
    said: str
    faults: tuple[Fault, ...]


def seen(*tests: str) -> tuple[tuple[str, str], ...]:
    """Tests by file and name: each name belongs to the file before it."""
    found, file = [], ""
    for each in tests:
        if each.endswith(".py"):
            file = each
        else:
            found.append((file, each))
    return tuple(found)


REPLIES = Kind(
    "Replies that are no answer",
    "One place looks at a reply before it is kept. What is no answer is never scored and never kept; a failure of the "
    "moment is asked again, and the same command goes on once the server is well.",
    (
        Fault(
            "An error, a filter, a refusal, no text or no choice in a reply with status 200; HTML; half a reply",
            "Asked again where that may help; else it has failed, and more than `max_failure_rate` end the run in the "
            "server's words. Later the same command gives the score of an undisturbed run.",
            seen(
                SCORES,
                "test_what_is_no_answer_stops_the_evaluation_and_leaves_nothing_behind",
                "test_a_failure_of_the_moment_is_asked_again",
                SEARCH,
                "test_every_fault_ends_the_search_in_its_words_and_leaves_nothing_behind",
                "test_faults_of_the_moment_change_nothing",
            ),
        ),
        Fault(
            "An empty answer",
            "Asked for twice, then failed; never scored 0.",
            seen(SCORES, "test_an_empty_answer_is_asked_for_twice_then_failed_and_never_unparsed"),
        ),
        Fault(
            "A refused key, inside a 200 or as a status",
            "Not repeated. In the check it ends the command with exit 2, and nothing is written.",
            seen(COMMAND, "test_a_refused_key_is_neither_retried_nor_shown"),
        ),
        Fault(
            "A parameter that the provider does not take",
            "The message ends with the cure, `parameters: {temperature: null}`.",
            seen(SCORES, "test_a_parameter_that_the_provider_does_not_take_can_be_left_out"),
        ),
        Fault(
            "Half an emoji in an answer; numbers of tokens that cannot be",
            "The answer is kept and scored; a number that cannot be is estimated, and that is told.",
            seen(
                SCORES,
                "test_half_an_emoji_does_not_lose_an_answer",
                "test_a_meter_that_cannot_be_right_loses_no_answer_and_is_told",
            ),
        ),
        Fault(
            "Answers that the token limit has cut, as reasoning used it up",
            "Counted, warned of, and refused in the check.",
            seen(SCORES, "test_answers_that_reasoning_used_up_are_counted_as_cut_and_warned_of"),
        ),
        Fault(
            "A reply without end",
            "Cut off at 8,000,000 bytes; the call has failed.",
            seen(SCORES, "test_a_reply_without_end_is_cut_off_and_told"),
        ),
    ),
)

BUSY = Kind(
    "Servers that are slow, busy or away",
    "",
    (
        Fault(
            "Status 429 to a third of the calls, with `Retry-After`",
            "Waited for as long as the server asks; the result is that of an undisturbed run.",
            seen(RESUME, "test_a_busy_endpoint_delays_a_run_and_changes_nothing"),
        ),
        Fault(
            "Status 429, 503 or 529 to all calls but a few at once; time-outs",
            "Fewer calls go out at once, half as many each time, and more again while they are answered as quickly as "
            "before; none before the time that `Retry-After` names.",
            seen(
                LIMITS,
                "test_a_server_is_asked_as_many_calls_at_once_as_it_takes",
                "tests/gpo/models/test_limiter.py",
                "test_the_limit_is_halved_once_for_calls_that_were_out_and_grows_while_they_are_quick",
                "test_nobody_is_let_in_before_the_server_said_and_then_the_first_goes_first",
            ),
        ),
        Fault(
            "Drops of an answer for minutes, or blanks in place of one",
            "`timeout_s` is the time of the whole call: it ends then, and counts as any time-out.",
            seen(LIMITS, "test_a_call_ends_at_its_time_out_whatever_still_comes"),
        ),
        Fault(
            "An unknown host, a server that hangs up, a certificate that is not trusted",
            "The message names the cause; a certificate is not tried again.",
            seen(
                LIMITS,
                "test_a_host_that_does_not_exist_and_a_server_that_hangs_up_are_named",
                "test_a_certificate_that_is_not_trusted_is_named_and_not_tried_again",
            ),
        ),
        Fault(
            "An endpoint that fails for a while, then is closed",
            "Tried again; then the run ends, and the same command pays for the rest alone.",
            seen(RESUME, "test_a_failing_endpoint_is_tried_again_a_closed_one_ends_the_run_and_the_rest_is_paid_later"),
        ),
        Fault(
            "The embedded model server is killed, or its starter is",
            "It comes back at the same address; one that nobody uses any more leaves.",
            seen(
                EMBEDDED,
                "test_a_killed_server_comes_back_at_the_same_address",
                "test_a_server_whose_starter_died_during_the_start_leaves_too",
            ),
        ),
        Fault(
            "PostgreSQL freezes or goes away",
            "Given up within its limits with a clear error; readers keep the last good prompt.",
            seen(
                SERVICES,
                "test_a_frozen_server_and_one_that_is_away_fail_alike_and_are_back_at_once",
                "test_the_writer_of_a_lost_server_says_so_and_goes_on_when_it_is_back",
            ),
        ),
        Fault(
            "The Chroma server is lost",
            "The run says so; once it is back the index is filled from the database.",
            seen(INDEX, "test_a_server_serves_several_and_its_loss_is_told"),
        ),
    ),
)

PROGRAMS = Kind(
    "Programs that are improved",
    "With `target: {isolate: true}` a program runs in processes of its own.",
    (
        Fault(
            "A program that raises, leaves or crashes",
            "One failed call, with the reason and the steps before; another process goes on.",
            seen(WORKERS, "test_a_process_that_crashes_is_one_failed_call_and_another_goes_on"),
        ),
        Fault(
            "One that hangs",
            "Its process is ended after `target.timeout_s`; the call has failed.",
            seen(WORKERS, "test_one_that_hangs_is_ended_after_its_time"),
        ),
        Fault(
            "The run is killed or interrupted while programs run",
            "Their processes end as well: none is left behind.",
            seen(WORKERS, "test_nothing_is_left_behind_when_the_run_is_killed"),
        ),
        Fault(
            "One that takes ever more memory",
            "Its process is replaced, and that is told; no answer is lost.",
            seen(WORKERS, "test_one_that_takes_ever_more_memory_is_replaced_and_told"),
        ),
        Fault(
            "One that cannot be loaded",
            "Named, with the reason; it is not loaded into the run's own process.",
            seen(WORKERS, "test_a_program_that_cannot_be_loaded_is_told_and_is_not_loaded_here"),
        ),
    ),
)

TOGETHER = Kind(
    "Several processes",
    "Answers, claims and the slots of a limit are rows of the database, which all processes share; with `execution`, "
    "the examples of one run are scored by several.",
    (
        Fault(
            "Several processes call the same model",
            "Together they keep to its `max_concurrency`; who comes gets an even part, and slots of the dead are free.",
            seen(
                SLOTS,
                "test_no_more_than_there_are_is_ever_held",
                "test_who_is_alone_may_have_all_and_who_comes_gets_an_even_part",
                "test_slots_of_a_dead_process_are_free_and_those_of_another_machine_when_their_time_is_over",
            ),
        ),
        Fault(
            "A Dask worker is killed in the middle of a chunk",
            "Another scores it: the result is that of one process, and no more calls are repeated than were in flight.",
            seen(DASK, "test_workers_come_to_the_result_of_one_process_though_one_of_them_dies"),
        ),
        Fault(
            "Ctrl-C while workers score",
            "None is left behind; the same command goes on, also in one process.",
            seen(DASK, "test_an_interrupted_run_leaves_no_worker_behind_and_goes_on_without_them"),
        ),
        Fault(
            "Calls that fail in another process",
            "They count as in one: past `max_failure_rate` the run stops.",
            seen(CHUNKS, "test_calls_that_fail_there_count_as_here"),
        ),
        Fault(
            "A missing extra, objects of this process, an SQLite file and a cluster of machines",
            "Refused before anything is paid for.",
            seen(
                EXECUTION,
                "test_a_runner_without_its_package_is_refused",
                "test_what_is_an_object_of_this_process_is_refused",
                "test_machines_of_a_cluster_cannot_share_an_sqlite_file",
            ),
        ),
    ),
)

ENDS = Kind(
    "Ends of a command",
    "A run is known by what it is made of. Killed at any moment, the same command goes on, and pays at most for the "
    "calls again that were in flight.",
    (
        Fault(
            "`kill -9` again and again",
            "The result of an undisturbed run; no more calls are repeated than were in flight.",
            seen(
                RESUME,
                "test_a_run_that_is_killed_again_and_again_ends_as_if_nothing_had_been",
                "test_a_run_that_is_killed_while_it_tries_proposals_on_their_cases_pays_nothing_twice",
                LEDGER,
                "test_an_answer_survives_the_killing_of_its_process",
            ),
        ),
        Fault(
            "Ctrl-C, SIGTERM or `kill -9` while Prefect starts",
            "Exit 130, 143 or 137; ten seconds later no server of the state folder runs.",
            seen(SIGNALS, "test_while_prefect_starts_nothing_is_left"),
        ),
        Fault(
            "Ctrl-C or SIGTERM with calls in flight",
            "They get five seconds and are kept: none is paid for twice. One line, exit 130 or 143.",
            seen(
                SIGNALS, "test_calls_in_flight_are_waited_for_and_kept", "test_answers_of_an_interrupted_check_are_kept"
            ),
        ),
        Fault(
            "Ctrl-C in the middle of a search",
            "Exit 130 and one line; the Prefect server goes last.",
            seen(SIGNALS, "test_in_the_middle_of_a_search_the_server_goes_last"),
        ),
        Fault("A second Ctrl-C", "Ends it at once.", seen(SIGNALS, "test_a_second_key_ends_it_at_once")),
        Fault(
            "Two processes with the same work, one of them killed",
            "Each answer is paid for once; who waits for one that died pays itself.",
            seen(
                CLAIMS,
                "test_two_processes_at_the_same_work_pay_for_each_answer_once",
                "test_who_waits_for_a_process_that_is_killed_pays_itself",
                RESUME,
                "test_of_two_at_once_one_waits_and_both_end_alike",
            ),
        ),
    ),
)

PREFECT = Kind(
    "The Prefect server",
    "Paid work needs nothing of it.",
    (
        Fault(
            "It is killed in the middle of a run and comes back later",
            "The run goes on and pays meanwhile, and ends with exit 0; its end is told to the server that is back.",
            seen(
                "tests/flows/stack/test_server_away.py",
                "test_a_run_goes_on_while_its_server_is_away_and_tells_it_later",
            ),
        ),
        Fault(
            "It is still away when the run ends; or the run itself was killed",
            "The run's exit code is its own, within ten seconds of its end. How it ended is noted in the state folder, "
            "and the next command, or the next start of the folder's server, tells it.",
            seen(
                "tests/flows/stack/test_telling.py",
                "test_a_server_hears_of_each_end_once_it_can_be_asked",
                "tests/flows/stack/test_server_away.py",
                "test_a_server_that_comes_back_after_the_end_hears_of_it_from_the_next_command",
            ),
        ),
        Fault(
            "It is restarted in the middle of a run on a team's servers",
            "The run does not notice.",
            seen(
                "tests/services/test_services_runs.py", "test_a_run_whose_prefect_server_is_restarted_does_not_notice"
            ),
        ),
        Fault(
            "It cannot load",
            "Why stands in its log, which the message names.",
            seen(SHUT, "test_why_a_server_cannot_load_stands_in_its_log"),
        ),
        Fault(
            "Its database was written by a newer Prefect",
            "Named, with what to do; it stays as it is.",
            seen(
                "tests/flows/stack/test_prefect_server.py", "test_a_database_that_a_newer_prefect_has_written_is_named"
            ),
        ),
        Fault(
            "Servers that start at once; a stranger's process with the pid of one that died",
            "Each takes a port of its own; a stranger is neither used nor killed.",
            seen(
                SHUT,
                "test_servers_that_start_at_once_take_ports_of_their_own",
                "tests/flows/stack/test_ui.py",
                "test_a_stranger_with_the_same_pid_is_neither_used_nor_killed",
            ),
        ),
        Fault(
            "A part of the stack of `gpo up` has died",
            "The next `gpo up` starts that part again.",
            seen("tests/flows/stack/test_stack.py", "test_a_stack_is_raised_repaired_and_stopped"),
        ),
    ),
)

STATE = Kind(
    "Disk and state",
    "",
    (
        Fault(
            "A full disk in the middle of a run",
            "The run ends and names it; nothing is half written, and writing goes on once there is room.",
            seen(
                RESUME,
                "test_a_full_disk_is_named",
                DATABASE,
                "test_a_full_disk_says_so_and_leaves_nothing_half_written",
                LEDGER,
                "test_writing_goes_on_once_the_disk_has_room_again",
                "tests/gpo/test_files.py",
                "test_a_disk_that_is_full_leaves_the_old_file_and_no_draft",
            ),
        ),
        Fault(
            "A state folder or database that cannot be written",
            "Found before anything is paid: exit 2 with 0 calls.",
            seen(
                PAYING,
                "test_a_state_folder_that_cannot_be_written_costs_no_call",
                "test_a_part_of_the_state_folder_that_cannot_be_written_costs_no_call",
                "test_a_link_to_nowhere_costs_no_call",
                "test_a_state_folder_that_may_not_be_entered_is_told",
                "test_what_others_keep_in_the_state_folder_is_no_matter",
                "test_a_database_that_takes_no_answer_costs_no_call",
            ),
        ),
        Fault(
            "A database that is locked, damaged or of a newer version",
            "Named, with what to do; it stays as it is.",
            seen(
                DATABASE,
                "test_a_locked_database_says_so",
                "test_a_damaged_file_says_so",
                "test_a_database_of_a_newer_version_is_refused_and_stays_as_it_is",
            ),
        ),
        Fault(
            "A damaged index of scored prompts",
            "The message says what to do; it is filled again from the database.",
            seen(INDEX, "test_a_damaged_folder_says_what_to_do_and_that_works"),
        ),
        Fault(
            "The database of prompts goes away while an application runs",
            "The last good prompt stays.",
            seen(
                LOADER,
                "test_the_last_good_prompt_stays_when_the_database_is_gone",
                ENDPOINT,
                "test_the_last_good_answer_is_served_while_the_database_is_away",
            ),
        ),
        Fault(
            "A model that the ledger alone would answer for has gone",
            "`gpo doctor` and runs that nobody watches call each model once.",
            seen(PAYING, "test_the_live_check_notices_what_the_ledger_would_hide"),
        ),
        Fault(
            "A cap on tokens or cost, and a model that reports no usage",
            "Refused in the check.",
            seen(PAYING, "test_a_cap_that_nobody_meters_is_refused"),
        ),
        Fault(
            "A metric that takes for ever, or fails on an answer",
            "That answer has failed with the metric's words; the run goes on.",
            seen(SEARCH, "test_a_metric_that_fails_on_an_answer_is_named_and_the_run_goes_on"),
        ),
    ),
)

FILES = Kind(
    "Files and rights",
    "",
    (
        Fault(
            "Other users of the machine",
            "State folders are 0700, keys and records 0600.",
            seen(SHUT, "test_its_files_are_its_owners", DATABASE, "test_a_new_folder_is_its_owners"),
        ),
        Fault(
            "The folder of embedded models was planted by somebody else",
            "Refused; so is a link.",
            seen(EMBEDDED, "test_a_runtime_folder_that_somebody_else_planted_is_refused"),
        ),
        Fault(
            "A stranger calls the embedded model server",
            "Not answered without the key that its users hold.",
            seen(EMBEDDED, "test_who_has_no_key_is_not_answered"),
        ),
        Fault(
            "Cells that a spreadsheet takes for formulas",
            "`--for-spreadsheets` and files of results have none.",
            seen(
                "tests/flows/cli/test_datasets.py",
                "test_an_export_for_spreadsheets_has_no_formulas",
                "tests/gpo/runs/results/test_files.py",
                "test_no_cell_begins_like_a_formula_unless_it_is_a_number",
            ),
        ),
        Fault(
            "A pipe, device, socket, folder, or a link to nowhere or itself as the dataset, a split of it, or the spec",
            "Refused at once with exit 2; a split that cannot be read is never taken for one that is not there.",
            seen(
                "tests/gpo/data/test_sources.py",
                "test_what_is_no_file_is_no_file_of_rows_nor_a_split",
                YAML,
                "test_what_is_no_file_is_no_spec",
                "test_a_dataset_that_is_a_link_to_itself_is_a_dataset_that_cannot_be_read",
            ),
        ),
        Fault(
            "Keys in messages of servers, of any shape and at any place",
            "Masked before the text is cut: in messages, logs, databases, results and reports.",
            seen(
                LIMITS,
                "test_a_key_that_a_server_repeats_is_masked_whatever_it_looks_like",
                "test_a_key_at_the_end_of_a_long_message_is_not_cut_before_it_is_masked",
                "tests/runs_whole/test_secrets.py",
                "test_a_key_in_a_refusal_is_neither_shown_nor_kept",
            ),
        ),
    ),
)

SPECS = Kind(
    "Specs",
    "Exit 2, one message, soon, and no long value in it.",
    (
        Fault(
            "Dates, depth, endless and odd numbers, aliases, a key twice, huge splits, files without end",
            "Refused with the line.",
            seen(
                YAML,
                "test_it_is_refused_with_its_place",
                "test_a_long_value_is_not_repeated",
                "test_a_file_that_is_too_long_for_a_spec_is_not_read",
            ),
        ),
        Fault(
            "A `base_url` that is no http or https address, or leads nowhere",
            "Refused when the spec is read.",
            seen(
                "tests/gpo/spec/test_models.py",
                "test_an_address_of_another_kind_is_refused",
                "test_an_address_that_leads_nowhere_is_refused",
            ),
        ),
        Fault(
            "Escape sequences in keys and texts",
            "Shown as escapes.",
            seen(
                COMMAND,
                "test_escapes_in_a_spec_do_not_reach_the_terminal",
                "tests/gpo/test_formatting.py",
                "test_no_control_or_format_character_gets_through",
            ),
        ),
        Fault(
            "A query that writes",
            "SQLite and PostgreSQL are opened to be read only; the tables stay as they are.",
            seen(
                "tests/gpo/data/test_sources.py",
                "test_a_query_that_writes_is_refused",
                "tests/services/test_services_data.py",
                "test_a_query_that_writes_is_refused",
            ),
        ),
    ),
)

NETWORK = Kind(
    "Other programs and pages",
    "What `python -m benchmarks.strangers` tried on a stack that runs is in [benchmarks.md](benchmarks.md).",
    (
        Fault(
            "A page of another site asks the local Prefect server",
            "Neither its questions nor its preflight are allowed; the server's own page is.",
            seen(SHUT, "test_a_page_from_elsewhere_may_not_even_ask_whether_it_may", "test_its_own_page_may"),
        ),
        Fault(
            "Another user of the machine calls it",
            "Nothing is read or started without the key.",
            seen(SHUT, "test_another_user_of_the_machine_reads_and_starts_nothing"),
        ),
        Fault(
            "Another user asks the Chroma server or the prompt endpoint of a stack",
            "Nothing is read or written without their keys.",
            seen(
                "tests/gpo/search/test_chroma_server.py",
                "test_a_stranger_learns_that_it_is_there_and_nothing_else",
                ENDPOINT,
                "test_with_a_key_prompts_are_for_who_knows_it",
            ),
        ),
        Fault(
            "A foreign host name that points to this machine",
            "Refused; its words are not repeated.",
            seen(
                SHUT,
                "test_a_foreign_name_that_points_to_this_machine_is_not_answered",
                GUARD,
                "test_others_are_refused_and_their_words_not_repeated",
                ENDPOINT,
                "test_a_machine_answers_under_its_own_names_alone",
                "test_an_address_that_does_not_exist_is_no_redirect_to_somewhere_else",
            ),
        ),
        Fault(
            "Half-open connections to the prompt endpoint",
            "Who says nothing is not waited for, and there is a limit.",
            seen(ENDPOINT, "test_who_says_nothing_is_not_waited_for", "test_there_is_a_limit_to_connections"),
        ),
        Fault(
            "The compose file of a team",
            "Images are pinned, no secret is written down, nothing is published beyond the loopback interface.",
            seen(
                "tests/flows/test_deployments.py",
                "test_images_are_pinned",
                "test_no_secret_is_written_down",
                "test_nothing_is_published_beyond_the_loopback_interface",
            ),
        ),
    ),
)

TEXTS = Kind(
    "Texts that hide, steal or steer",
    "",
    (
        Fault(
            "Invisible and bidirectional characters in a proposal",
            "Rejected; shown as escapes wherever they are. The joiners of scripts and emoji stay.",
            seen(
                "tests/gpo/test_formatting.py",
                "test_what_nobody_sees_is_shown_and_breaks_the_contract_of_a_proposal",
                "test_joiners_of_persian_hindi_and_emoji_stay",
            ),
        ),
        Fault(
            "A dev or test example in disguise: fillers, look-alike letters, full width, joined or without spaces",
            "Seen as a leak, in any script.",
            seen(
                LEAKS,
                "test_an_example_in_disguise_is_seen",
                "test_an_example_in_any_script_is_seen",
                "test_a_part_of_a_long_example_with_fillers_is_seen",
            ),
        ),
        Fault(
            "A right answer or a solution, word by word in a proposal",
            "From four words on a leak.",
            seen("tests/gpo/search/test_edit.py", "test_right_answers_and_solutions_of_four_words_or_more_are_guarded"),
        ),
        Fault(
            "An address in a text to approve",
            "Stays text.",
            seen("tests/gpo/report/test_markdown.py", "test_no_address_becomes_a_link"),
        ),
        Fault(
            "An answer that asks the judge for a grade",
            "The grade of the last line counts, one alone; else the judge is asked again.",
            seen(
                SEARCH,
                "test_the_read_text_steers_neither_judge_nor_optimizer",
                "tests/gpo/evaluation/test_judge.py",
                "test_an_answer_cannot_end_its_own_part",
            ),
        ),
        Fault(
            "Rows and earlier prompts that bring marks or orders of their own",
            "Marked off as data by marks that are drawn for the request, which no text in it holds; the last text "
            "between the request's own marks is read.",
            seen(
                "tests/gpo/search/requests/test_meta_prompt.py",
                "test_no_text_that_is_shown_can_end_its_fence",
                "tests/gpo/search/test_refine.py",
                "test_marks_of_the_request_go_before_all_others",
            ),
        ),
    ),
)

MATRIX = (REPLIES, BUSY, PROGRAMS, TOGETHER, ENDS, PREFECT, STATE, FILES, SPECS, NETWORK, TEXTS)

HEAD = """# What may go wrong

Each row names a fault, what happens then, and the tests that show it. The page is made from
`tests/support/fault_matrix.py` by `python -m tests.support.fault_matrix`; a test compares the two. What interruptions
on a real terminal at many moments came to is in [benchmarks.md](benchmarks.md).
"""


def page() -> str:
    """The page as it has to be."""
    return "\n".join([HEAD, *map(_section, MATRIX)])


def _section(kind: Kind) -> str:
    rows = [
        f"| {each.fault} | {each.outcome} | {'<br>'.join(_link(*test) for test in each.seen)} |" for each in kind.faults
    ]
    said = [kind.said, ""] if kind.said else []
    return "\n".join([f"## {kind.title}", "", *said, "| fault | what happens | seen by |", "|---|---|---|", *rows, ""])


def _link(file: str, name: str) -> str:
    return f"[{name.removeprefix('test_').replace('_', ' ')}](../{file})"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
