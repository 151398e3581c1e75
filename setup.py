"""Installation. Direct dependencies are pinned here, with why each is there; the rest in constraints.txt."""

from setuptools import find_packages, setup

setup(
    name="sip_luigi",
    version="0.1.0",
    description="The LOFAR Standard Imaging Pipeline as a Luigi task graph",
    packages=find_packages(include=("sip_luigi", "sip_luigi.*")),
    package_data={"sip_luigi": ["py.typed", "report/templates/*", "database/migrations/*.mako"]},
    python_requires=">=3.11",
    install_requires=[
        "luigi==3.8.1",  # the task graph, its central scheduler and visualiser
        "paramiko==5.1.0",  # SSH: many commands over one connection to each node
        "urllib3==2.8.0",  # calls to luigid over connections that stay open; requests brings it along
        "tenacity==9.2.1",  # connects tried again with back-off and jitter; luigi brings it along
        "python-casacore==3.8.1",  # MeasurementSets, measures and their tables
        "dp3==6.6.0",  # DP3 with AOFlagger and Dysco: flag, average, calibrate
        "everybeam==0.9.1",  # LOFAR station beam in the image plane
        "bdsf==1.14.1",  # PyBDSF: source finding
        "lofarantpos==0.8",  # LOFAR station and antenna positions, for simulated observations
        "astropy==8.0.2",  # FITS, WCS, tables, sky coordinates
        "numpy==2.4.6",  # arrays
        "scipy==1.17.1",  # interpolation
        "h5py==3.16.0",  # h5parm solutions
        "matplotlib==3.11.2",  # pictures of the report
        "jinja2==3.1.6",  # the report page, with escaping
        "sortedcontainers==2.4.0",  # ready tasks of the scheduler in order of rank
        "prometheus-client==0.26.0",  # its figures for Prometheus
        "click==8.5.1",  # the sip command
        "rich==15.0.0",  # tables on the terminal
        "sqlalchemy==2.1.9",  # the sky-model and provenance database, SQLite or PostgreSQL
        "alembic==1.20.1",  # changes of its tables
        "astropy-healpix==2.0.1",  # pixels of the sky as an index
        "lsmtool==1.9.0",  # sky models grouped into patches
    ],
    extras_require={
        "postgresql": ["psycopg[binary]==3.3.9"],  # the driver of PostgreSQL
        "deploy": [
            "fabric==3.2.3"
        ],  # commands on the nodes by SSH; on the machine that the nodes are installed from
        "dev": [
            "fabric==3.2.3",
            "aiosmtpd==1.4.6",  # a mail server that receives the digest of a night
            "pytest==9.2.0",
            "pytest-timeout==2.4.0",  # a hanging test fails instead of blocking
            "pytest-xdist==3.8.0",  # both cores
            "psycopg[binary]==3.3.9",  # the same tests on PostgreSQL
            "axe-core-python==0.1.0",  # axe.min.js, which finds what keeps people from reading a page
            "hypothesis==6.170.15",  # round trips and hostile input
            "mypy==2.4.1",
            "ruff==0.17.6",
            "sphinx==9.0.4",  # the documentation
            "myst-parser==5.2.0",  # pages in Markdown, readable without being built
            "furo==2025.12.19",  # its look: narrow screens, dark, search without a server
            "sphinx-click==6.2.0",  # every command and option from the code
        ],
    },
    entry_points={"console_scripts": ["sip = sip_luigi.cli:main"]},
)
