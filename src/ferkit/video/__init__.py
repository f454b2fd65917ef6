"""Faces followed through videos, cameras and streams: tracks, smoothing, tables, copies."""
