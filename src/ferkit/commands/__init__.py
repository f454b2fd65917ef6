"""The words after `ferkit`, a module each: config to objects to one call."""
