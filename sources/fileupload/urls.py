"""Addresses below ``/upload/``; none yet."""

app_name = "fileupload"
urlpatterns: list = []
