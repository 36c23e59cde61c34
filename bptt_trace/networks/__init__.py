"""Networks: cells, the forward pass, losses, optimizers, clipping."""
