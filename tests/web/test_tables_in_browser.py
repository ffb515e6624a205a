"""The tables and curves in a real browser: sort, filter, choose, zoom, and an address that shows the same again."""

import re
import shutil

import pytest

from lab import orglab
from web.curve_study import make_study

SHOWN = "[data-table]:not([hidden])"


@pytest.fixture
def server(curve_study, serve):
    return serve(curve_study.path)


def read_rows(browser):
    """Return the rows that can be seen, as the texts of their cells that can be seen."""
    return browser.run(
        """return [...document.querySelectorAll(arguments[0] + " tbody tr:not([hidden])")].map((row) =>
        [...row.cells].filter((cell) => !cell.hidden).slice(1).map((cell) => cell.textContent.trim()));""",
        SHOWN,
    )


def read_column(browser, name):
    heads = browser.run(
        "return [...document.querySelectorAll(arguments[0] + ' thead th:not([hidden])')].map((one) => one.textContent)",
        SHOWN,
    )
    return [row[heads.index(name)] for row in read_rows(browser)]


def press_heading(browser, name):
    for button in browser.find_all(f"{SHOWN} thead button"):
        if button.text == name:
            browser.run("arguments[0].focus()", button)
    browser.press("\ue007")


def write_filter(browser, text):
    field = browser.find("[data-where]")
    field.clear()
    field.send_keys(text)


def read_legend(browser):
    return [one.text for one in browser.find_all("[data-curve-legend] li")]


def test_a_heading_sorts_by_keyboard_and_what_is_no_number_stays_last(server, browser):
    browser.open(server, "experiment-e1")
    press_heading(browser, "loss")
    assert read_column(browser, "loss")[-1] == "NaN at 6"
    rising = read_column(browser, "loss")[:-1]
    press_heading(browser, "loss")
    assert read_column(browser, "loss") == [*rising[::-1], "NaN at 6"]
    assert browser.find("th[aria-sort]").get_attribute("aria-sort") == "descending"
    press_heading(browser, "loss")
    assert not browser.find_all("th[aria-sort]")


@pytest.mark.parametrize(
    ("condition", "rates"),
    [
        ("lr=0.1", ["0.1", "0.1"]),
        ("lr>=0.9 seed=2", ["0.9"]),
        ("status=failed", ["0.5"]),
        ("status=diverged", ["2.0"]),
        ("loss=nan", ["2.0"]),
        ("acc>0.95 lr!=2", ["0.9", "0.9"]),
        ("lr=none", []),
    ],
)
def test_conditions_are_those_of_the_command_line(server, browser, curve_study, condition, rates):
    browser.open(server, "experiment-e1")
    write_filter(browser, condition)
    assert read_column(browser, "lr") == rates
    printed = orglab("runs", "list", "1", *condition.split(), "--columns", "lr,id", "--csv", cwd=curve_study.path)
    assert printed.code == 0
    assert [line.partition(",")[0] for line in printed.out.splitlines()[1:]] == rates


@pytest.mark.parametrize(
    ("condition", "words"),
    [("lr", "not a condition"), ("rate=1", "No run has “rate”"), ("status=bad", "Unknown status “bad”")],
)
def test_an_invalid_condition_says_so_and_hides_nothing(server, browser, condition, words):
    browser.open(server, "experiment-e1")
    write_filter(browser, condition)
    assert words in browser.find("[data-problem]").text
    assert len(read_rows(browser)) == 6


def test_the_address_shows_the_same_again(server, browser):
    browser.open(server, "experiment-e1")
    browser.find("[name=table-rows][value=setting]").click()
    write_filter(browser, "lr>0.05")
    press_heading(browser, "lr")
    press_heading(browser, "lr")
    browser.find(f"{SHOWN} .chooser summary").click()
    browser.find(f"{SHOWN} [data-column='0']").click()
    browser.find(f"{SHOWN} tbody tr:not([hidden]) td.choose input").click()
    browser.find("[data-curve-log]").click()
    rows, legend, address = read_rows(browser), read_legend(browser), browser.driver.current_url
    assert len(rows) == 4
    assert rows[0][0] == "2.0"
    assert legend == ["e1.2 lr 2.0"]
    browser.driver.get("about:blank")
    browser.driver.get(address)
    browser.find("[data-curve-plot] canvas")
    assert (read_rows(browser), read_legend(browser)) == (rows, legend)
    assert browser.find("[data-curve-log]").is_selected()


def test_chosen_runs_and_settings_are_drawn(server, browser):
    browser.open(server, "experiment-e1")
    browser.find("[data-curve-plot] canvas")
    # The baseline, and the other settings, before someone chooses.
    assert read_legend(browser)[0] == "e1.1 lr 0.1 n = 2"
    browser.find(f"{SHOWN} tbody tr td.choose input").click()
    assert len(read_legend(browser)) == 1
    browser.find("[data-clear]").click()
    assert read_legend(browser)[0] == "e1.1 lr 0.1 n = 2"


