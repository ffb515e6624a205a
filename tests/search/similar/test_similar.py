"""Similarity, without a log: terms, stems, features, the fusion and its silence, rows of bytes, explanations."""

import importlib.util
import random
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orglab.search.similar.collection import Collection, find_near_word
from orglab.search.similar.explanation import explain, find_outcome_sentence
from orglab.search.similar.features import ExperimentText, extract_features, parse_question
from orglab.search.similar.fusion import SCORERS, Evidence, find_similar
from orglab.search.similar.lexicon import (
    Lexicon,
    load_lexicon,
    make_lexicon,
    parse_terms,
    read_lexicon,
)
from orglab.search.similar.stems import stem, stems, tokens
from orglab.search.similar.topics import main_ideas, make_topics

HERE = Path(__file__).resolve().parents[2]
SETS = sorted((HERE / "similar").glob("*.jsonl"))


def load_benchmark():
    spec = importlib.util.spec_from_file_location("eval_similar", HERE.parent / "benchmarks" / "eval_similar.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


EVALUATION = load_benchmark()
LEXICON = read_lexicon()


def alike(asked, *records, lexicon=LEXICON, **options):
    """The numbers of the records that are found for a question."""
    collection = Collection.of(extract_features(record, lexicon) for record in records)
    return [match.number for match in find_similar(extract_features(asked, lexicon), collection, **options)]


# ---- quality ----


def judged(path):
    experiments, queries = EVALUATION.read_set(path)
    measured = EVALUATION.judge(queries, EVALUATION.answer(experiments, queries))
    return measured, EVALUATION.judge(queries, EVALUATION.answer_plainly(experiments, queries))


def test_a_set_that_nothing_was_tuned_on_is_answered_well_enough():
    # Measured once: .75, silent when it should be for 9 of 10.  Whoever works on its misses has to write another set.
    measured, plain = judged(HERE / "similar" / "unseen.jsonl")
    assert measured["recall@3"] >= 0.68 > plain["recall@3"]
    assert measured["false_alarm"] <= 0.3
    assert measured["by_type"]["near"]["recall@1"] == 1.0


@pytest.mark.parametrize("path", SETS, ids=[path.stem for path in SETS])
def test_what_is_worded_alike_is_found_first_and_a_plain_ranking_is_worse(path):
    measured, plain = judged(path)
    assert measured["by_type"]["near"]["recall@1"] == 1.0
    assert measured["recall@1"] > plain["recall@1"]
    assert measured["false_alarm"] < plain["false_alarm"]


def test_the_same_question_has_the_same_answer_whatever_the_order_of_sets():
    experiments, queries = EVALUATION.read_set(HERE / "similar" / "own.jsonl")
    assert EVALUATION.answer(experiments, queries[:20]) == EVALUATION.answer(experiments, queries[:20])


SMOOTHING = ExperimentText(
    "Label smoothing 0.1 on the intent classifier", "Overconfident on 77 classes.", ("edit loss",), "No."
)
CLIPPING = ExperimentText("Clip gradients at norm 1", "The loss explodes about once a day.", ("add",), "No NaN since.")
FEATURES = ExperimentText(
    "Holiday features for demand", "Peaks at Easter are missed.", ("join calendar",), "WAPE 23 -> 19 %."
)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("label smoothing", [0]),
        ("soften the one-hot targets so that the model is less sure", [0]),
        ("bound the gradient so that training does not blow up", [1]),
        ("tell the model about public holidays", [2]),
        ("make coffee", []),
        ("classifier", []),
        ("xyzzy", []),
        ("", []),
        ("   ", []),
    ],
)
def test_an_idea_is_found_in_other_words(asked, found):
    assert alike(parse_question(asked), SMOOTHING, CLIPPING, FEATURES) == found


def test_an_experiment_that_shares_only_the_setting_is_not_shown():
    asked = ExperimentText("Graph features for the intent classifier", "Build a graph of intents, node2vec vectors.")
    assert alike(asked, SMOOTHING, CLIPPING, FEATURES) == []


