"""What the tests of the GIMP filter share. LIBCOLORIZE_PLUG_IN is the path of the program."""

import os
from pathlib import Path

import pytest
from display import Display
from gimp import Gimp
from server import Server


@pytest.fixture(scope="session")
def plug_in():
    return Path(os.environ["LIBCOLORIZE_PLUG_IN"])


@pytest.fixture(scope="session")
def console(tmp_path_factory, plug_in):
    """GIMP without windows, started anew for each command."""
    return Gimp(tmp_path_factory.mktemp("console"), plug_in)


@pytest.fixture(scope="session")
def host(tmp_path_factory, plug_in):
    """GIMP without windows, which stays for all tests."""
    with Server(Gimp(tmp_path_factory.mktemp("host"), plug_in)) as host:
        yield host


@pytest.fixture(scope="session")
def display(tmp_path_factory, plug_in):
    """GIMP with windows."""
    with Display(Gimp(tmp_path_factory.mktemp("display"), plug_in)) as display:
        yield display
