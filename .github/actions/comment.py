"""Writes the summary of a check into one comment of a pull request: the one that it finds by its mark, else a new one.

It needs nothing but Python. A token that may not comment, as that of a fork's pull request, or a server that does not
answer is a warning and no failure: the verdict stands in the summary of the job as well.
"""

import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

LONGEST = 65_000
"""GitHub takes 65,536 characters."""

PAGES = 30
FORBIDDEN = (401, 403, 404)


def call(method: str, path: str, content: dict[str, str] | None = None) -> Any:
    """What GitHub's API answers."""
    headers = {
        "Accept": "application/vnd.github+json",
        "Authorization": f"Bearer {os.environ['TOKEN']}",
        "Content-Type": "application/json",
        "X-GitHub-Api-Version": "2022-11-28",
    }
    body = None if content is None else json.dumps(content).encode()
    url = f"{os.environ['API']}/repos/{os.environ['REPOSITORY']}/{path}"
    with urlopen(Request(url, body, headers, method=method), timeout=30) as reply:  # noqa: S310 - of the runner
        return json.load(reply)


def comments(number: str) -> Iterator[dict[str, Any]]:
    """The comments of a pull request, the oldest first."""
    for page in range(1, PAGES + 1):
        found = call("GET", f"issues/{number}/comments?per_page=100&page={page}")
        yield from found
        if len(found) < 100:
            return


def write(number: str, text: str) -> str:
    """Update the comment that begins with the same line, or write one; its address."""
    mark = text.partition("\n")[0]
    for each in comments(number):
        if (each.get("body") or "").partition("\n")[0].rstrip("\r") != mark:
            continue
        try:
            return str(call("PATCH", f"issues/comments/{each['id']}", {"body": text})["html_url"])
        except HTTPError as error:
            # Somebody else's comment with our mark.
            if error.code not in FORBIDDEN:
                raise
    return str(call("POST", f"issues/{number}/comments", {"body": text})["html_url"])


def cut(text: str) -> str:
    """The text as far as GitHub takes it, by whole lines; what is open there is closed, so that the note stays seen."""
    if len(text) <= LONGEST:
        return text
    kept = text[:LONGEST].rpartition("\n")[0]
    fence, folded = "", 0
    for line in kept.split("\n"):
        found = re.match(r" {0,3}(`{3,}|~{3,})(.*)", line)
        if fence:
            is_end = found and found[1].startswith(fence) and not found[2].strip()
            fence = "" if is_end else fence
        elif found:
            fence = found[1]
        else:
            folded += line.count("<details") - line.count("</details>")
    ends = [fence] * bool(fence) + ["\n</details>"] * max(0, folded)
    return "\n".join([kept, *ends, "", "(cut: the summary of the job has the rest)", ""])


def main() -> None:
    """Comment, or say why not."""
    text = Path(os.environ["SUMMARY"]).read_text(encoding="utf-8")
    try:
        said = f"The verdict is in {write(os.environ['NUMBER'], cut(text))}"
    except OSError as error:  # those of `urllib` are
        why = f"HTTP {error.code}" if isinstance(error, HTTPError) else error
        said = f"::warning::The verdict could not be commented: {why}; see the summary of the job"
    sys.stdout.write(said + "\n")


if __name__ == "__main__":
    main()
