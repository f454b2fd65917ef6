"""The tables and pictures of a published study, its figures beside ours."""
