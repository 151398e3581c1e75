"""One program answers many questions, as separate processes would."""

import io
import json
import os
import subprocess
import sys
import threading
import time

import pytest

from sip_luigi.domain.errors import BadData, ProgramError
from sip_luigi.node.__main__ import function
from sip_luigi.node.serve import EXIT_FAILED, IN_PROCESS, answer_to, serve

PIPES = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}


def line(number, command, **request):
    return json.dumps({"id": number, "command": command, "request": request}).encode() + b"\n"


@pytest.fixture
def started():
    """Start a program that serves; what is given is the text of the function behind every command."""
    running = []

    def start(body=""):
        text = "import time\nfrom sip_luigi.node import serve\n" + body + "serve.main(lambda name: command)\n"
        argv = ("-c", text) if body else ("-m", "sip_luigi.node", "serve")
        running.append(subprocess.Popen((sys.executable, *argv), **PIPES))
        return running[-1]

    yield start
    for process in running:
        with process:
            process.kill()


def test_answers_until_nobody_asks(started, tmp_path):
    process = started()
    for number, disk in ((3, str(tmp_path)), (4, str(tmp_path / "none"))):
        process.stdin.write(line(number, "look", disks=[disk]))
        process.stdin.flush()
        answer = json.loads(process.stdout.readline())
        assert (answer["id"], answer["status"], answer["said"]) == (number, 0, "")
        assert answer["answer"]["disks"][disk]["there"] == (number == 3)
    process.stdin.close()
    assert process.wait(10) == 0


def test_what_a_command_prints_is_no_answer(started):
    process = started(
        "import os\n"
        "def command(request):\n"
        "    print('noise', flush=True)\n"
        "    os.write(1, b'more noise')\n"
        "    return request\n"
    )
    process.stdin.write(line(1, "look", a="ü"))
    process.stdin.flush()
    assert json.loads(process.stdout.readline())["answer"] == {"a": "ü"}
    out, err = process.communicate(timeout=10)
    assert out == b""
    assert b"noise" in err
    assert b"more noise" in err


def test_does_not_outlive_its_questions(started):
    process = started("def command(request):\n    time.sleep(60)\n")
    process.stdin.write(line(1, "poll"))
    began = time.monotonic()
    process.stdin.close()
    assert process.wait(10) == 0
    assert time.monotonic() - began < 10


def test_a_sign_of_life_while_a_question_is_open(started):
    process = started("def command(request):\n    time.sleep(1.6)\n    return request\n")
    process.stdin.write(line(1, "look"))
    process.stdin.flush()
    assert json.loads(process.stdout.readline()) == {"busy": 1}
    assert json.loads(process.stdout.readline())["id"] == 1


def test_all_that_a_fork_may_need_is_imported_before_the_first_question():
    found = []
    serve(found.append, io.BytesIO(), io.BytesIO())
    assert set(found) == set(IN_PROCESS)


def test_a_slow_answer_holds_up_no_other():
    asking, questions = os.pipe()
    answers, answering = os.pipe()
    gate = threading.Event()
    commands = {"poll": lambda request: {"waited": gate.wait(10)}, "look": lambda request: request}
    with os.fdopen(asking, "rb") as source, os.fdopen(answering, "wb") as sink:
        server = threading.Thread(target=serve, args=(commands.get, source, sink))
        server.start()
        with os.fdopen(questions, "wb") as ask, os.fdopen(answers, "rb") as hear:
            ask.write(line(1, "poll") + line(2, "look", a=1))
            ask.flush()
            assert json.loads(hear.readline()) == {"id": 2, "status": 0, "answer": {"a": 1}, "said": ""}
            gate.set()
            assert json.loads(hear.readline())["answer"] == {"waited": True}
        server.join(10)


def test_answers_of_many_threads_do_not_mix():
    class Slow(io.BytesIO):
        def write(self, data):
            for number in range(0, len(data), 1000):
                super().write(data[number : number + 1000])
                time.sleep(0.001)
            return len(data)

    answers, text = Slow(), "x" * 5000
    questions = io.BytesIO(b"".join(line(number, "look", text=text) for number in range(8)))
    serve(lambda name: lambda request: request, questions, answers)
    deadline = time.monotonic() + 10
    while answers.getvalue().count(b"\n") < 8:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    found = [json.loads(entry) for entry in answers.getvalue().splitlines()]
    assert sorted(entry["id"] for entry in found) == list(range(8))
    assert {entry["answer"]["text"] for entry in found} == {text}


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (BadData("no rows"), 65, "no rows"),
        (ProgramError("it failed"), 70, "ProgramError: it failed"),
        (OSError(28, "No space left on device"), 70, "OSError: [Errno 28] No space left on device"),
        (KeyError("directory"), 70, "KeyError: 'directory'"),
    ],
)
def test_errors_have_the_status_of_the_command(error, status, message):
    def fail(request):
        raise error

    assert answer_to(lambda name: fail, "look", {}) == (status, {"error": message}, "")


def test_a_command_that_loads_casacore_is_a_process_of_its_own(tmp_path, monkeypatch):
    request = {"source": str(tmp_path / "none"), "destination": str(tmp_path / "x"), "origin": "lse001:/x"}
    status, answer, _ = answer_to(function, "copy", request)
    assert status == 65
    assert "MeasurementSet is gone" in answer["error"]
    program = tmp_path / "python"
    for text, expected in (
        ('cat; echo "$@" at $PWD >&2', (0, {"a": 1}, "-m sip_luigi.node copy at /\n")),
        ('echo 1234567890 >&2; echo \'{"error": "x"}\'; exit 70', (70, {"error": "x"}, "1234567890\n")),
        ("echo hello; echo why >&2; exit 3", (3, {"error": "no answer"}, "why\n")),
        ("exit 0", (70, {"error": "no answer"}, "")),
    ):
        program.write_text(f"#!/bin/sh\n{text}\n")
        program.chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(program))
        assert answer_to(function, "copy", {"a": 1}) == expected
    program.write_text("#!/bin/sh\nkill -9 $$\n")
    assert answer_to(function, "copy", {})[0] < 0, "a signal"


def test_whatever_goes_wrong_is_answered():
    answers = io.BytesIO()
    question = {"id": 1, "command": "look", "request": {"products": 5}}
    serve(function, io.BytesIO(json.dumps(question).encode()), answers)
    deadline = time.monotonic() + 5
    while not answers.getvalue() and time.monotonic() < deadline:
        time.sleep(0.01)
    answer = json.loads(answers.getvalue())
    assert answer["status"] == EXIT_FAILED
    assert "TypeError" in answer["answer"]["error"]
