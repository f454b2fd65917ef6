"""A run's folder to the report that a person reads: tables, pictures, a page."""
