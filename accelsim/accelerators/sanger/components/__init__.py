"""Hardware that only Sanger has."""
