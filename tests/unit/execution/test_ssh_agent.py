"""The program on a node that answers, over the real protocol: a paramiko server on a socket pair, real programs."""

import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import paramiko
import pytest

from sip_luigi.domain.errors import ProgramError, TransportError
from sip_luigi.execution.ssh_agent import Agent
from sip_luigi.execution.ssh_connection import ConnectionLost, Link
from sip_luigi.execution.ssh_pool import Pool

MAX_CHANNELS = 3
HOST_KEY = paramiko.ECDSAKey.generate()
# Answers every question in a thread of its own; a question may say how.
PROGRAM = """
import json, os, sys, threading, time
def answer(question):
    request = question["request"]
    for _ in range(request.get("beats", 0)):
        with lock:
            os.write(1, b'{"busy": 1}\\n')
        time.sleep(0.5)
    time.sleep(request.get("sleep_s", 0))
    sys.stderr.write(request.get("stderr", "")); sys.stderr.flush()
    if "exit" in request:
        os._exit(request["exit"])
    line = json.dumps({"id": question["id"], "status": request.get("status", 0), "said": "",
                       "answer": {"command": question["command"], "pid": os.getpid(), **request}}) + "\\n"
    with lock:
        os.write(1, (request.get("before", "") + line).encode())
lock = threading.Lock()
print("Welcome to lce001!\\n[]\\n7\\n{}", flush=True)
for line in sys.stdin:
    threading.Thread(target=answer, args=(json.loads(line),), daemon=True).start()
"""


class Server(paramiko.ServerInterface):
    """Lets anybody in and runs whatever is asked for."""

    def __init__(self):
        self.processes, self.frozen = [], threading.Event()

    def check_auth_none(self, username):
        return paramiko.AUTH_SUCCESSFUL

    def check_channel_request(self, kind, chanid):
        return paramiko.OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel, command):
        threading.Thread(target=self._run, args=(channel, command), daemon=True).start()
        return True

    def _run(self, channel, command):
        # What has been asked has been let in: paramiko says so only after it has called us.
        first = channel.recv(1 << 15)
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        process = subprocess.Popen(("/bin/sh", "-c", command), bufsize=0, **pipes)
        self.processes.append(process)
        threading.Thread(target=self._hear, args=(channel, process), daemon=True).start()
        self._feed(channel, process, first)

    def _feed(self, channel, process, piece):
        with suppress(OSError):
            while piece:
                if not self.frozen.is_set():
                    process.stdin.write(piece)
                piece = channel.recv(1 << 15)
        with suppress(OSError):
            process.stdin.close()

    def _hear(self, channel, process):
        errors = threading.Thread(target=self._pass_on, args=(process.stderr, channel.sendall_stderr))
        errors.start()
        self._pass_on(process.stdout, channel.sendall)
        errors.join()
        status = process.wait()
        with suppress(OSError, EOFError, paramiko.SSHException):
            channel.send_exit_status(status % 256)
            channel.close()

    @staticmethod
    def _pass_on(stream, send):
        with suppress(OSError), stream:
            while piece := stream.read(1 << 15):
                send(piece)


class Node:
    """A server, and an agent that asks a program there."""

    def __init__(self, *argv):
        self.server, self.links, self.sockets = Server(), [], []
        self.pool = Pool("lce001", self._connect, MAX_CHANNELS)
        self.agent = Agent("lce001", self.pool, argv or (sys.executable, "-S", "-c", PROGRAM))

    def ask(self, command="look", timeout_s=10.0, **request):
        return self.agent.ask(command, request, timeout_s)

    def pid(self):
        return self.ask()[1]["pid"]

    def _connect(self, deadline):
        here, there = socket.socketpair()
        self.sockets += [here, there]
        transport = paramiko.Transport(there)
        transport.add_server_key(HOST_KEY)
        transport.start_server(event=threading.Event(), server=self.server)
        link = Link("lce001")
        self.links.append((link, transport))
        link.extend(here).start_client(timeout=10)
        link.transport.auth_none("anybody")
        return link

    def close(self):
        self.agent.close()
        for link, transport in self.links:
            link.close()
            transport.close()
        for end in self.sockets:
            end.close()
        for process in self.server.processes:
            process.kill()
            process.wait()


@pytest.fixture
def started():
    nodes = []

    def start(*argv):
        nodes.append(Node(*argv))
        return nodes[-1]

    yield start
    for node in nodes:
        node.close()


@pytest.fixture
def node(started):
    return started()


def test_one_program_answers_all(node):
    first = node.ask("look", a="b\nü")
    assert first == (0, {"command": "look", "a": "b\nü", "pid": first[1]["pid"]}, "")
    assert node.ask("poll", status=65)[0] == 65
    assert node.pid() == first[1]["pid"]
    assert len(node.server.processes) == len(node.links) == 1


