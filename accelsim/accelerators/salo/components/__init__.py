"""Hardware that only this machine has."""
