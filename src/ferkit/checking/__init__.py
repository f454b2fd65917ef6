"""What `ferkit data check` finds in a dataset, and its page."""
