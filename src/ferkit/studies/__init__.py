"""The tables and pictures of a published study, its metrics beside ours."""
