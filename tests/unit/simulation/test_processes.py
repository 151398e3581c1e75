import os
import sys
import time

import pytest

from sip_luigi.domain.errors import DiskFull, ProgramError
from sip_luigi.simulation.environment import child_environment, python_module
from sip_luigi.simulation.processes import run_together


def python(code):
    return (sys.executable, "-c", code)


def test_lines_of_all_commands(tmp_path):
    lines = []
    run_together([python(f"print({n}); print('x')") for n in range(3)], os.environ, tmp_path, lines.append)
    assert sorted(lines) == ["0", "1", "2", "x", "x", "x"]


def test_nothing_to_run(tmp_path):
    run_together([], {}, tmp_path, lambda _: None)


def test_failure_ends_the_others_and_shows_the_last_words(tmp_path):
    commands = [python("import time; time.sleep(60)"), python("import sys; sys.exit('out of luck')")]
    started = time.monotonic()
    with pytest.raises(ProgramError, match=r"exit status 1(.|\n)*out of luck"):
        run_together(commands, os.environ, tmp_path, lambda _: None)
    assert time.monotonic() - started < 20


def test_full_disk_is_told_apart(tmp_path):
    with pytest.raises(DiskFull):
        run_together([python("raise OSError(28, 'No space left on device')")], os.environ, tmp_path, print)


def test_failing_listener_ends_the_commands(tmp_path):
    def listener(_line):
        raise RuntimeError("deaf")

    with pytest.raises(RuntimeError, match="deaf"):
        run_together(
            [python("print(1, flush=True); import time; time.sleep(60)")], os.environ, tmp_path, listener
        )


def test_environment_finds_the_package(tmp_path):
    environment = child_environment(tmp_path)
    assert environment["OPENBLAS_NUM_THREADS"] == "1"
    assert "measures.directory" in (tmp_path / "casarc").read_text()
    lines = []
    code = "import sip_luigi.simulation.sky as s; print(s.__name__)"
    run_together([python(code)], environment, tmp_path, lines.append)
    assert lines == ["sip_luigi.simulation.sky"]
    assert python_module("a.b", "c")[1:] == ("-m", "a.b", "c")
