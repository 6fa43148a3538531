"""Comparing what a document says with what is true."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def markdown():
    """The module beside this file: tests directories are no packages."""
    spec = importlib.util.spec_from_file_location(
        "markdown", Path(__file__).with_name("markdown.py")
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
