"""`orglab.org` on its own: its public names, and that it needs nothing else of orglab."""

import subprocess
import sys

import pytest

import orglab.org


@pytest.mark.parametrize("name", orglab.org.__all__)
def test_a_public_name_is_there(name):
    assert getattr(orglab.org, name).__name__ == name


def test_another_name_is_not():
    with pytest.raises(AttributeError, match="has no attribute 'Experiment'"):
        orglab.org.Experiment  # noqa: B018 - what is tested


def test_it_imports_nothing_of_the_rest():
    program = (
        "import pkgutil, sys, importlib, orglab.org\n"
        "first = [name for name in sys.modules if name.startswith('orglab.')]\n"
        "for module in pkgutil.iter_modules(orglab.org.__path__):\n"
        "    importlib.import_module(f'orglab.org.{module.name}')\n"
        "for name in orglab.org.__all__:\n"
        "    getattr(orglab.org, name)\n"
        "print(*first, '|', *(name for name in sys.modules\n"
        "      if name.startswith('orglab.') and not name.startswith('orglab.org')))\n"
        "print(*(name for name in ('click', 'wcwidth') if name in sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "orglab.org | orglab.errors\n\n"