def test_the_curves_say_where_a_run_diverged(server, browser):
    browser.open(server, "experiment-e1?metric=loss")
    browser.find("[data-curve-plot] canvas")
    assert "e1.2 lr 2.0 1 diverged ✕" in read_legend(browser)
    table = browser.run("return document.querySelector('[data-curve-table]').textContent")
    assert "at epoch 5" in table


def test_a_stretch_of_the_curves_is_chosen_with_the_keyboard_or_by_dragging(server, browser):
    browser.open(server, "experiment-e1")
    browser.find("[data-curve-from]").send_keys("3\ue004")
    browser.find("[data-curve-to]").send_keys("8\ue004")
    assert re.search(r"from=3&to=8", browser.driver.current_url)
    browser.find("[data-curve-whole]").click()
    assert "from" not in browser.driver.current_url
    place = browser.find("[data-curve-plot] .u-over")
    browser.run("arguments[0].scrollIntoView({block: 'center'})", place)
    from selenium.webdriver.common.action_chains import ActionChains  # noqa: PLC0415 - only the browser's tests need it

    ActionChains(browser.driver).move_to_element(place).click_and_hold().move_by_offset(90, 0).release().perform()
    assert "from=" in browser.driver.current_url
    browser.find("[data-curve-to]").clear()
    browser.find("[data-curve-to]").send_keys("1\ue004")
    assert "There is nothing from epoch" in browser.find("[data-curve-problem]").text


def test_the_pointer_names_the_curve_and_its_value(server, browser):
    browser.open(server, "experiment-e1")
    place = browser.find("[data-curve-plot] .u-over")
    browser.run("arguments[0].scrollIntoView({block: 'center'})", place)
    from selenium.webdriver.common.action_chains import ActionChains  # noqa: PLC0415 - the same

    ActionChains(browser.driver).move_to_element(place).perform()
    assert re.search(r"e1\.\d lr \S+\s*epoch \d+: 0\.\d+", browser.find(".tip").text)


def test_chosen_rows_are_compared(server, browser):
    browser.open(server, "experiment-e1")
    boxes = browser.find_all(f"{SHOWN} tbody td.choose input")
    boxes[0].click()
    boxes[2].click()
    browser.find(".choosing button").click()
    assert browser.find("h1").text == "Side by side"
    browser.find("[data-curve-plot] canvas")
    assert len(read_legend(browser)) == 2


def test_each_metric_has_its_steps(server, browser):
    browser.open(server, "experiment-e1")
    assert [one.is_displayed() for one in browser.find_all("[data-metric]")] == [True, False]
    browser.find("[data-step-metric]").send_keys("loss")
    assert [one.is_displayed() for one in browser.find_all("[data-metric]")] == [False, True]
    assert "steps=loss" in browser.driver.current_url


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_tables_and_curves(server, browser, curve_study, scheme):
    browser.set_scheme(scheme)
    compare = f"compare?run={curve_study.ids[0]}&setting={curve_study.ids[2]}"
    for path in ("experiment-e1?metric=loss&where=x", "runs?by=setting&sort=lr", compare, f"run-{curve_study.ids[4]}"):
        browser.open(server, path)
        browser.find("main")
        assert browser.find_violations() == [], path


def test_tables_and_curves_fit_a_phone(server, browser, curve_study):
    browser.set_size(390, 844, is_phone=True)
    for path in ("experiment-e1", "runs", f"compare?run={curve_study.ids[0]}&setting={curve_study.ids[2]}"):
        browser.open(server, path)
        assert browser.count_pixels_too_wide() == 0, path


def test_a_new_run_appears_in_the_order_and_the_filter_that_someone_chose(serve, browser, tmp_path):
    study = make_study(tmp_path)
    server = serve(study.path)
    browser.open(server, "experiment-e1?where=lr%3D0.9&sort=-seed")
    assert read_column(browser, "seed") == ["2", "1"]
    command = ("python3", "train.py", "--lr", "0.9", "--seed", "3")
    orglab("run", "1.1", "--metrics", "metrics.jsonl", "--", *command, cwd=study.path)
    browser.wait(lambda: len(read_rows(browser)) == 3, "no third run")
    assert read_column(browser, "seed") == ["3", "2", "1"]
    browser.find("[data-curve-plot] canvas")


def test_an_exported_page_sorts_and_draws_without_a_server(curve_study, browser, tmp_path):
    copy = tmp_path / "study"
    shutil.copytree(curve_study.path, copy)
    assert orglab("serve", "--export", tmp_path / "site", cwd=copy).code == 0
    browser.driver.get((tmp_path / "site" / "experiment-e1.html").as_uri())
    press_heading(browser, "lr")
    assert read_column(browser, "lr") == ["0.1", "0.1", "0.5", "0.9", "0.9", "2.0"]
    browser.find(f"{SHOWN} tbody tr td.choose input").click()
    assert len(read_legend(browser)) == 1
    browser.driver.get(browser.driver.current_url)
    browser.find("[data-curve-plot] canvas")
    assert len(read_legend(browser)) == 1
