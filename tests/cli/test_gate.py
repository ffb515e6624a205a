"""`orglab new --gate`: what was surely tried is not begun again by accident."""

import json
import subprocess
import sys

import pytest

from commands import Orglab
from orglab.api import open_log

LOG = "experiment_log.org"
TRIED = [
    ("Label smoothing 0.1 on the digits classifier", "It is overconfident; soften the one-hot targets.",
     "No: accuracy 0.97 -> 0.97, calibration the same.", "refuted"),
    ("Dropout 0.3 before the last layer", "The gap between training and test loss grows; drop units at random.",
     "Yes: +0.6 points over 5 seeds.", "supported"),
    ("Early stopping on the validation loss", "Training runs too long. Stop after 5 epochs without improvement.",
     "Half the time, the same accuracy.", "supported"),
    ("Cosine learning rate schedule with warmup", "The constant rate is noisy at the end. Decay it to zero.",
     "+0.2, within seed noise.", "inconclusive"),
    ("Random rotations and shifts as augmentation", "Only 1,400 digits to train on. Rotate up to 10 degrees.",
     "Accuracy 0.962 -> 0.971.", "supported"),
    ("Ensemble of five networks", "Average the predictions of five seeds.", "+0.4, at five times the cost.", "supported"),
    ("Weight decay 1e-4", "Large weights overfit. Add an L2 penalty.", "No effect.", "refuted"),
    ("Gradient clipping at norm 1.0", "The loss explodes about once a day.", "No NaN in two weeks.", "supported"),
    ("PCA to 30 components before the SVM", "64 pixels are redundant. Reduce the dimensions first.",
     "Slightly worse: 0.981 -> 0.977.", "refuted"),
    ("Batch size 256 instead of 64", "Epochs are slow. Use larger batches.", "Twice as fast, accuracy the same.", "supported"),
]  # fmt: skip
# In other words, in the order of what was tried.
REPEATS = [
    (
        "Soften targets for the classifier",
        "Give the wrong classes a little probability, so that it is less overconfident.",
    ),
    ("Randomly drop units", "Switch off 30 % of the activations during training against overfitting."),
    ("Stop training when validation no longer improves", "Watch the validation loss and keep the best epoch."),
    ("Anneal the learning rate along a cosine", "Warm up for 5 epochs, then decay."),
    ("Augment the digits by rotating them", "Train on slightly turned and moved copies."),
    ("Average the predictions of several models", "Train five networks with other seeds, and vote."),
    ("L2 regularization", "Penalize large weights a little."),
    ("Limit the norm of the gradients", "Clip gradients, because training blows up."),
    ("Principal component analysis first", "Fit the SVM on fewer dimensions."),
    ("Larger batches", "Use 256 examples in a batch to speed up an epoch."),
]
NEW = [
    ("Knowledge distillation into a small network", "Train it on the outputs of a large teacher."),
    ("Focal loss for the rare digits", "Weigh easy examples less."),
    ("Quantize the weights to 8 bits", "The model has to fit on a microcontroller."),
    ("Active learning for labels", "Ask for the labels of the most uncertain images."),
    ("Self-supervised pretraining", "Predict masked patches of unlabelled images."),
    ("Capsule network", "Model parts and their poses."),
    ("k-nearest neighbours with a learned metric", "Train a siamese network for the distance."),
    ("Prune channels by magnitude", "Remove half of the filters after training."),
    ("Convert scans to grayscale with local contrast", "Lighting differs between scanners."),
    ("Adversarial examples", "How small a change of the pixels flips a prediction?"),
]


