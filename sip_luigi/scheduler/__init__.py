"""The central scheduler for production: Luigi's own, fast with many pending tasks, and with a state that lasts."""
