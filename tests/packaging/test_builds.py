"""What is built is what a user gets: sdist, wheel, a wheel from the sdist, an editable install."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import venv
import zipfile
from email.parser import HeaderParser
from pathlib import Path

import pytest

from sourdough_cli.scaffold import template_names

ROOT = Path(__file__).parents[2]
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
NAME = f"sourdough_runtime-{VERSION}"


def run(*words: str | Path, cwd: Path) -> str:
    """Run a command away from the checkout and its environment; return what it printed."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        words, cwd=cwd, env=env, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def build(source: Path, target: Path, *kinds: str) -> None:
    run(sys.executable, "-m", "build", "--no-isolation", *kinds, "-o", target, source, cwd=target)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A folder with the sdist and the wheel that was built from it."""
    folder = tmp_path_factory.mktemp("built")
    build(ROOT, folder)
    return folder


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel that was built from the tree itself."""
    folder = tmp_path_factory.mktemp("wheel")
    build(ROOT, folder, "--wheel")
    return folder / f"{NAME}-py3-none-any.whl"


class Environment:
    """A fresh virtual environment that sees the dependencies of this one, and not its Sourdough."""

    def __init__(self, folder: Path) -> None:
        venv.create(folder, with_pip=False)
        self.folder = folder
        self.python = folder / "bin" / "python"
        (site,) = folder.glob("lib/python*/site-packages")
        # A path file inside a folder that a path file names is not read: this environment's own
        # editable install stays out.
        (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")

    def install(self, *what: str | Path) -> None:
        pip = (sys.executable, "-m", "pip", "--python", self.python)
        offline = ("--no-index", "--no-deps", "--no-build-isolation", "--ignore-installed")
        run(*pip, "install", "-q", *offline, *what, cwd=self.folder)

    def __call__(self, *words: str | Path) -> str:
        """Run a command of the environment."""
        return run(self.python, *words, cwd=self.folder)


@pytest.fixture
def environment(tmp_path):
    return Environment(tmp_path / "environment")


def assert_works(environment: Environment) -> None:
    """The command, its templates and its checks work from where they are installed."""
    assert environment("-m", "sourdough_cli", "--version") == f"sourdough {VERSION}\n"
    command = environment.folder / "bin" / "sourdough"
    for template in template_names():
        run(command, "new", f"my-{template}", "--template", template, cwd=environment.folder)
        assert "is fine" in run(command, "check", cwd=environment.folder / f"my-{template}")


def imported_from(environment: Environment) -> list[Path]:
    program = (
        "import sourdough, sourdough_cli as c; print(sourdough.__file__, c.__file__, sep='\\n')"
    )
    return [Path(line) for line in environment("-c", program).splitlines()]


@pytest.mark.parametrize("origin", ["tree", "sdist"])
def test_a_wheel_works_when_installed(origin, built, wheel, environment):
    """`new`, `check` and the version come from the wheel alone, templates included."""
    environment.install(wheel if origin == "tree" else built / wheel.name)
    assert all(path.is_relative_to(environment.folder) for path in imported_from(environment))
    assert_works(environment)
    with pytest.raises(AssertionError, match="No module named 'runtime'"):
        environment("-c", "import runtime")


def test_both_wheels_hold_the_same_files(built, wheel):
    """The sdist lacks nothing that the wheel needs, and neither holds more than the packages."""
    from_tree, from_sdist = (
        zipfile.ZipFile(path).namelist() for path in (wheel, built / wheel.name)
    )
    assert sorted(from_tree) == sorted(from_sdist)
    tops = {name.partition("/")[0] for name in from_tree}
    assert tops == {"sourdough", "sourdough_cli", f"{NAME}.dist-info"}
    assert {"sourdough/py.typed", "sourdough_cli/py.typed"} <= set(from_tree)
    assert not [name for name in from_tree if "__pycache__" in name or ".sourdough/" in name]


def test_the_wheel_describes_itself(wheel):
    """The readme renders as Markdown; the command and the oldest Python are named."""
    with zipfile.ZipFile(wheel) as archive:
        metadata = HeaderParser().parsestr(archive.read(f"{NAME}.dist-info/METADATA").decode())
        entries = archive.read(f"{NAME}.dist-info/entry_points.txt").decode()
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata.get_payload().strip() == (ROOT / "README.md").read_text().strip()
    assert "sourdough = sourdough_cli.main:run" in entries


def test_the_sdist_holds_what_work_on_it_needs(built):
    """Tests, documents, the example and the script of CI travel with the source."""
    with tarfile.open(built / f"{NAME}.tar.gz") as archive:
        names = {name.removeprefix(f"{NAME}/") for name in archive.getnames()}
    assert {
        ".ci/run",
        "CHANGELOG.md",
        "README.md",
        "docs/architecture.md",
        "docs/cli.md",
        "pyproject.toml",
        "sourdough.toml.example",
        "templates/chat/page/chat.html",
        "templates/counter/sourdough.toml",
        "tests/conftest.py",
        "tests/packaging/test_builds.py",
    } <= names
    assert not [name for name in names if "__pycache__" in name or "_cache/" in name]


def test_an_editable_install_runs_the_tree(environment):
    """What is changed in the checkout is what runs; `runtime` is a folder, not a package."""
    environment.install("-e", ROOT)
    assert imported_from(environment) == [
        ROOT / "runtime" / "sourdough" / "__init__.py",
        ROOT / "sourdough_cli" / "__init__.py",
    ]
    assert_works(environment)
