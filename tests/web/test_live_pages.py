"""Working in a real browser: pages follow the log, the keyboard does it all, and nothing that is typed is lost."""

import signal
import sys

import pytest

from lab import NAME, orglab
from orglab.runs.record_reader import read_runs
from web.keys import CONTROL, ENTER, ESCAPE, TAB

LOG = """\
* INPROGRESS [1] Dropout of 0.2 helps [0/2] :exp:nlp:
:PROPERTIES:
:ID: 1
:END:
** Experiments [0/2]
- [ ] Train with 0.1
- [ ] Train with 0.2
** Notes
* DONE [2] A smaller learning rate :exp:
:PROPERTIES:
:ID: 2
:VERDICT: refuted
:END:
** Conclusions
It diverges all the same.
"""
IS_FOCUSED = "return document.activeElement === arguments[0]"


@pytest.fixture
def study(repo):
    repo.commit("log", {NAME: LOG})
    return repo


def save_as_an_editor(path, text):
    """Replace a file as editors do: another one takes its name."""
    beside = path.with_name(f".{path.name}.swp")
    beside.write_text(text)
    beside.replace(path)


def focus(browser, selector, within="return document.activeElement.matches(arguments[0])"):
    """Press Tab until an element has the focus; return how often."""
    for times in range(1, 200):
        browser.press(TAB)
        if browser.run(within, selector):
            return times
    raise AssertionError(selector)


def write_note(browser, text):
    """Write a note on the experiment with the keyboard alone, but do not send it."""
    focus(browser, ".write-note > summary")
    browser.press(ENTER)
    browser.wait(lambda: browser.run("return document.activeElement.matches('.write-note textarea')"), "no cursor")
    browser.press(text)


def test_two_open_pages_follow_an_editor(study, serve, browser):
    server, log = serve(study.path), study.path / NAME
    browser.open(server)
    overview = browser.driver.current_window_handle
    experiment = browser.open_window(server, "experiment-e1")
    for number, save in enumerate((save_as_an_editor, type(log).write_text) * 2):
        save(log, LOG.replace("Train with 0.2", f"Train with {number} layers").replace("Dropout", f"Dropout {number}"))
        browser.wait_for_text("main", f"Train with {number} layers")
        browser.driver.switch_to.window(overview)
        browser.wait_for_text(".list", f"Dropout {number} of")
        browser.driver.switch_to.window(experiment)


def test_a_note_that_is_written_with_the_keyboard_is_in_the_file_and_on_both_pages(study, serve, browser):
    server = serve(study.path)
    browser.open(server, "experiment-e1")
    first = browser.driver.current_window_handle
    browser.open_window(server, "experiment-e1")
    write_note(browser, "The loss <b>falls</b>.")
    browser.press_with_control(ENTER)
    for window in (browser.driver.current_window_handle, first):
        browser.driver.switch_to.window(window)
        browser.wait_for_text(".notes", "The loss <b>falls</b>.")
    browser.driver.switch_to.window(browser.driver.window_handles[-1])
    assert browser.run("return document.activeElement.matches('.write-note > summary')")
    assert "The loss <b>falls</b>." in (study.path / NAME).read_text()


def test_escape_closes_a_form_and_keeps_what_was_typed(study, serve, browser):
    browser.open(serve(study.path), "experiment-e1")
    write_note(browser, "Half a sentence")
    browser.press(ESCAPE)
    assert browser.run("return document.activeElement.matches('.write-note > summary')")
    assert not browser.run("return document.querySelector('.write-note').open")
    browser.press(ENTER)
    browser.wait(lambda: browser.run("return document.activeElement.value === 'Half a sentence'"), "the text is gone")


def test_the_focus_stays_on_the_page_when_a_form_goes(study, serve, browser):
    browser.open(serve(study.path), "experiment-e1")
    focus(browser, "summary", "return document.activeElement.textContent === 'Conclude'")
    browser.press(ENTER)
    browser.wait(lambda: browser.run("return document.activeElement.matches('textarea[name=text]')"), "no cursor")
    browser.press("It helps.")
    focus(browser, "select[name=verdict]")
    browser.press("supported")
    browser.press_with_control(ENTER)
    browser.wait_for_text("#status", "Concluded e1.")
    assert browser.find("#status").text.split("\n") == ["Concluded e1.", "2 steps not done."]
    assert browser.run("return document.activeElement !== document.body")


def test_a_step_is_ticked_and_reopened(study, serve, browser):
    browser.open(serve(study.path), "experiment-e1")
    for state, box in (("done", "- [X] Train with 0.1"), ("open", "- [ ] Train with 0.1")):
        browser.find("#step-1 button.tick").send_keys(ENTER)
        browser.find(f"#step-1.{state}")
        assert box in (study.path / NAME).read_text()


def test_what_is_typed_survives_a_change_of_the_log(study, serve, browser):
    browser.open(serve(study.path), "experiment-e1")
    write_note(browser, "Half a sen")
    save_as_an_editor(study.path / NAME, LOG.replace("Train with 0.1", "Train with 0.3"))
    browser.wait_for_text("#step-1", "0.3")
    browser.press("tence")
    field = browser.run("return document.activeElement")
    assert field.get_attribute("value") == "Half a sentence"
    browser.driver.refresh()
    assert browser.find(".write-note textarea").get_attribute("value") == "Half a sentence"