def test_a_misspelled_word_is_found():
    assert alike(parse_question("holliday featurs for demand peaks at easter"), SMOOTHING, CLIPPING, FEATURES) == [2]
    assert find_near_word(Collection.of([{"smooth": 1.0}]), "smoooth") == "smooth"
    assert find_near_word(Collection.of([{"smooth": 1.0}]), "drought") is None


def test_the_newest_of_equals_comes_first_and_the_excluded_one_is_left_out():
    assert alike(SMOOTHING, SMOOTHING, CLIPPING, SMOOTHING) == [2, 0]
    assert alike(SMOOTHING, SMOOTHING, CLIPPING, SMOOTHING, exclude=2) == [0]
    assert alike(SMOOTHING, *[SMOOTHING] * 9) == [8, 7, 6]


def test_there_is_nothing_like_it_in_an_empty_collection():
    assert alike(SMOOTHING) == []


@pytest.mark.slow
def test_a_log_of_ten_thousand_has_the_same_answer():
    words = [f"word{number}" for number in range(500)]
    chance = random.Random(3)  # noqa: S311 - no secret is made of it
    others = [
        ExperimentText(" ".join(chance.choices(words, k=5)), " ".join(chance.choices(words, k=30))) for _ in range(2000)
    ]
    assert alike(parse_question("soften the one-hot targets"), *others, SMOOTHING) == [2000]


def test_another_scorer_can_be_added():
    def oracle(asked, collection):
        assert asked
        return Evidence({len(collection) - 1: 9.0})

    assert alike(parse_question("something else"), SMOOTHING, CLIPPING, scorers=[*SCORERS, oracle]) == [1]


# ---- terms ----


def test_our_own_terms_have_no_problem():
    text = (Path(sys.modules["orglab.search.similar.lexicon"].__file__).parent / "terms.txt").read_text("utf-8")
    groups, problems = parse_terms(text)
    assert problems == []
    assert len({group.name for group in groups if group.section == "ideas"}) > 500


def test_a_term_of_the_user_makes_two_texts_alike():
    record = ExperimentText("FLERP in the encoder", "Add it.")
    asked = parse_question("use frobnicated lateral excitation")
    assert alike(asked, record, CLIPPING) == []
    own = read_lexicon("flerp: FLERP, frobnicated + excitation\n")
    assert alike(asked, record, CLIPPING, lexicon=own) == [0]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("no colon", "Write a line as `name: term, term`"),
        (": nameless", "Write a line as `name: term, term`"),
        ("x" * 10_001 + ": y", "with at most 10000 characters"),
        ("idea: of the", "has only words that are ignored"),
        ("idea: an idea", "The other words of"),
        ("idea: b + c + f + g + h + k + m", "has more than 6 parts"),
        (
            "[nonsense]",
            "Unknown section [nonsense], ignored; the sections are [words], [measures], [settings], [topics], [ideas]",
        ),
    ],
)
def test_a_line_that_cannot_be_read_is_a_problem_and_the_others_count(line, message):
    groups, problems = parse_terms(f"# a comment\n\ngood: gizmo, gadget\n{line}\n")
    assert [group.name for group in groups][:1] == ["good"]
    assert [problem.line for problem in problems] == [4]
    assert message in problems[0].message


def test_lines_of_an_unknown_section_are_ignored():
    assert [group.name for group in parse_terms("[nonsense]\na1: b1\n[ideas]\nc1: d1\n")[0]] == ["c1"]


@given(st.text(), st.text())
def test_any_terms_and_any_text_have_an_answer(terms, text):
    groups, problems = parse_terms(terms)
    assert all(problem.line > 0 for problem in problems)
    lexicon = make_lexicon(groups)
    record = ExperimentText(text, text, (text, text), text)
    assert alike(parse_question(text), record, lexicon=lexicon) in ([], [0])


@given(st.text())
def test_any_text_has_stems_and_features(text):
    assert all(stems(text))
    found = extract_features(ExperimentText(text, text, (text,), text), LEXICON)
    assert all(0 <= weight <= 1 and round(weight, 2) == weight for weight in found.values())
    assert find_outcome_sentence(text) == " ".join(find_outcome_sentence(text).split())


def test_a_lexicon_survives_as_bytes():
    again = load_lexicon(bytes(LEXICON))
    assert all(getattr(again, name) == getattr(LEXICON, name) for name in Lexicon.__slots__)


