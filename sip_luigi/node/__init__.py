"""What runs on a node, called as ``python -m sip_luigi.node COMMAND`` with JSON in and JSON out.

``look``, ``job`` and ``publish`` need the standard library alone and start in milliseconds; the modules
that import casacore, EveryBeam or PyBDSF are loaded only for the commands that need them.
"""
