"""Changes of rule files: made, explained, and brought together.

All functions work on explicit paths and texts: no database, no catalogue.  They use parts of
the client library that keep state of the process, so call them in a job, after
:func:`rules.environment.prepare`.

.. code-block:: text

   change          what the functions return: Change, Finding
   rule_text       one rule file as data: header and entries, and back to its text
   insertion       references into an rmap, and the trial of it
   deletion        references out of rmaps
   adding          references of the catalogue into rmaps of another branch
   contexts        imaps and a pmap around new rules
   mapping_sets    uploaded rules: order, names, parents, unknown files
   merging         two changes of one rule: whether they touch, and both together
   steps           edits by hand: rows and match cases added, replaced, moved, deleted
   impact          for which match cases and dates another reference is selected
   texts           text differences
"""
