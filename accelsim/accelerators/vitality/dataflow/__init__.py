"""From layers to a program: dense layers as products, linear attention head by head."""
