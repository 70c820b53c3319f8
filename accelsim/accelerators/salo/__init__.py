"""SALO (Shen et al., DAC 2022): windows of keys on a diagonal array, with global tokens."""
