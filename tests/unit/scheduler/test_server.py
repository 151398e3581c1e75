"""What stands between the server and the network."""

import socket
from dataclasses import replace

import pytest

from sip_luigi.domain.errors import ConfigurationError
from sip_luigi.scheduler import server
from sip_luigi.settings import load_settings

# Tornado forgets to close the socket that it could not bind.
leaves_a_socket = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")


@pytest.fixture
def settings(configured, tmp_path):
    loaded = load_settings()

    def make(**chosen):
        section = replace(loaded.scheduler_server, **chosen)
        return replace(loaded, runtime_directory=tmp_path, scheduler_server=section)

    return make


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.5", "::1", "localhost"])
def test_loopback_is_nothing_to_warn_of(settings, caplog, address):
    server._warn_of_strangers(settings(address=address))
    assert not caplog.records


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "10.0.0.1", "head"])  # noqa: S104
def test_anything_else_is(settings, caplog, address):
    server._warn_of_strangers(settings(address=address, port=8090))
    assert f"address = {address}: whoever reaches port 8090 can stop runs" in caplog.text


@leaves_a_socket
def test_a_port_that_is_taken(settings):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(ConfigurationError, match=rf"port = {port}: another program listens there"):
            server.serve(settings(port=port))


@leaves_a_socket
def test_an_address_that_is_not_ours(settings):
    with pytest.raises(ConfigurationError, match=r"address = 203\.0\.113\.1, port = 8082: .*assign"):
        server.serve(settings(address="203.0.113.1"))
