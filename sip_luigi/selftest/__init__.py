"""Run the whole pipeline on a simulated observation and hold the results against the truth."""
