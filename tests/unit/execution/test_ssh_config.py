"""What an ssh configuration says, without a server."""

import getpass

import pytest

from sip_luigi.domain.errors import ConfigurationError
from sip_luigi.execution.ssh_config import Address, expand_includes, find_route, parse_jumps


@pytest.fixture
def route(tmp_path, monkeypatch):
    """Read a configuration; the home directory is empty."""
    monkeypatch.setenv("HOME", str(tmp_path))

    def read(text, node="node"):
        (tmp_path / "config").write_text(text)
        return find_route(node, str(tmp_path / "config"))

    return read


def names(hops):
    return [hop.name for hop in hops]


def test_without_a_configuration(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (hop,) = find_route("lse007")
    assert (hop.host, hop.port, hop.user, hop.key_name) == ("lse007", 22, getpass.getuser(), "lse007")
    assert hop.known_hosts[0] == f"{tmp_path}/.ssh/known_hosts"
    assert "/etc/ssh/ssh_known_hosts" in hop.known_hosts
    assert (hop.identity_files, hop.identities_only, hop.connect_timeout_s, hop.via) == ((), False, None, ())


def test_the_users_own_is_the_default(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / "config").write_text("Host lse*\n  User lofarsys\n")
    assert find_route("lse007")[0].user == "lofarsys"


def test_options(route, tmp_path):
    (hop,) = route(
        "Host node\n HostName Lse007.cep2\n Port 2222\n User lofarsys\n IdentityFile ~/a\n IdentityFile /b/%r c\n"
        ' IdentitiesOnly yes\n UserKnownHostsFile ~/k "/d e/%h-%p-%n-%%"\n GlobalKnownHostsFile none\n'
        " ConnectTimeout 7\n"
    )
    assert (hop.host, hop.port, hop.user, hop.connect_timeout_s) == ("Lse007.cep2", 2222, "lofarsys", 7.0)
    assert hop.key_name == "[lse007.cep2]:2222"
    assert hop.identity_files == (f"{tmp_path}/a", "/b/lofarsys c")
    assert hop.known_hosts == (f"{tmp_path}/k", "/d e/Lse007.cep2-2222-node-%")
    assert hop.identities_only
    assert hop.config == str(tmp_path / "config")
    assert str(hop) == "lofarsys@Lse007.cep2:2222"


def test_an_alias_has_no_port(route):
    assert route("Host *\n Port 2222\n HostKeyAlias The-Node\n")[0].key_name == "the-node"


@pytest.mark.parametrize(
    ("text", "jumps"),
    [
        (None, ()),
        ("none", ()),
        ("a", (Address("a"),)),
        (
            "u@a:22, ssh://b:7/,[::1]:9",
            (Address("a", "u", 22), Address("b", None, 7), Address("::1", None, 9)),
        ),
    ],
)
def test_jumps(text, jumps):
    assert parse_jumps(text) == jumps


@pytest.mark.parametrize("text", ["a,,b", "a:b", "a:99999", "u@", "[::1", ","])
def test_what_is_no_jump(text):
    with pytest.raises(ValueError, match="ProxyJump: expected"):
        parse_jumps(text)


@pytest.mark.parametrize("text", ["u@a", "ssh://u@a:22", "ssh://[::1]:9"])
def test_addresses_as_ssh_takes_them(text):
    assert str(parse_jumps(text)[0]) == text


def test_jump_hosts_have_options_of_their_own(route):
    hops = route(
        "Host node\n ProxyJump me@gate:23\nHost gate\n HostName gate.org\n User no\n ProxyJump outer\n"
    )
    assert names(hops) == ["outer", "gate", "node"]
    assert str(hops[1]) == "me@gate.org:23"
    assert hops[2].via == (Address("gate", "me", 23),)


def test_a_chain_overrides_what_its_members_say(route):
    hops = route("Host node\n ProxyJump a,b\nHost b\n ProxyJump c\nHost a\n ProxyJump d\n")
    assert names(hops) == ["d", "a", "b", "node"]


def test_a_jump_host_does_not_jump_through_itself(route):
    assert names(route("Host *\n ProxyJump gate\n")) == ["gate", "node"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "Host node\n ProxyJump a\nHost a\n ProxyJump b\nHost b\n ProxyJump a\n",
            "circle: node -> a -> b -> a",
        ),
        ("Host *\n Port ssh\n", "port: expected a number, found 'ssh'"),
        ("Host *\n Port 70000\n", "port: expected a number"),
        ("Host *\n ConnectTimeout -1\n", "connecttimeout: expected a number"),
        ("Host *\n ProxyCommand nc %h %p\n", "ProxyCommand is not supported"),
        ("Host *\n ProxyJump ;id\n ;\n", ": "),
        ('Host "a\n', "Unparsable host"),
        ('Host *\n UserKnownHostsFile "a\n', "No closing quotation"),
    ],
)
def test_what_is_refused(route, tmp_path, text, message):
    with pytest.raises(ConfigurationError) as caught:
        route(text)
    assert str(tmp_path / "config") in str(caught.value)
    assert message in str(caught.value)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ConfigurationError, match="absent"):
        find_route("node", str(tmp_path / "absent"))


def test_includes(route, tmp_path):
    (tmp_path / ".ssh" / "d").mkdir(parents=True)
    (tmp_path / ".ssh" / "d" / "1").write_text("Host other\n User wrong\n")
    (tmp_path / ".ssh" / "d" / "2").write_text("Host node\n Include=d/sub\n Port 7\n")
    (tmp_path / ".ssh" / "d" / "sub").write_text("HostName real\nHost third\n Port 8\n")
    (hop,) = route("Include d/[12] absent\nUser right\nHost *\n Port 9\n")
    assert str(hop) == "right@real:7"


def test_includes_without_end(tmp_path):
    (tmp_path / "a").write_text("Include a\n")
    with pytest.raises(ValueError, match="too deeply"):
        expand_includes("Include a", tmp_path)
