"""The programs that the pipeline runs: frozen options to argument lists, and what they print to figures.

Nothing here starts a process or touches data.
"""
