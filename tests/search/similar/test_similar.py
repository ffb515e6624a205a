"""Similarity, without a log: terms, stems, features, the fusion and its silence, rows of bytes, explanations."""

import importlib.util
import json
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
from orglab.search.similar.topics import choose_tags, drop_names, find_themes, make_topics

HERE = Path(__file__).resolve().parents[2]
SETS = sorted((HERE / "similar").glob("*.jsonl"))


def load_benchmark():
    spec = importlib.util.spec_from_file_location("eval_similar", HERE.parent / "benchmarks" / "eval_similar.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


EVALUATION = load_benchmark()
LEXICON = read_lexicon()


def closest(asked, *records, lexicon=LEXICON, **options):
    """What is found for a question among the records."""
    collection = Collection.of(extract_features(record, lexicon) for record in records)
    return find_similar(extract_features(asked, lexicon), collection, **options)


def alike(asked, *records, **options):
    """The numbers of the records that are shown for a question."""
    return [match.number for match in closest(asked, *records, **options)]


def sure(asked, *records, **options):
    """The numbers of the records that surely tried the idea of a question."""
    return [match.number for match in closest(asked, *records, **options) if match.is_sure]


# ---- quality ----


@pytest.mark.parametrize("path", SETS, ids=[path.stem for path in SETS])
def test_one_of_three_is_right_and_what_is_sure_too(path):
    # Nothing was tuned on other_fields.  Whoever works on its misses has to write another set.
    measured, plain = EVALUATION.evaluate(path)
    assert measured["hit@3"] >= 0.85
    assert measured["sure"]["precision"] >= 0.8
    assert measured["sure"]["false_alarms"] <= 0.1
    assert measured["by_type"]["near"]["recall@1"] == 1.0
    assert measured["recall@1"] > plain["recall@1"]


def test_the_untuned_set_is_answered_in_one_log_of_all_fields():
    logs = EVALUATION.read_set(HERE / "similar" / "other_fields.jsonl")
    experiments, queries = ([row for log in logs for row in log[part]] for part in (0, 1))
    measured = EVALUATION.judge(queries, EVALUATION.answer(experiments, queries))
    plain = EVALUATION.judge(queries, EVALUATION.answer_plainly(experiments, queries))
    assert measured["hit@3"] >= 0.85
    assert measured["sure"]["precision"] >= 0.8
    assert measured["sure"]["false_alarms"] <= 0.1
    assert measured["recall@3"] >= plain["recall@3"]


def test_the_same_question_has_the_same_answer_whatever_the_order_of_sets():
    [(experiments, queries)] = EVALUATION.read_set(HERE / "similar" / "own.jsonl")
    assert EVALUATION.answer(experiments, queries[:20]) == EVALUATION.answer(experiments, queries[:20])


def test_the_sets_are_printed_one_a_line_with_the_untuned_one_first(capsys):
    assert EVALUATION.main([]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert next(line["set"] for line in lines) == "other_fields"
    assert sorted(line["set"] for line in lines) == [path.stem for path in SETS]
    assert all({"recall@3", "precision", "sure"} <= line.keys() for line in lines)


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
        ("soften the one-hot targets, so that the classifier is less overconfident", [0]),
        ("bound the gradient so that training does not blow up", [1]),
        ("tell the model about public holidays", [2]),
    ],
)
def test_an_idea_is_found_in_other_words(asked, found):
    assert sure(parse_question(asked), SMOOTHING, CLIPPING, FEATURES) == found


@pytest.mark.parametrize("asked", ["make coffee", "xyzzy", "", "   "])
def test_what_has_nothing_in_common_is_not_shown(asked):
    assert alike(parse_question(asked), SMOOTHING, CLIPPING, FEATURES) == []


def test_an_experiment_that_shares_only_the_setting_is_close_but_not_sure():
    asked = ExperimentText("Graph features for the intent classifier", "Build a graph of intents, node2vec vectors.")
    assert alike(asked, SMOOTHING, CLIPPING, FEATURES)[0] in (0, 2)
    assert sure(asked, SMOOTHING, CLIPPING, FEATURES) == []
    assert sure(parse_question("classifier"), SMOOTHING, CLIPPING, FEATURES) == []


SVM = ExperimentText("SVM with an RBF kernel, C=100", "Curved borders.", ("5-fold CV, 3 seeds",), "Accuracy 0.968.")
PCA = ExperimentText(
    "PCA to 6 components", "Fewer dimensions. The accuracy should fall by less than seed noise.", (), "0.94, accepted."
)
BOOSTING = ExperimentText("Gradient boosting with 200 trees", "Small trees, one after the other.", (), "0.957.")


