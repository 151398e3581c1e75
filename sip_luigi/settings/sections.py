"""The sections that are not the options of one program."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from sip_luigi.domain.errors import ConfigurationError
from sip_luigi.domain.judgement import changed_limits
from sip_luigi.domain.setting import Section, setting
from sip_luigi.domain.stations import Limits


@dataclass(frozen=True)
class Layout(Section):
    """Where things lie."""

    section: ClassVar[str] = "layout"

    job_directory: str = setting(
        "", "Job directory of an observation; empty: <runtime_directory>/jobs/<obs_id>", science=False
    )
    raw_pattern: str = setting(
        "{obs_id}_SAP*_SB*_uv.MS", "Names of the raw MeasurementSets on the storage disks", science=False
    )
    working_directory: str = setting(
        "sip", "Directory below the first local disk of a compute node where products are made", science=False
    )
    copy_mode: str = setting(
        "link",
        "Raw data that already lie on the compute node: 'link' reads them in place, 'copy' makes a copy",
        choices=("link", "copy"),
        science=False,
    )


@dataclass(frozen=True)
class Cluster(Section):
    """The machines and how work is run on them."""

    section: ClassVar[str] = "cluster"

    clusterdesc: str = setting("", "Cluster description; empty: this machine alone", science=False)
    execution: str = setting(
        "local",
        "How nodes are reached: 'local', all of them are this machine; 'ssh', by their names",
        choices=("local", "ssh"),
        science=False,
    )
    ssh_config: str = setting(
        "", "OpenSSH client configuration for reaching nodes; empty: ~/.ssh/config", science=False
    )
    node_ssh_config: str = setting(
        "",
        "The same on the nodes, for copying between them; empty: that of their user",
        science=False,
    )
    ssh_cipher: str = setting(
        "aes128-gcm@openssh.com",
        "Cipher of copies between nodes; this one is fast with AES instructions; empty: that of OpenSSH",
        science=False,
    )
    node_python: str = setting(
        "", "Python on the nodes that has sip_luigi; empty: the path of this one", science=False
    )
    imaging_node: str = setting(
        "", "Compute node that images the band; empty: the first one that takes work", science=False
    )
    cores: int = setting(
        0, "Cores of a compute node that are used; 0: all it has", low=0, high=4096, science=False
    )
    disk_streams: int = setting(
        2, "Copies that a node writes at the same time", low=1, high=64, science=False
    )
    retries: int = setting(2, "How often a stage that failed is tried again", low=0, high=20, science=False)
    retry_delay_s: float = setting(
        5.0, "Pause before a retry, doubled each time", unit="s", low=0, science=False
    )
    lease_s: float = setting(
        300.0,
        "A job that nobody has watched for so long ends itself",
        unit="s",
        low=2,
        high=86400,
        science=False,
    )
    outage_s: float = setting(
        300.0,
        "A node that has not answered for so long counts as gone and its work moves elsewhere; at least lease_s, "
        "so that what still runs there has ended",
        unit="s",
        low=0,
        high=86400,
        science=False,
    )
    connect_timeout_s: float = setting(
        15.0, "Longest wait for a connection to a node", unit="s", low=0.1, high=600, science=False
    )
    answer_timeout_s: float = setting(
        60.0,
        "Longest wait for an answer of a node before it is asked again",
        unit="s",
        low=0.5,
        science=False,
    )
    poll_s: float = setting(
        2.0, "Longest pause between two looks at a running job", unit="s", low=0.01, high=60, science=False
    )
    time_limit_s: float = setting(0.0, "Time limit of a stage; 0: none", unit="s", low=0, science=False)
    stage_time_limits_s: str = setting(
        "", "Time limits of single stages, as in: preprocess=3600 image_band=36000", unit="s", science=False
    )
    min_free_mb: float = setting(
        100.0, "Room that a disk must have before a product is begun", unit="MB", low=0, science=False
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.poll_s > self.lease_s / 3:
            raise ConfigurationError(
                f"[cluster] poll_s = {self.poll_s:g}: expected at most a third of lease_s, {self.lease_s / 3:g} s"
            )
        if self.execution == "ssh" and self.outage_s < self.lease_s:
            raise ConfigurationError(
                f"[cluster] outage_s = {self.outage_s:g}: expected at least lease_s, {self.lease_s:g} s"
            )
        self.limit_of("")

    def limit_of(self, stage: str) -> float:
        """Time limit of a stage in s, 0 for none."""
        limits: dict[str, float] = {}
        for item in self.stage_time_limits_s.replace(",", " ").split():
            name, _, value = item.partition("=")
            try:
                limits[name] = float(value)
            except ValueError:
                given = self.stage_time_limits_s
                raise ConfigurationError(
                    f"[cluster] stage_time_limits_s = {given}: expected stage=seconds, found {item!r}"
                ) from None
        return limits.get(stage, self.time_limit_s)


@dataclass(frozen=True)
class SchedulerServer(Section):
    """The central scheduler that ``sip scheduler`` starts."""

    section: ClassVar[str] = "scheduler_server"

    address: str = setting(
        "127.0.0.1",
        "Address that it listens on; it knows no passwords: leave it on loopback and come by a tunnel",
        science=False,
    )
    port: int = setting(8082, "Port that it listens on", low=1, high=65535, science=False)
    directory: str = setting(
        "",
        "Directory of its state, lock and log, on a local disk; empty: <runtime_directory>/scheduler",
        science=False,
    )
    save_interval_s: float = setting(
        30.0,
        "Shortest time between two savings of its state; what happened since is lost if it is killed",
        unit="s",
        low=0.1,
        high=86400,
        science=False,
    )
    history_url: str = setting(
        "",
        "Database of the task history, as in sqlite:////data/sip/history.db; empty: none is kept",
        science=False,
    )
    serve_jobs: bool = setting(
        True, "Show logs, results and parsets of all jobs beside the visualiser", science=False
    )


@dataclass(frozen=True)
class Pipeline(Section):
    """The graph as a whole."""

    section: ClassVar[str] = "pipeline"

    cycles: int = setting(
        1,
        "Most times that calibration, imaging and source finding are gone through; also ImagingPipeline --cycles N",
        low=1,
        high=20,
    )
    min_improvement: float = setting(
        0.02,
        "Cycles end when noise, dynamic range and number of sources all improve by a smaller fraction than this",
        low=0,
        high=1,
    )
    max_worsening: float = setting(
        0.02,
        "A cycle whose noise or dynamic range is worse by a larger fraction is rejected: the results come from the "
        "one before",
        low=0,
        high=1,
    )
    image_subbands: bool = setting(False, "Make an image of each subband too", science=False)
    min_subband_fraction: float = setting(
        0.5,
        "Fraction of the subbands that must survive; below it the observation is abandoned",
        low=0,
        high=1,
    )
    max_gap_fraction: float = setting(
        0.5, "Widest gap that lost subbands may leave, as a fraction of the band", low=0, high=1
    )

    own_stages: str = setting(
        "",
        "Python files with stages of one's own and what they take, separated by spaces; empty: none",
        science=False,
    )

    @property
    def repeats(self) -> bool:
        """Whether there is more than one cycle, of which one turns out to be the best."""
        return self.cycles > 1


@dataclass(frozen=True)
class Stations(Section):
    """Find stations that are bad in all subbands and flag them before calibration."""

    section: ClassVar[str] = "stations"

    enabled: bool = setting(
        True, "Judge the stations by all subbands together; calibration then begins when all are preprocessed"
    )
    dead_below: float = setting(
        0.5,
        "A station with less of the median amplitude is dead; good ones of L102085 have 0.62 and more",
        low=0,
        high=1,
    )
    noisy_above: float = setting(
        2.0, "A station with more of the median amplitude, or difference of narrow channels, is noisy", low=1
    )
    cross_noisy_above: float = setting(
        1.5,
        "The same of the amplitude of XY and YX, in which there is little sky; good ones of L102085 have up to 1.28",
        low=1,
    )
    min_subband_fraction: float = setting(
        0.5,
        "Part of the subbands in which it must be so; what is bad in fewer is flagged there alone",
        low=0,
        high=1,
    )
    max_bad_time_fraction: float = setting(
        0.5,
        "A station that is bad for longer than this part of the time is flagged altogether",
        low=0,
        high=1,
    )
    max_bad_station_fraction: float = setting(
        0.5, "Where more of the stations would go, none does: then it is not the stations", low=0, high=1
    )

    @property
    def limits(self) -> Limits:
        """When a station is bad."""
        return Limits(
            self.dead_below,
            self.noisy_above,
            self.cross_noisy_above,
            self.min_subband_fraction,
            self.max_bad_time_fraction,
        )


@dataclass(frozen=True)
class SkyModelUpdate(Section):
    """How detections update the sky model."""

    section: ClassVar[str] = "sky_model"

    association_radius_beams: float = setting(
        0.5, "Largest distance of a detection from the source it is taken for", unit="beams", low=0.05, high=5
    )
    default_spectral_index: float = setting(
        -0.8, "Spectral index of sources that the model did not know (Scaife & Heald 2012)", low=-3, high=3
    )


@dataclass(frozen=True)
class Quality(Section):
    """What is judged, and against what."""

    section: ClassVar[str] = "quality"

    reference_catalogue: str = setting(
        "", "FITS table with RA and DEC in degrees and a flux column in Jy; empty: none"
    )
    reference_flux_column: str = setting("", "Its flux column; empty: the first of the usual names")
    strict: bool = setting(
        False,
        "A degraded outcome or a poor verdict ends with a non-zero exit status; also ImagingPipeline --strict",
        science=False,
    )
    min_reference_snr: float = setting(
        7.0, "Signal to noise that a source must be expected to have for being looked for and compared", low=1
    )
    limits: str = setting(
        "",
        "Limits in the place of those of docs/quality.md, figure=poor_below:good_from:good_to:poor_above, as in: "
        "flagged_fraction=::0.4:0.8 n_sources=1:5::",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        changed_limits(self.limits)
