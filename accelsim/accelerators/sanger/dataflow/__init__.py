"""From layers to a program for Sanger."""