def test_a_note_on_a_text_that_has_changed_shows_what_changed_and_is_written_when_sent_again(study, serve, browser):
    log = study.path / NAME
    # The page is not told of changes, as on a laptop that was asleep.
    browser.block("*/events*")
    browser.open(serve(study.path), "experiment-e1")
    write_note(browser, "My own words.")
    save_as_an_editor(log, LOG.replace("Train with 0.1", "Train with another one"))
    browser.press_with_control(ENTER)
    browser.wait_for_text(".answer .patch .removed", "Train with 0.1")
    browser.wait_for_text(".answer .patch .added", "Train with another one")
    assert "My own words." not in log.read_text()
    assert browser.find(".write-note textarea").get_attribute("value") == "My own words."
    browser.wait_for_text("#step-1", "Train with another one")
    # The page shows the log as it is now, and still that nothing was written.
    assert "nothing was written" in browser.find(".write-note .answer").text
    browser.find(".write-note textarea").send_keys(CONTROL, ENTER)
    browser.wait_for_text(".notes", "My own words.")
    assert "Train with another one" in log.read_text()
    assert "My own words." in log.read_text()
    browser.block()
    browser.take_errors()  # what was refused, and the connections that were blocked


def test_the_server_may_be_killed_and_started_again_while_someone_types(study, serve, browser):
    server = serve(study.path)
    browser.open(server, "experiment-e1")
    write_note(browser, "Half a sen")
    server.stop(signal.SIGKILL)
    browser.wait_for_text("#status", "The server does not answer")
    browser.press("tence")
    browser.press_with_control(ENTER)
    save_as_an_editor(study.path / NAME, LOG.replace("Train with 0.1", "Train with 0.3"))
    serve(study.path, port=server.port)
    browser.wait_for_text("#step-1", "0.3")
    browser.wait(lambda: "does not answer" not in browser.find_all("#status")[0].text, "the message stays")
    assert browser.find(".write-note textarea").get_attribute("value") == "Half a sentence"
    browser.find(".write-note textarea").send_keys(CONTROL, ENTER)
    browser.wait_for_text(".notes", "Half a sentence")
    browser.take_errors()  # the connections that were refused


def test_what_was_tried_before_appears_as_a_title_is_typed(study, serve, browser):
    server = serve(study.path)
    browser.open(server, "new")
    browser.find("input[name=title]").send_keys("Smaller learning rate")
    browser.wait_for_text("#tried-before", "It diverges all the same.")
    browser.press(ENTER)
    browser.wait(lambda: "experiment-e3" in browser.driver.current_url, "the new experiment is not shown")
    assert "Smaller learning rate" in (study.path / NAME).read_text()


def test_a_search_is_begun_and_followed_with_the_keyboard(study, serve, browser):
    browser.open(serve(study.path))
    browser.press("/", "dropout", ENTER)
    browser.wait_for_text("h1", "Search")
    focus(browser, ".hits a")
    browser.press(ENTER)
    browser.wait_for_text("h1", "Dropout of 0.2 helps")


@pytest.mark.parametrize("path", ["", "experiment-e1", "new", "report", "tried", "journal"])
def test_tab_reaches_everything_and_the_focus_is_seen(study, serve, browser, path):
    browser.open(serve(study.path), path)
    browser.run("document.activeElement.blur()")
    wanted = browser.run(
        "return [...document.querySelectorAll('a[href], button, input:not([type=hidden]), select, textarea, summary')]"
        ".filter((one) => one.checkVisibility()).length"
    )
    reached = set()
    for _ in range(wanted + 20):
        browser.press(TAB)
        focused = browser.run("return document.activeElement === document.body ? null : document.activeElement")
        if focused is None:
            continue
        style = browser.run(
            "const {outlineStyle, outlineWidth} = getComputedStyle(arguments[0]); return [outlineStyle, outlineWidth]",
            focused,
        )
        assert style[0] != "none", focused.get_attribute("outerHTML")
        assert style[1] != "0px", focused.get_attribute("outerHTML")
        reached.add(focused.id)
    assert len(reached) >= wanted


def test_many_pages_can_be_open_at_once(study, serve, browser):
    server = serve(study.path)
    for _ in range(9):
        browser.driver.switch_to.new_window("tab")
        browser.open(server, "experiment-e1")
        browser.wait_for_text("h1", "Dropout")


def test_the_end_of_the_output_is_seen_first(study, serve, browser):
    orglab("run", "1", "--", sys.executable, "-c", "for number in range(200): print('line', number)", cwd=study.path)
    browser.open(serve(study.path), f"run-{read_runs(study.path)[-1].id}")
    box = "const box = document.querySelector('.output-end').getBoundingClientRect();"
    ends = "const text = document.querySelector('#output').getBoundingClientRect(); return [text.bottom - box.bottom, text.height > box.height]"
    below, is_longer = browser.run(f"{box} {ends}")
    assert is_longer
    assert abs(below) < 2