@pytest.fixture
def orglab(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = Orglab(capsys)
    run("init")
    return run


@pytest.fixture
def tried(orglab):
    for number, (title, about, conclusion, verdict) in enumerate(TRIED, 1):
        orglab("new", title, "-d", about)
        orglab("conclude", number, conclusion, "--verdict", verdict)
    return orglab


def test_what_was_surely_tried_ends_with_its_own_code_and_writes_nothing(tried, tmp_path):
    before = (tmp_path / LOG).read_bytes()
    said = tried("new", "label-smoothing of 0.1 for Digits-Classifier", "--gate", code=7)
    assert said.out.startswith("Tried before:\n  e1  Label smoothing 0.1 on the digits classifier  ✕ refuted\n")
    assert "No: accuracy 0.97 -> 0.97" in said.out
    assert said.err == "Nothing was written; to try it again, use --anyway -m WHY.\n"
    form = json.loads(tried("new", "Label smoothing", "--gate", "--json", code=7).out)
    assert (form["version"], form["experiment"]) == (1, None)
    assert [(one["ref"], one["verdict"], one["outcome"], one["best"]) for one in form["tried_before"]] == [
        ("e1", "refuted", "No: accuracy 0.97 -> 0.97, calibration the same.", None)
    ]
    tried("new", "Label smoothing", "--gate", "--anyway", code=7)
    assert (tmp_path / LOG).read_bytes() == before


def test_who_goes_on_says_why(tried):
    made = tried(
        "new", "Label smoothing", "--gate", "--anyway", "-m", "ten times the data\nnow", "--as", "claude", "--json"
    )
    form = json.loads(made.out)
    assert (form["experiment"]["ref"], form["tried_before"][0]["ref"]) == ("e11", "e1")
    (note,) = json.loads(tried("show", "11", "--json").out)["notes"]
    assert (note["text"], note["author"]) == ("Tried before in [e1]: ten times the data\nnow", "claude")
    assert tried("check").err == "No problems found.\n"


def test_what_is_being_tried_stops_a_reason_too(tried, tmp_path):
    tried("new", "Label smoothing", "--gate", "--anyway", "-m", "ten times the data")
    before = (tmp_path / LOG).read_bytes()
    said = tried("new", "label smoothing", "--gate", "--anyway", "-m", "ten times the data", code=7)
    assert "e11  Label smoothing" in said.out
    assert said.err.endswith("Nothing was written; e11 is still open: go on with it.\n")
    assert (tmp_path / LOG).read_bytes() == before
    tried("conclude", "11", "No.", "--verdict", "refuted")
    tried("new", "label smoothing", "--gate", "--anyway", "-m", "a hundred times the data")


@pytest.mark.usefixtures("tried")
def test_of_processes_that_begin_an_idea_at_once_one_does(tmp_path):
    command = [sys.executable, "-m", "orglab", "new", "Bake bread", "--gate", "--json"]
    begun = [subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) for _ in range(6)]
    answers = [(json.loads(one.communicate()[0]), one.returncode) for one in begun]
    assert sorted(code for _, code in answers) == [0, 7, 7, 7, 7, 7]
    assert {form["tried_before"][0]["ref"] for form, code in answers if code} == {"e11"}
    assert (tmp_path / LOG).read_text().count("Bake bread") == 1


def test_a_new_idea_passes_and_a_reason_for_nothing_is_not_noted(tried):
    said = tried("new", "Bake bread", "--gate", "-m", "why not")
    assert (said.out, said.err) == ("e11\n", "The idea was not surely tried before, so the reason is not noted.\n")
    assert json.loads(tried("show", "11", "--json").out)["notes"] == []


@pytest.mark.usefixtures("tried")
def test_ten_ideas_in_other_words_and_ten_new_ones():
    log = open_log()
    found = [[one.ref for one in log.similar_to_new(*idea) if one.is_sure] for idea in [*REPEATS, *NEW]]
    stopped = [number for number, refs in enumerate(found[: len(REPEATS)], 1) if f"e{number}" in refs]
    alarms = [idea for idea, refs in zip(NEW, found[len(REPEATS) :], strict=True) if refs]
    assert len(stopped) >= 9, stopped
    assert len(alarms) <= 1, alarms


@pytest.mark.parametrize(
    ("title", "about", "code"),
    [
        ("The Baseline", "Something else.", 7),
        ("baseline!", "", 7),
        ("Baselines", "", 0),
        ("Another", "Test if  ABC added to XYZ improves its RESULTS", 7),
        ("Another", "It helps", 0),
    ],
)
def test_the_same_title_or_description_is_no_accident(orglab, title, about, code):
    orglab("new", "Baseline", "-d", "Test if ABC, added to XYZ, improves the results.")
    orglab("new", "Second", "-d", "It helps.")
    orglab("new", title, *(("-d", about) if about else ()), "--gate", code=code)


@pytest.mark.parametrize("title", ["A-B test", "L-2 penalty", "re-train", "Straße", "E x"])
def test_the_same_title_in_another_hyphenation_is_no_accident(orglab, title):
    orglab("new", title)
    orglab("new", title.replace("-", ""), "--gate", code=7)
    orglab("new", title.replace("-", " ").upper(), "--gate", code=7)


def test_a_gate_does_not_ask(orglab):
    assert "Use --ask or --gate, not both." in orglab("new", "x", "--gate", "--ask", code=2).err


def test_a_reason_is_noted_although_the_log_shows_nothing_by_itself(orglab, tmp_path):
    (tmp_path / "orglab.toml").write_text("similar = false\n")
    orglab("new", "Label smoothing")
    said = orglab("new", "Label smoothing", "-m", "ten times the data", "--json")
    assert json.loads(said.out)["tried_before"] == []
    assert said.err == ""
    (note,) = json.loads(orglab("show", "2", "--json").out)["notes"]
    assert note["text"] == "Tried again: ten times the data"


def test_a_gate_stops_although_the_log_shows_nothing_by_itself(orglab, tmp_path):
    (tmp_path / "orglab.toml").write_text("similar = false\n")
    orglab("new", "Label smoothing")
    assert orglab("new", "Label smoothing").err == ""
    orglab("new", "Label smoothing", "--gate", code=7)