@pytest.mark.parametrize(
    "description",
    [
        "We expect that it beats the SVM with an RBF kernel by more than seed noise.",
        "Better accuracy than the SVM with an RBF kernel.",
        "Should gain over the 0.94 of PCA with 6 components.",
        "Compare the accuracy with that of PCA to 6 components, and with the SVM.",
        "Trees are as accurate as PCA and outperform an SVM with an RBF kernel",
        "Not PCA: accuracy over the 0.94 of PCA.",
    ],
)
def test_what_a_hypothesis_only_compares_with_is_not_its_idea(description):
    asked = ExperimentText("Gradient boosted trees", description)
    assert alike(asked, SVM, PCA, BOOSTING)[0] == 2
    assert not {0, 1} & {*sure(asked, SVM, PCA, BOOSTING)}
    assert not {0, 1} & {*sure(ExperimentText("TabNet", description), SVM, PCA, BOOSTING)}


def test_both_sides_of_a_comparison_in_a_title_are_its_idea():
    record = ExperimentText("Label smoothing versus focal loss", "Which is better calibrated?")
    for asked in ("Label smoothing", "Focal loss"):
        assert sure(ExperimentText(asked), record, CLIPPING) == [0]


def test_what_most_experiments_share_counts_little():
    everyday = "The accuracy on the digits should rise by more than seed noise over 5 seeds."
    titles = ("Rotated copies", "Wider margins", "Sorted batches", "Deeper trees", "Softer votes", "Nearest shapes")
    records = [ExperimentText(title, everyday, ("5 seeds",)) for title in titles]
    assert sure(ExperimentText("Zorble the glumph", everyday), *records) == []
    assert alike(ExperimentText("Zorble by rotated copies", everyday), *records)[0] == 0


def test_the_title_weighs_more_than_the_description():
    first = ExperimentText("Frobnicate the gearbox", "It wears out.")
    second = ExperimentText("Oil the bearings", "As before. Frobnicate nothing, and leave the gearbox.")
    assert alike(ExperimentText("Frobnicate gearbox"), first, second) == [0, 1]
    assert alike(ExperimentText("Frobnicate gearbox"), second, first) == [1, 0]


@pytest.mark.parametrize(
    ("asked", "tried"),
    [
        ("SVM, C=30", "SVM, C=100"),
        ("Label smoothing 0.2", "Label smoothing 0.1"),
        ("Drop-out of 0.5", "Dropout 0.1 -> 0.3"),
        ("Warm-up of 10 epochs", "Warmup of 5 epochs"),
        ("Dry the filter cake at 60 C", "Dry the filter cake at 45 C"),
    ],
)
def test_other_numbers_of_a_setting_are_near_and_not_the_same(asked, tried):
    record = ExperimentText(tried, "As in the paper.")
    assert alike(ExperimentText(asked), record, CLIPPING)[0] == 0
    assert sure(ExperimentText(asked), record, CLIPPING) == []
    assert sure(ExperimentText(tried), record, CLIPPING) == [0]


def test_the_same_number_comes_first_and_is_the_same_in_any_spelling():
    records = [ExperimentText(f"SVM with an RBF kernel, C={value}") for value in (10, 100, 1000)]
    assert alike(ExperimentText("SVM with an RBF kernel, C=100.0"), *records)[0] == 1
    assert sure(ExperimentText("SVM with an RBF kernel, C=1e2"), *records) == [1]


def test_how_often_something_was_measured_is_no_setting():
    record = ExperimentText("Label smoothing, 3 seeds", "With eps=0.1.")
    assert sure(ExperimentText("Label smoothing, 5 seeds"), record, CLIPPING) == [0]
    assert sure(ExperimentText("Label smoothing", "With eps = 0.2."), record, CLIPPING) == []


@pytest.mark.parametrize(
    ("asked", "tried"),
    [
        ("Frob-nication of gearboxes", "Frobnication of gearboxes"),
        ("Zorbleout in layers", "Zorble-out in layers"),
        ("Zorble out", "Zorbleout"),
        ("Colour of the fibre", "Color of the fiber"),
        ("Analyse the sulphates", "Analyze the sulfate"),
        ("Peatlands", "Peat"),
    ],
)
def test_hyphens_and_spelling_do_not_matter(asked, tried):
    assert alike(ExperimentText(asked), CLIPPING, ExperimentText(tried))[0] == 1


def test_a_misspelled_word_is_found():
    assert alike(parse_question("holliday featurs for demand peaks at easter"), SMOOTHING, CLIPPING, FEATURES)[0] == 2
    assert find_near_word(Collection.of([{"smooth": 1.0}]), "smoooth") == "smooth"
    assert find_near_word(Collection.of([{"smooth": 1.0}]), "drought") is None
    assert find_near_word(Collection.of([{"peat": 1.0, "pea": 1.0}]), "peatland") == "peat"
    assert find_near_word(Collection.of([{"rainfall": 1.0}]), "rain") == "rainfall"
    assert find_near_word(Collection.of([{"rainfall": 1.0}]), "rai") is None


def test_the_newest_of_equals_comes_first_and_the_excluded_one_is_left_out():
    assert sure(SMOOTHING, SMOOTHING, CLIPPING, SMOOTHING) == [2, 0]
    assert sure(SMOOTHING, SMOOTHING, CLIPPING, SMOOTHING, exclude=2) == [0]
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
    assert why(asked, SMOOTHING) == "in common: label smoothing; related: intent classification"
    odd = ExperimentText("Frobnicate the zorble gearbox", "Zorbles wear out.")
    assert why(odd, odd).startswith("words in common: ")
    assert "frobnicate" in why(odd, odd)


