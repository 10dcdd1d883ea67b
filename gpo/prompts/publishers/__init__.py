"""Publishes versions to other prompt registries: MLflow, Langfuse, LangSmith, and plug-ins.

A publisher is one class with one method: a file of this folder, and its row in `PUBLISHERS`. A package brings its own
under the entry point group `gpo.publishers`:

    [project.entry-points."gpo.publishers"]
    ours = "our_package:OurPublisher"

Whoever publishes a version again finds it there: it is sent once, and its aliases are moved to it.
"""

from collections.abc import Mapping

GROUP = "gpo.publishers"
PUBLISHERS: Mapping[str, str] = {
    "mlflow": "gpo.prompts.publishers.mlflow:MlflowPublisher",
    "langfuse": "gpo.prompts.publishers.langfuse:LangfusePublisher",
    "langsmith": "gpo.prompts.publishers.langsmith:LangsmithPublisher",
}
"""Where each publisher of this folder is, by the name that a person gives. An extra of that name brings its package."""


def publisher_names() -> str:
    """The names that `open_publisher` knows, as a text for people.

    >>> publisher_names()
    '`mlflow`, `langfuse`, `langsmith`, or an installed plug-in'
    """
    return ", ".join([*(f"`{name}`" for name in PUBLISHERS), "or an installed plug-in"])
