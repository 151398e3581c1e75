"""Reaching nodes: connections, jobs, the node index and Luigi targets."""
