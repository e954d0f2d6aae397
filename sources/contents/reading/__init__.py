"""Readers, one for each format: from a path to a description and pictures.

They are called in the process of a job.  None runs anything that a file contains, and each
says in ``faults`` what is wrong with a file and goes on with what can be read.
"""
