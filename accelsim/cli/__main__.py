"""`python -m accelsim.cli`, where the command is not on the path."""

from accelsim.cli import main

main()