# ---- stems ----


@pytest.mark.parametrize(
    "words",
    [
        "quantise quantised quantization quantisation quantizing quantizer",
        "annotate annotated annotation annotators",
        "distil distill distilled distillation",
        "regularise regularisation regularizer",
        "classify classifier classification",
        "average averaged averaging",
        "copy copies",
        "generate generated generator generative generation",
    ],
)
def test_words_of_one_family_have_one_stem(words):
    assert len(set(map(stem, words.split()))) == 1


@pytest.mark.parametrize(
    "words",
    ["transformer transform", "teacher teach", "adapter adapt", "loss lose", "bias bia", "conformer conformal"],
)
def test_words_of_two_families_do_not(words):
    assert len(set(map(stem, words.split()))) == 2


def test_numbers_accents_and_scripts_without_spaces():
    assert tokens("Lr=3e-4, 0.5 Poincaré ResNet-50 int8") == ["lr", "3e-4", "0.5", "poincare", "resnet", "50", "int8"]
    assert tokens("学习率") == ["学习", "习率"]


# ---- what came and went ----


def test_after_additions_and_removals_the_answers_are_those_of_a_new_collection():
    found = [extract_features(record, LEXICON) for record in (SMOOTHING, CLIPPING, FEATURES, SMOOTHING)]
    new = extract_features(ExperimentText("Gradient clipping by value", "The gradient explodes."), LEXICON)
    changed, made = Collection.of(found), Collection.of([])
    changed.remove([0, 2])
    changed.add([(4, new)])
    made.add([(4, new), (1, found[1]), (3, found[3])])
    assert changed.numbers() == {1, 3, 4}
    for text in ("soften the targets", "holliday featurs", "limit the norm of the gradient", "nothing"):
        asked = extract_features(parse_question(text), LEXICON)
        assert find_similar(asked, changed) == find_similar(asked, made)
    assert find_near_word(changed, "holliday") is None  # a word that is gone is none that was meant


def test_the_last_of_equals_in_the_log_comes_first():
    found = extract_features(SMOOTHING, LEXICON)
    collection = Collection.of([found, found, found])
    matches = find_similar(found, collection, place=lambda number: -number)
    assert [match.number for match in matches] == [0, 1, 2]


# ---- explanations ----


def why(asked, record):
    collection = Collection.of([extract_features(record, LEXICON)])
    [match] = find_similar(extract_features(asked, LEXICON), collection)
    return str(explain(match, asked))


def test_the_reason_is_the_idea_and_the_setting_else_words():
    asked = ExperimentText("Smooth the labels", "The intent classifier is overconfident; use label smoothing.")
    assert why(asked, SMOOTHING) == "in common: label smoothing; same setting: intent classification"
    odd = ExperimentText("Frobnicate the zorble gearbox", "Zorbles wear out.")
    assert why(odd, odd).startswith("words in common: ")
    assert "frobnicate" in why(odd, odd)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", ""),
        ("...", ""),
        ("WER 12.4 -> 10.9. Keep.", "WER 12.4 -> 10.9."),
        ("We thought about it. In the end accuracy fell by 3 % because the labels leak, so not worth it.",
         "In the end accuracy fell by 3 % because the labels leak, so not worth it."),
        ("- No difference\n- Another", "No difference"),
    ],
)  # fmt: skip
def test_the_most_telling_line_is_shown(text, line):
    assert find_outcome_sentence(text) == line


# ---- topics ----


def test_topics_are_tags_and_in_them_shared_ideas():
    records = [SMOOTHING, CLIPPING, SMOOTHING, FEATURES, CLIPPING]
    topics = make_topics(
        ["nlp", "nlp", "nlp", "", "nlp"], [main_ideas(extract_features(record, LEXICON)) for record in records]
    )
    assert [(topic.name, topic.numbers) for topic in topics] == [("nlp", [0, 1, 2, 4]), ("", [3])]
    assert [(group.name, group.numbers) for group in topics[0].groups] == [
        ("gradient clipping", [1, 4]),
        ("label smoothing", [0, 2]),
    ]
    assert [(group.name, group.numbers) for group in topics[1].groups] == [("", [3])]
