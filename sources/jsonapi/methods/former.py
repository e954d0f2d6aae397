"""Methods that clients of former years called and that nothing replaces.

They are known by name so that such a client is told to update, rather than
that it misspelled something.
"""

from __future__ import annotations

from jsonapi.errors import MethodNotFound
from jsonapi.registry import rpc


def _gone(name: str, instead: str):
    def method(request, *parameters):
        raise MethodNotFound(
            f"'{name}' was a method of CRDS clients of former years. {instead}"
            " Update the client: pip install --upgrade crds")

    method.__name__ = name
    method.__module__ = __name__
    method.__doc__ = f"Gone. {instead}"
    return rpc(method)


_DOWNLOAD = "Files are downloaded from the addresses that get_server_info gives."

get_mapping_data = _gone("get_mapping_data", _DOWNLOAD)
get_reference_data = _gone("get_reference_data", _DOWNLOAD)
get_file_chunk = _gone("get_file_chunk", _DOWNLOAD)
get_submission_info = _gone("get_submission_info", "Files are uploaded by the web site's protocol.")
get_info_map = _gone("get_info_map", "It is called get_file_info_map now.")
push_context = _gone("push_context", "It is called push_remote_context now.")
jpoll_cancel = _gone("jpoll_cancel", "It is called jpoll_abort now.")
get_best_refs = _gone("get_best_refs", "It is called get_best_references now.")
