"""The way of a digest: a file on the head node, mail, a webhook. What could not be sent is sent the next time."""

from __future__ import annotations

import getpass
import json
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from http import HTTPStatus
from pathlib import Path
from typing import Any

import urllib3

from sip_luigi.domain.errors import ConfigurationError, TransportError
from sip_luigi.settings.nightly import MailSettings, WebhookSettings


def send_mail(mail: MailSettings, subject: str, text: str, host: str) -> None:
    """Send a message to all recipients.

    Raises
    ------
    TransportError
        The server cannot be reached, or takes it for none or not all of them.
    ConfigurationError
        The password cannot be read, or the server refuses it.
    """
    message = EmailMessage()
    try:
        message["Subject"] = subject
        message["From"] = mail.sender or f"{getpass.getuser()}@{host}"
        message["To"] = ", ".join(mail.recipients.split())
    except ValueError as error:
        raise ConfigurationError(f"[mail] sender, recipients: {error}") from error
    message["Date"] = formatdate()
    message["Message-ID"] = make_msgid(domain=host)
    # Mail programs answer nothing that says of itself that no person wrote it.
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text)
    where = f"SMTP server {mail.host}:{mail.port}"
    try:
        with _server(mail) as server:
            refused = server.send_message(message)
    except smtplib.SMTPAuthenticationError as error:
        raise ConfigurationError(
            f"{where} refuses user {mail.user}: {_said(error)}; see [mail] user"
        ) from error
    except (smtplib.SMTPException, OSError) as error:
        raise TransportError(f"{where} did not take the digest: {_said(error)}; see [mail]") from error
    if refused:
        raise TransportError(f"{where} refuses the recipients {', '.join(refused)}; see [mail] recipients")


def post_json(webhook: WebhookSettings, value: dict[str, Any]) -> None:
    """Send a JSON object by POST.

    Raises
    ------
    TransportError
        It cannot be reached, or answers with anything but success.
    """
    url = first_line(webhook.url_file, "[webhook] url_file")
    body = json.dumps(value).encode()
    try:
        # A redirect would send it who knows where.
        answer = urllib3.request(
            "POST",
            url,
            body=body,
            headers={"Content-Type": "application/json"},
            timeout=webhook.timeout_s,
            retries=urllib3.Retry(connect=2, read=0, redirect=False),
            redirect=False,
        )
    except (urllib3.exceptions.HTTPError, ValueError) as error:
        # The message of the error holds the URL, which is a secret.
        kind = type(getattr(error, "reason", None) or error).__name__
        raise TransportError(f"the webhook of {webhook.url_file} could not be reached: {kind}") from None
    if not HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
        raise TransportError(f"the webhook of {webhook.url_file} answered {answer.status}")


def first_line(path: str, setting: str) -> str:
    """A secret that stands in a file."""
    try:
        return Path(path).read_text(encoding="utf-8").partition("\n")[0].strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{setting} = {path}: cannot be read: {error}") from error


@contextmanager
def _server(mail: MailSettings) -> Iterator[smtplib.SMTP]:
    context = ssl.create_default_context()
    if mail.security == "tls":
        server: smtplib.SMTP = smtplib.SMTP_SSL(mail.host, mail.port, timeout=mail.timeout_s, context=context)
    else:
        server = smtplib.SMTP(mail.host, mail.port, timeout=mail.timeout_s)
    with server:
        if mail.security == "starttls":
            server.starttls(context=context)
        if mail.user:
            password = first_line(mail.password_file, "[mail] password_file") if mail.password_file else ""
            server.login(mail.user, password)
        yield server


def _said(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        said = error.smtp_error
        return f"{error.smtp_code} {said.decode('utf-8', 'replace') if isinstance(said, bytes) else said}"
    return str(error) or type(error).__name__
