"""The stages: one file each, and the chain that says their order."""
