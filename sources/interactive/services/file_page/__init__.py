"""What the page of one file tells, one subject a module.

* :mod:`.facts` the catalogue's record, what the file is, near names
* :mod:`.used_by` the rules that contain it, as ranges
* :mod:`.activation` when files were in the latest context
* :mod:`.lineage` what came before and after it
* :mod:`.history` where a reference stood in all rules of its type, from their text
* :mod:`.patterns` the parameters that lead to a reference
* :mod:`.actions` what was done with it
* :mod:`.rule_text` the text of a rule, to look at
"""
