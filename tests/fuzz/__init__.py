"""A fuzzer of the command line: damaged files of every kind and odd values, in processes with limits.

`python -m tests.fuzz --cases 3000` is the long form; test_fuzz.py runs a part of it that is the same every time.
"""
