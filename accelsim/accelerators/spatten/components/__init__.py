"""Hardware that only SpAtten has."""
