"""The pages as files: complete, linked, and without what is private."""

import os

import pytest

from lab import NAME, orglab
from web.pages import read_html

LOG = """\
* INPROGRESS [1] Wider <b>nets</b> :exp:
[2026-01-02 Fri 09:00]
- A point, as in [e2]. [[file:plot.svg]]
** TODO Experiments
1. [ ] Baseline
* DONE [2] Dropout :exp:
"""
PICTURE = '<svg xmlns="http://www.w3.org/2000/svg" width="4" height="4"><rect width="4" height="4"/></svg>'


@pytest.fixture
def study(repo):
    repo.write(NAME, LOG)
    repo.write("plot.svg", PICTURE)
    repo.write("train.py", "import os\nprint('printed', os.environ['HIDDEN_PLACE'])\n")
    repo.commit("[e1] Begin")
    command = ("run", "1.1", "--", "python3", "train.py")
    assert orglab(*command, cwd=repo.path, HIDDEN_PLACE="elsewhere").code == 0
    return repo


def read_pages(folder):
    return {path.relative_to(folder).as_posix(): read_html(path.read_text()) for path in folder.glob("*.html")}


def test_all_links_work_from_a_folder(study, tmp_path_factory):
    folder = tmp_path_factory.mktemp("site") / "pages"
    done = orglab("serve", "--export", folder, cwd=study.path)
    assert done.code == 0, done.err
    assert str(folder / "index.html") in done.out
    pages = read_pages(folder)
    assert {"index.html", "experiment-e1.html", "history-e2.html", "journal.html", "tried.html"} <= pages.keys()
    for page in pages.values():
        for link in page.links:
            path, _, anchor = link.partition("#")
            assert not path.startswith(("/", "http", ".")), link
            assert not path or (folder / path.partition("?")[0]).is_file(), link
            if path.endswith(".html") and anchor:
                assert f'id="{anchor}"' in pages[path].html, link
        # A static page has nothing that needs a server.
        assert not [tag for tag, _ in page.tags if tag == "form"]
    assert PICTURE in [path.read_text() for path in folder.glob("pictures/*.svg")]


def test_what_is_private_stays_here(study, tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    assert orglab("serve", "--export", folder, cwd=study.path).code == 0
    written = "\n".join(path.read_text(errors="replace") for path in folder.rglob("*.html"))
    assert "train.py" in written
    for private in ("printed", "elsewhere", "HIDDEN_PLACE", os.uname().nodename, str(study.path)):
        assert private not in written


def test_what_failed_runs_printed_stays_here(study, tmp_path_factory):
    study.write("fail.py", "import sys\nsys.exit(' '.join(['last', 'words', sys.argv[1]]))\n")
    study.commit("Fail")
    assert orglab("run", "1.1", "--", "python3", "fail.py", "0", cwd=study.path).code == 1
    assert orglab(
        "sweep", "1.1", "--set", "x=1,2", "--slots", "1", "--wait", "--", "python3", "fail.py", "{x}", cwd=study.path
    ).code
    folder = tmp_path_factory.mktemp("site")
    assert orglab("serve", "--export", folder, cwd=study.path).code == 0
    pages = [*folder.glob("run-*.html"), *folder.glob("sweep-*.html"), folder / "runs.html"]
    assert len(pages) >= 5
    assert [page.name for page in pages if "last words" in page.read_text()] == []


def test_what_is_gone_from_the_log_is_gone_from_the_folder(study, tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    assert orglab("serve", "--export", folder, cwd=study.path).code == 0
    study.write(NAME, LOG.partition("* DONE")[0])
    assert orglab("serve", "--export", folder, cwd=study.path).code == 0
    assert (folder / "experiment-e1.html").exists()
    assert not (folder / "experiment-e2.html").exists()


def test_other_files_are_not_replaced(study, tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    (folder / "index.html").write_text("mine")
    done = orglab("serve", "--export", folder, cwd=study.path)
    assert (done.code, done.out) == (4, "")
    assert "name another folder" in done.err
    assert [path.name for path in folder.iterdir()] == ["index.html"]


def test_a_list_of_files_from_elsewhere_names_nothing_outside(study, tmp_path_factory):
    folder = tmp_path_factory.mktemp("site") / "pages"
    folder.mkdir()
    outside = folder.parent / "kept.html"
    outside.write_text("mine")
    (folder / ".orglab-pages.json").write_text('["../kept.html", "/etc/x", "static/../../kept.html", 1, "a\\u0000"]')
    (folder / "index.html").symlink_to(outside)
    assert orglab("serve", "--export", folder, cwd=study.path).code == 0
    assert outside.read_text() == "mine"
    assert not (folder / "index.html").is_symlink()


def test_a_link_of_a_clone_does_not_lead_the_pages_out(study, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside")
    (study.path / "site").symlink_to(outside)
    study.commit("A link")
    done = orglab("serve", "--export", "site", cwd=study.path)
    assert done.code == 4
    assert not list(outside.iterdir())


def test_an_export_starts_no_server(study):
    done = orglab("serve", "--export", "site", "--port", "80", cwd=study.path)
    assert done.code == 2
    assert "leave out --port" in done.err
