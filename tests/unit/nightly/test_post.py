"""Digests on their way: a real mail server, a real web server, and what happens while they are away."""

import json

import pytest

from sip_luigi.domain.errors import ConfigurationError, TransportError
from sip_luigi.nightly.digest import Digest, Entry
from sip_luigi.nightly.outbox import KEPT, Outbox
from sip_luigi.nightly.post import post_json, send_mail
from sip_luigi.selftest.scheduler import free_port
from sip_luigi.settings.nightly import MailSettings, WebhookSettings


def digest(ended="2026-11-25T23:00:00+00:00"):
    made = Digest("lfe001", "2026-11-25T20:00:00+00:00", ended)
    made.done.append(Entry("L1", "good"))
    return made


def test_both_ways(site, mailbox, hook, tmp_path):
    mail, messages = mailbox
    url_file, posted, _ = hook
    outbox = Outbox(tmp_path / "digests", site(mail=mail, webhook={"url_file": url_file}))
    assert outbox.send(digest()) == []
    [message] = messages
    assert message["Subject"] == "sip nightly on lfe001: 1 done"
    assert message["To"] == "a@example.org, b@example.org"
    assert message["Auto-Submitted"] == "auto-generated"
    assert "  L1: good" in message.get_payload()
    [value] = posted
    assert value["done"][0]["obs_id"] == "L1"
    assert value["text"] == digest().text()
    assert outbox.send_again() == []
    assert (len(messages), len(posted)) == (1, 1)


def test_what_could_not_be_sent_is_sent_the_next_time(site, mailbox, hook, tmp_path):
    mail, messages = mailbox
    url_file, posted, status = hook
    away = site(mail={**mail, "port": free_port(), "timeout_s": 1}, webhook={"url_file": url_file})
    status[0] = 500
    problems = Outbox(tmp_path / "digests", away).send(digest())
    assert len(problems) == 2
    assert "did not take the digest" in problems[0]
    assert problems[1] == f"the webhook of {url_file} answered 500"
    status[0] = 200
    outbox = Outbox(tmp_path / "digests", site(mail=mail, webhook={"url_file": url_file}))
    assert outbox.send(digest("2026-11-26T23:00:00+00:00")) == []
    assert [message.get_payload().splitlines()[1][-25:] for message in messages] == [
        "2026-11-25T23:00:00+00:00",
        "2026-11-26T23:00:00+00:00",
    ]
    assert len(posted) == 3, "once refused, then both"


def test_the_url_is_a_secret(site, hook, tmp_path):
    url_file = tmp_path / "url2"
    url_file.write_text(f"http://127.0.0.1:{free_port()}/secret-token")
    with pytest.raises(TransportError) as found:
        post_json(WebhookSettings(url_file=str(url_file), timeout_s=1), {})
    assert "secret-token" not in str(found.value)
    assert found.value.__cause__ is None
    url_file.write_text("no url\x00")
    with pytest.raises(TransportError):
        post_json(WebhookSettings(url_file=str(url_file)), {})


def test_no_password_in_the_clear(mailbox):
    with pytest.raises(ConfigurationError, match="in the clear"):
        MailSettings(user="operator")
    mail, messages = mailbox
    with pytest.raises(TransportError, match="did not take"):
        send_mail(MailSettings(**mail, security="starttls"), "s", "t", "h")
    assert not messages


def test_a_header_cannot_be_slipped_in(mailbox):
    mail, messages = mailbox
    with pytest.raises(ConfigurationError, match="sender, recipients"):
        send_mail(MailSettings(**{**mail, "sender": "a@b\nBcc: c@d"}), "s", "t", "h")
    assert not messages


def test_a_folder_that_cannot_be_written(site, mailbox, tmp_path):
    mail, messages = mailbox
    (tmp_path / "file").write_text("")
    [problem] = Outbox(tmp_path / "file" / "digests", site(mail=mail)).send(digest())
    assert "cannot be kept" in problem
    assert len(messages) == 1, "it is sent all the same"


def test_old_digests_go(site, tmp_path):
    folder = tmp_path / "digests"
    folder.mkdir()
    for number in range(KEPT + 5):
        (folder / f"2020-01-01T{number:06d}Z.json").write_text(json.dumps({}))
    Outbox(folder, site()).send(digest())
    names = sorted(path.name for path in folder.iterdir())
    assert len(names) == KEPT
    assert names[-1].startswith("2026-11-25T230000")