def test_everybody_gets_the_own_answer(node):
    with ThreadPoolExecutor(12) as pool:
        requests = [{"number": number, "sleep_s": (11 - number) * 0.01} for number in range(12)]
        found = list(pool.map(lambda request: node.ask(**request)[1]["number"], requests))
    assert found == list(range(12))
    assert len(node.server.processes) == 1


def test_a_question_longer_than_a_packet(node):
    text = "x" * 300_000
    assert node.ask(text=text)[1]["text"] == text


def test_lines_that_are_no_answers_are_passed_over(node):
    noise = '\n{"id": 99}\n{"id": []}\nnull\n{"id": 1\n"'
    assert node.ask(before=noise + "\n")[1]["before"].startswith(noise)


def test_a_program_that_ends_says_why(node):
    with pytest.raises(ProgramError, match=r"lce001: look: no answer, exit status 3: a . no tables"):
        node.ask(stderr="a\nno tables\n", exit=3)
    assert len(node.links) == 1


def test_a_program_that_cannot_be_started(started):
    node = started("/no/such/python")
    with pytest.raises(ProgramError, match=r"exit status 127: .*/no/such/python"):
        node.ask()


def test_the_next_question_starts_it_anew(node):
    # More often than there are sessions: each is given back.
    for _ in range(MAX_CHANNELS + 1):
        before = node.pid()
        with pytest.raises(ProgramError):
            node.ask(exit=1)
        assert node.pid() != before
    assert len(node.links) == 1, "on the same connection"


def test_all_who_wait_are_told_of_its_end(node):
    node.pid()
    with ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(node.ask, sleep_s=60) for _ in range(3)]
        with pytest.raises(ProgramError):
            node.ask(sleep_s=0.1, exit=1)
        for question in waiting:
            with pytest.raises(ProgramError, match="exit status 1"):
                question.result(5)


def test_a_connection_that_is_lost(node):
    node.pid()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(node.ask, sleep_s=60)
        time.sleep(0.1)
        node.links[0][1].close()
        with pytest.raises(ConnectionLost, match="lce001: look: connection lost while it ran") as caught:
            waiting.result(5)
    assert caught.value.started
    node.pid()
    assert len(node.links) == 2


def test_closing_ends_the_program_and_wakes_who_waits(node):
    node.pid()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(node.ask, sleep_s=60)
        time.sleep(0.1)
        node.agent.close()
        with pytest.raises(TransportError):
            waiting.result(5)
    assert node.server.processes[0].wait(5) == 0, "nobody asks any more"
    node.agent.close()
    node.pid()


def test_a_slow_command_takes_nobody_along(node, monkeypatch):
    monkeypatch.setattr("sip_luigi.execution.ssh_agent.PATIENCE", 1.5)
    before = node.pid()
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(node.ask, timeout_s=2.0, beats=100)
        time.sleep(0.2)
        assert node.pid() == before
        with pytest.raises(TransportError, match=r"lce001: look: no answer for 3\.\d s"):
            slow.result(10)
    assert node.pid() == before, "the program is alive"
    assert node.links[0][0].alive


def test_a_node_that_says_it_is_busy_is_given_more_time(node):
    status, answer, _ = node.ask(timeout_s=2.0, beats=6, number=7)
    assert (status, answer["number"]) == (0, 7)


def test_a_node_that_says_nothing_at_all_is_cut_off(node):
    before = node.pid()
    node.server.frozen.set()
    with pytest.raises(TransportError, match=r"no answer for \d\.\d s"):
        node.ask(timeout_s=0.3)
    assert not node.links[0][0].alive
    node.server.frozen.clear()
    assert node.pid() != before
    assert len(node.links) == 2


def test_an_answer_that_comes_too_late_is_nobody_elses(node):
    node.pid()
    with pytest.raises(TransportError):
        node.ask("poll", timeout_s=0.2, sleep_s=0.4, number=1)
    # The node has said something meanwhile, or it would be cut off.
    time.sleep(0.4)
    assert node.ask(number=2)[1]["number"] == 2


def test_a_connect_that_takes_long():
    gate = threading.Event()

    def connect(deadline):
        gate.wait(5)
        raise TransportError("lce001: refused")

    agent = Agent("lce001", Pool("lce001", connect, 4), ("true",))
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(agent.ask, "look", {}, 5.0)
        time.sleep(0.05)
        with pytest.raises(TransportError, match=r"lce001: a connection is still being tried, for 0\.2 s"):
            agent.ask("look", {}, 0.2)
        gate.set()
        with pytest.raises(TransportError, match="refused"):
            first.result(5)
        with pytest.raises(TransportError, match="refused"):
            agent.ask("look", {}, 0.2)
