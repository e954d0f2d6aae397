"""Files that people bring before submitting them.

``services`` has one module for each subject: ``drafts`` (upload areas and their folders),
``incoming`` (what lies in them), ``receiving`` (bytes on their way), ``placing`` (a whole file
takes its place), ``taking`` (copies for submissions, removal of what was published),
``removing``, ``space`` (quota, full disks) and ``names``.
"""
