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
    """Return a function that starts a server; all of them are ended after the test."""
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


@pytest.fixture
def client(start):
    return start()
