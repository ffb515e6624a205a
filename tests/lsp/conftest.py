"""A repository with a log, and clients of `orglab lsp`."""

import pytest

from lab import NAME
from lsp_client import LOG, Client


@pytest.fixture
def study(repo):
    """A repository with a log and code."""
    repo.commit("[e201] begun", {NAME: LOG, "train.py": "lr = 0  # [e201.2] and [e202]\n", ".gitignore": "x\n"})
    return repo.path


@pytest.fixture
def start(study):
    """Return a function that starts a server of the test's own; all of them are ended after it."""
    clients = []

    def start_client(*options, folder=study, **more):
        client = Client(folder, *options, **more)
        clients.append(client)
        return client

    yield start_client
    for client in clients:
        if client.process.poll() is None:
            client.process.kill()
            client.process.communicate()


@pytest.fixture(scope="session")
def shared_client(tmp_path_factory):
    """A server that many tests ask, each about a repository of its own: starting it takes longer than they do."""
    client = Client(tmp_path_factory.mktemp("elsewhere"))
    yield client
    code, err = client.close()
    assert (code, "Traceback" in err) == (0, False), err


@pytest.fixture
def client(shared_client, study):
    """A client of the server that the tests share, in a repository with a log."""
    shared_client.folder = study
    yield shared_client
    shared_client.close_files()
