"""Files that a user brings before submitting them.

Here belong: the list of a user's ingest folder (``/upload/list/``), uploads in
pieces (``/upload/chunked/``, with ``Content-Range``), removal, and uploads that
resume after a cut.  The folder of a user is ``ingest/<user>`` of the instance;
bytes are checked and go into the file cache only when a submission takes them.

Nothing of that exists yet: :mod:`fileupload.urls` is empty and there are no models.
"""
