"""The sections of what runs every night and of how it tells about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from sip_luigi.domain.errors import ConfigurationError
from sip_luigi.domain.setting import Section, setting


@dataclass(frozen=True)
class NightlySettings(Section):
    """What ``sip nightly`` takes on, and when it gives up."""

    section: ClassVar[str] = "nightly"

    directory: str = setting(
        "", "Directory of its lock, state and digests; empty: <runtime_directory>/nightly", science=False
    )
    observations: str = setting(
        "*",
        "Observation ids that are taken, as patterns with blanks between them: L10* L2?????",
        science=False,
    )
    max_observations: int = setting(
        10, "Most observations in one night, those tried again included", low=1, high=10000, science=False
    )
    parallel: int = setting(2, "Observations processed at the same time", low=1, high=64, science=False)
    workers: int = setting(
        8, "Jobs of one observation watched at a time: luigi --workers", low=1, high=10000, science=False
    )
    window_s: float = setting(
        28800.0, "No observation is begun later than so long after the start", unit="s", low=0, science=False
    )
    time_limit_s: float = setting(
        86400.0, "An observation that takes longer is ended and has failed", unit="s", low=1, science=False
    )
    settle_s: float = setting(
        1800.0,
        "Raw data with a file that was changed within so long are still being written",
        unit="s",
        low=0,
        science=False,
    )
    look_pause_s: float = setting(
        30.0,
        "Pause between the two looks at new raw data, at which their sizes have to be the same",
        unit="s",
        low=0,
        high=3600,
        science=False,
    )
    expected_subbands: int = setting(
        0, "Subbands that an observation has when it is complete; 0: not known", low=0, science=False
    )
    expected_file: str = setting(
        "",
        "The same by observation: a file with lines <obs_id> <number of subbands>; empty: none",
        science=False,
    )
    overdue_s: float = setting(
        86400.0,
        "An observation that has waited for its other subbands for longer is told of once",
        unit="s",
        low=0,
        science=False,
    )
    attempts: int = setting(
        3, "How often an observation is tried, whatever it fails on", low=1, high=100, science=False
    )
    bug_attempts: int = setting(
        2,
        "The same where a program or the pipeline itself failed, which time alone seldom mends",
        low=1,
        high=100,
        science=False,
    )
    retry_pause_s: float = setting(
        300.0,
        "Pause before the second attempt in the same night, where a node or the scheduler was away",
        unit="s",
        low=0,
        high=86400,
        science=False,
    )
    quarantine_after: int = setting(
        3,
        "A compute node that fails in so many observations one after the other is put in quarantine; 0: never",
        low=0,
        high=1000,
        science=False,
    )
    full_fraction: float = setting(
        0.9, "A disk that is fuller than this part of it is told of", low=0, high=1, science=False
    )
    min_free_mb: float = setting(
        1000.0,
        "Room that [DEFAULT] runtime_directory must have, or nothing is begun",
        unit="MB",
        low=0,
        science=False,
    )
    start_scheduler: bool = setting(
        True,
        "Start the central scheduler of [scheduler_server] where it does not run; not of [core] default_scheduler_url",
        science=False,
    )


@dataclass(frozen=True)
class MailSettings(Section):
    """The digest of a night by mail."""

    section: ClassVar[str] = "mail"

    recipients: str = setting("", "Addresses with blanks between them; empty: no mail is sent", science=False)
    sender: str = setting("", "Address of the sender; empty: <user>@<host>", science=False)
    host: str = setting("localhost", "SMTP server", science=False)
    port: int = setting(25, "Its port", low=1, high=65535, science=False)
    security: str = setting(
        "none",
        "'none'; 'starttls', or 'tls' from the first byte: the certificate of the server is verified",
        choices=("none", "starttls", "tls"),
        science=False,
    )
    user: str = setting(
        "", "User to log in as, over an encrypted connection only; empty: no login", science=False
    )
    password_file: str = setting("", "File with the password in its first line", science=False)
    timeout_s: float = setting(
        30.0, "Longest wait for the server", unit="s", low=0.1, high=600, science=False
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.user and self.security == "none":
            raise ConfigurationError(
                f"[mail] security = none: expected 'starttls' or 'tls' with user = {self.user}: the password would be "
                "sent in the clear"
            )


@dataclass(frozen=True)
class WebhookSettings(Section):
    """The digest of a night as JSON, sent by POST."""

    section: ClassVar[str] = "webhook"

    url_file: str = setting(
        "",
        "File with the URL in its first line: whoever knows it may post; empty: nothing is sent",
        science=False,
    )
    timeout_s: float = setting(
        30.0, "Longest wait for the answer", unit="s", low=0.1, high=600, science=False
    )
