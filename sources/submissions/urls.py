"""Addresses of submissions; the client knows most of them by heart (contract 4)."""

from __future__ import annotations

from django.urls import path, re_path

from .models import Kind
from .views import description, difference, editor, lists, mails, results, submit, workflow

urlpatterns = [
    # Forms.
    path("certify/", submit.form_page, {"kind": Kind.CERTIFY}, name="certify"),
    path("batch_submit_references/", submit.form_page, {"kind": Kind.BATCH}, name="batch_submit"),
    path("submission_form/redcat_submit/", submit.form_page, {"kind": Kind.EXTENDED},
         name="extended_submit"),
    path("submission_form/redcat_description.yml", description.description,
         name="form_description"),
    path("submit/mapping/", submit.form_page, {"kind": Kind.MAPPINGS}, name="submit_mappings"),
    path("submit/reference/", submit.form_page, {"kind": Kind.REFERENCES},
         name="submit_references"),
    path("add_references/", submit.form_page, {"kind": Kind.ADD_REFERENCES},
         name="add_references"),
    path("delete_references/", submit.form_page, {"kind": Kind.DELETE_REFERENCES},
         name="delete_references"),
    # The rule editor.
    path("edit_rmap/", editor.choose, name="edit_rmap"),
    path("edit_rmap/<str:name>/", editor.edit, name="edit_rmap"),
    path("edit_rmap/<str:name>/preview/", editor.preview, name="edit_rmap_preview"),
    path("edit_rmap/<str:name>/edited/", editor.text, name="edit_rmap_text"),
    path("difference/", difference.difference, name="difference_files"),
    # Results.  Clients put the address together without a slash at its end.
    re_path(r"^display_result/(?P<results_id>[^/]+)/?$", results.display_result,
            name="display_result"),
    re_path(r"^submissions/(?P<results_id>[^/]+)/?$", results.alias),
    path("submit_confirm_pipeline/", results.decide, name="submit_confirm_pipeline"),
    # Lists.
    path("my_submissions/", lists.my_submissions, name="my_submissions"),
    path("submission_history/", lists.history, name="submission_history"),
    path("submission_history/<str:results_id>/", lists.detail, name="submission_detail"),
    path("mails/", mails.mails, name="mails"),
    path("workflow/", workflow.workflow, name="workflow"),
]