@pytest.mark.parametrize(
    ("question", "reason"),
    [
        ("Deeper U-Net on zorble_radar", "words in common: net, u, radar, zorble"),
        ("Wider MLP", "words in common: mlp"),
        ("More augmentation for segmentation", "related: segmentation"),
        ("Learning rate for xgboost", "related: tabular data"),
    ],
)
def test_a_word_of_a_model_is_no_setting_in_common(question, reason):
    record = ExperimentText("U-Net vs MLP ablation on zorble_radar", "Which of them needs fewer parameters?")
    assert why(ExperimentText(question), record) == reason


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", ""),
        ("...", ""),
        ("WER 12.4 -> 10.9. Keep.", "WER 12.4 -> 10.9."),
        ("We thought about it. In the end accuracy fell by 3 % because the labels leak, so not worth it.",
         "In the end accuracy fell by 3 % because the labels leak, so not worth it."),
        ("- No difference\n- Another", "No difference"),
        ("- No difference\n  to the first\n- Another", "No difference to the first"),
        ("It is better because\nthe labels leak.\n\nTo do", "It is better because the labels leak."),
    ],
)  # fmt: skip
def test_the_most_telling_line_is_shown(text, line):
    assert find_outcome_sentence(text) == line


# ---- topics ----


def themes(*records):
    return [find_themes(extract_features(record, LEXICON), record.title, LEXICON.words) for record in records]


def grouped(*titles):
    [topic] = make_topics([""] * len(titles), themes(*map(ExperimentText, titles)))
    return [(group.name, group.numbers) for group in topic.groups]


def test_topics_are_tags_and_in_them_shared_ideas():
    records = [SMOOTHING, CLIPPING, SMOOTHING, FEATURES, CLIPPING]
    topics = make_topics(["nlp", "nlp", "nlp", "", "nlp"], themes(*records))
    assert [(topic.name, topic.numbers) for topic in topics] == [("nlp", [0, 1, 2, 4]), ("", [3])]
    assert [(group.name, group.numbers) for group in topics[0].groups] == [
        ("gradient clipping", [1, 4]),
        ("label smoothing", [0, 2]),
    ]
    assert [(group.name, group.numbers) for group in topics[1].groups] == [("", [3])]


def test_what_has_no_known_idea_is_grouped_by_the_words_of_its_titles():
    assert grouped("Straw mulch", "Drip irrigation at 60 %", "Mulch of bark", "Drip irrigation at night", "Clover") == [
        ("Drip irrigation", [1, 3]),
        ("mulch", [0, 2]),
        ("", [4]),
    ]


def test_what_nearly_all_share_is_no_topic():
    titles = ("Zorble straw", "Zorble bark", "Zorble straw again", "Zorble peat", "Zorble chalk")
    assert grouped(*titles) == [("straw", [0, 2]), ("", [1, 3, 4])]


@pytest.mark.parametrize(
    "title", ["[2026-08-28 Sex] {}", "<2026-08-28 пт 10:00> {}", "2026-08-28 {}", "{} (2026-08-28)"]
)
def test_a_date_with_its_weekday_is_nothing_that_experiments_share(title):
    words = ("Straw", "Bark", "Clover", "Zorble straw")
    titles = [title.format(one) for one in words]
    assert grouped(*titles) == grouped(*words) == [("Straw", [0, 3]), ("", [1, 2])]
    for text, word in zip(titles, words, strict=True):
        dated = ExperimentText(text, f"As on {title.format('')}.", (text,), text)
        plain = ExperimentText(word, "As on .", (word,), word)
        assert extract_features(dated, LEXICON).keys() == extract_features(plain, LEXICON).keys()


def test_a_tag_that_names_one_experiment_is_no_topic():
    tags = [
        ["exp20260828165129", "peat"],
        ["e2", "exp20260830124159"],
        ["old7"],
        ["mulch7"],
        ["run1234567"],
        ["run1234567"],
    ]
    names = [("1", "e1"), ("2", "e2"), ("3", "e3", "old7"), ("4", "e4"), ("5", "e5"), ("6", "e6")]
    assert drop_names(tags, names) == [["peat"], [], [], ["mulch7"], ["run1234567"], ["run1234567"]]


@pytest.mark.parametrize(
    ("tags", "topics"),
    [
        ([["exp", "nlp"], ["exp", "vision"]], ["nlp", "vision"]),
        ([["lab", "nlp"], ["lab", "vision"]], ["nlp", "vision"]),
        ([["lab"], ["lab"]], ["lab", "lab"]),
        ([["nlp"], []], ["nlp", "none"]),
    ],
)
def test_a_tag_that_all_have_is_a_topic_only_if_there_is_no_other(tags, topics):
    assert choose_tags(tags, {"exp"}, "none") == topics
