"""The registered metrics, their parameters, and the score of an answer with several references."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from gpo.errors import MetricError, SpecError
from gpo.records import Example
from gpo.scoring.functions.calling import check_metric, score
from gpo.scoring.metric_registry import METRICS, metric, options_of
from gpo.scoring.spec import MetricSpec

PURE = (
    "exact_match",
    "numeric_match",
    "contains",
    "token_f1",
    "rouge_l",
    "json_fields",
    "list_match",
    "jaccard",
    "regex",
)


def value(metric: object, answer: str, *references: str) -> float:
    return score(MetricSpec.model_validate(metric), answer, references)


def problems(metric: object) -> dict[str, str]:
    with pytest.raises(ValidationError) as caught:
        MetricSpec.model_validate(metric)
    return {".".join(map(str, item["loc"])): item["msg"] for item in caught.value.errors()}


def test_the_names_that_specs_may_use() -> None:
    assert set(METRICS) == {*PURE, "macro_f1", "micro_f1", "balanced_accuracy", "python", "judge"}
    assert [name for name, each in METRICS.items() if each.of_set] == ["macro_f1", "micro_f1", "balanced_accuracy"]
    assert [name for name, each in METRICS.items() if each.needs_model] == ["judge"]


def test_a_name_is_registered_once() -> None:
    with pytest.raises(ValueError, match="'contains' is registered twice"):
        metric("contains")(METRICS["contains"].function)


@pytest.mark.parametrize(
    ("name", "answer", "reference", "expected"),
    [
        ("exact_match", "Paris", "paris", 1),
        ("exact_match", ' "Paris." ', "Paris", 1),
        ("exact_match", "(B)", "b", 0),
        ("exact_match", "\u201cnew \n york\u201d", "New York", 1),
        ("exact_match", "STRASSE", "Stra\u00dfe", 1),
        ("exact_match", "Paris, France", "Paris", 0),
        ("exact_match", "well-known", "well known", 0),
        ("exact_match", "?", "!", 0),
        ("exact_match", "", "Paris", 0),
        ("numeric_match", "1,000", "1000", 1),
        ("numeric_match", "1 000 000", "1e6", 1),
        ("numeric_match", "-0.5", "-.5", 1),
        ("numeric_match", "0", "-0.0", 1),
        ("numeric_match", "0.3333333333", "0.33333333", 1),
        ("numeric_match", "1000.01", "1000", 0),
        ("numeric_match", "1,00", "100", 0),
        ("numeric_match", "ten", "10", 0),
        ("numeric_match", "nan", "nan", 0),
        ("numeric_match", "1e999", "2e999", 0),
        ("contains", "It is New York, I think.", "new york", 1),
        ("contains", "York is new", "new york", 0),
        ("contains", "unclear", "clear", 0),
        ("contains", "What?!", "?!", 0),
        ("contains", "", "a", 0),
        ("contains", "It is -5", "5", 0),
        ("contains", "It costs 1,500 dollars", "500", 0),
        ("contains", "room 13.5", "13", 0),
        ("contains", "It costs 1,500 dollars", "1,500", 1),
        ("contains", "\u092f\u0939 \u0926\u093e\u0928 \u0939\u0948", "\u0926\u093f\u0928", 0),
        ("contains", "\u9996\u90fd\u662f\u5317\u4eac\u3002", "\u5317\u4eac", 1),
        ("contains", "Germany's capital", "Germany", 1),
        ("token_f1", "\u0926\u093e\u0928", "\u0926\u093f\u0928", 0),
        ("token_f1", "\uff11\uff12 cats", "12 cats", 1),
        ("token_f1", "-5", "5", 0),
        ("token_f1", "C", "C++", 0),
        ("rouge_l", "\u5317\u4eac\u5e02", "\u5317\u4eac", 0.8),
        ("token_f1", "the cat sat", "a cat sat", 1),
        ("token_f1", "cat cat", "cat", 2 / 3),
        ("token_f1", "dog", "cat", 0),
        ("token_f1", "the", "the", 1),
        ("token_f1", "", "cat", 0),
        ("rouge_l", "\u304d\u3064\u306d cat", "\u304d\u3064\u306d cat dog", 8 / 9),
        ("rouge_l", "?!", "?!", 1),
        ("rouge_l", "", "cat", 0),
        ("json_fields", '{"a": 1, "b": 2}', '{"a": 1, "b": 3}', 0.5),
        ("json_fields", 'Here: {"a": 1.0, "more": 2}', '{"a": 1}', 1),
        ("json_fields", '{"a": true}', '{"a": 1}', 0),
        ("json_fields", '{"a": {"y": [1], "x": null}}', '{"a": {"x": null, "y": [1]}}', 1),
        ("json_fields", "[1, 2, 3]", "[1, 3]", 0.5),
        ("json_fields", "{}", "{}", 1),
        ("json_fields", "none", '{"a": 1}', 0),
        ("list_match", "apple banana", "apple, banana", 1),
        ("list_match", "b c d a", "a b c d", 0.75),
        ("list_match", "a b c d e", "a b c d", 0.8),
        ("list_match", "", "a", 0),
        ("regex", "Total: 42", r"\b42$", 1),
        ("regex", "Total: 421", r"\b42$", 0),
    ],
)
def test_scores(name: str, answer: str, reference: str, expected: float) -> None:
    assert value(name, answer, reference) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("answer", "reference", "f_measure"),
    [
        ("police killed the gunman", "police kill the gunman", 0.75),
        ("the gunman kill police", "police kill the gunman", 0.5),
        ("The cat sat on the mat.", "the cat is on the mat", 0.8333),
        (
            "Berlin is the capital of Germany; 3.7 million people live there.",
            "About 3.7 million people live in Berlin, Germany's capital.",
            0.4348,
        ),
        ("a b c d e f g", "g f e d c b a", 0.1429),
        ("one", "one two three four", 0.4),
        ("well-known facts, don't they say?", "well known facts don't say", 0.9231),
        ("nothing alike here", "completely different words", 0),
        ("x_y z", "x y z", 1),
    ],
)
def test_rouge_l_gives_the_numbers_of_rouge_score(answer: str, reference: str, f_measure: float) -> None:
    # Numbers of rouge-score 0.1.2, RougeScorer(["rougeL"]), to four digits.
    assert value("rouge_l", answer, reference) == pytest.approx(f_measure, abs=5e-5)


@pytest.mark.parametrize(
    ("metric", "answer", "reference", "expected"),
    [
        ({"name": "numeric_match", "tolerance": 0.05}, "105", "100", 1),
        ({"name": "numeric_match", "tolerance": 0.05}, "95.01", "100", 1),
        ({"name": "numeric_match", "tolerance": 0.05}, "106", "100", 0),
        ({"name": "numeric_match", "tolerance": 0.05}, "0.01", "0", 0),
        ({"name": "numeric_match", "absolute": 1}, "-0.9", "0", 1),
        ({"name": "json_fields", "fields": ["b.c"]}, '{"b": {"c": 1}, "d": 0}', '{"b": {"c": 1}, "d": 2}', 1),
        ({"name": "json_fields", "fields": ["a", "b.1"]}, '{"a": 1, "b": [0]}', '{"a": 1, "b": [0, 5]}', 0.5),
        ({"name": "json_fields", "fields": ["gone"]}, '{"a": 1}', '{"a": 2}', 1),
        ({"name": "list_match", "ordered": False}, "c a b b", "a b c", 0.75),
        ({"name": "regex", "pattern": r"^{reference}\s?(EUR|euros?)$"}, "4.2 euro", "4.2", 1),
        ({"name": "regex", "pattern": r"^{reference}\s?(EUR|euros?)$"}, "402 euro", "4.2", 0),
        ({"name": "regex", "pattern": "^dear", "ignore_case": True}, "Dear Sir", "any", 1),
    ],
)
def test_parameters(metric: object, answer: str, reference: str, expected: float) -> None:
    assert value(metric, answer, reference) == expected


@pytest.mark.parametrize(
    ("metric", "field", "message"),
    [
        (
            {"name": "numeric_match", "tolerence": 0.1},
            "tolerence",
            "no parameter of metric `numeric_match`; did you mean 'tolerance'?",
        ),
        ({"name": "numeric_match", "tolerance": "0.1"}, "tolerance", "Input should be a valid number"),
        ({"name": "numeric_match", "tolerance": True}, "tolerance", "Input should be a valid number"),
        ({"name": "numeric_match", "tolerance": -1}, "tolerance", "Input should be greater than or equal to 0"),
        ({"name": "exact_match", "strict": True}, "strict", "no parameter of metric `exact_match`; it takes none"),
        ({"name": "json_fields", "fields": "a"}, "fields", "'str' instances are not allowed as a Sequence value"),
        ({"name": "json_fields", "fields": ["a", 1]}, "fields.1", "Input should be a valid string"),
        ({"name": "regex", "pattern": "(a"}, "pattern", "no regular expression: missing ), unterminated subpattern"),
        ({"name": "judge"}, "rubric", "metric `judge` needs it"),
        ({"name": "python", "function": "scoring.polite"}, "function", "must be `module:function`, as in"),
        ({"name": "python"}, "function", "metric `python` needs it"),
    ],
)
def test_wrong_parameters_are_told_by_name(metric: object, field: str, message: str) -> None:
    found = problems(metric)
    assert list(found) == [field]
    assert found[field].startswith(message)


def test_the_schema_lists_the_metrics_and_their_parameters() -> None:
    listed = {each.get("title"): each for each in MetricSpec.model_json_schema()["anyOf"]}
    assert listed.keys() >= METRICS.keys()
    assert set(listed["numeric_match"]["properties"]) == {"name", "tolerance", "absolute"}
    assert listed["judge"]["required"] == ["name", "rubric"]


def test_a_metric_with_options_is_one_function() -> None:
    def starts_with(answer: str, reference: str, *, letters: int = 1) -> float:
        return float(answer[:letters] == reference[:letters])

    options = options_of(starts_with)
    assert options.model_validate({}).model_dump() == {"letters": 1}
    with pytest.raises(ValidationError, match="letters"):
        options.model_validate({"letters": "two"})


def test_a_function_without_two_arguments_is_refused() -> None:
    with pytest.raises(TypeError, match=r"must take \(answer, reference\), and parameters by keyword only"):
        options_of(len)


def test_the_best_reference_counts() -> None:
    assert value("exact_match", "grey", "gray", "grey") == 1
    assert value("rouge_l", "a b c", "x", "a b", "a b c d") == pytest.approx(6 / 7)


def test_other_parameters_are_another_identity() -> None:
    specs: list[Any] = [
        "numeric_match",
        {"name": "numeric_match", "tolerance": 0.1},
        {"name": "numeric_match", "absolute": 0.1},
    ]
    assert len({MetricSpec.model_validate(spec).identity for spec in specs}) == 3


def test_a_metric_that_cannot_score_the_references_is_found_before_the_run() -> None:
    examples = [Example(id="r1", inputs={}, reference="[1]"), Example(id="r2", inputs={}, reference="one")]
    with pytest.raises(SpecError, match=r"`json_fields` needs references in JSON, received 'one'; .* example r2"):
        check_metric(MetricSpec(name="json_fields"), examples)
    check_metric(MetricSpec(name="judge", parameters={"rubric": "?"}), examples)


def test_a_failure_on_one_answer_is_an_error_and_no_score() -> None:
    with pytest.raises(MetricError, match=r"metric `regex` raised \w*[eE]rror: .* for answer 'a' and reference '\('"):
        value("regex", "a", "(")
    with pytest.raises(MetricError, match="scored by the judge model"):
        value({"name": "judge", "rubric": "?"}, "a", "b")


@given(st.sampled_from([name for name in PURE if name not in {"json_fields", "regex"}]), st.text(), st.text())
def test_a_score_is_between_0_and_1(name: str, answer: str, reference: str) -> None:
    assert 0 <= value(name, answer, reference) <= 1


@given(st.sampled_from(["exact_match", "contains", "token_f1", "rouge_l", "list_match"]), st.text())
def test_the_reference_itself_is_right(name: str, reference: str) -> None:
    assert value(name, reference, reference) == 1


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_matches_itself_however_it_is_written(number: float) -> None:
    assert value("numeric_match", f"{number:,}", repr(number)) == 1


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=4)
    ),
    max_leaves=10,
)


@given(st.lists(JSON_VALUES, max_size=4) | st.dictionaries(st.text(st.characters(codec="utf-8")), JSON_VALUES))
def test_json_equals_itself_however_it_is_laid_out(content: Any) -> None:
    indented = json.dumps(content, indent=1)
    assert value("json_fields", indented, json.dumps(content)) == 1
