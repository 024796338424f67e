"""``maskviz check``: findings of several networks as text, JSON or SARIF, with exit codes and a baseline for continuous integration."""
