"""What the weights compute: graphs, scenes, priors."""
