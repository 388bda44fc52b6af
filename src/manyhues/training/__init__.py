"""Networks, losses and the training loop: everything that needs PyTorch (extra ``train``)."""
