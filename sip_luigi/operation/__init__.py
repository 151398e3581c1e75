"""What an operator asks and does about an observation, around the pipeline: plan, status, logs, cancel, clear."""
