"""The acting mirror: scripts of wanted emotions, and how a face follows them."""
