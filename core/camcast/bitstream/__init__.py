"""Bits and NAL units, without I/O and without any codec's names: what NAL-based codec plugins are built on."""
