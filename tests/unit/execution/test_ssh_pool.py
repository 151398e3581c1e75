"""The shared connection, with connections that are none."""

import threading

import pytest

from sip_luigi.domain.errors import TransportError
from sip_luigi.execution.ssh_connection import Deadline
from sip_luigi.execution.ssh_pool import Pool


class FakeLink:
    def __init__(self):
        self.users, self.alive = 0, True

    def close(self):
        self.alive = False


@pytest.fixture
def made():
    return []


@pytest.fixture
def pool(made):
    def connect(deadline):
        made.append(FakeLink())
        return made[-1]

    return Pool("node", connect, 2)


def use(pool, error=None):
    with pool.link(Deadline(0.2)):
        if error:
            raise error


def test_one_connection_for_all(pool, made):
    with pool.link(Deadline(1)) as one, pool.link(Deadline(1)) as two:
        assert one is two
    use(pool)
    assert len(made) == 1
    assert made[0].alive


def test_a_dead_one_is_replaced(pool, made):
    use(pool)
    made[0].alive = False
    use(pool)
    assert len(made) == 2


def test_a_failed_one_takes_no_more_and_is_closed_by_the_last(pool, made):
    with pool.link(Deadline(1)) as link:
        with pytest.raises(TransportError):
            use(pool, TransportError("no answer"))
        assert link.alive
        with pool.link(Deadline(1)) as other:
            assert other is not link
    assert [link.alive for link in made] == [False, True]


def test_an_error_of_the_caller_is_not_one_of_the_connection(pool, made):
    with pytest.raises(KeyError):
        use(pool, KeyError("x"))
    use(pool)
    assert len(made) == 1


def test_no_turn_in_time(pool):
    expected = pytest.raises(TransportError, match=r"node: all sessions are in use, for 0\.2 s")
    with pool.link(Deadline(1)), pool.link(Deadline(1)), expected:
        use(pool)
    use(pool)


def test_a_connect_that_takes_long(made):
    gate = threading.Event()

    def connect(deadline):
        gate.wait(5)
        return FakeLink()

    pool = Pool("node", connect, 2)
    first = threading.Thread(target=use, args=(pool,))
    first.start()
    with pytest.raises(TransportError, match="node: a connection is still being tried"):
        use(pool)
    gate.set()
    first.join()
    use(pool)


def test_a_connect_that_fails_keeps_nothing(made):
    def connect(deadline):
        raise TransportError("refused")

    pool = Pool("node", connect, 1)
    for _ in range(3):
        with pytest.raises(TransportError, match="refused"):
            use(pool)


def test_closing(pool, made):
    pool.close()
    use(pool)
    pool.close()
    assert not made[0].alive
    use(pool)
    assert len(made) == 2
