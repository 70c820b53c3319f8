"""ITA: the open Integer Transformer Accelerator (Islamoglu et al., ISLPED 2023), dense, with softmax on integers."""
