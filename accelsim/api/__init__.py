"""What a script or a notebook calls: the names of `import accelsim`, thin over the rooms that do the work."""
