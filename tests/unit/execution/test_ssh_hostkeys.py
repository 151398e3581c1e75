"""Known hosts, without a server."""

import base64

import pytest

from sip_luigi.domain.errors import ConfigurationError, HostKeyError
from sip_luigi.execution.ssh_config import Address, Hop
from sip_luigi.execution.ssh_hostkeys import fingerprint, forget_commands, known_keys, scan_command, verify

# What github.com has published.
KEY = "AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
BLOB = base64.b64decode(KEY)
PRINT = "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU"
OTHER = base64.b64encode(BLOB[:-1] + b"x").decode()


@pytest.fixture
def hop(tmp_path):
    def make(*lines, **more):
        (tmp_path / "known").write_text("\n".join(lines))
        more = {"key_name": "node", "known_hosts": (str(tmp_path / "none"), str(tmp_path / "known")), **more}
        return Hop(**{"name": "node", "host": "node", "port": 22, "user": "u", **more})

    return make


def test_fingerprint():
    assert fingerprint(BLOB) == PRINT


@pytest.mark.parametrize(
    "patterns", ["node", "NODE", "other,node", "n*", "n?de", "*,!other", "|1|{salt}|{digest}"]
)
def test_who_is_known(hop, patterns):
    import hmac

    salt = b"s" * 20
    patterns = patterns.format(
        salt=base64.b64encode(salt).decode(),
        digest=base64.b64encode(hmac.digest(salt, b"node", "sha1")).decode(),
    )
    verify(
        hop("# comment", "", "nonsense", f"{patterns}   ssh-ed25519\t{KEY} some comment"), "ssh-ed25519", BLOB
    )


@pytest.mark.parametrize(
    "line",
    [
        "",
        f"nodes ssh-ed25519 {KEY}",
        f"[node]:22 ssh-ed25519 {KEY}",
        f"*,!node ssh-ed25519 {KEY}",
        f"@cert-authority node ssh-ed25519 {KEY}",
        f"n[o]de ssh-ed25519 {KEY}",
        "node ssh-ed25519 !!",
        "node ssh-ed25519",
        "|1|!!|!! ssh-ed25519 x",
        "|1|x ssh-ed25519 x",
    ],
)
def test_who_is_not(hop, line):
    with pytest.raises(HostKeyError) as caught:
        verify(hop(line), "ssh-ed25519", BLOB)
    assert f"node shows the host key ssh-ed25519 {PRINT}, which is not in" in str(caught.value)
    assert isinstance(caught.value, ConfigurationError)
    assert caught.value.exit_code == 35


def test_one_of_several_keys_is_enough(hop):
    verify(hop(f"node ssh-ed25519 {OTHER}", f"node ssh-ed25519 {KEY}"), "ssh-ed25519", BLOB)


@pytest.mark.parametrize("kind", ["ssh-ed25519", "ssh-rsa"])
def test_a_changed_key(hop, kind):
    target = hop(f"node {kind} {OTHER}")
    with pytest.raises(HostKeyError) as caught:
        verify(target, "ssh-ed25519", BLOB)
    for part in ("HAS CHANGED", PRINT, f"{kind} SHA256:", f"{target.known_hosts[1]}:1"):
        assert part in str(caught.value)
    assert "".join(forget_commands(target, known_keys("node", target.known_hosts))) in str(caught.value)


def test_a_revoked_key(hop):
    with pytest.raises(HostKeyError, match="revoked") as caught:
        verify(hop(f"@revoked * ssh-ed25519 {KEY}", f"node ssh-ed25519 {KEY}"), "ssh-ed25519", BLOB)
    assert "ssh-keyscan" not in str(caught.value)


def test_a_file_that_cannot_be_read(hop, tmp_path):
    with pytest.raises(HostKeyError, match="cannot be read"):
        verify(hop(known_hosts=(str(tmp_path),)), "ssh-ed25519", BLOB)


def test_commands(hop):
    near = hop(known_hosts=("/k nown",), key_name="[node]:7", port=7)
    assert scan_command(near, "ssh-rsa") == "ssh-keyscan -p 7 -t rsa node >> '/k nown'"
    assert scan_command(near, "ecdsa-sha2-nistp256").startswith("ssh-keyscan -p 7 -t ecdsa ")
    assert forget_commands(near, ()) == []
    alias = hop(known_hosts=("/k",), key_name="alias")
    assert scan_command(alias, "ssh-ed25519").endswith(" node | sed 's|^[^ ]*|alias|' >> /k")
    far = hop(known_hosts=("/k",), via=(Address("a"), Address("b", "u", 9)), config="/c")
    scan = "'ssh-keyscan -p 22 -t ed25519 node'"
    assert scan_command(far, "ssh-ed25519") == f"ssh -F /c -J a ssh://u@b:9 {scan} >> /k"
