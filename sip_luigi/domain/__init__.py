"""What the pipeline is about, as pure data and functions: no files, no processes, no nodes."""
