"""Makers of small drawn copies of every dataset, each in its genuine layout: `<dataset>.make`."""
